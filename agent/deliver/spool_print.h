/* SPDX-License-Identifier: Apache-2.0 */
/* spool_print.h - what the spool holds, as JSON and for the eye. */
#ifndef AGENT_SPOOL_PRINT_H
#define AGENT_SPOOL_PRINT_H

#include <stdbool.h>

#include "agent/config/config.h"
#include "agent/deliver/spool.h"
#include "common/buf.h"

/* is_running: it is a running agent that says so; it knows what has happened since its start. */
void spool_print_json(const struct spool_state *state, const struct agent_config *config,
		      bool is_running, struct buf *out);
/* Of that JSON text. -EPROTO: it is something else. */
int spool_print_text(const char *text, struct buf *out);

#endif
