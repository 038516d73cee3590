/* SPDX-License-Identifier: Apache-2.0 */
/* One day of an institution's carrier: from its meters, its bills, and shared buildings. */
#include <string.h>

#include "common/mem.h"
#include "server/rollup/bill_spread.h"
#include "server/rollup/derive_group.h"

struct derive_item *derive_item(struct derive_group *group, const char *name)
{
	struct derive_item *item;

	for (size_t i = 0; i < group->n_items; i++)
		if (strcmp(group->items[i].name, name) == 0)
			return &group->items[i];
	if (group->n_items == DERIVE_MAX_ITEMS)
		return NULL;
	item = &group->items[group->n_items++];
	*item = (struct derive_item){0};
	strncpy(item->name, name, sizeof item->name - 1);
	return item;
}

/* ---- from meters ---- */

const struct registry_institution *derive_group_institution(const struct derive_group *group)
{
	return &group->derive->registry->institutions[group->institution];
}

/* A meter's row of the day, or NULL. */
static int meter_row(struct derive_group *group, uint32_t meter, civil_day day,
		     const struct derived_row **out, struct err *err)
{
	uint32_t at = meter - derive_group_institution(group)->first_meter;
	struct derived_key key = {.day = day};
	int rc = 0;

	if (group->row_state[at] == 0) {
		rc = derive_meter_id(group->derive, meter, &key.id, err);
		if (rc == 0)
			rc = derived_get(group->derive->derived, DERIVED_METER_DAY, &key,
					 &group->rows[at], NULL, err);
		if (rc < 0)
			return rc;
		group->row_state[at] = rc == 1 ? 1 : -1;
	}
	*out = group->row_state[at] == 1 ? &group->rows[at] : NULL;
	return 0;
}

static void sum_hours(struct derived_row *row)
{
	row->sum.is_known = false;
	row->sum.value = 0;
	for (int h = 0; h < DERIVED_HOURS; h++) {
		total_finish(&row->hours[h]);
		row->sum.is_known |= row->hours[h].is_known;
		row->sum.value += row->hours[h].value;
	}
	if (!row->sum.is_known)
		*row = (struct derived_row){0};
}

static int day_of_item(struct derive_group *group, const struct total_item *from, civil_day day,
		       struct err *err)
{
	struct derive_item *item = derive_item(group, from->name);
	const struct derived_row *term;

	if (item == NULL)
		return 0;
	item->row = (struct derived_row){.has_hours = true};
	for (size_t i = 0; i < from->n_terms; i++) {
		int rc = meter_row(group, from->terms[i].meter, day, &term, err);

		if (rc < 0)
			return rc;
		for (int h = 0; term != NULL && h < DERIVED_HOURS; h++)
			total_add(&item->row.hours[h], &term->hours[h], from->terms[i].sign);
		if (term != NULL)
			item->row.sum.estimated += term->sum.estimated;
	}
	sum_hours(&item->row);
	return 0;
}

static void add_to_rest(struct amount *rest, const struct amount *one, int sign)
{
	if (!rest->is_known || !one->is_known)
		return;
	rest->value += sign * one->value;
	rest->estimated += one->estimated;
}

/* What no part measures, losses included, at each length of time: all that reached the loads, own
 * generation too, less parts. Known where the total is. */
static void day_of_rest(struct derive_group *group)
{
	const struct derive_item *total = derive_item(group, "total");
	struct derived_row rest = total->row;
	bool has_parts = false;

	for (size_t i = 0; i < group->n_items; i++) {
		const struct derive_item *one = &group->items[i];
		int sign = total_in_rest(one->name);

		if (sign == 0 || strcmp(one->name, "total") == 0)
			continue;
		has_parts |= total_is_part(one->name) && one->row.sum.is_known;
		add_to_rest(&rest.sum, &one->row.sum, sign);
		for (int h = 0; h < DERIVED_HOURS; h++)
			add_to_rest(&rest.hours[h], &one->row.hours[h], sign);
	}
	struct derive_item *item = has_parts ? derive_item(group, "rest") : NULL;
	if (item != NULL)
		item->row = rest;
}

bool derive_item_counts(const struct total_item *item, bool is_online)
{
	return is_online || strcmp(item->name, "generation") == 0 ||
	       strcmp(item->name, "export") == 0;
}

/* What others count of the carrier for it, in shared buildings. */
static void add_shared(const char *name, const struct derived_row *part, void *arg)
{
	struct derive_group *group = arg;
	struct derive_item *items[] = {derive_item(group, name),
				       strcmp(name, "total") == 0 ? derive_item(group, "shared")
								  : NULL};

	group->is_shared |= part->sum.is_known;
	for (size_t i = 0; i < 2; i++) {
		struct derived_row *row = items[i] != NULL ? &items[i]->row : NULL;

		if (row == NULL || !part->sum.is_known)
			continue;
		row->has_hours |= part->has_hours;
		row->sum.is_known = true;
		row->sum.value += part->sum.value;
		row->sum.estimated += part->sum.estimated;
		for (int h = 0; h < DERIVED_HOURS; h++)
			total_add(&row->hours[h], &part->hours[h], 1);
	}
}

void derive_add_shared_estimated(const char *name, int64_t estimated, void *arg)
{
	struct derive_group *group = arg;
	struct derive_item *items[3] = {
		derive_item(group, name),
		strcmp(name, "total") == 0 ? derive_item(group, "shared") : NULL,
		total_in_rest(name) != 0 ? derive_item(group, "rest") : NULL};

	for (size_t i = 0; i < 3; i++)
		if (items[i] != NULL)
			items[i]->month_estimated += estimated;
}

static int day_from_meters(struct derive_group *group, civil_day day, bool is_online,
			   struct err *err)
{
	uint32_t n = derive_group_institution(group)->n_meters;
	int rc = 0;

	if (n > 0)
		memset(group->row_state, 0, n);
	for (size_t i = 0; i < group->plan->n_items && rc == 0; i++)
		if (derive_item_counts(&group->plan->items[i], is_online))
			rc = day_of_item(group, &group->plan->items[i], day, err);
	return rc;
}

/* ---- from bills ---- */

static int keep_bill(const struct bill *bill, void *arg)
{
	struct derive_group *group = arg;

	if (bill->carrier != group->carrier)
		return 0;
	group->bills = grow(group->bills, group->n_bills, &group->bills_cap, sizeof *group->bills);
	group->bills[group->n_bills++] = *bill; /* numbers only: its texts end with the row */
	return 0;
}

static bool may_be_billed(const struct derive_group *group)
{
	const struct registry_institution *institution = derive_group_institution(group);

	for (size_t i = 0; i < institution->n_supplies; i++)
		if (institution->supplies[i].carrier == group->carrier &&
		    institution->supplies[i].supply == SUPPLY_BILL)
			return true;
	return false;
}

int derive_load_bills(struct derive_group *group, struct err *err)
{
	const struct bill_query query = {
		.institution = derive_group_institution(group)->id,
		.days = {group->month, civil_next_month(group->month)},
	};

	if (!may_be_billed(group))
		return 0;
	group->weather = bill_spread_weather(group->derive->registry, group->institution);
	return bill_list(group->derive->ledger, &query, keep_bill, group, err);
}

static void add_bill(struct derive_group *group, const char *name, const struct bill *bill,
		     civil_day day)
{
	struct derive_item *item = derive_item(group, name);
	int64_t share = bill_spread_share(bill, group->weather, (struct span){day, day + 1});

	if (item == NULL)
		return;
	item->row.sum.is_known = true;
	item->row.sum.value += share;
	if (bill->days.to - bill->days.from > 1)
		item->row.sum.estimated += share;
	if (bill->days.from < group->month || bill->days.to > civil_next_month(group->month))
		item->month_estimated += share;
}

static void day_from_bills(struct derive_group *group, civil_day day)
{
	for (size_t i = 0; i < group->n_bills; i++) {
		const struct bill *bill = &group->bills[i];

		if (day < bill->days.from || day >= bill->days.to || bill->is_lump)
			continue;
		if (bill_is_in_total(bill))
			add_bill(group, "total", bill, day);
		if (bill->use != USE_NONE)
			add_bill(group, bill_use_names[bill->use], bill, day);
	}
}

struct derive_place derive_group_place(const struct derive_group *group, civil_day day)
{
	return (struct derive_place){group->institution, group->carrier, day};
}

static int day_from_all(struct derive_group *group, civil_day day, bool is_online, struct err *err)
{
	const struct derive_place place = derive_group_place(group, day);
	int rc = day_from_meters(group, day, is_online, err);

	group->is_shared = false;
	if (rc == 0)
		rc = derive_shared_day(group->derive, &place, add_shared, group, err);
	if (rc == 0 && (is_online || group->is_shared) && derive_item(group, "total") != NULL)
		day_of_rest(group);
	return rc;
}

int derive_compute_day(struct derive_group *group, civil_day day, bool is_wanted, struct err *err)
{
	const struct registry *registry = group->derive->registry;
	enum supply supply;

	if (group->institution == REGISTRY_NONE)
		return 0;
	const struct registry_institution *institution = derive_group_institution(group);
	if (day < institution->valid.from || day >= institution->valid.to)
		return 0;
	supply = registry_supply(registry, group->institution, group->carrier, day);
	if (supply == SUPPLY_ONLINE)
		group->is_online = true;
	if (supply == SUPPLY_BILL)
		day_from_bills(group, day);
	return is_wanted ? day_from_all(group, day, supply == SUPPLY_ONLINE, err) : 0;
}
