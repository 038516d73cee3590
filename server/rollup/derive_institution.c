/* SPDX-License-Identifier: Apache-2.0 */
/* Days and months of institutions: totals, parts, bills. */
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "server/rollup/bill.h"
#include "server/rollup/derive_private.h"

enum { MAX_ITEMS = 64 }; /* 26 parts per carrier, and the accounts beside them */

struct item {
	char name[TOTAL_ITEM_MAX];
	struct derived_row row;
	struct amount delta; /* of the month */
	int64_t days;
	int64_t month_estimated;
};

/* One institution's carrier in one month. */
struct group {
	struct derive *derive;
	uint32_t institution; /* REGISTRY_NONE: no longer in the registry */
	enum carrier carrier;
	int64_t id;
	civil_day month;
	const struct total_plan *plan;
	struct item items[MAX_ITEMS];
	size_t n_items;
	bool is_online;     /* on a day of the month at least */
	bool is_shared;     /* on the day at hand something comes from a shared building */
	struct bill *bills; /* that overlap the month */
	size_t n_bills, bills_cap;
	struct derived_row *rows; /* one day's rows of the institution's meters, by offset */
	signed char *row_state;   /* 0: not looked up, 1: there, -1: nothing */
};

static struct item *item_of(struct group *group, const char *name)
{
	struct item *item;

	for (size_t i = 0; i < group->n_items; i++)
		if (strcmp(group->items[i].name, name) == 0)
			return &group->items[i];
	if (group->n_items == MAX_ITEMS)
		return NULL;
	item = &group->items[group->n_items++];
	*item = (struct item){0};
	strncpy(item->name, name, sizeof item->name - 1);
	return item;
}

static struct derived_key key_of(const struct group *group, civil_day day, const char *name)
{
	struct derived_key key = {.day = day, .id = group->id, .carrier = group->carrier};

	strncpy(key.item, name, sizeof key.item - 1);
	return key;
}

/* ---- from meters ---- */

static const struct registry_institution *institution_of(const struct group *group)
{
	return &group->derive->registry->institutions[group->institution];
}

/* A meter's row of the day, or NULL. */
static int meter_row(struct group *group, uint32_t meter, civil_day day,
		     const struct derived_row **out, struct err *err)
{
	uint32_t at = meter - institution_of(group)->first_meter;
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

static int day_of_item(struct group *group, const struct total_item *from, civil_day day,
		       struct err *err)
{
	struct item *item = item_of(group, from->name);
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

static void subtract(struct amount *rest, const struct amount *part)
{
	if (!rest->is_known || !part->is_known)
		return;
	rest->value -= part->value;
	rest->estimated += part->estimated;
}

/* What no part measures, losses included: total less parts, at each length of time. */
static void day_of_rest(struct group *group)
{
	const struct item *total = item_of(group, "total");
	struct derived_row rest = total->row;
	bool has_parts = false;

	for (size_t i = 0; i < group->n_items; i++) {
		const struct item *part = &group->items[i];

		if (!total_is_part(part->name))
			continue;
		has_parts |= part->row.sum.is_known;
		subtract(&rest.sum, &part->row.sum);
		for (int h = 0; h < DERIVED_HOURS; h++)
			subtract(&rest.hours[h], &part->row.hours[h]);
	}
	struct item *item = has_parts ? item_of(group, "rest") : NULL;
	if (item != NULL)
		item->row = rest;
}

/* On a day billed, or not supplied, meters still tell what was generated and exported. */
static bool counts(const struct total_item *item, bool is_online)
{
	return is_online || strcmp(item->name, "generation") == 0 ||
	       strcmp(item->name, "export") == 0;
}

/* What others count of the carrier for it, in shared buildings. */
static void add_shared(const char *name, const struct derived_row *part, void *arg)
{
	struct group *group = arg;
	struct item *items[] = {item_of(group, name),
				strcmp(name, "total") == 0 ? item_of(group, "shared") : NULL};

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

static void add_shared_estimated(const char *name, int64_t estimated, void *arg)
{
	struct group *group = arg;
	struct item *items[] = {item_of(group, name),
				strcmp(name, "total") == 0 ? item_of(group, "shared") : NULL};

	for (size_t i = 0; i < 2; i++)
		if (items[i] != NULL)
			items[i]->month_estimated += estimated;
}

static int day_from_meters(struct group *group, civil_day day, bool is_online, struct err *err)
{
	uint32_t n = institution_of(group)->n_meters;
	int rc = 0;

	if (n > 0)
		memset(group->row_state, 0, n);
	for (size_t i = 0; i < group->plan->n_items && rc == 0; i++)
		if (counts(&group->plan->items[i], is_online))
			rc = day_of_item(group, &group->plan->items[i], day, err);
	return rc;
}

/* ---- from bills ---- */

static int keep_bill(const struct bill *bill, void *arg)
{
	struct group *group = arg;

	if (bill->carrier != group->carrier)
		return 0;
	group->bills = grow(group->bills, group->n_bills, &group->bills_cap, sizeof *group->bills);
	group->bills[group->n_bills++] = *bill; /* numbers only: its texts end with the row */
	return 0;
}

static bool may_be_billed(const struct group *group)
{
	const struct registry_institution *institution = institution_of(group);

	for (size_t i = 0; i < institution->n_supplies; i++)
		if (institution->supplies[i].carrier == group->carrier &&
		    institution->supplies[i].supply == SUPPLY_BILL)
			return true;
	return false;
}

static int load_bills(struct group *group, struct err *err)
{
	const struct bill_query query = {
		.institution = institution_of(group)->id,
		.days = {group->month, civil_next_month(group->month)},
	};

	if (!may_be_billed(group))
		return 0;
	return bill_list(group->derive->ledger, &query, keep_bill, group, err);
}

static void add_bill(struct group *group, const char *name, const struct bill *bill, civil_day day)
{
	struct item *item = item_of(group, name);
	int64_t share = bill_share(bill, (struct span){day, day + 1});

	if (item == NULL)
		return;
	item->row.sum.is_known = true;
	item->row.sum.value += share;
	if (bill->days.to - bill->days.from > 1)
		item->row.sum.estimated += share;
	if (bill->days.from < group->month || bill->days.to > civil_next_month(group->month))
		item->month_estimated += share;
}

static void day_from_bills(struct group *group, civil_day day)
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

/* ---- rows ---- */

static int note_item(const struct derived_key *key, const struct derived_row *row, void *arg)
{
	(void)row;
	(void)item_of(arg, key->item);
	return 0;
}

static struct derive_place place_of(const struct group *group, civil_day day)
{
	return (struct derive_place){group->institution, group->carrier, day};
}

static int day_from_all(struct group *group, civil_day day, bool is_online, struct err *err)
{
	const struct derive_place place = place_of(group, day);
	int rc = day_from_meters(group, day, is_online, err);

	group->is_shared = false;
	if (rc == 0)
		rc = derive_shared_day(group->derive, &place, add_shared, group, err);
	if (rc == 0 && (is_online || group->is_shared) && item_of(group, "total") != NULL)
		day_of_rest(group);
	return rc;
}

static int compute_day(struct group *group, civil_day day, bool is_wanted, struct err *err)
{
	const struct registry *registry = group->derive->registry;
	enum supply supply;

	if (group->institution == REGISTRY_NONE)
		return 0;
	const struct registry_institution *institution = institution_of(group);
	if (day < institution->valid.from || day >= institution->valid.to)
		return 0;
	supply = registry_supply(registry, group->institution, group->carrier, day);
	if (supply == SUPPLY_ONLINE)
		group->is_online = true;
	if (supply == SUPPLY_BILL)
		day_from_bills(group, day);
	return is_wanted ? day_from_all(group, day, supply == SUPPLY_ONLINE, err) : 0;
}

static int put_day(struct group *group, civil_day day, struct err *err)
{
	for (size_t i = 0; i < group->n_items; i++) {
		struct item *item = &group->items[i];
		struct derived_key key = key_of(group, day, item->name);
		struct derived_effect effect;
		int rc = derived_put(group->derive->derived, DERIVED_INSTITUTION_DAY, &key,
				     &item->row, &effect, err);

		if (rc < 0)
			return rc;
		if (!effect.is_changed)
			continue;
		item->delta.value += item->row.sum.value - effect.before.sum.value;
		item->days += (int)item->row.sum.is_known - (int)effect.before.sum.is_known;
	}
	return 0;
}

static int put_load(const struct group *group, civil_day day, struct err *err)
{
	const struct load_work work = {group->derive, group->institution, group->carrier, group->id,
				       day,           group->plan};
	const struct derived_row *total = NULL;

	for (size_t i = 0; i < group->n_items; i++)
		if (strcmp(group->items[i].name, "total") == 0)
			total = &group->items[i].row;
	return derive_load(&work, total, err);
}

static int do_day(struct group *group, civil_day day, bool is_wanted, struct err *err)
{
	int rc;

	for (size_t i = 0; i < group->n_items; i++)
		group->items[i].row = (struct derived_row){0};
	rc = compute_day(group, day, is_wanted, err);
	if (rc < 0 || !is_wanted)
		return rc;
	rc = put_day(group, day, err);
	return rc < 0 ? rc : put_load(group, day, err);
}

static int meter_month_estimated(struct group *group, const struct total_item *from,
				 int64_t *estimated, struct err *err)
{
	struct derived_key key = {.day = group->month};
	struct derived_row row = {0};

	*estimated = 0;
	for (size_t i = 0; i < from->n_terms; i++) {
		int rc = derive_meter_id(group->derive, from->terms[i].meter, &key.id, err);

		if (rc == 0)
			rc = derived_get(group->derive->derived, DERIVED_METER_MONTH, &key, &row,
					 NULL, err);
		if (rc < 0)
			return rc;
		*estimated += row.sum.estimated;
	}
	return 0;
}

static int months_estimated(struct group *group, struct err *err)
{
	int64_t of_rest = 0;
	int rc = 0;

	for (size_t i = 0; group->plan != NULL && i < group->plan->n_items && rc == 0; i++) {
		const struct total_item *from = &group->plan->items[i];
		struct item *item = item_of(group, from->name);
		int64_t estimated = 0;

		if (item == NULL || !counts(from, group->is_online))
			continue;
		rc = meter_month_estimated(group, from, &estimated, err);
		item->month_estimated += estimated;
		if (total_is_part(from->name) || strcmp(from->name, "total") == 0)
			of_rest += estimated;
	}
	struct item *rest = rc == 0 && of_rest > 0 ? item_of(group, "rest") : NULL;
	if (rest != NULL)
		rest->month_estimated = of_rest;
	return rc;
}

static int put_month(struct group *group, struct err *err)
{
	const struct derive_place place = place_of(group, group->month);
	struct derived *derived = group->derive->derived;
	int rc = months_estimated(group, err);

	if (rc == 0 && group->institution != REGISTRY_NONE)
		rc = derive_shared_estimated(group->derive, &place, add_shared_estimated, group,
					     err);

	for (size_t i = 0; i < group->n_items && rc >= 0; i++) {
		struct item *item = &group->items[i];
		struct derived_key key = key_of(group, group->month, item->name);
		struct derived_effect effect;
		struct derived_row row;

		rc = derived_get(derived, DERIVED_INSTITUTION_MONTH, &key, &row, NULL, err);
		if (rc < 0)
			break;
		row.sum.value += item->delta.value;
		row.days += item->days;
		row.sum.is_known = row.days > 0;
		row.sum.estimated = item->month_estimated;
		rc = derived_put(derived, DERIVED_INSTITUTION_MONTH, &key, &row, &effect, err);
	}
	return rc < 0 ? rc : 0;
}

static bool is_touched(const struct touch *touches, size_t n, civil_day day)
{
	for (size_t i = 0; i < n; i++)
		if (touches[i].day == day)
			return true;
	return false;
}

/* Every day of the month is looked at, since a bill or the supply of the others tells the month's
 * estimated part; rows are computed for the touched ones. */
static int do_month(struct group *group, const struct touch *touches, size_t n, struct err *err)
{
	civil_day end = civil_next_month(group->month);
	struct derived_key key = key_of(group, group->month, "");
	int rc = 0;

	group->n_items = 0;
	group->is_online = false;
	group->n_bills = 0;
	if (group->institution != REGISTRY_NONE)
		rc = load_bills(group, err);
	/* What stands there and is not computed again must go: where a day has an item, its month
	 * has it too. */
	if (rc == 0)
		rc = derived_items(group->derive->derived, DERIVED_INSTITUTION_MONTH, &key,
				   note_item, group, err);
	for (civil_day day = group->month; day < end && rc == 0; day++)
		rc = do_day(group, day, is_touched(touches, n, day), err);
	return rc < 0 ? rc : put_month(group, err);
}

const struct total_plan *derive_plan(struct derive *derive, uint32_t institution,
				     enum carrier carrier)
{
	struct institution_plans **plans = &derive->plans[institution];

	if (*plans == NULL)
		*plans = xcalloc(1, sizeof **plans);
	if (!(*plans)->is_made[carrier]) {
		total_plan_init(&(*plans)->of[carrier], derive->registry, institution, carrier);
		(*plans)->is_made[carrier] = true;
	}
	return &(*plans)->of[carrier];
}

static int start_group(struct group *group, const struct touch *touch, struct err *err)
{
	uint32_t n;

	bool is_next = group->id == 0 || group->institution != touch->index;
	int rc;

	group->institution = touch->index;
	group->carrier = (enum carrier)touch->rank;
	group->month = civil_month_start(touch->day);
	group->plan = derive_plan(group->derive, touch->index, group->carrier);
	n = institution_of(group)->n_meters;
	group->rows = xrealloc(group->rows, n + 1, sizeof *group->rows);
	group->row_state = xrealloc(group->row_state, n + 1, 1);
	rc = derive_institution_id(group->derive, touch->index, &group->id, err);
	if (rc == 0 && is_next)
		rc = derived_touch(group->derive->derived, group->id, err);
	return rc;
}

static bool is_same_group(const struct touch *a, const struct touch *b)
{
	return a->index == b->index && a->rank == b->rank &&
	       civil_month_start(a->day) == civil_month_start(b->day);
}

static void free_group(struct group *group)
{
	free(group->rows);
	free(group->row_state);
	free(group->bills);
	free(group);
}

/* Computes the groups of sites or of institutions among the touches, which are sorted. */
static int do_groups(struct group *group, const struct touches *touches, bool sites,
		     struct err *err)
{
	size_t n_institutions = group->derive->registry->n_institutions;
	int rc = 0;

	for (size_t i = 0, n; i < touches->n && rc == 0; i += n) {
		const struct touch *touch = &touches->items[i];

		for (n = 1; i + n < touches->n && is_same_group(touch, &touches->items[i + n]);)
			n++;
		if ((touch->index >= n_institutions) != sites)
			continue;
		rc = start_group(group, touch, err);
		if (rc == 0)
			rc = do_month(group, touch, n, err);
		for (size_t k = 0; sites && k < n && rc == 0; k++)
			derive_touch_occupants(
				group->derive,
				&(struct derive_place){touch->index, group->carrier, touch[k].day});
	}
	return rc;
}

int derive_institutions(struct derive *derive, struct err *err)
{
	struct touches touches = derive->institutions; /* sites add to the list */
	struct group *group = xcalloc(1, sizeof *group);
	int rc;

	group->derive = derive;
	derive->institutions = (struct touches){0};
	derive_sort(&touches);
	rc = do_groups(group, &touches, true, err);
	for (size_t i = 0; i < touches.n && rc == 0; i++)
		derive_touch(&derive->institutions, touches.items[i].index, touches.items[i].rank,
			     touches.items[i].day);
	free(touches.items);
	derive_sort(&derive->institutions);
	if (rc == 0)
		rc = do_groups(group, &derive->institutions, false, err);
	derive->institutions.n = 0;
	free_group(group);
	return rc;
}

int derive_wipe_institution(struct derive *derive, int64_t id, struct days days, struct err *err)
{
	struct group *group = xcalloc(1, sizeof *group);
	int rc = 0;

	group->derive = derive;
	group->institution = REGISTRY_NONE;
	group->id = id;
	for (int carrier = 0; carrier < N_CARRIERS; carrier++) {
		group->carrier = (enum carrier)carrier;
		for (civil_day day = days.from; day <= days.to && rc == 0; day++) {
			struct touch touch = {.day = day};

			group->month = civil_month_start(day);
			rc = do_month(group, &touch, 1, err);
		}
	}
	free_group(group);
	return rc;
}
