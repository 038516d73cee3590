/* SPDX-License-Identifier: Apache-2.0 */
/* Indicators of institutions and groups, from readings and bills on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/campus.h"

#include "server/figures/figures.h"

enum { QUARTER_MS = 15 * 60 * 1000 };

#define KWH "active_energy_import_kwh"

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

static struct figures ask(struct campus *campus, const struct factors *factors, const char *now)
{
	return (struct figures){.ledger = campus->ledger,
				.registry = campus->registry,
				.factors = factors,
				.now_ms = campus_time(now),
				.min_coverage = 900000};
}

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
	struct factors *factors = campus_factors();
	struct kpi_value kpis[N_KPIS];
	struct campus campus;

	(void)state;
	campus_init(&campus, campus_archive);
	campus_feed(&campus, "e01", "2025-01-01", "2026-03-01", MICRO);
	campus_feed(&campus, "e02", "2025-01-01", "2026-03-01", MICRO);
	campus_gas(&campus, "2025-01-01", "2026-01-01", INT64_C(36500000000), USE_NONE);
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
	/* The bill comes; until its rows are there nothing is told, least of all 0. */
	campus_gas(&campus, "2026-02-01", "2026-03-01", INT64_C(2800000000), USE_NONE);
	get_kpis(&figures, 2026, PERIOD_MONTH, 2, kpis);
	assert_false(kpis[KPI_TOTAL_ENERGY].has_value);
	assert_string_equal(kpis[KPI_TOTAL_ENERGY].reason,
			    "being computed: bills have just come or changed");
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
	struct factors *factors = campus_factors();
	struct kpi_value kpis[N_KPIS];
	struct campus campus;

	(void)state;
	campus_init(&campus, campus_archive);
	campus_feed(&campus, "e01", "2025-01-01", "2026-02-10", MICRO);
	campus_feed(&campus, "e02", "2025-01-01", "2026-02-10", MICRO);
	campus_steady(&campus, "e01", KWH,
		      (struct reading){campus_time("2026-02-10"),
				       (int64_t)(campus_day("2026-02-10") - 20000) * 96 * MICRO},
		      QUARTER_MS, MICRO, 48);
	campus_steady(&campus, "e02", KWH,
		      (struct reading){campus_time("2026-02-10"),
				       (int64_t)(campus_day("2026-02-10") - 20000) * 96 * MICRO},
		      QUARTER_MS, MICRO, 47);
	campus_gas(&campus, "2025-01-01", "2026-01-01", INT64_C(36500000000), USE_NONE);
	campus_gas(&campus, "2026-01-01", "2026-02-01", INT64_C(3100000000), USE_NONE);
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
	struct factors *factors = campus_factors();
	struct campus campus;
	struct err err = {""};

	(void)state;
	campus_init(&campus, campus_archive);
	campus_write(&campus, "registry/institutions/370102-0002.yaml", school_yaml);
	campus_write(&campus, "registry/institutions/370100-0003.yaml", city_yaml);
	campus_reload(&campus);
	campus_feed(&campus, "e01", "2026-01-01", "2026-03-01", MICRO);
	campus_feed(&campus, "s01", "2026-02-01", "2026-03-01", MICRO);
	campus_feed(&campus, "c01", "2026-02-01", "2026-03-01", 2 * MICRO);
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
	struct factors *factors = campus_factors();
	struct campus campus;
	char *first = NULL;

	(void)state;
	campus_init(&campus, campus_archive);
	campus_write(&campus, "registry/institutions/370102-0002.yaml", school_yaml);
	campus_write(&campus, "registry/institutions/370100-0003.yaml", city_yaml);
	campus_reload(&campus);
	campus_feed(&campus, "s01", "2026-02-01", "2026-03-01", MICRO);
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
			campus_feed(&campus, "c01", "2026-02-01", "2026-03-01", 2 * MICRO);
		if (step == 1)
			campus_feed(&campus, "e01", "2026-01-01", "2026-03-01", MICRO);
		if (step == 2)
			campus_feed(&campus, "e02", "2026-01-01", "2026-03-01", MICRO);
		campus_derive(&campus);
	}
	free(first);
	figures_cache_destroy(figures.cache);
	campus_fini(&campus);
	factors_release(factors);
}

/* In Qingdao (370200) it is heated until 5 April, elsewhere in Shandong until 15 March. */
static const char seaside_yaml[] =
	"id: 370102-0001\nname: 海滨小学\ntype: education\nregion: \"370202\"\nfrom: 2026-03-01\n"
	"headcount: [{from: 2026-03-01, persons: 10}]\n"
	"supply: {electricity: online}\n"
	"meters:\n"
	"  - {id: q01, carrier: electricity, item: \"01000\", role: main,\n"
	"     quantity: active_energy_import_kwh, interval: 15m,\n"
	"     lives: [{serial: q, from: 2026-03-01, ratio: 1}]}\n";

static char *ask_season(struct figures *figures, const char *now, struct figures_cache *cache)
{
	struct figures_question question = {
		.region = region_find(figures->registry->regions, "370000", 6), .by = GROUP_NONE};
	struct buf out = {0};
	struct err err = {""};

	figures->now_ms = campus_time(now);
	figures->cache = cache;
	campus_check(figures_period(figures, 2025, PERIOD_HEATING, 0, &question.period, &err),
		     &err);
	campus_check(figures_period_in(figures, question.region, &question.period, &err), &err);
	campus_check(figures_kpis(figures, &question, print_row, &out, &err), &err);
	return buf_take(&out);
}

/* The region's season is over, a city's goes on: its silent meter misses more from hour to hour. */
static void test_memory_of_a_longer_season(void **state)
{
	struct figures_cache *cache = figures_cache_create();
	struct factors *factors = campus_factors();
	struct campus campus;

	(void)state;
	campus_init(&campus, seaside_yaml);
	campus_feed(&campus, "q01", "2026-03-01", "2026-03-21", MICRO);
	campus_derive(&campus);
	struct figures figures = ask(&campus, factors, "2026-03-21");
	char *early = ask_season(&figures, "2026-03-21", cache);
	char *late = ask_season(&figures, "2026-03-31", cache);
	char *computed = ask_season(&figures, "2026-03-31", NULL);

	/* 20 days x 96 kWh; 10 persons in 20 of the 125 days from 16 November on */
	assert_string_equal(early, "region 370000 1/1 1200\n");
	assert_string_equal(computed, "region 370000 0/1 - no institution reports enough\n");
	assert_string_equal(late, computed);
	free(early);
	free(late);
	free(computed);
	figures_cache_destroy(cache);
	campus_fini(&campus);
	factors_release(factors);
}

/* A steady 8 kW of both meters; February 2026 has 28 days, 11 of them free. */
static void test_operation(void **state)
{
	struct factors *factors = campus_factors();
	struct kpi_value kpis[N_KPIS];
	struct campus campus;

	(void)state;
	campus_init(&campus, campus_archive);
	campus_feed(&campus, "e01", "2026-02-01", "2026-03-01", MICRO);
	campus_feed(&campus, "e02", "2026-02-01", "2026-03-01", MICRO);
	campus_gas(&campus, "2026-02-01", "2026-03-01", INT64_C(2800000000), USE_NONE);
	campus_derive(&campus);
	struct figures figures = ask(&campus, factors, "2026-03-02");
	get_kpis(&figures, 2026, PERIOD_MONTH, 2, kpis);
	assert_int_equal(kpis[KPI_PEAK_DEMAND].value, 8 * MICRO);
	assert_int_equal(kpis[KPI_LOAD_FACTOR].value, MICRO);
	assert_int_equal(kpis[KPI_BASE_LOAD].value, 8 * MICRO);
	assert_int_equal(kpis[KPI_BASE_LOAD_SHARE].value, MICRO);
	assert_int_equal(kpis[KPI_FREE_DAY_LOAD].value, 8 * MICRO);
	/* A day of February in Shandong: 17-20 sharp, 20-22 peak, 10-11 and 14-15 valley, 11-14
	 * deep, 14 hours flat: 8 kW x (3 x 1.146 + 2 x 0.992 + 14 x 0.684 + 2 x 0.376 + 3 x 0.222)
	 * = 131.328 yuan. Gas without a fee: 2800 x 3.45. */
	assert_int_equal(kpis[KPI_BASE_LOAD_COST].value, INT64_C(28 * 131328000));
	assert_int_equal(kpis[KPI_ENERGY_COST].value,
			 INT64_C(28 * 131328000) + INT64_C(9660000000));
	assert_int_equal(kpis[KPI_ENERGY_COST].estimated, MICRO);
	assert_false(kpis[KPI_WATER_COST].applies);
	/* The lighting's meter is silent: neither its part nor the rest is known. */
	assert_true(kpis[KPI_LIGHTING].applies && !kpis[KPI_LIGHTING].has_value);
	assert_true(kpis[KPI_RESIDUAL].applies && !kpis[KPI_RESIDUAL].has_value);
	assert_string_equal(kpis[KPI_RESIDUAL].reason, "readings are missing: e03");
	assert_false(kpis[KPI_PUE].applies);
	campus_feed(&campus, "e03", "2026-02-01", "2026-03-01", MICRO / 4);
	campus_derive(&campus);
	get_kpis(&figures, 2026, PERIOD_MONTH, 2, kpis);
	assert_int_equal(kpis[KPI_LIGHTING].value, INT64_C(28 * 24 * 1000000));
	assert_int_equal(kpis[KPI_RESIDUAL].value, INT64_C(28 * 24 * 7000000));
	assert_int_equal(kpis[KPI_RESIDUAL_SHARE].value, 875000);
	campus_fini(&campus);
	factors_release(factors);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_institution),
		cmocka_unit_test(test_year_in_progress),
		cmocka_unit_test(test_groups),
		cmocka_unit_test(test_operation),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_memory_of_a_longer_season),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
