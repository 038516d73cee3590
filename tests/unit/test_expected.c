/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "common/civil.h"
#include "common/mem.h"
#include "server/registry/registry.h"
#include "server/rollup/expected.h"

enum { N = 8 * 168 };

/* Eight weeks of hours; hour i of the week counts 1000 + i, a week later 100 more. */
static struct amount *make_hours(void)
{
	struct amount *hours = xcalloc(N, sizeof *hours);

	for (int i = 0; i < N; i++)
		hours[i] = (struct amount){.is_known = true,
					   .value = 1000 + i % 168 + i / 168 * 100,
					   .covered_ms = HOUR_MS,
					   .closed_ms = HOUR_MS};
	return hours;
}

static const struct span_ms always = {INT64_MIN, INT64_MAX};

static struct expected sum(const struct amount *hours, const struct span_ms *alive, int64_t year)
{
	struct expected_run run = {
		.n = N, .hours = hours, .alive = alive, .n_alive = 1, .expected_year = year};
	struct expected *each = xcalloc(N, sizeof *each), total = {0};

	expected_each_hour(&run, each);
	for (int i = 0; i < N; i++) {
		total.missing += each[i].missing;
		total.is_unknown |= each[i].is_unknown;
	}
	free(each);
	return total;
}

static void open_up(struct amount *hours, int from, int to)
{
	for (int i = from; i < to; i++)
		hours[i] = (struct amount){0};
}

static void test_nothing_missing(void **state)
{
	struct amount *hours = make_hours();

	(void)state;
	assert_int_equal(sum(hours, &always, MICRO_NONE).missing, 0);
	free(hours);
}

/* Hour 3 of week 6: the mean of weeks 2 to 5 is 1003 + 350. */
static void test_mean_of_four_weeks(void **state)
{
	struct amount *hours = make_hours();

	(void)state;
	open_up(hours, 6 * 168 + 3, 6 * 168 + 4);
	assert_int_equal(sum(hours, &always, MICRO_NONE).missing, 1353);
	free(hours);
}

/* A hole of two weeks is expected from the weeks before it, not from itself. */
static void test_long_hole(void **state)
{
	struct amount *hours = make_hours();
	int64_t week = 0;

	(void)state;
	for (int i = 0; i < 168; i++)
		week += 1000 + i + 250; /* weeks 1 to 4 */
	open_up(hours, 5 * 168, 7 * 168);
	assert_int_equal(sum(hours, &always, MICRO_NONE).missing, 2 * week);
	free(hours);
}

static void test_estimated_and_partial_hours_are_no_sample(void **state)
{
	struct amount *hours = make_hours();

	(void)state;
	open_up(hours, 6 * 168, 6 * 168 + 1);
	hours[5 * 168].estimated = 1;
	hours[4 * 168].covered_ms = 0;
	hours[3 * 168].covered_ms = HOUR_MS / 2; /* closed by a gap: exact, but no sample */
	assert_int_equal(sum(hours, &always, MICRO_NONE).missing, 1200);
	free(hours);
}

static void test_part_of_an_hour(void **state)
{
	struct amount *hours = make_hours();

	(void)state;
	hours[6 * 168].closed_ms = HOUR_MS / 4 * 3;
	hours[6 * 168].covered_ms = HOUR_MS / 4 * 3;
	assert_int_equal(sum(hours, &always, MICRO_NONE).missing, 338); /* 1350 / 4 = 337.5 */
	free(hours);
}

static void test_outside_of_life_nothing_is_missed(void **state)
{
	struct amount *hours = make_hours();
	struct span_ms alive = {0, (6 * 168 + 1) * (int64_t)HOUR_MS + HOUR_MS / 2};

	(void)state;
	open_up(hours, 6 * 168, N);
	/* 1350, and half of 1351 */
	assert_int_equal(sum(hours, &alive, MICRO_NONE).missing, 1350 + 676);
	free(hours);
}

/* What is not asked for changes nothing of what is. */
static void test_hours_that_are_skipped(void **state)
{
	struct amount *hours = make_hours();
	struct expected *all = xcalloc(N, sizeof *all), *late = xcalloc(N, sizeof *late);
	struct expected_run run = {.n = N,
				   .hours = hours,
				   .alive = &always,
				   .n_alive = 1,
				   .expected_year = MICRO_NONE};

	(void)state;
	open_up(hours, 300, 310);
	open_up(hours, 700, N);
	expected_each_hour(&run, all);
	run.skip = 900;
	expected_each_hour(&run, late);
	for (int i = 0; i < N; i++) {
		assert_int_equal(late[i].missing, i < 900 ? 0 : all[i].missing);
		assert_int_equal(late[i].is_unknown, i >= 900 && all[i].is_unknown);
	}
	assert_true(all[N - 1].missing > 0);
	free(hours);
	free(all);
	free(late);
}

static void test_without_history(void **state)
{
	struct amount *hours = xcalloc(N, sizeof *hours);
	struct span_ms alive = {0, 10 * (int64_t)HOUR_MS};

	(void)state;
	assert_true(sum(hours, &alive, MICRO_NONE).is_unknown);
	assert_false(sum(hours, &alive, 8760000).is_unknown);
	assert_int_equal(sum(hours, &alive, 8760000).missing, 10000);
	free(hours);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_missing),
		cmocka_unit_test(test_mean_of_four_weeks),
		cmocka_unit_test(test_long_hole),
		cmocka_unit_test(test_estimated_and_partial_hours_are_no_sample),
		cmocka_unit_test(test_part_of_an_hour),
		cmocka_unit_test(test_outside_of_life_nothing_is_missed),
		cmocka_unit_test(test_hours_that_are_skipped),
		cmocka_unit_test(test_without_history),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
