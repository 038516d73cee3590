/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "server/baseline/periods.h"

enum { MAX_BILLS = 8, OFFSET_MS = 8 * HOUR_MS };
#define GONE (-1.0) /* in the tables: missing */

/* Bills from day 0 on, each so many days long; the end marker follows by itself. */
struct bill_case {
	const char *name;
	enum use_cadence cadence;
	bool is_reporting;
	int days[MAX_BILLS]; /* ends with 0 */
	double use[MAX_BILLS];
	bool estimated[MAX_BILLS];
	int expected_days[MAX_BILLS];
	double expected_use[MAX_BILLS];
};

static const struct bill_case bill_cases[] = {
	/* clang-format off */
	{"months stay as they are", CADENCE_MONTHLY, false,
	 {30, 31, 28}, {1, 2, 3}, {0}, {30, 31, 28}, {1, 2, 3}},
	{"25 and 35 days are months", CADENCE_MONTHLY, false,
	 {25, 35}, {1, 2}, {0}, {25, 35}, {1, 2}},
	{"24 and 36 days are none", CADENCE_MONTHLY, false,
	 {24, 36, 30}, {1, 2, 3}, {0}, {24, 36, 30}, {GONE, GONE, 3}},
	{"two months up to 70 days", CADENCE_BIMONTHLY, false,
	 {60, 70, 71}, {1, 2, 3}, {0}, {60, 70, 71}, {1, 2, GONE}},
	{"an estimate joins the read that follows", CADENCE_MONTHLY, false,
	 {30, 31, 30}, {1, 2, 3}, {false, true, false}, {30, 61}, {1, 5}},
	{"two estimates join it as well, but that is too long", CADENCE_MONTHLY, false,
	 {30, 31, 30}, {1, 2, 3}, {true, true, false}, {91}, {GONE}},
	{"two short estimates and a read fit into 70 days", CADENCE_MONTHLY, false,
	 {20, 20, 30}, {1, 2, 3}, {true, true, false}, {70}, {6}},
	{"an estimate without a read is missing", CADENCE_MONTHLY, false,
	 {30, 31}, {1, 2}, {false, true}, {30, 31}, {1, GONE}},
	{"an estimate before a missing read is missing", CADENCE_MONTHLY, false,
	 {30, 31}, {1, GONE}, {true, false}, {61}, {GONE}},
	{"0 is missing", CADENCE_MONTHLY, false,
	 {30, 31}, {0, 2}, {0}, {30, 31}, {GONE, 2}},
	{"reporting: a short bill joins the next", CADENCE_MONTHLY, true,
	 {10, 31, 30}, {1, 2, 3}, {0}, {41, 30}, {3, 3}},
	{"reporting: a long one stays", CADENCE_MONTHLY, true,
	 {80, 31}, {1, 2}, {0}, {80, 31}, {1, 2}},
	{"reporting: a short last one stays", CADENCE_MONTHLY, true,
	 {31, 10}, {1, 2}, {0}, {31, 10}, {1, 2}},
	/* clang-format on */
};

static void check_bills(const struct bill_case *one)
{
	struct sample samples[MAX_BILLS + 1];
	struct use_rule rule = {.cadence = one->cadence,
				.zero_is_missing = true,
				.is_reporting = one->is_reporting,
				.offset_ms = OFFSET_MS};
	struct use_periods periods;
	size_t n = 0, n_expected = 0;
	int64_t at = 0;

	for (; one->days[n] > 0; n++) {
		samples[n] = (struct sample){at, one->use[n] == GONE ? NAN : one->use[n],
					     one->estimated[n]};
		at += one->days[n] * (int64_t)DAY_MS;
	}
	samples[n] = (struct sample){.start_ms = at, .value = NAN};
	rule.to_ms = at;
	periods_init(&periods, samples, n + 1, &rule);
	while (one->expected_days[n_expected] > 0)
		n_expected++;
	if (periods.n != n_expected)
		fail_msg("%s: %zu periods", one->name, periods.n);
	for (size_t i = 0; i < n_expected; i++) {
		double use = isnan(periods.items[i].use) ? GONE : periods.items[i].use;

		if (use != one->expected_use[i] || periods.items[i].length != one->expected_days[i])
			fail_msg("%s: period %zu: %g in %g days", one->name, i, use,
				 periods.items[i].length);
	}
	periods_fini(&periods);
}

static void test_bills(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof bill_cases / sizeof *bill_cases; i++)
		check_bills(&bill_cases[i]);
}

static void test_only_whole_bills_count(void **state)
{
	const struct sample samples[] = {
		{0, 1, false},
		{30LL * DAY_MS, 2, false},
		{60LL * DAY_MS, 3, false},
		{90LL * DAY_MS, NAN, false},
	};
	struct use_rule rule = {.cadence = CADENCE_MONTHLY,
				.offset_ms = OFFSET_MS,
				.from_ms = 1,
				.to_ms = 90LL * DAY_MS - 1};
	struct use_periods periods;

	(void)state;
	periods_init(&periods, samples, 4, &rule);
	assert_int_equal(periods.n, 1);
	assert_true(periods.items[0].use == 2);
	periods_fini(&periods);
}

/* A day of hourly values of 1: n of them known. */
static double day_of_hours(size_t n)
{
	struct sample samples[24];
	struct use_rule rule = {
		.cadence = CADENCE_DAILY, .per_day = 24, .zero_is_missing = true, .to_ms = DAY_MS};
	struct use_periods periods;
	double use;

	for (size_t i = 0; i < 24; i++)
		samples[i] = (struct sample){(int64_t)i * HOUR_MS, i < n ? 1 : NAN, false};
	periods_init(&periods, samples, 24, &rule);
	assert_int_equal(periods.n, 1);
	use = periods.items[0].use;
	periods_fini(&periods);
	return use;
}

static void test_hours_make_days(void **state)
{
	(void)state;
	assert_true(day_of_hours(24) == 24);
	assert_true(fabs(day_of_hours(23) - 24) < 1e-12);
	assert_true(fabs(day_of_hours(12) - 24) < 1e-12);
	assert_true(isnan(day_of_hours(11)));
	assert_true(isnan(day_of_hours(0)));
}

static void test_days_are_local(void **state)
{
	/* 23:59 and 00:00 in China */
	const struct sample samples[] = {
		{16LL * HOUR_MS - 60000, 5, false},
		{16LL * HOUR_MS, 7, false},
	};
	struct use_rule rule = {.cadence = CADENCE_DAILY,
				.per_day = 1,
				.offset_ms = OFFSET_MS,
				.from_ms = -8LL * HOUR_MS,
				.to_ms = 40LL * HOUR_MS};
	struct use_periods periods;

	(void)state;
	periods_init(&periods, samples, 2, &rule);
	assert_int_equal(periods.n, 2);
	assert_true(periods.items[0].use == 5 && periods.items[0].days.from == 0);
	assert_true(periods.items[1].use == 7 && periods.items[1].days.to == 2);
	periods_fini(&periods);
	rule.from_ms++; /* the first day is no longer whole */
	periods_init(&periods, samples, 2, &rule);
	assert_int_equal(periods.n, 1);
	periods_fini(&periods);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bills),
		cmocka_unit_test(test_only_whole_bills_count),
		cmocka_unit_test(test_hours_make_days),
		cmocka_unit_test(test_days_are_local),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
