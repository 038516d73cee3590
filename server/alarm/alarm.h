/* SPDX-License-Identifier: Apache-2.0 */
/* alarm.h - alarms of a running server: looks at what the rules watch, opens and closes events, and
 * sees to it that every receiver is told of each once. Runs on the thread that owns the ledger's
 * writer, between its transactions. */
#ifndef SERVER_ALARM_ALARM_H
#define SERVER_ALARM_ALARM_H

#include "server/alarm/notice.h"
#include "server/alarm/rule.h"
#include "server/config/config.h"
#include "server/factors/factors.h"
#include "server/ledger/ledger.h"

struct alarm;

/* What only others know. Called on the same thread. */
struct alarm_sources {
	bool (*is_broker_connected)(void *arg);
	/* The i-th database; false: there are no more. trouble: "" while it works. */
	bool (*database)(size_t i, const char **name, bool *is_up, char trouble[256], void *arg);
	void *arg;
};

struct alarm_options {
	const struct server_config *config; /* borrowed, as the others */
	const struct alarm_rules *rules;
	const struct factors *factors;
	struct alarm_sources sources;
};

/* Starts a thread for each receiver. */
int alarm_open(struct alarm **out, const struct alarm_options *options, struct ledger *ledger,
	       struct registry *registry, struct err *err);
void alarm_close(struct alarm *alarm); /* NULL is allowed */
/* Takes its own reference. Does nothing without an alarm. */
void alarm_set_registry(struct alarm *alarm, struct registry *registry);
/* A bounded piece of work. more: something is left. */
int alarm_run(struct alarm *alarm, bool *more, struct err *err);

/* Appends Prometheus text. From any thread; NULL is allowed. */
void alarm_write_metrics(struct alarm *alarm, struct buf *out);

#endif
