/* SPDX-License-Identifier: Apache-2.0 */
/* rollup.h - intervals into hours, days and months. Pure. */
#ifndef SERVER_ROLLUP_H
#define SERVER_ROLLUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/rollup/validate.h"

struct amount {
	bool is_known;      /* at least a part of the period is closed by readings */
	int64_t value;      /* 10^-6 of the carrier's unit */
	int64_t estimated;  /* the part of value that a gap crossing this period's own border gives
			     */
	int64_t covered_ms; /* time between close readings */
	int64_t closed_ms;  /* time between any readings that give energy (close or gap) */
};

/* Energy of [from, to): intervals sorted, not overlapping, covering at least what is known of it.
 */
struct amount rollup_period(const struct interval *intervals, size_t n, int64_t from_ms,
			    int64_t to_ms);
/* All periods of equal length step from `from` at once: out[n_out]. Same result as rollup_period.
 */
void rollup_periods(const struct interval *intervals, size_t n, int64_t from_ms, int64_t step_ms,
		    struct amount *out, size_t n_out);
/* Energy of the part [interval.from, at) of an interval: floor-based, so that parts add up. */
int64_t rollup_share(const struct interval *interval, int64_t at_ms);

#endif
