/* SPDX-License-Identifier: Apache-2.0 */
/* Reference figures of invented institutions (tests/data/mv/indicators.json), from bills, areas and
 * persons through the ledger and the server's own indicators, to a part in 10^10. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <math.h>

#include "tests/unit/campus.h"

#include "server/figures/figures_goal.h"

#define ID "370102-0001"

static const struct {
	enum carrier carrier;
	const char *name;
} billed[] = {{CARRIER_ELECTRICITY, "electricity_kWh"},
	      {CARRIER_NATURAL_GAS, "gas_m3"},
	      {CARRIER_HEAT, "heat_GJ"},
	      {CARRIER_WATER, "water_m3"}};
enum { N_BILLED = sizeof billed / sizeof *billed };

struct stage {
	const json_t *institution;
	struct campus campus;
	struct factors *factors;
	struct figures figures;
};

/* Null: what the reference has no value for, ours has none either. */
static void check(const char *what, const json_t *expected, bool has, double got)
{
	double number = json_number_value(expected);

	if (json_is_null(expected) ? has
				   : !has || !(fabs(got - number) <= 1e-10 * fabs(number) + 1e-13))
		fail_msg("%s: %.15g (%d), expected %.15g", what, got, has, number);
}

static civil_day first_of(int year, int month)
{
	return civil_day_of((struct civil_date){year + (month - 1) / 12, (month - 1) % 12 + 1, 1});
}

/* ---- in ---- */

static char *registry_yaml(const json_t *institution)
{
	struct buf persons = {0}, areas = {0};
	json_t *year;
	char *yaml;
	size_t i;

	json_array_foreach(json_object_get(institution, "years"), i, year)
	{
		long long number = json_integer_value(json_object_get(year, "year"));

		buf_printf(&persons, "%s{from: %lld-01-01, persons: %lld}", i > 0 ? ", " : "",
			   number, json_integer_value(json_object_get(year, "headcount")));
		buf_printf(&areas, "%s{from: %lld-01-01, m2: %.1f}", i > 0 ? ", " : "", number,
			   json_number_value(json_object_get(year, "floor_area_m2")));
	}
	yaml = xasprintf(
		"id: " ID "\nname: 示例\ntype: government\nregion: \"370102\"\n"
		"headcount: [%s]\nbuildings: [{id: main, name: 楼, area: [%s]}]\n"
		"supply: {electricity: bill, natural_gas: bill, heat: bill, water: bill}\n",
		persons.data, areas.data);
	buf_fini(&persons);
	buf_fini(&areas);
	return yaml;
}

static void add_bill(struct stage *stage, int kind, int year, int month, double quantity)
{
	struct bill bill = {.institution = ID,
			    .carrier = billed[kind].carrier,
			    .days = {first_of(year, month), first_of(year, month + 1)},
			    .quantity = llround(quantity * MICRO),
			    .fee = MICRO_NONE,
			    .is_confirmed = true,
			    .account = "",
			    .note = "",
			    .entered_by = "test"};
	struct bill_result result;
	struct err err = {""};

	campus_check(bill_add(stage->campus.ledger, stage->campus.registry, &bill, &result, &err),
		     &err);
}

static void add_year(struct stage *stage, const json_t *year)
{
	int number = (int)json_integer_value(json_object_get(year, "year"));
	json_t *month;
	size_t i;

	json_array_foreach(json_object_get(year, "months"), i, month) for (int kind = 0;
									   kind < N_BILLED; kind++)
	{
		const json_t *quantity = json_object_get(month, billed[kind].name);

		if (json_is_number(quantity))
			add_bill(stage, kind, number,
				 (int)json_integer_value(json_object_get(month, "month")),
				 json_number_value(quantity));
	}
}

static void set_stage(struct stage *stage, const json_t *institution)
{
	char *yaml = registry_yaml(institution);
	json_t *year;
	size_t i;

	stage->institution = institution;
	campus_init(&stage->campus, yaml);
	free(yaml);
	json_array_foreach(json_object_get(institution, "years"), i, year)
	{
		add_year(stage, year);
	}
	campus_derive(&stage->campus);
	stage->factors = campus_factors();
	stage->figures = (struct figures){.ledger = stage->campus.ledger,
					  .registry = stage->campus.registry,
					  .factors = stage->factors,
					  .now_ms = campus_time("2025-02-01"),
					  .min_coverage = MICRO};
}

static void leave_stage(struct stage *stage)
{
	campus_fini(&stage->campus);
	factors_release(stage->factors);
}

/* ---- out ---- */

static void ask(struct stage *stage, enum figures_period_kind kind, int year, int number,
		enum figures_compare compare, struct kpi_value out[N_KPIS])
{
	struct figures_period period;
	struct err err = {""};

	campus_check(figures_period(&stage->figures, year, kind, number, &period, &err), &err);
	campus_check(figures_compare(&stage->figures, compare, &period, &err), &err);
	campus_check(figures_institution_kpis(&stage->figures, 0, &period, out, &err), &err);
}

/* The nation's target of the plan, held by the server's own arithmetic. */
static void check_progress(struct stage *stage, const json_t *expected, int year, enum kpi kpi,
			   const char *indicator)
{
	const struct plan *plan = plan_of_year(factors_plans(stage->factors), 2025);
	struct quota_subject subject = {.institution = ID, .type = TYPE_GOVERNMENT};
	const struct target *target;
	struct kpi_value base[N_KPIS], now[N_KPIS];
	struct goal_progress is;
	bool has;

	target = plan_target(plan, stage->campus.registry->regions, &subject, indicator);
	ask(stage, PERIOD_YEAR, plan->base_year, 0, COMPARE_YEAR, base);
	ask(stage, PERIOD_YEAR, year, 0, COMPARE_YEAR, now);
	has = now[kpi].has_value;
	is = goal_progress(plan, target,
			   &(struct goal_facts){.base = base[kpi].exact.value,
						.value = has ? now[kpi].exact.value : NAN,
						.last_so_far = NAN,
						.last = NAN,
						.time_share = 1,
						.year = year});
	check("reduction", json_object_get(expected, "reduction_vs_base"), has, is.reduction);
	check("planned", json_object_get(expected, "planned_linear"), true, is.planned);
	check("compound", json_object_get(expected, "planned_compound"), true, is.planned_rate);
	check("progress", json_object_get(expected, "completion_of_target"), has, is.progress);
	check("ratio", json_object_get(expected, "progress_ratio_linear"), !isnan(is.ratio),
	      is.ratio);
	check("rate", json_object_get(expected, "remaining_annual_rate"), has, is.rate_left);
	assert_int_equal(is.state, json_is_null(json_object_get(expected, "on_track_linear"))
					   ? GOAL_UNKNOWN
				   : json_is_true(json_object_get(expected, "on_track_linear"))
					   ? GOAL_ON_TARGET
					   : GOAL_OFF_TARGET);
}

/* What the year would have used at the base year's intensity, less what it used. */
static void check_less(struct stage *stage, const json_t *expected, int year, enum kpi kpi,
		       int64_t size)
{
	struct kpi_value base[N_KPIS], now[N_KPIS];

	ask(stage, PERIOD_YEAR, 2020, 0, COMPARE_YEAR, base);
	ask(stage, PERIOD_YEAR, year, 0, COMPARE_YEAR, now);
	check("less by intensity", expected, now[kpi].has_value,
	      base[kpi].exact.value * (double)size / MICRO - now[KPI_TOTAL_ENERGY].exact.value);
}

static void check_year(struct stage *stage, const json_t *expected)
{
	int year = (int)json_integer_value(json_object_get(expected, "year"));
	const struct registry_institution *of = &stage->campus.registry->institutions[0];
	struct kpi_value kpis[N_KPIS];
	static const struct {
		const char *name;
		enum kpi kpi;
	} values[] = {{"comprehensive_energy_kgce", KPI_TOTAL_ENERGY},
		      {"kgce_per_m2", KPI_ENERGY_PER_AREA},
		      {"kgce_per_person", KPI_ENERGY_PER_CAPITA},
		      {"water_m3_per_person", KPI_WATER_PER_CAPITA}};

	ask(stage, PERIOD_YEAR, year, 0, COMPARE_YEAR, kpis);
	assert_int_equal(kpis[KPI_TOTAL_ENERGY].has_value,
			 json_is_true(json_object_get(expected, "complete")));
	for (size_t i = 0; i < sizeof values / sizeof *values; i++)
		check(values[i].name, json_object_get(expected, values[i].name),
		      kpis[values[i].kpi].has_value, kpis[values[i].kpi].exact.value);
	check_progress(stage, json_object_get(expected, "per_area"), year, KPI_ENERGY_PER_AREA,
		       "energy_per_area_kgce");
	check_progress(stage, json_object_get(expected, "per_capita"), year, KPI_ENERGY_PER_CAPITA,
		       "energy_per_capita_kgce");
	check_less(stage, json_object_get(expected, "saving_by_area_intensity_kgce"), year,
		   KPI_ENERGY_PER_AREA,
		   registry_area(of, first_of(year, 1), first_of(year + 1, 1)));
	check_less(stage, json_object_get(expected, "saving_by_capita_intensity_kgce"), year,
		   KPI_ENERGY_PER_CAPITA,
		   registry_headcount(of, first_of(year, 1), first_of(year + 1, 1)));
}

/* Of the year up to the month's end, as an officer sees it on that day. */
static void check_cumulative(struct stage *stage, const json_t *expected, int year, int month)
{
	int64_t now_ms = stage->figures.now_ms;
	struct kpi_value kpis[N_KPIS];

	stage->figures.now_ms = civil_day_start_utc(first_of(year, month + 1), CAMPUS_OFFSET_MS);
	ask(stage, PERIOD_YTD, year, 0, COMPARE_YEAR, kpis);
	check("cumulative", json_object_get(expected, "cumulative_yoy"),
	      kpis[KPI_TOTAL_ENERGY].has_change, kpis[KPI_TOTAL_ENERGY].exact.change);
	stage->figures.now_ms = now_ms;
}

static void check_month(struct stage *stage, const json_t *expected)
{
	int year = (int)json_integer_value(json_object_get(expected, "year"));
	int month = (int)json_integer_value(json_object_get(expected, "month"));
	const json_t *electricity = json_object_get(expected, "electricity_kWh");
	const json_t *energy = json_object_get(expected, "kgce");
	struct kpi_value kpis[N_KPIS];

	ask(stage, PERIOD_MONTH, year, month, COMPARE_YEAR, kpis);
	check("electricity, year", json_object_get(electricity, "yoy"),
	      kpis[KPI_ELECTRICITY].has_change, kpis[KPI_ELECTRICITY].exact.change);
	check("energy, year", json_object_get(energy, "yoy"), kpis[KPI_TOTAL_ENERGY].has_change,
	      kpis[KPI_TOTAL_ENERGY].exact.change);
	ask(stage, PERIOD_MONTH, year, month, COMPARE_PERIOD, kpis);
	check("electricity, month", json_object_get(electricity, "mom"),
	      kpis[KPI_ELECTRICITY].has_change, kpis[KPI_ELECTRICITY].exact.change);
	check_cumulative(stage, energy, year, month);
}

static void the_reference_is_met(void **state)
{
	json_t *root = json_load_file("tests/data/mv/indicators.json", 0, NULL), *institution;
	size_t i, k, years = 0, months = 0;
	json_t *one;

	(void)state;
	assert_non_null(root);
	json_array_foreach(json_object_get(root, "institutions"), i, institution)
	{
		const json_t *expected = json_object_get(institution, "expected");
		struct stage stage;

		set_stage(&stage, institution);
		json_array_foreach(json_object_get(expected, "yearly"), k, one)
		{
			check_year(&stage, one);
			years++;
		}
		json_array_foreach(json_object_get(expected, "monthly"), k, one)
		{
			check_month(&stage, one);
			months++;
		}
		leave_stage(&stage);
	}
	assert_int_equal(years, 10);
	assert_int_equal(months, 48);
	json_decref(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_reference_is_met),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
