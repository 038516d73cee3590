/* SPDX-License-Identifier: Apache-2.0 */
/* What one carrier of an institution brings in one month or a part of it. */
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
			 const struct figures_part *part, struct figures_quantities *of,
			 struct err *err)
{
	struct kpi_sum *heating = &of->items[EXCHANGE_HEATING];
	int rc;

	if (carrier == CARRIER_HEAT) {
		*heating = of->items[EXCHANGE_TOTAL];
		return 0;
	}
	rc = add_form(work, carrier, FORM_HEATING, part, heating, err);
	heating->applies |= heating->value != 0;
	return rc;
}

/* ---- electricity ---- */

static enum exchange_item find_item(const char *name)
{
	int i = EXCHANGE_LIGHTING;

	while (i < EXCHANGE_REST && strcmp(exchange_item_names[i], name) != 0)
		i++;
	return (enum exchange_item)i;
}

/* What a part misses, the rest has too much of. */
static int count_item(const struct input_work *work, const struct total_plan *plan,
		      const char *name, const struct figures_part *part,
		      struct figures_quantities *of, struct err *err)
{
	struct kpi_sum sum = {.applies = true}, *rest = &of->items[EXCHANGE_REST];
	enum exchange_item to = find_item(name);
	int rc = figures_input_item(work, CARRIER_ELECTRICITY, name, part, &sum, err);

	if (rc == 0)
		rc = figures_miss_item(work->reader, plan, name, part, &sum, err);
	if (to != EXCHANGE_REST)
		of->items[to] = sum;
	sum.value = sum.estimated = 0;
	kpi_add(rest, &sum, MICRO);
	return rc;
}

/* What another term of the rest misses, the rest does as well. */
static void add_gap(struct kpi_sum *rest, const struct kpi_sum *term)
{
	struct kpi_sum gap = *term;

	gap.value = gap.estimated = 0;
	kpi_add(rest, &gap, MICRO);
}

/* The four items and the rest, where anything is measured apart. */
static int count_items(const struct input_work *work, const struct total_plan *plan,
		       const struct figures_part *part, struct figures_quantities *of,
		       struct err *err)
{
	struct kpi_sum *rest = &of->items[EXCHANGE_REST];
	bool has_parts = false;
	int rc = 0;

	for (size_t i = 0; i < plan->n_items && rc == 0; i++) {
		if (!total_is_part(plan->items[i].name))
			continue;
		has_parts = true;
		rc = count_item(work, plan, plan->items[i].name, part, of, err);
	}
	if (!has_parts || rc < 0)
		return rc;
	add_gap(rest, &of->items[EXCHANGE_TOTAL]);
	add_gap(rest, &of->items[EXCHANGE_GENERATION]);
	add_gap(rest, &of->items[EXCHANGE_EXPORT]);
	return figures_input_item(work, CARRIER_ELECTRICITY, "rest", part, rest, err);
}

static int count_electricity(const struct input_work *work, const struct total_plan *plan,
			     const struct figures_part *part, struct figures_quantities *of,
			     struct err *err)
{
	struct kpi_sum *equipment = &of->items[EXCHANGE_EQUIPMENT];
	int rc = 0;

	for (int i = EXCHANGE_GENERATION; i <= EXCHANGE_EXPORT && rc == 0; i++)
		rc = figures_input_account(work, plan, exchange_item_names[i], part, &of->items[i],
					   err);
	if (rc == 0 && of->items[EXCHANGE_TOTAL].applies)
		rc = count_items(work, plan, part, of, err);
	if (rc == 0)
		rc = add_equipment(work, part, equipment, err);
	if (rc == 0 && equipment->applies)
		rc = add_form(work, CARRIER_ELECTRICITY, FORM_DATACENTRE, part,
			      &of->items[EXCHANGE_ROOM], err);
	return rc;
}

/* ---- one carrier ---- */

bool figures_input_has(const struct input_work *work, enum carrier carrier)
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
			  const struct figures_part *part, struct figures_quantities *out,
			  struct err *err)
{
	struct total_plan plan;
	int rc;

	memset(out, 0, sizeof *out);
	if (!figures_input_has(work, carrier))
		return 0;
	total_plan_init(&plan, registry_of(work), work->institution, carrier);
	rc = figures_input_total(work, &plan, carrier, part, out, err);
	if (rc == 0 && out->items[EXCHANGE_TOTAL].applies)
		rc = count_heating(work, carrier, part, out, err);
	if (rc == 0 && carrier == CARRIER_ELECTRICITY)
		rc = count_electricity(work, &plan, part, out, err);
	total_plan_fini(&plan);
	return rc;
}
