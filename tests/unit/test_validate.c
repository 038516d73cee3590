/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

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
	{"half the modulus is the most that rolls over", KWH_METER, {LIFE(0, TIME_OPEN, 1, M(1000), MICRO_NONE, MICRO_NONE)}, 1, 2,
	 {{0, M(900)}, {MINUTE, M(400)}}, 1, {{0, MINUTE, M(500), INTERVAL_CLOSE, CAUSE_ROLL_OVER, NULL}}},
	{"a drop that would roll over by more than half", KWH_METER, {LIFE(0, TIME_OPEN, 1, M(1000), MICRO_NONE, MICRO_NONE)}, 1, 2,
	 {{0, M(900)}, {MINUTE, M(401)}}, 1, {{0, MINUTE, 0, INTERVAL_HOLE, CAUSE_DROP, NULL}}},
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
		n = validate_intervals(&meter, c->readings, c->n_readings, out);
		if (n != c->n)
			fail_msg("%s: %zu intervals", c->name, n);
		for (size_t k = 0; k < n; k++)
			check_interval(c->name, &out[k], &c->expected[k]);
	}
}

/* An interval depends on its two readings alone: any window of the readings gives the same ones. */
static void test_windows_agree(void **state)
{
	struct meter_life lives[2] = {LIFE(0, 20 * MINUTE, 7, M(50), MICRO_NONE, M(3)),
				      LIFE(20 * MINUTE, TIME_OPEN, 3, 0, M(1), MICRO_NONE)};
	struct registry_meter meter = KWH_METER;
	struct reading readings[40];
	struct interval all[44], part[44];
	size_t n = 40, n_all;

	(void)state;
	meter.lives = lives;
	meter.n_lives = 2;
	for (size_t i = 0; i < n; i++)
		readings[i] = (struct reading){(int64_t)(i * MINUTE + i * i * 7),
					       (int64_t)(i * i * 41 % 50) * MICRO};
	n_all = validate_intervals(&meter, readings, n, all);
	for (size_t first = 0; first + 1 < n; first++) {
		size_t n_part = validate_intervals(&meter, readings + first, 2, part);

		for (size_t k = 0; k < n_part; k++) {
			bool is_inside = part[k].from_ms >= readings[first].time_ms &&
					 part[k].to_ms <= readings[first + 1].time_ms;
			bool is_found = false;

			for (size_t a = 0; a < n_all && is_inside; a++)
				is_found |= memcmp(&all[a], &part[k], sizeof all[a]) == 0;
			assert_true(!is_inside || is_found);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_intervals),
		cmocka_unit_test(test_windows_agree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
