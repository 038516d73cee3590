/* SPDX-License-Identifier: Apache-2.0 */
/* One carrier of an institution in one month into the parts of indicators. */
#include <string.h>

#include "server/figures/figures_input.h"

static const struct registry *registry_of(const struct input_work *work)
{
	return work->reader->figures->registry;
}

static const struct registry_institution *institution_of(const struct input_work *work)
{
	return &registry_of(work)->institutions[work->institution];
}

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
	uint32_t region = institution_of(work)->region;
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
			const struct input_quantities *of)
{
	const struct figures *figures = work->reader->figures;
	struct kpi_sum *parts = work->input->parts;
	struct kpi_sum fixed = less(&of->total, &of->vehicle);
	struct factor factor;

	fixed.missing = of->total.missing; /* what is missing may be of any use */
	if (factors_coal_on(figures->factors, figures->basis, carrier, month, &factor)) {
		add_with(&parts[PART_ENERGY], &of->total, &factor);
		add_with(&parts[PART_ENERGY_AREA], &fixed, &factor);
		if (of->heating.applies)
			add_with(&parts[PART_HEATING], &of->heating, &factor);
	}
	add_carbon(work, carrier, month, &of->total, &fixed);
}

/* ---- meters of a form ---- */

static bool is_inside(const struct registry *registry, const struct registry_meter *meter)
{
	for (uint32_t at = meter->parent; at != REGISTRY_NONE; at = registry->meters[at].parent)
		if (registry->meters[at].form == meter->form &&
		    registry->meters[at].carrier == meter->carrier)
			return true;
	return false;
}

/* Outermost meters of a form: what lies inside of them is theirs. */
static int add_form(const struct input_work *work, enum carrier carrier, enum meter_form form,
		    const struct figures_part *part, struct kpi_sum *sum, struct err *err)
{
	const struct registry *registry = registry_of(work);
	const struct registry_institution *of = institution_of(work);
	int rc = 0;

	for (uint32_t i = of->first_meter; i < of->first_meter + of->n_meters && rc == 0; i++) {
		const struct registry_meter *meter = &registry->meters[i];

		if (meter->form == form && meter->carrier == carrier && !is_inside(registry, meter))
			rc = figures_input_meter(work, i, part, sum, err);
	}
	return rc;
}

static int add_equipment(const struct input_work *work, const struct figures_part *part,
			 struct kpi_sum *sum, struct err *err)
{
	const struct registry *registry = registry_of(work);
	const struct registry_institution *of = institution_of(work);
	int rc = 0;

	for (uint32_t i = of->first_meter; i < of->first_meter + of->n_meters && rc == 0; i++) {
		const struct registry_meter *meter = &registry->meters[i];

		if (meter->form == FORM_DATACENTRE && meter->carrier == CARRIER_ELECTRICITY &&
		    strcmp(meter->item, "01D1A") == 0)
			rc = figures_input_meter(work, i, part, sum, err);
	}
	return rc;
}

/* Bought heat is heating; of other carriers what is metered or billed for it. */
static int count_heating(const struct input_work *work, enum carrier carrier,
			 const struct figures_part *part, struct input_quantities *of,
			 struct err *err)
{
	int rc;

	if (carrier == CARRIER_HEAT) {
		of->heating = of->total;
		return 0;
	}
	rc = add_form(work, carrier, FORM_HEATING, part, &of->heating, err);
	of->heating.applies |= of->heating.value != 0;
	return rc;
}

/* ---- electricity ---- */

static enum kpi_part part_of_item(const char *item)
{
	static const struct {
		const char *item;
		enum kpi_part part;
	} items[] = {{"01A", PART_LIGHTING},
		     {"01B", PART_AIR},
		     {"01C", PART_POWER},
		     {"01D", PART_SPECIAL}};

	for (size_t i = 0; i < sizeof items / sizeof *items; i++)
		if (strcmp(items[i].item, item) == 0)
			return items[i].part;
	return N_KPI_PARTS;
}

/* What a part misses, the rest has too much of. */
static int count_item(const struct input_work *work, const struct total_plan *plan,
		      const char *item, const struct figures_part *part, struct err *err)
{
	struct kpi_sum sum = {.applies = true}, *rest = &work->input->parts[PART_REST];
	enum kpi_part to = part_of_item(item);
	int rc = figures_input_item(work, CARRIER_ELECTRICITY, item, part, &sum, err);

	if (rc == 0)
		rc = figures_miss_item(work->reader, plan, item, part, &sum, err);
	if (to != N_KPI_PARTS)
		kpi_add(&work->input->parts[to], &sum, MICRO);
	sum.value = sum.estimated = 0;
	kpi_add(rest, &sum, MICRO);
	return rc;
}

/* The four items and the rest, where anything is measured apart. What the total misses, the rest
 * does as well. */
static int count_items(const struct input_work *work, const struct total_plan *plan,
		       const struct kpi_sum *total, const struct figures_part *part,
		       struct err *err)
{
	struct kpi_sum *parts = work->input->parts, gap = *total;
	bool has_parts = false;
	int rc = 0;

	for (size_t i = 0; i < plan->n_items && rc == 0; i++) {
		if (!total_is_part(plan->items[i].name))
			continue;
		has_parts = true;
		rc = count_item(work, plan, plan->items[i].name, part, err);
	}
	if (!has_parts || rc < 0)
		return rc;
	kpi_add(&parts[PART_METERED], total, MICRO);
	gap.value = gap.estimated = 0;
	kpi_add(&parts[PART_REST], &gap, MICRO);
	return figures_input_item(work, CARRIER_ELECTRICITY, "rest", part, &parts[PART_REST], err);
}

static int count_accounts(const struct input_work *work, const struct total_plan *plan,
			  const struct figures_part *part, struct err *err)
{
	static const struct {
		const char *name;
		enum kpi_part part;
	} accounts[] = {{"generation", PART_GENERATION}, {"export", PART_EXPORT}};
	int rc = 0;

	for (size_t i = 0; i < 2 && rc == 0; i++) {
		struct kpi_sum account = {0};

		rc = figures_input_account(work, plan, accounts[i].name, part, &account, err);
		kpi_add(&work->input->parts[accounts[i].part], &account, MICRO);
	}
	return rc;
}

static int count_electricity(const struct input_work *work, const struct total_plan *plan,
			     const struct kpi_sum *total, const struct figures_part *part,
			     struct err *err)
{
	struct kpi_sum *parts = work->input->parts;
	int rc;

	kpi_add(&parts[PART_ELECTRICITY], total, MICRO);
	rc = count_accounts(work, plan, part, err);
	if (rc == 0 && total->applies)
		rc = count_items(work, plan, total, part, err);
	if (rc == 0)
		rc = add_equipment(work, part, &parts[PART_IT], err);
	if (rc == 0 && parts[PART_IT].applies)
		rc = add_form(work, CARRIER_ELECTRICITY, FORM_DATACENTRE, part, &parts[PART_ROOM],
			      err);
	return rc;
}

/* ---- one carrier ---- */

static bool may_have(const struct input_work *work, enum carrier carrier)
{
	const struct registry_institution *of = institution_of(work);

	for (size_t i = 0; i < of->n_supplies; i++)
		if (of->supplies[i].carrier == carrier)
			return true;
	for (uint32_t i = 0; i < of->n_meters; i++)
		if (registry_of(work)->meters[of->first_meter + i].carrier == carrier)
			return true;
	return of->n_occupancies > 0;
}

int figures_input_carrier(const struct input_work *work, enum carrier carrier,
			  const struct figures_part *part, struct err *err)
{
	struct input_quantities of = {0};
	struct total_plan plan;
	int rc;

	if (!may_have(work, carrier))
		return 0;
	total_plan_init(&plan, registry_of(work), work->institution, carrier);
	rc = figures_input_total(work, &plan, carrier, part, &of, err);
	if (rc == 0 && of.total.applies)
		rc = count_heating(work, carrier, part, &of, err);
	if (rc == 0 && of.total.applies)
		add_factors(work, carrier, part->month, &of);
	if (rc == 0 && carrier == CARRIER_WATER)
		kpi_add(&work->input->parts[PART_WATER], &of.total, MICRO);
	if (rc == 0 && carrier == CARRIER_ELECTRICITY)
		rc = count_electricity(work, &plan, &of.total, part, err);
	total_plan_fini(&plan);
	if (rc == 0 && of.total.applies)
		rc = figures_input_cost(work, carrier, part, &of.total, err);
	return rc;
}

void figures_input_finish(struct kpi_input *input)
{
	struct kpi_sum *parts = input->parts;

	parts[PART_NON_HEATING] = less(&parts[PART_ENERGY_AREA], &parts[PART_HEATING]);
}
