/* SPDX-License-Identifier: Apache-2.0 */
#include "server/factors/factors.h"

#include <stdarg.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#include "tests/unit/scratch.h"

static struct arena *arena;
static struct region_tree *tree;
static struct factors *shipped;

static struct factors *load(const char *dir)
{
	struct conf_errors errors = {0};
	struct factors *factors = NULL;

	if (factors_load(&factors, dir, &errors) != 0)
		fail_msg("%s", errors.text.data);
	return factors;
}

static int set_up(void **state)
{
	static const char *const codes[] = {"370102", "540102", "110101001"};
	static const char yaml[] = "- {code: JNGX01, name: 高新区, parent: \"370100\"}\n";
	const struct conf_node *root = NULL;
	struct conf_errors errors = {0};

	(void)state;
	arena = arena_create();
	assert_int_equal(conf_parse(arena, "r", yaml, strlen(yaml), &root, &errors), 0);
	tree = region_tree_create(arena, root, codes, 3, &errors);
	shipped = load("config/factors");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	factors_release(shipped);
	arena_destroy(arena);
	return 0;
}

static civil_day day(int year, int month)
{
	return civil_day_of((struct civil_date){year, month, 15});
}

static const struct {
	const char *name;
	enum carrier carrier;
	int64_t micro; /* -1: none */
	bool is_verified;
} coal[] = {
	{"electricity at its own energy", CARRIER_ELECTRICITY, 122900, true},
	{"water is no energy", CARRIER_WATER, -1, false},
	{"natural gas", CARRIER_NATURAL_GAS, 1330000, true},
	{"heat", CARRIER_HEAT, 34120000, true},
	{"cooling is made of something", CARRIER_COOLING, -1, false},
	{"coal", CARRIER_COAL, 714300, true},
	{"petrol, 1.4714 x 0.73", CARRIER_PETROL, 1074122, true},
	{"diesel, 1.4571 x 0.86", CARRIER_DIESEL, 1253106, false},
	{"liquefied petroleum gas", CARRIER_LPG, 1714300, true},
	{"other is counted in kgce", CARRIER_OTHER, 1000000, true},
};

static void standard_coal_is_known(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof coal / sizeof *coal; i++) {
		struct factor factor = {.micro = -1};
		bool is_known = factors_coal(shipped, coal[i].carrier, day(2026, 1), &factor);

		if (is_known != (coal[i].micro >= 0) || factor.micro != coal[i].micro ||
		    factor.is_verified != coal[i].is_verified || factor.is_provisional)
			fail_msg("%s: %lld", coal[i].name, (long long)factor.micro);
	}
}

static const struct {
	const char *name, *region;
	enum carrier carrier;
	int year;
	int64_t micro; /* -1: none */
	bool is_provisional;
	const char *set;
} co2[] = {
	{"a province in its year", "370000", CARRIER_ELECTRICITY, 2021, 683800, false,
	 "mee-grid-2021"},
	{"a county uses its province's", "370102", CARRIER_ELECTRICITY, 2022, 641000, false,
	 "mee-grid-2022"},
	{"a local zone too", "JNGX01", CARRIER_ELECTRICITY, 2023, 619100, false, "mee-grid-2023"},
	{"a township too", "110101001", CARRIER_ELECTRICITY, 2023, 555400, false, "mee-grid-2023"},
	{"after the last year", "370102", CARRIER_ELECTRICITY, 2026, 619100, true, "mee-grid-2023"},
	{"before the first year", "370102", CARRIER_ELECTRICITY, 2019, 683800, true,
	 "mee-grid-2021"},
	{"a region without its own uses its grid's", "540102", CARRIER_ELECTRICITY, 2022, 226800,
	 true, "mee-grid-2022"},
	{"natural gas", "370102", CARRIER_NATURAL_GAS, 2026, 2162000, false, "ndrc-buildings-2015"},
	{"bought heat", "370102", CARRIER_HEAT, 2026, 110000000, false, "ndrc-buildings-2015"},
	{"petrol, 2.925 x 0.73", "370102", CARRIER_PETROL, 2026, 2135250, false,
	 "ndrc-buildings-2015"},
	{"diesel, 3.096 x 0.86", "370102", CARRIER_DIESEL, 2026, 2662560, false,
	 "ndrc-buildings-2015"},
	{"water", "370102", CARRIER_WATER, 2026, -1, false, NULL},
	{"other fuel has none", "370102", CARRIER_OTHER, 2026, -1, false, NULL},
};

static void carbon_dioxide_is_known(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof co2 / sizeof *co2; i++) {
		struct factor factor = {.micro = -1};
		uint32_t region = region_find(tree, co2[i].region, strlen(co2[i].region));
		bool is_known = factors_co2(shipped, tree, region, co2[i].carrier,
					    day(co2[i].year, 7), &factor);

		if (is_known != (co2[i].micro >= 0) || factor.micro != co2[i].micro ||
		    factor.is_provisional != co2[i].is_provisional ||
		    (is_known && strcmp(factor.set, co2[i].set) != 0))
			fail_msg("%s: %lld %s", co2[i].name, (long long)factor.micro, factor.set);
	}
}

static void a_region_that_is_unknown_uses_the_nation(void **state)
{
	struct factor factor;

	(void)state;
	assert_true(
		factors_co2(shipped, tree, UINT32_MAX, CARRIER_ELECTRICITY, day(2023, 1), &factor));
	assert_int_equal(factor.micro, 530600);
	assert_true(factor.is_provisional);
}

static void a_year_begins_and_ends_at_its_borders(void **state)
{
	uint32_t region = region_find(tree, "37", 2);
	civil_day new_year = civil_day_of((struct civil_date){2023, 1, 1});
	struct factor factor;

	(void)state;
	assert_true(factors_co2(shipped, tree, region, CARRIER_ELECTRICITY, new_year, &factor));
	assert_string_equal(factor.set, "mee-grid-2023");
	assert_true(factors_co2(shipped, tree, region, CARRIER_ELECTRICITY, new_year - 1, &factor));
	assert_string_equal(factor.set, "mee-grid-2022");
	assert_false(factor.is_provisional);
}

/* 30 provinces, the nation and 7 regional grids, three years; no province is zero or above plain
 * coal power. */
static void the_grid_is_complete(void **state)
{
	size_t n, n_grid = 0;
	const struct factor_entry *entries = factors_entries(shipped, &n);

	(void)state;
	for (size_t i = 0; i < n; i++) {
		if (entries[i].kind != FACTOR_GRID)
			continue;
		n_grid++;
		assert_true(entries[i].micro > 100000 && entries[i].micro < 850000);
		assert_true(strlen(entries[i].source) > 0);
	}
	assert_int_equal(n_grid, 3 * (31 + 7));
}

static void a_gap_between_years_uses_the_one_before(void **state)
{
	struct scratch scratch;
	struct factors *factors;
	struct factor factor;

	(void)state;
	scratch_init(&scratch);
	scratch_write(&scratch, "f/grid.yaml",
		      "id: g\nname: g\nkind: grid\nsource: s\nyears:\n"
		      "  - {year: 2020, source: s, national: 0.6, national_verified: true, "
		      "verified: true}\n"
		      "  - {year: 2023, source: s, national: 0.5, national_verified: true, "
		      "verified: true, regions: {\"370102\": 0.1}}\n");
	scratch_write(
		&scratch, "f/coal.yaml",
		"id: c\nname: c\nkind: coal\nsource: s\nfactors:\n"
		"  - {carrier: electricity, value: 0.404, to: 2021-01-01, verified: true}\n"
		"  - {carrier: electricity, value: 0.1229, from: 2022-01-01, verified: true}\n");
	factors = load(strcat(scratch.folder, "/f"));
	*strrchr(scratch.folder, '/') = '\0';
	assert_true(factors_co2(factors, tree, region_find(tree, "37", 2), CARRIER_ELECTRICITY,
				day(2021, 5), &factor));
	assert_int_equal(factor.micro, 600000);
	assert_true(factor.is_provisional);
	assert_true(factors_co2(factors, tree, region_find(tree, "370102", 6), CARRIER_ELECTRICITY,
				day(2021, 5), &factor));
	assert_int_equal(factor.micro, 100000);
	assert_true(factors_coal(factors, CARRIER_ELECTRICITY, day(2021, 5), &factor));
	assert_int_equal(factor.micro, 404000);
	assert_true(factor.is_provisional);
	factors_release(factors);
	scratch_fini(&scratch);
}

static void the_version_is_that_of_the_contents(void **state)
{
	struct factors *again = load("config/factors");

	(void)state;
	assert_int_equal(factors_version(again), factors_version(shipped));
	assert_int_not_equal(factors_version(again), 0);
	assert_ptr_equal(factors_hold(again), again);
	factors_release(again);
	factors_release(again);
}

static void an_empty_folder_is_a_mistake(void **state)
{
	struct scratch scratch;
	struct conf_errors errors = {0};
	struct factors *factors = NULL;

	(void)state;
	scratch_init(&scratch);
	assert_true(factors_load(&factors, scratch.folder, &errors) < 0);
	assert_null(factors);
	assert_non_null(strstr(errors.text.data, "no file gives electricity a coal factor"));
	conf_errors_fini(&errors);
	scratch_fini(&scratch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(standard_coal_is_known),
		cmocka_unit_test(carbon_dioxide_is_known),
		cmocka_unit_test(a_region_that_is_unknown_uses_the_nation),
		cmocka_unit_test(a_year_begins_and_ends_at_its_borders),
		cmocka_unit_test(the_grid_is_complete),
		cmocka_unit_test(a_gap_between_years_uses_the_one_before),
		cmocka_unit_test(the_version_is_that_of_the_contents),
		cmocka_unit_test(an_empty_folder_is_a_mistake),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
