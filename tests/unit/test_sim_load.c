/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/load.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#include "common/decimal.h"

static const struct world_span holiday = {19905, 19905}; /* 2024-07-01, a Monday */
static const struct world_span vacation = {19912, 19918};

static const struct world_config config = {
	.seed = 7,
	.offset_ms = 8 * HOUR_MS,
	.latitude = 36.65,
	.longitude = 117,
	.mean_c = 14.5,
	.swing_c = 13.5,
	.heating_from = 1115,
	.heating_to = 315,
	.holidays = &holiday,
	.n_holidays = 1,
	.vacations = &vacation,
	.n_vacations = 1,
};

struct fixture {
	struct world *world;
	struct curves *curves;
};

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof *fixture);

	fixture->world = world_create(&config);
	fixture->curves = curves_create(&config);
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	world_destroy(fixture->world);
	curves_destroy(fixture->curves);
	free(fixture);
	return 0;
}

static struct load *create(const struct fixture *fixture, const char *name, int64_t year)
{
	int use = load_use_find(name);

	assert_true(use >= 0);
	return load_create(fixture->world, fixture->curves, use, year, 99);
}

static civil_day day_of(int year, int month, int day)
{
	return civil_day_of((struct civil_date){year, month, day});
}

/* From hour to hour of a day, in 10^-6 units. */
static int64_t between(const struct load *load, civil_day day, int from_hour, int to_hour)
{
	struct load_day one;

	load_day(load, day, &one);
	return load_until(&one, to_hour * 12) - load_until(&one, from_hour * 12);
}

static void names_lead_back_to_their_use(void **state)
{
	char name[LOAD_USE_NAME_MAX];
	int use = 0;

	(void)state;
	for (; load_use_name(use, name); use++)
		assert_int_equal(load_use_find(name), use);
	assert_true(use > 30);
	assert_int_equal(load_use_find("office.swimming"), -1);
}

static void an_average_year_takes_what_was_asked(void **state)
{
	char name[LOAD_USE_NAME_MAX];
	const int64_t year = INT64_C(100000) * MICRO;

	for (int use = 0; load_use_name(use, name); use++) {
		struct load *load = create(*state, name, year);
		int64_t sum = 0;

		for (civil_day day = day_of(2023, 1, 1); day < day_of(2027, 1, 1); day++)
			sum += between(load, day, 0, 24);
		if (llabs(sum / 4 - year) > year / 50)
			fail_msg("%s takes %lld instead of %lld", name, (long long)sum / 4,
				 (long long)year);
		load_destroy(load);
	}
}

static void a_day_never_goes_back(void **state)
{
	char name[LOAD_USE_NAME_MAX];

	for (int use = 0; load_use_name(use, name); use++) {
		struct load *load = create(*state, name, 12345 * (int64_t)MICRO);

		for (civil_day day = day_of(2024, 1, 1); day < day_of(2025, 1, 1); day++) {
			struct load_day one;

			load_day(load, day, &one);
			assert_int_equal(load_until(&one, 0), 0);
			for (int step = 0; step < STEPS_PER_DAY; step++)
				assert_true(load_until(&one, step) <= load_until(&one, step + 1));
		}
		load_destroy(load);
	}
}

/* left, in its hours, is more than factor times right. */
static const struct {
	const char *name, *load;
	int left_month, left_day, left_from, left_to;
	int right_month, right_day, right_from, right_to;
	double factor;
} comparisons[] = {
	{"an office works by day", "office.lighting", 6, 12, 9, 11, 6, 12, 1, 3, 5},
	{"an office has a dip at lunch", "office.power", 6, 12, 10, 11, 6, 12, 12, 13, 1.1},
	{"an office rests on Sundays", "office.power", 6, 12, 9, 17, 6, 16, 9, 17, 1.8},
	{"an office rests on a public holiday", "office.power", 7, 2, 9, 17, 7, 1, 9, 17, 1.8},
	{"a school rests in its vacation", "school.power", 7, 3, 9, 17, 7, 10, 9, 17, 1.6},
	{"a library does not rest on Sundays", "library.power", 6, 16, 9, 17, 6, 12, 9, 17, 0.9},
	{"cooling is for summer", "office.hvac", 7, 24, 9, 17, 4, 24, 9, 17, 3},
	{"lamps burn longer in winter", "office.lighting", 12, 18, 0, 24, 6, 19, 0, 24, 1.2},
	{"the sun shines by day", "pv", 6, 12, 11, 13, 6, 12, 7, 9, 1.2},
};

static void loads_have_the_shape_of_their_use(void **state)
{
	for (size_t i = 0; i < sizeof comparisons / sizeof *comparisons; i++) {
		struct load *load = create(*state, comparisons[i].load, 50000 * (int64_t)MICRO);
		double left = (double)between(
			load, day_of(2024, comparisons[i].left_month, comparisons[i].left_day),
			comparisons[i].left_from, comparisons[i].left_to);
		double right = (double)between(
			load, day_of(2024, comparisons[i].right_month, comparisons[i].right_day),
			comparisons[i].right_from, comparisons[i].right_to);

		if (left <= comparisons[i].factor * right)
			fail_msg("%s: %.0f against %.0f", comparisons[i].name, left, right);
		load_destroy(load);
	}
}

static void nothing_flows_out_of_season(void **state)
{
	struct load *heat = create(*state, "school.heat", 9000 * (int64_t)MICRO);
	struct load *pv = create(*state, "pv", 9000 * (int64_t)MICRO);

	assert_int_equal(between(heat, day_of(2024, 11, 14), 0, 24), 0);
	assert_true(between(heat, day_of(2024, 11, 20), 0, 24) > 0);
	assert_true(between(heat, day_of(2025, 1, 10), 0, 24) > 0);
	assert_int_equal(between(heat, day_of(2025, 3, 16), 0, 24), 0);
	assert_int_equal(between(pv, day_of(2024, 12, 21), 0, 6), 0);
	assert_int_equal(between(pv, day_of(2024, 12, 21), 19, 24), 0);
	load_destroy(heat);
	load_destroy(pv);
}

static void seeds_differ_and_repeat(void **state)
{
	const struct fixture *fixture = *state;
	int use = load_use_find("office.power");
	struct load *a = load_create(fixture->world, fixture->curves, use, 1000000000, 1);
	struct load *b = load_create(fixture->world, fixture->curves, use, 1000000000, 1);
	struct load *c = load_create(fixture->world, fixture->curves, use, 1000000000, 2);

	assert_int_equal(between(a, 20000, 0, 24), between(b, 20000, 0, 24));
	assert_int_not_equal(between(a, 20000, 0, 24), between(c, 20000, 0, 24));
	load_destroy(a);
	load_destroy(b);
	load_destroy(c);
}

static void it_is_warm_in_summer_and_by_day(void **state)
{
	const struct fixture *fixture = *state;
	int64_t july = civil_day_start_utc(day_of(2024, 7, 20), 8 * HOUR_MS);
	int64_t january = civil_day_start_utc(day_of(2024, 1, 20), 8 * HOUR_MS);

	assert_true(world_temperature_c(fixture->world, july + 15 * HOUR_MS) > 22);
	assert_true(world_temperature_c(fixture->world, january + 15 * HOUR_MS) < 14);
	assert_true(world_temperature_c(fixture->world, july + 15 * HOUR_MS) >
		    world_temperature_c(fixture->world, july + 3 * HOUR_MS));
	/* No jump between two days. */
	for (int day = 0; day < 365; day++) {
		int64_t midnight = january + day * (int64_t)DAY_MS;
		double step = world_temperature_c(fixture->world, midnight) -
			      world_temperature_c(fixture->world, midnight - 1000);

		assert_true(step < 0.01 && step > -0.01);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_lead_back_to_their_use),
		cmocka_unit_test(an_average_year_takes_what_was_asked),
		cmocka_unit_test(a_day_never_goes_back),
		cmocka_unit_test(loads_have_the_shape_of_their_use),
		cmocka_unit_test(nothing_flows_out_of_season),
		cmocka_unit_test(seeds_differ_and_repeat),
		cmocka_unit_test(it_is_warm_in_summer_and_by_day),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
