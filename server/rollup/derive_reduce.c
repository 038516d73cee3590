/* SPDX-License-Identifier: Apache-2.0 */
/* Reduction of old days: each is computed before and after, and stays whole if anything differs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/quantity.h"
#include "server/ledger/series.h"
#include "server/ledger/sighting.h"
#include "server/registry/registry_savings.h"
#include "server/rollup/derive_private.h"
#include "server/rollup/edit.h"
#include "server/rollup/load.h"
#include "server/rollup/reduce.h"
#include "server/rollup/tally.h"

enum { LOT = 64, NAME_ROOM = 64, HOURS = 24, QUARTER_MS = 15 * 60 * 1000 };

/* A register's day under work. */
struct old_day {
	struct derive *derive;
	struct ledger_day day;
	char device[NAME_ROOM], quantity[NAME_ROOM];
	struct span_ms span;
	const uint32_t *readers; /* the registry's meters of the device */
	size_t n_readers;
	struct span_ms *near;
	size_t n_near, near_cap;
};

static const struct registry_meter *reader_at(const struct old_day *old, size_t i)
{
	const struct registry_meter *meter = &old->derive->registry->meters[old->readers[i]];

	return strcmp(meter->quantity, old->quantity) == 0 ? meter : NULL;
}

static int name_day(struct old_day *old, struct err *err)
{
	const struct registry *registry = old->derive->registry;
	const char *device, *quantity;
	size_t first;
	int rc = ledger_register_name(old->derive->ledger, old->day.register_id, &device, &quantity,
				      err);

	if (rc < 0)
		return rc;
	(void)snprintf(old->device, sizeof old->device, "%s", device);
	(void)snprintf(old->quantity, sizeof old->quantity, "%s", quantity);
	old->n_readers = registry_find_device(registry, old->device, strlen(old->device), &first);
	old->readers = registry->by_device + first;
	return 0;
}

/* Temperatures are samples, no registers. A sighting tells slots of whole seconds only. */
static bool may_be_reduced(const struct old_day *old)
{
	size_t len = strlen(old->quantity);

	if (old->span.from_ms < 0 ||
	    quantity_classify(old->quantity, len).kind != QUANTITY_REGISTER ||
	    registry_is_weather(old->derive->registry, old->device, strlen(old->device),
				old->quantity, len))
		return false;
	for (size_t i = 0; i < old->n_readers; i++)
		if (reader_at(old, i) != NULL && reader_at(old, i)->interval_ms % SIGHTING_MS != 0)
			return false;
	return true;
}

/* ---- beside what everything stays ---- */

static void add_near(struct old_day *old, int64_t from_ms, int64_t to_ms)
{
	old->near = grow(old->near, old->n_near, &old->near_cap, sizeof *old->near);
	old->near[old->n_near++] = (struct span_ms){from_ms, to_ms};
}

static int find_edits(struct old_day *old, struct err *err)
{
	struct edit_effect *effects = NULL;
	size_t n = 0;
	int rc = 0;

	if (old->derive->has_edits)
		rc = edit_effects(old->derive->ledger, old->device, old->quantity, &effects, &n,
				  err);
	for (size_t i = 0; i < n && rc == 0; i++)
		add_near(old, effects[i].time_ms, effects[i].time_ms);
	free(effects);
	return rc;
}

static int find_clocks(struct old_day *old, const struct ledger_sight *sight, struct err *err)
{
	const int64_t span[2] = {sight->readings[0].time_ms,
				 sight->readings[sight->n - 1].time_ms + 1};
	struct ledger_clock clocks[VALIDATE_CLOCKS];
	size_t n = 0;
	int rc = ledger_clocks(old->derive->ledger, old->device, span, clocks, VALIDATE_CLOCKS, &n,
			       err);

	for (size_t i = 0; i < n && rc == 0; i++)
		add_near(old, clocks[i].from_ms, clocks[i].to_ms);
	return rc;
}

static void add_border(struct old_day *old, const struct ledger_sight *sight, int64_t time_ms)
{
	if (time_ms >= sight->readings[0].time_ms &&
	    time_ms <= sight->readings[sight->n - 1].time_ms)
		add_near(old, time_ms, time_ms);
}

static void find_lives(struct old_day *old, const struct ledger_sight *sight)
{
	for (size_t i = 0; i < old->n_readers; i++) {
		const struct registry_meter *meter = reader_at(old, i);

		for (size_t k = 0; meter != NULL && k < meter->n_lives; k++) {
			add_border(old, sight, meter->lives[k].from_ms);
			add_border(old, sight, meter->lives[k].to_ms);
		}
	}
}

/* ---- what a day says, as bytes to be compared ---- */

static void say(struct buf *out, int64_t number)
{
	buf_add(out, &number, sizeof number);
}

/* Intervals that are not plain, hours, and both ends of the former to stay. */
static int say_energy(struct old_day *old, const struct registry_meter *meter, struct buf *out,
		      struct err *err)
{
	struct derive *derive = old->derive;
	struct amount hours[HOURS];
	size_t n = 0;
	int rc = derive_load_intervals(derive, meter, &old->span, &n, err);

	if (rc < 0)
		return rc;
	rollup_periods(derive->intervals, n, old->span.from_ms, HOUR_MS, hours, HOURS);
	for (int h = 0; h < HOURS; h++) {
		say(out, hours[h].is_known);
		say(out, hours[h].value);
		say(out, hours[h].estimated);
		say(out, hours[h].covered_ms);
		say(out, hours[h].closed_ms);
	}
	for (size_t i = 0; i < n; i++) {
		const struct interval *at = &derive->intervals[i];

		if (at->kind != INTERVAL_HOLE && at->cause == CAUSE_NONE)
			continue;
		say(out, at->from_ms);
		say(out, at->to_ms);
		say(out, at->cause);
		add_near(old, at->from_ms, at->to_ms);
	}
	return 0;
}

static int say_account(const struct old_day *old, const struct registry_meter *meter,
		       struct buf *out, struct err *err)
{
	struct derive *derive = old->derive;
	const int64_t span[2] = {old->span.from_ms, old->span.to_ms + meter->interval_ms};
	const struct span_ms alive = old->span;
	struct tally_input input = {.interval_ms = meter->interval_ms,
				    .offset_ms = derive->registry->offset_ms,
				    .alive = &alive,
				    .n_alive = 1,
				    .now_ms = INT64_MAX};
	struct ledger_sight sight = {0};
	int64_t *late = NULL;
	int rc = ledger_sight(derive->ledger, old->day.register_id, span, 0, &sight, err);

	if (rc == 0)
		rc = ledger_late_times(derive->ledger, old->day.register_id, span, &late,
				       &input.n_late, err);
	input.readings = sight.readings;
	input.n_readings = sight.n;
	input.sightings = sight.sightings;
	input.n_sightings = sight.n_sightings;
	input.late = late;
	for (int h = 0; h < HOURS && rc == 0; h++) {
		int64_t start = old->span.from_ms + h * (int64_t)HOUR_MS;
		struct tally tally = tally_period(&input, start, start + HOUR_MS);

		say(out, tally.due);
		say(out, tally.came);
		say(out, tally.late);
	}
	ledger_sight_fini(&sight);
	free(late);
	return rc;
}

/* Of every meter that reads the register. */
static int say_all(struct old_day *old, struct buf *out, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; i < old->n_readers && rc == 0; i++) {
		const struct registry_meter *meter = reader_at(old, i);

		if (meter == NULL)
			continue;
		rc = say_energy(old, meter, out, err);
		if (rc == 0)
			rc = say_account(old, meter, out, err);
	}
	return rc;
}

/* ---- highest quarters ---- */

static int keep_institution_peaks(struct old_day *old, uint32_t index, struct err *err)
{
	struct derive *derive = old->derive;
	const struct registry_institution *of = &derive->registry->institutions[index];
	int64_t offset = derive->registry->offset_ms, id;
	const struct span days = {civil_day_of_utc(old->span.from_ms, offset),
				  civil_day_of_utc(old->span.to_ms - 1, offset) + 1};
	char series[LOAD_SERIES_MAX];
	int rc = derive_institution_id(derive, index, &id, err);

	if (rc == 0)
		rc = load_keep_peaks(derive->derived, of->id, id, carrier_name(CARRIER_ELECTRICITY),
				     &days, err);
	for (size_t i = 0; i < of->n_accounts && rc == 0; i++) {
		load_account_series(series, of->accounts[i].number);
		rc = load_keep_peaks(derive->derived, of->id, id, series, &days, err);
	}
	return rc;
}

static int keep_peaks(struct old_day *old, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; i < old->n_readers && rc == 0; i++) {
		const struct registry_meter *meter = reader_at(old, i);

		if (meter != NULL && meter->carrier == CARRIER_ELECTRICITY &&
		    meter->interval_ms <= QUARTER_MS)
			rc = keep_institution_peaks(old, meter->institution, err);
	}
	return rc;
}

/* ---- one day ---- */

static bool was_late(const struct ledger_day_content *content, int64_t time_ms)
{
	for (size_t i = 0; i < content->n_late && content->late[i].time_ms <= time_ms; i++)
		if (content->late[i].time_ms == time_ms)
			return true;
	return false;
}

static int by_time(const void *a, const void *b)
{
	const struct sighting *x = a, *y = b;

	return (x->time_ms > y->time_ms) - (x->time_ms < y->time_ms);
}

/* What is left of a day of which these go. */
static void leave(const struct ledger_day_content *whole, const bool *keep,
		  struct ledger_day_content *out)
{
	const struct ledger_sight *sight = &whole->sight;
	size_t n_seen = sight->n_sightings;

	*out = (struct ledger_day_content){
		.sight = {.readings = xcalloc(sight->n + 1, sizeof *sight->readings),
			  .sightings = xcalloc(sight->n + n_seen + 1, sizeof *sight->sightings)},
		.late = xcalloc(whole->n_late + 1, sizeof *whole->late)};
	if (n_seen > 0)
		memcpy(out->sight.sightings, sight->sightings, n_seen * sizeof *sight->sightings);
	for (size_t i = 0; i < sight->n; i++) {
		struct reading r = sight->readings[i];
		bool is_late = was_late(whole, r.time_ms);

		if (!keep[i])
			out->sight.sightings[n_seen++] =
				(struct sighting){sighting_second(r.time_ms), is_late};
		else
			out->sight.readings[out->sight.n++] = r;
		if (keep[i] && is_late)
			out->late[out->n_late++] = (struct reading){r.time_ms, 0};
	}
	out->sight.n_sightings = n_seen;
	qsort(out->sight.sightings, n_seen, sizeof *out->sight.sightings, by_time);
}

/* keep[] of the day's own readings, once more with what was found to be not plain. */
static size_t choose(struct old_day *old, const struct ledger_sight *sight, bool *keep)
{
	const struct reduce_input input = {.readings = sight->readings,
					   .n = sight->n,
					   .day = old->span,
					   .sightings = sight->sightings,
					   .n_sightings = sight->n_sightings,
					   .near = old->near,
					   .n_near = old->n_near};

	return reduce_choose(&input, keep);
}

static size_t before_day(const struct old_day *old, const struct ledger_sight *sight)
{
	size_t n = 0;

	while (n < sight->n && sight->readings[n].time_ms < old->span.from_ms)
		n++;
	return n;
}

/* Puts what is left; puts all back if that does not say the same. */
static int try_out(struct old_day *old, const struct ledger_day_content *whole, const bool *keep,
		   const struct buf *before, bool *is_same, struct err *err)
{
	struct ledger *ledger = old->derive->ledger;
	struct ledger_day_content left;
	struct buf after = {0};
	int rc;

	leave(whole, keep, &left);
	rc = ledger_day_put(ledger, &old->day, &left, err);
	if (rc == 0)
		rc = say_all(old, &after, err);
	*is_same = after.len == before->len &&
		   (after.len == 0 || memcmp(after.data, before->data, after.len) == 0);
	if (rc == 0 && !*is_same)
		rc = ledger_day_put(ledger, &old->day, whole, err);
	ledger_day_fini(&left);
	buf_fini(&after);
	return rc;
}

static int reduce_chosen(struct old_day *old, const struct ledger_sight *sight, bool *keep,
			 struct derive_reduced *sum, struct err *err)
{
	struct ledger_day_content whole;
	struct buf before = {0};
	size_t gone = 0;
	bool is_same = false;
	int rc = say_all(old, &before, err);

	if (rc == 0)
		gone = choose(old, sight, keep);
	if (rc == 0 && gone > 0)
		rc = keep_peaks(old, err);
	if (rc == 0 && gone > 0)
		rc = ledger_day_get(old->derive->ledger, &old->day, &whole, err);
	if (rc == 0 && gone > 0) {
		rc = try_out(old, &whole, keep + before_day(old, sight), &before, &is_same, err);
		ledger_day_fini(&whole);
		sum->reduced += is_same;
		sum->whole += !is_same;
		sum->readings += is_same ? gone : 0;
	}
	buf_fini(&before);
	return rc;
}

static int reduce_day(struct old_day *old, struct derive_reduced *sum, struct err *err)
{
	const int64_t span[2] = {old->span.from_ms, old->span.to_ms};
	struct ledger_sight sight = {0};
	bool *keep = NULL;
	int rc = name_day(old, err);

	if (rc < 0 || !may_be_reduced(old))
		return rc;
	rc = find_edits(old, err);
	if (rc == 0)
		rc = ledger_sight(old->derive->ledger, old->day.register_id, span, VALIDATE_AROUND,
				  &sight, err);
	if (rc == 0 && sight.n > 0)
		rc = find_clocks(old, &sight, err);
	if (rc == 0 && sight.n > 0) {
		find_lives(old, &sight);
		keep = xcalloc(sight.n, sizeof *keep);
		if (choose(old, &sight, keep) > 0)
			rc = reduce_chosen(old, &sight, keep, sum, err);
	}
	free(keep);
	free(old->near);
	ledger_sight_fini(&sight);
	return rc;
}

/* ---- days by days ---- */

static int reduce_days(struct derive *derive, const struct ledger_day *days, size_t n,
		       struct derive_reduced *sum, struct err *err)
{
	int rc = derive_look_for_edits(derive, err);

	for (size_t i = 0; i < n && rc == 0; i++) {
		int64_t start = series_day_start(days[i].utc_day);
		struct old_day old = {
			.derive = derive, .day = days[i], .span = {start, start + DAY_MS}};

		rc = reduce_day(&old, sum, err);
		sum->days++;
	}
	return rc;
}

static int reduce_lot(struct derive *derive, int32_t before, struct derive_reduced *sum, bool *more,
		      struct err *err)
{
	struct ledger_day days[LOT];
	bool is_again = false;
	size_t n = 0;
	int rc = ledger_old_days(derive->ledger, before, days, LOT, &n, &is_again, err);

	if (rc == 0)
		rc = reduce_days(derive, days, n, sum, err);
	if (rc == 0)
		rc = ledger_old_days_done(derive->ledger, days, n, is_again, err);
	*more = n == LOT || is_again;
	return rc;
}

int derive_reduce(struct derive *derive, int64_t before_ms, struct derive_reduced *sum, bool *more,
		  struct err *err)
{
	int32_t before = series_day_of(before_ms);
	struct ledger_day next;
	bool is_again;
	size_t n = 0;
	int rc;

	*more = false;
	/* Highest quarters are written down as they are: they must be what they should. */
	if (derived_is_dirty(derive->derived))
		return 0;
	rc = ledger_old_days(derive->ledger, before, &next, 1, &n, &is_again, err);
	if (rc < 0 || n == 0)
		return rc;
	rc = ledger_begin(derive->ledger, err);
	if (rc < 0)
		return rc;
	if (!derived_is_dirty(derive->derived)) /* another process may have written meanwhile */
		rc = reduce_lot(derive, before, sum, more, err);
	derive_forget_spreads(derive);
	if (rc < 0) {
		derive_forget_transaction(derive);
		return err_prefix(err, rc, "reduction");
	}
	return ledger_commit(derive->ledger, err);
}
