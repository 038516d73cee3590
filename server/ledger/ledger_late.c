/* SPDX-License-Identifier: Apache-2.0 */
/* Which readings came late: sets of times, kept like readings. */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "server/ledger/ledger_private.h"

void ledger_set_late_before(struct ledger *ledger, int64_t time_ms)
{
	ledger->late_before_ms = time_ms;
}

int ledger_load_late(struct ledger *ledger, int64_t register_id, int32_t day, struct reading **out,
		     size_t *n, struct err *err)
{
	struct db_statement *get;
	const void *data;
	size_t len;
	int rc = ledger_prepared(ledger, SQL_LATE_GET, &get, err);

	*n = 0;
	*out = NULL;
	if (rc < 0)
		return rc;
	db_bind_int(get, 1, day);
	db_bind_int(get, 2, register_id);
	rc = db_step(get, err);
	if (rc == 1) {
		data = db_column_blob(get, 0, &len);
		*out = xcalloc(series_capacity(len) + 1, sizeof **out);
		rc = series_decode(day, data, len, *out, n);
		if (rc < 0)
			rc = err_set(err, -EUCLEAN, "the late times of day %d are damaged", day);
	} else if (rc == 0) {
		*out = xcalloc(1, sizeof **out);
	}
	db_reset(get);
	return rc;
}

/* Late times of one day of a register, sorted. */
struct late {
	int64_t register_id;
	int32_t day;
	const struct reading *times;
	size_t n;
};

/* With what is in scratch, if it puts anything. */
static int run(struct ledger *ledger, enum ledger_sql which, const struct late *late,
	       struct err *err)
{
	struct db_statement *put;
	int rc = ledger_prepared(ledger, which, &put, err);

	if (rc < 0)
		return rc;
	db_bind_int(put, 1, late->day);
	db_bind_int(put, 2, late->register_id);
	if (which != SQL_LATE_DROP)
		db_bind_blob(put, 3, ledger->scratch.data, ledger->scratch.len);
	return db_run(put, err);
}

/* Behind what is there, which need not be read. 1: done. 0: nothing is there. */
static int append(struct ledger *ledger, const struct late *late, int64_t last_ms, struct err *err)
{
	struct reading last = {last_ms, 0};
	int rc;

	buf_clear(&ledger->scratch);
	for (size_t i = 0; i < late->n; last = late->times[i++])
		series_append(last, late->times[i], &ledger->scratch);
	rc = run(ledger, SQL_LATE_APPEND, late, err);
	return rc < 0 ? rc : db_changes(ledger->db) == 1;
}

static int add(struct ledger *ledger, const struct late *late, struct err *err)
{
	struct reading *known, *all;
	size_t n;
	int rc = ledger_load_late(ledger, late->register_id, late->day, &known, &n, err);

	all = xcalloc(n + late->n, sizeof *all);
	if (rc == 0) {
		n = series_merge(known, n, late->times, late->n, all).n;
		buf_clear(&ledger->scratch);
		series_encode(late->day, all, n, &ledger->scratch);
		rc = run(ledger, SQL_LATE_PUT, late, err);
	}
	free(known);
	free(all);
	return rc;
}

int ledger_save_late(struct ledger *ledger, int64_t register_id, int32_t day,
		     const struct reading *times, size_t n, struct err *err)
{
	const struct late late = {register_id, day, times, n};
	struct register_state *state;
	int rc = ledger_state(ledger, register_id, &state, err);

	if (rc < 0)
		return rc;
	state->late_ms = LATE_UNKNOWN; /* it may be among those that go */
	buf_clear(&ledger->scratch);
	series_encode(day, times, n, &ledger->scratch);
	return run(ledger, n > 0 ? SQL_LATE_PUT : SQL_LATE_DROP, &late, err);
}

/* The usual backlog comes in order: each time is later than those that are known to be late. */
static int add_to_state(struct ledger *ledger, struct register_state *state,
			const struct late *late, struct err *err)
{
	bool is_newer = state->late_ms != LATE_UNKNOWN && late->times[0].time_ms > state->late_ms;
	int rc = 0;

	if (is_newer && series_day_of(state->late_ms) == late->day)
		rc = append(ledger, late, state->late_ms, err);
	if (rc == 0)
		rc = add(ledger, late, err);
	/* A late time is a reading's: none lies on a later day than the last. */
	if (rc >= 0 &&
	    (is_newer || (state->late_ms == LATE_UNKNOWN && late->day >= state->last_day)))
		state->late_ms = late->times[late->n - 1].time_ms;
	return rc < 0 ? rc : 0;
}

/* Of those before late_before_ms and not among the old ones, the distinct times. */
static size_t pick(const struct ledger *ledger, const struct ledger_arrival *arrival,
		   struct reading *late)
{
	size_t n = 0, k = 0;

	for (size_t i = 0; i < arrival->n && arrival->readings[i].time_ms < ledger->late_before_ms;
	     i++) {
		int64_t time_ms = arrival->readings[i].time_ms;

		while (k < arrival->n_old && arrival->old[k].time_ms < time_ms)
			k++;
		if ((k < arrival->n_old && arrival->old[k].time_ms == time_ms) ||
		    (n > 0 && late[n - 1].time_ms == time_ms))
			continue;
		late[n++] = (struct reading){time_ms, 0};
	}
	return n;
}

int ledger_note_late(struct ledger *ledger, int64_t register_id,
		     const struct ledger_arrival *arrival, struct err *err)
{
	struct register_state *state;
	struct reading *late;
	size_t n;
	int rc;

	if (arrival->readings[0].time_ms >= ledger->late_before_ms)
		return 0;
	rc = ledger_state(ledger, register_id, &state, err);
	if (rc < 0)
		return rc;
	late = xcalloc(arrival->n, sizeof *late);
	n = pick(ledger, arrival, late);
	if (n > 0)
		rc = add_to_state(
			ledger, state,
			&(struct late){register_id, series_day_of(late[0].time_ms), late, n}, err);
	free(late);
	return rc;
}

/* NOLINTNEXTLINE(readability-function-size): a span in, an array out */
int ledger_late_times(struct ledger *ledger, int64_t register_id, const int64_t span[2],
		      int64_t **out, size_t *n, struct err *err)
{
	int32_t first, last, day = series_day_of(span[0]);
	size_t cap = 0, n_day;
	int rc = ledger_days(ledger, register_id, &first, &last, err);

	*out = NULL;
	*n = 0;
	if (rc < 0 || first == NO_DAY)
		return rc;
	for (day = day < first ? first : day;
	     rc == 0 && day <= last && series_day_start(day) < span[1]; day++) {
		struct reading *times;

		rc = ledger_load_late(ledger, register_id, day, &times, &n_day, err);
		for (size_t i = 0; rc == 0 && i < n_day; i++)
			if (times[i].time_ms >= span[0] && times[i].time_ms < span[1]) {
				*out = grow(*out, *n, &cap, sizeof **out);
				(*out)[(*n)++] = times[i].time_ms;
			}
		free(times);
	}
	return rc;
}
