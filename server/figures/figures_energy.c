/* SPDX-License-Identifier: Apache-2.0 */
/* Series of energy. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "server/figures/figures_private.h"
#include "server/figures/figures_remote.h"

/* A series being built: amounts and what is missing, per interval. */
struct work {
	struct figures_reader reader;
	uint32_t institution;
	enum figures_interval interval;
	int64_t *bounds; /* n + 1: start of each interval, end of the last */
	size_t n;
	struct amount *amounts;
	struct expected *missing;
	struct figures_point *points;
	figures_series_fn fn;
	void *arg;
};

static int start_work(struct work *work, const struct figures *figures,
		      const struct figures_span *span, struct err *err)
{
	int rc = figures_reader_open(&work->reader, figures, err);

	if (rc == 0)
		rc = figures_bounds(&work->reader, span, &work->bounds, &work->n, err);
	if (rc == 0)
		rc = figures_bounds_trim(&work->reader, work->institution, work->bounds, &work->n,
					 err);
	work->interval = span->interval;
	if (rc < 0)
		return rc;
	work->amounts = xcalloc(work->n + 1, sizeof *work->amounts);
	work->missing = xcalloc(work->n + 1, sizeof *work->missing);
	work->points = xcalloc(work->n + 1, sizeof *work->points);
	return 0;
}

static void end_work(struct work *work)
{
	figures_reader_close(&work->reader);
	free(work->bounds);
	free(work->amounts);
	free(work->missing);
	free(work->points);
}

static void clear(struct work *work)
{
	memset(work->amounts, 0, work->n * sizeof *work->amounts);
	memset(work->missing, 0, work->n * sizeof *work->missing);
}

/* ---- amounts ---- */

static void add(struct amount *to, const struct amount *amount, int sign)
{
	total_add(to, amount, sign);
	if (amount->is_known) {
		to->covered_ms += amount->covered_ms;
		to->closed_ms += amount->closed_ms;
	}
}

/* Adds a row's hours, or its sum, to the intervals it lies in. at: the interval of the row's start
 * or the first one after it; returns where the next row goes on. */
static size_t add_row(struct work *work, size_t at, int64_t start_ms, const struct derived_row *row,
		      int sign)
{
	if (work->interval != FIGURES_HOUR) {
		add(&work->amounts[at], &row->sum, sign);
		return at;
	}
	for (; at < work->n && work->bounds[at] < start_ms + DAY_MS; at++)
		add(&work->amounts[at], &row->hours[(work->bounds[at] - start_ms) / HOUR_MS], sign);
	return at;
}

/* Adds the rows of a key's table to the intervals; key->day is moved. */
static int add_rows(struct work *work, bool is_meter, struct derived_key *key, int sign,
		    struct err *err)
{
	const struct figures_reader *reader = &work->reader;
	bool by_day = work->interval == FIGURES_HOUR || work->interval == FIGURES_DAY;
	enum derived_table table =
		is_meter ? (by_day ? DERIVED_METER_DAY : DERIVED_METER_MONTH)
			 : (by_day ? DERIVED_INSTITUTION_DAY : DERIVED_INSTITUTION_MONTH);
	size_t at = 0;

	key->day = figures_day(reader, work->bounds[0]);
	while (work->n > 0 && at < work->n) {
		int64_t start = figures_day_start(reader, key->day);
		struct derived_row row;
		int rc;

		while (work->interval != FIGURES_HOUR && at < work->n &&
		       work->bounds[at + 1] <= start)
			at++;
		if (at == work->n || start >= work->bounds[work->n])
			break;
		rc = derived_get(reader->derived, table, key, &row, NULL, err);
		if (rc < 0)
			return rc;
		at = add_row(work, at, start, &row, sign);
		key->day = by_day ? key->day + 1 : civil_next_month(key->day);
	}
	return 0;
}

static int add_meter(struct work *work, uint32_t meter, int sign, struct err *err)
{
	const struct registry_meter *of = &work->reader.figures->registry->meters[meter];
	struct derived_name name;
	struct derived_key key = {0};
	int rc = derived_find(work->reader.derived, DERIVED_METER, of->id, &name, err);

	if (rc != 1)
		return rc;
	key.id = name.id;
	return add_rows(work, true, &key, sign, err);
}

static int add_item(struct work *work, enum carrier carrier, const char *item, struct err *err)
{
	const struct registry *registry = work->reader.figures->registry;
	struct derived_key key = {.carrier = carrier};
	struct derived_name name;
	int rc = derived_find(work->reader.derived, DERIVED_INSTITUTION,
			      registry->institutions[work->institution].id, &name, err);

	if (rc != 1)
		return rc;
	key.id = name.id;
	strncpy(key.item, item, sizeof key.item - 1);
	return add_rows(work, false, &key, 1, err);
}

/* ---- what is missing ---- */

static int miss_meter(struct work *work, uint32_t meter, bool only_online, struct err *err)
{
	struct figures_ask ask = {.span = {work->bounds[0], work->bounds[work->n]},
				  .until_ms = INT64_MAX,
				  .only_online = only_online};
	struct figures_run run = {0};
	int rc = work->n == 0 ? 0 : figures_run_load(&run, &work->reader, meter, &ask, err);

	for (size_t i = 0; i < work->n && rc == 0; i++)
		figures_run_add(&run, work->bounds[i], work->bounds[i + 1], &work->missing[i]);
	figures_run_free(&run);
	return rc;
}

static int miss_item(struct work *work, const struct total_item *item, struct err *err)
{
	bool only_online =
		strcmp(item->name, "generation") != 0 && strcmp(item->name, "export") != 0;
	int rc = 0;

	for (size_t i = 0; i < item->n_terms && rc == 0; i++)
		rc = miss_meter(work, item->terms[i].meter, only_online, err);
	return rc;
}

static void miss_billed_day(const struct figures_bills *bills, civil_day day, struct expected *sum)
{
	struct expected one;

	if (figures_is_billed(bills, day))
		return;
	one = figures_bills_expected(bills, day);
	sum->missing += one.missing;
	sum->is_unknown |= one.is_unknown;
}

static int miss_bills(struct work *work, enum carrier carrier, struct err *err)
{
	const struct registry *registry = work->reader.figures->registry;
	const struct span *valid = &registry->institutions[work->institution].valid;
	struct figures_bills bills = {0};
	struct span days = {figures_day(&work->reader, work->bounds[0]),
			    figures_day(&work->reader, work->bounds[work->n])};
	int rc = figures_bills_load(&bills, &work->reader, work->institution, carrier, days, err);
	size_t at = 0;

	for (civil_day day = days.from; day < days.to && rc == 0; day++) {
		while (work->bounds[at + 1] <= figures_day_start(&work->reader, day))
			at++;
		if (day >= valid->from && day < valid->to &&
		    registry_supply(registry, work->institution, carrier, day) == SUPPLY_BILL)
			miss_billed_day(&bills, day, &work->missing[at]);
	}
	figures_bills_free(&bills);
	return rc;
}

static bool is_billed(const struct work *work, enum carrier carrier)
{
	const struct registry_institution *of =
		&work->reader.figures->registry->institutions[work->institution];

	for (size_t i = 0; i < of->n_supplies; i++)
		if (of->supplies[i].carrier == carrier && of->supplies[i].supply == SUPPLY_BILL)
			return true;
	return false;
}

/* ---- points ---- */

int64_t figures_share(int64_t part, int64_t whole)
{
	int64_t micro;

	if (whole <= 0 || part <= 0)
		return 0;
	micro = scale_int64(part, MICRO, whole);
	return micro < MICRO ? micro : MICRO;
}

static struct figures_point point_of(const struct work *work, size_t i, bool is_meter)
{
	const struct amount *amount = &work->amounts[i];
	const struct expected *missing = &work->missing[i];
	int64_t value = amount->value > 0 ? amount->value : 0;
	struct figures_point point = {
		.start_ms = work->bounds[i],
		.value = amount->value,
		.estimated = figures_share(amount->estimated, llabs(amount->value)),
		.missing = missing->missing,
		.has_coverage = true};

	if (is_meter) {
		point.coverage =
			figures_share(amount->covered_ms, work->bounds[i + 1] - work->bounds[i]);
		return point;
	}
	point.has_coverage = !missing->is_unknown;
	point.coverage =
		missing->missing > 0 ? figures_share(value, value + missing->missing) : MICRO;
	return point;
}

static int emit(struct work *work, struct figures_series *series)
{
	for (size_t i = 0; i < work->n; i++) {
		total_finish(&work->amounts[i]);
		if (work->amounts[i].is_known)
			work->points[series->n_points++] = point_of(work, i, series->meter != NULL);
	}
	series->points = work->points;
	series->unit = carrier_unit(series->carrier);
	return work->fn(series, work->arg);
}

/* ---- questions ---- */

static const struct total_item *find_item(const struct total_plan *plan, const char *name)
{
	for (size_t i = 0; i < plan->n_items; i++)
		if (strcmp(plan->items[i].name, name) == 0)
			return &plan->items[i];
	return NULL;
}

static int one_meter(struct work *work, uint32_t meter, struct err *err)
{
	const struct registry_meter *of = &work->reader.figures->registry->meters[meter];
	struct figures_series series = {.carrier = of->carrier, .meter = of->id};
	int rc;

	clear(work);
	rc = add_meter(work, meter, 1, err);
	return rc < 0 ? rc : emit(work, &series);
}

static int by_meter(struct work *work, struct err *err)
{
	const struct registry_institution *of =
		&work->reader.figures->registry->institutions[work->institution];
	int rc = 0;

	for (uint32_t i = 0; i < of->n_meters && rc == 0; i++)
		rc = one_meter(work, of->first_meter + i, err);
	return rc;
}

/* The rest misses what any of its terms misses. */
static int miss_rest(struct work *work, const struct total_plan *plan, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; i < plan->n_items && rc == 0; i++)
		if (total_in_rest(plan->items[i].name) != 0)
			rc = miss_item(work, &plan->items[i], err);
	return rc;
}

/* Does a shared building that it is in count the carrier? */
static bool is_shared(const struct work *work, enum carrier carrier)
{
	const struct registry *registry = work->reader.figures->registry;
	const struct registry_institution *of = &registry->institutions[work->institution];

	for (size_t i = 0; i < of->n_occupancies; i++) {
		const struct registry_institution *site =
			&registry->institutions[of->occupancies[i].site];

		for (uint32_t m = 0; m < site->n_meters; m++)
			if (registry->meters[site->first_meter + m].carrier == carrier)
				return true;
	}
	return false;
}

static int one_item(struct work *work, const struct total_plan *plan, enum carrier carrier,
		    const char *name, struct err *err)
{
	struct figures_series series = {.carrier = carrier, .item = name};
	const struct total_item *item = find_item(plan, name);
	int rc;

	clear(work);
	rc = add_item(work, carrier, name, err);
	if (rc == 0 && item != NULL)
		rc = miss_item(work, item, err);
	if (rc == 0 && strcmp(name, "rest") == 0)
		rc = miss_rest(work, plan, err);
	if (rc == 0 && item == NULL && strcmp(name, "rest") != 0 && is_billed(work, carrier))
		rc = miss_bills(work, carrier, err);
	if (rc == 0 && item != NULL && strcmp(name, "total") == 0 && is_billed(work, carrier))
		rc = miss_bills(work, carrier, err);
	/* What the building's meters miss of it is not told hour by hour. */
	for (size_t i = 0; item == NULL && strcmp(name, "total") == 0 && i < work->n; i++)
		work->missing[i].is_unknown |= is_shared(work, carrier);
	return rc < 0 ? rc : emit(work, &series);
}

static int by_carrier(struct work *work, const struct total_plan *plan, enum carrier carrier,
		      struct err *err)
{
	if (find_item(plan, "total") == NULL && !is_billed(work, carrier) &&
	    !is_shared(work, carrier))
		return 0;
	return one_item(work, plan, carrier, "total", err);
}

static int by_item(struct work *work, const struct total_plan *plan, enum carrier carrier,
		   struct err *err)
{
	static const char *const fuel_uses[] = {"vehicle", "heating", "kitchen", "generator", NULL};
	static const char *const water_uses[] = {"well", "reclaimed", NULL};
	const char *const *use = carrier == CARRIER_WATER ? water_uses : fuel_uses;
	bool has_parts = false;
	int rc = 0;

	if (find_item(plan, "total") == NULL)
		rc = by_carrier(work, plan, carrier, err);
	for (size_t i = 0; i < plan->n_items && rc == 0; i++) {
		has_parts |= total_is_part(plan->items[i].name);
		rc = one_item(work, plan, carrier, plan->items[i].name, err);
	}
	if (rc == 0 && has_parts)
		rc = one_item(work, plan, carrier, "rest", err);
	for (; *use != NULL && rc == 0; use++)
		if (is_billed(work, carrier))
			rc = one_item(work, plan, carrier, *use, err);
	return rc;
}

static int one_building(struct work *work, const struct total_item *total, uint32_t building,
			struct figures_series series, struct err *err)
{
	const struct registry *registry = work->reader.figures->registry;
	bool has_any = false;
	int rc = 0;

	clear(work);
	for (size_t i = 0; i < total->n_terms && rc == 0; i++) {
		if (registry->meters[total->terms[i].meter].building != building)
			continue;
		has_any = true;
		rc = add_meter(work, total->terms[i].meter, total->terms[i].sign, err);
		if (rc == 0)
			rc = miss_meter(work, total->terms[i].meter, true, err);
	}
	return rc < 0 || !has_any ? rc : emit(work, &series);
}

static int by_building(struct work *work, const struct total_plan *plan, enum carrier carrier,
		       struct err *err)
{
	const struct registry_institution *of =
		&work->reader.figures->registry->institutions[work->institution];
	const struct total_item *total = find_item(plan, "total");
	struct figures_series series = {.carrier = carrier};
	int rc = 0;

	if (total == NULL)
		return 0;
	for (uint32_t b = 0; b < of->n_buildings && rc == 0; b++) {
		series.building = of->buildings[b].id;
		rc = one_building(work, total, b, series, err);
	}
	series.building = "";
	return rc < 0 ? rc : one_building(work, total, REGISTRY_NONE, series, err);
}

typedef int (*carrier_fn)(struct work *work, const struct total_plan *plan, enum carrier carrier,
			  struct err *err);

static int each_carrier(struct work *work, carrier_fn fn, struct err *err)
{
	int rc = 0;

	for (int carrier = 0; carrier < N_CARRIERS && rc == 0; carrier++) {
		struct total_plan plan;

		total_plan_init(&plan, work->reader.figures->registry, work->institution,
				(enum carrier)carrier);
		rc = fn(work, &plan, (enum carrier)carrier, err);
		total_plan_fini(&plan);
	}
	return rc;
}

/* NOLINTNEXTLINE(readability-function-size): a callback and its argument count as two */
int figures_energy(const struct figures *figures, uint32_t institution,
		   const struct figures_span *span, enum figures_by by, figures_series_fn fn,
		   void *arg, struct err *err)
{
	static const carrier_fn fns[] = {[FIGURES_BY_CARRIER] = by_carrier,
					 [FIGURES_BY_ITEM] = by_item,
					 [FIGURES_BY_BUILDING] = by_building};
	const struct figures_remote_question remote = {span, by};
	struct work work = {.institution = institution, .fn = fn, .arg = arg};
	int rc;

	if (figures->registry->institutions[institution].source != NULL)
		return figures_remote_energy(figures, institution, &remote, fn, arg, err);
	rc = start_work(&work, figures, span, err);
	if (rc == 0 && by == FIGURES_BY_METER)
		rc = by_meter(&work, err);
	else if (rc == 0)
		rc = each_carrier(&work, fns[by], err);
	end_work(&work);
	return rc;
}

int figures_meter(const struct figures *figures, uint32_t meter, const struct figures_span *span,
		  figures_series_fn fn, void *arg, struct err *err)
{
	struct work work = {
		.institution = figures->registry->meters[meter].institution, .fn = fn, .arg = arg};
	int rc = start_work(&work, figures, span, err);

	if (rc == 0)
		rc = one_meter(&work, meter, err);
	end_work(&work);
	return rc;
}
