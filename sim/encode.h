/* SPDX-License-Identifier: Apache-2.0 */
/* encode.h - values into registers as a profile's meter would show them, and what can be read back.
 */
#ifndef SIM_ENCODE_H
#define SIM_ENCODE_H

#include <stdint.h>

#include "agent/profile/profile.h"

enum { ENCODE_TERMS_MAX = 4, ENCODE_NAME_MAX = 80, ENCODE_WORDS_MAX = 4 };

/* A register value that is a term of a point: value = sum of raw * factor. */
struct encode_term {
	const struct profile_term *term;
	struct decimal factor; /* with the factor of the unit */
	/* raw = floor(10^-6 units * multiplier / divisor) */
	int64_t multiplier, divisor;
};

/* A point with the unit that the device is set to. */
struct encode_point {
	const struct profile_point *point;
	char name[ENCODE_NAME_MAX]; /* the wire name */
	const char *unit_code;      /* what the unit's register shows; NULL: the unit is fixed */
	size_t n;                   /* 0: no registers of its own, it follows from other points */
	struct encode_term terms[ENCODE_TERMS_MAX];
};

/* -ENOTSUP if the point has more terms, or factors finer than 64 bits can divide. */
int encode_prepare(const struct profile_point *point, struct encode_point *out);

/* The raw values that show an amount of 10^-6 units, never negative: rounded down to what integer
 * registers hold, modulo their width; to the nearest float. */
void encode_amount(const struct encode_point *point, int64_t micro, uint64_t raw[ENCODE_TERMS_MAX]);
/* The same for a momentary value: to the nearest, limited to what the register can hold. */
void encode_gauge(const struct encode_point *point, double value, uint64_t raw[ENCODE_TERMS_MAX]);
/* What a meter shows that has no value: NaN, or the profile's mark, or all ones. */
uint64_t encode_absent(const struct encode_term *term);

/* What a reader must get from the raw values. -ENODATA: they happen to be a mark for "no value". */
int encode_read_back(const struct encode_point *point, const uint64_t raw[ENCODE_TERMS_MAX],
		     struct decimal *out);

/* A raw value as registers in the order of their addresses; returns how many, 1 to 4. */
int encode_words(const struct profile_term *term, uint64_t raw, uint16_t words[ENCODE_WORDS_MAX]);

#endif
