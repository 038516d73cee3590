/* SPDX-License-Identifier: Apache-2.0 */
/* Indicators against quotas and targets: whole answers of a campus. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "tests/unit/campus.h"

#include "server/figures/figures_goal.h"

/* ---- a campus: 2024 is its base year ---- */

static const char goal_factors[][2][1200] = {
	{"coal.yaml", "id: coal\nname: c\nkind: coal\nsource: s\nfactors:\n"
		      "  - {carrier: electricity, value: 0.1229, verified: true}\n"},
	{"grid.yaml",
	 "id: grid\nname: g\nkind: grid\nsource: s\nyears:\n"
	 "  - {year: 2024, source: s, verified: true, national_verified: true, national: 0.6}\n"
	 "  - {year: 2026, source: s, verified: true, national_verified: true, national: 0.3}\n"},
	{"plan.yaml",
	 "id: plan\nname: p\nkind: plan\nsource: s\nverified: true\nbase_year: 2024\n"
	 "target_year: 2026\nfrozen_year: 2024\ntargets:\n"
	 "  - {indicator: electricity_per_area_kwh, reduction: 0.1}\n"
	 "  - {region: \"370102\", indicator: electricity_per_area_kwh, reduction: 0.2}\n"
	 "  - {institution: 370102-0002, indicator: electricity_per_area_kwh, reduction: 0.3,\n"
	 "     base: 80}\n"
	 "  - {indicator: co2_per_area_kg, reduction: 0.1}\n"},
	{"quota.yaml",
	 "id: quota\nname: q\nkind: quota\nsource: s\nverified: false\nclasses:\n"
	 "  - {id: venue, name: 场馆, types: [culture],\n"
	 "     quotas: [{indicator: electricity_per_area_kwh, limit: 80, base: 70, guide: 50}]}\n"
	 "  - {id: library, name: 图书馆,\n"
	 "     quotas: [{indicator: electricity_per_area_kwh, limit: 90, base: 88}]}\n"},
};

static struct factors *load_factors(struct campus *campus)
{
	char *dir = xasprintf("%s/factors", campus->folder);
	struct conf_errors errors = {0};
	struct factors *factors;

	assert_int_equal(mkdir(dir, 0700), 0);
	for (size_t i = 0; i < sizeof goal_factors / sizeof *goal_factors; i++) {
		char *name = xasprintf("factors/%s", goal_factors[i][0]);

		campus_write(campus, name, goal_factors[i][1]);
		free(name);
	}
	if (factors_load(&factors, dir, &errors) < 0)
		fail_msg("%s", errors.text.data);
	free(dir);
	conf_errors_fini(&errors);
	return factors;
}

static char *house(const char *id, const char *meter, const char *more)
{
	return xasprintf("id: %s\nname: %s\ntype: culture\nregion: \"370102\"\n%s"
			 "headcount: [{from: 2020-01-01, persons: 100}]\n"
			 "buildings: [{id: main, name: 楼, area: [{from: 2012-06-01, m2: 1000}]}]\n"
			 "meters:\n"
			 "  - {id: %s, building: main, carrier: electricity, item: \"01000\",\n"
			 "     role: main, quantity: active_energy_import_kwh, interval: 60m,\n"
			 "     lives: [{serial: a, from: 2023-01-01, ratio: 1}]}\n",
			 id, id, more, meter);
}

struct stage {
	struct campus campus;
	struct factors *factors;
	struct figures figures;
};

/* 0001: 10 kW in 2024, 9 kW in 2025, 8 kW in 2026; 0002, a library: 8 kW always. */
static void set_stage(struct stage *stage, const char *now)
{
	struct campus *campus = &stage->campus;
	char *one = house("370102-0001", "e01", "");
	char *two = house("370102-0002", "e02",
			  "quota_class: [{from: 2020-01-01, quota_class: venue},"
			  " {from: 2025-06-01, quota_class: library}]\n");

	campus_init(campus, one);
	campus_write(campus, "registry/institutions/370102-0002.yaml", two);
	campus_reload(campus);
	free(one);
	free(two);
	int64_t start = 0;

	for (int year = 2024; year < 2027; year++) {
		struct civil_date first = {year, 1, 1};
		civil_day day = civil_day_of(first);
		size_t days = civil_day_of((struct civil_date){year + 1, 1, 1}) - day;
		int64_t step = (2034 - year) * MICRO;

		campus_steady(campus, "e01", "active_energy_import_kwh",
			      (struct reading){civil_day_start_utc(day, CAMPUS_OFFSET_MS), start},
			      HOUR_MS, step, days * 24);
		campus_steady(campus, "e02", "active_energy_import_kwh",
			      (struct reading){civil_day_start_utc(day, CAMPUS_OFFSET_MS),
					       (int64_t)(day - 19000) * 24 * 8 * MICRO},
			      HOUR_MS, 8 * MICRO, days * 24);
		start += (int64_t)days * 24 * step;
	}
	campus_derive(campus);
	stage->factors = load_factors(campus);
	stage->figures = (struct figures){.ledger = campus->ledger,
					  .registry = campus->registry,
					  .factors = stage->factors,
					  .now_ms = campus_time(now),
					  .min_coverage = 900000};
}

static void leave_stage(struct stage *stage)
{
	campus_fini(&stage->campus);
	factors_release(stage->factors);
}

static void get(struct stage *stage, uint32_t institution, int year, enum figures_period_kind kind,
		struct figures_goals *goals, struct figures_row *row)
{
	struct figures_period period;
	struct err err = {""};

	*goals = (struct figures_goals){0};
	*row = (struct figures_row){.key_name = "institution", .institution = institution};
	campus_check(figures_period(&stage->figures, year, kind, 0, &period, &err), &err);
	row->key = stage->figures.registry->institutions[institution].id;
	campus_check(
		figures_institution_kpis(&stage->figures, institution, &period, row->kpis, &err),
		&err);
	campus_check(figures_goals_load_one(goals, &stage->figures, institution, &period, &err),
		     &err);
}

static int goal_of(const char *indicator)
{
	int n = 0;

	while (strcmp(quota_indicator_names[n], indicator) != 0)
		n++;
	return n;
}

static void assert_near(double got, double expected)
{
	if (!(fabs(got - expected) < 1e-6))
		fail_msg("%.9g is not %.9g", got, expected);
}

static void quotas_are_of_the_class_of_the_time(void **state)
{
	int n = goal_of("electricity_per_area_kwh");
	struct figures_goals goals;
	struct goal_quota quota;
	struct figures_row row;
	struct stage stage;

	(void)state;
	set_stage(&stage, "2026-07-01");
	/* 9 kW x 8760 h / 1000 m2 = 78.84 kWh: above 70, below 80 */
	get(&stage, 0, 2025, PERIOD_YEAR, &goals, &row);
	assert_true(figures_goal_quota(&goals, &row, n, &quota));
	assert_string_equal(quota.quota->class_id, "venue");
	assert_true(quota.is_judged && !quota.exceeds);
	assert_int_equal(quota.level, QUOTA_LIMIT);
	assert_int_equal(quota.share, 985500);
	figures_goals_free(&goals);
	/* 10 kW x 8784 h */
	get(&stage, 0, 2024, PERIOD_YEAR, &goals, &row);
	assert_true(figures_goal_quota(&goals, &row, n, &quota));
	assert_true(quota.exceeds);
	assert_int_equal(quota.level, N_QUOTA_LEVELS);
	figures_goals_free(&goals);
	/* the library was none before June 2025 */
	get(&stage, 1, 2024, PERIOD_YEAR, &goals, &row);
	assert_true(figures_goal_quota(&goals, &row, n, &quota));
	assert_string_equal(quota.quota->class_id, "venue");
	figures_goals_free(&goals);
	get(&stage, 1, 2025, PERIOD_YEAR, &goals, &row);
	assert_true(figures_goal_quota(&goals, &row, n, &quota));
	assert_string_equal(quota.quota->class_id, "library");
	assert_int_equal(quota.level, QUOTA_BASE);
	figures_goals_free(&goals);
	/* a year that runs is not judged, twelve months are */
	get(&stage, 0, 2026, PERIOD_YEAR, &goals, &row);
	assert_true(figures_goal_quota(&goals, &row, n, &quota));
	assert_false(quota.is_judged);
	figures_goals_free(&goals);
	get(&stage, 0, 2026, PERIOD_ROLLING12, &goals, &row);
	assert_true(figures_goal_quota(&goals, &row, n, &quota));
	assert_true(quota.is_judged);
	figures_goals_free(&goals);
	get(&stage, 0, 2026, PERIOD_MONTH, &goals, &row);
	assert_false(figures_goal_quota(&goals, &row, n, &quota));
	figures_goals_free(&goals);
	leave_stage(&stage);
}

static void the_nearest_target_holds(void **state)
{
	int n = goal_of("electricity_per_area_kwh");
	struct figures_goals goals;
	struct goal_target target;
	struct figures_row row;
	struct stage stage;

	(void)state;
	set_stage(&stage, "2026-07-01");
	/* The district's 20 %: half of it after one of two years. */
	get(&stage, 0, 2025, PERIOD_YEAR, &goals, &row);
	assert_true(figures_goal_target(&goals, &row, n, &target));
	assert_int_equal(target.target->reduction, 200000);
	assert_false(target.is_filed);
	assert_near(target.facts.base, 87.84);
	assert_near(target.progress.due, 79.056);
	assert_int_equal(target.progress.state, GOAL_ON_TARGET);
	figures_goals_free(&goals);
	/* The institution's own 30 % of what it filed. */
	get(&stage, 1, 2025, PERIOD_YEAR, &goals, &row);
	assert_true(figures_goal_target(&goals, &row, n, &target));
	assert_int_equal(target.target->reduction, 300000);
	assert_true(target.is_filed);
	assert_near(target.progress.due, 68);
	assert_near(target.progress.target, 56);
	assert_int_equal(target.progress.state, GOAL_OFF_TARGET);
	figures_goals_free(&goals);
	/* 181 of 365 days: 8 kW against 9 kW the year before, so the year will have 8 of 9. */
	get(&stage, 0, 2026, PERIOD_YEAR, &goals, &row);
	assert_true(figures_goal_target(&goals, &row, n, &target));
	assert_near(target.facts.time_share, 181.0 / 365);
	assert_near(target.progress.last_share, 181.0 / 365);
	assert_true(target.progress.is_by_last_year);
	assert_near(target.progress.projected, 70.08);
	assert_int_equal(target.progress.state, GOAL_ON_TARGET);
	figures_goals_free(&goals);
	leave_stage(&stage);
}

/* The grid's factor halves; with the frozen one only what was saved counts. */
static void carbon_is_measured_with_frozen_factors(void **state)
{
	int n = goal_of("co2_per_area_kg");
	struct figures_goals goals;
	struct goal_target target;
	struct figures_row row;
	struct stage stage;

	(void)state;
	set_stage(&stage, "2027-02-01");
	get(&stage, 1, 2026, PERIOD_YEAR, &goals, &row);
	assert_true(figures_goal_target(&goals, &row, n, &target));
	/* 8 kW x 8760 h x 0.6 / 1000 m2 now, with a day more in the base year */
	assert_near(target.facts.value, 42.048);
	assert_near(target.facts.base, 42.1632);
	assert_near(row.kpis[KPI_CO2_PER_AREA].exact.value, 21.024);
	assert_int_equal(target.progress.state, GOAL_OFF_TARGET);
	figures_goals_free(&goals);
	leave_stage(&stage);
}

static int count_state(const struct figures_row *row, void *arg)
{
	struct figures_goals *goals = arg;
	struct goal_target target;

	assert_true(figures_goal_target(goals, row, goal_of("electricity_per_area_kwh"), &target));
	/* 18 kW and 17 kW over 2000 m2 */
	assert_near(target.facts.base, 79.056);
	assert_near(target.facts.value, 74.46);
	assert_int_equal(target.target->reduction,
			 strcmp(row->key, "370102") == 0 ? 200000 : 100000);
	return 0;
}

static void regions_have_targets_too(void **state)
{
	static const enum figures_group groups[] = {GROUP_NONE, GROUP_SUBTREE};
	struct err err = {""};
	struct stage stage;

	(void)state;
	set_stage(&stage, "2026-07-01");
	for (size_t i = 0; i < sizeof groups / sizeof *groups; i++) {
		struct figures_question question = {.by = groups[i]};
		struct figures_goals goals = {0};

		question.region = region_find(stage.figures.registry->regions, "370100", 6);
		campus_check(figures_period(&stage.figures, 2025, PERIOD_YEAR, 0, &question.period,
					    &err),
			     &err);
		campus_check(figures_goals_load(&goals, &stage.figures, &question, &err), &err);
		campus_check(figures_kpis(&stage.figures, &question, count_state, &goals, &err),
			     &err);
		figures_goals_free(&goals);
	}
	leave_stage(&stage);
}

/* 20 kW from a day of 2025 on: it was not there in the base year. */
static void add_newcomer(struct stage *stage, const char *from)
{
	struct campus *campus = &stage->campus;
	char *more = xasprintf("from: %s\n", from);
	char *yaml = house("370102-0003", "e03", more);
	civil_day first = campus_day(from);

	campus_write(campus, "registry/institutions/370102-0003.yaml", yaml);
	campus_reload(campus);
	campus_steady(campus, "e03", "active_energy_import_kwh",
		      (struct reading){civil_day_start_utc(first, CAMPUS_OFFSET_MS), 0}, HOUR_MS,
		      20 * MICRO,
		      (size_t)(civil_day_of((struct civil_date){2027, 1, 1}) - first) * 24);
	campus_derive(campus);
	stage->figures.registry = campus->registry;
	free(yaml);
	free(more);
}

struct told {
	struct figures_goals goals;
	struct goal_target target;
	int n;
};

static int keep_target(const struct figures_row *row, void *arg)
{
	struct told *told = arg;

	assert_true(figures_goal_target(&told->goals, row, goal_of("electricity_per_area_kwh"),
					&told->target));
	told->n++;
	return 0;
}

static struct told tell_region(struct stage *stage, int year, enum figures_period_kind kind,
			       enum figures_group by)
{
	struct figures_question question = {.by = by};
	struct told told = {.n = 0};
	struct err err = {""};

	question.region = region_find(stage->figures.registry->regions, "370102", 6);
	campus_check(figures_period(&stage->figures, year, kind, 0, &question.period, &err), &err);
	campus_check(figures_goals_load(&told.goals, &stage->figures, &question, &err), &err);
	campus_check(figures_kpis(&stage->figures, &question, keep_target, &told, &err), &err);
	figures_goals_free(&told.goals);
	return told;
}

static void who_was_not_there_is_not_compared(void **state)
{
	static const struct {
		const char *name;
		int year;
		enum figures_period_kind kind;
		double hours, kw; /* of the two that were there */
	} cases[] = {
		{"a year that is over", 2025, PERIOD_YEAR, 8760, 17},
		{"the year so far, beside the whole base year", 2026, PERIOD_YTD, 181 * 24, 16},
		{"twelve months of two years", 2026, PERIOD_ROLLING12, 8760,
		 (17 * 184 + 16 * 181) / 365.0},
	};
	struct stage stage;

	(void)state;
	set_stage(&stage, "2026-07-01");
	add_newcomer(&stage, "2025-01-01");
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct told told = tell_region(&stage, cases[i].year, cases[i].kind, GROUP_NONE);
		double two = cases[i].kw * cases[i].hours / 2000;

		print_message("%s\n", cases[i].name);
		assert_int_equal(told.n, 1);
		assert_true(told.target.is_like_for_like);
		assert_int_equal(told.target.n_both, 2);
		assert_near(told.target.facts.base, 79.056); /* 18 kW x 8784 h / 2000 m2 */
		assert_near(told.target.facts.value, two);
		assert_near(told.target.all_base, 79.056);
		assert_near(told.target.all_value, (two * 2000 + 20 * cases[i].hours) / 3000);
		assert_true(told.target.all.projected > told.target.progress.projected + 10);
	}
	leave_stage(&stage);
}

/* What the year before had used of itself is asked of the same institutions as the rest. */
static void the_year_before_is_of_the_same_institutions(void **state)
{
	static const enum figures_group groups[] = {GROUP_NONE, GROUP_TYPE, GROUP_SUBTREE};
	struct stage stage;

	(void)state;
	set_stage(&stage, "2026-07-01");
	add_newcomer(&stage, "2025-05-01"); /* in half of the first half, and of all the second */
	for (size_t i = 0; i < sizeof groups / sizeof *groups; i++) {
		struct told told = tell_region(&stage, 2026, PERIOD_YTD, groups[i]);

		assert_int_equal(told.n, 1);
		assert_int_equal(told.target.n_both, 2);
		assert_near(told.target.facts.last_so_far, 17 * 181 * 24 / 2000.0);
		assert_near(told.target.facts.last, 17 * 8760 / 2000.0);
		assert_near(told.target.progress.last_share, 181 / 365.0);
		assert_true(told.target.progress.is_by_last_year);
		assert_near(told.target.progress.projected, 16 * 8760 / 2000.0);
		/* Over all of either year it is another one. */
		assert_true(told.target.all.last_share < 181 / 365.0 - 0.01);
	}
	leave_stage(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(quotas_are_of_the_class_of_the_time),
		cmocka_unit_test(the_nearest_target_holds),
		cmocka_unit_test(carbon_is_measured_with_frozen_factors),
		cmocka_unit_test(regions_have_targets_too),
		cmocka_unit_test(who_was_not_there_is_not_compared),
		cmocka_unit_test(the_year_before_is_of_the_same_institutions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
