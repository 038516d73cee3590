/* SPDX-License-Identifier: Apache-2.0 */
#include "server/ingest/group.h"

#include <string.h>

enum { BITS = 11, BUCKETS = 1 << BITS, PASSES = 3 };

/* One stable counting sort by the key's bits from shift on. */
static void sort_pass(const uint32_t *keys, const uint32_t *from, uint32_t *to, size_t n,
		      unsigned shift)
{
	uint32_t starts[BUCKETS + 1] = {0};

	for (size_t i = 0; i < n; i++)
		starts[(keys[from[i]] >> shift & (BUCKETS - 1)) + 1]++;
	for (size_t i = 1; i < BUCKETS; i++)
		starts[i] += starts[i - 1];
	for (size_t i = 0; i < n; i++)
		to[starts[keys[from[i]] >> shift & (BUCKETS - 1)]++] = from[i];
}

void group_by_key(const uint32_t *keys, size_t n, uint32_t *order, uint32_t *scratch)
{
	uint32_t used = 0;

	for (size_t i = 0; i < n; i++) {
		order[i] = (uint32_t)i;
		used |= keys[i] ^ keys[0];
	}
	/* Least significant bits first, so that later passes keep the order of earlier ones. */
	for (unsigned pass = 0; pass < PASSES; pass++) {
		unsigned shift = pass * BITS;

		if ((used >> shift & (BUCKETS - 1)) == 0)
			continue;
		sort_pass(keys, order, scratch, n, shift);
		memcpy(order, scratch, n * sizeof *order);
	}
}
