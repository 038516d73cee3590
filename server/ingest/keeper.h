/* SPDX-License-Identifier: Apache-2.0 */
/* keeper.h - from payloads to committed readings, acks and series: the work of the thread that
 * owns the ledger's writer. No thread of its own, no network but what the databases' threads do. */
#ifndef SERVER_KEEPER_H
#define SERVER_KEEPER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "server/config/config.h"
#include "server/ingest/agents.h"
#include "server/ledger/ledger.h"
#include "server/registry/registry.h"
#include "server/tsdb/tsdb.h"

struct keeper_options {
	const char *ledger_path;
	const char *const *regions; /* codes served, each with all below it; borrowed */
	size_t n_regions;           /* 0: all */
	int64_t dead_letters_max;
	const struct server_tsdb_config *tsdb; /* borrowed */
	size_t n_tsdb;
	int64_t tsdb_memory_bytes;
	tsdb_source_fn source; /* derived series; may be NULL */
	void *source_arg;
	agents_publish_fn publish;
	void *publish_arg;
};

enum { KEEPER_REASONS = 24 };
struct keeper_reason {
	const char *name;
	int64_t lines;
};

/* Counted since the start. */
struct keeper_counters {
	int64_t batches, batches_again, batches_ahead, batches_invalid, batches_refused;
	int64_t batches_held; /* until their agents have sent what a restored server lost */
	int64_t foreign;      /* messages of regions that are not served */
	int64_t lines, readings, faults, infos, gaps;
	int64_t values_added, values_repeated, values_conflicting;
	int64_t commits, failed_commits, acks;
	int64_t commit_us_last, commit_us_sum; /* from begin to the end of fsync */
	int64_t batches_waiting; /* committed, but not yet durable in every database */
	int64_t agents, two_agents, batches_lost;
	int64_t replaying;                        /* dead letters are being looked at again */
	struct keeper_reason bad[KEEPER_REASONS]; /* lines in the dead letters */
	size_t n_bad;
};

struct keeper;

int keeper_open(struct keeper **out, const struct keeper_options *options,
		struct registry *registry, struct err *err);
/* Starts the databases' threads. Before it, the tables that the source of derived series reads must
 * be there. */
int keeper_start(struct keeper *keeper, struct err *err);
void keeper_close(struct keeper *keeper); /* commits nothing more. NULL is allowed */
struct ledger *keeper_ledger(struct keeper *keeper);

/* A message as it came. It takes effect with the next commit. */
void keeper_take(struct keeper *keeper, const char *topic, const void *payload, size_t len,
		 int64_t now_ms);
/* Lines that wait for the commit. */
size_t keeper_waiting(const struct keeper *keeper);
/* Something is to be committed, or an ack to be sent, without a new message too. */
bool keeper_wants_commit(struct keeper *keeper, int64_t now_mono_ms);
/* One transaction with everything taken, then the acks. On failure nothing has happened: the
 * agents send again. */
int keeper_commit(struct keeper *keeper, int64_t now_ms, struct err *err);
/* A database works but has much before it: worth waiting a little. */
bool keeper_is_behind(struct keeper *keeper);

/* From now on this registry; dead letters that it may know are looked at again with the next
 * commits. */
int keeper_set_registry(struct keeper *keeper, struct registry *registry, int64_t now_ms,
			struct err *err);
const struct registry *keeper_registry(const struct keeper *keeper);

void keeper_get_counters(struct keeper *keeper, struct keeper_counters *out);
size_t keeper_count_tsdb(const struct keeper *keeper);
struct tsdb *keeper_tsdb(const struct keeper *keeper, size_t i); /* for its state */

#endif
