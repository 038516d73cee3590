/* SPDX-License-Identifier: Apache-2.0 */
/* What institutions have of shared buildings: a site's items of a day, divided. */
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "server/rollup/derive_private.h"
#include "server/rollup/site.h"

struct item {
	char name[TOTAL_ITEM_MAX];
	struct derived_row row;
};

/* A site's carrier on a day (or in a month) under work. */
struct shared {
	struct derive *derive;
	const struct registry_institution *site;
	uint32_t index;
	struct derived_key key;
	struct site_split split;
	struct item *items;
	size_t n_items, cap;
};

/* What is left in the site, and what was taken off it, is not divided. */
static bool is_divided(const char *item)
{
	return strcmp(item, "rest") != 0 && strcmp(item, "non_own") != 0;
}

static int keep_item(const struct derived_key *key, const struct derived_row *row, void *arg)
{
	struct shared *shared = arg;

	if (!is_divided(key->item))
		return 0;
	shared->items = grow(shared->items, shared->n_items, &shared->cap, sizeof *shared->items);
	memcpy(shared->items[shared->n_items].name, key->item, sizeof key->item);
	shared->items[shared->n_items++].row = *row;
	return 0;
}

static int load(struct shared *shared, enum derived_table table, struct err *err)
{
	int rc = derive_institution_id(shared->derive, shared->index, &shared->key.id, err);

	shared->n_items = 0;
	return rc < 0 ? rc
		      : derived_items(shared->derive->derived, table, &shared->key, keep_item,
				      shared, err);
}

/* ---- sub-meters ---- */

struct summing {
	struct shared *shared;
	const struct derived_row *whole;
	struct derived_row *sum;
};

static int add_meter(uint32_t meter, int sign, void *arg, struct err *err)
{
	struct summing *summing = arg;
	struct derive *derive = summing->shared->derive;
	struct derived_key key = {.day = summing->shared->key.day};
	struct derived_row row = {0};
	int rc = derive_meter_id(derive, meter, &key.id, err);

	if (rc == 0)
		rc = derived_get(derive->derived, DERIVED_METER_DAY, &key, &row, NULL, err);
	for (int h = 0; h < DERIVED_HOURS && rc == 1; h++) {
		if (!summing->whole->hours[h].is_known || !row.hours[h].is_known)
			continue;
		summing->sum->hours[h].value += sign * row.hours[h].value;
		summing->sum->sum.value += sign * row.hours[h].value;
	}
	return rc < 0 ? rc : 0;
}

static int measure(struct shared *shared, const struct item *item, size_t taker,
		   struct site_measured *measured, struct err *err)
{
	const struct total_plan *plan =
		derive_plan(shared->derive, shared->index, shared->key.carrier);
	const struct total_item *of = NULL;
	int rc = 0;

	*measured = (struct site_measured){.own = {.has_hours = true}, .all = {.has_hours = true}};
	for (size_t i = 0; i < plan->n_items; i++)
		if (strcmp(plan->items[i].name, item->name) == 0)
			of = &plan->items[i];
	for (size_t t = 0; of != NULL && t < shared->split.n && rc == 0; t++) {
		struct summing summing = {shared, &item->row, &measured->all};
		const struct registry_occupant *occupant = shared->split.takers[t];

		if (occupant == NULL)
			continue;
		rc = site_each_term(shared->derive->registry, of, occupant, add_meter, &summing,
				    err);
		summing.sum = &measured->own;
		if (t == taker && rc == 0)
			rc = site_each_term(shared->derive->registry, of, occupant, add_meter,
					    &summing, err);
	}
	return rc;
}

/* ---- days ---- */

static int divide_day(struct shared *shared, size_t taker, derive_part_fn fn, void *arg,
		      struct err *err)
{
	int rc = load(shared, DERIVED_INSTITUTION_DAY, err);

	for (size_t i = 0; i < shared->n_items && rc == 0; i++) {
		struct site_measured measured;
		struct derived_row part;

		rc = measure(shared, &shared->items[i], taker, &measured, err);
		if (rc < 0)
			break;
		part = site_part(&shared->split, taker, &shared->items[i].row, &measured);
		fn(shared->items[i].name, &part, arg);
	}
	return rc;
}

static struct shared *begin(struct derive *derive, uint32_t site, enum carrier carrier,
			    civil_day day)
{
	struct shared *shared = xcalloc(1, sizeof *shared);

	shared->derive = derive;
	shared->index = site;
	shared->site = &derive->registry->institutions[site];
	shared->key.carrier = carrier;
	shared->key.day = day;
	return shared;
}

static void finish(struct shared *shared)
{
	free(shared->items);
	free(shared);
}

int derive_shared_day(struct derive *derive, const struct derive_place *place, derive_part_fn fn,
		      void *arg, struct err *err)
{
	const struct registry_institution *of = &derive->registry->institutions[place->institution];
	int rc = 0;

	for (size_t i = 0; i < of->n_occupancies && rc == 0; i++) {
		const struct registry_occupancy *one = &of->occupancies[i];
		struct shared *shared;
		size_t taker;

		if (one->occupant != NULL &&
		    (place->day < one->occupant->days.from || place->day >= one->occupant->days.to))
			continue;
		shared = begin(derive, one->site, place->carrier, place->day);
		site_split_init(&shared->split, shared->site, place->day);
		taker = site_taker(&shared->split, one->occupant);
		if (taker < shared->split.n)
			rc = divide_day(shared, taker, fn, arg, err);
		finish(shared);
	}
	return rc;
}

/* ---- months ---- */

/* A taker's share of a month: the mean of its days', in 10^-6. */
static int64_t month_share(const struct registry_institution *site,
			   const struct registry_occupant *occupant, civil_day month)
{
	struct site_split *split = xcalloc(1, sizeof *split);
	civil_day end = civil_next_month(month);
	int64_t sum = 0, parts[SITE_TAKERS_MAX];

	for (civil_day day = month; day < end; day++) {
		size_t taker;

		site_split_init(split, site, day);
		taker = site_taker(split, occupant);
		if (taker == split->n)
			continue;
		site_split_amount(split, MICRO, parts);
		sum += parts[taker];
	}
	free(split);
	return sum / (end - month);
}

int derive_shared_estimated(struct derive *derive, const struct derive_place *place,
			    derive_estimated_fn fn, void *arg, struct err *err)
{
	const struct registry_institution *of = &derive->registry->institutions[place->institution];
	civil_day month = civil_month_start(place->day);
	int rc = 0;

	for (size_t i = 0; i < of->n_occupancies && rc == 0; i++) {
		const struct registry_occupancy *one = &of->occupancies[i];
		struct shared *shared = begin(derive, one->site, place->carrier, month);
		int64_t share = month_share(shared->site, one->occupant, month);

		if (share > 0)
			rc = load(shared, DERIVED_INSTITUTION_MONTH, err);
		for (size_t k = 0; k < shared->n_items && rc == 0; k++)
			fn(shared->items[k].name,
			   scale_int64(shared->items[k].row.sum.estimated, share, MICRO), arg);
		finish(shared);
	}
	return rc;
}

void derive_touch_occupants(struct derive *derive, const struct derive_place *place)
{
	const struct registry_institution *site =
		&derive->registry->institutions[place->institution];
	civil_day month = civil_month_start(place->day), end = civil_next_month(month);

	for (size_t i = 0; i < site->n_occupants; i++)
		if (site->occupants[i].institution != REGISTRY_NONE &&
		    site->occupants[i].days.from < end && site->occupants[i].days.to > month)
			derive_touch(&derive->institutions, site->occupants[i].institution,
				     place->carrier, place->day);
	if (site->rest != REGISTRY_NONE)
		derive_touch(&derive->institutions, site->rest, place->carrier, place->day);
}
