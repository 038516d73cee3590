/* SPDX-License-Identifier: Apache-2.0 */
/* exact_copy.h - texts without a byte to spare behind them, for tests of parsers. */
#ifndef TESTS_UNIT_EXACT_COPY_H
#define TESTS_UNIT_EXACT_COPY_H

#include <string.h>

#include "common/mem.h"

/* A payload in memory of just its length, so that the sanitizer sees every byte too far. */
static inline char *exact_copy(const char *text, size_t len)
{
	char *copy = xcalloc(len, 1);

	memcpy(copy, text, len);
	return copy;
}

#endif
