/* SPDX-License-Identifier: Apache-2.0 */
/* Bills of heat lie on their days by the degrees that these were cold. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/campus.h"

#include "server/figures/figures.h"
#include "server/rollup/bill_spread.h"

/* Days 100 to 103. */
static double means[] = {8, -2, 20, 13};
static const struct temperature weather = {.first = 100, .n = 4, .mean = means};

static const struct {
	const char *phrase;
	enum carrier carrier;
	bool has_weather;
	struct span bill;
	int64_t quantity, expected[4];
} shares[] = {
	{"by degrees below 18", CARRIER_HEAT, true, {100, 104}, 3500, {1000, 2000, 0, 500}},
	{"rounded, and all of it", CARRIER_HEAT, true, {100, 104}, 1001, {286, 572, 0, 143}},
	{"a correction downwards", CARRIER_HEAT, true, {100, 104}, -3500, {-1000, -2000, 0, -500}},
	{"other carriers evenly", CARRIER_WATER, true, {100, 104}, 4000, {1000, 1000, 1000, 1000}},
	{"without weather evenly", CARRIER_HEAT, false, {100, 104}, 4000, {1000, 1000, 1000, 1000}},
	{"a day is not known: evenly",
	 CARRIER_HEAT,
	 true,
	 {99, 104},
	 5000,
	 {1000, 1000, 1000, 1000}},
	{"no day was cold: evenly", CARRIER_HEAT, true, {102, 103}, 70, {0, 0, 70, 0}},
};

static void each_day_has_its_share(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof shares / sizeof *shares; i++) {
		struct bill bill = {.carrier = shares[i].carrier,
				    .days = shares[i].bill,
				    .quantity = shares[i].quantity};
		const struct temperature *known = shares[i].has_weather ? &weather : NULL;

		for (civil_day day = 100; day < 104; day++) {
			int64_t share =
				bill_spread_share(&bill, known, (struct span){day, day + 1});

			if (share != shares[i].expected[day - 100])
				fail_msg("%s: day %d has %lld", shares[i].phrase, (int)day,
					 (long long)share);
		}
		assert_int_equal(bill_spread_share(&bill, known, (struct span){0, 1000}),
				 bill.quantity);
	}
}

/* ---- in the series ---- */

#define HEATED \
	"id: 370102-0001\nname: 馆\ntype: culture\nregion: \"370102\"\nsupply: {heat: bill}\n"

static void write_weather(const struct campus *campus, const char *second)
{
	char *path = xasprintf("%s/registry/weather", campus->folder);
	char *text = xasprintf(
		"ts,temp_c\n2026-01-01,8\n2026-01-02,%s\n2026-01-03,8\n2026-01-04,18\n", second);

	(void)mkdir(path, 0700); /* may be there */
	campus_write(campus, "registry/weather/370100.csv", text);
	free(path);
	free(text);
}

static void put_bill(struct campus *campus, int64_t fee)
{
	struct bill bill = {.institution = "370102-0001",
			    .carrier = CARRIER_HEAT,
			    .days = {campus_day("2026-01-01"), campus_day("2026-01-05")},
			    .quantity = 40 * MICRO,
			    .fee = fee,
			    .period = "2026-01",
			    .is_confirmed = true,
			    .first = MICRO_NONE,
			    .last = MICRO_NONE,
			    .entered_by = "test"};
	struct bill_result result;
	struct err err = {""};

	campus_check(bill_add(campus->ledger, campus->registry, &bill, &result, &err), &err);
	assert_int_equal(result.outcome, BILL_STORED);
}

static int print(const struct figures_series *series, void *arg)
{
	for (size_t i = 0; i < series->n_points; i++)
		buf_printf(arg, "%lld ", (long long)series->points[i].value);
	return 0;
}

static void assert_days(struct campus *campus, const char *expected)
{
	struct figures figures = {.ledger = campus->ledger,
				  .registry = campus->registry,
				  .now_ms = campus_time("2026-02-01"),
				  .min_coverage = 900000};
	struct figures_span span = {campus_time("2026-01-01"), campus_time("2026-01-05"),
				    FIGURES_DAY};
	struct buf text = {0};
	struct err err = {""};

	campus_derive(campus);
	campus_check(figures_energy(&figures, 0, &span, FIGURES_BY_CARRIER, print, &text, &err),
		     &err);
	assert_string_equal(text.data, expected);
	buf_fini(&text);
}

static void days_follow_the_weather(void **state)
{
	struct campus campus;

	(void)state;
	campus_init(&campus, HEATED);
	put_bill(&campus, MICRO_NONE);
	assert_days(&campus, "10000000 10000000 10000000 10000000 ");
	write_weather(&campus, "-2");
	campus_reload(&campus);
	assert_days(&campus, "10000000 20000000 10000000 0 ");
	write_weather(&campus, "8");
	campus_reload(&campus);
	assert_days(&campus, "13333333 13333334 13333333 0 ");
	campus_fini(&campus);
}

static void assert_costs(struct campus *campus, const struct factors *factors, const char *expected)
{
	struct figures figures = {.ledger = campus->ledger,
				  .registry = campus->registry,
				  .factors = factors,
				  .now_ms = campus_time("2026-02-01"),
				  .min_coverage = 900000};
	civil_day from = campus_day("2026-01-01");
	struct figures_period period;
	struct kpi_value kpis[N_KPIS];
	struct buf text = {0};
	struct err err = {""};

	campus_derive(campus);
	for (civil_day day = from; day < from + 5; day++) {
		if (day < from + 4)
			campus_check(figures_period_day(&figures, day, &period, &err), &err);
		else
			campus_check(figures_period(&figures, 2026, PERIOD_MONTH, 1, &period, &err),
				     &err);
		campus_check(figures_institution_kpis(&figures, 0, &period, kpis, &err), &err);
		buf_printf(&text, "%lld ",
			   (long long)(kpis[KPI_ENERGY_COST].has_value
					       ? kpis[KPI_ENERGY_COST].value
					       : kpis[KPI_ENERGY_COST].partial));
	}
	assert_string_equal(text.data, expected);
	buf_fini(&text);
}

/* 1000.01 yuan, and all of them in the month. */
static void fees_lie_where_the_energy_does(void **state)
{
	struct factors *factors = campus_factors();
	struct campus campus;

	(void)state;
	campus_init(&campus, HEATED);
	put_bill(&campus, INT64_C(1000010000));
	assert_costs(&campus, factors, "250002500 250002500 250002500 250002500 1000010000 ");
	write_weather(&campus, "-2");
	campus_reload(&campus);
	assert_costs(&campus, factors, "250002500 500005000 250002500 0 1000010000 ");
	write_weather(&campus, "8");
	campus_reload(&campus);
	assert_costs(&campus, factors, "333336667 333336666 333336667 0 1000010000 ");
	campus_fini(&campus);
	factors_release(factors);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_day_has_its_share),
		cmocka_unit_test(days_follow_the_weather),
		cmocka_unit_test(fees_lie_where_the_energy_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
