/* SPDX-License-Identifier: Apache-2.0 */
/* validate.h - raw registers and register lives into intervals of exact energy. Pure. */
#ifndef SERVER_VALIDATE_H
#define SERVER_VALIDATE_H

#include <stddef.h>
#include <stdint.h>

#include "server/ledger/reading.h"
#include "server/registry/registry.h"

struct spread;

enum interval_kind {
	INTERVAL_CLOSE, /* at most 2.5 x the meter's interval: boundaries inside are interpolated */
	INTERVAL_GAP,   /* longer: its energy is exact as a whole, spread inside, flagged */
	INTERVAL_HOLE,  /* nothing is known; energy 0 */
};

/* Why an interval is not plain, for events. */
enum interval_cause {
	CAUSE_NONE,
	CAUSE_ROLL_OVER,    /* the register passed its modulus; the energy counts */
	CAUSE_GLITCH,       /* readings between its ends fit neither: not used; the energy counts */
	CAUSE_CLOCK,        /* gap: the agent's clock was put back inside; the energy counts */
	CAUSE_REPLACEMENT,  /* hole: between lives, and the register at the change is not known */
	CAUSE_DROP,         /* hole: the register fell without reason */
	CAUSE_ABOVE_RATING, /* hole: more than the rating allows; the registers stay as read */
};

/* Between two consecutive points of one register life: readings, and the life's own first and last
 * register where they are given. Energy is primary, in 10^-6 of the carrier's unit (kWh, m3, GJ),
 * the difference of its ends' registers, each rounded by itself: intervals of any partition add up
 * to the whole exactly. */
struct interval {
	int64_t from_ms, to_ms;
	int64_t energy;
	enum interval_kind kind;
	enum interval_cause cause;
	const struct spread *spread; /* of a gap; NULL: evenly. validate leaves it NULL */
};

struct span_ms {
	int64_t from_ms, to_ms; /* to exclusive */
};

/* All that a meter's intervals depend on. */
struct validate_input {
	const struct registry_meter *meter;
	const struct reading *readings; /* sorted by time, times distinct */
	size_t n;
	/* Times that an agent's clock went through twice, sorted: if the register falls inside of
	 * one, what was read in it is in the wrong order. */
	const struct span_ms *clocks;
	size_t n_clocks; /* at most VALIDATE_CLOCKS */
	/* When the register was read as well, its value not kept. Sorted. Between readings of one
	 * hour it counts for what is close. */
	const struct sighting *sightings;
	size_t n_sightings;
};
enum { VALIDATE_CLOCKS = 64 };

/* What is judged of a reading looks at this many around it: with so many more on either side, the
 * intervals of a window are what they would be with all readings. Of a span of clocks all readings
 * must be there, and so many around it. */
enum { VALIDATE_AROUND = 16 };

/* Turns readings into at most n + 2 * n_lives + n_sightings intervals in out, sorted, not
 * overlapping, one after another. Deterministic. Readings outside of every life give nothing; time
 * without an interval is unknown. Returns how many. */
size_t validate_intervals(const struct validate_input *input, struct interval *out);

/* Factor from the wire unit of the meter's quantity to the carrier's unit (kWh of heat to GJ:
 * 36/10000). */
void validate_unit_factor(const struct registry_meter *meter, int64_t *num, int64_t *den);

#endif
