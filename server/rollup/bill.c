/* SPDX-License-Identifier: Apache-2.0 */
#include "server/rollup/bill.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "server/rollup/derive.h"
#include "server/rollup/derived.h"

__extension__ typedef __int128 wide;

const char *const bill_use_names[] = {"", "vehicle", "heating", "kitchen", "generator", NULL};

static const char schema[] =
	"CREATE TABLE IF NOT EXISTS bill(id INTEGER PRIMARY KEY, institution TEXT NOT NULL, "
	"carrier INTEGER NOT NULL, from_day INTEGER NOT NULL, to_day INTEGER NOT NULL, quantity "
	"INTEGER NOT NULL, fee INTEGER, period TEXT NOT NULL, use INTEGER NOT NULL, account TEXT "
	"NOT NULL, note TEXT NOT NULL, corrects INTEGER NOT NULL, entered_by TEXT NOT NULL, "
	"entered_at INTEGER NOT NULL, withdrawn INTEGER NOT NULL, change INTEGER NOT NULL);"
	"CREATE INDEX IF NOT EXISTS bill_of ON bill(institution, from_day);";

#define COLUMNS                                                                                   \
	"id, institution, carrier, from_day, to_day, quantity, fee, period, use, account, note, " \
	"corrects, entered_by, entered_at, withdrawn"

int bill_prepare(struct ledger *ledger, struct err *err)
{
	int rc = derived_prepare(ledger, err); /* a bill marks what must be computed again */

	return rc == 0 ? db_execute(ledger_db(ledger), schema, err) : rc;
}

static void read_bill(struct db_statement *row, struct bill *bill)
{
	*bill = (struct bill){
		.id = db_column_int(row, 0),
		.institution = db_column_text(row, 1, NULL),
		.carrier = (enum carrier)db_column_int(row, 2),
		.days = {(civil_day)db_column_int(row, 3), (civil_day)db_column_int(row, 4)},
		.quantity = db_column_int(row, 5),
		.fee = db_column_is_null(row, 6) ? MICRO_NONE : db_column_int(row, 6),
		.use = (enum bill_use)db_column_int(row, 8),
		.account = db_column_text(row, 9, NULL),
		.note = db_column_text(row, 10, NULL),
		.corrects = db_column_int(row, 11),
		.entered_by = db_column_text(row, 12, NULL),
		.entered_at_ms = db_column_int(row, 13),
		.is_withdrawn = db_column_int(row, 14) != 0,
	};
	strncpy(bill->period, db_column_text(row, 7, NULL), sizeof bill->period - 1);
}

/* A bill that stands under the same key: 1, or 0. */
static int find_same(struct ledger *ledger, const struct bill *bill, struct bill *same,
		     struct err *err)
{
	struct db_statement *find;
	int rc = db_prepare(ledger_db(ledger), &find,
			    "SELECT " COLUMNS " FROM bill WHERE institution = ? AND carrier = ? "
			    "AND from_day = ? AND to_day = ? AND use = ? AND account = ? AND "
			    "withdrawn = 0",
			    err);

	if (rc < 0)
		return rc;
	db_bind_string(find, 1, bill->institution);
	db_bind_int(find, 2, bill->carrier);
	db_bind_int(find, 3, bill->days.from);
	db_bind_int(find, 4, bill->days.to);
	db_bind_int(find, 5, bill->use);
	db_bind_string(find, 6, bill->account);
	rc = db_step(find, err);
	if (rc == 1) {
		read_bill(find, same);
		/* The texts end with the statement; who asks needs the numbers. */
		same->institution = same->account = same->note = same->entered_by = NULL;
	}
	db_finalize(find);
	return rc;
}

static int insert(struct ledger *ledger, const struct bill *bill, int64_t corrects, struct err *err)
{
	struct db_statement *put;
	int rc = db_prepare(ledger_db(ledger), &put,
			    "INSERT INTO bill(institution, carrier, from_day, to_day, quantity, "
			    "fee, period, use, account, note, corrects, entered_by, entered_at, "
			    "withdrawn, change) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, "
			    "?)",
			    err);

	if (rc < 0)
		return rc;
	db_bind_string(put, 1, bill->institution);
	db_bind_int(put, 2, bill->carrier);
	db_bind_int(put, 3, bill->days.from);
	db_bind_int(put, 4, bill->days.to);
	db_bind_int(put, 5, bill->quantity);
	if (bill->fee == MICRO_NONE)
		db_bind_null(put, 6);
	else
		db_bind_int(put, 6, bill->fee);
	db_bind_string(put, 7, bill->period);
	db_bind_int(put, 8, bill->use);
	db_bind_string(put, 9, bill->account);
	db_bind_string(put, 10, bill->note);
	db_bind_int(put, 11, corrects);
	db_bind_string(put, 12, bill->entered_by);
	db_bind_int(put, 13, bill->entered_at_ms);
	db_bind_int(put, 14, ledger_change(ledger));
	rc = db_run(put, err);
	db_finalize(put);
	return rc;
}

static int withdraw(struct ledger *ledger, int64_t id, struct err *err)
{
	struct db_statement *update;
	int rc = db_prepare(ledger_db(ledger), &update,
			    "UPDATE bill SET withdrawn = 1, change = ? WHERE id = ? AND withdrawn "
			    "= 0",
			    err);

	if (rc < 0)
		return rc;
	db_bind_int(update, 1, ledger_change(ledger));
	db_bind_int(update, 2, id);
	rc = db_run(update, err);
	db_finalize(update);
	return rc;
}

/* Quantity per day of the other bills of this institution, carrier, use and account: 0 if none. */
static int usual_per_day(struct ledger *ledger, const struct bill *bill, int64_t *per_day,
			 struct err *err)
{
	struct db_statement *sum;
	int rc = db_prepare(ledger_db(ledger), &sum,
			    "SELECT sum(quantity), sum(to_day - from_day) FROM bill WHERE "
			    "institution = ? AND carrier = ? AND use = ? AND account = ? AND "
			    "withdrawn = 0 AND NOT (from_day = ? AND to_day = ?)",
			    err);

	*per_day = 0;
	if (rc < 0)
		return rc;
	db_bind_string(sum, 1, bill->institution);
	db_bind_int(sum, 2, bill->carrier);
	db_bind_int(sum, 3, bill->use);
	db_bind_string(sum, 4, bill->account);
	db_bind_int(sum, 5, bill->days.from);
	db_bind_int(sum, 6, bill->days.to);
	rc = db_step(sum, err);
	if (rc == 1 && db_column_int(sum, 1) > 0)
		*per_day = db_column_int(sum, 0) / db_column_int(sum, 1);
	db_finalize(sum);
	return rc < 0 ? rc : 0;
}

/* Two bills of one account, carrier and use for the same day would count it twice. */
static int refuse_overlap(struct ledger *ledger, const struct bill *bill, struct err *err)
{
	struct db_statement *other;
	char from[CIVIL_TEXT_MAX], to[CIVIL_TEXT_MAX];
	int rc = db_prepare(
		ledger_db(ledger), &other,
		"SELECT from_day, to_day FROM bill WHERE institution = ? AND carrier = ? "
		"AND use = ? AND account = ? AND withdrawn = 0 AND from_day < ?6 AND "
		"to_day > ?5 AND NOT (from_day = ?5 AND to_day = ?6) LIMIT 1",
		err);

	if (rc < 0)
		return rc;
	db_bind_string(other, 1, bill->institution);
	db_bind_int(other, 2, bill->carrier);
	db_bind_int(other, 3, bill->use);
	db_bind_string(other, 4, bill->account);
	db_bind_int(other, 5, bill->days.from);
	db_bind_int(other, 6, bill->days.to);
	rc = db_step(other, err);
	if (rc == 1) {
		(void)civil_print_day((civil_day)db_column_int(other, 0), from);
		(void)civil_print_day((civil_day)db_column_int(other, 1) - 1, to);
		rc = err_set(err, -EINVAL,
			     "its days overlap the bill of %s to %s: they would count twice", from,
			     to);
	}
	db_finalize(other);
	return rc;
}

/* Ten times or a thousand times the usual is a unit mistaken (10^4 kWh, litres and m3). */
static void warn(const struct bill *bill, int64_t usual, struct err *warning)
{
	int64_t per_day = bill->quantity / (bill->days.to - bill->days.from);

	if (usual <= 0 || per_day <= 0 || (per_day / 5 < usual && usual / 5 < per_day))
		return;
	if (per_day > usual)
		err_set(warning, 0, "%lld times the usual per day; is the unit right?",
			(long long)(per_day / usual));
	else
		err_set(warning, 0, "1/%lld of the usual per day; is the unit right?",
			(long long)(usual / per_day));
}

static int check(const struct registry *registry, const struct bill *bill, struct err *err)
{
	if (registry_find_institution(registry, bill->institution, strlen(bill->institution)) ==
	    REGISTRY_NONE)
		return err_set(err, -EINVAL, "no institution '%s' in the registry",
			       bill->institution);
	if (bill->days.from >= bill->days.to)
		return err_set(err, -EINVAL, "the bill ends before it begins");
	if (bill->days.to - bill->days.from > 400)
		return err_set(err, -EINVAL, "the bill covers more than 400 days");
	if (bill->entered_at_ms > 0 &&
	    bill->days.to > civil_day_of_utc(bill->entered_at_ms, registry->offset_ms) + 1)
		return err_set(err, -EINVAL, "the bill ends in the future");
	if (bill->quantity < 0)
		return err_set(err, -EINVAL, "the quantity is negative");
	if (bill->use != USE_NONE &&
	    (bill->carrier == CARRIER_WATER || bill->carrier == CARRIER_HEAT ||
	     bill->carrier == CARRIER_COOLING))
		return err_set(err, -EINVAL, "%s has no use", carrier_name(bill->carrier));
	return 0;
}

static int store(struct ledger *ledger, const struct bill *bill, enum bill_outcome *outcome,
		 struct err *err)
{
	struct bill same = {0};
	int rc = find_same(ledger, bill, &same, err);

	if (rc < 0)
		return rc;
	*outcome = rc == 1 ? BILL_CORRECTED : BILL_STORED;
	if (rc == 1 && same.quantity == bill->quantity && same.fee == bill->fee &&
	    strcmp(same.period, bill->period) == 0) {
		*outcome = BILL_UNCHANGED;
		return 0;
	}
	rc = rc == 1 ? withdraw(ledger, same.id, err) : 0;
	if (rc == 0)
		rc = insert(ledger, bill, same.id, err);
	if (rc == 0)
		rc = derive_mark_bill(ledger, bill->institution, bill->days, err);
	return rc;
}

int bill_put(struct ledger *ledger, const struct registry *registry, const struct bill *bill,
	     enum bill_outcome *outcome, struct err *warning, struct err *err)
{
	int64_t usual = 0;
	int rc = check(registry, bill, err);

	if (warning != NULL)
		warning->text[0] = '\0';
	if (rc == 0)
		rc = refuse_overlap(ledger, bill, err);
	if (rc == 0)
		rc = usual_per_day(ledger, bill, &usual, err);
	if (rc == 0)
		rc = store(ledger, bill, outcome, err);
	if (rc == 0 && warning != NULL)
		warn(bill, usual, warning);
	return rc;
}

int bill_add(struct ledger *ledger, const struct registry *registry, const struct bill *bill,
	     enum bill_outcome *outcome, struct err *warning, struct err *err)
{
	int rc = ledger_begin(ledger, err);

	if (rc < 0)
		return rc;
	rc = bill_put(ledger, registry, bill, outcome, warning, err);
	if (rc < 0) {
		ledger_rollback(ledger);
		return rc;
	}
	return ledger_commit(ledger, err);
}

static int withdraw_and_mark(struct ledger *ledger, int64_t id, struct err *err)
{
	struct db_statement *get;
	int rc = db_prepare(ledger_db(ledger), &get,
			    "SELECT institution, from_day, to_day FROM bill WHERE id = ? AND "
			    "withdrawn = 0",
			    err);

	if (rc < 0)
		return rc;
	db_bind_int(get, 1, id);
	rc = db_step(get, err);
	if (rc == 1) {
		struct span days = {(civil_day)db_column_int(get, 1),
				    (civil_day)db_column_int(get, 2)};

		rc = derive_mark_bill(ledger, db_column_text(get, 0, NULL), days, err);
		if (rc == 0)
			rc = withdraw(ledger, id, err);
	} else if (rc == 0) {
		rc = err_set(err, -ENOENT, "no bill with number %lld", (long long)id);
	}
	db_finalize(get);
	return rc;
}

int bill_withdraw(struct ledger *ledger, int64_t id, struct err *err)
{
	int rc = ledger_begin(ledger, err);

	if (rc < 0)
		return rc;
	rc = withdraw_and_mark(ledger, id, err);
	if (rc < 0) {
		ledger_rollback(ledger);
		return rc;
	}
	return ledger_commit(ledger, err);
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

int64_t bill_share(const struct bill *bill, struct span days)
{
	int64_t length = bill->days.to - bill->days.from;
	int64_t from = days.from > bill->days.from ? days.from : bill->days.from;
	int64_t to = days.to < bill->days.to ? days.to : bill->days.to;

	if (from >= to)
		return 0;
	return (int64_t)((wide)bill->quantity * (to - bill->days.from) / length) -
	       (int64_t)((wide)bill->quantity * (from - bill->days.from) / length);
}
