/* SPDX-License-Identifier: Apache-2.0 */
/* Properties of all figures: parts add up to the whole, exactly, whatever the tree, the period and
 * the carrier; and a factor moves just what depends on it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/campus.h"

#include "server/figures/figures.h"

enum { N_HOUSES = 5, YEAR = 2025, DAYS = 365 };

struct world {
	struct campus campus;
	struct factors *factors;
	struct figures figures;
	uint64_t random;
};

static uint32_t draw(struct world *world, uint32_t below)
{
	world->random ^= world->random << 13;
	world->random ^= world->random >> 7;
	world->random ^= world->random << 17;
	return (uint32_t)(world->random % below);
}

/* ---- institutions of several counties, lines and levels, one of them in a shared house ---- */

static void write_house(struct world *world, int i)
{
	static const char *const types[] = {"government", "education", "health", "culture"};
	static const char *const levels[] = {"city", "county", "provincial"};
	static const char *const regions[] = {"370102", "370103", "370100", "370203"};
	char *name = xasprintf("registry/institutions/370102-%04d.yaml", i);
	char *yaml = xasprintf(
		"id: 370102-%04d\nname: 机构\ntype: %s\nregion: \"%s\"\ndepartment: 条线%u\n"
		"affiliation: %s\nheadcount: [{from: 2020-01-01, persons: %u}]\n"
		"supply: {electricity: online, water: online, natural_gas: bill, petrol: bill}\n"
		"buildings: [{id: b, name: 楼, area: [{from: 2012-06-01, m2: %u}]}]\n"
		"meters:\n"
		"  - {id: e%d, building: b, carrier: electricity, item: \"01000\", role: main,\n"
		"     quantity: active_energy_import_kwh, interval: 24h, expected_year: 90000,\n"
		"     lives: [{serial: a, from: 2023-01-01, ratio: %u}]}\n"
		"  - {id: s%d, building: b, carrier: electricity, item: \"01A00\", role: sub,\n"
		"     parent: e%d, quantity: active_energy_import_kwh, interval: 24h,\n"
		"     lives: [{serial: b, from: 2023-01-01, ratio: 1}]}\n"
		"  - {id: t%d, building: b, carrier: electricity, item: \"01B10\", role: sub,\n"
		"     parent: e%d, quantity: active_energy_import_kwh, interval: 24h,\n"
		"     lives: [{serial: c, from: 2023-01-01, ratio: 1}]}\n"
		"  - {id: p%d, building: b, carrier: electricity, role: generation,\n"
		"     quantity: active_energy_import_kwh, interval: 24h,\n"
		"     lives: [{serial: d, from: 2023-01-01, ratio: 1}]}\n"
		"  - {id: w%d, building: b, carrier: water, role: main, expected_year: 9000,\n"
		"     quantity: volume_total_m3, interval: 24h,\n"
		"     lives: [{serial: e, from: 2023-01-01, ratio: 1}]}\n",
		i, types[draw(world, 4)], regions[draw(world, 4)], draw(world, 3),
		levels[draw(world, 3)], 1 + draw(world, 400), 1 + draw(world, 20000), i,
		1 + draw(world, 60), i, i, i, i, i, i);

	campus_write(&world->campus, name, yaml);
	free(name);
	free(yaml);
}

static const char shared_house[] =
	"id: house\nname: 合署办公楼\nregion: \"370102\"\nmeters:\n"
	"  - {id: h0, carrier: electricity, item: \"01000\", role: main, interval: 24h,\n"
	"     quantity: active_energy_import_kwh, expected_year: 50000,\n"
	"     lives: [{serial: f, from: 2023-01-01, ratio: 7}]}\n"
	"occupants:\n"
	"  - {institution: 370102-0001, from: 2020-01-01, m2: 700}\n"
	"  - {institution: 370102-0002, from: 2020-01-01, to: 2025-08-11, m2: 333}\n"
	"  - {institution: 370102-0003, from: 2025-08-11, m2: 333}\n";

/* A day's step of any size, and now and then a gap of days. */
static void feed(struct world *world, const char *kind, int i, const char *quantity)
{
	struct reading readings[DAYS + 40];
	char *meter = xasprintf("%s%d", kind, i);
	int64_t start = campus_time("2024-12-25"), value = draw(world, 1000000);
	size_t n = 0;

	for (int day = 0; day < DAYS + 20; day++) {
		value += draw(world, 300000000);
		if (day > 10 && draw(world, 20) == 0)
			day += (int)draw(world, 5);
		readings[n++] = (struct reading){
			start + day * (int64_t)DAY_MS + draw(world, 3600000), value};
	}
	campus_merge(&world->campus, meter, quantity, readings, n);
	free(meter);
}

static void add_bill(struct world *world, int i, enum carrier carrier, civil_day from, civil_day to)
{
	char *id = xasprintf("370102-%04d", i);
	struct bill bill = {.institution = id,
			    .carrier = carrier,
			    .use = carrier == CARRIER_PETROL ? USE_VEHICLE : USE_NONE,
			    .days = {from, to},
			    .quantity = 1 + draw(world, 2000000000),
			    .fee = carrier == CARRIER_PETROL || draw(world, 2) == 0
					   ? draw(world, 2000000000)
					   : MICRO_NONE,
			    .is_confirmed = true,
			    .account = "",
			    .note = "",
			    .entered_by = "test"};
	struct bill_result result;
	struct err err = {""};

	campus_check(bill_add(world->campus.ledger, world->campus.registry, &bill, &result, &err),
		     &err);
	free(id);
}

/* Bills of odd lengths, one after the other. */
static void bill_year(struct world *world, int i, enum carrier carrier)
{
	civil_day end = campus_day("2026-01-01");

	for (civil_day at = campus_day("2025-01-01"); at < end;) {
		civil_day next = at + 20 + (civil_day)draw(world, 50);

		if (next > end)
			next = end;
		add_bill(world, i, carrier, at, next);
		at = next;
	}
}

static void make_world(struct world *world, uint64_t seed)
{
	*world = (struct world){.random = seed};
	campus_make(&world->campus);
	for (int i = 1; i <= N_HOUSES; i++)
		write_house(world, i);
	campus_write_site(&world->campus, "house", shared_house);
	struct err err = {""};
	campus_check(ledger_open(&world->campus.ledger, world->campus.path, &err), &err);
	campus_check(derive_open(&world->campus.derive, world->campus.ledger, &err), &err);
	campus_reload(&world->campus);
	for (int i = 1; i <= N_HOUSES; i++) {
		feed(world, "e", i, "active_energy_import_kwh");
		feed(world, "s", i, "active_energy_import_kwh");
		feed(world, "t", i, "active_energy_import_kwh");
		feed(world, "p", i, "active_energy_import_kwh");
		feed(world, "w", i, "volume_total_m3");
		bill_year(world, i, CARRIER_NATURAL_GAS);
		bill_year(world, i, CARRIER_PETROL);
	}
	feed(world, "h", 0, "active_energy_import_kwh");
	campus_derive(&world->campus);
	world->factors = campus_factors();
	world->figures = (struct figures){.ledger = world->campus.ledger,
					  .registry = world->campus.registry,
					  .factors = world->factors,
					  .now_ms = campus_time("2026-02-01"),
					  .min_coverage = 0};
}

static void end_world(struct world *world)
{
	campus_fini(&world->campus);
	factors_release(world->factors);
}

/* ---- sums over trees ---- */

struct sums {
	int64_t values[N_KPIS];
	size_t rows;
};

/* A subtree has its whole in its first row, and the parts of the parts behind it. */
static int add_row(const struct figures_row *row, void *arg)
{
	struct sums *sums = arg;

	sums->rows++;
	for (int kpi = 0; kpi < N_KPIS; kpi++)
		if (row->kpis[kpi].applies && row->kpis[kpi].has_value)
			sums->values[kpi] += row->kpis[kpi].value;
	return 0;
}

static struct sums ask(struct world *world, const struct figures_period *period, const char *region,
		       enum figures_group by)
{
	struct figures_question question = {
		.period = *period,
		.region = region_find(world->figures.registry->regions, region, strlen(region)),
		.by = by};
	struct sums sums = {.rows = 0};
	struct err err = {""};

	campus_check(figures_kpis(&world->figures, &question, add_row, &sums, &err), &err);
	return sums;
}

static void compare(const char *what, enum figures_period_kind kind, int number,
		    const struct sums *whole, const struct sums *parts)
{
	for (int kpi = 0; kpi < N_KPIS; kpi++)
		if (!kpi_is_quotient((enum kpi)kpi) && whole->values[kpi] != parts->values[kpi])
			fail_msg("%s, %s %d: %s is %lld, its parts %lld", what,
				 figures_period_names[kind], number, kpi_name((enum kpi)kpi),
				 (long long)whole->values[kpi], (long long)parts->values[kpi]);
}

static void get_period(struct world *world, enum figures_period_kind kind, int number,
		       struct figures_period *period)
{
	struct err err = {""};

	campus_check(figures_period(&world->figures, YEAR, kind, number, period, &err), &err);
	campus_check(figures_period_alone(&world->figures, period, &err), &err);
}

/* Every tree gives the same whole; its leaves are the institutions. */
static void trees_add_up(void **state)
{
	static const enum figures_group trees[] = {GROUP_REGION, GROUP_TYPE, GROUP_DEPARTMENT,
						   GROUP_AFFILIATION, GROUP_INSTITUTION};
	static const struct {
		enum figures_period_kind kind;
		int numbers;
	} periods[] = {{PERIOD_MONTH, 12}, {PERIOD_QUARTER, 4}, {PERIOD_HALF, 2},
		       {PERIOD_YEAR, 1},   {PERIOD_YTD, 1},     {PERIOD_ROLLING12, 1}};
	struct world world;

	(void)state;
	make_world(&world, 88172645463325252U);
	for (size_t p = 0; p < sizeof periods / sizeof *periods; p++)
		for (int number = 1; number <= periods[p].numbers; number++) {
			struct figures_period period;
			struct sums whole;

			get_period(&world, periods[p].kind, number, &period);
			whole = ask(&world, &period, "370000", GROUP_NONE);
			assert_true(whole.values[KPI_TOTAL_ENERGY] > 0);
			for (size_t t = 0; t < sizeof trees / sizeof *trees; t++) {
				struct sums parts = ask(&world, &period, "370000", trees[t]);

				compare(figures_group_names[trees[t]], periods[p].kind, number,
					&whole, &parts);
			}
		}
	end_world(&world);
}

/* ---- sums over time ---- */

/* Not a sum over time: the highest quarter, and what a period's own mean night would cost. */
static bool is_of_the_period(int kpi)
{
	return kpi == KPI_PEAK_DEMAND || kpi == KPI_BASE_LOAD_COST;
}

static void add(struct sums *sums, const struct sums *more)
{
	for (int kpi = 0; kpi < N_KPIS; kpi++)
		sums->values[kpi] += more->values[kpi];
}

static void periods_add_up(void **state)
{
	static const struct {
		enum figures_period_kind kind;
		int numbers;
	} cuts[] = {{PERIOD_MONTH, 12}, {PERIOD_QUARTER, 4}, {PERIOD_HALF, 2}};
	struct figures_period period;
	struct sums year;
	struct world world;

	(void)state;
	make_world(&world, 6364136223846793005U);
	get_period(&world, PERIOD_YEAR, 1, &period);
	year = ask(&world, &period, "370000", GROUP_NONE);
	for (size_t c = 0; c < sizeof cuts / sizeof *cuts; c++) {
		struct sums parts = {.rows = 0};

		for (int number = 1; number <= cuts[c].numbers; number++) {
			struct sums one;

			get_period(&world, cuts[c].kind, number, &period);
			one = ask(&world, &period, "370000", GROUP_NONE);
			add(&parts, &one);
		}
		for (int kpi = 0; kpi < N_KPIS; kpi++)
			if (is_of_the_period(kpi))
				parts.values[kpi] = year.values[kpi];
		compare("the year", cuts[c].kind, 0, &year, &parts);
	}
	end_world(&world);
}

/* ---- series of one institution ---- */

struct series_sums {
	int64_t total, used, parts; /* of one carrier, by item; used: with own generation */
	int64_t all;                /* of one item, by interval */
};

static int add_series(const struct figures_series *series, void *arg)
{
	struct series_sums *sums = arg;

	for (size_t i = 0; i < series->n_points; i++) {
		if (series->carrier != CARRIER_ELECTRICITY)
			continue;
		if (strcmp(series->item, "total") == 0)
			sums->total += series->points[i].value;
		sums->used += total_in_rest(series->item) * series->points[i].value;
		if (strcmp(series->item, "rest") == 0)
			sums->parts += series->points[i].value;
	}
	return 0;
}

static int add_carrier(const struct figures_series *series, void *arg)
{
	int64_t *sums = arg;

	for (size_t i = 0; i < series->n_points; i++)
		sums[series->carrier] += series->points[i].value;
	return 0;
}

static void series_add_up(void **state)
{
	static const enum figures_interval intervals[] = {FIGURES_HOUR, FIGURES_DAY, FIGURES_MONTH,
							  FIGURES_YEAR};
	struct world world;
	struct err err = {""};

	(void)state;
	make_world(&world, 1442695040888963407U);
	for (uint32_t i = 0; i < world.figures.registry->n_institutions; i++) {
		int64_t first[N_CARRIERS] = {0};

		for (size_t k = 0; k < sizeof intervals / sizeof *intervals; k++) {
			struct figures_span span = {campus_time("2025-01-01"),
						    campus_time("2026-01-01"), intervals[k]};
			int64_t sums[N_CARRIERS] = {0};
			struct series_sums items = {0};

			campus_check(figures_energy(&world.figures, i, &span, FIGURES_BY_ITEM,
						    add_series, &items, &err),
				     &err);
			assert_true(items.total > 0);
			assert_int_equal(items.parts, items.used);
			campus_check(figures_energy(&world.figures, i, &span, FIGURES_BY_CARRIER,
						    add_carrier, sums, &err),
				     &err);
			if (k == 1)
				memcpy(first, sums, sizeof first);
			/* Billed carriers have no hours. */
			for (int c = 0; c < N_CARRIERS && k > 1; c++)
				assert_int_equal(sums[c], first[c]);
			if (k == 0)
				first[CARRIER_ELECTRICITY] = sums[CARRIER_ELECTRICITY];
			assert_int_equal(sums[CARRIER_ELECTRICITY], first[CARRIER_ELECTRICITY]);
		}
	}
	end_world(&world);
}

/* ---- a factor moves what depends on it ---- */

/* clang-format off */
static const struct {
	const char *name, *file, *from, *to;
	enum kpi moves[12]; /* ends with N_KPIS */
} changes[] = {
	{"electricity's standard coal", "coal.yaml", "value: 0.1229", "value: 0.13",
	 {KPI_TOTAL_ENERGY, KPI_ENERGY_PER_CAPITA, KPI_ENERGY_PER_AREA, KPI_NON_HEATING_PER_AREA, N_KPIS}},
	{"gas", "coal.yaml", "value: 1.33", "value: 1.2",
	 {KPI_TOTAL_ENERGY, KPI_ENERGY_PER_CAPITA, KPI_ENERGY_PER_AREA, KPI_NON_HEATING_PER_AREA, N_KPIS}},
	{"coal, that nobody burns", "coal.yaml", "value: 0.7143", "value: 0.7", {N_KPIS}},
	{"vehicle fuel is not the building's", "coal.yaml", "per_kg: 1.4714", "per_kg: 1.5",
	 {KPI_TOTAL_ENERGY, KPI_ENERGY_PER_CAPITA, N_KPIS}},
	{"carbon of gas", "co2.yaml", "value: 2.162", "value: 2.2",
	 {KPI_CO2_SCOPE1, KPI_CO2, KPI_CO2_PER_AREA, KPI_CO2_PER_CAPITA, KPI_CO2_PER_AREA_FROZEN,
	  KPI_CO2_PER_CAPITA_FROZEN, N_KPIS}},
	{"the grid of the newest year", "grid.yaml", "\"370000\": 0.6191", "\"370000\": 0.6",
	 {KPI_CO2_SCOPE2, KPI_CO2, KPI_CO2_PER_AREA, KPI_CO2_PER_CAPITA, N_KPIS}},
	{"the grid of the frozen year", "grid.yaml", "\"370000\": 0.6838", "\"370000\": 0.7",
	 {KPI_CO2_PER_AREA_FROZEN, KPI_CO2_PER_CAPITA_FROZEN, N_KPIS}},
	{"the grid of another province", "grid.yaml", "\"110000\": 0.5554", "\"110000\": 0.5", {N_KPIS}},
	{"the price of electricity", "tariff-shandong.yaml", "flat: 0.6840", "flat: 0.7",
	 {KPI_ENERGY_COST, KPI_BASE_LOAD_COST, N_KPIS}},
	{"the price of water", "tariff-water.yaml", "flat: 3.85", "flat: 4", {KPI_WATER_COST, N_KPIS}},
	{"a quota", "quota-guangdong.yaml", "base: 12.49", "base: 12.5", {N_KPIS}},
	{"a target", "plan-14.yaml", "reduction: 0.05", "reduction: 0.06", {N_KPIS}},
};
/* clang-format on */

/* The shipped factors with one text of one file exchanged. */
static struct factors *changed_factors(const struct campus *campus, size_t change)
{
	struct conf_errors errors = {0};
	struct factors *factors;
	char *command = xasprintf("rm -rf '%s/factors' && cp -r config/factors '%s/factors' && "
				  "grep -qF '%s' '%s/factors/%s' && "
				  "sed -i '0,/%s/s//%s/' '%s/factors/%s'",
				  campus->folder, campus->folder, changes[change].from,
				  campus->folder, changes[change].file, changes[change].from,
				  changes[change].to, campus->folder, changes[change].file);
	char *dir = xasprintf("%s/factors", campus->folder);

	if (system(command) != 0) /* NOLINT(concurrency-mt-unsafe,cert-env33-c): a test's files */
		fail_msg("%s", command);
	if (factors_load(&factors, dir, &errors) < 0)
		fail_msg("%s", errors.text.data);
	conf_errors_fini(&errors);
	free(command);
	free(dir);
	return factors;
}

static bool is_expected(size_t change, int kpi)
{
	for (int i = 0; changes[change].moves[i] != N_KPIS; i++)
		if ((int)changes[change].moves[i] == kpi)
			return true;
	return false;
}

static void check_change(size_t change, const struct kpi_value before[N_KPIS],
			 const struct kpi_value after[N_KPIS])
{
	for (int kpi = 0; kpi < N_KPIS; kpi++) {
		bool moved = after[kpi].value != before[kpi].value ||
			     after[kpi].has_value != before[kpi].has_value;

		if (moved != is_expected(change, kpi))
			fail_msg("%s: %s %s", changes[change].name, kpi_name((enum kpi)kpi),
				 moved ? "moved" : "did not move");
	}
}

static void a_factor_moves_what_depends_on_it(void **state)
{
	struct kpi_value before[N_KPIS], after[N_KPIS];
	struct figures_period period;
	struct err err = {""};
	struct world world;

	(void)state;
	make_world(&world, 2862933555777941757U);
	get_period(&world, PERIOD_YEAR, 1, &period);
	campus_check(figures_institution_kpis(&world.figures, 0, &period, before, &err), &err);
	for (size_t c = 0; c < sizeof changes / sizeof *changes; c++) {
		struct figures figures = world.figures;
		struct factors *factors = changed_factors(&world.campus, c);

		figures.factors = factors;
		campus_check(figures_institution_kpis(&figures, 0, &period, after, &err), &err);
		check_change(c, before, after);
		factors_release(factors);
	}
	end_world(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(trees_add_up),
		cmocka_unit_test(periods_add_up),
		cmocka_unit_test(series_add_up),
		cmocka_unit_test(a_factor_moves_what_depends_on_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
