/* SPDX-License-Identifier: Apache-2.0 */
/* ingest.h - the thread that owns the ledger's writer: takes messages from a bounded mailbox,
 * commits many at once, and between commits does other work on the ledger. */
#ifndef SERVER_INGEST_H
#define SERVER_INGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "server/ingest/keeper.h"

/* Other work on the ledger, all on the ingest thread (open: on the caller's, before it starts).
 * Any function may be NULL. */
struct ingest_hooks {
	int (*open)(struct ledger *ledger, struct registry *registry, void *arg, struct err *err);
	int (*set_registry)(struct registry *registry, void *arg, struct err *err);
	/* A bounded piece of work, between transactions. more: something is left. */
	int (*run)(bool *more, void *arg, struct err *err);
	void (*close)(void *arg);
	void *arg;
};

struct ingest_options {
	struct keeper_options keeper;
	struct ingest_hooks hooks;
	size_t mailbox_bytes; /* payloads waiting; beyond it messages are dropped */
};

struct ingest_counters {
	struct keeper_counters keeper;
	int64_t messages, messages_dropped; /* dropped: the mailbox was full */
	int64_t mailbox_bytes, mailbox_messages;
	int64_t rounds; /* of the thread's loop: it lives */
	int64_t hook_failures;
	bool is_failing; /* the last commit failed */
	char trouble[256];
};

struct ingest;

int ingest_start(struct ingest **out, const struct ingest_options *options,
		 struct registry *registry, struct err *err);
/* Commits what was taken and ends the thread; deliveries are refused from now on. */
void ingest_stop(struct ingest *ingest);
void ingest_destroy(struct ingest *ingest); /* after ingest_stop; NULL is allowed */

/* From any thread, also a callback: copies and returns. False: dropped (the agent sends again). */
bool ingest_deliver(struct ingest *ingest, const char *topic, const void *payload, size_t len);
/* From any thread; holds the registry. Takes effect soon. */
void ingest_set_registry(struct ingest *ingest, struct registry *registry);
/* From any thread. */
void ingest_get_counters(struct ingest *ingest, struct ingest_counters *out);
size_t ingest_count_tsdb(const struct ingest *ingest);
struct tsdb *ingest_tsdb(const struct ingest *ingest, size_t i); /* for tsdb_get_state, tsdb_name */

#endif
