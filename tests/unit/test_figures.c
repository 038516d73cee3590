/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/campus.h"

#include "server/figures/figures.h"

enum { QUARTER_MS = 15 * 60 * 1000 };

#define KWH "active_energy_import_kwh"

static struct figures ask(struct campus *campus, const struct factors *factors, const char *now)
{
	return (struct figures){.ledger = campus->ledger,
				.registry = campus->registry,
				.factors = factors,
				.now_ms = campus_time(now),
				.min_coverage = 900000};
}

/* ---- series ---- */

/* Series as text: "meter e01: 2026-03-01 96 e0 c1; ..." */
static int print_series(const struct figures_series *series, void *arg)
{
	struct buf *out = arg;

	buf_printf(out, "%s%s%s%s:", carrier_name(series->carrier), series->item != NULL ? " " : "",
		   series->item != NULL ? series->item : "", "");
	if (series->building != NULL)
		buf_printf(out, " building '%s'", series->building);
	if (series->meter != NULL)
		buf_printf(out, " %s", series->meter);
	for (size_t i = 0; i < series->n_points; i++) {
		const struct figures_point *point = &series->points[i];
		char day[CIVIL_TEXT_MAX], value[DECIMAL_TEXT_MAX];

		(void)civil_print_time(point->start_ms, CAMPUS_OFFSET_MS, day);
		day[13] = '\0';
		(void)decimal_print_micro(point->value, value);
		buf_printf(out, " [%s %s e%lld", day + 5, value,
			   (long long)(point->estimated / 1000));
		if (point->has_coverage)
			buf_printf(out, " c%lld]", (long long)(point->coverage / 1000));
		else
			buf_add_text(out, " c?]");
	}
	buf_add_char(out, '\n');
	return 0;
}

struct series_case {
	const char *name, *from, *to;
	enum figures_interval interval;
	enum figures_by by;
	const char *expected;
};

/* Four weeks of 4 kWh an hour of each main meter and 1 kWh of the lighting; then e02 is silent for
 * a day from 2026-03-29 on, and from 2026-03-31 12:00 on for good. */
static void feed_month(struct campus *campus)
{
	campus_feed(campus, "e01", "2026-03-01", "2026-04-01", MICRO);
	campus_feed(campus, "e02", "2026-03-01", "2026-03-29", MICRO);
	campus_steady(campus, "e02", KWH,
		      (struct reading){campus_time("2026-03-30"),
				       (int64_t)(campus_day("2026-03-30") - 20000) * 96 * MICRO},
		      QUARTER_MS, MICRO, 144);
	campus_feed(campus, "e03", "2026-03-01", "2026-04-01", MICRO / 4);
}

/* clang-format off */
static const struct series_case series_cases[] = {
		{"hours of a meter, a gap", "2026-03-29T23:00:00+08:00", "2026-03-30T01:00:00+08:00", FIGURES_HOUR, FIGURES_BY_METER,
		 "electricity: e01 [03-29T23 4 e0 c1000] [03-30T00 4 e0 c1000]\n"
		 "electricity: e02 [03-29T23 4 e1000 c0] [03-30T00 4 e0 c1000]\n"
		 "electricity: e03 [03-29T23 1 e0 c1000] [03-30T00 1 e0 c1000]\n"},
		{"days: a gap of just the day is exact", "2026-03-29", "2026-04-01", FIGURES_DAY, FIGURES_BY_METER,
		 "electricity: e01 [03-29T00 96 e0 c1000] [03-30T00 96 e0 c1000] [03-31T00 96 e0 c1000]\n"
		 "electricity: e02 [03-29T00 96 e0 c0] [03-30T00 96 e0 c1000] [03-31T00 48 e0 c500]\n"
		 "electricity: e03 [03-29T00 24 e0 c1000] [03-30T00 24 e0 c1000] [03-31T00 24 e0 c1000]\n"},
		/* 144 of 192: the silent main meter is not hidden by the rest */
		{"total: what is silent is missing by its usual energy", "2026-03-30", "2026-04-01", FIGURES_DAY, FIGURES_BY_CARRIER,
		 "electricity total: [03-30T00 192 e0 c1000] [03-31T00 144 e0 c750]\n"
		 "natural_gas total: [03-30T00 50 e1000 c1000] [03-31T00 50 e1000 c1000]\n"},
		{"a partial first hour is not asked for", "2026-03-31T10:30:00+08:00", "2026-03-31T14:00:00+08:00", FIGURES_HOUR, FIGURES_BY_CARRIER,
		 "electricity total: [03-31T11 8 e0 c1000] [03-31T12 4 e0 c500] [03-31T13 4 e0 c500]\n"
		 "natural_gas total:\n"},
		{"items", "2026-03-31", "2026-04-01", FIGURES_DAY, FIGURES_BY_ITEM,
		 "electricity total: [03-31T00 144 e0 c750]\n"
		 "electricity 01A: [03-31T00 24 e0 c1000]\n"
		 "electricity rest: [03-31T00 120 e0 c714]\n"
		 "natural_gas total: [03-31T00 50 e1000 c1000]\n"
		 "natural_gas vehicle:\nnatural_gas heating:\nnatural_gas kitchen: [03-31T00 50 e1000 c1000]\nnatural_gas generator:\n"},
		{"buildings", "2026-03-31", "2026-04-01", FIGURES_DAY, FIGURES_BY_BUILDING,
		 "electricity: building 'main' [03-31T00 96 e0 c1000]\n"
		 "electricity: building 'annex' [03-31T00 48 e0 c500]\n"},
		{"months", "2026-02-01", "2026-05-01", FIGURES_MONTH, FIGURES_BY_CARRIER,
		 /* 31 x 96 + 30.5 x 96; missing 48 */
		 "electricity total: [03-01T00 5904 e0 c991]\n"
		 "natural_gas total: [03-01T00 1550 e0 c1000]\n"},
		{"years: nobody knows what ten months hold", "2026-01-01", "2027-01-01", FIGURES_YEAR, FIGURES_BY_CARRIER,
		 "electricity total: [01-01T00 5904 e0 c?]\n"
		 "natural_gas total: [01-01T00 1550 e0 c84]\n"},
		{"nothing is absent, not zero", "2026-05-01", "2026-05-03", FIGURES_DAY, FIGURES_BY_METER,
		 "electricity: e01\nelectricity: e02\nelectricity: e03\n"},
};
/* clang-format on */

static void test_series(void **state)
{
	struct campus campus;

	(void)state;
	campus_init(&campus, campus_archive);
	feed_month(&campus);
	campus_gas(&campus, "2026-03-01", "2026-04-01", INT64_C(1550000000), USE_KITCHEN);
	struct err err = {""};
	campus_derive(&campus);
	struct figures figures = ask(&campus, NULL, "2026-04-01");
	for (size_t i = 0; i < sizeof series_cases / sizeof *series_cases; i++) {
		struct figures_span span = {campus_time(series_cases[i].from),
					    campus_time(series_cases[i].to),
					    series_cases[i].interval};
		struct buf out = {0};

		campus_check(figures_energy(&figures, 0, &span, series_cases[i].by, print_series,
					    &out, &err),
			     &err);
		if (strcmp(out.data, series_cases[i].expected) != 0)
			fail_msg("%s:\n%s", series_cases[i].name, out.data);
		buf_fini(&out);
	}
	campus_fini(&campus);
}

/* ---- periods ---- */

struct period_case {
	const char *now;
	int year;
	enum figures_period_kind kind;
	int number, rc;
	const char *from, *to;
	bool in_progress;
};

static void test_periods(void **state)
{
	static const struct period_case cases[] = {
		{"2026-11-24", 2026, PERIOD_YEAR, 0, 0, "2026-01-01", "2027-01-01", true},
		{"2026-11-24", 2025, PERIOD_YEAR, 0, 0, "2025-01-01", "2026-01-01", false},
		{"2026-11-24", 2026, PERIOD_MONTH, 0, 0, "2026-11-01", "2026-12-01", true},
		{"2026-11-24", 2026, PERIOD_MONTH, 2, 0, "2026-02-01", "2026-03-01", false},
		{"2026-11-24", 2026, PERIOD_QUARTER, 3, 0, "2026-01-01", "2026-10-01", false},
		{"2026-11-24", 2025, PERIOD_HALF, 0, 0, "2025-07-01", "2026-01-01", false},
		{"2026-11-24", 2026, PERIOD_ROLLING12, 0, 0, "2025-11-01", "2026-11-01", false},
		{"2026-11-24", 2026, PERIOD_MONTH, 12, -EINVAL, NULL, NULL, false},
		{"2026-11-24", 2026, PERIOD_MONTH, 13, -EINVAL, NULL, NULL, false},
		{"2026-11-24", 2025, PERIOD_HEATING, 0, 0, "2025-11-15", "2026-03-16", false},
		{"2026-11-24", 2026, PERIOD_HEATING, 0, 0, "2026-11-15", "2027-03-16", true},
	};
	struct region_tree none = {0};
	struct registry registry = {.offset_ms = CAMPUS_OFFSET_MS, .regions = &none};
	struct factors *factors = campus_factors();

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const struct period_case *c = &cases[i];
		struct figures figures = {
			.registry = &registry, .factors = factors, .now_ms = campus_time(c->now)};
		struct figures_period period;

		assert_int_equal(
			figures_period(&figures, c->year, c->kind, c->number, &period, NULL),
			c->rc);
		if (c->rc < 0)
			continue;
		assert_int_equal(period.days.from, campus_day(c->from));
		assert_int_equal(period.days.to, campus_day(c->to));
		assert_int_equal(period.in_progress, c->in_progress);
	}
	factors_release(factors);
}

/* What has begun where: a region's heating before the nation's usual one, a quarter's own months
 * after the year. */
static void test_what_has_not_begun(void **state)
{
	const char *const codes[] = {"150000", "370000"};
	struct arena *arena = arena_create();
	struct conf_errors errors = {0};
	struct region_tree *tree = region_tree_create(arena, NULL, codes, 2, &errors);
	struct registry registry = {.offset_ms = CAMPUS_OFFSET_MS, .regions = tree};
	struct factors *factors = campus_factors();
	struct figures figures = {
		.registry = &registry, .factors = factors, .now_ms = campus_time("2026-11-01")};
	struct figures_period period;
	struct err err = {""};

	(void)state;
	campus_check(figures_period(&figures, 2026, PERIOD_HEATING, 0, &period, &err), &err);
	assert_int_equal(figures_period_in(&figures, region_find(tree, "370000", 6), &period, &err),
			 -EINVAL);
	campus_check(figures_period_in(&figures, region_find(tree, "150000", 6), &period, &err),
		     &err);
	assert_int_equal(period.days.from, campus_day("2026-10-15"));
	assert_true(period.in_progress);
	figures.now_ms = campus_time("2026-03-10");
	campus_check(figures_period(&figures, 2026, PERIOD_QUARTER, 4, &period, &err), &err);
	assert_int_equal(figures_period_alone(&figures, &period, &err), -EINVAL);
	campus_check(figures_period(&figures, 2026, PERIOD_QUARTER, 1, &period, &err), &err);
	campus_check(figures_period_alone(&figures, &period, &err), &err);
	conf_errors_fini(&errors);
	factors_release(factors);
	arena_destroy(arena);
}

struct compare_case {
	const char *name;
	int year;
	enum figures_period_kind kind;
	int number;
	bool is_alone;
	enum figures_compare compare;
	int rc;
	const char *from, *to;
};

static void test_what_a_period_is_compared_with(void **state)
{
	static const struct compare_case cases[] = {
		{"the year before", 2025, PERIOD_MONTH, 3, false, COMPARE_YEAR, 0, "2024-03-01",
		 "2024-04-01"},
		{"the month before", 2025, PERIOD_MONTH, 3, false, COMPARE_PERIOD, 0, "2025-02-01",
		 "2025-03-01"},
		{"January's before is December", 2025, PERIOD_MONTH, 1, false, COMPARE_PERIOD, 0,
		 "2024-12-01", "2025-01-01"},
		{"the base year's month", 2025, PERIOD_MONTH, 3, false, COMPARE_BASE, 0,
		 "2020-03-01", "2020-04-01"},
		{"a quarter by itself", 2025, PERIOD_QUARTER, 2, true, COMPARE_PERIOD, 0,
		 "2025-01-01", "2025-04-01"},
		{"a cumulative quarter's year before", 2025, PERIOD_QUARTER, 2, false, COMPARE_YEAR,
		 0, "2024-01-01", "2024-07-01"},
		{"a cumulative quarter has none before it", 2025, PERIOD_QUARTER, 2, false,
		 COMPARE_PERIOD, -EINVAL, NULL, NULL},
		{"no plan, no base year", 2019, PERIOD_YEAR, 0, false, COMPARE_BASE, -EINVAL, NULL,
		 NULL},
		{"the season before", 2025, PERIOD_HEATING, 0, false, COMPARE_PERIOD, 0,
		 "2024-11-15", "2025-03-16"},
	};
	struct region_tree none = {0};
	struct registry registry = {.offset_ms = CAMPUS_OFFSET_MS, .regions = &none};
	struct factors *factors = campus_factors();

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const struct compare_case *c = &cases[i];
		struct figures figures = {.registry = &registry,
					  .factors = factors,
					  .now_ms = campus_time("2026-11-24")};
		struct figures_period period;
		struct err err = {""};

		campus_check(figures_period(&figures, c->year, c->kind, c->number, &period, &err),
			     &err);
		if (c->is_alone)
			campus_check(figures_period_alone(&figures, &period, &err), &err);
		if (figures_compare(&figures, c->compare, &period, &err) != c->rc)
			fail_msg("%s: %s", c->name, err.text);
		if (c->rc == 0 && (figures_compared(&period).from != campus_day(c->from) ||
				   figures_compared(&period).to != campus_day(c->to)))
			fail_msg("%s", c->name);
	}
	factors_release(factors);
}

static void test_today(void **state)
{
	struct campus campus;
	struct figures_today today;
	struct err err = {""};

	(void)state;
	campus_init(&campus, campus_archive);
	campus_feed(&campus, "e01", "2026-03-01", "2026-03-02", MICRO);
	campus_steady(&campus, "e01", KWH,
		      (struct reading){campus_time("2026-03-02"),
				       (int64_t)(campus_day("2026-03-02") - 20000) * 96 * MICRO},
		      QUARTER_MS, MICRO, 4);
	campus_derive(&campus);
	struct figures figures = ask(&campus, NULL, "2026-03-02T02:00:00+08:00");
	campus_check(figures_meter_today(&figures, 0, &today, &err), &err);
	assert_true(today.has_reading && today.has_today && today.has_yesterday);
	assert_int_equal(today.newest.time_ms, campus_time("2026-03-02T01:00:00+08:00"));
	assert_int_equal(today.today, 4 * MICRO);
	assert_int_equal(today.today_coverage, 500000);
	assert_int_equal(today.yesterday, 96 * MICRO);
	campus_check(figures_meter_today(&figures, 1, &today, &err), &err);
	assert_false(today.has_reading || today.has_today || today.has_yesterday);
	campus_fini(&campus);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_periods),
		cmocka_unit_test(test_what_has_not_begun),
		cmocka_unit_test(test_what_a_period_is_compared_with),
		cmocka_unit_test(test_series),
		cmocka_unit_test(test_today),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
