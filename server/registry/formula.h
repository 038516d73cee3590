/* SPDX-License-Identifier: Apache-2.0 */
/* formula.h - a virtual meter's formula as a sum of coefficient x meter. Pure.
 *
 *   sum     = ["-"] product { ("+" | "-") product }
 *   product = factor { ("*" | "/") factor }
 *   factor  = number | meter | "(" sum ")"
 *
 * Meter ids contain '-', so operators stand between blanks; parentheses need none. A number is
 * digits with at most one point. The result must be linear: a meter may be multiplied or divided by
 * numbers only, and a number may not be added to a meter. */
#ifndef SERVER_FORMULA_H
#define SERVER_FORMULA_H

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

enum { FORMULA_PARTS_MAX = 256, FORMULA_TEXT_MAX = 16 * 1024 };

/* An exact fraction in lowest terms, den > 0. */
struct fraction {
	int64_t num, den;
};

struct formula_part {
	const char *id; /* in the text, not NUL-terminated */
	size_t len;
	struct fraction coefficient; /* not zero */
};

struct formula {
	struct formula_part parts[FORMULA_PARTS_MAX]; /* sorted by id, each id once */
	size_t n;                                     /* at least 1 */
};

/* 0, or -EINVAL with words and the position in the text. Borrows from the text. */
int formula_parse(const char *text, size_t len, struct formula *out, struct err *err);

/* Exact arithmetic; -ERANGE if a result does not fit. */
int fraction_multiply(struct fraction a, struct fraction b, struct fraction *out);
int fraction_add(struct fraction a, struct fraction b, struct fraction *out);
/* From text such as "40", "0.5" or "600/5"; -EINVAL, or -ERANGE. */
int fraction_parse(const char *text, size_t len, struct fraction *out);

#endif
