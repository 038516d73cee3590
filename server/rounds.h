/* SPDX-License-Identifier: Apache-2.0 */
/* rounds.h - what the ingest thread does between batches: days are derived, indicators restated,
 * old readings reduced, alarms raised, a rival server written down. */
#ifndef SERVER_ROUNDS_H
#define SERVER_ROUNDS_H

#include <stdatomic.h>

#include "common/buf.h"
#include "server/alarm/alarm.h"
#include "server/figures/restate.h"
#include "server/ingest/ingest.h"
#include "server/ingest/receiver.h"
#include "server/ingest/rival.h"
#include "server/rollup/derive.h"

struct rounds {
	/* Borrowed, set before ingest_start. */
	const struct server_config *config;
	const struct factors *factors;
	const struct alarm_rules *rules;
	struct receiver *receiver;
	_Atomic(struct ingest *) ingest; /* set once it has started: alarms ask for its databases */
	/* The rounds' own. */
	struct ledger *ledger;
	char identity[17]; /* the ledger's, in hexadecimal; known when ingest_start returns */
	struct derive *derive;
	struct restate *restate;
	struct alarm *alarm;           /* its metrics are for any thread */
	struct derive_reduced reduced; /* since it was last told */
	struct rival_noted rival;
	int64_t looked_ms; /* for events of lower servers that are over; monotonic */
};

/* Appends Prometheus text; from any thread, once the ingest has started. */
void rounds_write_metrics(const struct rounds *rounds, struct buf *out);

struct ingest_hooks rounds_hooks(struct rounds *rounds);

#endif
