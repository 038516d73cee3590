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

static const char archive_yaml[] =
	"id: 370102-0001\nname: 历下区档案馆\ntype: culture\nregion: \"370102\"\n"
	"headcount: [{from: 2020-01-01, persons: 300}]\n"
	"supply: {electricity: online, natural_gas: bill}\n"
	"buildings:\n"
	"  - {id: main, name: 主楼, area: [{from: 2012-06-01, m2: 18000}]}\n"
	"  - {id: annex, name: 附楼, area: [{from: 2012-06-01, m2: 2000}]}\n"
	"meters:\n"
	"  - {id: e01, building: main, carrier: electricity, item: \"01000\", role: main,\n"
	"     quantity: active_energy_import_kwh, interval: 15m,\n"
	"     lives: [{serial: a, from: 2025-01-01, ratio: 1}]}\n"
	"  - {id: e02, building: annex, carrier: electricity, item: \"01000\", role: main,\n"
	"     quantity: active_energy_import_kwh, interval: 15m,\n"
	"     lives: [{serial: b, from: 2025-01-01, ratio: 1}]}\n"
	"  - {id: e03, building: main, carrier: electricity, item: \"01A00\", role: sub,\n"
	"     parent: e01, quantity: active_energy_import_kwh, interval: 15m,\n"
	"     lives: [{serial: c, from: 2025-01-01, ratio: 1}]}\n";

static const char school_yaml[] =
	"id: 370102-0002\nname: 第一小学\ntype: education\nregion: \"370102\"\n"
	"headcount: [{from: 2020-01-01, persons: 1000}]\n"
	"supply: {electricity: online}\n"
	"meters:\n"
	"  - {id: s01, carrier: electricity, item: \"01000\", role: main,\n"
	"     quantity: active_energy_import_kwh, interval: 15m, expected_year: 87600,\n"
	"     lives: [{serial: s, from: 2025-01-01, ratio: 1}]}\n";

static const char city_yaml[] =
	"id: 370100-0003\nname: 市文化馆\ntype: culture\nregion: \"370100\"\n"
	"headcount: [{from: 2020-01-01, persons: 100}]\n"
	"supply: {electricity: online}\n"
	"meters:\n"
	"  - {id: c01, carrier: electricity, item: \"01000\", role: main,\n"
	"     quantity: active_energy_import_kwh, interval: 15m,\n"
	"     lives: [{serial: t, from: 2025-01-01, ratio: 1}]}\n";

/* 1 kWh a quarter of an hour in whole days [from, to). */
static void feed(struct campus *campus, const char *device, const char *from, const char *to,
		 int64_t step)
{
	civil_day first = campus_day(from), end = campus_day(to);
	int64_t value = (int64_t)(first - 20000) * 96 * step;

	campus_steady(campus, device, KWH, (struct reading){campus_time(from), value}, QUARTER_MS,
		      step, (size_t)(end - first) * 96);
}

static struct figures ask(struct campus *campus, const struct factors *factors, const char *now)
{
	return (struct figures){.ledger = campus->ledger,
				.registry = campus->registry,
				.factors = factors,
				.now_ms = campus_time(now),
				.min_coverage = 900000};
}

static struct factors *load_factors(void)
{
	struct conf_errors errors = {0};
	struct factors *factors;

	if (factors_load(&factors, "config/factors", &errors) < 0)
		fail_msg("%s", errors.text.data);
	conf_errors_fini(&errors);
	return factors;
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

static void add_gas(struct campus *campus, const char *from, const char *to, int64_t m3,
		    enum bill_use use)
{
	struct bill gas = {.institution = "370102-0001",
			   .carrier = CARRIER_NATURAL_GAS,
			   .use = use,
			   .days = {campus_day(from), campus_day(to)},
			   .quantity = m3 * MICRO,
			   .fee = MICRO_NONE,
			   .is_confirmed = true,
			   .account = "",
			   .note = "",
			   .entered_by = "x"};
	struct err err = {""};
	struct bill_result result;

	campus_check(bill_add(campus->ledger, campus->registry, &gas, &result, &err), &err);
}

/* Four weeks of 4 kWh an hour of each main meter and 1 kWh of the lighting; then e02 is silent for
 * a day from 2026-03-29 on, and from 2026-03-31 12:00 on for good. */
static void feed_month(struct campus *campus)
{
	feed(campus, "e01", "2026-03-01", "2026-04-01", MICRO);
	feed(campus, "e02", "2026-03-01", "2026-03-29", MICRO);
	campus_steady(campus, "e02", KWH,
		      (struct reading){campus_time("2026-03-30"),
				       (int64_t)(campus_day("2026-03-30") - 20000) * 96 * MICRO},
		      QUARTER_MS, MICRO, 144);
	feed(campus, "e03", "2026-03-01", "2026-04-01", MICRO / 4);
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
	campus_init(&campus, archive_yaml);
	feed_month(&campus);
	add_gas(&campus, "2026-03-01", "2026-04-01", 1550, USE_KITCHEN);
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
	struct factors *factors = load_factors();

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
	struct factors *factors = load_factors();

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
			figures_period_alone(&figures, &period);
		if (figures_compare(&figures, c->compare, &period, &err) != c->rc)
			fail_msg("%s: %s", c->name, err.text);
		if (c->rc == 0 && (figures_compared(&period).from != campus_day(c->from) ||
				   figures_compared(&period).to != campus_day(c->to)))
			fail_msg("%s", c->name);
	}
	factors_release(factors);
}

/* ---- indicators ---- */

static void get_kpis(const struct figures *figures, int year, enum figures_period_kind kind,
		     int number, struct kpi_value out[N_KPIS])
{
	struct figures_period period;
	struct err err = {""};

	campus_check(figures_period(figures, year, kind, number, &period, &err), &err);
	campus_check(figures_institution_kpis(figures, 0, &period, out, &err), &err);
}

static void test_institution(void **state)
{
	struct factors *factors = load_factors();
	struct kpi_value kpis[N_KPIS];
	struct campus campus;

	(void)state;
	campus_init(&campus, archive_yaml);
	feed(&campus, "e01", "2025-01-01", "2026-03-01", MICRO);
	feed(&campus, "e02", "2025-01-01", "2026-03-01", MICRO);
	add_gas(&campus, "2025-01-01", "2026-01-01", 36500, USE_NONE);
	campus_derive(&campus);
	struct figures figures = ask(&campus, factors, "2026-03-01");
	/* 365 x 192 kWh x 0.1229 + 36 500 m3 x 1.33 = 8 612.832 + 48 545 */
	get_kpis(&figures, 2025, PERIOD_YEAR, 0, kpis);
	assert_true(kpis[KPI_TOTAL_ENERGY].has_value);
	assert_int_equal(kpis[KPI_TOTAL_ENERGY].value, INT64_C(57157832000));
	assert_int_equal(kpis[KPI_TOTAL_ENERGY].coverage, MICRO);
	assert_int_equal(kpis[KPI_ENERGY_PER_CAPITA].value, 190526107); /* / 300 */
	assert_int_equal(kpis[KPI_ENERGY_PER_AREA].value, 2857892);     /* / 20 000 */
	assert_false(kpis[KPI_WATER].applies);
	assert_false(kpis[KPI_TOTAL_ENERGY].has_previous);
	/* February: electricity is all there, the gas bill is not. */
	get_kpis(&figures, 2026, PERIOD_MONTH, 2, kpis);
	assert_true(kpis[KPI_ELECTRICITY].has_value);
	assert_int_equal(kpis[KPI_ELECTRICITY].value, INT64_C(28 * 192 * 1000000));
	assert_true(kpis[KPI_ELECTRICITY].has_change);
	assert_int_equal(kpis[KPI_ELECTRICITY].change, 0);
	assert_false(kpis[KPI_TOTAL_ENERGY].has_value);
	assert_string_equal(kpis[KPI_TOTAL_ENERGY].reason, "awaiting bill: natural_gas 2026-02");
	/* 660.7104 of 660.7104 + 28 x 100 x 1.33 */
	assert_int_equal(kpis[KPI_TOTAL_ENERGY].partial, 660710400);
	assert_int_equal(kpis[KPI_TOTAL_ENERGY].coverage, 150685);
	/* The bill comes. */
	add_gas(&campus, "2026-02-01", "2026-03-01", 2800, USE_NONE);
	campus_derive(&campus);
	get_kpis(&figures, 2026, PERIOD_MONTH, 2, kpis);
	assert_true(kpis[KPI_TOTAL_ENERGY].has_value);
	assert_int_equal(kpis[KPI_TOTAL_ENERGY].value, 660710400 + INT64_C(3724000000));
	assert_int_equal(kpis[KPI_TOTAL_ENERGY].change, 0);
	campus_fini(&campus);
	factors_release(factors);
}

/* On 10 February at noon the gas of January is due, that of February is not. */
static void test_year_in_progress(void **state)
{
	struct factors *factors = load_factors();
	struct kpi_value kpis[N_KPIS];
	struct campus campus;

	(void)state;
	campus_init(&campus, archive_yaml);
	feed(&campus, "e01", "2025-01-01", "2026-02-10", MICRO);
	feed(&campus, "e02", "2025-01-01", "2026-02-10", MICRO);
	campus_steady(&campus, "e01", KWH,
		      (struct reading){campus_time("2026-02-10"),
				       (int64_t)(campus_day("2026-02-10") - 20000) * 96 * MICRO},
		      QUARTER_MS, MICRO, 48);
	campus_steady(&campus, "e02", KWH,
		      (struct reading){campus_time("2026-02-10"),
				       (int64_t)(campus_day("2026-02-10") - 20000) * 96 * MICRO},
		      QUARTER_MS, MICRO, 47);
	add_gas(&campus, "2025-01-01", "2026-01-01", 36500, USE_NONE);
	add_gas(&campus, "2026-01-01", "2026-02-01", 3100, USE_NONE);
	campus_derive(&campus);
	/* Half an hour after e01's newest reading and 45 min after e02's: one is in its grace. */
	struct figures figures = ask(&campus, factors, "2026-02-10T12:30:00+08:00");
	get_kpis(&figures, 2026, PERIOD_YEAR, 0, kpis);
	assert_true(kpis[KPI_TOTAL_ENERGY].has_value);
	/* 40 x 192 + 48 + 47 kWh; e02 misses 3 quarters of an hour */
	assert_int_equal(kpis[KPI_ELECTRICITY].value, INT64_C(7775000000));
	assert_int_equal(kpis[KPI_ELECTRICITY].coverage, 999614); /* 7775 of 7778 */
	/* to 13:00 a year before: 40 x 192 + 13 x 8 */
	assert_int_equal(kpis[KPI_ELECTRICITY].previous, INT64_C(7784000000));
	/* gas of January against gas of January */
	assert_int_equal(kpis[KPI_TOTAL_ENERGY].value, 955547500 + INT64_C(3100) * 1330000);
	assert_int_equal(kpis[KPI_TOTAL_ENERGY].previous, 956653600 + INT64_C(3100) * 1330000);
	campus_fini(&campus);
	factors_release(factors);
}

static int print_row(const struct figures_row *row, void *arg)
{
	const struct kpi_value *kpi = &row->kpis[KPI_ELECTRICITY_PER_CAPITA];
	char value[DECIMAL_TEXT_MAX];

	(void)decimal_print_micro(kpi->value, value);
	buf_printf(arg, "%s %s%s", row->key_name, row->key, row->is_own ? " own" : "");
	if (row->is_group)
		buf_printf(arg, " %u/%u", row->reporting, row->institutions);
	if (kpi->applies && kpi->has_value)
		buf_printf(arg, " %s\n", value);
	else
		buf_printf(arg, " - %s\n", kpi->reason);
	return 0;
}

struct group_case {
	const char *name, *region;
	enum figures_group by;
	const char *expected;
};

static void test_groups(void **state)
{
	/* clang-format off */
	static const struct group_case cases[] = {
		/* 28 days: 2 688 kWh of 1000 persons, 5 376 of 100; the archive lacks a meter */
		{"a region, all of it", "370100", GROUP_NONE, "region 370100 2/3 7.330909\n"},
		{"children and the node's own add up", "370100", GROUP_REGION, "region 370100 own 1/1 53.76\nregion 370102 1/2 2.688\n"},
		{"types", "370100", GROUP_TYPE, "type culture 1/2 53.76\ntype education 1/1 2.688\n"},
		{"institutions", "370102", GROUP_INSTITUTION,
		 "institution 370102-0001 - readings are missing: e02\ninstitution 370102-0002 2.688\n"},
	};
	/* clang-format on */
	struct factors *factors = load_factors();
	struct campus campus;
	struct err err = {""};

	(void)state;
	campus_init(&campus, archive_yaml);
	campus_write(&campus, "registry/institutions/370102-0002.yaml", school_yaml);
	campus_write(&campus, "registry/institutions/370100-0003.yaml", city_yaml);
	campus_reload(&campus);
	feed(&campus, "e01", "2026-01-01", "2026-03-01", MICRO);
	feed(&campus, "s01", "2026-02-01", "2026-03-01", MICRO);
	feed(&campus, "c01", "2026-02-01", "2026-03-01", 2 * MICRO);
	campus_derive(&campus);
	struct figures figures = ask(&campus, factors, "2026-04-01");
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct figures_question question = {
			.region = region_find(campus.registry->regions, cases[i].region, 6),
			.by = cases[i].by};
		struct buf out = {0};

		campus_check(
			figures_period(&figures, 2026, PERIOD_MONTH, 2, &question.period, &err),
			&err);
		campus_check(figures_kpis(&figures, &question, print_row, &out, &err), &err);
		if (strcmp(out.data, cases[i].expected) != 0)
			fail_msg("%s:\n%s", cases[i].name, out.data);
		buf_fini(&out);
	}
	campus_fini(&campus);
	factors_release(factors);
}

static char *ask_group(const struct figures *figures)
{
	struct figures_question question = {
		.region = region_find(figures->registry->regions, "370100", 6), .by = GROUP_REGION};
	struct buf out = {0};
	struct err err = {""};

	campus_check(figures_period(figures, 2026, PERIOD_MONTH, 2, &question.period, &err), &err);
	campus_check(figures_kpis(figures, &question, print_row, &out, &err), &err);
	return buf_take(&out);
}

/* What is remembered is what would be computed, also after something changed. */
static void test_memory(void **state)
{
	struct factors *factors = load_factors();
	struct campus campus;
	char *first = NULL;

	(void)state;
	campus_init(&campus, archive_yaml);
	campus_write(&campus, "registry/institutions/370102-0002.yaml", school_yaml);
	campus_write(&campus, "registry/institutions/370100-0003.yaml", city_yaml);
	campus_reload(&campus);
	feed(&campus, "s01", "2026-02-01", "2026-03-01", MICRO);
	campus_derive(&campus);
	struct figures figures = ask(&campus, factors, "2026-04-01");
	figures.cache = figures_cache_create();
	for (int step = 0; step < 4; step++) {
		struct figures without = figures;

		without.cache = NULL;
		char *a = ask_group(&figures), *b = ask_group(&without), *c = ask_group(&figures);
		assert_string_equal(a, b);
		assert_string_equal(c, b);
		if (step == 0)
			first = xstrdup(a);
		else
			assert_string_not_equal(a, first);
		free(a);
		free(b);
		free(c);
		if (step == 0)
			feed(&campus, "c01", "2026-02-01", "2026-03-01", 2 * MICRO);
		if (step == 1)
			feed(&campus, "e01", "2026-01-01", "2026-03-01", MICRO);
		if (step == 2)
			feed(&campus, "e02", "2026-01-01", "2026-03-01", MICRO);
		campus_derive(&campus);
	}
	free(first);
	figures_cache_destroy(figures.cache);
	campus_fini(&campus);
	factors_release(factors);
}

static void test_today(void **state)
{
	struct campus campus;
	struct figures_today today;
	struct err err = {""};

	(void)state;
	campus_init(&campus, archive_yaml);
	feed(&campus, "e01", "2026-03-01", "2026-03-02", MICRO);
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
		cmocka_unit_test(test_what_a_period_is_compared_with),
		cmocka_unit_test(test_series),
		cmocka_unit_test(test_institution),
		cmocka_unit_test(test_year_in_progress),
		cmocka_unit_test(test_groups),
		cmocka_unit_test(test_today),
		cmocka_unit_test(test_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
