/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of bills. */
#include <string.h>

#include "server/rollup/bill_private.h"
#include "server/rollup/derived.h"

#define COLUMNS                                                                                   \
	"id, institution, carrier, from_day, to_day, quantity, fee, period, use, account, note, " \
	"corrects, entered_by, entered_at, withdrawn, is_lump, as_entered, key, first, last, "    \
	"ratio, adjusts, confirmed, withdrawn_by, withdrawn_why, withdrawn_at"

int bill_prepare(struct ledger *ledger, struct err *err)
{
	return derived_prepare(ledger, err); /* a bill marks what must be computed again */
}

static int64_t micro_or_none(struct db_statement *row, int column)
{
	return db_column_is_null(row, column) ? MICRO_NONE : db_column_int(row, column);
}

/* Bills of earlier versions may have no accounting month. */
static void fill_period(struct bill *bill)
{
	char day[CIVIL_TEXT_MAX];

	if (bill->period[0] != '\0')
		return;
	(void)civil_print_day(bill->days.to - 1, day);
	memcpy(bill->period, day, 7);
	bill->period[7] = '\0';
}

static void read_bill(struct db_statement *row, struct bill *bill)
{
	*bill = (struct bill){
		.id = db_column_int(row, 0),
		.institution = db_column_text(row, 1, NULL),
		.carrier = (enum carrier)db_column_int(row, 2),
		.days = {(civil_day)db_column_int(row, 3), (civil_day)db_column_int(row, 4)},
		.quantity = db_column_int(row, 5),
		.fee = micro_or_none(row, 6),
		.use = (enum bill_use)db_column_int(row, 8),
		.account = db_column_text(row, 9, NULL),
		.note = db_column_text(row, 10, NULL),
		.corrects = db_column_int(row, 11),
		.entered_by = db_column_text(row, 12, NULL),
		.entered_at_ms = db_column_int(row, 13),
		.is_withdrawn = db_column_int(row, 14) != 0,
		.is_lump = db_column_int(row, 15) != 0,
		.as_entered = db_column_text(row, 16, NULL),
		.key = db_column_text(row, 17, NULL),
		.first = micro_or_none(row, 18),
		.last = micro_or_none(row, 19),
		.ratio = db_column_int(row, 20),
		.adjusts = db_column_int(row, 21),
		.is_confirmed = db_column_int(row, 22) != 0,
		.withdrawn_by = db_column_text(row, 23, NULL),
		.withdrawn_why = db_column_text(row, 24, NULL),
		.withdrawn_at_ms = db_column_int(row, 25),
	};
	strncpy(bill->period, db_column_text(row, 7, NULL), sizeof bill->period - 1);
	fill_period(bill);
}

static void bind_stream(struct db_statement *statement, const struct bill *bill)
{
	db_bind_string(statement, 1, bill->institution);
	db_bind_int(statement, 2, bill->carrier);
	db_bind_int(statement, 3, bill->use);
	db_bind_string(statement, 4, bill->account);
	db_bind_int(statement, 5, bill->days.from);
	db_bind_int(statement, 6, bill->days.to);
}

/* Steps once and ends the statement. The texts end with it; who asks needs the numbers. */
static int take_one(struct db_statement *find, struct bill *out, struct err *err)
{
	int rc = db_step(find, err);

	if (rc == 1) {
		read_bill(find, out);
		out->institution = out->account = out->note = out->as_entered = out->key = NULL;
		out->entered_by = out->withdrawn_by = out->withdrawn_why = NULL;
	}
	db_finalize(find);
	return rc;
}

#define STREAM "institution = ?1 AND carrier = ?2 AND use = ?3 AND account = ?4 AND withdrawn = 0 "

int bill_find_same(struct ledger *ledger, const struct bill *bill, struct bill *same,
		   struct err *err)
{
	struct db_statement *find;
	int rc = db_prepare(ledger_db(ledger), &find,
			    "SELECT " COLUMNS " FROM bill WHERE " STREAM
			    "AND from_day = ?5 AND to_day = ?6 AND adjusts = ?7 AND "
			    "(adjusts = 0 OR key = ?8)",
			    err);

	if (rc < 0)
		return rc;
	bind_stream(find, bill);
	db_bind_int(find, 7, bill->adjusts);
	db_bind_string(find, 8, bill->key);
	return take_one(find, same, err);
}

int bill_find_key(struct ledger *ledger, const struct bill *bill, struct bill *same,
		  struct err *err)
{
	struct db_statement *find;
	int rc = db_prepare(ledger_db(ledger), &find,
			    "SELECT " COLUMNS " FROM bill WHERE institution = ? AND key = ? AND "
			    "withdrawn = 0",
			    err);

	if (rc < 0)
		return rc;
	db_bind_string(find, 1, bill->institution);
	db_bind_string(find, 2, bill->key);
	return take_one(find, same, err);
}

int bill_find_overlap(struct ledger *ledger, const struct bill *bill, struct bill *other,
		      struct err *err)
{
	struct db_statement *find;
	int rc = db_prepare(ledger_db(ledger), &find,
			    "SELECT " COLUMNS " FROM bill WHERE " STREAM
			    "AND from_day < ?6 AND to_day > ?5 AND adjusts = 0 AND NOT (from_day "
			    "= ?5 AND to_day = ?6) ORDER BY from_day LIMIT 1",
			    err);

	if (rc < 0)
		return rc;
	bind_stream(find, bill);
	return take_one(find, other, err);
}

int bill_sum_adjusting(struct ledger *ledger, int64_t id, int64_t *quantity, int64_t *n,
		       struct err *err)
{
	struct db_statement *sum;
	int rc = db_prepare(ledger_db(ledger), &sum,
			    "SELECT sum(quantity), count(*) FROM bill WHERE adjusts = ? AND "
			    "withdrawn = 0",
			    err);

	*quantity = *n = 0;
	if (rc < 0)
		return rc;
	db_bind_int(sum, 1, id);
	rc = db_step(sum, err);
	if (rc == 1) {
		*quantity = db_column_int(sum, 0);
		*n = db_column_int(sum, 1);
	}
	db_finalize(sum);
	return rc < 0 ? rc : 0;
}

int bill_usual_per_day(struct ledger *ledger, const struct bill *bill, int64_t *per_day,
		       struct err *err)
{
	struct db_statement *sum;
	int rc = db_prepare(ledger_db(ledger), &sum,
			    "SELECT sum(quantity), sum(to_day - from_day) FROM bill WHERE " STREAM
			    "AND adjusts = 0 AND is_lump = 0 AND NOT (from_day = ?5 AND to_day = "
			    "?6)",
			    err);

	*per_day = 0;
	if (rc < 0)
		return rc;
	bind_stream(sum, bill);
	rc = db_step(sum, err);
	if (rc == 1 && db_column_int(sum, 1) > 0)
		*per_day = db_column_int(sum, 0) / db_column_int(sum, 1);
	db_finalize(sum);
	return rc < 0 ? rc : 0;
}

static void bind_micro(struct db_statement *statement, int index, int64_t micro)
{
	if (micro == MICRO_NONE)
		db_bind_null(statement, index);
	else
		db_bind_int(statement, index, micro);
}

int bill_insert(struct ledger *ledger, const struct bill *bill, int64_t corrects, int64_t *id,
		struct err *err)
{
	struct db_statement *put;
	int rc = db_prepare(
		ledger_db(ledger), &put,
		"INSERT INTO bill(institution, carrier, use, account, from_day, to_day, quantity, "
		"fee, period, note, corrects, entered_by, entered_at, withdrawn, change, is_lump, "
		"as_entered, key, first, last, ratio, adjusts, confirmed, id) VALUES(?, ?, ?, "
		"?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		err);

	if (rc < 0)
		return rc;
	bind_stream(put, bill);
	db_bind_int(put, 7, bill->quantity);
	bind_micro(put, 8, bill->fee);
	db_bind_string(put, 9, bill->period);
	db_bind_string(put, 10, bill->note);
	db_bind_int(put, 11, corrects);
	db_bind_string(put, 12, bill->entered_by);
	db_bind_int(put, 13, bill->entered_at_ms);
	db_bind_int(put, 14, ledger_change(ledger));
	db_bind_int(put, 15, bill->is_lump);
	db_bind_string(put, 16, bill->as_entered);
	db_bind_string(put, 17, bill->key);
	bind_micro(put, 18, bill->first);
	bind_micro(put, 19, bill->last);
	db_bind_int(put, 20, bill->ratio);
	db_bind_int(put, 21, bill->adjusts);
	db_bind_int(put, 22, bill->is_confirmed);
	if (bill->id != 0)
		db_bind_int(put, 23, bill->id);
	rc = db_run(put, err);
	db_finalize(put);
	*id = db_last_rowid(ledger_db(ledger));
	return rc;
}

int bill_follow(struct ledger *ledger, int64_t from, int64_t to, struct err *err)
{
	struct db_statement *update;
	int rc = db_prepare(ledger_db(ledger), &update,
			    "UPDATE bill SET adjusts = ? WHERE adjusts = ? AND withdrawn = 0", err);

	if (rc < 0)
		return rc;
	db_bind_int(update, 1, to);
	db_bind_int(update, 2, from);
	rc = db_run(update, err);
	db_finalize(update);
	return rc;
}

int bill_mark_withdrawn(struct ledger *ledger, const struct bill_withdrawal *withdrawal,
			struct err *err)
{
	struct db_statement *update;
	int rc = db_prepare(ledger_db(ledger), &update,
			    "UPDATE bill SET withdrawn = 1, change = ?, withdrawn_by = ?, "
			    "withdrawn_why = ?, withdrawn_at = ? WHERE id = ? AND withdrawn = 0",
			    err);

	if (rc < 0)
		return rc;
	db_bind_int(update, 1, ledger_change(ledger));
	db_bind_string(update, 2, withdrawal->by);
	db_bind_string(update, 3, withdrawal->why);
	db_bind_int(update, 4, withdrawal->at_ms);
	db_bind_int(update, 5, withdrawal->id);
	rc = db_run(update, err);
	db_finalize(update);
	return rc;
}

static int give_each(struct db_statement *list, bill_fn fn, void *arg, struct err *err)
{
	int rc;

	while ((rc = db_step(list, err)) == 1) {
		struct bill bill;

		read_bill(list, &bill);
		rc = fn(&bill, arg);
		if (rc != 0)
			break;
	}
	db_finalize(list);
	return rc;
}

int bill_list(struct ledger *ledger, const struct bill_query *query, bill_fn fn, void *arg,
	      struct err *err)
{
	struct db_statement *list;
	int rc = db_prepare(ledger_db(ledger), &list,
			    "SELECT " COLUMNS " FROM bill WHERE institution = ?1 AND from_day < ?3 "
			    "AND to_day > ?2 AND from_day > ?2 - 401 AND withdrawn <= ?4 "
			    "ORDER BY from_day, carrier, id",
			    err);

	if (rc < 0)
		return rc;
	db_bind_string(list, 1, query->institution);
	db_bind_int(list, 2, query->days.from);
	db_bind_int(list, 3, query->days.to);
	db_bind_int(list, 4, query->with_withdrawn);
	return give_each(list, fn, arg, err);
}

int bill_get(struct ledger *ledger, int64_t id, bill_fn fn, void *arg, struct err *err)
{
	struct db_statement *get;
	int rc = db_prepare(ledger_db(ledger), &get, "SELECT " COLUMNS " FROM bill WHERE id = ?",
			    err);

	if (rc < 0)
		return rc;
	db_bind_int(get, 1, id);
	rc = db_step(get, err);
	if (rc == 1) {
		struct bill bill;

		read_bill(get, &bill);
		(void)fn(&bill, arg);
	}
	db_finalize(get);
	return rc;
}
