/* SPDX-License-Identifier: Apache-2.0 */
/* agent_metrics.h - how the agent is, as Prometheus text. */
#ifndef AGENT_AGENT_METRICS_H
#define AGENT_AGENT_METRICS_H

#include "agent/deliver/forwarder.h"
#include "agent/poll/poller.h"
#include "common/buf.h"

void agent_metrics_write(struct buf *out, struct poller *poller,
			 const struct forwarder_state *state, int64_t clock_jumps);

#endif
