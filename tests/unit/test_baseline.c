/* SPDX-License-Identifier: Apache-2.0 */
/* What the reference cases do not meet: refusals, data that are too few or strange. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "server/baseline/baseline.h"

enum { DAYS = 800, YEAR = 365 };

/* Two years of days whose use is 100 a day and 5 for each degree below 15; temperatures swing
 * between -5 and 25. */
struct world {
	struct sample meter[DAYS], celsius[DAYS];
	struct temperature temperature;
	struct baseline_input input;
	struct baseline_result result;
};

static double celsius_of(int day)
{
	return 10 + 15 * sin(2 * 3.14159265358979 * day / YEAR) + 3 * ((day * 7919) % 13 - 6) / 6.0;
}

/* A little that no model explains. */
static double noise_of(int64_t day)
{
	return (double)(day * 104729 % 101 - 50) / 10.0;
}

static void make(struct world *world)
{
	memset(world, 0, sizeof *world);
	for (int i = 0; i < DAYS; i++) {
		double celsius = celsius_of(i);

		world->celsius[i] = (struct sample){i * (int64_t)DAY_MS, celsius, false};
		world->meter[i] = (struct sample){
			i * (int64_t)DAY_MS, 100 + 5 * fmax(15 - celsius, 0) + noise_of(i), false};
	}
	world->input = (struct baseline_input){
		.spec = {.per_day = 1,
			 .zero_is_missing = true,
			 .has_cooling = true,
			 .grid = {.min = 0, .step = 1, .n = 33},
			 .max_p_value = 1,
			 .baseline = {0, YEAR * (int64_t)DAY_MS},
			 .reporting = {YEAR * (int64_t)DAY_MS, 2LL * YEAR * DAY_MS}},
		.meter = world->meter,
		.n_meter = DAYS,
		.temperature = &world->temperature,
	};
}

static void compute(struct world *world)
{
	temperature_init(&world->temperature, world->celsius, DAYS, 1, 0);
	baseline_compute(&world->input, &world->result);
}

static void clear(struct world *world)
{
	baseline_result_fini(&world->result);
	temperature_fini(&world->temperature);
}

static void test_finds_what_was_put_in(void **state)
{
	static struct world world;
	const struct fit_model *model = &world.result.fit.best;

	(void)state;
	make(&world);
	compute(&world);
	assert_true(world.result.sufficiency.is_sufficient);
	assert_int_equal(world.result.fit.status, FIT_SUCCESS);
	assert_true(model->heating_point >= 14 && model->heating_point <= 16);
	assert_true(fabs(model->intercept - 100) < 3);
	assert_true(baseline_depends_on_weather(&world.result.fit));
	assert_int_equal(baseline_quality(&world.result, true), QUALITY_GOOD);
	/* Nothing was saved. */
	assert_false(
		baseline_is_significant(world.result.sum.counterfactual - world.result.sum.observed,
					world.result.uncertainty.band));
	clear(&world);
}

static void test_more_use_is_a_negative_saving(void **state)
{
	static struct world world;

	(void)state;
	make(&world);
	for (int i = YEAR; i < DAYS; i++)
		world.meter[i].value *= 1.3;
	compute(&world);
	assert_true(world.result.sum.counterfactual < 0.8 * world.result.sum.observed);
	assert_true(world.result.uncertainty.fsu < 0);
	assert_true(world.result.uncertainty.band > 0);
	clear(&world);
}

/* ---- refusals ---- */

static void lose_meter(struct world *world)
{
	for (int i = 0; i < 37; i++)
		world->meter[i * 3].value = NAN;
}

static void lose_almost_too_much(struct world *world)
{
	for (int i = 0; i < 36; i++)
		world->meter[i * 3].value = NAN;
}

static void lose_temperature(struct world *world)
{
	for (int i = 0; i < 37; i++)
		world->celsius[i * 3].value = NAN;
}

static void lose_some_of_both(struct world *world)
{
	for (int i = 0; i < 20; i++)
		world->celsius[i * 3].value = world->meter[i * 3 + 1].value = NAN;
}

static void make_negative(struct world *world)
{
	world->meter[100].value = -1;
}

static void make_zeros(struct world *world)
{
	for (int i = 0; i < 37; i++)
		world->meter[i * 3].value = 0;
}

static void shorten(struct world *world)
{
	world->input.spec.baseline.to_ms -= DAY_MS;
}

static void lose_everything(struct world *world)
{
	for (int i = 0; i < DAYS; i++)
		world->meter[i].value = NAN;
}

static const struct {
	const char *name;
	void (*change)(struct world *world);
	const char *failures; /* joined by blanks */
	enum fit_status status;
} refusals[] = {
	{"36 days without readings are fine", lose_almost_too_much, "", FIT_SUCCESS},
	{"37 are too many", lose_meter,
	 "too_many_days_with_missing_data too_many_days_with_missing_meter_data ", FIT_SUCCESS},
	{"37 days without weather", lose_temperature,
	 "too_many_days_with_missing_data too_many_days_with_missing_temperature_data ",
	 FIT_SUCCESS},
	{"20 of each", lose_some_of_both, "too_many_days_with_missing_data ", FIT_SUCCESS},
	{"a negative day", make_negative, "negative_meter_values ", FIT_SUCCESS},
	{"37 days of exactly 0", make_zeros,
	 "too_many_days_with_missing_data too_many_days_with_missing_meter_data ", FIT_SUCCESS},
	{"364 days", shorten, "incorrect_number_of_total_days ", FIT_SUCCESS},
	{"no readings at all", lose_everything,
	 "too_many_days_with_missing_data too_many_days_with_missing_meter_data ", FIT_NO_DATA},
};

static void test_refusals(void **state)
{
	static struct world world;

	(void)state;
	for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
		char got[512] = "";

		make(&world);
		refusals[i].change(&world);
		compute(&world);
		for (int k = 0; k < N_SUFFICIENCY_FAILURES; k++) {
			if (!world.result.sufficiency.failures[k])
				continue;
			strncat(got, sufficiency_name((enum sufficiency_failure)k),
				sizeof got - strlen(got) - 1);
			strncat(got, " ", sizeof got - strlen(got) - 1);
		}
		if (strcmp(got, refusals[i].failures) != 0 ||
		    world.result.fit.status != refusals[i].status ||
		    world.result.sufficiency.is_sufficient != (refusals[i].failures[0] == '\0'))
			fail_msg("%s: '%s'", refusals[i].name, got);
		clear(&world);
	}
}

/* A screen for chance turns away what explains nothing. */
static void test_p_value_screen(void **state)
{
	static struct world world;

	(void)state;
	make(&world);
	for (int i = 0; i < DAYS; i++)
		world.meter[i].value = 100 + 0.05 * fmax(15 - celsius_of(i), 0) + noise_of(i);
	compute(&world);
	assert_int_not_equal(world.result.fit.best.type, FIT_INTERCEPT);
	assert_false(baseline_depends_on_weather(&world.result.fit));
	clear(&world);
	world.input.spec.max_p_value = 1e-100;
	compute(&world);
	assert_int_equal(world.result.fit.best.type, FIT_INTERCEPT);
	clear(&world);
}

static void test_use_that_falls_with_cold_has_no_negative_coefficient(void **state)
{
	static struct world world;

	(void)state;
	make(&world);
	for (int i = 0; i < DAYS; i++)
		world.meter[i].value = 500 - 5 * fmax(15 - celsius_of(i), 0) + noise_of(i);
	world.input.spec.has_cooling = false;
	compute(&world);
	assert_int_equal(world.result.fit.best.type, FIT_INTERCEPT);
	assert_true(world.result.fit.verdicts[FIT_DISQUALIFIED] > 20);
	clear(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_finds_what_was_put_in),
		cmocka_unit_test(test_more_use_is_a_negative_saving),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_p_value_screen),
		cmocka_unit_test(test_use_that_falls_with_cold_has_no_negative_coefficient),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
