/* SPDX-License-Identifier: Apache-2.0 */
/* derived_code.h - the 24 hours of a day as few bytes. Pure. */
#ifndef SERVER_DERIVED_CODE_H
#define SERVER_DERIVED_CODE_H

#include "server/rollup/rollup.h"

enum { DERIVED_CODE_HOURS = 24, DERIVED_CODE_MAX = DERIVED_CODE_HOURS * 41 };

/* Returns the length. */
size_t derived_encode(const struct amount hours[DERIVED_CODE_HOURS],
		      unsigned char out[DERIVED_CODE_MAX]);
/* -EUCLEAN: not what derived_encode writes. */
int derived_decode(const unsigned char *data, size_t len, struct amount hours[DERIVED_CODE_HOURS]);

#endif
