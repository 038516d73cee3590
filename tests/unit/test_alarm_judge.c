/* SPDX-License-Identifier: Apache-2.0 */
/* Hysteresis, and samples of days by the hour. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
/* cmocka needs those before it */
#include <cmocka.h>

#include "server/alarm/judge.h"

/* ---- hysteresis ---- */

static void test_judge(void **state)
{
	/* clang-format off */
	static const struct {
		const char *name;
		bool is_below, is_open;
		double values[6], amount;
		size_t n;
		enum alarm_verdict verdict;
		unsigned first;
	} cases[] = {
		/* raise 2 after 3, clear 1 after 2, floor 5 */
		{"no samples", false, false, {0}, 9, 0, ALARM_AS_BEFORE, 0},
		{"two beyond are too few", false, false, {1, 3, 3}, 9, 3, ALARM_AS_BEFORE, 0},
		{"three in a row raise", false, false, {1, 3, 3, 3}, 9, 4, ALARM_RAISED, 1},
		{"more than three began earlier", false, false, {3, 3, 3, 3}, 9, 4, ALARM_RAISED, 0},
		{"one back in between", false, false, {3, 3, 1, 3}, 9, 4, ALARM_AS_BEFORE, 0},
		{"at the threshold is not beyond", false, false, {2, 2, 2}, 9, 3, ALARM_AS_BEFORE, 0},
		{"unknown ones are passed over", false, false, {3, NAN, 3, NAN, 3}, 9, 5, ALARM_RAISED, 0},
		{"a small amount is no alarm", false, false, {3, 3, 3}, 4, 3, ALARM_AS_BEFORE, 0},
		{"open and still beyond", false, true, {3, 3, 3}, 9, 3, ALARM_AS_BEFORE, 0},
		{"open, between the thresholds", false, true, {1.5, 1.5, 1.5}, 9, 3, ALARM_AS_BEFORE, 0},
		{"open, one back is too few", false, true, {3, 1}, 9, 2, ALARM_AS_BEFORE, 0},
		{"open, two back end it", false, true, {3, 1, 0}, 9, 3, ALARM_CLEARED, 1},
		{"open, amounts became small", false, true, {3, 3}, 4, 2, ALARM_CLEARED, 0},
		{"open, nothing known", false, true, {NAN, NAN}, 9, 2, ALARM_AS_BEFORE, 0},
		{"below: less raises", true, false, {0.5, 0.5, 0.5}, 9, 3, ALARM_RAISED, 0},
		{"below: more does not", true, false, {2, 3, 4}, 9, 3, ALARM_AS_BEFORE, 0},
		{"below: back above ends it", true, true, {3, 3.5}, 9, 2, ALARM_CLEARED, 0},
		{"below: not yet above clear", true, true, {2.5, 2.5}, 9, 2, ALARM_AS_BEFORE, 0},
	};
	/* clang-format on */

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct alarm_threshold threshold = {.is_below = cases[i].is_below,
						    .raise = 2,
						    .clear = cases[i].is_below ? 3 : 1,
						    .raise_after = 3,
						    .clear_after = 2,
						    .floor = 5};
		struct alarm_point points[6];
		size_t first = 0;
		enum alarm_verdict verdict;

		for (size_t k = 0; k < cases[i].n; k++)
			points[k] = (struct alarm_point){cases[i].values[k], cases[i].amount};
		verdict = alarm_judge(&threshold, cases[i].is_open, points, cases[i].n, &first);
		if (verdict != cases[i].verdict || first != cases[i].first)
			fail_msg("%s: verdict %d, first %zu", cases[i].name, verdict, first);
	}
}

/* ---- samples ---- */

enum { DAYS = 40 };

/* Weeks of five working days: 100 from 9 to 17, 20 else; 20 on free days. */
static void make_days(struct alarm_day days[DAYS])
{
	for (size_t i = 0; i < DAYS; i++) {
		days[i].is_free = i % 7 >= 5;
		for (int h = 0; h < ALARM_HOURS; h++)
			days[i].hours[h] = !days[i].is_free && h >= 9 && h < 17 ? 100 : 20;
	}
}

static void assert_point(struct alarm_point point, double value, double amount)
{
	if (isnan(value))
		assert_true(isnan(point.value));
	else if (fabs(point.value - value) > 1e-9 || fabs(point.amount - amount) > 1e-9)
		fail_msg("value %g, not %g; amount %g, not %g", point.value, value, point.amount,
			 amount);
}

static void test_loads(void **state)
{
	struct alarm_day days[DAYS];
	struct alarm_days of = {days, DAYS, DAYS};

	(void)state;
	make_days(days);
	assert_point(alarm_night_load(&of, 35), 0.2, 20);
	assert_point(alarm_night_load(&of, 4), NAN, 0); /* four days are too few */
	assert_point(alarm_night_load(&of, 5), 0.2, 20);
	days[35].hours[0] = 80;
	assert_point(alarm_night_load(&of, 35), 0.32, 32);
	days[35].hours[1] = days[35].hours[2] = NAN;
	assert_point(alarm_night_load(&of, 35), NAN, 0);
	/* a working day: (8 x 100 + 16 x 20) / 24 */
	assert_point(alarm_holiday_load(&of, 33), 20 / (1120 / 24.0), 20);
	assert_point(alarm_holiday_load(&of, 36), NAN, 0);
	assert_point(alarm_sudden_rise(&of, 36, 10), 1, 0);
	days[36].hours[10] = 170;
	assert_point(alarm_sudden_rise(&of, 36, 10), 1.7, 70);
	days[34].hours[10] = 60;
	assert_point(alarm_sudden_rise(&of, 34, 10), 3, 40); /* of free days */
	days[36].hours[10] = NAN;
	assert_point(alarm_sudden_rise(&of, 36, 10), NAN, 0);
}

static void test_base_end(void **state)
{
	struct alarm_day days[DAYS];
	struct alarm_days of = {days, DAYS, 29};

	(void)state;
	make_days(days);
	for (size_t i = 29; i < DAYS; i++)
		for (int h = 0; h < ALARM_HOURS; h++)
			days[i].hours[h] *= 2;
	assert_point(alarm_sudden_rise(&of, 39, 3), 2, 20);
	of.base_end = DAYS; /* half of the base is doubled already */
	assert_true(alarm_night_load(&of, 39).value < 0.4); /* but 0.4 against what was normal */
	of.base_end = 29;
	assert_point(alarm_night_load(&of, 39), 0.4, 40);
}

static void test_water(void **state)
{
	struct alarm_day days[DAYS];
	struct alarm_days of = {days, DAYS, DAYS};

	(void)state;
	make_days(days);
	/* mean hour of a working day */
	assert_point(alarm_water_night_flow(&of, 35), 20 / (1120 / 24.0), 20);
	assert_point(alarm_water_night_rise(&of, 35), 1, 0);
	for (int h = 0; h < ALARM_NIGHT_HOURS; h++)
		days[35].hours[h] = 50 + h;
	assert_point(alarm_water_night_rise(&of, 35), 2.5, 30);
	days[35].hours[4] = 0; /* nothing flows at times: no leak */
	assert_point(alarm_water_night_rise(&of, 35), 0, -20);
	days[35].hours[4] = NAN;
	assert_point(alarm_water_night_rise(&of, 35), NAN, 0);
	for (size_t i = 0; i < 35; i++)
		days[i].hours[2] = 0;
	for (int h = 0; h < ALARM_NIGHT_HOURS; h++)
		days[35].hours[h] = 1;
	assert_true(alarm_water_night_rise(&of, 35).value > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_judge),
		cmocka_unit_test(test_loads),
		cmocka_unit_test(test_base_end),
		cmocka_unit_test(test_water),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
