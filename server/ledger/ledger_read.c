/* SPDX-License-Identifier: Apache-2.0 */
/* Readings out of days. */
#include <errno.h>
#include <stdlib.h>

#include "server/ledger/ledger_private.h"

/* What is being put together: structs. */
struct found {
	struct buf readings, sightings;
};

static void collect_sightings(struct ledger *ledger, const int64_t span[2], struct buf *out)
{
	size_t n = ledger->sightings.len / sizeof(struct sighting);
	const struct sighting *at = (const struct sighting *)(const void *)ledger->sightings.data;

	for (size_t i = 0; i < n; i++)
		if (at[i].time_ms >= span[0] && at[i].time_ms < span[1])
			buf_add(out, &at[i], sizeof at[i]);
}

/* Appends what lies in [from, to) of one day. */
static int collect_day(struct ledger *ledger, int64_t register_id, int32_t day,
		       const int64_t span[2], struct found *out, struct err *err)
{
	size_t n, first = 0, last;
	int rc = ledger_load_day(ledger, register_id, day, &n, err);

	if (rc < 0)
		return rc;
	collect_sightings(ledger, span, &out->sightings);
	while (first < n && ledger->readings[0][first].time_ms < span[0])
		first++;
	for (last = first; last < n && ledger->readings[0][last].time_ms < span[1];)
		last++;
	if (last > first)
		buf_add(&out->readings, ledger->readings[0] + first,
			(last - first) * sizeof *ledger->readings[0]);
	return 0;
}

/* Up to n readings of a day that lie before a time (step -1, the last first) or at and after it. */
static size_t nearest_of_day(struct ledger *ledger, size_t n_day, int64_t time_ms, int step,
			     struct reading *out, size_t n)
{
	size_t found = 0;

	for (size_t i = 0; i < n_day && found < n; i++) {
		struct reading r = ledger->readings[0][step < 0 ? n_day - 1 - i : i];

		if (step < 0 ? r.time_ms < time_ms : r.time_ms >= time_ms)
			out[found++] = r;
	}
	return found;
}

struct around {
	int32_t first, last; /* days of the register */
	size_t n;            /* readings wanted on either side */
	struct reading *found;
};

static int find_around(struct ledger *ledger, int64_t register_id, int64_t time_ms, int step,
		       struct around *around, struct err *err)
{
	int32_t day = series_day_of(time_ms);
	size_t n = 0;

	if (step < 0 && day > around->last)
		day = around->last;
	if (step > 0 && day < around->first)
		day = around->first;
	for (; day >= around->first && day <= around->last && n < around->n; day += step) {
		size_t n_day;
		int rc = ledger_load_day(ledger, register_id, day, &n_day, err);

		if (rc < 0)
			return rc;
		n += nearest_of_day(ledger, n_day, time_ms, step, around->found + n, around->n - n);
	}
	return (int)n;
}

static int collect(struct ledger *ledger, int64_t register_id, const int64_t span[2],
		   struct around *around, struct found *out, struct err *err)
{
	int32_t day = series_day_of(span[0]);
	int rc = ledger_days(ledger, register_id, &around->first, &around->last, err);

	if (rc < 0 || around->first == NO_DAY)
		return rc;
	rc = find_around(ledger, register_id, span[0], -1, around, err);
	for (int i = rc; i-- > 0;)
		buf_add(&out->readings, &around->found[i], sizeof *around->found);
	rc = rc < 0 ? rc : 0;
	for (day = day < around->first ? around->first : day;
	     rc == 0 && day <= around->last && series_day_start(day) < span[1]; day++)
		rc = collect_day(ledger, register_id, day, span, out, err);
	if (rc == 0)
		rc = find_around(ledger, register_id, span[1], +1, around, err);
	if (rc > 0)
		buf_add(&out->readings, around->found, (size_t)rc * sizeof *around->found);
	return rc < 0 ? rc : 0;
}

/* NOLINTNEXTLINE(readability-function-size): a span in, arrays out */
int ledger_sight(struct ledger *ledger, int64_t register_id, const int64_t span[2], size_t n_around,
		 struct ledger_sight *out, struct err *err)
{
	struct around around = {.n = n_around,
				.found = xcalloc(n_around + 1, sizeof *around.found)};
	struct found found = {{0}, {0}};
	int rc = span[0] > span[1]
			 ? err_set(err, -EINVAL, "a span of readings ends before it starts")
			 : collect(ledger, register_id, span, &around, &found, err);

	free(around.found);
	if (rc < 0) {
		buf_fini(&found.readings);
		buf_fini(&found.sightings);
		return rc;
	}
	out->n = found.readings.len / sizeof *out->readings;
	out->n_sightings = found.sightings.len / sizeof *out->sightings;
	out->readings = (struct reading *)(void *)buf_take(&found.readings);
	out->sightings = (struct sighting *)(void *)buf_take(&found.sightings);
	return 0;
}

void ledger_sight_fini(struct ledger_sight *sight)
{
	free(sight->readings);
	free(sight->sightings);
	*sight = (struct ledger_sight){0};
}

/* NOLINTNEXTLINE(readability-function-size): a span in, an array out */
int ledger_readings_around(struct ledger *ledger, int64_t register_id, const int64_t span[2],
			   size_t n_around, struct reading **out, size_t *n, struct err *err)
{
	struct ledger_sight sight = {0};
	int rc = ledger_sight(ledger, register_id, span, n_around, &sight, err);

	if (rc < 0)
		return rc;
	free(sight.sightings);
	*out = sight.readings;
	*n = sight.n;
	return 0;
}

/* NOLINTNEXTLINE(readability-function-size): a span in, an array out */
int ledger_readings(struct ledger *ledger, int64_t register_id, int64_t from_ms, int64_t to_ms,
		    struct reading **out, size_t *n, struct err *err)
{
	return ledger_readings_around(ledger, register_id, (const int64_t[]){from_ms, to_ms}, 1,
				      out, n, err);
}
