/* SPDX-License-Identifier: Apache-2.0 */
/* Quantities of carriers into the parts of indicators: coefficients times quantities. */
#include "server/figures/figures_input.h"

static struct kpi_sum less(const struct kpi_sum *whole, const struct kpi_sum *part)
{
	struct kpi_sum rest = *whole;

	rest.value -= part->value;
	rest.estimated -= part->estimated < rest.estimated ? part->estimated : rest.estimated;
	rest.missing -= part->missing < rest.missing ? part->missing : rest.missing;
	return rest;
}

/* kpi_add, and whether the coefficient is of another time or place. */
static void add_with(struct kpi_sum *part, const struct kpi_sum *quantity,
		     const struct factor *factor)
{
	kpi_add(part, quantity, factor->micro);
	part->is_provisional |= factor->is_provisional && quantity->applies;
}

static void add_carbon(const struct input_work *work, enum carrier carrier, civil_day month,
		       const struct kpi_sum *total, const struct kpi_sum *fixed)
{
	const struct figures *figures = work->reader->figures;
	struct kpi_sum *parts = work->input->parts;
	uint32_t region = figures->registry->institutions[work->institution].region;
	bool is_bought = carrier == CARRIER_ELECTRICITY || carrier == CARRIER_HEAT ||
			 carrier == CARRIER_COOLING;
	int frozen = work->scope->frozen_year;
	struct factor factor;

	if (!factors_co2(figures->factors, figures->registry->regions, region, carrier, month,
			 &factor))
		return;
	if (!is_bought) {
		add_with(&parts[PART_SCOPE1], total, &factor);
		add_with(&parts[PART_SCOPE1_AREA], fixed, &factor);
		return;
	}
	add_with(&parts[PART_SCOPE2], total, &factor);
	if (frozen == 0)
		return;
	if (carrier == CARRIER_ELECTRICITY &&
	    !factors_co2(figures->factors, figures->registry->regions, region, carrier,
			 civil_day_of((struct civil_date){frozen, 7, 1}), &factor))
		return;
	add_with(&parts[PART_FROZEN], total, &factor);
}

static void add_factors(const struct input_work *work, enum carrier carrier, civil_day month,
			const struct figures_quantities *of)
{
	const struct kpi_sum *total = &of->items[EXCHANGE_TOTAL];
	const struct kpi_sum *heating = &of->items[EXCHANGE_HEATING];
	const struct figures *figures = work->reader->figures;
	struct kpi_sum *parts = work->input->parts;
	struct kpi_sum fixed = less(total, &of->items[EXCHANGE_VEHICLE]);
	struct factor factor;

	fixed.missing = total->missing; /* what is missing may be of any use */
	if (factors_coal_on(figures->factors, figures->basis, carrier, month, &factor)) {
		add_with(&parts[PART_ENERGY], total, &factor);
		add_with(&parts[PART_ENERGY_AREA], &fixed, &factor);
		if (heating->applies)
			add_with(&parts[PART_HEATING], heating, &factor);
	}
	add_carbon(work, carrier, month, total, &fixed);
}

/* All that reached the loads: bought and generated, less exported. */
static void add_used(struct kpi_sum *used, const struct figures_quantities *of)
{
	struct kpi_sum export = of->items[EXCHANGE_EXPORT];

	export.value = -export.value;
	kpi_add(used, &of->items[EXCHANGE_TOTAL], MICRO);
	kpi_add(used, &of->items[EXCHANGE_GENERATION], MICRO);
	kpi_add(used, &export, MICRO);
}

/* What the parts of it do not tell is in the rest, which is there where any is measured. */
static void add_electricity(struct kpi_sum *parts, const struct figures_quantities *of)
{
	static const struct {
		enum exchange_item item;
		enum kpi_part part;
	} items[] = {{EXCHANGE_TOTAL, PART_ELECTRICITY}, {EXCHANGE_GENERATION, PART_GENERATION},
		     {EXCHANGE_EXPORT, PART_EXPORT},     {EXCHANGE_LIGHTING, PART_LIGHTING},
		     {EXCHANGE_AIR, PART_AIR},           {EXCHANGE_POWER, PART_POWER},
		     {EXCHANGE_SPECIAL, PART_SPECIAL},   {EXCHANGE_REST, PART_REST},
		     {EXCHANGE_EQUIPMENT, PART_IT},      {EXCHANGE_ROOM, PART_ROOM}};

	for (size_t i = 0; i < sizeof items / sizeof *items; i++)
		kpi_add(&parts[items[i].part], &of->items[items[i].item], MICRO);
	if (of->items[EXCHANGE_REST].applies)
		add_used(&parts[PART_METERED], of);
}

void figures_input_add(const struct input_work *work, enum carrier carrier, civil_day month,
		       const struct figures_quantities *of)
{
	struct kpi_sum *parts = work->input->parts;

	_Static_assert(KPI_CARRIERS == (int)N_CARRIERS, "there is one for each");
	work->input->carriers[carrier] += of->items[EXCHANGE_TOTAL].value;
	if (of->items[EXCHANGE_TOTAL].applies)
		add_factors(work, carrier, month, of);
	if (carrier == CARRIER_WATER)
		kpi_add(&parts[PART_WATER], &of->items[EXCHANGE_TOTAL], MICRO);
	if (carrier == CARRIER_ELECTRICITY)
		add_electricity(parts, of);
}

void figures_input_finish(struct kpi_input *input)
{
	struct kpi_sum *parts = input->parts;

	parts[PART_NON_HEATING] = less(&parts[PART_ENERGY_AREA], &parts[PART_HEATING]);
}
