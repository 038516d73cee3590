/* SPDX-License-Identifier: Apache-2.0 */
/* err.h - carries the words that explain a failure from the one who knows to the one who tells. */
#ifndef COMMON_ERR_H
#define COMMON_ERR_H

#include <stdarg.h>

enum { ERR_TEXT_MAX = 512 };

struct err {
	char text[ERR_TEXT_MAX]; /* a sentence without a final full stop; empty if nothing was set
				  */
};

/* Writes the words and returns code (a negative errno), so that a caller can say
 * return err_set(err, -EINVAL, "..."). err may be NULL: the words are dropped. */
__attribute__((format(printf, 3, 4))) int err_set(struct err *err, int code, const char *format,
						  ...);

/* Puts context in front of the words already there: "meter 'hall': no answer". Returns code. */
__attribute__((format(printf, 3, 4))) int err_prefix(struct err *err, int code, const char *format,
						     ...);

/* The words of a negative errno, thread-safe; never NULL. */
const char *err_name(int code);

#endif
