/* SPDX-License-Identifier: Apache-2.0 */
/* agent_status.h - an agent's status message (JSON): what the server needs of it, and its series.
 */
#ifndef SERVER_AGENT_STATUS_H
#define SERVER_AGENT_STATUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"
#include "server/registry/registry.h"

struct agent_status {
	bool is_online;
	int64_t epoch;    /* 0: not given */
	int64_t until_ms; /* the newest batch that a server has confirmed to it; 0: none */
	size_t n_lines;
};

struct agent_status_context {
	const char *agent;
	const struct registry *registry;
	int64_t now_ms;
};

/* Reads a status and appends its line protocol to lines (NULL: none), stamped now:
 * agent (spool and delivery), bus (utilisation), meter_health (on-time ratio, errors by code,
 * round-trip time) for meters that the registry knows. -EINVAL: it is not a status. */
int agent_status_read(const char *json, size_t len, const struct agent_status_context *context,
		      struct buf *lines, struct agent_status *out, struct err *err);

#endif
