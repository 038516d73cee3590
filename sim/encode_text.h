/* SPDX-License-Identifier: Apache-2.0 */
/* encode_text.h - texts and clocks into registers as a profile's meter would show them. */
#ifndef SIM_ENCODE_TEXT_H
#define SIM_ENCODE_TEXT_H

#include <stdint.h>

#include "agent/profile/profile.h"

/* The term's register number place. text: what a string shows, NULL: nothing; local_ms: what a
 * clock shows, milliseconds of the local calendar since 1970-01-01. */
uint16_t encode_text(const struct profile_term *term, const char *text, int64_t local_ms,
		     uint16_t place);

#endif
