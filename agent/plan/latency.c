/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/plan/latency.h"

#include <stddef.h>

enum {
	SMALLEST_BITS = 6, /* below 64 us everything is alike */
	STEP_BITS = 3,     /* eight buckets for each doubling */
	FORGET_AT = 8192,  /* answers; then all counts are halved */
};

static size_t bucket_of(int64_t us)
{
	int bits = SMALLEST_BITS;
	size_t bucket;

	if (us < INT64_C(1) << SMALLEST_BITS)
		return 0;
	while (us >> (bits + 1) != 0)
		bits++;
	bucket = (size_t)(bits - SMALLEST_BITS) << STEP_BITS |
		 ((size_t)(us >> (bits - STEP_BITS)) & ((1U << STEP_BITS) - 1));
	return bucket < LATENCY_BUCKETS ? bucket : LATENCY_BUCKETS - 1;
}

static int64_t bucket_end(size_t bucket)
{
	int bits = (int)(bucket >> STEP_BITS) + SMALLEST_BITS;
	int64_t step = (int64_t)(bucket & ((1U << STEP_BITS) - 1)) + 1;

	return (INT64_C(1) << bits) + (step << (bits - STEP_BITS));
}

void latency_add(struct latency *latency, int64_t us)
{
	latency->counts[bucket_of(us)]++;
	if (++latency->total < FORGET_AT)
		return;
	latency->total = 0;
	for (size_t i = 0; i < LATENCY_BUCKETS; i++) {
		latency->counts[i] = latency->counts[i] / 2;
		latency->total += latency->counts[i];
	}
}

int64_t latency_percentile(const struct latency *latency, int per_mille)
{
	uint64_t below = 0;
	uint64_t wanted = ((uint64_t)latency->total * (uint64_t)per_mille + 999) / 1000;

	if (latency->total == 0)
		return 0;
	for (size_t i = 0; i < LATENCY_BUCKETS; i++) {
		below += latency->counts[i];
		if (below >= wanted)
			return bucket_end(i);
	}
	return bucket_end(LATENCY_BUCKETS - 1);
}

int64_t latency_timeout_ms(const struct latency *latency, int64_t floor_ms, int64_t start_ms)
{
	int64_t ms;

	if (latency->total < LATENCY_ENOUGH)
		return start_ms;
	ms = 2 * latency_percentile(latency, 999) / 1000 + 1;
	if (ms < floor_ms)
		return floor_ms;
	return ms < start_ms ? ms : start_ms;
}
