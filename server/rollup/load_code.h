/* SPDX-License-Identifier: Apache-2.0 */
/* load_code.h - days of a load as bytes that are read back fast, several in a block: a province's
 * month has a million and a half of them. Pure. */
#ifndef SERVER_LOAD_CODE_H
#define SERVER_LOAD_CODE_H

#include <stddef.h>

#include "server/rollup/load.h"

/* Blocks count from civil day 0. Eight days are less than the quarter of a database page that a
 * row may have before it is divided. */
enum { LOAD_BLOCK_DAYS = 8 };
enum { LOAD_CODE_MAX = 24 + 8 * DERIVED_HOURS, LOAD_BLOCK_MAX = LOAD_BLOCK_DAYS * LOAD_CODE_MAX };

struct load_block {
	unsigned char data[LOAD_BLOCK_MAX];
	size_t len;
};

int64_t load_block_of(civil_day day);

/* Puts a day in its place, or takes it out: without hours and a peak. -EUCLEAN: these are not
 * bytes of a block. */
int load_block_put(struct load_block *block, const struct load_day *load);
/* Reads the day at *at and moves *at behind it. -EUCLEAN: as above. */
int load_block_next(const unsigned char *data, size_t len, int64_t block, size_t *at,
		    struct load_day *load);

#endif
