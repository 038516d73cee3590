/* SPDX-License-Identifier: Apache-2.0 */
#include "server/rollup/site.h"

#include <string.h>

#include "server/registry/apportion.h"

static void add_taker(struct site_split *split, const struct registry_occupant *occupant)
{
	size_t i = split->n++;

	split->takers[i] = occupant;
	split->shares[i] = split->weights[i] = 0;
	switch (occupant->apportion) {
	case APPORTION_AREA:
		split->weights[i] = occupant->m2;
		break;
	case APPORTION_PERSONS:
		split->weights[i] = occupant->persons;
		break;
	case APPORTION_FIXED:
		split->shares[i] = occupant->share;
		break;
	case APPORTION_NOTHING:
		break;
	}
}

/* Where nobody follows area or persons, the rest takes what is left. */
static void add_rest(struct site_split *split, const struct registry_institution *site,
		     civil_day day)
{
	struct span all = registry_occupied(site);
	size_t i = split->n;

	for (size_t k = 0; k < split->n; k++)
		if (split->weights[k] > 0)
			return;
	if (site->rest == REGISTRY_NONE || day < all.from || day >= all.to)
		return;
	split->takers[i] = NULL;
	split->shares[i] = 0;
	split->weights[i] = 1;
	split->n++;
}

void site_split_init(struct site_split *split, const struct registry_institution *site,
		     civil_day day)
{
	split->n = 0;
	for (size_t i = 0; i < site->n_occupants && split->n < SITE_TAKERS_MAX - 1; i++)
		if (day >= site->occupants[i].days.from && day < site->occupants[i].days.to)
			add_taker(split, &site->occupants[i]);
	add_rest(split, site, day);
}

void site_split_amount(const struct site_split *split, int64_t whole, int64_t *parts)
{
	int64_t weights[SITE_TAKERS_MAX + 1], first[SITE_TAKERS_MAX + 1], pool = MICRO;

	for (size_t i = 0; i < split->n; i++) {
		weights[i] = split->shares[i];
		pool -= split->shares[i];
	}
	weights[split->n] = pool;
	apportion(whole, weights, split->n + 1, first);
	apportion(first[split->n], split->weights, split->n, parts);
	for (size_t i = 0; i < split->n; i++)
		parts[i] += first[i];
}

size_t site_taker(const struct site_split *split, const struct registry_occupant *occupant)
{
	size_t i = 0;

	while (i < split->n && split->takers[i] != occupant)
		i++;
	return i;
}

static int64_t part_of(const struct site_split *split, size_t taker, int64_t whole)
{
	int64_t parts[SITE_TAKERS_MAX];

	site_split_amount(split, whole, parts);
	return parts[taker];
}

struct derived_row site_part(const struct site_split *split, size_t taker,
			     const struct derived_row *whole, const struct site_measured *measured)
{
	struct derived_row part = {.has_hours = whole->has_hours};
	int64_t since = 0, given = 0;

	if (!whole->sum.is_known)
		return (struct derived_row){0};
	part.sum.is_known = true;
	for (int h = 0; h < DERIVED_HOURS && whole->has_hours; h++) {
		const struct amount *hour = &whole->hours[h];
		int64_t up_to;

		if (!hour->is_known)
			continue;
		since += hour->value - measured->all.hours[h].value;
		up_to = part_of(split, taker, since);
		part.hours[h].is_known = true;
		part.hours[h].value = up_to - given + measured->own.hours[h].value;
		part.hours[h].estimated = part_of(split, taker, hour->estimated);
		given = up_to;
	}
	part.sum.value = part_of(split, taker, whole->sum.value - measured->all.sum.value) +
			 measured->own.sum.value;
	part.sum.estimated = part_of(split, taker, whole->sum.estimated);
	return part;
}

static bool is_at_or_below(const struct registry *registry, uint32_t meter,
			   const struct registry_occupant *occupant)
{
	for (; meter != REGISTRY_NONE; meter = registry->meters[meter].parent)
		for (size_t i = 0; i < occupant->n_meters; i++)
			if (occupant->meters[i] == meter)
				return true;
	return false;
}

int site_each_term(const struct registry *registry, const struct total_item *item,
		   const struct registry_occupant *occupant, site_term_fn fn, void *arg,
		   struct err *err)
{
	bool is_total = strcmp(item->name, "total") == 0;
	int rc = 0;

	for (size_t i = 0; i < occupant->n_meters && is_total && rc == 0; i++)
		rc = fn(occupant->meters[i], 1, arg, err);
	for (size_t i = 0; i < item->n_terms && occupant->n_meters > 0 && rc == 0; i++) {
		const struct total_term *term = &item->terms[i];

		/* Of the total what is taken off below a sub-meter; its own mains count above. */
		if ((!is_total || term->sign < 0) &&
		    is_at_or_below(registry, term->meter, occupant))
			rc = fn(term->meter, term->sign, arg, err);
	}
	return rc;
}
