/* SPDX-License-Identifier: Apache-2.0 */
/* Expected energy of the time that no reading of a meter closed. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "server/figures/figures_private.h"

enum { LOOK_BACK_DAYS = 7 * EXPECTED_WEEKS, LONGEST_HOLE_DAYS = 800 };

int figures_reader_open(struct figures_reader *reader, const struct figures *figures,
			struct err *err)
{
	*reader = (struct figures_reader){
		.figures = figures,
		.derived = figures->derived,
		.prices = xcalloc(FIGURES_PRICE_DAYS, sizeof *reader->prices),
		.free_days = xcalloc(FIGURES_FREE_DAYS, sizeof *reader->free_days),
		.names = xcalloc(FIGURES_NAMES, sizeof *reader->names)};
	if (reader->derived != NULL)
		return 0;
	reader->is_own_derived = true;
	return derived_open(&reader->derived, figures->ledger, err);
}

void figures_reader_close(struct figures_reader *reader)
{
	if (reader->is_own_derived)
		derived_close(reader->derived);
	free(reader->prices);
	free(reader->free_days);
	free(reader->names);
}

civil_day figures_day(const struct figures_reader *reader, int64_t utc_ms)
{
	return civil_day_of_utc(utc_ms, reader->figures->registry->offset_ms);
}

int64_t figures_day_start(const struct figures_reader *reader, civil_day day)
{
	return civil_day_start_utc(day, reader->figures->registry->offset_ms);
}

/* Every part of a period asks for the same few of them. */
int figures_find(const struct figures_reader *reader, enum derived_kind kind, uint32_t index,
		 struct derived_name *out, struct err *err)
{
	const struct registry *registry = reader->figures->registry;
	struct figures_name *found = &reader->names[(index * 2 + kind) % FIGURES_NAMES];

	if (!found->is_filled || found->kind != kind || found->index != index) {
		const char *id = kind == DERIVED_METER ? registry->meters[index].id
						       : registry->institutions[index].id;
		int rc = derived_find(reader->derived, kind, id, &found->name, err);

		found->is_filled = rc >= 0;
		if (rc < 0)
			return rc;
		found->kind = kind;
		found->index = index;
		found->is_known = rc == 1;
	}
	if (found->is_known)
		*out = found->name;
	return found->is_known ? 1 : 0;
}

static int meter_row_of(const struct figures_reader *reader, enum derived_table table, int64_t id,
			civil_day day, struct derived_row *row, struct err *err)
{
	const struct derived_key key = {.day = day, .id = id};

	return derived_get(reader->derived, table, &key, row, NULL, err);
}

int figures_meter_row(const struct figures_reader *reader, enum derived_table table, uint32_t meter,
		      civil_day day, struct derived_row *row, struct err *err)
{
	struct derived_name name;
	int rc = figures_find(reader, DERIVED_METER, meter, &name, err);

	*row = (struct derived_row){0};
	return rc == 1 ? meter_row_of(reader, table, name.id, day, row, err) : rc;
}

int figures_rows(const struct figures_reader *reader, uint32_t institution, int64_t *id,
		 struct err *err)
{
	struct derived_name name;
	int rc = figures_find(reader, DERIVED_INSTITUTION, institution, &name, err);

	*id = rc == 1 ? name.id : 0;
	return rc < 0 ? rc : 0;
}

/* ---- where a meter is alive ---- */

static int64_t max64(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static int64_t min64(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* A virtual meter lives from the time all of its terms do until the first ends. */
static struct span_ms life_of_virtual(const struct registry *registry, uint32_t meter, int depth)
{
	const struct registry_meter *of = &registry->meters[meter];
	struct span_ms life = {INT64_MIN, INT64_MAX};

	for (size_t i = 0; i < of->n_terms && depth > 0; i++) {
		struct span_ms term = life_of_virtual(registry, of->terms[i].meter, depth - 1);

		life.from_ms = max64(life.from_ms, term.from_ms);
		life.to_ms = min64(life.to_ms, term.to_ms);
	}
	if (of->n_lives > 0) {
		life.from_ms = of->lives[0].from_ms;
		life.to_ms = of->lives[of->n_lives - 1].to_ms;
	}
	return life;
}

static size_t add_span(struct span_ms *out, size_t n, size_t max, struct span_ms a,
		       struct span_ms within)
{
	a.from_ms = max64(a.from_ms, within.from_ms);
	a.to_ms = min64(a.to_ms, within.to_ms);
	if (a.from_ms >= a.to_ms || n == max)
		return n;
	out[n] = a;
	return n + 1;
}

size_t figures_alive(const struct figures_reader *reader, uint32_t meter, struct span_ms within,
		     struct span_ms *out, size_t max)
{
	const struct registry *registry = reader->figures->registry;
	const struct registry_meter *of = &registry->meters[meter];
	const struct span *valid = &registry->institutions[of->institution].valid;
	size_t n = 0;

	if (valid->from > CIVIL_DAY_MIN)
		within.from_ms = max64(within.from_ms, figures_day_start(reader, valid->from));
	if (valid->to < CIVIL_DAY_MAX)
		within.to_ms = min64(within.to_ms, figures_day_start(reader, valid->to));
	if (of->n_terms > 0)
		return add_span(out, 0, max, life_of_virtual(registry, meter, 16), within);
	for (size_t i = 0; i < of->n_lives; i++)
		n = add_span(out, n, max,
			     (struct span_ms){of->lives[i].from_ms, of->lives[i].to_ms}, within);
	return n;
}

/* Cuts the alive spans down to days on which the carrier is supplied online. */
static size_t cut_to_online(const struct figures_reader *reader, uint32_t meter,
			    const struct span_ms *alive, size_t n, struct span_ms *out)
{
	const struct registry *registry = reader->figures->registry;
	const struct registry_meter *of = &registry->meters[meter];
	size_t n_out = 0;

	for (size_t i = 0; i < n; i++) {
		civil_day last = figures_day(reader, alive[i].to_ms - 1);

		for (civil_day day = figures_day(reader, alive[i].from_ms); day <= last; day++) {
			struct span_ms part = {figures_day_start(reader, day),
					       figures_day_start(reader, day + 1)};

			if (registry_supply(registry, of->institution, of->carrier, day) !=
			    SUPPLY_ONLINE)
				continue;
			part.from_ms = max64(part.from_ms, alive[i].from_ms);
			part.to_ms = min64(part.to_ms, alive[i].to_ms);
			if (n_out > 0 && out[n_out - 1].to_ms == part.from_ms)
				out[n_out - 1].to_ms = part.to_ms;
			else
				n_out = add_span(out, n_out, FIGURES_MAX_SPANS, part, part);
		}
	}
	return n_out;
}

static int newest_of(const struct figures_reader *reader, uint32_t meter, int depth,
		     int64_t *newest_ms, struct err *err)
{
	const struct registry_meter *of = &reader->figures->registry->meters[meter];
	struct ledger *ledger = reader->figures->ledger;
	struct reading reading = {0};
	int64_t id, of_term;
	int rc = 0;

	*newest_ms = INT64_MAX;
	for (size_t i = 0; i < of->n_terms && rc == 0 && depth > 0; i++) {
		rc = newest_of(reader, of->terms[i].meter, depth - 1, &of_term, err);
		*newest_ms = rc == 0 ? min64(*newest_ms, of_term) : 0;
	}
	if (of->n_terms > 0)
		return rc;
	rc = derived_register(reader->derived, of->device, of->quantity, &id, err);
	if (rc == 1)
		rc = ledger_newest(ledger, id, &reading, err);
	else if (rc == 0)
		rc = -ENOENT;
	*newest_ms = rc == 0 ? reading.time_ms : INT64_MIN / 2;
	return rc == -ENOENT ? 0 : rc;
}

int figures_elapsed(const struct figures_reader *reader, uint32_t meter, int64_t *until_ms,
		    struct err *err)
{
	int64_t now = reader->figures->now_ms, newest;
	int64_t interval = reader->figures->registry->meters[meter].interval_ms;
	int rc = newest_of(reader, meter, 16, &newest, err);

	/* Without any reading newest is so far back that its double would not fit. */
	*until_ms = newest <= now && now - newest <= 5 * interval / 2 ? newest : now;
	return rc;
}

/* ---- runs ---- */

/* The last fully closed day before `day`, or the first day that can matter. */
static int hole_start(const struct figures_reader *reader, const struct derived_name *name,
		      civil_day day, civil_day *out, struct err *err)
{
	civil_day earliest =
		name->first > day - LONGEST_HOLE_DAYS ? name->first : day - LONGEST_HOLE_DAYS;
	struct derived_row row;
	int rc = 0;

	if (day > name->last + 1) /* after the last row nothing is closed */
		day = name->last + 1 > earliest ? name->last + 1 : earliest;
	while (day > earliest && rc >= 0) {
		rc = meter_row_of(reader, DERIVED_METER_DAY, name->id, day - 1, &row, err);
		if (rc == 1 && row.sum.closed_ms >= DAY_MS)
			break;
		day--;
	}
	*out = day;
	return rc < 0 ? rc : 0;
}

static int load_hours(const struct figures_reader *reader, const struct derived_name *name,
		      civil_day from, civil_day to, struct amount *hours, struct err *err)
{
	civil_day first = from > name->first ? from : name->first;
	civil_day end = to <= name->last ? to : name->last + 1;

	for (civil_day day = first; day < end; day++) {
		struct derived_row row;
		int rc = meter_row_of(reader, DERIVED_METER_DAY, name->id, day, &row, err);

		if (rc < 0)
			return rc;
		memcpy(hours + (size_t)(day - from) * DERIVED_HOURS, row.hours, sizeof row.hours);
	}
	return 0;
}

static void keep_span(struct figures_run *run, const struct expected *all, int64_t all_from_ms,
		      const struct figures_ask *ask)
{
	size_t skip = (size_t)((ask->span.from_ms - all_from_ms) / HOUR_MS);

	run->from_ms = ask->span.from_ms;
	run->n = (size_t)((ask->span.to_ms - ask->span.from_ms) / HOUR_MS);
	run->hours = xcalloc(run->n + 1, sizeof *run->hours);
	memcpy(run->hours, all + skip, run->n * sizeof *run->hours);
}

static void compute(struct figures_run *run, const struct figures_reader *reader, uint32_t meter,
		    const struct figures_ask *ask, struct expected_run all)
{
	struct span_ms alive[FIGURES_MAX_SPANS], online[FIGURES_MAX_SPANS];
	struct span_ms within = {all.from_ms, all.from_ms + (int64_t)all.n * HOUR_MS};
	struct expected *out = xcalloc(all.n + 1, sizeof *out);

	within.to_ms = min64(within.to_ms, ask->until_ms);
	all.alive = alive;
	all.n_alive = figures_alive(reader, meter, within, alive, FIGURES_MAX_SPANS);
	if (ask->only_online) {
		all.n_alive = cut_to_online(reader, meter, alive, all.n_alive, online);
		all.alive = online;
	}
	all.expected_year = reader->figures->registry->meters[meter].expected_year;
	all.skip = (size_t)((ask->span.from_ms - all.from_ms) / HOUR_MS);
	expected_each_hour(&all, out);
	keep_span(run, out, all.from_ms, ask);
	free(out);
}

int figures_run_load(struct figures_run *run, const struct figures_reader *reader, uint32_t meter,
		     const struct figures_ask *ask, struct err *err)
{
	struct derived_name name = {.first = INT32_MAX, .last = INT32_MIN};
	civil_day from = figures_day(reader, ask->span.from_ms);
	civil_day to = figures_day(reader, ask->span.to_ms - 1) + 1;
	struct expected_run all = {0};
	struct amount *hours;
	int rc = figures_find(reader, DERIVED_METER, meter, &name, err);

	if (rc == 1 && name.first <= name.last)
		rc = hole_start(reader, &name, from, &from, err);
	if (rc < 0)
		return rc;
	if (name.first <= name.last)
		from -= LOOK_BACK_DAYS;
	all.from_ms = figures_day_start(reader, from);
	all.n = (size_t)(to - from) * DERIVED_HOURS;
	hours = xcalloc(all.n, sizeof *hours);
	all.hours = hours;
	if (name.first <= name.last)
		rc = load_hours(reader, &name, from, to, hours, err);
	if (rc >= 0)
		compute(run, reader, meter, ask, all);
	free(hours);
	return rc < 0 ? rc : 0;
}

void figures_run_free(struct figures_run *run)
{
	free(run->hours);
	*run = (struct figures_run){0};
}

void figures_run_add(const struct figures_run *run, int64_t from_ms, int64_t to_ms,
		     struct expected *sum)
{
	size_t first = (size_t)((from_ms - run->from_ms) / HOUR_MS);
	size_t end = (size_t)((to_ms - run->from_ms) / HOUR_MS);

	for (size_t i = first; i < end && i < run->n; i++) {
		sum->missing += run->hours[i].missing;
		sum->is_unknown |= run->hours[i].is_unknown;
	}
}
