/* SPDX-License-Identifier: Apache-2.0 */
/* line.h - opens the line of a bus for a command: its own, or the running agent's. */
#ifndef AGENT_LINE_H
#define AGENT_LINE_H

#include "agent/config/config.h"
#include "agent/poll/ask.h"

struct line {
	struct ask_line ask;
	struct dial_in *dial_in; /* only where a gateway dials in */
};

/* socket: of the agent that owns the bus; NULL: nobody does, and the tap sees the frames. */
void line_init(struct line *line, const struct agent_bus *bus, const char *socket,
	       struct bus_tap tap);
void line_fini(struct line *line);

/* Opens it; where a gateway dials in, waits for it up to three minutes, and says so unless
 * is_quiet. Fails as bus_ops.open does. */
int line_open(struct line *line, bool is_quiet, struct err *err);

#endif
