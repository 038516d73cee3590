/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "common/civil.h"
#include "common/decimal.h"
#include "server/rollup/validate.h"

enum { MINUTE = 60000, MAX = 8 };

#define M(x) ((int64_t)((x)*MICRO))

struct validate_case {
	const char *name;
	struct registry_meter meter;
	struct meter_life lives[3];
	size_t n_lives, n_readings;
	struct reading readings[MAX];
	size_t n;
	struct interval expected[MAX];
};

/* clang-format off */
#define LIFE(from, to, ratio, modulus, first, last) \
	{"s", (from), (to), (ratio), 1, (modulus), (first), (last)}
#define PLAIN LIFE(0, TIME_OPEN, 1, 0, MICRO_NONE, MICRO_NONE)
#define KWH_METER {.carrier = CARRIER_ELECTRICITY, .quantity = "active_energy_import_kwh", .interval_ms = MINUTE}
#define RATED_METER {.carrier = CARRIER_ELECTRICITY, .quantity = "active_energy_import_kwh", .interval_ms = MINUTE, .rated_w = 60000}

static const struct validate_case cases[] = {
	{"no readings", KWH_METER, {PLAIN}, 1, 0, {{0}}, 0, {{0}}},
	{"one reading gives nothing", KWH_METER, {PLAIN}, 1, 1, {{MINUTE, M(5)}}, 0, {{0}}},
	{"a minute, closely", KWH_METER, {PLAIN}, 1, 2, {{0, M(5)}, {MINUTE, M(6.5)}},
	 1, {{0, MINUTE, M(1.5), INTERVAL_CLOSE, CAUSE_NONE, NULL}}},
	{"two and a half intervals are still close", KWH_METER, {PLAIN}, 1, 2, {{0, 0}, {150000, M(1)}},
	 1, {{0, 150000, M(1), INTERVAL_CLOSE, CAUSE_NONE, NULL}}},
	{"a millisecond more is a gap", KWH_METER, {PLAIN}, 1, 2, {{0, 0}, {150001, M(1)}},
	 1, {{0, 150001, M(1), INTERVAL_GAP, CAUSE_NONE, NULL}}},
	{"no consumption is energy 0, not a hole", KWH_METER, {PLAIN}, 1, 2, {{0, M(5)}, {MINUTE, M(5)}},
	 1, {{0, MINUTE, 0, INTERVAL_CLOSE, CAUSE_NONE, NULL}}},
	{"ratio", KWH_METER, {LIFE(0, TIME_OPEN, 40, 0, MICRO_NONE, MICRO_NONE)}, 1, 2, {{0, M(5)}, {MINUTE, M(5.01)}},
	 1, {{0, MINUTE, M(0.4), INTERVAL_CLOSE, CAUSE_NONE, NULL}}},
	{"ratio 1/3 rounds half away from zero, once",
	 KWH_METER, {{"s", 0, TIME_OPEN, 1, 3, 0, MICRO_NONE, MICRO_NONE}}, 1, 2, {{0, 0}, {MINUTE, 5}},
	 1, {{0, MINUTE, 2, INTERVAL_CLOSE, CAUSE_NONE, NULL}}},
	{"a drop is a hole", KWH_METER, {PLAIN}, 1, 3, {{0, M(5)}, {MINUTE, M(4)}, {2 * MINUTE, M(4.5)}},
	 2, {{0, MINUTE, 0, INTERVAL_HOLE, CAUSE_DROP, NULL}, {MINUTE, 2 * MINUTE, M(0.5), INTERVAL_CLOSE, CAUSE_NONE, NULL}}},
	{"roll-over at the modulus", KWH_METER, {LIFE(0, TIME_OPEN, 1, M(1000), MICRO_NONE, MICRO_NONE)}, 1, 2,
	 {{0, M(999)}, {MINUTE, M(2)}}, 1, {{0, MINUTE, M(3), INTERVAL_CLOSE, CAUSE_ROLL_OVER, NULL}}},
	{"without a rating a tenth of the modulus is the most that rolls over", KWH_METER, {LIFE(0, TIME_OPEN, 1, M(1000), MICRO_NONE, MICRO_NONE)}, 1, 2,
	 {{0, M(950)}, {MINUTE, M(50)}}, 1, {{0, MINUTE, M(100), INTERVAL_CLOSE, CAUSE_ROLL_OVER, NULL}}},
	{"a reset is no roll-over", KWH_METER, {LIFE(0, TIME_OPEN, 1, M(1000), MICRO_NONE, MICRO_NONE)}, 1, 2,
	 {{0, M(600)}, {MINUTE, 0}}, 1, {{0, MINUTE, 0, INTERVAL_HOLE, CAUSE_DROP, NULL}}},
	{"with a rating half the modulus is the most", RATED_METER, {LIFE(0, TIME_OPEN, 1, M(1000), MICRO_NONE, MICRO_NONE)}, 1, 2,
	 {{0, M(900)}, {HOUR_MS * 12, M(400)}}, 1, {{0, HOUR_MS * 12, M(500), INTERVAL_GAP, CAUSE_ROLL_OVER, NULL}}},
	{"a drop that would roll over by more than half", RATED_METER, {LIFE(0, TIME_OPEN, 1, M(1000), MICRO_NONE, MICRO_NONE)}, 1, 2,
	 {{0, M(900)}, {HOUR_MS * 12, M(401)}}, 1, {{0, HOUR_MS * 12, 0, INTERVAL_HOLE, CAUSE_DROP, NULL}}},
	{"a spike is passed over", KWH_METER, {PLAIN}, 1, 4, {{0, M(5)}, {MINUTE, M(900)}, {2 * MINUTE, M(6)}, {3 * MINUTE, M(7)}},
	 2, {{0, 2 * MINUTE, M(1), INTERVAL_CLOSE, CAUSE_GLITCH, NULL}, {2 * MINUTE, 3 * MINUTE, M(1), INTERVAL_CLOSE, CAUSE_NONE, NULL}}},
	{"three readings of a spike", KWH_METER, {PLAIN}, 1, 5, {{0, M(5)}, {MINUTE, M(900)}, {2 * MINUTE, M(901)}, {3 * MINUTE, M(901)}, {4 * MINUTE, M(9)}},
	 1, {{0, 4 * MINUTE, M(4), INTERVAL_GAP, CAUSE_GLITCH, NULL}}},
	{"zeros while the meter starts", KWH_METER, {PLAIN}, 1, 5, {{0, M(5)}, {MINUTE, 0}, {2 * MINUTE, 0}, {3 * MINUTE, M(6)}, {4 * MINUTE, M(7)}},
	 2, {{0, 3 * MINUTE, M(1), INTERVAL_GAP, CAUSE_GLITCH, NULL}, {3 * MINUTE, 4 * MINUTE, M(1), INTERVAL_CLOSE, CAUSE_NONE, NULL}}},
	{"a dip under a modulus is no roll-over", KWH_METER, {LIFE(0, TIME_OPEN, 1, M(1000), MICRO_NONE, MICRO_NONE)}, 1, 3, {{0, M(990)}, {MINUTE, 0}, {2 * MINUTE, M(991)}},
	 1, {{0, 2 * MINUTE, M(1), INTERVAL_CLOSE, CAUSE_GLITCH, NULL}}},
	{"a small register that was reset grows past its old value", KWH_METER, {PLAIN}, 1, 6,
	 {{0, M(1)}, {MINUTE, M(2)}, {2 * MINUTE, 0}, {3 * MINUTE, M(1)}, {4 * MINUTE, M(2)}, {5 * MINUTE, M(3)}},
	 5, {{0, MINUTE, M(1), INTERVAL_CLOSE, CAUSE_NONE, NULL}, {MINUTE, 2 * MINUTE, 0, INTERVAL_HOLE, CAUSE_DROP, NULL},
	  {2 * MINUTE, 3 * MINUTE, M(1), INTERVAL_CLOSE, CAUSE_NONE, NULL}, {3 * MINUTE, 4 * MINUTE, M(1), INTERVAL_CLOSE, CAUSE_NONE, NULL},
	  {4 * MINUTE, 5 * MINUTE, M(1), INTERVAL_CLOSE, CAUSE_NONE, NULL}}},
	{"a reset before an outage", KWH_METER, {PLAIN}, 1, 4, {{0, M(1)}, {MINUTE, M(2)}, {2 * MINUTE, 0}, {32 * MINUTE, M(30)}},
	 3, {{0, MINUTE, M(1), INTERVAL_CLOSE, CAUSE_NONE, NULL}, {MINUTE, 2 * MINUTE, 0, INTERVAL_HOLE, CAUSE_DROP, NULL},
	  {2 * MINUTE, 32 * MINUTE, M(30), INTERVAL_GAP, CAUSE_NONE, NULL}}},
	/* 60 kW: a minute gives 1 kWh, with margin 1.5, and two steps of the register */
	{"at one and a half times the rating", RATED_METER, {PLAIN}, 1, 2, {{0, M(0.111111)}, {MINUTE, M(1.611111)}},
	 1, {{0, MINUTE, M(1.5), INTERVAL_CLOSE, CAUSE_NONE, NULL}}},
	{"above the rating is a hole", RATED_METER, {PLAIN}, 1, 2, {{0, M(0.111111)}, {MINUTE, M(1.611114)}},
	 1, {{0, MINUTE, 0, INTERVAL_HOLE, CAUSE_ABOVE_RATING, NULL}}},
	{"a coarse register may jump by its step", RATED_METER, {PLAIN}, 1, 2, {{0, M(101)}, {MINUTE, M(103)}},
	 1, {{0, MINUTE, M(2), INTERVAL_CLOSE, CAUSE_NONE, NULL}}},
	{"a roll-over beyond the rating is a drop",
	 RATED_METER, {LIFE(0, TIME_OPEN, 1, M(1000), MICRO_NONE, MICRO_NONE)}, 1, 2,
	 {{0, M(999.123)}, {MINUTE, M(300.123)}}, 1, {{0, MINUTE, 0, INTERVAL_HOLE, CAUSE_DROP, NULL}}},
	{"replacement with both registers", KWH_METER,
	 {LIFE(0, 30000, 1, 0, MICRO_NONE, M(10.5)), LIFE(30000, TIME_OPEN, 2, 0, M(3), MICRO_NONE)}, 2, 2,
	 {{0, M(10)}, {MINUTE, M(4)}}, 2,
	 {{0, 30000, M(0.5), INTERVAL_CLOSE, CAUSE_NONE, NULL}, {30000, MINUTE, M(2), INTERVAL_CLOSE, CAUSE_NONE, NULL}}},
	{"replacement, the last register is not known", KWH_METER,
	 {LIFE(0, 30000, 1, 0, MICRO_NONE, MICRO_NONE), LIFE(30000, TIME_OPEN, 1, 0, M(3), MICRO_NONE)}, 2, 2,
	 {{0, M(10)}, {MINUTE, M(4)}}, 2,
	 {{0, 30000, 0, INTERVAL_HOLE, CAUSE_REPLACEMENT, NULL}, {30000, MINUTE, M(1), INTERVAL_CLOSE, CAUSE_NONE, NULL}}},
	{"replacement, the first register is not known", KWH_METER,
	 {LIFE(0, 30000, 1, 0, MICRO_NONE, M(10.5)), LIFE(30000, TIME_OPEN, 1, 0, MICRO_NONE, MICRO_NONE)}, 2, 2,
	 {{0, M(10)}, {MINUTE, M(4)}}, 2,
	 {{0, 30000, M(0.5), INTERVAL_CLOSE, CAUSE_NONE, NULL}, {30000, MINUTE, 0, INTERVAL_HOLE, CAUSE_REPLACEMENT, NULL}}},
	{"a life that was never read, between two that were", KWH_METER,
	 {LIFE(0, 30000, 1, 0, MICRO_NONE, M(10.5)), LIFE(30000, 40000, 1, 0, M(1), M(1.25)), LIFE(40000, TIME_OPEN, 1, 0, M(3), MICRO_NONE)}, 3, 2,
	 {{0, M(10)}, {MINUTE, M(4)}}, 3,
	 {{0, 30000, M(0.5), INTERVAL_CLOSE, CAUSE_NONE, NULL}, {30000, 40000, M(0.25), INTERVAL_CLOSE, CAUSE_NONE, NULL},
	  {40000, MINUTE, M(1), INTERVAL_CLOSE, CAUSE_NONE, NULL}}},
	{"from the life's first register", KWH_METER, {LIFE(0, TIME_OPEN, 1, 0, M(2), MICRO_NONE)}, 1, 1,
	 {{10 * MINUTE, M(4)}}, 1, {{0, 10 * MINUTE, M(2), INTERVAL_GAP, CAUSE_NONE, NULL}}},
	{"to the life's last register", KWH_METER, {LIFE(0, 10 * MINUTE, 1, 0, MICRO_NONE, M(9))}, 1, 1,
	 {{MINUTE, M(4)}}, 1, {{MINUTE, 10 * MINUTE, M(5), INTERVAL_GAP, CAUSE_NONE, NULL}}},
	{"readings outside of every life give nothing", KWH_METER, {LIFE(MINUTE, 3 * MINUTE, 1, 0, MICRO_NONE, MICRO_NONE)}, 1, 5,
	 {{0, M(1)}, {MINUTE, M(10)}, {2 * MINUTE, M(11)}, {3 * MINUTE, M(2)}, {4 * MINUTE, M(3)}},
	 2, {{MINUTE, 2 * MINUTE, M(1), INTERVAL_CLOSE, CAUSE_NONE, NULL}, {2 * MINUTE, 3 * MINUTE, 0, INTERVAL_HOLE, CAUSE_REPLACEMENT, NULL}}},
	{"heat in kWh becomes GJ", {.carrier = CARRIER_HEAT, .quantity = "heat_energy_kwh", .interval_ms = MINUTE}, {PLAIN}, 1, 2,
	 {{0, 0}, {MINUTE, M(1000)}}, 1, {{0, MINUTE, M(3.6), INTERVAL_CLOSE, CAUSE_NONE, NULL}}},
	{"heat in MJ becomes GJ", {.carrier = CARRIER_HEAT, .quantity = "heat_energy_mj", .interval_ms = MINUTE}, {PLAIN}, 1, 2,
	 {{0, 0}, {MINUTE, M(1000)}}, 1, {{0, MINUTE, M(1), INTERVAL_CLOSE, CAUSE_NONE, NULL}}},
	{"registers far beyond 2^53", KWH_METER, {LIFE(0, TIME_OPEN, 1000, 0, MICRO_NONE, MICRO_NONE)}, 1, 2,
	 {{0, INT64_MAX - 3}, {MINUTE, INT64_MAX - 1}}, 1, {{0, MINUTE, 2000, INTERVAL_CLOSE, CAUSE_NONE, NULL}}},
	{"more than a number holds is no number", KWH_METER, {LIFE(0, TIME_OPEN, 1000, 0, MICRO_NONE, MICRO_NONE)}, 1, 2,
	 {{0, 0}, {MINUTE, INT64_MAX}}, 1, {{0, MINUTE, 0, INTERVAL_HOLE, CAUSE_ABOVE_RATING, NULL}}},
};
/* clang-format on */

static void check_interval(const char *name, const struct interval *got,
			   const struct interval *expected)
{
	if (got->from_ms != expected->from_ms || got->to_ms != expected->to_ms ||
	    got->energy != expected->energy || got->kind != expected->kind ||
	    got->cause != expected->cause)
		fail_msg("%s: [%lld, %lld) energy %lld kind %d cause %d", name,
			 (long long)got->from_ms, (long long)got->to_ms, (long long)got->energy,
			 got->kind, got->cause);
}

static void test_intervals(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const struct validate_case *c = &cases[i];
		struct registry_meter meter = c->meter;
		struct interval out[MAX + 6];
		size_t n;

		meter.lives = c->lives;
		meter.n_lives = c->n_lives;
		n = validate_intervals(&(struct validate_input){&meter, c->readings, c->n_readings,
								NULL, 0, NULL, 0},
				       out);
		if (n != c->n)
			fail_msg("%s: %zu intervals", c->name, n);
		for (size_t k = 0; k < n; k++)
			check_interval(c->name, &out[k], &c->expected[k]);
	}
}

static uint32_t dice;

static uint32_t roll(uint32_t n)
{
	dice = dice * 1664525 + 1013904223;
	return (dice >> 8) % n;
}

static size_t of_window(const struct registry_meter *meter, const struct reading *readings,
			size_t n, struct interval *out)
{
	return validate_intervals(&(struct validate_input){meter, readings, n, NULL, 0, NULL, 0},
				  out);
}

/* With VALIDATE_AROUND readings more on either side, the intervals of a window are those that all
 * readings give, however wild. */
static void check_windows(const struct registry_meter *meter, const struct reading *readings,
			  size_t n)
{
	struct interval all[310], part[310];
	size_t n_all = of_window(meter, readings, n, all);

	for (size_t first = 0; first + 1 < n; first++) {
		size_t from = first > VALIDATE_AROUND ? first - VALIDATE_AROUND : 0;
		size_t end = first + 2 + VALIDATE_AROUND < n ? first + 2 + VALIDATE_AROUND : n;
		size_t n_part = of_window(meter, readings + from, end - from, part), k = 0, a = 0;

		while (k < n_part && part[k].to_ms <= readings[first].time_ms)
			k++;
		while (a < n_all && all[a].to_ms <= readings[first].time_ms)
			a++;
		for (; a < n_all && all[a].from_ms < readings[first + 1].time_ms; a++, k++)
			if (k == n_part || memcmp(&all[a], &part[k], sizeof all[a]) != 0)
				fail_msg("window %zu: [%lld, %lld) differs", first,
					 (long long)all[a].from_ms, (long long)all[a].to_ms);
		assert_true(k == n_part || part[k].from_ms >= readings[first + 1].time_ms);
	}
}

static void test_windows_agree(void **state)
{
	struct meter_life lives[2] = {LIFE(0, 20 * MINUTE, 7, M(50), MICRO_NONE, M(3)),
				      LIFE(20 * MINUTE, TIME_OPEN, 3, 0, M(1), MICRO_NONE)};
	struct registry_meter meter = KWH_METER;
	struct reading readings[300];

	(void)state;
	meter.lives = lives;
	meter.n_lives = 2;
	for (dice = 1; dice < 40;) {
		uint32_t seed = dice, wild = 1 + roll(20);
		int64_t value = 0;

		for (size_t i = 0; i < 300; i++) {
			value += roll(3) * (int64_t)MICRO;
			readings[i] = (struct reading){(int64_t)(i * MINUTE + roll(20000)), value};
			if (roll(wild) == 0)
				readings[i].value = roll(1000) * (int64_t)MICRO;
			if (roll(100) == 0)
				value = 0;
		}
		check_windows(&meter, readings, 300);
		dice = seed + 1;
	}
}

/* The clock runs an hour ahead and is put right: what was read meanwhile is in the wrong order. */
static void test_a_clock_put_back(void **state)
{
	static const struct span_ms clock = {10 * MINUTE, 20 * MINUTE};
	struct meter_life life = PLAIN;
	struct registry_meter meter = KWH_METER;
	struct reading readings[40];
	struct interval out[44];
	size_t n = 0;

	(void)state;
	meter.lives = &life;
	meter.n_lives = 1;
	for (int64_t i = 0; i < 30; i++) {
		readings[n++] = (struct reading){i * MINUTE, M(100 + i)};
		if (i >= 10 && i < 20) /* was read before */
			readings[n++] = (struct reading){i * MINUTE + 1000, M(90 + i)};
	}
	n = validate_intervals(&(struct validate_input){&meter, readings, n, &clock, 1, NULL, 0},
			       out);
	assert_int_equal(n, 19);
	check_interval(
		"up to the span", &out[8],
		&(struct interval){8 * MINUTE, 9 * MINUTE, M(1), INTERVAL_CLOSE, CAUSE_NONE, NULL});
	check_interval("across the span", &out[9],
		       &(struct interval){9 * MINUTE, 20 * MINUTE, M(11), INTERVAL_GAP, CAUSE_CLOCK,
					  NULL});
	/* Without a fall the order is right whatever the clock did. */
	for (size_t i = 0; i < 30; i++)
		readings[i] = (struct reading){(int64_t)i * MINUTE, M(100) + (int64_t)i};
	n = validate_intervals(&(struct validate_input){&meter, readings, 30, &clock, 1, NULL, 0},
			       out);
	assert_int_equal(n, 29);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_intervals),
		cmocka_unit_test(test_windows_agree),
		cmocka_unit_test(test_a_clock_put_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
