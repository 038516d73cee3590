/* SPDX-License-Identifier: Apache-2.0 */
#include "server/registry/registry.h"

#include <stdarg.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#include "tests/unit/scratch.h"

enum { OFFSET_MS = 8 * HOUR_MS };

static struct registry *load(const char *dir)
{
	struct conf_errors errors = {0};
	struct registry *registry = NULL;

	if (registry_load(&registry, dir, "config/regions.yaml", OFFSET_MS, &errors) != 0)
		fail_msg("%s", errors.text.data);
	conf_errors_fini(&errors);
	return registry;
}

/* A registry of one institution "i1" whose file ends with the given text. */
static struct registry *one(const char *rest)
{
	struct scratch scratch;
	struct registry *registry;
	char *text = xasprintf("id: i1\nname: 馆\ntype: culture\nregion: \"370102\"\n%s", rest);

	scratch_init(&scratch);
	scratch_write(&scratch, "institutions/i1.yaml", text);
	registry = load(scratch.folder);
	scratch_fini(&scratch);
	free(text);
	return registry;
}

static const struct registry_meter *meter(const struct registry *registry, const char *id)
{
	uint32_t at = registry_find_meter(registry, id, strlen(id));

	assert_int_not_equal(at, REGISTRY_NONE);
	return &registry->meters[at];
}

static const char *parent_id(const struct registry *registry, const char *id)
{
	uint32_t parent = meter(registry, id)->parent;

	return parent == REGISTRY_NONE ? "none" : registry->meters[parent].id;
}

static int64_t utc(const char *text)
{
	int64_t ms = 0;

	assert_int_equal(civil_parse_time(text, strlen(text), OFFSET_MS, &ms), 0);
	return ms;
}

static civil_day day(const char *text)
{
	civil_day d = 0;

	assert_int_equal(civil_parse_day(text, strlen(text), &d), 0);
	return d;
}

/* ---- the example ---- */

static void the_example_is_loaded(void **state)
{
	struct registry *registry = load("config/registry");
	const struct registry_institution *it = &registry->institutions[0];
	const struct registry_meter *e01 = meter(registry, "370102-0001-e01");

	(void)state;
	assert_int_equal(registry->n_institutions, 3);
	assert_string_equal(it->id, "370102-0001");
	assert_string_equal(it->name, "历下区档案馆");
	assert_string_equal(it->uscc, "12370102000000019Q");
	assert_int_equal(it->type, TYPE_CULTURE);
	assert_int_equal(it->affiliation, AFFILIATION_COUNTY);
	assert_string_equal(registry->regions->regions[it->region].name, "历下区");
	assert_true(it->has_location);
	assert_int_equal(it->datum, DATUM_WGS84);
	assert_int_equal(it->n_buildings, 2);
	assert_int_equal(it->buildings[0].class_mohurd, 'A');
	assert_string_equal(it->buildings[0].gbt51161, "B");
	assert_null(it->buildings[1].gbt51161);
	assert_int_equal(it->accounts[0].capacity_kva, 630);
	assert_ptr_equal(&registry->meters[it->accounts[0].meters[0]], e01);
	assert_string_equal(e01->name, "总进线");
	assert_int_equal(e01->interval_ms, 60000);
	assert_int_equal(e01->rated_w, 400000);
	assert_int_equal(e01->expected_year, INT64_C(1100000) * MICRO);
	assert_int_equal(e01->node->line, 43);
	registry_release(registry);
}

static void successors_are_found(void **state)
{
	struct registry *registry = load("config/registry");
	const struct registry_institution *closed = &registry->institutions[2];

	(void)state;
	assert_int_equal(closed->n_successors, 1);
	assert_int_equal(closed->successors[0].institution, 1);
	assert_int_equal(closed->successors[0].share, MICRO);
	assert_int_equal(closed->valid.to, day("2021-09-01"));
	assert_int_equal(registry->institutions[1].valid.to, DAY_OPEN);
	assert_int_equal(registry->institutions[1].reports_with, REGISTRY_NONE);
	registry_release(registry);
}

static void an_export_meter_shares_its_device(void **state)
{
	struct registry *registry = load("config/registry");
	const char *device = "370102-0002-e01";
	size_t first, n = registry_find_device(registry, device, strlen(device), &first);

	(void)state;
	assert_int_equal(n, 2);
	assert_true(meter(registry, "370102-0002-x01")->is_export);
	assert_string_equal(meter(registry, "370102-0002-x01")->device, device);
	assert_false(meter(registry, "370102-0002-e01")->is_export);
	for (size_t i = first; i < first + n; i++)
		assert_string_equal(registry->meters[registry->by_device[i]].device, device);
	assert_int_equal(registry_find_device(registry, "nobody", 6, &first), 0);
	registry_release(registry);
}

/* ---- register lives ---- */

#define LIVES                                                                                      \
	"meters:\n"                                                                                \
	"  - id: e1\n    carrier: electricity\n    role: main\n"                                   \
	"    quantity: active_energy_import_kwh\n    lives:\n"                                     \
	"      - {serial: A, from: 2023-01-01, ratio: 200/5, modulus: 1000000, last: 5000.25}\n"   \
	"      - {serial: B, from: 2023-06-01T12:00:00+08:00, to: 2024-01-01, ratio: 1.5, first: " \
	"0}\n"                                                                                     \
	"      - {serial: C, from: 2024-02-01, ratio: 1}\n"

static const struct {
	const char *name, *at, *serial; /* NULL: none */
} moments[] = {
	{"before the first", "2022-12-31T23:59:59.999+08:00", NULL},
	{"the first begins at local midnight", "2023-01-01T00:00:00+08:00", "A"},
	{"an open life ends where the next begins", "2023-06-01T11:59:59.999+08:00", "A"},
	{"a life may begin at a time", "2023-06-01T12:00:00+08:00", "B"},
	{"the last moment of a life", "2023-12-31T23:59:59.999+08:00", "B"},
	{"between two lives", "2024-01-15", NULL},
	{"the last goes on", "2099-01-01", "C"},
};

static void lives_follow_each_other(void **state)
{
	struct registry *registry = one(LIVES);
	const struct registry_meter *e1 = meter(registry, "e1");

	(void)state;
	assert_int_equal(e1->n_lives, 3);
	assert_int_equal(e1->lives[0].ratio_num, 40);
	assert_int_equal(e1->lives[0].ratio_den, 1);
	assert_int_equal(e1->lives[0].modulus, INT64_C(1000000) * MICRO);
	assert_int_equal(e1->lives[0].first, MICRO_NONE);
	assert_int_equal(e1->lives[0].last, 5000250000);
	assert_int_equal(e1->lives[1].ratio_num, 3);
	assert_int_equal(e1->lives[1].ratio_den, 2);
	assert_int_equal(e1->lives[1].modulus, 0);
	assert_int_equal(e1->lives[1].first, 0);
	assert_int_equal(e1->lives[2].to_ms, TIME_OPEN);
	for (size_t i = 0; i < sizeof moments / sizeof *moments; i++) {
		const struct meter_life *life = registry_life_at(e1, utc(moments[i].at));

		if ((life == NULL) != (moments[i].serial == NULL) ||
		    (life != NULL && strcmp(life->serial, moments[i].serial) != 0))
			fail_msg("%s", moments[i].name);
	}
	registry_release(registry);
}

/* ---- parents and formulas ---- */

#define LIFE "lives: [{from: 2023-01-01, ratio: 1}]}\n"
#define REAL(id, role, more)                                           \
	"  - {id: " id ", carrier: electricity, role: " role ", " more \
	"quantity: active_energy_import_kwh, " LIFE
#define VIRTUAL(id, role, formula) \
	"  - {id: " id ", carrier: electricity, role: " role ", formula: \"" formula "\"}\n"

/* clang-format off */
static const char one_main[] =
	"meters:\n"
	REAL("m", "main", "")
	REAL("a", "sub", "")
	REAL("b", "sub", "parent: a, ")
	REAL("pv", "generation", "")
	"  - {id: x, carrier: electricity, role: main, source: {meter: m},\n"
	"     quantity: active_energy_export_kwh, " LIFE
	VIRTUAL("v", "sub", "m - a")
	"  - {id: w, carrier: water, role: sub, quantity: volume_total_m3, " LIFE;
/* clang-format on */

static void the_only_main_meter_is_the_parent(void **state)
{
	struct registry *registry = one(one_main);

	(void)state;
	assert_string_equal(parent_id(registry, "m"), "none");
	assert_string_equal(parent_id(registry, "a"), "m");
	assert_string_equal(parent_id(registry, "b"), "a");
	assert_string_equal(parent_id(registry, "pv"), "none");
	assert_string_equal(parent_id(registry, "v"), "m");
	assert_string_equal(parent_id(registry, "w"), "none");
	registry_release(registry);
}

static void two_main_meters_are_no_parent(void **state)
{
	struct registry *registry = one("meters:\n" REAL("m", "main", "") REAL(
		"n", "main", "") REAL("a", "sub", "") REAL("b", "sub", "parent: n, "));

	(void)state;
	assert_string_equal(parent_id(registry, "a"), "none");
	assert_string_equal(parent_id(registry, "b"), "n");
	registry_release(registry);
}

static void formulas_are_expanded(void **state)
{
	struct registry *registry = one(
		"meters:\n" VIRTUAL("v", "sub", "0.5 * w - c") VIRTUAL("w", "sub", "a + b + c / 2")
			REAL("a", "sub", "") REAL("b", "sub", "") REAL("c", "sub", "")
				VIRTUAL("u", "main", "2 * (v + c)"));
	const struct registry_meter *v = meter(registry, "v"), *u = meter(registry, "u");

	(void)state;
	assert_int_equal(v->n_terms, 3);
	assert_string_equal(registry->meters[v->terms[0].meter].id, "a");
	assert_int_equal(v->terms[0].num, 1);
	assert_int_equal(v->terms[0].den, 2);
	assert_string_equal(registry->meters[v->terms[2].meter].id, "c");
	assert_int_equal(v->terms[2].num, -3);
	assert_int_equal(v->terms[2].den, 4);
	assert_int_equal(u->terms[2].num, 1);
	assert_int_equal(u->terms[2].den, 2);
	assert_int_equal(v->n_lives, 0);
	assert_int_equal(registry->n_by_device, 3);
	registry_release(registry);
}

/* A difference with another main meter is what is left of it: the sum of both is the whole. */
static void a_main_meter_may_be_taken_off(void **state)
{
	struct registry *registry = one("meters:\n" REAL("whole", "sub", "") REAL("m", "main", "")
						VIRTUAL("rest", "main", "whole - m"));

	(void)state;
	assert_int_equal(meter(registry, "rest")->n_terms, 2);
	registry_release(registry);
}

/* One after the other, the same register may be read by two main meters. */
static void a_register_may_change_hands(void **state)
{
	struct registry *registry = one(
		"meters:\n"
		"  - {id: a, carrier: electricity, role: main, quantity: "
		"active_energy_import_kwh, lives: [{from: 2023-01-01, to: 2024-01-01, ratio: 1}]}\n"
		"  - {id: b, carrier: electricity, role: main, source: {meter: a}, quantity: "
		"active_energy_import_kwh, lives: [{from: 2024-01-01, ratio: 1}]}\n");

	(void)state;
	assert_int_equal(registry->n_by_device, 2);
	assert_string_equal(registry->meters[registry->by_device[0]].id, "a");
	registry_release(registry);
}

/* ---- dated facts ---- */

static const struct {
	const char *name, *from, *to;
	int64_t expected; /* 10^-6 */
} areas[] = {
	{"before everything", "2019-01-01", "2020-01-01", 0},
	{"one building", "2020-01-01", "2021-01-01", 1000000000},
	{"two buildings", "2022-01-01", "2023-01-01", 1500000000},
	{"half of the days", "2021-12-31", "2022-01-02", 1250000000},
	{"after one was torn down", "2024-01-01", "2024-02-01", 500000000},
	{"two thirds of the days, rounded", "2019-12-31", "2020-01-03", 666666667},
	{"no days", "2022-01-01", "2022-01-01", 0},
	{"days in the wrong order", "2022-01-02", "2022-01-01", 0},
};

static void areas_are_weighed_by_days(void **state)
{
	struct registry *registry =
		one("buildings:\n"
		    "  - {id: a, name: A, area: [{from: 2020-01-01, to: 2024-01-01, m2: 1000}],\n"
		    "     heated_area: [{from: 2020-01-01, m2: 10}, {from: 2021-01-01, m2: 20}]}\n"
		    "  - {id: b, name: B, area: [{from: 2022-01-01, m2: 500}]}\n");
	const struct registry_institution *it = &registry->institutions[0];

	(void)state;
	for (size_t i = 0; i < sizeof areas / sizeof *areas; i++)
		if (registry_area(it, day(areas[i].from), day(areas[i].to)) != areas[i].expected)
			fail_msg("%s", areas[i].name);
	assert_int_equal(registry_heated_area(it, day("2020-12-31"), day("2021-01-02")),
			 15 * MICRO);
	registry_release(registry);
}

static const struct {
	const char *name, *headcount;
	int64_t expected; /* 10^-6 persons in 2025 */
} persons[] = {
	{"a number", "persons: 312", 312000000},
	{"half a person", "persons: 0.5", 500000},
	{"an authority with visitors", "staff: 100, external: 20, logistics: 10, visitor_days: 730",
	 132000000},
	{"a school with holidays", "staff: 100, students: 1000, holidays: 73, staff_holidays: 73",
	 880000000},
	{"a hospital", "staff: 500, outpatients: 36500, bed_days: 7300", 620000000},
	{"another base of days", "visitor_days: 500, day_base: 250", 2000000},
	{"nobody", "persons: 0", 0},
};

static void persons_follow_the_standard(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof persons / sizeof *persons; i++) {
		char *text =
			xasprintf("headcount: [{from: 2020-01-01, %s}]\n", persons[i].headcount);
		struct registry *registry = one(text);
		int64_t got = registry_headcount(&registry->institutions[0], day("2025-01-01"),
						 day("2026-01-01"));

		if (got != persons[i].expected)
			fail_msg("%s: %lld", persons[i].name, (long long)got);
		registry_release(registry);
		free(text);
	}
}

static const struct {
	const char *name;
	enum carrier carrier;
	const char *on;
	enum supply expected;
} supplies[] = {
	{"declared for all time", CARRIER_NATURAL_GAS, "1999-01-01", SUPPLY_BILL},
	{"declared for a time", CARRIER_HEAT, "2022-01-01", SUPPLY_AREA_BILLED},
	{"the next declaration", CARRIER_HEAT, "2024-01-01", SUPPLY_ONLINE},
	{"outside of what is declared", CARRIER_HEAT, "2019-01-01", SUPPLY_NONE},
	{"declared as none", CARRIER_COAL, "2024-01-01", SUPPLY_NONE},
	{"online by a main meter", CARRIER_ELECTRICITY, "2024-01-01", SUPPLY_ONLINE},
	{"before the meter's first life", CARRIER_ELECTRICITY, "2022-12-31", SUPPLY_NONE},
	{"on the first day", CARRIER_ELECTRICITY, "2023-01-01", SUPPLY_ONLINE},
	{"online by a virtual main meter", CARRIER_COOLING, "2024-01-01", SUPPLY_ONLINE},
	{"sub-meters supply nothing", CARRIER_WATER, "2024-01-01", SUPPLY_NONE},
	{"nothing at all", CARRIER_DIESEL, "2024-01-01", SUPPLY_NONE},
};

static void supply_is_declared_or_seen(void **state)
{
	struct registry *registry =
		one("supply:\n  natural_gas: bill\n  coal: none\n  heat:\n"
		    "    - {from: 2020-01-01, how: area_billed}\n"
		    "    - {from: 2023-11-15, how: online}\n"
		    "meters:\n" REAL(
			    "m", "main",
			    "") "  - {id: w, carrier: water, role: sub, quantity: "
				"volume_total_m3, " LIFE "  - {id: c, carrier: cooling, role: sub, "
				"quantity: cooling_energy_kwh, " LIFE
				"  - {id: v, carrier: cooling, role: main, formula: \"2 * c\"}\n");

	(void)state;
	for (size_t i = 0; i < sizeof supplies / sizeof *supplies; i++)
		if (registry_supply(registry, 0, supplies[i].carrier, day(supplies[i].on)) !=
		    supplies[i].expected)
			fail_msg("%s", supplies[i].name);
	registry_release(registry);
}

static void an_export_is_no_supply(void **state)
{
	struct registry *registry =
		one("meters:\n  - {id: x, carrier: electricity, role: main, quantity: "
		    "active_energy_export_kwh, " LIFE);

	(void)state;
	assert_int_equal(registry_supply(registry, 0, CARRIER_ELECTRICITY, day("2024-01-01")),
			 SUPPLY_NONE);
	registry_release(registry);
}

static void holders_share_a_registry(void **state)
{
	struct registry *registry = one("");

	(void)state;
	assert_ptr_equal(registry_hold(registry), registry);
	registry_release(registry);
	assert_string_equal(registry->institutions[0].id, "i1");
	registry_release(registry);
	registry_release(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_example_is_loaded),
		cmocka_unit_test(successors_are_found),
		cmocka_unit_test(an_export_meter_shares_its_device),
		cmocka_unit_test(lives_follow_each_other),
		cmocka_unit_test(the_only_main_meter_is_the_parent),
		cmocka_unit_test(two_main_meters_are_no_parent),
		cmocka_unit_test(formulas_are_expanded),
		cmocka_unit_test(a_main_meter_may_be_taken_off),
		cmocka_unit_test(a_register_may_change_hands),
		cmocka_unit_test(areas_are_weighed_by_days),
		cmocka_unit_test(persons_follow_the_standard),
		cmocka_unit_test(supply_is_declared_or_seen),
		cmocka_unit_test(an_export_is_no_supply),
		cmocka_unit_test(holders_share_a_registry),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
