/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/plan/latency.h"

#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>

#include <cmocka.h>

static void percentiles_are_within_a_step(void **state)
{
	struct latency latency = {0};

	(void)state;
	assert_int_equal(latency_percentile(&latency, 500), 0);
	for (int64_t us = 1; us <= 1000; us++)
		latency_add(&latency, us * 100);
	assert_in_range(latency_percentile(&latency, 500), 50000, 57000);
	assert_in_range(latency_percentile(&latency, 999), 99900, 113000);
	assert_in_range(latency_percentile(&latency, 1000), 100000, 113000);
}

static void extremes_have_a_place(void **state)
{
	struct latency latency = {0};

	(void)state;
	latency_add(&latency, 0);
	latency_add(&latency, INT64_C(3600000000));
	assert_in_range(latency_percentile(&latency, 1), 64, 72);
	assert_true(latency_percentile(&latency, 1000) >= 60000000);
}

static void old_answers_are_forgotten(void **state)
{
	struct latency latency = {0};

	(void)state;
	for (int i = 0; i < 10000; i++)
		latency_add(&latency, 1000000);
	for (int i = 0; i < 60000; i++)
		latency_add(&latency, 1000);
	assert_true(latency_percentile(&latency, 990) < 1200);
}

static void time_outs_follow_what_was_measured(void **state)
{
	struct latency latency = {0};

	(void)state;
	assert_int_equal(latency_timeout_ms(&latency, 50, 1000), 1000);
	for (int i = 0; i < LATENCY_ENOUGH; i++)
		latency_add(&latency, 100000);
	assert_in_range(latency_timeout_ms(&latency, 50, 1000), 200, 230);
	assert_int_equal(latency_timeout_ms(&latency, 300, 1000), 300);
	assert_int_equal(latency_timeout_ms(&latency, 50, 150), 150);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(percentiles_are_within_a_step),
		cmocka_unit_test(extremes_have_a_place),
		cmocka_unit_test(old_answers_are_forgotten),
		cmocka_unit_test(time_outs_follow_what_was_measured),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
