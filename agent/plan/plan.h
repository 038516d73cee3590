/* SPDX-License-Identifier: Apache-2.0 */
/* plan.h - cover the registers a meter must report with the reads that cost the least bus time. */
#ifndef AGENT_PLAN_H
#define AGENT_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct plan_span {
	uint8_t function;
	bool is_alone;           /* as a wish: no other span may share its read */
	uint16_t address, count; /* count >= 1 and address + count <= 65536 */
};

struct plan_range {
	uint8_t function;
	uint16_t first, last;
};

struct plan_rules {
	uint16_t max_registers;            /* one read may ask for */
	bool is_even;                      /* reads begin at even addresses and have even counts */
	const struct plan_range *readable; /* a read of several spans stays inside one of these; */
	size_t n_readable;                 /* sorted and merged by plan_merge_ranges */
};

struct plan_cost {
	int64_t request_us, register_us;
};

/* A serial line: (8 + 5 + 2N + 2 * 3.5) characters for N registers, then the meter's turn-around
 * and the pause it wants. character_bits: 10 for 8N1, 11 with parity or two stop bits. */
struct plan_cost plan_cost_rtu(int64_t baud, int character_bits, int64_t turnaround_us,
			       int64_t pause_us);
struct plan_cost plan_cost_tcp(int64_t round_trip_us, int64_t pause_us);

/* Sorts by function and address and joins what overlaps or touches. Returns how many are left. */
size_t plan_merge_ranges(struct plan_range *ranges, size_t n);

/* Writes the reads to reads[], which has room for n, sorted. Returns how many. Each wanted span,
 * none longer than a read may be, lies in one read; no set of reads that obeys the rules costs
 * less, and none of the same cost has fewer. */
size_t plan_reads(const struct plan_span *wanted, size_t n, const struct plan_rules *rules,
		  struct plan_cost cost, struct plan_span *reads);

int64_t plan_time_us(const struct plan_span *reads, size_t n, struct plan_cost cost);

#endif
