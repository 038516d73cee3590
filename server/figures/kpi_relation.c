/* SPDX-License-Identifier: Apache-2.0 */
#include "server/figures/kpi_relation.h"

#include <stdlib.h>

#include "common/decimal.h"

enum { MAX_OTHERS = 5, NOISE = 100000 };

/* An indicator, and those from which a reader knows it but for a difference. */
struct relation {
	enum kpi kpi;
	/* Units differ, so that only who is in one of them and not in the other is told. */
	bool is_of_sets;
	/* Totals of energy, electricity and carbon are as many equations for the carriers' amounts:
	 * they stand beside each other only where each carrier's users are many. */
	bool needs_carriers;
	struct {
		enum kpi kpi;
		int sign;
	} others[MAX_OTHERS + 1]; /* ends with sign 0 */
};

/* clang-format off */
static const struct relation relations[] = {
	{KPI_ENERGY_PER_CAPITA, false, false, {{KPI_TOTAL_ENERGY, 1}}},
	{KPI_ENERGY_PER_AREA, false, false, {{KPI_TOTAL_ENERGY, 1}}}, /* fuel of vehicles */
	{KPI_NON_HEATING_PER_AREA, false, false, {{KPI_ENERGY_PER_AREA, 1}}},
	{KPI_HEATING_PER_HEATED_AREA, false, false,
		{{KPI_ENERGY_PER_AREA, 1}, {KPI_NON_HEATING_PER_AREA, -1}}},
	{KPI_ELECTRICITY, true, true, {{KPI_TOTAL_ENERGY, 1}}},
	{KPI_ELECTRICITY_USED, false, true, {{KPI_ELECTRICITY, 1}}}, /* what PV owners use of theirs */
	{KPI_ELECTRICITY_PER_CAPITA, false, true, {{KPI_ELECTRICITY, 1}}},
	{KPI_ELECTRICITY_PER_AREA, false, true, {{KPI_ELECTRICITY, 1}}},
	{KPI_WATER_PER_CAPITA, false, false, {{KPI_WATER, 1}}},
	{KPI_CO2, true, true, {{KPI_TOTAL_ENERGY, 1}}},
	{KPI_CO2_SCOPE2, false, true, {{KPI_CO2, 1}}}, /* fuels */
	{KPI_CO2_SCOPE1, false, true, {{KPI_CO2, 1}, {KPI_CO2_SCOPE2, -1}}},
	{KPI_CO2_PER_AREA, false, true, {{KPI_CO2, 1}}},
	{KPI_CO2_PER_CAPITA, false, true, {{KPI_CO2, 1}}},
	{KPI_CO2_PER_AREA_FROZEN, true, true, {{KPI_CO2_PER_AREA, 1}}},
	{KPI_CO2_PER_CAPITA_FROZEN, true, true, {{KPI_CO2_PER_CAPITA, 1}}},
	{KPI_PV_OWN_USE, false, true, {{KPI_ELECTRICITY_USED, 1}, {KPI_ELECTRICITY, -1}}},
	{KPI_PV_GENERATION, false, true, {{KPI_PV_OWN_USE, 1}}}, /* export */
	{KPI_PV_SHARE, false, true, {{KPI_PV_GENERATION, 1}}},
	{KPI_PV_OWN_USE_SHARE, false, true, {{KPI_PV_OWN_USE, 1}}},
	{KPI_RESIDUAL, false, true,
		{{KPI_ELECTRICITY, 1}, {KPI_LIGHTING, -1}, {KPI_AIR_CONDITIONING, -1},
		 {KPI_POWER, -1}, {KPI_SPECIAL, -1}}},
	{KPI_RESIDUAL_SHARE, false, true, {{KPI_RESIDUAL, 1}}},
};
/* clang-format on */
enum { N_RELATIONS = sizeof relations / sizeof *relations };

static void add(struct kpi_gap *gap, int64_t amount)
{
	gap->n++;
	gap->sum += llabs(amount);
	if (llabs(amount) > gap->largest)
		gap->largest = llabs(amount);
}

static int64_t difference(const struct relation *relation, const struct kpi_share shares[N_KPIS],
			  int64_t *all)
{
	const struct kpi_share *own = &shares[relation->kpi];
	int64_t sum = own->is_valid ? own->numerator : 0;
	bool is_other = false;

	*all = llabs(sum);
	for (size_t i = 0; relation->others[i].sign != 0; i++) {
		const struct kpi_share *other = &shares[relation->others[i].kpi];

		is_other |= other->is_valid;
		if (!other->is_valid)
			continue;
		sum -= relation->others[i].sign * other->numerator;
		*all += llabs(other->numerator);
	}
	return relation->is_of_sets && is_other == own->is_valid ? 0 : sum;
}

void kpi_relate(struct kpi_group *group, const struct kpi_share shares[N_KPIS],
		const int64_t carriers[KPI_CARRIERS])
{
	for (size_t i = 0; i < N_RELATIONS; i++) {
		int64_t all, of = difference(&relations[i], shares, &all);

		/* Sums of products are rounded. */
		if (llabs(of) > all / NOISE)
			add(&group->gaps[relations[i].kpi], of);
	}
	for (int i = 0; i < KPI_CARRIERS; i++)
		if (carriers[i] != 0)
			add(&group->carriers[i], carriers[i]);
}

static void keep_worst(struct kpi_crowd *crowd, const struct kpi_gap *gap)
{
	int64_t largest = gap->sum > 0 ? scale_int64(gap->largest, MICRO, gap->sum) : 0;

	if (gap->n == 0)
		return;
	if (crowd->gap_n == 0 || gap->n < crowd->gap_n)
		crowd->gap_n = gap->n;
	if (largest > crowd->gap_largest)
		crowd->gap_largest = largest;
}

void kpi_find_gap(const struct kpi_group *group, enum kpi kpi, struct kpi_crowd *crowd)
{
	size_t i = 0;

	while (i < N_RELATIONS && relations[i].kpi != kpi)
		i++;
	if (i == N_RELATIONS)
		return;
	keep_worst(crowd, &group->gaps[kpi]);
	for (int carrier = 0; carrier < KPI_CARRIERS && relations[i].needs_carriers; carrier++)
		keep_worst(crowd, &group->carriers[carrier]);
}
