/* SPDX-License-Identifier: Apache-2.0 */
/* Days that are old enough to be reduced: which, and what is kept of them. */
#include <assert.h>
#include <stdlib.h>

#include "server/ledger/ledger_private.h"

/* ---- how far it is ---- */

static int read_place(struct ledger *ledger, struct ledger_day *place, struct err *err)
{
	struct db_statement *get;
	int rc = ledger_prepared(ledger, SQL_REDUCED_GET, &get, err);

	if (rc < 0)
		return rc;
	rc = db_step(get, err);
	if (rc == 1) {
		*place = (struct ledger_day){.utc_day = (int32_t)db_column_int(get, 0),
					     .register_id = db_column_int(get, 1)};
		db_reset(get);
	}
	return rc < 0 ? rc : 0;
}

int ledger_look_again(struct ledger *ledger, int64_t register_id, int32_t day, struct err *err)
{
	struct db_statement *put;
	int rc = 0;

	if (ledger->reduced_generation != ledger->generation) {
		struct ledger_day place = {.utc_day = INT32_MIN};

		rc = read_place(ledger, &place, err);
		if (rc < 0)
			return rc;
		ledger->reduced_day = place.utc_day;
		ledger->reduced_generation = ledger->generation;
	}
	if (day > ledger->reduced_day)
		return 0;
	rc = ledger_prepared(ledger, SQL_AGAIN_PUT, &put, err);
	if (rc < 0)
		return rc;
	db_bind_int(put, 1, day);
	db_bind_int(put, 2, register_id);
	return db_run(put, err);
}

static int list(struct db_statement *list, struct ledger_day *out, size_t *n, struct err *err)
{
	int rc;

	while ((rc = db_step(list, err)) == 1)
		out[(*n)++] = (struct ledger_day){.register_id = db_column_int(list, 0),
						  .utc_day = (int32_t)db_column_int(list, 1)};
	return rc;
}

/* NOLINTNEXTLINE(readability-function-size): before when, an array out, which they are */
int ledger_old_days(struct ledger *ledger, int32_t before, struct ledger_day *out, size_t max,
		    size_t *n, bool *is_again, struct err *err)
{
	struct ledger_day place = {0};
	struct db_statement *get;
	int rc = ledger_prepared(ledger, SQL_AGAIN_LIST, &get, err);

	*n = 0;
	*is_again = true;
	if (rc < 0)
		return rc;
	db_bind_int(get, 1, before);
	db_bind_int(get, 2, (int64_t)max);
	rc = list(get, out, n, err);
	if (rc < 0 || *n > 0)
		return rc;
	*is_again = false;
	rc = read_place(ledger, &place, err);
	if (rc == 0)
		rc = ledger_prepared(ledger, SQL_OLD_LIST, &get, err);
	if (rc < 0)
		return rc;
	db_bind_int(get, 1, place.utc_day);
	db_bind_int(get, 2, place.register_id);
	db_bind_int(get, 3, before);
	db_bind_int(get, 4, (int64_t)max);
	return list(get, out, n, err);
}

static int drop_again(struct ledger *ledger, const struct ledger_day *day, struct err *err)
{
	struct db_statement *drop;
	int rc = ledger_prepared(ledger, SQL_AGAIN_DROP, &drop, err);

	if (rc < 0)
		return rc;
	db_bind_int(drop, 1, day->utc_day);
	db_bind_int(drop, 2, day->register_id);
	return db_run(drop, err);
}

static int run_pack(struct ledger *ledger, enum ledger_sql which, const struct ledger_day *first,
		    const struct ledger_day *last, struct err *err)
{
	struct db_statement *step;
	int rc = ledger_prepared(ledger, which, &step, err);

	if (rc < 0)
		return rc;
	db_bind_int(step, 1, first->utc_day);
	db_bind_int(step, 2, first->register_id);
	db_bind_int(step, 3, last->utc_day);
	db_bind_int(step, 4, last->register_id);
	return db_run(step, err);
}

static int run_plain(struct ledger *ledger, enum ledger_sql which, struct err *err)
{
	struct db_statement *step;
	int rc = ledger_prepared(ledger, which, &step, err);

	return rc < 0 ? rc : db_run(step, err);
}

/* A row that has become short leaves a hole in its page. Rows that are put anew, one after the
 * other, stand close. */
static int pack(struct ledger *ledger, const struct ledger_day *first,
		const struct ledger_day *last, struct err *err)
{
	int rc = db_execute(ledger->db,
			    "CREATE TEMP TABLE IF NOT EXISTS pack(utc_day, register_id, change, n, "
			    "data, sightings)",
			    err);

	if (rc == 0)
		rc = run_pack(ledger, SQL_PACK_TAKE, first, last, err);
	if (rc == 0)
		rc = run_pack(ledger, SQL_PACK_CLEAR, first, last, err);
	if (rc == 0)
		rc = run_plain(ledger, SQL_PACK_PUT, err);
	return rc == 0 ? run_plain(ledger, SQL_PACK_DROP, err) : rc;
}

int ledger_old_days_done(struct ledger *ledger, const struct ledger_day *days, size_t n,
			 bool is_again, struct err *err)
{
	struct db_statement *set = NULL;
	int rc = 0;

	assert(ledger->is_open);
	for (size_t i = 0; i < n && is_again && rc == 0; i++)
		rc = drop_again(ledger, &days[i], err);
	if (n == 0 || is_again)
		return rc;
	rc = pack(ledger, &days[0], &days[n - 1], err);
	if (rc == 0)
		rc = ledger_prepared(ledger, SQL_REDUCED_SET, &set, err);
	if (rc < 0)
		return rc;
	db_bind_int(set, 1, days[n - 1].utc_day);
	db_bind_int(set, 2, days[n - 1].register_id);
	ledger->reduced_generation = 0;
	return db_run(set, err);
}

/* ---- what is kept of a day ---- */

int ledger_day_get(struct ledger *ledger, const struct ledger_day *day,
		   struct ledger_day_content *out, struct err *err)
{
	const int64_t span[2] = {series_day_start(day->utc_day),
				 series_day_start(day->utc_day) + DAY_MS};
	int rc;

	*out = (struct ledger_day_content){.late = NULL};
	rc = ledger_sight(ledger, day->register_id, span, 0, &out->sight, err);
	if (rc == 0)
		rc = ledger_load_late(ledger, day->register_id, day->utc_day, &out->late,
				      &out->n_late, err);
	if (rc < 0)
		ledger_day_fini(out);
	return rc < 0 ? rc : 0;
}

void ledger_day_fini(struct ledger_day_content *content)
{
	ledger_sight_fini(&content->sight);
	free(content->late);
	content->late = NULL;
	content->n_late = 0;
}

static int put_sightings(struct ledger *ledger, const struct ledger_day *day,
			 const struct sighting *sightings, size_t n, struct err *err)
{
	struct db_statement *put;
	int rc = ledger_prepared(ledger, SQL_DAY_PUT_SIGHTINGS, &put, err);

	if (rc < 0)
		return rc;
	buf_clear(&ledger->scratch);
	sighting_encode(day->utc_day, sightings, n, &ledger->scratch);
	db_bind_int(put, 1, day->utc_day);
	db_bind_int(put, 2, day->register_id);
	if (n > 0)
		db_bind_blob(put, 3, ledger->scratch.data, ledger->scratch.len);
	else
		db_bind_null(put, 3);
	return db_run(put, err);
}

int ledger_day_put(struct ledger *ledger, const struct ledger_day *day,
		   const struct ledger_day_content *content, struct err *err)
{
	int rc;

	assert(ledger->is_open && content->sight.n > 0);
	rc = ledger_put_day(ledger, day->register_id, day->utc_day, content->sight.readings,
			    content->sight.n, err);
	if (rc == 0)
		rc = put_sightings(ledger, day, content->sight.sightings,
				   content->sight.n_sightings, err);
	if (rc == 0)
		rc = ledger_save_late(ledger, day->register_id, day->utc_day, content->late,
				      content->n_late, err);
	return rc;
}

/* ---- from another ledger ---- */

static bool has_reading(const struct ledger_sight *sight, int64_t second)
{
	for (size_t i = 0; i < sight->n && sight->readings[i].time_ms < second + SIGHTING_MS; i++)
		if (sight->readings[i].time_ms >= second)
			return true;
	return false;
}

/* Both sorted. What is known already stays as it is. */
static void unite(struct ledger_sight *sight, const struct sighting *more, size_t n)
{
	struct sighting *all = xcalloc(sight->n_sightings + n + 1, sizeof *all);
	size_t n_all = 0, k = 0;

	for (size_t i = 0; i < sight->n_sightings || k < n;) {
		if (k == n ||
		    (i < sight->n_sightings && sight->sightings[i].time_ms <= more[k].time_ms)) {
			k += k < n && sight->sightings[i].time_ms == more[k].time_ms;
			all[n_all++] = sight->sightings[i++];
		} else if (has_reading(sight, more[k].time_ms)) {
			k++;
		} else {
			all[n_all++] = more[k++];
		}
	}
	free(sight->sightings);
	sight->sightings = all;
	sight->n_sightings = n_all;
}

int ledger_add_sightings(struct ledger *ledger, int64_t register_id,
			 const struct sighting *sightings, size_t n, struct err *err)
{
	int rc = 0;

	for (size_t i = 0, run; i < n && rc == 0; i += run) {
		const struct ledger_day day = {register_id, series_day_of(sightings[i].time_ms)};
		struct ledger_day_content content;

		for (run = 1; i + run < n; run++)
			if (series_day_of(sightings[i + run].time_ms) != day.utc_day)
				break;
		rc = ledger_day_get(ledger, &day, &content, err);
		if (rc < 0)
			return rc;
		if (content.sight.n > 0) {
			unite(&content.sight, sightings + i, run);
			rc = put_sightings(ledger, &day, content.sight.sightings,
					   content.sight.n_sightings, err);
		}
		ledger_day_fini(&content);
	}
	return rc;
}
