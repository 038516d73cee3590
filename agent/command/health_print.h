/* SPDX-License-Identifier: Apache-2.0 */
/* health_print.h - what the running agent says of itself, for the eye and for programs. */
#ifndef AGENT_HEALTH_PRINT_H
#define AGENT_HEALTH_PRINT_H

#include <stdint.h>

#include "common/buf.h"

/* The status object as text for a terminal of 80 columns. -EINVAL: it is not one. */
int health_print(struct buf *out, const char *json, int64_t now_ms);

/* The status object with "delivery" of each meter: where its newest reading is: "acknowledged" by
 * the server, "spooled", in "memory", or null without one. -EINVAL: it is not one. */
int health_write_json(struct buf *out, const char *json);

#endif
