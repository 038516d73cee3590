/* SPDX-License-Identifier: Apache-2.0 */
/* decimal.h - exact decimal numbers: what a register showed, as text and as integer. */
#ifndef COMMON_DECIMAL_H
#define COMMON_DECIMAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DECIMAL_TEXT_MAX = 32, MICRO = 1000000 };

/* mantissa * 10^exponent */
struct decimal {
	int64_t mantissa;
	int exponent; /* -18 to 18 */
};

/* Parses [-]digits[.digits][e[+-]digits], exact. -EINVAL if it is not a number of that form (no
 * nan, inf, hex, blanks), -ERANGE if it does not fit. All results of this module come without
 * trailing zeros: "1200.0" is 12 * 10^2. */
int decimal_parse(const char *text, size_t len, struct decimal *out);

/* The number in units of 10^-6, rounded half away from zero. -ERANGE if it does not fit. */
int decimal_to_micro(struct decimal d, int64_t *micro);

/* Text to 10^-6 units in one step (the ledger's hot path); errors as decimal_parse. */
int decimal_parse_micro(const char *text, size_t len, int64_t *micro);

/* Shortest plain text without exponent, e.g. "-0.05", "12345.67", "1200". Returns its length.
 * Needs room for 48 bytes in text when |exponent| is large; for -9..9 DECIMAL_TEXT_MAX is enough.
 */
size_t decimal_print(struct decimal d, char *text);

/* 10^-6 units as shortest plain text: 12345670000 -> "12345.67". Returns its length;
 * text has room for DECIMAL_TEXT_MAX. */
size_t decimal_print_micro(int64_t micro, char *text);

/* The decimal of fewest digits that reads back as exactly this float32 / float64, as the meter's
 * maker meant it: 12345.67f is 12345.67. -EINVAL for nan and infinity; -ERANGE outside of decimal's
 * range (beyond 10^36, and what is finer than 10^-18). */
int decimal_from_float(float value, struct decimal *out);
int decimal_from_double(double value, struct decimal *out);

double decimal_to_double(struct decimal d); /* the nearest */

/* Exact a * b; -ERANGE if it does not fit after removing trailing zeros. */
int decimal_multiply(struct decimal a, struct decimal b, struct decimal *out);

/* Exact a + b; -ERANGE if it does not fit. */
int decimal_add(struct decimal a, struct decimal b, struct decimal *out);

/* value * numerator / denominator, rounded half away from zero, with a 128-bit product.
 * denominator > 0. Saturates at the int64 limits. */
int64_t scale_int64(int64_t value, int64_t numerator, int64_t denominator);
/* The same by 10^-6, faster. */
int64_t scale_micro(int64_t value, int64_t micro);

#endif
