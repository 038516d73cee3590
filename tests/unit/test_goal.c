/* SPDX-License-Identifier: Apache-2.0 */
/* Indicators against quotas and targets: the arithmetic, and whole answers of a campus. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "tests/unit/campus.h"

#include "server/figures/figures_goal.h"

#define M(x) ((int64_t)((x)*MICRO))

/* ---- by hand ---- */

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

/* 20 kW from 2025 on: it was not there in the base year. */
static void add_newcomer(struct stage *stage)
{
	struct campus *campus = &stage->campus;
	char *yaml = house("370102-0003", "e03", "from: 2025-01-01\n");
	civil_day first = civil_day_of((struct civil_date){2025, 1, 1});

	campus_write(campus, "registry/institutions/370102-0003.yaml", yaml);
	campus_reload(campus);
	campus_steady(campus, "e03", "active_energy_import_kwh",
		      (struct reading){civil_day_start_utc(first, CAMPUS_OFFSET_MS), 0}, HOUR_MS,
		      20 * MICRO, (size_t)730 * 24);
	campus_derive(campus);
	stage->figures.registry = campus->registry;
	free(yaml);
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
	add_newcomer(&stage);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_levels),
		cmocka_unit_test(test_progress),
		cmocka_unit_test(quotas_are_of_the_class_of_the_time),
		cmocka_unit_test(the_nearest_target_holds),
		cmocka_unit_test(carbon_is_measured_with_frozen_factors),
		cmocka_unit_test(regions_have_targets_too),
		cmocka_unit_test(who_was_not_there_is_not_compared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
