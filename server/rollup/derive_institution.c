/* SPDX-License-Identifier: Apache-2.0 */
/* Days and months of institutions: which are computed again, and what their rows become. */
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "server/rollup/derive_group.h"

static struct derived_key key_of(const struct derive_group *group, civil_day day, const char *name)
{
	struct derived_key key = {.day = day, .id = group->id, .carrier = group->carrier};

	strncpy(key.item, name, sizeof key.item - 1);
	return key;
}

static int note_item(const struct derived_key *key, const struct derived_row *row, void *arg)
{
	(void)row;
	(void)derive_item(arg, key->item);
	return 0;
}

static int put_day(struct derive_group *group, civil_day day, struct err *err)
{
	for (size_t i = 0; i < group->n_items; i++) {
		struct derive_item *item = &group->items[i];
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

static int put_load(const struct derive_group *group, civil_day day, struct err *err)
{
	const struct load_work work = {group->derive, group->institution, group->carrier, group->id,
				       day,           group->plan};
	const struct derived_row *total = NULL;

	for (size_t i = 0; i < group->n_items; i++)
		if (strcmp(group->items[i].name, "total") == 0)
			total = &group->items[i].row;
	int rc = derive_load(&work, total, err);

	return rc < 0 || group->institution == REGISTRY_NONE ? rc : derive_balance(&work, err);
}

static int do_day(struct derive_group *group, civil_day day, bool is_wanted, struct err *err)
{
	int rc;

	for (size_t i = 0; i < group->n_items; i++)
		group->items[i].row = (struct derived_row){0};
	rc = derive_compute_day(group, day, is_wanted, err);
	if (rc < 0 || !is_wanted)
		return rc;
	rc = put_day(group, day, err);
	return rc < 0 ? rc : put_load(group, day, err);
}

static int meter_month_estimated(struct derive_group *group, const struct total_item *from,
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

static int months_estimated(struct derive_group *group, struct err *err)
{
	int64_t of_rest = 0;
	int rc = 0;

	for (size_t i = 0; group->plan != NULL && i < group->plan->n_items && rc == 0; i++) {
		const struct total_item *from = &group->plan->items[i];
		struct derive_item *item = derive_item(group, from->name);
		int64_t estimated = 0;

		if (item == NULL || !derive_item_counts(from, group->is_online))
			continue;
		rc = meter_month_estimated(group, from, &estimated, err);
		item->month_estimated += estimated;
		if (group->is_online && total_in_rest(from->name) != 0)
			of_rest += estimated;
	}
	struct derive_item *rest = rc == 0 && of_rest > 0 ? derive_item(group, "rest") : NULL;
	if (rest != NULL)
		rest->month_estimated = of_rest;
	return rc;
}

static int put_month(struct derive_group *group, struct err *err)
{
	const struct derive_place place = derive_group_place(group, group->month);
	struct derived *derived = group->derive->derived;
	int rc = months_estimated(group, err);

	if (rc == 0 && group->institution != REGISTRY_NONE)
		rc = derive_shared_estimated(group->derive, &place, derive_add_shared_estimated,
					     group, err);

	for (size_t i = 0; i < group->n_items && rc >= 0; i++) {
		struct derive_item *item = &group->items[i];
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
static int do_month(struct derive_group *group, const struct touch *touches, size_t n,
		    struct err *err)
{
	civil_day end = civil_next_month(group->month);
	struct derived_key key = key_of(group, group->month, "");
	int rc = 0;

	group->n_items = 0;
	group->is_online = false;
	group->n_bills = 0;
	if (group->institution != REGISTRY_NONE)
		rc = derive_load_bills(group, err);
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

static int start_group(struct derive_group *group, const struct touch *touch, struct err *err)
{
	uint32_t n;

	int rc;

	group->institution = touch->index;
	group->carrier = (enum carrier)touch->rank;
	group->month = civil_month_start(touch->day);
	group->plan = derive_plan(group->derive, touch->index, group->carrier);
	n = derive_group_institution(group)->n_meters;
	group->rows = xrealloc(group->rows, n + 1, sizeof *group->rows);
	group->row_state = xrealloc(group->row_state, n + 1, 1);
	rc = derive_institution_id(group->derive, touch->index, &group->id, err);
	if (rc == 0)
		rc = derived_touch(group->derive->derived, group->id, group->month, err);
	return rc;
}

static bool is_same_group(const struct touch *a, const struct touch *b)
{
	return a->index == b->index && a->rank == b->rank &&
	       civil_month_start(a->day) == civil_month_start(b->day);
}

static void free_group(struct derive_group *group)
{
	free(group->rows);
	free(group->row_state);
	free(group->bills);
	free(group);
}

/* Computes the groups of sites or of institutions among the touches, which are sorted. */
static int do_groups(struct derive_group *group, const struct touches *touches, bool sites,
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
	struct derive_group *group = xcalloc(1, sizeof *group);
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
	struct derive_group *group = xcalloc(1, sizeof *group);
	int rc;

	group->derive = derive;
	group->institution = REGISTRY_NONE;
	group->id = id;
	rc = derived_touch(derive->derived, id, days.from, err);
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
