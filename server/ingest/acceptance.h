/* SPDX-License-Identifier: Apache-2.0 */
/* acceptance.h - which batch of an agent comes next, per epoch: the state machine of the wire
 * contract. Pure. */
#ifndef SERVER_ACCEPTANCE_H
#define SERVER_ACCEPTANCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/telemetry.h"

enum { ACCEPTANCE_EPOCHS = 4 }; /* remembered per agent; the one heard longest ago is forgotten */

struct acceptance_epoch {
	int64_t epoch;
	int64_t seen; /* all up to here is taken */
	int64_t kept; /* all up to here is durable everywhere; <= seen */
	int64_t last_at_ms;
};

/* A zeroed one knows nothing. Plain values: a copy is a snapshot to go back to. */
struct acceptance {
	struct acceptance_epoch epochs[ACCEPTANCE_EPOCHS];
	size_t n;
	int64_t last_epoch; /* heard last; 0: none */
	int64_t until_ms;   /* time of the newest batch */
};

enum acceptance_verdict {
	ACCEPTANCE_NEXT,  /* take it: seen has moved to its seq */
	ACCEPTANCE_GAP,   /* take it: what lies between is gone at the agent */
	ACCEPTANCE_AGAIN, /* was taken before: answer with the ack */
	ACCEPTANCE_AHEAD, /* something before it is missing: answer with the ack */
	ACCEPTANCE_HELD,  /* would pass over lost history: answer with the ack */
};

struct acceptance_answer {
	enum acceptance_verdict verdict;
	int64_t gap_from, gap_to; /* ACCEPTANCE_GAP: the batches that are gone */
	bool is_second;           /* two epochs of this agent speak in turn */
	bool is_unrepaired; /* taken although lost history never came back: the guard ran out */
};

/* An agent that was once told more than this server knows: the server was restored from an older
 * copy. Its ack makes the agent send again what it still has, under a new epoch; a batch that jumps
 * ahead before that would move until, and the agent would never hear of the loss. A zeroed one
 * guards nothing; it is not part of what a failed commit takes back. */
enum { ACCEPTANCE_PATIENCE_MS = 2 * 60 * 1000 };
struct acceptance_guard {
	int64_t epoch, until_ms; /* what the agent was told when; 0: nothing to guard */
	int64_t held_at_ms;      /* monotonic, of the first batch held back */
	bool has_held;
};
struct acceptance_time {
	int64_t utc_ms, mono_ms;
};

/* What an agent's status says: until_ms is the newest it was ever told, 0 if nothing. */
struct acceptance_claim {
	int64_t epoch, until_ms;
};
/* Raises the guard, or lifts it when a later epoch claims no more than is known: within an epoch a
 * lower claim is but an old one that comes late. */
void acceptance_hear(struct acceptance_guard *guard, const struct acceptance *acceptance,
		     const struct acceptance_claim *claim);
/* Holds jumps and first batches back while the guard stands, at most ACCEPTANCE_PATIENCE_MS: an
 * agent that does not react is taken as it is. */
struct acceptance_answer acceptance_offer(struct acceptance *acceptance,
					  struct acceptance_guard *guard,
					  const struct telemetry_header *header,
					  struct acceptance_time now);
/* What the agent must be told of an epoch: zeros if it is not known. */
struct telemetry_ack acceptance_ack(const struct acceptance *acceptance, int64_t epoch);
/* Moves kept forward, never beyond seen. False if nothing moved. */
bool acceptance_keep(struct acceptance *acceptance, int64_t epoch, int64_t seq);
/* The epoch's state, or NULL. */
struct acceptance_epoch *acceptance_find(struct acceptance *acceptance, int64_t epoch);
/* Puts back what was stored: seen starts at kept, since what was only seen was in memory. */
void acceptance_restore(struct acceptance *acceptance, int64_t epoch, int64_t kept,
			int64_t last_at_ms);

#endif
