/* SPDX-License-Identifier: Apache-2.0 */
#include "server/rollup/validate.h"

#include <string.h>

#include "common/quantity.h"

__extension__ typedef __int128 wide;

/* A register value at a time, inside one life, and as primary energy. */
struct point {
	int64_t time_ms, value;
	wide energy;
};

struct walk {
	const struct validate_input *input;
	const struct registry_meter *meter;
	const struct meter_life *life;
	wide num, den; /* register to energy */
	struct interval *out;
	size_t n;
	size_t sighting; /* the first that no interval has passed yet */
};

/* Most readings in a row that are taken for a glitch. */
enum { GLITCH_MAX = 3 };

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

/* One and a half times the rating, and two steps of a coarse register for each time it was read. */
static bool is_above_rating(const struct walk *walk, struct point a, struct point b, wide delta,
			    size_t n_seen)
{
	wide rated = rated_energy(walk->meter, b.time_ms - a.time_ms);
	wide steps = round_ratio((wide)2 * register_step(a.value, b.value) * (wide)(n_seen + 1),
				 walk->num, walk->den);

	return rated >= 0 && round_ratio(delta, walk->num, walk->den) > rated + rated / 2 + steps;
}

static void add_hole(struct walk *walk, int64_t from_ms, int64_t to_ms, enum interval_cause cause)
{
	if (from_ms < to_ms)
		walk->out[walk->n++] = (struct interval){
			.from_ms = from_ms, .to_ms = to_ms, .kind = INTERVAL_HOLE, .cause = cause};
}

/* How far the register moved if it passed its modulus, else -1. With a rating, half the modulus at
 * most and no more than the rating allows; without one, a tenth: a register that was reset must not
 * pass for one that rolled over. */
static wide roll_over(const struct walk *walk, struct point a, struct point b)
{
	int64_t modulus = walk->life->modulus;
	wide delta = (wide)b.value - a.value + modulus;
	int64_t most = rated_energy(walk->meter, 0) < 0 ? modulus / 10 : modulus / 2;

	if (modulus <= 0 || b.value >= a.value || delta <= 0 || delta > most ||
	    is_above_rating(walk, a, b, delta, 0))
		return -1;
	return delta;
}

/* The sightings between two points: [walk->sighting, end). Those before a are passed. */
static size_t sightings_until(struct walk *walk, struct point a, struct point b)
{
	const struct validate_input *input = walk->input;
	size_t end;

	while (walk->sighting < input->n_sightings &&
	       input->sightings[walk->sighting].time_ms <= a.time_ms)
		walk->sighting++;
	end = walk->sighting;
	while (end < input->n_sightings && input->sightings[end].time_ms < b.time_ms)
		end++;
	return end;
}

/* Energy between two points, of known energy, as one interval. */
struct stretch {
	struct point a, b;
	int64_t energy;
	enum interval_cause cause;
};

static void add_part(struct walk *walk, const struct stretch *whole, const int64_t span[2],
		     bool is_close)
{
	const wide length = whole->b.time_ms - whole->a.time_ms;
	wide before = whole->energy * (wide)(span[0] - whole->a.time_ms) / length;
	wide after = whole->energy * (wide)(span[1] - whole->a.time_ms) / length;

	walk->out[walk->n++] = (struct interval){.from_ms = span[0],
						 .to_ms = span[1],
						 .energy = (int64_t)(after - before),
						 .kind = is_close ? INTERVAL_CLOSE : INTERVAL_GAP,
						 .cause = whole->cause};
}

/* 2.5 x the meter's interval, without a fraction. */
static bool is_close(const struct walk *walk, int64_t from_ms, int64_t to_ms)
{
	return 2 * (to_ms - from_ms) <= 5 * walk->meter->interval_ms;
}

/* Inside of an hour the register was read when it was seen, too: what lies close together is close.
 * Beyond an hour nobody knows what each has of the energy. */
static void add_stretch(struct walk *walk, const struct stretch *whole, size_t end)
{
	const struct validate_input *input = walk->input;
	int64_t from = whole->a.time_ms, last = from;
	bool is_one_hour = whole->a.time_ms / HOUR_MS == (whole->b.time_ms - 1) / HOUR_MS;
	bool was_close = true;

	if (walk->sighting == end || !is_one_hour || whole->cause == CAUSE_CLOCK) {
		add_part(walk, whole, (const int64_t[]){from, whole->b.time_ms},
			 walk->sighting == end && whole->cause != CAUSE_CLOCK &&
				 is_close(walk, from, whole->b.time_ms));
		return;
	}
	for (size_t i = walk->sighting; i <= end; i++) {
		int64_t next = i < end ? input->sightings[i].time_ms : whole->b.time_ms;
		bool close = is_close(walk, last, next);

		if (last > from && close != was_close) {
			add_part(walk, whole, (const int64_t[]){from, last}, was_close);
			from = last;
		}
		was_close = close;
		last = next;
	}
	add_part(walk, whole, (const int64_t[]){from, last}, was_close);
}

static void add_between(struct walk *walk, struct point a, struct point b,
			enum interval_cause passed)
{
	wide delta = (wide)b.value - a.value, energy = b.energy - a.energy;
	size_t end = sightings_until(walk, a, b);
	enum interval_cause cause = passed;

	if (delta < 0) {
		delta = roll_over(walk, a, b);
		energy = round_ratio((wide)a.value + delta, walk->num, walk->den) - a.energy;
		cause = CAUSE_ROLL_OVER;
	}
	if (delta < 0) {
		add_hole(walk, a.time_ms, b.time_ms,
			 passed == CAUSE_CLOCK ? CAUSE_CLOCK : CAUSE_DROP);
		return;
	}
	if (energy > INT64_MAX || is_above_rating(walk, a, b, delta, end - walk->sighting)) {
		add_hole(walk, a.time_ms, b.time_ms, CAUSE_ABOVE_RATING);
		return;
	}
	add_stretch(walk, &(struct stretch){a, b, (int64_t)energy, cause}, end);
}

/* ---- readings that do not fit ---- */

/* The readings of one life. */
struct slice {
	const struct reading *at;
	size_t n;
};

static wide rise(struct slice s, size_t from, size_t to)
{
	return (wide)s.at[to].value - s.at[from].value;
}

/* The register falls at k to a value that it had passed before: what stands between is a spike, if
 * it was up at once. Returns where it begins, or k. */
static size_t find_spike(struct slice s, size_t k)
{
	wide fall = -rise(s, k - 1, k);

	for (size_t j = k - 1; j-- > 0 && k - 1 - j <= GLITCH_MAX;) {
		if (s.at[j].value > s.at[k].value)
			continue;
		return rise(s, j, j + 1) * 10 >= fall * 9 ? j + 1 : k;
	}
	return k;
}

/* The register falls at k and is soon back at where it was: a dip, if it comes back at once, and so
 * fast that it is not what a register that was reset would count. Returns its end, or k. */
static size_t find_dip(struct slice s, size_t k)
{
	wide fall = -rise(s, k - 1, k);
	size_t m = k + 1;

	while (m < s.n && m <= k + GLITCH_MAX && s.at[m].value < s.at[k - 1].value)
		m++;
	if (m == s.n || m > k + GLITCH_MAX || rise(s, m - 1, m) * 10 < fall * 9)
		return k;
	if (k >= 2 && rise(s, k - 2, k - 1) > 0 &&
	    rise(s, m - 1, m) * (s.at[k - 1].time_ms - s.at[k - 2].time_ms) <
		    4 * rise(s, k - 2, k - 1) * (s.at[m].time_ms - s.at[m - 1].time_ms))
		return k;
	return m;
}

/* Is reading i of a spike or dip? Looks at what falls near it. */
static bool is_out_of_line(struct slice s, size_t i)
{
	size_t first = i > GLITCH_MAX ? i - GLITCH_MAX : 1;

	for (size_t k = first > 0 ? first : 1; k < s.n && k <= i + GLITCH_MAX; k++) {
		if (s.at[k].value >= s.at[k - 1].value)
			continue;
		size_t spike = find_spike(s, k);

		if (spike < k ? spike <= i && i < k : k <= i && i < find_dip(s, k))
			return true;
	}
	return false;
}

/* More in a row than a glitch is long are not one: then nobody can say what is right. */
static bool is_glitch(struct slice s, size_t i)
{
	size_t before = 0, after = 0;

	if (!is_out_of_line(s, i))
		return false;
	while (before < GLITCH_MAX && before < i && is_out_of_line(s, i - before - 1))
		before++;
	while (after < GLITCH_MAX && i + after + 1 < s.n && is_out_of_line(s, i + after + 1))
		after++;
	return before + after < GLITCH_MAX;
}

static bool falls_near(struct slice s, size_t i)
{
	enum { NEAR = 2 * GLITCH_MAX };
	size_t end = i + NEAR < s.n ? i + NEAR + 1 : s.n;

	for (size_t k = i > NEAR ? i - NEAR : 1; k < end; k++)
		if (k > 0 && s.at[k].value < s.at[k - 1].value)
			return true;
	return false;
}

/* Bit c: inside of the time that clock c went through twice the register falls. */
static uint64_t falling_clocks(const struct validate_input *input, struct slice s)
{
	uint64_t falling = 0;

	for (size_t c = 0; c < input->n_clocks; c++)
		for (size_t k = 1; k < s.n; k++)
			if (s.at[k].value < s.at[k - 1].value &&
			    s.at[k].time_ms >= input->clocks[c].from_ms &&
			    s.at[k - 1].time_ms < input->clocks[c].to_ms)
				falling |= UINT64_C(1) << c;
	return falling;
}

static bool is_in_clock(const struct validate_input *input, uint64_t falling, int64_t time_ms)
{
	for (size_t c = 0; c < input->n_clocks; c++)
		if ((falling >> c & 1) != 0 && time_ms >= input->clocks[c].from_ms &&
		    time_ms < input->clocks[c].to_ms)
			return true;
	return false;
}

static bool falls_somewhere(struct slice s)
{
	for (size_t k = 1; k < s.n; k++)
		if (s.at[k].value < s.at[k - 1].value)
			return true;
	return false;
}

/* ---- lives ---- */

static void start_life(struct walk *walk, const struct meter_life *life)
{
	int64_t num, den;

	validate_unit_factor(walk->meter, &num, &den);
	walk->life = life;
	walk->num = (wide)life->ratio_num * num;
	walk->den = (wide)life->ratio_den * den;
}

/* Where the walk through a life stands. */
struct place {
	struct point last;
	bool has_last;
	enum interval_cause passed; /* over readings since then */
};

static void step_to(struct walk *walk, struct place *place, int64_t time_ms, int64_t value)
{
	struct point here = {time_ms, value, round_ratio(value, walk->num, walk->den)};

	if (place->has_last && place->last.time_ms < here.time_ms)
		add_between(walk, place->last, here, place->passed);
	*place = (struct place){here, true, CAUSE_NONE};
}

/* Intervals of one life with the readings [i, end) that lie in it, of all that there are: a hole is
 * only told between readings, not before the first or after the last. */
static void walk_life(struct walk *walk, size_t i, size_t end)
{
	const struct validate_input *input = walk->input;
	const struct meter_life *life = walk->life;
	struct slice slice = {input->readings + i, end - i};
	struct place place = {.passed = CAUSE_NONE};
	bool falls = falls_somewhere(slice);
	uint64_t clocks = falls ? falling_clocks(input, slice) : 0;

	if (life->first != MICRO_NONE)
		step_to(walk, &place, life->from_ms, life->first);
	else if (i > 0 && i < end)
		add_hole(walk, life->from_ms, input->readings[i].time_ms, CAUSE_REPLACEMENT);
	for (size_t k = 0; k < slice.n; k++) {
		if (clocks != 0 && is_in_clock(input, clocks, slice.at[k].time_ms))
			place.passed = CAUSE_CLOCK;
		else if (falls && falls_near(slice, k) && is_glitch(slice, k))
			place.passed = CAUSE_GLITCH;
		else
			step_to(walk, &place, slice.at[k].time_ms, slice.at[k].value);
	}
	if (!place.has_last || life->to_ms == TIME_OPEN)
		return;
	if (life->last != MICRO_NONE)
		step_to(walk, &place, life->to_ms, life->last);
	else if (end < input->n)
		add_hole(walk, place.last.time_ms, life->to_ms, CAUSE_REPLACEMENT);
}

size_t validate_intervals(const struct validate_input *input, struct interval *out)
{
	const struct registry_meter *meter = input->meter;
	const struct reading *readings = input->readings;
	struct walk walk = {.input = input, .meter = meter, .out = out};
	size_t i = 0, n = input->n;

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
		walk_life(&walk, i, end);
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
