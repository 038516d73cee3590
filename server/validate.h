/* SPDX-License-Identifier: Apache-2.0 */
/* validate.h - raw registers and register lives into intervals of exact energy. Pure. */
#ifndef SERVER_VALIDATE_H
#define SERVER_VALIDATE_H

#include <stddef.h>
#include <stdint.h>

#include "server/registry.h"

/* A register as it was read: 10^-6 of the wire's unit. */
struct reading {
	int64_t time_ms, value;
};

enum interval_kind {
	INTERVAL_CLOSE, /* at most 2.5 x the meter's interval: boundaries inside are interpolated */
	INTERVAL_GAP,   /* longer: its energy is exact as a whole, spread inside, flagged */
	INTERVAL_HOLE,  /* nothing is known: unexplained drop, outside of every life; energy 0 */
};

enum interval_cause { /* why, for events */
		      CAUSE_NONE,
		      CAUSE_ROLL_OVER,
		      CAUSE_REPLACEMENT,
		      CAUSE_DROP,
		      CAUSE_ABOVE_RATING,
		      CAUSE_OUTSIDE_LIFE,
};

/* Between two consecutive readings. Energy is primary, in 10^-6 of the carrier's unit (kWh, m3,
 * GJ), rounded once per interval: parts of any partition add up to it exactly. */
struct interval {
	int64_t from_ms, to_ms;
	int64_t energy;
	enum interval_kind kind;
	enum interval_cause cause;
};

/* Turns n readings (sorted by time, times distinct) into at most n - 1 + n_lives intervals in out.
 * Deterministic, and each interval depends on its own two readings and the meter's lives alone.
 * Returns how many. */
size_t validate_intervals(const struct registry_meter *meter, const struct reading *readings,
			  size_t n, struct interval *out);

/* Factor from the wire unit of the meter's quantity to the carrier's unit (kWh of heat to GJ:
 * 36/10000). */
void validate_unit_factor(const struct registry_meter *meter, int64_t *num, int64_t *den);

#endif
