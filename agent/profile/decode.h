/* SPDX-License-Identifier: Apache-2.0 */
/* decode.h - what registers mean: exact decimals, texts, or nothing. */
#ifndef AGENT_DECODE_H
#define AGENT_DECODE_H

#include <stddef.h>
#include <stdint.h>

#include "agent/profile/profile.h"
#include "common/buf.h"
#include "common/decimal.h"

enum { DECODE_TEXT_MAX = 68 };

enum decode_kind {
	DECODE_MISSING,     /* no block has its registers */
	DECODE_ABSENT,      /* the meter says that it has no such value */
	DECODE_IMPLAUSIBLE, /* the number that it gives cannot be true: outside of its limits */
	DECODE_NUMBER,
	DECODE_TEXT,
};

struct decode_value {
	enum decode_kind kind;
	struct decimal number;
	const char *suffix; /* to be appended to the point's name; "" or "_kwh"; borrows */
	char text[DECODE_TEXT_MAX];
};

/* What one request brought. */
struct decode_block {
	uint8_t function;
	uint16_t address, count; /* without the meter's base */
	const uint16_t *registers;
};

struct decode_input {
	const struct profile *profile;
	const struct decode_block *blocks;
	size_t n_blocks;
	const struct decode_value
		*kept; /* takes the place of the first points; MISSING: does not */
	size_t n_kept;
};

/* The value of profile->points[index]. All its registers come from one block. Exact as long as a
 * decimal can hold it, else rounded to 18 digits or more. */
void decode_point(const struct decode_input *input, size_t index, struct decode_value *out);

/* index + pulses * volume, as decode_point would round it. */
struct decimal decode_pulses(struct decimal pulses, struct decimal volume, struct decimal index);

#endif
