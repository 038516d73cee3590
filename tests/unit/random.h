/* SPDX-License-Identifier: Apache-2.0 */
/* random.h - numbers that are the same in every run, for histories that nobody would think of. */
#ifndef TESTS_UNIT_RANDOM_H
#define TESTS_UNIT_RANDOM_H

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static uint32_t random_state;

static inline uint32_t random_below(uint32_t n)
{
	assert(n > 0);
	random_state = random_state * 1664525 + 1013904223;
	return (random_state >> 8) % n;
}

/* NENGHAO_SEEDS=1-200: which histories; else 1 to n. */
struct random_seeds {
	uint32_t first, last;
};

static inline struct random_seeds random_seeds(uint32_t n)
{
	const char *text = getenv("NENGHAO_SEEDS"); /* NOLINT(concurrency-mt-unsafe): one thread */
	struct random_seeds seeds = {1, n};

	if (text != NULL && sscanf(text, "%u-%u", &seeds.first, &seeds.last) != 2)
		fail_msg("NENGHAO_SEEDS must be like 1-200");
	return seeds;
}

#endif
