/* SPDX-License-Identifier: Apache-2.0 */
/* decode_text.h - registers that are texts: names, serial numbers, the device's clock. */
#ifndef AGENT_DECODE_TEXT_H
#define AGENT_DECODE_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/profile/decode.h"
#include "agent/profile/profile.h"

/* registers: the term's own. False: empty, or a date that there is not. A time is printed without
 * zone, as the device shows it: "2026-11-24T09:30:00". */
bool decode_text(const struct profile_term *term, const uint16_t *registers,
		 char text[DECODE_TEXT_MAX]);

#endif
