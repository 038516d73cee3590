/* SPDX-License-Identifier: Apache-2.0 */
#include "server/registry/apportion.h"

#include <assert.h>
#include <stdlib.h>

#include "common/mem.h"

__extension__ typedef unsigned __int128 wide; /* an amount times a weight passes 64 bits */

struct remainder {
	wide left;
	size_t index;
};

static int by_remainder(const void *a, const void *b)
{
	const struct remainder *x = a, *y = b;

	if (x->left != y->left)
		return x->left > y->left ? -1 : 1;
	return (x->index > y->index) - (x->index < y->index);
}

static void divide(uint64_t whole, const int64_t *weights, size_t n, wide sum, int64_t *parts)
{
	struct remainder *remainders = xcalloc(n, sizeof *remainders);
	uint64_t left = whole;

	for (size_t i = 0; i < n; i++) {
		wide product = (wide)whole * (uint64_t)weights[i];

		parts[i] = (int64_t)(product / sum);
		remainders[i] = (struct remainder){product % sum, i};
		left -= (uint64_t)parts[i];
	}
	/* Fewer units are left than there are remainders above 0. */
	if (left > 0)
		qsort(remainders, n, sizeof *remainders, by_remainder);
	for (size_t i = 0; i < left; i++)
		parts[remainders[i].index]++;
	free(remainders);
}

void apportion(int64_t whole, const int64_t *weights, size_t n, int64_t *parts)
{
	uint64_t size = whole < 0 ? 0 - (uint64_t)whole : (uint64_t)whole;
	wide sum = 0;

	for (size_t i = 0; i < n; i++) {
		assert(weights[i] >= 0);
		sum += (uint64_t)weights[i];
		parts[i] = 0;
	}
	if (sum == 0 || whole == 0)
		return;
	divide(size, weights, n, sum, parts);
	for (size_t i = 0; i < n && whole < 0; i++)
		parts[i] = -parts[i];
}
