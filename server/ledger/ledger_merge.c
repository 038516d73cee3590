/* SPDX-License-Identifier: Apache-2.0 */
/* Readings into days. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "server/ledger/ledger_private.h"

int ledger_load_day(struct ledger *ledger, int64_t register_id, int32_t day, size_t *n,
		    struct err *err)
{
	struct db_statement *get;
	const void *data;
	size_t len;
	int rc = ledger_prepared(ledger, SQL_DAY_GET, &get, err);

	*n = 0;
	buf_clear(&ledger->sightings);
	if (rc < 0)
		return rc;
	db_bind_int(get, 1, day);
	db_bind_int(get, 2, register_id);
	rc = db_step(get, err);
	if (rc <= 0)
		return rc;
	data = db_column_blob(get, 1, &len);
	rc = series_decode(day, data, len, ledger_room(ledger, 0, series_capacity(len)), n);
	if (rc == 0 && (int64_t)*n != db_column_int(get, 0))
		rc = -EINVAL;
	data = db_column_blob(get, 2, &len);
	if (rc == 0)
		rc = sighting_decode(day, data, len, &ledger->sightings);
	db_reset(get);
	if (rc < 0)
		return err_set(err, -EUCLEAN, "the ledger's day %d of register %lld is damaged",
			       day, (long long)register_id);
	return 0;
}

/* ---- neighbours ---- */

/* The last reading before (step -1) or the first at or after (step +1) a time. 0 and *found. */
static int find_neighbour(struct ledger *ledger, int64_t register_id, int64_t time_ms, int step,
			  struct reading *out, struct err *err)
{
	int32_t first, last, day = series_day_of(time_ms);
	int rc = ledger_days(ledger, register_id, &first, &last, err);

	if (rc < 0)
		return rc;
	if (first == NO_DAY)
		return -ENOENT;
	if (step < 0 && day > last)
		day = last;
	if (step > 0 && day < first)
		day = first;
	for (; day >= first && day <= last; day += step) {
		size_t n;

		rc = ledger_load_day(ledger, register_id, day, &n, err);
		if (rc < 0)
			return rc;
		for (size_t i = 0; i < n; i++) {
			size_t k = step < 0 ? n - 1 - i : i;

			*out = ledger->readings[0][k];
			if (step < 0 ? out->time_ms < time_ms : out->time_ms >= time_ms)
				return 0;
		}
	}
	return -ENOENT;
}

/* ---- merging ---- */

/* One call of ledger_merge. */
struct merge {
	struct ledger *ledger;
	int64_t register_id;
	struct register_state *state;
	struct series_merged sum;
};

int ledger_put_day(struct ledger *ledger, int64_t register_id, int32_t day,
		   const struct reading *readings, size_t n, struct err *err)
{
	struct db_statement *put;
	int rc = ledger_prepared(ledger, SQL_DAY_PUT, &put, err);

	if (rc < 0)
		return rc;
	buf_clear(&ledger->scratch);
	series_encode(day, readings, n, &ledger->scratch);
	db_bind_int(put, 1, day);
	db_bind_int(put, 2, register_id);
	db_bind_int(put, 3, ledger->change);
	db_bind_int(put, 4, (int64_t)n);
	db_bind_blob(put, 5, ledger->scratch.data, ledger->scratch.len);
	return db_run(put, err);
}

static int append_day(struct merge *merge, int32_t day, const struct reading *readings, size_t n,
		      struct err *err)
{
	struct ledger *ledger = merge->ledger;
	struct reading last = merge->state->newest;
	struct db_statement *append;
	int rc = ledger_prepared(ledger, SQL_DAY_APPEND, &append, err);

	if (rc < 0)
		return rc;
	buf_clear(&ledger->scratch);
	for (size_t i = 0; i < n; i++) {
		series_append(last, readings[i], &ledger->scratch);
		last = readings[i];
	}
	db_bind_int(append, 1, day);
	db_bind_int(append, 2, merge->register_id);
	db_bind_int(append, 3, ledger->change);
	db_bind_int(append, 4, (int64_t)n);
	db_bind_blob(append, 5, ledger->scratch.data, ledger->scratch.len);
	rc = db_run(append, err);
	if (rc == 0 && db_changes(ledger->db) != 1)
		return err_set(err, -EUCLEAN, "the ledger lost day %d of register %lld", day,
			       (long long)merge->register_id);
	return rc;
}

/* Is this what was read in a second of which the value is not kept? It lies between the values
 * around it; what does not is news. */
static bool is_repeat(const struct ledger *ledger, size_t n_old, struct reading r)
{
	const struct reading *old = ledger->readings[0];
	size_t low = 0, high = n_old;

	if (!sighting_find((const struct sighting *)(const void *)ledger->sightings.data,
			   ledger->sightings.len / sizeof(struct sighting), r.time_ms))
		return false;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (old[middle].time_ms < r.time_ms)
			low = middle + 1;
		else
			high = middle;
	}
	return low > 0 && low < n_old && old[low].time_ms != r.time_ms &&
	       old[low - 1].value <= r.value && r.value <= old[low].value;
}

/* One day's readings, sorted, with what is there in ledger->readings[0]. */
static int merge_into(struct merge *merge, int32_t day, const struct ledger_arrival *arrival,
		      struct err *err)
{
	struct ledger *ledger = merge->ledger;
	struct reading *out = ledger_room(ledger, 1, arrival->n_old + arrival->n);
	struct series_merged merged =
		series_merge(arrival->old, arrival->n_old, arrival->readings, arrival->n, out);
	int rc = 0;

	if (merged.added > 0)
		rc = ledger_note_late(ledger, merge->register_id, arrival, err);
	if (rc < 0)
		return rc;
	merge->sum.added += merged.added;
	merge->sum.conflicts += merged.conflicts;
	merge->sum.raised += merged.raised;
	if (merged.added == 0 && merged.raised == 0)
		return 0;
	if (merge->state->last_day == NO_DAY || day >= merge->state->last_day)
		merge->state->newest = out[merged.n - 1];
	rc = ledger_put_day(ledger, merge->register_id, day, out, merged.n, err);
	return rc < 0 ? rc : ledger_look_again(ledger, merge->register_id, day, err);
}

static int merge_day(struct merge *merge, int32_t day, const struct reading *readings, size_t n,
		     struct err *err)
{
	struct ledger *ledger = merge->ledger;
	struct ledger_arrival arrival = {.readings = readings, .n = n};
	struct reading *news = NULL;
	int rc = ledger_load_day(ledger, merge->register_id, day, &arrival.n_old, err);

	if (rc < 0)
		return rc;
	arrival.old = ledger->readings[0];
	if (ledger->sightings.len > 0) {
		news = xcalloc(n, sizeof *news);
		arrival.readings = news;
		arrival.n = 0;
		for (size_t i = 0; i < n; i++)
			if (!is_repeat(ledger, arrival.n_old, readings[i]))
				news[arrival.n++] = readings[i];
	}
	if (arrival.n > 0)
		rc = merge_into(merge, day, &arrival, err);
	free(news);
	return rc;
}

static int save_days(struct merge *merge, int32_t day, struct err *err)
{
	struct register_state *state = merge->state;
	struct db_statement *save;
	int rc;

	if (state->first_day != NO_DAY && day >= state->first_day && day <= state->last_day)
		return 0;
	rc = ledger_prepared(merge->ledger, SQL_REGISTER_DAYS, &save, err);
	if (rc < 0)
		return rc;
	if (state->first_day == NO_DAY || day < state->first_day)
		state->first_day = day;
	if (state->last_day == NO_DAY || day > state->last_day)
		state->last_day = day;
	db_bind_int(save, 1, state->first_day);
	db_bind_int(save, 2, state->last_day);
	db_bind_int(save, 3, merge->register_id);
	return db_run(save, err);
}

/* One day's readings, sorted. The usual case, live or a backlog in order: all are later than what
 * is there, and no old byte needs to be decoded. */
static int merge_run(struct merge *merge, const struct reading *readings, size_t n,
		     bool is_distinct, struct err *err)
{
	const struct register_state *state = merge->state;
	int32_t day = series_day_of(readings[0].time_ms);
	bool is_newer = state->last_day == NO_DAY || readings[0].time_ms > state->newest.time_ms;
	int rc;

	if (!is_newer || !is_distinct) {
		rc = merge_day(merge, day, readings, n, err);
	} else {
		rc = state->last_day == day ? append_day(merge, day, readings, n, err)
					    : ledger_put_day(merge->ledger, merge->register_id, day,
							     readings, n, err);
		merge->state->newest = readings[n - 1];
		merge->sum.added += n;
		if (rc == 0)
			rc = ledger_look_again(merge->ledger, merge->register_id, day, err);
		if (rc == 0)
			rc = ledger_note_late(merge->ledger, merge->register_id,
					      &(struct ledger_arrival){readings, NULL, n, 0}, err);
	}
	return rc < 0 ? rc : save_days(merge, day, err);
}

static size_t run_of_one_day(const struct reading *readings, size_t n)
{
	int64_t end = series_day_start(series_day_of(readings[0].time_ms)) + DAY_MS;
	size_t i = 1;

	while (i < n && readings[i].time_ms < end)
		i++;
	return i;
}

static bool is_strictly_sorted(const struct reading *readings, size_t n)
{
	for (size_t i = 1; i < n; i++)
		if (readings[i - 1].time_ms >= readings[i].time_ms)
			return false;
	return true;
}

/* How far on either side what is judged of readings may look (server/rollup/validate.h). */
enum { RAISED_AROUND = 16 };

/* A value that was raised may have taken a fall away, which had been judged by what is around it.
 */
static int touch_raised(struct merge *merge, const int64_t span[2], struct err *err)
{
	struct reading *around;
	size_t n;
	int rc = ledger_readings_around(merge->ledger, merge->register_id, span, RAISED_AROUND,
					&around, &n, err);

	if (rc < 0)
		return rc;
	rc = ledger_touch(merge->ledger, merge->register_id, around[0].time_ms,
			  around[n - 1].time_ms, err);
	free(around);
	return rc;
}

/* From the reading before the first to the reading after the last: the intervals that changed. A
 * span that ends at the newest reading is left open, so that the next live reading need not write
 * it again. */
static int touch_around(struct merge *merge, int64_t first_ms, int64_t last_ms,
			const struct register_state *before, struct err *err)
{
	struct reading reading = before->newest;
	int64_t from = first_ms, to = INT64_MAX;
	int rc = before->last_day == NO_DAY ? -ENOENT : 0;

	if (rc == 0 && reading.time_ms >= first_ms)
		rc = find_neighbour(merge->ledger, merge->register_id, first_ms, -1, &reading, err);
	if (rc == 0)
		from = reading.time_ms;
	if (rc < 0 && rc != -ENOENT)
		return rc;
	if (last_ms < merge->state->newest.time_ms) {
		rc = find_neighbour(merge->ledger, merge->register_id, last_ms + 1, +1, &reading,
				    err);
		if (rc < 0)
			return rc;
		to = reading.time_ms;
	}
	return ledger_touch(merge->ledger, merge->register_id, from, to, err);
}

static int merge_sorted(struct merge *merge, const struct reading *readings, size_t n,
			bool is_distinct, struct err *err)
{
	struct register_state before = *merge->state;
	int rc = 0;

	for (size_t i = 0, run; i < n && rc == 0; i += run) {
		run = run_of_one_day(readings + i, n - i);
		rc = merge_run(merge, readings + i, run, is_distinct, err);
	}
	if (rc < 0 || (merge->sum.added == 0 && merge->sum.raised == 0))
		return rc;
	rc = touch_around(merge, readings[0].time_ms, readings[n - 1].time_ms, &before, err);
	if (rc == 0 && merge->sum.raised > 0)
		rc = touch_raised(merge,
				  (const int64_t[]){readings[0].time_ms, readings[n - 1].time_ms},
				  err);
	return rc;
}

/* NOLINTNEXTLINE(readability-function-size): the set, what comes in, what came of it */
int ledger_merge(struct ledger *ledger, int64_t register_id, const struct reading *readings,
		 size_t n, size_t *added, size_t *conflicts, struct err *err)
{
	struct merge merge = {.ledger = ledger, .register_id = register_id};
	struct reading *sorted = NULL;
	bool is_distinct = is_strictly_sorted(readings, n);
	int rc = 0;

	assert(ledger->is_open);
	if (n > 0)
		rc = ledger_state(ledger, register_id, &merge.state, err);
	if (n == 0 || rc < 0)
		goto out;
	if (!is_distinct) {
		sorted = xcalloc(n, sizeof *sorted);
		memcpy(sorted, readings, n * sizeof *sorted);
		series_sort(sorted, n);
	}
	rc = merge_sorted(&merge, sorted ? sorted : readings, n, is_distinct, err);
	free(sorted);
out:
	if (rc == 0 && added)
		*added = merge.sum.added;
	if (rc == 0 && conflicts)
		*conflicts = merge.sum.conflicts;
	return rc;
}

/* ---- the newest ---- */

int ledger_newest(struct ledger *ledger, int64_t register_id, struct reading *out, struct err *err)
{
	int rc = find_neighbour(ledger, register_id, INT64_MAX, -1, out, err);

	if (rc == -ENOENT)
		return err_set(err, rc, "register %lld has no reading", (long long)register_id);
	return rc;
}
