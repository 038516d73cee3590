/* SPDX-License-Identifier: Apache-2.0 */
/* keeper_private.h - what the keeper's own sources share; nobody else includes it. */
#ifndef SERVER_KEEPER_PRIVATE_H
#define SERVER_KEEPER_PRIVATE_H

#include "common/mem.h"
#include "server/ingest/dead_letter.h"
#include "server/ingest/intake.h"
#include "server/ingest/keeper.h"

enum { KEEPER_TSDB_MAX = 8 };

/* A dead letter that waits; its texts are in keeper->texts. */
struct waiting_letter {
	int64_t at_ms;
	const char *reason;
	size_t agent, meter, meter_len, line, line_len; /* offsets */
};

enum waiting_event_kind {
	TELL_TWO_AGENTS,
	TELL_BATCHES_LOST,
	TELL_HISTORY_LOST,
	TELL_AGENT_DROPPED,
	TELL_CLOCK_BACK,
	TELL_CLOCK_RIGHT
};
struct waiting_event {
	enum waiting_event_kind kind;
	const struct agent *agent;
	int64_t time_ms, epoch, from, to, batches;
};

/* A time that an agent's clock went through twice, of one device. */
struct waiting_clock {
	size_t device; /* offset in keeper->texts */
	int64_t from_ms, to_ms;
};

/* A batch whose readings are durable everywhere when chunk is. */
struct completion {
	struct agent *agent;
	int64_t epoch, seq, chunk;
};

struct keeper {
	struct keeper_options options;
	struct ledger *ledger;
	struct intake *intake;
	struct registry *registry;
	struct agents *agents;
	struct dead_letters *letters;
	struct tsdb *tsdb[KEEPER_TSDB_MAX];
	size_t n_tsdb;

	/* what waits for the commit */
	struct buf texts; /* of letters */
	struct waiting_letter *letters_waiting;
	size_t n_letters, letters_cap;
	struct waiting_event *events;
	size_t n_events, events_cap;
	struct waiting_clock *clocks;
	size_t n_clocks, clocks_cap;
	int64_t quiet_at_ms;    /* when quiet events are closed next */
	struct buf extra_lines; /* line protocol that is no reading */
	size_t n_extra_lines;
	bool has_new_registry; /* no reading went to the databases since it changed */

	/* taken batches in order: [0, n_committed) are in the ledger, the rest waits for the commit
	 */
	struct completion *completions;
	size_t n_completions, n_committed, completions_cap;
	size_t n_kept; /* of these the running transaction advances kept */
	int64_t last_chunk;
	int64_t replay_cursor;      /* INT64_MAX: nothing to look at again */
	struct telemetry_line line; /* big */
	struct keeper_counters counters;
};

/* keeper_batch.c */
void keeper_count_bad(struct keeper *keeper, const char *reason);
void keeper_bury(struct keeper *keeper, const struct dead_letter *letter);

#endif
