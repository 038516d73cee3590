/* SPDX-License-Identifier: Apache-2.0 */
/* agents.h - what the server knows of each agent: as it stands in the ledger, and as it will stand
 * after the next commit. For one thread. */
#ifndef SERVER_AGENTS_H
#define SERVER_AGENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "server/ingest/acceptance.h"
#include "server/ledger/ledger.h"

/* How the batches of the epoch heard last were stamped, to notice a clock that is put back. */
struct agent_clock {
	int64_t epoch, header_ms, newest_ms; /* of the last batch; of all batches and readings */
	int64_t back_to_ms, until_ms;        /* the time gone through twice; until 0: none */
};

struct agent {
	char id[TELEMETRY_ID_MAX + 1];
	char region[16];                  /* of its topic */
	struct acceptance now, committed; /* now becomes committed, or goes back to it */
	struct acceptance_guard guard;
	struct agent_clock clock, committed_clock; /* likewise */
	int64_t last_at_ms;
	bool is_touched;                       /* now differs from the file */
	int64_t ack_epochs[ACCEPTANCE_EPOCHS]; /* epochs that wait for an ack */
	size_t n_acks;
};

struct agents;

/* Reads what the ledger keeps. */
int agents_open(struct agents **out, struct ledger *ledger, struct err *err);
void agents_close(struct agents *agents); /* NULL is allowed */
size_t agents_count(const struct agents *agents);

/* Found or made; sets its region. Borrows until agents_close. */
struct agent *agents_get(struct agents *agents, const char *id, const char *region);

/* The agent's state is to be stored, and an ack of the epoch sent, with the next commit. */
void agents_touch(struct agents *agents, struct agent *agent);
void agents_want_ack(struct agents *agents, struct agent *agent, int64_t epoch);
bool agents_are_touched(const struct agents *agents);
bool agents_want_acks(const struct agents *agents);

/* Inside a transaction: stores what was touched. */
int agents_store(struct agents *agents, struct ledger *ledger, struct err *err);
/* Tells how that transaction ended. */
void agents_stored(struct agents *agents, bool is_committed);

/* 0: sent or not sendable now (the agent asks again); -EAGAIN: try again later. */
typedef int (*agents_publish_fn)(const char *topic, const void *payload, size_t len, void *arg);
/* Sends the acks that wait, of the committed state. Returns how many were sent. */
size_t agents_send_acks(struct agents *agents, agents_publish_fn publish, void *arg);

#endif
