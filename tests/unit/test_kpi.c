/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "common/decimal.h"
#include "server/figures/kpi.h"

#define M(x) ((int64_t)(x)*MICRO)

enum { MIN_COVERAGE = 900000 };

/* An archive: 100 000 kWh of which 2 000 are missing, 10 000 m3 gas, 1 000 L petrol, PV. */
static struct kpi_input archive(void)
{
	struct kpi_input input = {.area = M(18500), .persons = M(312)};
	const struct kpi_sum electricity = {
		.applies = true, .value = M(100000), .estimated = M(1000), .missing = M(2000)};
	const struct kpi_sum gas = {.applies = true, .value = M(10000)};
	const struct kpi_sum petrol = {.applies = true, .value = M(1000)};
	const struct kpi_sum none = {.applies = true};

	kpi_add(&input.parts[PART_ELECTRICITY], &electricity, MICRO);
	kpi_add(&input.parts[PART_ENERGY], &electricity, 122900);
	kpi_add(&input.parts[PART_ENERGY], &gas, 1330000);
	kpi_add(&input.parts[PART_ENERGY], &petrol, 1074122);
	kpi_add(&input.parts[PART_ENERGY_AREA], &electricity, 122900);
	kpi_add(&input.parts[PART_ENERGY_AREA], &gas, 1330000);
	kpi_add(&input.parts[PART_ENERGY_AREA], &none, 1074122);
	kpi_add(&input.parts[PART_SCOPE1], &gas, 2162000);
	kpi_add(&input.parts[PART_SCOPE1], &petrol, 2135000);
	kpi_add(&input.parts[PART_SCOPE1_AREA], &gas, 2162000);
	kpi_add(&input.parts[PART_SCOPE2], &electricity, 619100);
	input.parts[PART_GENERATION] = (struct kpi_sum){.applies = true, .value = M(25000)};
	input.parts[PART_EXPORT] = (struct kpi_sum){.applies = true, .value = M(5000)};
	return input;
}

struct value_case {
	enum kpi kpi;
	int64_t value, coverage;
};

static void test_values_by_hand(void **state)
{
	static const struct value_case cases[] = {
		/* 12 290 + 13 300 + 1 074.122; missing 245.8 */
		{KPI_TOTAL_ENERGY, 26664122000, 990866},
		{KPI_ENERGY_PER_CAPITA, 85461929, 990866},
		/* without petrol: 25 590 / 18 500 */
		{KPI_ENERGY_PER_AREA, 1383243, 990486},
		{KPI_ELECTRICITY, 100000000000, 980392},
		{KPI_ELECTRICITY_USED, 120000000000, 984848},
		{KPI_ELECTRICITY_PER_CAPITA, 320512821, 980392},
		{KPI_ELECTRICITY_PER_AREA, 5405405, 980392},
		{KPI_CO2_SCOPE1, 23755000000, 1000000},
		{KPI_CO2_SCOPE2, 61910000000, 980392},
		{KPI_CO2, 85665000000, 985752},
		/* (21 620 + 61 910) / 18 500 */
		{KPI_CO2_PER_AREA, 4515135, 985393},
		{KPI_CO2_PER_CAPITA, 274567308, 985752},
		{KPI_PV_GENERATION, 25000000000, 1000000},
		/* 25 000 / 120 000 */
		{KPI_PV_SHARE, 208333, 984848},
	};
	struct kpi_input input = archive();
	struct kpi_value values[N_KPIS];

	(void)state;
	kpi_of_institution(&input, NULL, MIN_COVERAGE, values);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const struct kpi_value *got = &values[cases[i].kpi];

		if (!got->applies || !got->has_value || got->value != cases[i].value ||
		    got->coverage != cases[i].coverage)
			fail_msg("%s: %lld coverage %lld", kpi_name(cases[i].kpi),
				 (long long)got->value, (long long)got->coverage);
	}
	assert_false(values[KPI_WATER].applies);
	assert_int_equal(values[KPI_ELECTRICITY].estimated, 10000);
	assert_false(values[KPI_TOTAL_ENERGY].has_previous);
}

struct judge_case {
	const char *name;
	int64_t value, missing;
	bool is_unknown, has_value, has_coverage;
	const char *cause, *reason;
};

static void test_withheld(void **state)
{
	static const struct judge_case cases[] = {
		{"all there", M(100), 0, false, true, true, "", ""},
		{"at the limit", M(90), M(10), false, true, true, "awaiting", ""},
		{"below it", M(89), M(11), false, false, true, "awaiting bill: water 2026-10",
		 "awaiting bill: water 2026-10"},
		{"below it without a cause", M(89), M(11), false, false, true, "",
		 "too much is missing"},
		{"nobody knows how much", M(100), 0, true, false, false, "readings are missing: w1",
		 "readings are missing: w1"},
		{"nothing expected, nothing used", 0, 0, false, true, true, "", ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const struct judge_case *c = &cases[i];
		struct kpi_input input = {.persons = M(10)};
		struct kpi_sum *water = &input.parts[PART_WATER];
		struct kpi_value values[N_KPIS];

		*water = (struct kpi_sum){.applies = true,
					  .value = c->value,
					  .missing = c->missing,
					  .is_unknown = c->is_unknown};
		strncpy(water->reason, c->cause, sizeof water->reason - 1);
		kpi_of_institution(&input, NULL, MIN_COVERAGE, values);
		if (values[KPI_WATER].has_value != c->has_value ||
		    values[KPI_WATER].has_coverage != c->has_coverage ||
		    strcmp(values[KPI_WATER].reason, c->reason) != 0 ||
		    values[KPI_WATER].partial != c->value)
			fail_msg("%s: %d '%s'", c->name, values[KPI_WATER].has_value,
				 values[KPI_WATER].reason);
	}
}

static void test_no_denominator(void **state)
{
	struct kpi_input input = archive();
	struct kpi_value values[N_KPIS];

	(void)state;
	input.area = 0;
	kpi_of_institution(&input, NULL, MIN_COVERAGE, values);
	assert_false(values[KPI_ENERGY_PER_AREA].has_value);
	assert_string_equal(values[KPI_ENERGY_PER_AREA].reason, "no floor area is registered");
	assert_true(values[KPI_ENERGY_PER_CAPITA].has_value);
}

static void test_change(void **state)
{
	struct kpi_input now = archive(), before = archive();
	struct kpi_value values[N_KPIS];

	(void)state;
	before.parts[PART_ELECTRICITY].value = M(125000);
	before.parts[PART_SCOPE2].is_unknown = true;
	kpi_of_institution(&now, &before, MIN_COVERAGE, values);
	assert_true(values[KPI_ELECTRICITY].has_change);
	assert_int_equal(values[KPI_ELECTRICITY].previous, M(125000));
	assert_int_equal(values[KPI_ELECTRICITY].change, -200000);
	assert_false(values[KPI_CO2].has_previous); /* withheld then */
	assert_false(values[KPI_CO2].has_change);
}

/* Three institutions: valid in both years, new, withheld now. */
static void test_group(void **state)
{
	struct kpi_input a = {.persons = M(100)}, a_before = {.persons = M(80)};
	struct kpi_input b = {.persons = M(50)}, none = {0};
	struct kpi_input c = {.persons = M(1000)}, c_before = {.persons = M(1000)};
	struct kpi_group group = {0};
	struct kpi_value values[N_KPIS];
	const struct kpi_value *water = &values[KPI_WATER_PER_CAPITA];

	(void)state;
	a.parts[PART_WATER] =
		(struct kpi_sum){.applies = true, .value = M(1900), .missing = M(100)};
	a_before.parts[PART_WATER] = (struct kpi_sum){.applies = true, .value = M(2000)};
	b.parts[PART_WATER] = (struct kpi_sum){.applies = true, .value = M(1100)};
	c.parts[PART_WATER] = (struct kpi_sum){.applies = true, .value = M(1), .missing = M(9999)};
	c_before.parts[PART_WATER] = (struct kpi_sum){.applies = true, .value = M(7000)};
	kpi_group_add(&group, 0, &a, &a_before, MIN_COVERAGE);
	kpi_group_add(&group, 1, &b, &none, MIN_COVERAGE);
	kpi_group_add(&group, 2, &c, &c_before, MIN_COVERAGE);
	kpi_of_group(&group, values);
	assert_int_equal(group.institutions, 3);
	assert_int_equal(group.reporting, 0); /* none has energy */
	assert_true(water->has_value);
	assert_int_equal(water->reporting, 2);
	assert_int_equal(water->value, M(20));      /* 3000 m3 / 150 persons */
	assert_int_equal(water->coverage, 967742);  /* 3000 / 3100 */
	assert_int_equal(water->previous, 8333333); /* 9000 / 1080 */
	assert_int_equal(water->change, -240000);   /* only a: 19 against 25 */
	assert_int_equal(water->change_all, 1400000);
	assert_false(values[KPI_TOTAL_ENERGY].applies);
}

static void test_names(void **state)
{
	(void)state;
	for (int i = 0; i < N_KPIS; i++) {
		const char *name = kpi_name((enum kpi)i);

		assert_int_equal(kpi_find(name, strlen(name)), i);
		assert_int_equal(kpi_find(name, strlen(name) - 1) == (enum kpi)i, 0);
		assert_true(strlen(kpi_unit((enum kpi)i)) > 0);
	}
	assert_int_equal(kpi_find("nonsense", 8), N_KPIS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values_by_hand), cmocka_unit_test(test_withheld),
		cmocka_unit_test(test_no_denominator), cmocka_unit_test(test_change),
		cmocka_unit_test(test_group),          cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
