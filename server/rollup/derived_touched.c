/* SPDX-License-Identifier: Apache-2.0 */
/* What is computed again, by month: so that what is remembered of older months stays. */
#include "server/rollup/derived.h"
#include "server/rollup/derived_schema.h"

enum { OF_ANYBODY = 0 };

/* What an earlier change left of these months is covered by this one. */
static int write_touched(struct derived *derived, int64_t id, civil_day month, struct err *err)
{
	struct db_statement *drop = NULL, *add = NULL;
	int rc = derived_statement(derived, DERIVED_SQL_TOUCHED_DROP, &drop, err);

	if (rc == 0)
		rc = derived_statement(derived, DERIVED_SQL_TOUCHED_ADD, &add, err);
	if (rc < 0)
		return rc;
	db_bind_int(drop, 1, id);
	db_bind_int(drop, 2, month);
	rc = db_run(drop, err);
	if (rc < 0)
		return rc;
	db_bind_int(add, 1, id);
	db_bind_int(add, 2, month);
	db_bind_int(add, 3, ledger_change(derived->ledger));
	return db_run(add, err);
}

/* Writes it unless this transaction has said as much. */
static int note(struct derived *derived, struct derived_noted *last, int64_t id, civil_day day,
		struct err *err)
{
	const struct derived_noted now = {id, ledger_change(derived->ledger),
					  day > TOUCHED_ALL ? civil_month_start(day) : day};
	int rc;

	if (last->change == now.change && last->id == id && last->month <= now.month)
		return 0;
	rc = write_touched(derived, id, now.month, err);
	if (rc == 0)
		*last = now;
	return rc;
}

int derived_note(struct derived *derived, civil_day day, struct err *err)
{
	return note(derived, &derived->all, OF_ANYBODY, day, err);
}

int derived_touch(struct derived *derived, int64_t id, civil_day day, struct err *err)
{
	struct db_statement *touch;
	int rc = derived_statement(derived, DERIVED_SQL_TOUCH, &touch, err);

	if (rc < 0)
		return rc;
	if (derived->one.id != id || derived->one.change != ledger_change(derived->ledger)) {
		db_bind_int(touch, 1, ledger_change(derived->ledger));
		db_bind_int(touch, 2, id);
		rc = db_run(touch, err);
	}
	if (rc == 0)
		rc = note(derived, &derived->one, id, day, err);
	return rc == 0 ? derived_note(derived, day, err) : rc;
}

int derived_touch_source(struct derived *derived, const char *source, civil_day day,
			 struct err *err)
{
	struct db_statement *list;
	int rc = db_prepare(
		ledger_db(derived->ledger), &list,
		"SELECT n.id FROM exchange_institution e JOIN derived_name n ON n.kind = "
		"1 AND n.name = e.name WHERE e.source = ?",
		err);

	_Static_assert(DERIVED_INSTITUTION == 1, "the statement says so");
	if (rc < 0)
		return rc;
	db_bind_string(list, 1, source);
	while ((rc = db_step(list, err)) == 1) {
		rc = derived_touch(derived, db_column_int(list, 0), day, err);
		if (rc < 0)
			break;
	}
	db_finalize(list);
	return rc;
}

void derived_forget_notes(struct derived *derived)
{
	derived->all = derived->one = (struct derived_noted){0};
}

int derived_read_touched(struct derived *derived, int64_t after, struct touched *add_to,
			 struct err *err)
{
	struct db_statement *list;
	int rc = derived_statement(derived, DERIVED_SQL_TOUCHED_ALL, &list, err);

	if (rc < 0)
		return rc;
	db_bind_int(list, 1, after);
	while ((rc = db_step(list, err)) == 1)
		touched_add(add_to, (civil_day)db_column_int(list, 0), db_column_int(list, 1));
	return rc;
}

int derived_each_touched(struct derived *derived, int64_t after, derived_touched_fn fn, void *arg,
			 struct err *err)
{
	struct db_statement *list;
	int rc = derived_statement(derived, DERIVED_SQL_TOUCHED_LIST, &list, err);

	if (rc < 0)
		return rc;
	db_bind_int(list, 1, after);
	while ((rc = db_step(list, err)) == 1)
		fn(db_column_text(list, 0, NULL), (civil_day)db_column_int(list, 1),
		   db_column_int(list, 2), arg);
	return rc;
}
