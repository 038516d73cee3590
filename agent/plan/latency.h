/* SPDX-License-Identifier: Apache-2.0 */
/* latency.h - how long answers take: a histogram with 12 % steps that forgets slowly. */
#ifndef AGENT_LATENCY_H
#define AGENT_LATENCY_H

#include <stdint.h>

enum { LATENCY_BUCKETS = 160, LATENCY_ENOUGH = 20 };

struct latency { /* zeroed: empty */
	uint16_t counts[LATENCY_BUCKETS];
	uint32_t total;
};

void latency_add(struct latency *latency, int64_t us);
/* The upper end of the bucket below which so many of 1000 lie; 0 if empty. */
int64_t latency_percentile(const struct latency *latency, int per_mille);

/* The time-out that loses hardly any answer: twice the 99.9 % of what was measured, at least
 * floor_ms, at most start_ms, which also holds until enough was measured. */
int64_t latency_timeout_ms(const struct latency *latency, int64_t floor_ms, int64_t start_ms);

#endif
