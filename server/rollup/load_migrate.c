/* SPDX-License-Identifier: Apache-2.0 */
#include "server/rollup/load_migrate.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "server/rollup/derived_code.h"
#include "server/rollup/load_code.h"

enum { IDS_PER_COMMIT = 100 };

struct migration {
	struct db_statement *next, *list, *put, *drop;
	int64_t id; /* the one under work; before the first: -1 */
	char series[LOAD_SERIES_MAX];
	int64_t block;
	struct load_block days; /* of that block */
};

static int prepare(struct migration *m, struct db *db, struct err *err)
{
	int rc = db_prepare(db, &m->next,
			    "SELECT id FROM load_day WHERE id > ? ORDER BY id LIMIT 1", err);

	if (rc == 0)
		rc = db_prepare(db, &m->list,
				"SELECT series, day, hours, peak, peak_at FROM load_day WHERE id = "
				"? ORDER BY series, day",
				err);
	if (rc == 0)
		rc = db_prepare(db, &m->put,
				"REPLACE INTO load_block(id, series, block, days) VALUES(?, ?, ?, "
				"?)",
				err);
	if (rc == 0)
		rc = db_prepare(db, &m->drop, "DELETE FROM load_day WHERE id = ?", err);
	return rc;
}

static void finish(struct migration *m)
{
	db_finalize(m->next);
	db_finalize(m->list);
	db_finalize(m->put);
	db_finalize(m->drop);
}

static int write_block(struct migration *m, struct err *err)
{
	if (m->days.len == 0)
		return 0;
	db_bind_int(m->put, 1, m->id);
	db_bind_string(m->put, 2, m->series);
	db_bind_int(m->put, 3, m->block);
	db_bind_blob(m->put, 4, m->days.data, m->days.len);
	m->days.len = 0;
	return db_run(m->put, err);
}

static int read_day(struct db_statement *list, struct load_day *load, struct err *err)
{
	struct amount hours[DERIVED_HOURS];
	size_t len;
	const unsigned char *data = db_column_blob(list, 2, &len);

	*load = (struct load_day){.day = (civil_day)db_column_int(list, 1),
				  .has_peak = !db_column_is_null(list, 3)};
	if (load->has_peak) {
		load->peak = db_column_int(list, 3);
		load->peak_at_ms = db_column_int(list, 4);
	}
	if (derived_decode(data, len, hours) < 0)
		return err_set(err, -EUCLEAN, "a day of hours in the ledger is damaged");
	load_take_hours(load, hours);
	return 0;
}

static int take_day(struct migration *m, struct err *err)
{
	const char *series = db_column_text(m->list, 0, NULL);
	struct load_day load;
	int rc = read_day(m->list, &load, err);

	if (rc == 0 && (strcmp(series, m->series) != 0 || load_block_of(load.day) != m->block)) {
		rc = write_block(m, err);
		(void)snprintf(m->series, sizeof m->series, "%s", series);
		m->block = load_block_of(load.day);
	}
	if (rc == 0 && load_block_put(&m->days, &load) < 0)
		rc = err_set(err, -EUCLEAN, "a day of hours in the ledger is there twice");
	return rc;
}

/* 1: one institution is done; 0: there is none left. */
static int take_next(struct migration *m, struct err *err)
{
	int rc;

	db_bind_int(m->next, 1, m->id);
	rc = db_step(m->next, err);
	if (rc != 1)
		return rc;
	m->id = db_column_int(m->next, 0);
	db_reset(m->next);
	m->series[0] = '\0';
	db_bind_int(m->list, 1, m->id);
	while ((rc = db_step(m->list, err)) == 1) {
		rc = take_day(m, err);
		if (rc < 0)
			break;
	}
	db_reset(m->list);
	if (rc == 0)
		rc = write_block(m, err);
	db_bind_int(m->drop, 1, m->id);
	if (rc == 0)
		rc = db_run(m->drop, err);
	return rc < 0 ? rc : 1;
}

static int take_some(struct migration *m, struct ledger *ledger, struct err *err)
{
	int rc = ledger_begin(ledger, err), end;

	if (rc < 0)
		return rc;
	rc = 1;
	for (int i = 0; i < IDS_PER_COMMIT && rc == 1; i++)
		rc = take_next(m, err);
	end = rc < 0 ? rc : ledger_commit(ledger, err);
	if (end < 0)
		ledger_rollback(ledger);
	return end < 0 ? end : rc;
}

int load_migrate(struct ledger *ledger, struct err *err)
{
	struct migration m = {.id = -1};
	int rc = prepare(&m, ledger_db(ledger), err);

	log_info("rollup", "days by the hour are packed into fewer rows; once, and a large ledger "
			   "takes some minutes");
	if (rc == 0)
		rc = 1;
	while (rc == 1)
		rc = take_some(&m, ledger, err);
	finish(&m);
	if (rc == 0)
		log_info("rollup", "days by the hour are packed");
	return rc;
}
