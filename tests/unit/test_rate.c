/* SPDX-License-Identifier: Apache-2.0 */
#include "server/api/rate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { NOW = 1000000 };

/* How many of n requests at one moment are let through. */
static int let_through(struct rate *rate, int64_t id, int n, int64_t now_ms)
{
	int through = 0;

	for (int i = 0; i < n; i++)
		through += rate_take(rate, id, now_ms) == 0;
	return through;
}

static const struct {
	const char *phrase;
	int64_t per_second, after; /* after: ms between the two times */
	int first, second;         /* asked at once at each */
	int got[2];
} cases[] = {
	{"two seconds' worth at once", 5, 0, 100, 100, {10, 0}},
	{"a second later one second's worth", 5, 1000, 100, 100, {10, 5}},
	{"after long never more than that", 5, 3600000, 100, 100, {10, 10}},
	{"parts of a second add up", 10, 100, 100, 100, {20, 1}},
	{"who asks little is never stopped", 5, 1000, 3, 3, {3, 3}},
	{"a clock that goes back gives nothing", 5, -5000, 100, 100, {10, 0}},
	{"no limit", 0, 0, 5000, 5000, {5000, 5000}},
};

static void buckets_fill_with_time(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct rate *rate = rate_create(cases[i].per_second);
		int first = let_through(rate, 7, cases[i].first, NOW);
		int second = let_through(rate, 7, cases[i].second, NOW + cases[i].after);

		if (first != cases[i].got[0] || second != cases[i].got[1])
			fail_msg("%s: %d, %d", cases[i].phrase, first, second);
		rate_destroy(rate);
	}
}

static void one_costs_another_nothing(void **state)
{
	struct rate *rate = rate_create(5);

	(void)state;
	assert_int_equal(let_through(rate, 1, 100, NOW), 10);
	for (int64_t id = 2; id < 500; id++)
		assert_int_equal(let_through(rate, id, 100, NOW), 10);
	assert_int_equal(let_through(rate, 1, 100, NOW), 0);
	rate_destroy(rate);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(buckets_fill_with_time),
		cmocka_unit_test(one_costs_another_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
