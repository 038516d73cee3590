/* SPDX-License-Identifier: Apache-2.0 */
/* Shared buildings in indicators: what an institution's part of them misses. Its amounts are in its
 * rows already. */
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "server/figures/figures_private.h"
#include "server/rollup/site.h"

struct place {
	const struct figures_reader *reader;
	const struct registry_occupancy *occupancy;
	enum carrier carrier;
	struct figures_part part; /* what of it the institution is there */
};

static const struct registry_institution *site_of(const struct place *place)
{
	return &place->reader->figures->registry->institutions[place->occupancy->site];
}

/* The days of a part, to exclusive. */
static struct span days_of(const struct place *place)
{
	return (struct span){figures_day(place->reader, place->part.span.from_ms),
			     figures_day(place->reader, place->part.span.to_ms - 1) + 1};
}

/* Cuts the part to the days of the occupancy; false: they do not meet. */
static bool cut(struct place *place)
{
	const struct registry_occupant *occupant = place->occupancy->occupant;
	struct span days = occupant != NULL ? occupant->days : registry_occupied(site_of(place));
	struct span_ms *span = &place->part.span;
	struct span *bills = &place->part.bill_days;
	int64_t from = figures_day_start(place->reader, days.from);

	if (from > span->from_ms) {
		span->from_ms = from;
		place->part.is_whole = false;
	}
	if (days.to < CIVIL_DAY_MAX && figures_day_start(place->reader, days.to) < span->to_ms) {
		span->to_ms = figures_day_start(place->reader, days.to);
		place->part.is_whole = false;
	}
	bills->from = bills->from > days.from ? bills->from : days.from;
	bills->to = bills->to < days.to ? bills->to : days.to;
	if (bills->to < bills->from)
		bills->to = bills->from;
	return span->from_ms < span->to_ms;
}

/* The mean of the institution's share over the days of the part, 10^-6. */
static int64_t mean_share(const struct place *place)
{
	struct site_split *split = xcalloc(1, sizeof *split);
	struct span days = days_of(place);
	int64_t sum = 0, parts[SITE_TAKERS_MAX];

	for (civil_day day = days.from; day < days.to; day++) {
		size_t taker;

		site_split_init(split, site_of(place), day);
		taker = site_taker(split, place->occupancy->occupant);
		if (taker == split->n)
			continue;
		site_split_amount(split, MICRO, parts);
		sum += parts[taker];
	}
	free(split);
	return sum / (days.to - days.from);
}

static bool supplies(const struct place *place, enum supply how)
{
	struct span days = days_of(place);

	for (civil_day day = days.from; day < days.to; day++)
		if (registry_supply(place->reader->figures->registry, place->occupancy->site,
				    place->carrier, day) == how)
			return true;
	return false;
}

typedef int (*place_fn)(const struct place *place, void *arg, struct err *err);

static int each_place(const struct figures_reader *reader, const struct figures_holding *holding,
		      const struct figures_part *part, place_fn fn, void *arg, struct err *err)
{
	const struct registry_institution *of =
		&reader->figures->registry->institutions[holding->institution];
	int rc = 0;

	for (size_t i = 0; i < of->n_occupancies && rc == 0; i++) {
		struct place place = {reader, &of->occupancies[i], holding->carrier, *part};

		if (cut(&place))
			rc = fn(&place, arg, err);
	}
	return rc;
}

struct search {
	const char *item;
	bool is_found;
};

static int look(const struct place *place, void *arg, struct err *err)
{
	struct search *search = arg;
	struct total_plan plan;

	(void)err;
	if (strcmp(search->item, "total") == 0) {
		search->is_found |= supplies(place, SUPPLY_ONLINE) || supplies(place, SUPPLY_BILL);
		return 0;
	}
	total_plan_init(&plan, place->reader->figures->registry, place->occupancy->site,
			place->carrier);
	search->is_found |= figures_has_item(&plan, search->item);
	total_plan_fini(&plan);
	return 0;
}

bool figures_is_shared(const struct figures_reader *reader, const struct figures_holding *holding,
		       const char *item, const struct figures_part *part)
{
	struct search search = {.item = item};

	(void)each_place(reader, holding, part, look, &search, NULL); /* reads the registry only */
	return search.is_found;
}

struct missing {
	const char *item;
	struct kpi_sum *sum;
};

/* Its share of what the building misses, and what its own sub-meters miss. */
static int miss(const struct place *place, void *arg, struct err *err)
{
	const struct registry_occupant *occupant = place->occupancy->occupant;
	const struct missing *missing = arg;
	bool is_total = strcmp(missing->item, "total") == 0;
	struct kpi_sum of_site = {.applies = true}, own = {.applies = true};
	struct total_plan plan;
	int rc = 0;

	total_plan_init(&plan, place->reader->figures->registry, place->occupancy->site,
			place->carrier);
	rc = figures_miss_item(place->reader, &plan, missing->item, &place->part, &of_site, err);
	total_plan_fini(&plan);
	if (rc == 0 && is_total && supplies(place, SUPPLY_BILL))
		rc = figures_miss_bills(place->reader, place->occupancy->site, place->carrier,
					&place->part, &of_site, err);
	for (size_t i = 0; occupant != NULL && i < occupant->n_meters && is_total && rc == 0; i++)
		if (place->reader->figures->registry->meters[occupant->meters[i]].carrier ==
		    place->carrier)
			rc = figures_miss_meter(place->reader, occupant->meters[i], true,
						&place->part, &own, err);
	kpi_add(missing->sum, &of_site, mean_share(place));
	kpi_add(missing->sum, &own, MICRO);
	return rc;
}

int figures_miss_shared(const struct figures_reader *reader, const struct figures_holding *holding,
			const char *item, const struct figures_part *part, struct kpi_sum *sum,
			struct err *err)
{
	struct missing missing = {item, sum};

	return each_place(reader, holding, part, miss, &missing, err);
}
