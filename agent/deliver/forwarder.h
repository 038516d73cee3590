/* SPDX-License-Identifier: Apache-2.0 */
/* forwarder.h - the thread between poller and broker: cycles into the spool, the spool out. */
#ifndef AGENT_FORWARDER_H
#define AGENT_FORWARDER_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/config/config.h"
#include "agent/deliver/spool.h"
#include "agent/deliver/uplink.h"
#include "common/err.h"
#include "common/mailbox.h"

struct forwarder;

/* Takes struct cycle * out of cycles. While the spool cannot take more (disk full), the newest stay
 * in memory, the oldest of these are dropped and reported as a gap: the buses go on. Readings
 * without a trusted time wait in a file beside the spool. Shares config; borrows the rest. */
int forwarder_start(struct forwarder **out, struct agent_config *config, struct mailbox *cycles,
		    const char *version, struct err *err);
/* Stores what is in cycles, waits at most flush_ms for the server to keep what waits, says goodbye.
 * Another forwarder may go on with cycles. NULL is allowed. */
void forwarder_stop(struct forwarder *forwarder, int64_t flush_ms);

struct forwarder_state {
	struct spool_state spool;
	struct uplink_state uplink;
	int64_t appends, append_failures;
	int64_t append_us; /* the last append, with fsync */
	int64_t turns;     /* counts up as long as the thread works: for the watchdog */
	int64_t untimed;   /* lines that wait for the right time */
	bool is_storing;   /* false: the spool cannot take more */
};

/* A snapshot, at most about a second old; from any thread. */
void forwarder_state(struct forwarder *forwarder, struct forwarder_state *out);
/* As uplink_take_health, from any thread. */
void forwarder_take_health(struct forwarder *forwarder, struct buf *members, uint64_t digest);

#endif
