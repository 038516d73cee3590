/* SPDX-License-Identifier: Apache-2.0 */
#include "server/figures/kpi.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/decimal.h"
#include "server/figures/kpi_relation.h"

enum denominator { PER_NOTHING, PER_AREA, PER_PERSON, PER_HEATED_AREA, PER_TERMS };

enum { MAX_TERMS = 3 };

/* A part that is added or deducted; the list ends with sign 0. */
struct term {
	enum kpi_part part;
	int sign;
};

struct definition {
	const char *name, *unit;
	enum denominator per;
	/* Without this part the indicator means nothing; N_KPI_PARTS: any of the terms will do. */
	enum kpi_part needs;
	struct term terms[MAX_TERMS + 1];
	struct term over[MAX_TERMS + 1]; /* PER_TERMS */
	const char *nothing;             /* PER_TERMS: why there is no quotient */
};

/* clang-format off */
#define ONE(part)   {{(part), 1}}
#define GRID        ONE(PART_ELECTRICITY)
#define USED        {{PART_ELECTRICITY, 1}, {PART_GENERATION, 1}, {PART_EXPORT, -1}}
#define OWN_USE     {{PART_GENERATION, 1}, {PART_EXPORT, -1}}
#define CARBON      {{PART_SCOPE1, 1}, {PART_SCOPE2, 1}}
#define CARBON_AREA {{PART_SCOPE1_AREA, 1}, {PART_SCOPE2, 1}}
#define FROZEN_AREA {{PART_SCOPE1_AREA, 1}, {PART_FROZEN, 1}}
#define FROZEN      {{PART_SCOPE1, 1}, {PART_FROZEN, 1}}

static const struct definition definitions[N_KPIS] = {
	[KPI_TOTAL_ENERGY] = {"total_energy_kgce", "kgce", PER_NOTHING, PART_ENERGY,
		ONE(PART_ENERGY), {{0, 0}}, NULL},
	[KPI_ENERGY_PER_CAPITA] = {"energy_per_capita_kgce", "kgce/person", PER_PERSON,
		PART_ENERGY, ONE(PART_ENERGY), {{0, 0}}, NULL},
	[KPI_ENERGY_PER_AREA] = {"energy_per_area_kgce", "kgce/m2", PER_AREA, PART_ENERGY_AREA,
		ONE(PART_ENERGY_AREA), {{0, 0}}, NULL},
	[KPI_NON_HEATING_PER_AREA] = {"non_heating_energy_per_area_kgce", "kgce/m2", PER_AREA,
		PART_NON_HEATING, ONE(PART_NON_HEATING), {{0, 0}}, NULL},
	[KPI_HEATING_PER_HEATED_AREA] = {"heating_energy_per_heated_area_kgce", "kgce/m2",
		PER_HEATED_AREA, PART_HEATING, ONE(PART_HEATING), {{0, 0}}, NULL},
	[KPI_ELECTRICITY] = {"electricity_kwh", "kWh", PER_NOTHING, PART_ELECTRICITY,
		GRID, {{0, 0}}, NULL},
	[KPI_ELECTRICITY_USED] = {"electricity_used_kwh", "kWh", PER_NOTHING, PART_ELECTRICITY,
		USED, {{0, 0}}, NULL},
	[KPI_ELECTRICITY_PER_CAPITA] = {"electricity_per_capita_kwh", "kWh/person", PER_PERSON,
		PART_ELECTRICITY, GRID, {{0, 0}}, NULL},
	[KPI_ELECTRICITY_PER_AREA] = {"electricity_per_area_kwh", "kWh/m2", PER_AREA,
		PART_ELECTRICITY, GRID, {{0, 0}}, NULL},
	[KPI_WATER] = {"water_m3", "m3", PER_NOTHING, PART_WATER, ONE(PART_WATER), {{0, 0}}, NULL},
	[KPI_WATER_PER_CAPITA] = {"water_per_capita_m3", "m3/person", PER_PERSON, PART_WATER,
		ONE(PART_WATER), {{0, 0}}, NULL},
	[KPI_CO2_SCOPE1] = {"co2_scope1_kg", "kg", PER_NOTHING, PART_SCOPE1,
		ONE(PART_SCOPE1), {{0, 0}}, NULL},
	[KPI_CO2_SCOPE2] = {"co2_scope2_kg", "kg", PER_NOTHING, PART_SCOPE2,
		ONE(PART_SCOPE2), {{0, 0}}, NULL},
	[KPI_CO2] = {"co2_kg", "kg", PER_NOTHING, N_KPI_PARTS, CARBON, {{0, 0}}, NULL},
	[KPI_CO2_PER_AREA] = {"co2_per_area_kg", "kg/m2", PER_AREA, N_KPI_PARTS,
		CARBON_AREA, {{0, 0}}, NULL},
	[KPI_CO2_PER_CAPITA] = {"co2_per_capita_kg", "kg/person", PER_PERSON, N_KPI_PARTS,
		CARBON, {{0, 0}}, NULL},
	[KPI_PV_GENERATION] = {"pv_generation_kwh", "kWh", PER_NOTHING, PART_GENERATION,
		ONE(PART_GENERATION), {{0, 0}}, NULL},
	[KPI_PV_SHARE] = {"pv_share", "1", PER_TERMS, PART_GENERATION,
		ONE(PART_GENERATION), USED, "no electricity was used"},
	[KPI_PV_OWN_USE] = {"pv_own_use_kwh", "kWh", PER_NOTHING, PART_GENERATION,
		OWN_USE, {{0, 0}}, NULL},
	[KPI_PV_OWN_USE_SHARE] = {"pv_own_use_share", "1", PER_TERMS, PART_GENERATION,
		OWN_USE, ONE(PART_GENERATION), "nothing was generated"},
	[KPI_LIGHTING] = {"lighting_sockets_kwh", "kWh", PER_NOTHING, PART_LIGHTING,
		ONE(PART_LIGHTING), {{0, 0}}, NULL},
	[KPI_AIR_CONDITIONING] = {"air_conditioning_kwh", "kWh", PER_NOTHING, PART_AIR,
		ONE(PART_AIR), {{0, 0}}, NULL},
	[KPI_POWER] = {"power_kwh", "kWh", PER_NOTHING, PART_POWER,
		ONE(PART_POWER), {{0, 0}}, NULL},
	[KPI_SPECIAL] = {"special_kwh", "kWh", PER_NOTHING, PART_SPECIAL,
		ONE(PART_SPECIAL), {{0, 0}}, NULL},
	[KPI_RESIDUAL] = {"submeter_residual_kwh", "kWh", PER_NOTHING, PART_REST,
		ONE(PART_REST), {{0, 0}}, NULL},
	[KPI_RESIDUAL_SHARE] = {"submeter_residual_share", "1", PER_TERMS, PART_REST,
		ONE(PART_REST), ONE(PART_METERED), "no electricity was used"},
	[KPI_PUE] = {"pue", "1", PER_TERMS, PART_IT,
		ONE(PART_ROOM), ONE(PART_IT), "the equipment used nothing"},
	[KPI_CO2_PER_AREA_FROZEN] = {"co2_per_area_frozen_kg", "kg/m2", PER_AREA, PART_FROZEN,
		FROZEN_AREA, {{0, 0}}, NULL},
	[KPI_CO2_PER_CAPITA_FROZEN] = {"co2_per_capita_frozen_kg", "kg/person", PER_PERSON,
		PART_FROZEN, FROZEN, {{0, 0}}, NULL},
	[KPI_BASE_LOAD] = {"base_load_kw", "kW", PER_TERMS, PART_NIGHT,
		ONE(PART_NIGHT), ONE(PART_NIGHT_HOURS), "no night is known"},
	[KPI_BASE_LOAD_SHARE] = {"base_load_share", "1", PER_TERMS, PART_BASE,
		ONE(PART_BASE), ONE(PART_KNOWN), "no electricity was used"},
	[KPI_BASE_LOAD_COST] = {"base_load_cost_yuan", "yuan", PER_NOTHING, PART_BASE_COST,
		ONE(PART_BASE_COST), {{0, 0}}, NULL},
	[KPI_FREE_DAY_LOAD] = {"free_day_load_kw", "kW", PER_TERMS, PART_FREE,
		ONE(PART_FREE), ONE(PART_FREE_HOURS), "no free day is known"},
	[KPI_PEAK_DEMAND] = {"peak_demand_kw", "kW", PER_NOTHING, PART_PEAK,
		ONE(PART_PEAK), {{0, 0}}, NULL},
	[KPI_LOAD_FACTOR] = {"load_factor", "1", PER_TERMS, PART_PEAK,
		ONE(PART_MEAN), ONE(PART_PEAK), "no electricity was used"},
	[KPI_ENERGY_COST] = {"energy_cost_yuan", "yuan", PER_NOTHING, PART_COST,
		ONE(PART_COST), {{0, 0}}, NULL},
	[KPI_WATER_COST] = {"water_cost_yuan", "yuan", PER_NOTHING, PART_WATER_COST,
		ONE(PART_WATER_COST), {{0, 0}}, NULL},
	[KPI_WATER_NIGHT_FLOW] = {"water_night_flow_m3h", "m3/h", PER_TERMS, PART_NIGHT_FLOW,
		ONE(PART_NIGHT_FLOW), ONE(PART_NIGHTS), "no night is known"},
};
/* clang-format on */

const char *kpi_name(enum kpi kpi)
{
	return definitions[kpi].name;
}

const char *kpi_unit(enum kpi kpi)
{
	return definitions[kpi].unit;
}

bool kpi_is_quotient(enum kpi kpi)
{
	return definitions[kpi].per != PER_NOTHING;
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
	if (to[0] == '\0' && from[0] != '\0')
		(void)snprintf(to, KPI_REASON_MAX, "%s", from);
}

void kpi_add(struct kpi_sum *sum, const struct kpi_sum *quantity, int64_t factor)
{
	sum->applies |= quantity->applies;
	sum->is_unknown |= quantity->is_unknown;
	sum->is_provisional |= quantity->is_provisional;
	sum->value += scale_micro(quantity->value, factor);
	sum->estimated += scale_micro(quantity->estimated, factor);
	sum->missing += scale_micro(quantity->missing, factor);
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
	claim->ratio.is_provisional |= part->is_provisional;
	claim->ratio.present += part->value > 0 ? part->value : 0;
	claim->ratio.missing += part->missing;
	claim->ratio.estimated += part->estimated;
	if (part->is_unknown || part->missing > 0)
		keep_reason(cause, part->reason);
}

static bool has_part(const struct term *terms, enum kpi_part part)
{
	for (; terms->sign != 0; terms++)
		if (terms->part == part)
			return true;
	return false;
}

static bool applies(const struct definition *definition, const struct kpi_input *input)
{
	if (definition->needs != N_KPI_PARTS)
		return input->parts[definition->needs].applies;
	for (const struct term *term = definition->terms; term->sign != 0; term++)
		if (input->parts[term->part].applies)
			return true;
	return false;
}

static void divide(struct claim *claim, const struct definition *definition,
		   const struct kpi_input *input)
{
	static const char *const nothing[] = {[PER_NOTHING] = "",
					      [PER_AREA] = "no floor area is registered",
					      [PER_PERSON] = "no headcount is registered",
					      [PER_HEATED_AREA] = "no heated area is registered",
					      [PER_TERMS] = ""};
	const int64_t by[] = {[PER_NOTHING] = 1,
			      [PER_AREA] = input->area,
			      [PER_PERSON] = input->persons,
			      [PER_HEATED_AREA] = input->heated_area,
			      [PER_TERMS] = 0};

	if (definition->per == PER_NOTHING)
		return;
	claim->ratio.denominator = by[definition->per];
	for (const struct term *term = definition->over; term->sign != 0; term++)
		claim->ratio.denominator += term->sign * input->parts[term->part].value;
	if (claim->ratio.denominator <= 0)
		keep_reason(claim->reason, definition->per == PER_TERMS ? definition->nothing
									: nothing[definition->per]);
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
	for (const struct term *term = definition->terms; term->sign != 0; term++) {
		claim.ratio.numerator += term->sign * input->parts[term->part].value;
		weigh(&claim, &input->parts[term->part], cause);
	}
	for (const struct term *term = definition->over; term->sign != 0; term++)
		if (!has_part(definition->terms, term->part))
			weigh(&claim, &input->parts[term->part], cause);
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

static double exact_quotient(enum kpi kpi, const struct kpi_ratio *ratio)
{
	if (definitions[kpi].per == PER_NOTHING)
		return (double)ratio->numerator / MICRO;
	return ratio->denominator > 0 ? (double)ratio->numerator / (double)ratio->denominator : 0;
}

static int64_t estimated_share(const struct kpi_ratio *ratio)
{
	if (ratio->present <= 0)
		return 0;
	int64_t share = scale_int64(ratio->estimated, MICRO, ratio->present);
	return share < MICRO ? share : MICRO;
}

static bool relative_change(double now, double before, double *exact, int64_t *change)
{
	if (!(before > 0))
		return false;
	*exact = (now - before) / before;
	*change = llround(fmax(fmin(*exact, 1e9), -1e9) * MICRO);
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
	out->is_provisional = claim->ratio.is_provisional;
	out->partial = quotient(kpi, &claim->ratio);
	out->exact.partial = exact_quotient(kpi, &claim->ratio);
	if (out->has_value) {
		out->value = out->partial;
		out->exact.value = out->exact.partial;
	}
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
		out[kpi].exact.previous = exact_quotient((enum kpi)kpi, &before.ratio);
		out[kpi].has_change = out[kpi].has_value &&
				      relative_change(out[kpi].exact.value, out[kpi].exact.previous,
						      &out[kpi].exact.change, &out[kpi].change);
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
	sum->is_provisional |= ratio->is_provisional;
	sum->n += ratio->n;
	sum->set += ratio->set;
	if (ratio->numerator > sum->largest)
		sum->largest = ratio->numerator;
}

static struct kpi_crowd crowd_of(const struct kpi_ratio *ratio)
{
	return (struct kpi_crowd){
		.n = ratio->n,
		.largest = ratio->numerator > 0
				   ? scale_int64(ratio->largest, MICRO, ratio->numerator)
				   : 0,
		.set = ratio->set};
}

/* The smaller crowd, and the larger one in it: what both hide. */
static struct kpi_crowd crowd_of_both(struct kpi_crowd a, struct kpi_crowd b)
{
	return (struct kpi_crowd){.n = a.n < b.n ? a.n : b.n,
				  .largest = a.largest > b.largest ? a.largest : b.largest,
				  .set = a.set == b.set ? a.set : 0};
}

/* splitmix64's: sums of it differ where sets do. */
static uint64_t hash_of(uint32_t who)
{
	uint64_t hash = (who + UINT64_C(1)) * UINT64_C(0x9e3779b97f4a7c15);

	hash = (hash ^ hash >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	hash = (hash ^ hash >> 27) * UINT64_C(0x94d049bb133111eb);
	return hash ^ hash >> 31;
}

static bool is_valid_also(enum kpi kpi, const struct kpi_input *also, int64_t min_coverage)
{
	for (size_t i = 0; i < 2 && also != NULL; i++) {
		const struct claim claim = make_claim(kpi, &also[i], min_coverage);

		if (!is_valid(&claim))
			return false;
	}
	return true;
}

/* An institution and what it was before, or NULL. */
struct added {
	uint32_t who;
	const struct kpi_input *now, *previous, *also;
};

static void group_add(struct kpi_group *group, const struct added *added, int64_t min_coverage)
{
	const struct kpi_input *now = added->now, *previous = added->previous;
	struct kpi_share shares[N_KPIS];
	uint64_t hash = hash_of(added->who);

	group->institutions++;
	for (int kpi = 0; kpi < N_KPIS; kpi++) {
		struct claim claim = make_claim((enum kpi)kpi, now, min_coverage);
		struct claim before = {0};

		if (previous != NULL)
			before = make_claim((enum kpi)kpi, previous, min_coverage);
		claim.ratio.set = before.ratio.set = hash;
		shares[kpi] = (struct kpi_share){is_valid(&claim), claim.ratio.numerator};
		group->kpis[kpi].applies |= claim.applies;
		if (is_valid(&claim))
			add_ratio(&group->kpis[kpi].now, &claim.ratio);
		if (is_valid(&before))
			add_ratio(&group->kpis[kpi].previous, &before.ratio);
		if (is_valid(&claim) && is_valid(&before) &&
		    is_valid_also((enum kpi)kpi, added->also, min_coverage)) {
			add_ratio(&group->kpis[kpi].both_now, &claim.ratio);
			add_ratio(&group->kpis[kpi].both_previous, &before.ratio);
		}
		if (kpi == KPI_TOTAL_ENERGY && is_valid(&claim))
			group->reporting++;
	}
	kpi_relate(group, shares, now->carriers);
}

void kpi_group_add(struct kpi_group *group, uint32_t who, const struct kpi_input *now,
		   const struct kpi_input *previous, int64_t min_coverage)
{
	group_add(group, &(struct added){who, now, previous, NULL}, min_coverage);
}

void kpi_group_add_also(struct kpi_group *group, uint32_t who, const struct kpi_input inputs[2],
			const struct kpi_input also[2], int64_t min_coverage)
{
	assert(inputs != NULL);
	group_add(group, &(struct added){who, &inputs[0], &inputs[1], also}, min_coverage);
}

static void tell_both(enum kpi kpi, const struct kpi_group *group, struct kpi_value *out)
{
	out->both.n = group->kpis[kpi].both_now.n;
	out->has_both = out->both.n > 0;
	out->both.value = exact_quotient(kpi, &group->kpis[kpi].both_now);
	out->both.previous = exact_quotient(kpi, &group->kpis[kpi].both_previous);
	out->has_change = out->has_both && relative_change(out->both.value, out->both.previous,
							   &out->exact.change, &out->change);
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
		value->is_provisional = now->is_provisional;
		value->crowd = crowd_of(now);
		kpi_find_gap(group, kpi, &value->crowd);
		value->crowd_before =
			crowd_of_both(crowd_of(previous), crowd_of(&group->kpis[i].both_now));
		value->value = value->partial = quotient(kpi, now);
		value->exact.value = value->exact.partial = exact_quotient(kpi, now);
		value->coverage = all > 0 ? scale_int64(now->present, MICRO, all) : MICRO;
		value->estimated = estimated_share(now);
		value->previous = quotient(kpi, previous);
		value->exact.previous = exact_quotient(kpi, previous);
		tell_both(kpi, group, value);
		value->has_change_all =
			now->n > 0 && previous->n > 0 &&
			relative_change(value->exact.value, value->exact.previous,
					&value->exact.change_all, &value->change_all);
	}
}
