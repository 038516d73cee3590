/* SPDX-License-Identifier: Apache-2.0 */
#include "server/rollup/validate.h"

#include <string.h>

#include "common/quantity.h"

__extension__ typedef __int128 wide;

/* A register value at a time, inside one life. */
struct point {
	int64_t time_ms, value;
};

struct walk {
	const struct registry_meter *meter;
	const struct meter_life *life;
	wide num, den; /* register to energy */
	struct interval *out;
	size_t n;
};

static wide round_ratio(wide value, wide num, wide den)
{
	wide product = value * num;

	return (product >= 0 ? product + den / 2 : product - den / 2) / den;
}

/* The step in which a register counts shows in its values: 12345000000 and 12385000000 come from
 * one that counts whole units or coarser. Up to 10^9: a step of 1000 units. */
static int64_t register_step(int64_t a, int64_t b)
{
	int64_t step = 1;

	while (step < 1000000000 && a % (step * 10) == 0 && b % (step * 10) == 0)
		step *= 10;
	return step;
}

/* Energy in 10^-6 of the carrier's unit that rated power gives in a time, or -1. */
static wide rated_energy(const struct registry_meter *meter, int64_t ms)
{
	if (meter->rated_w <= 0)
		return -1;
	if (meter->carrier == CARRIER_ELECTRICITY)
		return (wide)meter->rated_w * ms / 3600;
	if (meter->carrier == CARRIER_HEAT || meter->carrier == CARRIER_COOLING)
		return (wide)meter->rated_w * ms / 1000000;
	return -1;
}

/* One and a half times the rating, and two steps of a coarse register. */
static bool is_above_rating(const struct walk *walk, struct point a, struct point b, wide delta)
{
	wide rated = rated_energy(walk->meter, b.time_ms - a.time_ms);
	wide steps = round_ratio((wide)2 * register_step(a.value, b.value), walk->num, walk->den);

	return rated >= 0 && round_ratio(delta, walk->num, walk->den) > rated + rated / 2 + steps;
}

static void add_hole(struct walk *walk, int64_t from_ms, int64_t to_ms, enum interval_cause cause)
{
	if (from_ms < to_ms)
		walk->out[walk->n++] = (struct interval){
			.from_ms = from_ms, .to_ms = to_ms, .kind = INTERVAL_HOLE, .cause = cause};
}

static void add_between(struct walk *walk, struct point a, struct point b)
{
	wide delta = (wide)b.value - a.value;
	int64_t modulus = walk->life->modulus;
	enum interval_cause cause = CAUSE_NONE;

	if (delta < 0 && modulus > 0 && delta + modulus > 0 && delta + modulus <= modulus / 2 &&
	    !is_above_rating(walk, a, b, delta + modulus)) {
		delta += modulus;
		cause = CAUSE_ROLL_OVER;
	}
	if (delta < 0) {
		add_hole(walk, a.time_ms, b.time_ms, CAUSE_DROP);
		return;
	}
	wide energy = round_ratio(delta, walk->num, walk->den);
	if (energy > INT64_MAX || is_above_rating(walk, a, b, delta)) {
		add_hole(walk, a.time_ms, b.time_ms, CAUSE_ABOVE_RATING);
		return;
	}
	int64_t length = b.time_ms - a.time_ms;
	/* 2.5 x the meter's interval, without a fraction */
	bool is_close = 2 * length <= 5 * walk->meter->interval_ms;
	walk->out[walk->n++] = (struct interval){.from_ms = a.time_ms,
						 .to_ms = b.time_ms,
						 .energy = (int64_t)energy,
						 .kind = is_close ? INTERVAL_CLOSE : INTERVAL_GAP,
						 .cause = cause};
}

static void start_life(struct walk *walk, const struct meter_life *life)
{
	int64_t num, den;

	validate_unit_factor(walk->meter, &num, &den);
	walk->life = life;
	walk->num = (wide)life->ratio_num * num;
	walk->den = (wide)life->ratio_den * den;
}

/* Intervals of one life with the readings [i, end) that lie in it. readings[0] to readings[n - 1]
 * are all there are: a hole is only told between readings, not before the first or after the last.
 */
static void walk_life(struct walk *walk, const struct reading *readings, size_t i, size_t end,
		      size_t n)
{
	const struct meter_life *life = walk->life;
	struct point last = {0};
	bool has_last = false;

	if (life->first != MICRO_NONE) {
		last = (struct point){life->from_ms, life->first};
		has_last = true;
	} else if (i > 0 && i < end) {
		add_hole(walk, life->from_ms, readings[i].time_ms, CAUSE_REPLACEMENT);
	}
	for (size_t k = i; k < end; k++) {
		struct point here = {readings[k].time_ms, readings[k].value};

		if (has_last && last.time_ms < here.time_ms)
			add_between(walk, last, here);
		last = here;
		has_last = true;
	}
	if (!has_last || life->to_ms == TIME_OPEN)
		return;
	if (life->last != MICRO_NONE)
		add_between(walk, last, (struct point){life->to_ms, life->last});
	else if (end < n)
		add_hole(walk, last.time_ms, life->to_ms, CAUSE_REPLACEMENT);
}

size_t validate_intervals(const struct registry_meter *meter, const struct reading *readings,
			  size_t n, struct interval *out)
{
	struct walk walk = {.meter = meter, .out = out};
	size_t i = 0;

	if (n == 0)
		return 0;
	for (size_t k = 0; k < meter->n_lives; k++) {
		const struct meter_life *life = &meter->lives[k];

		while (i < n && readings[i].time_ms < life->from_ms)
			i++;
		size_t end = i;
		while (end < n && readings[end].time_ms < life->to_ms)
			end++;
		start_life(&walk, life);
		walk_life(&walk, readings, i, end, n);
		i = end;
	}
	return walk.n;
}

void validate_unit_factor(const struct registry_meter *meter, int64_t *num, int64_t *den)
{
	const char *name = meter->quantity;
	struct quantity quantity = {.unit = UNIT_OTHER};
	bool is_heat = meter->carrier == CARRIER_HEAT || meter->carrier == CARRIER_COOLING;

	if (name != NULL)
		quantity = quantity_classify(name, strlen(name));
	*num = 1;
	*den = 1;
	if (is_heat && quantity.unit == UNIT_KWH) { /* 1 kWh = 3.6 MJ */
		*num = 36;
		*den = 10000;
	} else if (is_heat && quantity.unit == UNIT_MJ) {
		*den = 1000;
	}
}
