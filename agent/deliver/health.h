/* SPDX-License-Identifier: Apache-2.0 */
/* health.h - how the agent is, as JSON: for the status topic, the control socket, the terminal. */
#ifndef AGENT_HEALTH_H
#define AGENT_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/deliver/spool.h"
#include "agent/deliver/uplink.h"
#include "agent/poll/poller.h"
#include "common/buf.h"

struct health_agent {
	const char *state; /* "online" or "offline" */
	const char *version, *id, *region;
	bool is_clock_trusted;             /* the rest is only told where it is known */
	int64_t clock_jumps, last_jump_ms; /* how often the wall clock was set, and how far */
};

/* Adds the status object; members are those of health_write_meters, or empty. */
void health_write_status(struct buf *out, const struct health_agent *agent,
			 const struct spool_state *spool, const struct uplink_state *uplink,
			 const struct buf *members);

/* Adds "\"buses\":[...],\"meters\":[...]". Returns a digest that changes when a meter or a bus
 * changes its state, not with every reading. */
uint64_t health_write_meters(struct buf *out, struct poller *poller);

#endif
