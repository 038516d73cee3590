/* SPDX-License-Identifier: Apache-2.0 */
/* Indicators against quotas and targets: the arithmetic. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "server/figures/goal.h"

#define M(x) ((int64_t)((x)*MICRO))

static void test_levels(void **state)
{
	static const struct {
		const char *name;
		int64_t levels[N_QUOTA_LEVELS], value;
		enum quota_level level;
		bool exceeds;
	} cases[] = {
		{"better than exemplary", {M(12), M(10), M(8)}, M(7), QUOTA_GUIDE, false},
		{"just exemplary", {M(12), M(10), M(8)}, M(8), QUOTA_GUIDE, false},
		{"usual", {M(12), M(10), M(8)}, M(8) + 1, QUOTA_BASE, false},
		{"within the limit", {M(12), M(10), M(8)}, M(11), QUOTA_LIMIT, false},
		{"above the limit", {M(12), M(10), M(8)}, M(12) + 1, N_QUOTA_LEVELS, true},
		{"only a base value, met",
		 {MICRO_NONE, M(10), MICRO_NONE},
		 M(10),
		 QUOTA_BASE,
		 false},
		{"only a base value: nothing is exceeded",
		 {MICRO_NONE, M(10), MICRO_NONE},
		 M(99),
		 N_QUOTA_LEVELS,
		 false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct quota quota = {0};

		memcpy(quota.levels, cases[i].levels, sizeof quota.levels);
		if (goal_level(&quota, cases[i].value) != cases[i].level ||
		    goal_exceeds(&quota, cases[i].value) != cases[i].exceeds)
			fail_msg("%s", cases[i].name);
	}
}

/* clang-format off */
/* 2020 to 2025, five per cent of 100: 95 in the end, 96 in the fourth year. */
static const struct plan five_years = {.base_year = 2020, .target_year = 2025};
static const struct target five_percent = {.reduction = 50000};
struct progress_case {
	const char *name;
	struct goal_facts facts;
	double due, used, projected, progress;
	enum goal_state state;
};
static const struct progress_case progress_cases[] = {
	{"a year that is over, on the line",
	 {100, 96, NAN, NAN, 1, 2024},
	 96, 1, 96, 0.8, GOAL_ON_TARGET},
	{"a year that is over, a little above",
	 {100, 96.001, NAN, NAN, 1, 2024},
	 96, 96.001 / 96, 96.001, (1 - 0.96001) / 0.05, GOAL_OFF_TARGET},
	{"half a year, by the time that has passed",
	 {100, 50, NAN, NAN, 0.5, 2024},
	 96, 50 / 96.0, 100, 0, GOAL_OFF_TARGET},
	{"half a year with most of the heating, by last year's share",
	 {100, 60, 62, 96, 0.5, 2024},
	 96, 60 / 96.0, 60 * 96 / 62.0, (1 - 0.6 * 96 / 62) / 0.05, GOAL_ON_TARGET},
	{"no base year", {NAN, 50, 5, 10, 0.5, 2024},
	 NAN, NAN, 100, NAN, GOAL_UNKNOWN},
	{"withheld", {100, NAN, 5, 10, 0.5, 2024},
	 96, NAN, NAN, NAN, GOAL_UNKNOWN},
	{"the year's first hour", {100, 0, NAN, NAN, 0, 2024},
	 96, 0, NAN, NAN, GOAL_UNKNOWN},
};
/* clang-format on */

static bool is_same(double got, double expected)
{
	return isnan(expected) ? isnan(got) : fabs(got - expected) < 1e-12;
}

static void test_progress(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof progress_cases / sizeof *progress_cases; i++) {
		const struct progress_case *one = &progress_cases[i];
		struct goal_progress is = goal_progress(&five_years, &five_percent, &one->facts);

		if (!is_same(is.due, one->due) || !is_same(is.used, one->used) ||
		    !is_same(is.projected, one->projected) ||
		    !is_same(is.progress, one->progress) || is.state != one->state)
			fail_msg("%s: due %g used %g projected %g progress %g state %d", one->name,
				 is.due, is.used, is.projected, is.progress, (int)is.state);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_levels),
		cmocka_unit_test(test_progress),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
