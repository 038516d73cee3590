/* SPDX-License-Identifier: Apache-2.0 */
/* Calendars, heating seasons, tariffs, quotas and plans as they are shipped. */
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#include "server/factors/factors.h"
#include "tests/unit/scratch.h"

static struct arena *arena;
static struct region_tree *tree;
static struct factors *shipped;

static int set_up(void **state)
{
	static const char *const codes[] = {"370102", "370202", "540102", "440103"};
	const struct conf_node *root = NULL;
	struct conf_errors errors = {0};

	(void)state;
	arena = arena_create();
	assert_int_equal(conf_parse(arena, "r", "[]", 2, &root, &errors), 0);
	tree = region_tree_create(arena, root, codes, 4, &errors);
	if (factors_load(&shipped, "config/factors", &errors) != 0)
		fail_msg("%s", errors.text.data);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	factors_release(shipped);
	arena_destroy(arena);
	return 0;
}

static civil_day day_of(const char *text)
{
	civil_day day = 0;

	assert_int_equal(civil_parse_day(text, strlen(text), &day), 0);
	return day;
}

static uint32_t region_of(const char *code)
{
	return region_find(tree, code, strlen(code));
}

static const struct {
	const char *name, *day;
	enum day_kind kind;
	bool is_published;
} days[] = {
	{"a plain Monday", "2025-03-03", DAY_WORKING, true},
	{"a plain Saturday", "2025-03-08", DAY_WEEKEND, true},
	{"a holiday on a Tuesday", "2025-01-28", DAY_HOLIDAY, true},
	{"a holiday's last day", "2025-02-04", DAY_HOLIDAY, true},
	{"the day after", "2025-02-05", DAY_WORKING, true},
	{"a Saturday that is worked", "2025-02-08", DAY_WORKING, true},
	{"a Sunday that is worked", "2026-01-04", DAY_WORKING, true},
	{"the day before a new year's", "2022-12-31", DAY_HOLIDAY, true},
	{"a year that is not announced has weekends", "2031-10-01", DAY_WORKING, false},
	{"and its Saturdays", "2031-10-04", DAY_WEEKEND, false},
};

static void days_are_of_their_kind(void **state)
{
	const struct calendar *calendar = factors_calendar(shipped);

	(void)state;
	for (size_t i = 0; i < sizeof days / sizeof *days; i++)
		if (calendar_day(calendar, day_of(days[i].day)) != days[i].kind ||
		    calendar_is_published(calendar, day_of(days[i].day)) != days[i].is_published)
			fail_msg("%s", days[i].name);
}

/* As many days are worked at weekends as the State Council's office makes up for. */
static void working_days_of_a_year(void **state)
{
	static const struct {
		int year, working;
	} years[] = {{2021, 250}, {2022, 249}, {2023, 249}, {2024, 251}, {2025, 248}, {2026, 248}};
	const struct calendar *calendar = factors_calendar(shipped);

	(void)state;
	for (size_t i = 0; i < sizeof years / sizeof *years; i++) {
		civil_day day = civil_day_of((struct civil_date){years[i].year, 1, 1});
		civil_day end = civil_day_of((struct civil_date){years[i].year + 1, 1, 1});
		int working = 0;

		for (; day < end; day++)
			working += calendar_day(calendar, day) == DAY_WORKING;
		if (working != years[i].working)
			fail_msg("%d has %d working days", years[i].year, working);
	}
}

static void schools_and_hospitals_differ(void **state)
{
	const struct calendar *calendar = factors_calendar(shipped);
	uint32_t jinan = region_of("370102"), canton = region_of("440103");
	civil_day summer = day_of("2025-07-15"), sunday = day_of("2025-03-09");

	(void)state;
	assert_true(calendar_works(calendar, CALENDAR_OFFICE, tree, jinan, summer));
	assert_false(calendar_works(calendar, CALENDAR_SCHOOL, tree, jinan, summer));
	assert_true(calendar_works(calendar, CALENDAR_SCHOOL, tree, canton, summer));
	assert_true(calendar_works(calendar, CALENDAR_ALWAYS, tree, jinan, sunday));
	assert_false(calendar_works(calendar, CALENDAR_OFFICE, tree, jinan, sunday));
}

static void seasons_differ_by_region(void **state)
{
	const struct calendar *calendar = factors_calendar(shipped);
	struct calendar_span span;

	(void)state;
	assert_true(calendar_season(calendar, tree, region_of("370102"), 2025, &span));
	assert_int_equal(span.from, day_of("2025-11-15"));
	assert_int_equal(span.to, day_of("2026-03-16"));
	assert_true(calendar_season(calendar, tree, region_of("370202"), 2025, &span));
	assert_int_equal(span.from, day_of("2025-11-16"));
	assert_int_equal(span.to, day_of("2026-04-06"));
}

static const struct {
	const char *name, *day;
	int hour;
	enum tariff_band band;
} hours[] = {
	{"winter evening", "2025-01-15", 17, BAND_SHARP},
	{"winter noon", "2025-01-15", 12, BAND_DEEP},
	{"an hour ends where the next begins", "2025-01-15", 19, BAND_PEAK},
	{"night", "2025-01-15", 3, BAND_FLAT},
	{"summer night", "2025-07-15", 3, BAND_VALLEY},
};

static void hours_have_their_price(void **state)
{
	const struct tariffs *tariffs = factors_tariffs(shipped);
	const struct tariff *tariff =
		tariff_find(tariffs, tree, region_of("370102"), CARRIER_ELECTRICITY, "一般工商业");
	enum tariff_band band;

	(void)state;
	assert_non_null(tariff);
	for (size_t i = 0; i < sizeof hours / sizeof *hours; i++) {
		int64_t price = tariff_price(tariff, day_of(hours[i].day), DAY_WORKING,
					     hours[i].hour, &band);

		if (band != hours[i].band || price != tariff->prices[0].price[band])
			fail_msg("%s: %s", hours[i].name, tariff_band_names[band]);
	}
	assert_int_equal(tariff_price(tariff, day_of("2019-01-01"), DAY_WORKING, 0, &band),
			 MICRO_NONE);
	assert_null(tariff_find(tariffs, tree, region_of("540102"), CARRIER_ELECTRICITY, NULL));
	assert_non_null(tariff_find(tariffs, tree, region_of("540102"), CARRIER_WATER, NULL));
}

static void quotas_are_of_their_class(void **state)
{
	const struct quotas *quotas = factors_quotas(shipped);
	struct quota_subject subject = {.region = region_of("370102"),
					.institution = "x",
					.type = TYPE_GOVERNMENT,
					.affiliation = AFFILIATION_COUNTY};
	civil_day day = day_of("2025-01-01");
	const struct quota *quota = quota_find(quotas, tree, &subject, "energy_per_area_kgce", day);

	(void)state;
	assert_string_equal(quota->class_id, "government_local");
	assert_int_equal(quota->levels[QUOTA_BASE], 11020000);
	assert_true(quota->levels[QUOTA_LIMIT] == MICRO_NONE);
	subject.affiliation = AFFILIATION_PROVINCIAL;
	quota = quota_find(quotas, tree, &subject, "energy_per_area_kgce", day);
	assert_string_equal(quota->class_id, "government_provincial");
	subject.quota_class = "university";
	quota = quota_find(quotas, tree, &subject, "water_per_capita_m3", day);
	assert_int_equal(quota->levels[QUOTA_BASE], 50510000);
	assert_null(quota_find(quotas, tree, &subject, "co2_per_area_kg", day));
}

static void targets_follow_the_tree(void **state)
{
	static const char yaml[] =
		"id: p\nname: p\nkind: plan\nsource: s\nverified: true\nbase_year: 2020\n"
		"target_year: 2025\ntargets:\n"
		"  - {indicator: energy_per_area_kgce, reduction: 0.05}\n"
		"  - {region: \"370000\", indicator: energy_per_area_kgce, reduction: 0.06}\n"
		"  - {region: \"370000\", type: health, indicator: energy_per_area_kgce, "
		"reduction: 0.03}\n"
		"  - {institution: a-1, indicator: energy_per_area_kgce, reduction: 0.1, base: "
		"14}\n";
	static const struct {
		const char *name, *region, *institution;
		int type;
		int64_t reduction;
	} cases[] = {
		{"the nation's", "440103", "b-1", TYPE_GOVERNMENT, 50000},
		{"the province's", "370102", "b-1", TYPE_GOVERNMENT, 60000},
		{"a type's in the province", "370102", "b-1", TYPE_HEALTH, 30000},
		{"its own", "440103", "a-1", TYPE_HEALTH, 100000},
		{"a region as a whole", "370102", "", -1, 60000},
	};
	struct plans plans = {0};
	struct conf_errors errors = {0};
	const struct conf_node *root = NULL;

	(void)state;
	assert_int_equal(conf_parse(arena, "p", yaml, strlen(yaml), &root, &errors), 0);
	plan_take(&plans, arena, root, &errors);
	assert_int_equal(errors.count, 0);
	assert_null(plan_of_year(&plans, 2020));
	assert_non_null(plan_of_year(&plans, 2025));
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const struct quota_subject subject = {.region = region_of(cases[i].region),
						      .institution = cases[i].institution,
						      .type = cases[i].type};
		const struct target *target = plan_target(plan_of_year(&plans, 2025), tree,
							  &subject, "energy_per_area_kgce");

		if (target == NULL || target->reduction != cases[i].reduction)
			fail_msg("%s", cases[i].name);
	}
	plan_fini(&plans);
	assert_string_equal(plan_of_year(factors_plans(shipped), 2026)->status, "指标未下达");
}

static void equivalent_basis_changes_electricity_alone(void **state)
{
	struct factor factor;
	civil_day day = day_of("2025-01-01");

	(void)state;
	assert_true(factors_coal_on(shipped, BASIS_EQUIVALENT, CARRIER_ELECTRICITY, day, &factor));
	assert_int_equal(factor.micro, 300000);
	assert_false(factor.is_verified);
	assert_true(factors_coal_on(shipped, BASIS_EQUIVALENT, CARRIER_HEAT, day, &factor));
	assert_int_equal(factor.micro, 34120000);
}

static const struct {
	const char *name, *yaml, *words;
} mistakes[] = {
	{"levels in the wrong order",
	 "id: q\nname: q\nkind: quota\nsource: s\nverified: true\nclasses: [{id: a, name: a, "
	 "quotas: [{indicator: energy_per_area_kgce, limit: 5, base: 6}]}]\n",
	 "must be limit >= base >= guide"},
	{"an hour twice",
	 "id: t\nname: t\nkind: tariff\nsource: s\nverified: true\ncarrier: electricity\nprices: "
	 "[{flat: 1}]\nbands: [{peak: \"8-12\", valley: \"11-13\"}]\n",
	 "hour 11 stands in another list too"},
	{"a tariff without its price",
	 "id: t\nname: t\nkind: tariff\nsource: s\nverified: true\ncarrier: electricity\nprices: "
	 "[{peak: 1}]\n",
	 "a price is needed"},
	{"hours that are none",
	 "id: t\nname: t\nkind: tariff\nsource: s\nverified: true\ncarrier: electricity\nprices: "
	 "[{flat: 1}]\nbands: [{peak: \"8-25\"}]\n",
	 "not a list of hours"},
	{"a season without end",
	 "id: s\nname: s\nkind: season\nsource: s\nseasons: [{begins: \"11-15\", ends: \"02-30\", "
	 "verified: true}]\n",
	 "not a month and day"},
	{"a day that is none",
	 "id: c\nname: c\nkind: calendar\nsource: s\nyears: [{year: 2025, source: s, verified: "
	 "true, working: [2025-02-30]}]\n",
	 "is not a day"},
	{"a plan that ends before it begins",
	 "id: p\nname: p\nkind: plan\nsource: s\nverified: true\nbase_year: 2025\ntarget_year: "
	 "2020\n",
	 "must be after base_year"},
	{"an indicator that is none",
	 "id: q\nname: q\nkind: quota\nsource: s\nverified: true\nclasses: [{id: a, name: a, "
	 "quotas: [{indicator: energy_per_are, limit: 5}]}]\n",
	 "did you mean"},
};

static void mistakes_are_named(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
		struct conf_errors errors = {0};
		struct factors *factors;
		struct scratch scratch;

		scratch_init(&scratch);
		scratch_write(&scratch, "f/x.yaml", mistakes[i].yaml);
		if (factors_load(&factors, strcat(scratch.folder, "/f"), &errors) != -EINVAL ||
		    strstr(errors.text.data, mistakes[i].words) == NULL)
			fail_msg("%s: %s", mistakes[i].name, errors.text.data);
		*strrchr(scratch.folder, '/') = '\0';
		conf_errors_fini(&errors);
		scratch_fini(&scratch);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(days_are_of_their_kind),
		cmocka_unit_test(working_days_of_a_year),
		cmocka_unit_test(schools_and_hospitals_differ),
		cmocka_unit_test(seasons_differ_by_region),
		cmocka_unit_test(hours_have_their_price),
		cmocka_unit_test(quotas_are_of_their_class),
		cmocka_unit_test(targets_follow_the_tree),
		cmocka_unit_test(equivalent_basis_changes_electricity_alone),
		cmocka_unit_test(mistakes_are_named),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
