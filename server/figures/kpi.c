/* SPDX-License-Identifier: Apache-2.0 */
#include "server/figures/kpi.h"

#include <stdio.h>
#include <string.h>

#include "common/decimal.h"

enum denominator { PER_NOTHING, PER_AREA, PER_PERSON, PER_ELECTRICITY_USED };

enum { MAX_TERMS = 3 };

struct definition {
	const char *name, *unit;
	enum denominator per;
	unsigned n_terms;
	struct {
		enum kpi_part part;
		int sign;
	} terms[MAX_TERMS];
	/* Without this part the indicator means nothing; N_KPI_PARTS: any of the terms will do. */
	enum kpi_part needs;
};

#define ENERGY_TERM                    \
	{                              \
		{                      \
			PART_ENERGY, 1 \
		}                      \
	}
#define GRID_TERM                           \
	{                                   \
		{                           \
			PART_ELECTRICITY, 1 \
		}                           \
	}
#define USED_TERMS                                           \
	{                                                    \
		{PART_ELECTRICITY, 1}, {PART_GENERATION, 1}, \
		{                                            \
			PART_EXPORT, -1                      \
		}                                            \
	}
#define CARBON_TERMS                   \
	{                              \
		{PART_SCOPE1, 1},      \
		{                      \
			PART_SCOPE2, 1 \
		}                      \
	}

static const struct definition definitions[N_KPIS] = {
	[KPI_TOTAL_ENERGY] = {"total_energy_kgce", "kgce", PER_NOTHING, 1, ENERGY_TERM,
			      PART_ENERGY},
	[KPI_ENERGY_PER_CAPITA] = {"energy_per_capita_kgce", "kgce/person", PER_PERSON, 1,
				   ENERGY_TERM, PART_ENERGY},
	[KPI_ENERGY_PER_AREA] = {"energy_per_area_kgce",
				 "kgce/m2",
				 PER_AREA,
				 1,
				 {{PART_ENERGY_AREA, 1}},
				 PART_ENERGY_AREA},
	[KPI_ELECTRICITY] = {"electricity_kwh", "kWh", PER_NOTHING, 1, GRID_TERM, PART_ELECTRICITY},
	[KPI_ELECTRICITY_USED] = {"electricity_used_kwh", "kWh", PER_NOTHING, 3, USED_TERMS,
				  PART_ELECTRICITY},
	[KPI_ELECTRICITY_PER_CAPITA] = {"electricity_per_capita_kwh", "kWh/person", PER_PERSON, 1,
					GRID_TERM, PART_ELECTRICITY},
	[KPI_ELECTRICITY_PER_AREA] = {"electricity_per_area_kwh", "kWh/m2", PER_AREA, 1, GRID_TERM,
				      PART_ELECTRICITY},
	[KPI_WATER] = {"water_m3", "m3", PER_NOTHING, 1, {{PART_WATER, 1}}, PART_WATER},
	[KPI_WATER_PER_CAPITA] =
		{"water_per_capita_m3", "m3/person", PER_PERSON, 1, {{PART_WATER, 1}}, PART_WATER},
	[KPI_CO2_SCOPE1] = {"co2_scope1_kg", "kg", PER_NOTHING, 1, {{PART_SCOPE1, 1}}, PART_SCOPE1},
	[KPI_CO2_SCOPE2] = {"co2_scope2_kg", "kg", PER_NOTHING, 1, {{PART_SCOPE2, 1}}, PART_SCOPE2},
	[KPI_CO2] = {"co2_kg", "kg", PER_NOTHING, 2, CARBON_TERMS, N_KPI_PARTS},
	[KPI_CO2_PER_AREA] = {"co2_per_area_kg",
			      "kg/m2",
			      PER_AREA,
			      2,
			      {{PART_SCOPE1_AREA, 1}, {PART_SCOPE2, 1}},
			      N_KPI_PARTS},
	[KPI_CO2_PER_CAPITA] = {"co2_per_capita_kg", "kg/person", PER_PERSON, 2, CARBON_TERMS,
				N_KPI_PARTS},
	[KPI_PV_GENERATION] = {"pv_generation_kwh",
			       "kWh",
			       PER_NOTHING,
			       1,
			       {{PART_GENERATION, 1}},
			       PART_GENERATION},
	[KPI_PV_SHARE] =
		{"pv_share", "1", PER_ELECTRICITY_USED, 1, {{PART_GENERATION, 1}}, PART_GENERATION},
};

const char *kpi_name(enum kpi kpi)
{
	return definitions[kpi].name;
}

const char *kpi_unit(enum kpi kpi)
{
	return definitions[kpi].unit;
}

enum kpi kpi_find(const char *name, size_t len)
{
	int kpi = 0;

	while (kpi < N_KPIS && (strncmp(definitions[kpi].name, name, len) != 0 ||
				definitions[kpi].name[len] != '\0'))
		kpi++;
	return (enum kpi)kpi;
}

static void keep_reason(char to[KPI_REASON_MAX], const char *from)
{
	if (to[0] == '\0')
		(void)snprintf(to, KPI_REASON_MAX, "%s", from);
}

void kpi_add(struct kpi_sum *sum, const struct kpi_sum *quantity, int64_t factor)
{
	sum->applies |= quantity->applies;
	sum->is_unknown |= quantity->is_unknown;
	sum->value += scale_int64(quantity->value, factor, MICRO);
	sum->estimated += scale_int64(quantity->estimated, factor, MICRO);
	sum->missing += scale_int64(quantity->missing, factor, MICRO);
	keep_reason(sum->reason, quantity->reason);
}

/* ---- one institution ---- */

/* An indicator before it is judged. */
struct claim {
	bool applies, is_unknown;
	struct kpi_ratio ratio;
	int64_t coverage;
	char reason[KPI_REASON_MAX]; /* not empty: withheld */
};

/* What a part holds counts for coverage, whatever its sign in the formula. */
static void weigh(struct claim *claim, const struct kpi_sum *part, char cause[KPI_REASON_MAX])
{
	claim->is_unknown |= part->is_unknown;
	claim->ratio.present += part->value > 0 ? part->value : 0;
	claim->ratio.missing += part->missing;
	claim->ratio.estimated += part->estimated;
	if (part->is_unknown || part->missing > 0)
		keep_reason(cause, part->reason);
}

static int64_t electricity_used(const struct kpi_input *input)
{
	return input->parts[PART_ELECTRICITY].value + input->parts[PART_GENERATION].value -
	       input->parts[PART_EXPORT].value;
}

static bool applies(const struct definition *definition, const struct kpi_input *input)
{
	if (definition->needs != N_KPI_PARTS)
		return input->parts[definition->needs].applies;
	for (unsigned i = 0; i < definition->n_terms; i++)
		if (input->parts[definition->terms[i].part].applies)
			return true;
	return false;
}

static void divide(struct claim *claim, const struct definition *definition,
		   const struct kpi_input *input)
{
	switch (definition->per) {
	case PER_NOTHING:
		break;
	case PER_AREA:
		claim->ratio.denominator = input->area;
		if (input->area <= 0)
			keep_reason(claim->reason, "no floor area is registered");
		break;
	case PER_PERSON:
		claim->ratio.denominator = input->persons;
		if (input->persons <= 0)
			keep_reason(claim->reason, "no headcount is registered");
		break;
	case PER_ELECTRICITY_USED:
		claim->ratio.denominator = electricity_used(input);
		if (claim->ratio.denominator <= 0)
			keep_reason(claim->reason, "no electricity was used");
		break;
	}
}

static void judge(struct claim *claim, const char *cause, int64_t min_coverage)
{
	int64_t all = claim->ratio.present + claim->ratio.missing;

	claim->coverage = all > 0 ? scale_int64(claim->ratio.present, MICRO, all) : MICRO;
	if (!claim->is_unknown && claim->coverage >= min_coverage)
		return;
	keep_reason(claim->reason, cause);
	keep_reason(claim->reason, "too much is missing");
}

static struct claim make_claim(enum kpi kpi, const struct kpi_input *input, int64_t min_coverage)
{
	const struct definition *definition = &definitions[kpi];
	struct claim claim = {.applies = applies(definition, input)};
	char cause[KPI_REASON_MAX] = "";

	if (!claim.applies)
		return claim;
	for (unsigned i = 0; i < definition->n_terms; i++) {
		const struct kpi_sum *part = &input->parts[definition->terms[i].part];

		claim.ratio.numerator += definition->terms[i].sign * part->value;
		weigh(&claim, part, cause);
	}
	if (definition->per == PER_ELECTRICITY_USED) {
		weigh(&claim, &input->parts[PART_ELECTRICITY], cause);
		weigh(&claim, &input->parts[PART_EXPORT], cause);
	}
	judge(&claim, cause, min_coverage);
	divide(&claim, definition, input);
	claim.ratio.n = 1;
	return claim;
}

static int64_t quotient(enum kpi kpi, const struct kpi_ratio *ratio)
{
	if (definitions[kpi].per == PER_NOTHING)
		return ratio->numerator;
	return ratio->denominator > 0 ? scale_int64(ratio->numerator, MICRO, ratio->denominator)
				      : 0;
}

static int64_t estimated_share(const struct kpi_ratio *ratio)
{
	if (ratio->present <= 0)
		return 0;
	int64_t share = scale_int64(ratio->estimated, MICRO, ratio->present);
	return share < MICRO ? share : MICRO;
}

static bool relative_change(int64_t now, int64_t before, int64_t *change)
{
	if (before <= 0)
		return false;
	*change = scale_int64(now - before, MICRO, before);
	return true;
}

static void tell(enum kpi kpi, const struct claim *claim, struct kpi_value *out)
{
	*out = (struct kpi_value){.applies = claim->applies};
	if (!claim->applies)
		return;
	out->has_value = claim->reason[0] == '\0';
	out->has_coverage = !claim->is_unknown;
	out->coverage = claim->coverage;
	out->estimated = estimated_share(&claim->ratio);
	out->partial = quotient(kpi, &claim->ratio);
	if (out->has_value)
		out->value = out->partial;
	keep_reason(out->reason, claim->reason);
}

static bool is_valid(const struct claim *claim)
{
	return claim->applies && claim->reason[0] == '\0';
}

void kpi_of_institution(const struct kpi_input *now, const struct kpi_input *previous,
			int64_t min_coverage, struct kpi_value out[N_KPIS])
{
	for (int kpi = 0; kpi < N_KPIS; kpi++) {
		struct claim claim = make_claim((enum kpi)kpi, now, min_coverage);
		struct claim before = {0};

		tell((enum kpi)kpi, &claim, &out[kpi]);
		if (previous != NULL)
			before = make_claim((enum kpi)kpi, previous, min_coverage);
		if (!is_valid(&before) || !claim.applies)
			continue;
		out[kpi].has_previous = true;
		out[kpi].previous = quotient((enum kpi)kpi, &before.ratio);
		out[kpi].has_change =
			out[kpi].has_value &&
			relative_change(out[kpi].value, out[kpi].previous, &out[kpi].change);
	}
}

/* ---- groups ---- */

static void add_ratio(struct kpi_ratio *sum, const struct kpi_ratio *ratio)
{
	sum->numerator += ratio->numerator;
	sum->denominator += ratio->denominator;
	sum->present += ratio->present;
	sum->missing += ratio->missing;
	sum->estimated += ratio->estimated;
	sum->n += ratio->n;
}

void kpi_group_add(struct kpi_group *group, const struct kpi_input *now,
		   const struct kpi_input *previous, int64_t min_coverage)
{
	group->institutions++;
	for (int kpi = 0; kpi < N_KPIS; kpi++) {
		struct claim claim = make_claim((enum kpi)kpi, now, min_coverage);
		struct claim before = {0};

		if (previous != NULL)
			before = make_claim((enum kpi)kpi, previous, min_coverage);
		group->kpis[kpi].applies |= claim.applies;
		if (is_valid(&claim))
			add_ratio(&group->kpis[kpi].now, &claim.ratio);
		if (is_valid(&before))
			add_ratio(&group->kpis[kpi].previous, &before.ratio);
		if (is_valid(&claim) && is_valid(&before)) {
			add_ratio(&group->kpis[kpi].both_now, &claim.ratio);
			add_ratio(&group->kpis[kpi].both_previous, &before.ratio);
		}
		if (kpi == KPI_TOTAL_ENERGY && is_valid(&claim))
			group->reporting++;
	}
}

void kpi_of_group(const struct kpi_group *group, struct kpi_value out[N_KPIS])
{
	for (int i = 0; i < N_KPIS; i++) {
		enum kpi kpi = (enum kpi)i;
		const struct kpi_ratio *now = &group->kpis[i].now;
		const struct kpi_ratio *previous = &group->kpis[i].previous;
		struct kpi_value *value = &out[i];
		int64_t all = now->present + now->missing;

		*value = (struct kpi_value){.applies = group->kpis[i].applies,
					    .reporting = now->n,
					    .has_value = now->n > 0,
					    .has_coverage = now->n > 0,
					    .has_previous = previous->n > 0};
		if (now->n == 0)
			keep_reason(value->reason, "no institution reports enough");
		value->value = value->partial = quotient(kpi, now);
		value->coverage = all > 0 ? scale_int64(now->present, MICRO, all) : MICRO;
		value->estimated = estimated_share(now);
		value->previous = quotient(kpi, previous);
		value->has_change = group->kpis[i].both_now.n > 0 &&
				    relative_change(quotient(kpi, &group->kpis[i].both_now),
						    quotient(kpi, &group->kpis[i].both_previous),
						    &value->change);
		value->has_change_all =
			now->n > 0 && previous->n > 0 &&
			relative_change(value->value, value->previous, &value->change_all);
	}
}
