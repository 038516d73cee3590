/* SPDX-License-Identifier: Apache-2.0 */
#include "server/rollup/derived.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "server/rollup/derived_code.h"
#include "server/rollup/derived_schema.h"

int derived_open(struct derived **out, struct ledger *ledger, struct err *err)
{
	struct derived *derived = xcalloc(1, sizeof *derived);

	(void)err;
	derived->ledger = ledger;
	derived->exchange = exchange_open(ledger_db(ledger));
	*out = derived;
	return 0;
}

void derived_close(struct derived *derived)
{
	if (derived == NULL)
		return;
	for (int i = 0; i < N_DERIVED_SQL; i++)
		db_finalize(derived->statements[i]);
	exchange_close(derived->exchange);
	free(derived);
}

struct exchange *derived_exchange(struct derived *derived)
{
	return derived->exchange;
}

int derived_statement(struct derived *derived, int which, struct db_statement **out,
		      struct err *err)
{
	int rc = 0;

	if (derived->statements[which] == NULL)
		rc = db_prepare(ledger_db(derived->ledger), &derived->statements[which],
				derived_statements[which], err);
	*out = derived->statements[which];
	return rc;
}

/* ---- names ---- */

int derived_find(struct derived *derived, enum derived_kind kind, const char *name,
		 struct derived_name *out, struct err *err)
{
	struct db_statement *find;
	int rc = derived_statement(derived, DERIVED_SQL_FIND, &find, err);

	if (rc < 0)
		return rc;
	db_bind_int(find, 1, kind);
	db_bind_string(find, 2, name);
	rc = db_step(find, err);
	if (rc == 1) {
		out->id = db_column_int(find, 0);
		out->definition = db_column_int(find, 1);
		out->first = (civil_day)db_column_int(find, 2);
		out->last = (civil_day)db_column_int(find, 3);
		db_reset(find);
	}
	return rc;
}

int derived_intern(struct derived *derived, enum derived_kind kind, const char *name,
		   struct derived_name *out, struct err *err)
{
	struct db_statement *intern;
	int rc = derived_find(derived, kind, name, out, err);

	if (rc != 0)
		return rc < 0 ? rc : 0;
	rc = derived_statement(derived, DERIVED_SQL_INTERN, &intern, err);
	if (rc < 0)
		return rc;
	db_bind_int(intern, 1, kind);
	db_bind_string(intern, 2, name);
	rc = db_run(intern, err);
	if (rc < 0)
		return rc;
	*out = (struct derived_name){.id = db_last_rowid(ledger_db(derived->ledger)),
				     .first = INT32_MAX,
				     .last = INT32_MIN};
	return 0;
}

int derived_define(struct derived *derived, int64_t id, int64_t definition, struct err *err)
{
	struct db_statement *define;
	int rc = derived_statement(derived, DERIVED_SQL_DEFINE, &define, err);

	if (rc < 0)
		return rc;
	db_bind_int(define, 1, definition);
	db_bind_int(define, 2, id);
	return db_run(define, err);
}

/* ---- rows ---- */

static bool is_institution(enum derived_table table)
{
	return table == DERIVED_INSTITUTION_DAY || table == DERIVED_INSTITUTION_MONTH;
}

static void bind_key(struct db_statement *to, enum derived_table table,
		     const struct derived_key *key)
{
	db_bind_int(to, 1, key->day);
	db_bind_int(to, 2, key->id);
	if (!is_institution(table))
		return;
	db_bind_int(to, 3, key->carrier);
	db_bind_string(to, 4, key->item);
}

static int read_row(struct db_statement *from, struct derived_row *row,
		    struct derived_version *version, struct err *err)
{
	size_t len;
	const void *hours = db_column_blob(from, 5, &len);

	*row = (struct derived_row){0};
	*version = (struct derived_version){.change = db_column_int(from, 6),
					    .before = db_column_int(from, 7),
					    .hours_changed = (uint32_t)db_column_int(from, 8),
					    .is_deleted = db_column_int(from, 9) != 0,
					    .hours_ever = (uint32_t)db_column_int(from, 10)};
	if (version->is_deleted)
		return 0;
	row->sum = (struct amount){.is_known = true,
				   .value = db_column_int(from, 0),
				   .estimated = db_column_int(from, 1),
				   .covered_ms = db_column_int(from, 2),
				   .closed_ms = db_column_int(from, 3)};
	row->days = db_column_int(from, 4);
	row->has_hours = hours != NULL && len > 0;
	if (row->has_hours && derived_decode(hours, len, row->hours) < 0)
		return err_set(err, -EUCLEAN, "a row of hours in the ledger is damaged");
	return 0;
}

/* As derived_get, but a tombstone is a row too. */
static int get_any(struct derived *derived, enum derived_table table, const struct derived_key *key,
		   struct derived_row *row, struct derived_version *version, struct err *err)
{
	struct db_statement *get;
	int rc = derived_statement(derived, DERIVED_SQL_GET + (int)table, &get, err);
	int rows;

	if (rc < 0)
		return rc;
	*row = (struct derived_row){0};
	*version = (struct derived_version){0};
	bind_key(get, table, key);
	rows = db_step(get, err);
	if (rows != 1)
		return rows;
	rc = read_row(get, row, version, err);
	db_reset(get);
	return rc < 0 ? rc : 1;
}

int derived_get(struct derived *derived, enum derived_table table, const struct derived_key *key,
		struct derived_row *row, struct derived_version *version, struct err *err)
{
	struct derived_version own = {0};
	int rc = get_any(derived, table, key, row, &own, err);

	if (version != NULL)
		*version = own;
	return rc == 1 && own.is_deleted && version == NULL ? 0 : rc;
}

static bool is_same_amount(const struct amount *a, const struct amount *b)
{
	return a->is_known == b->is_known && a->value == b->value && a->estimated == b->estimated &&
	       a->covered_ms == b->covered_ms && a->closed_ms == b->closed_ms;
}

static uint32_t changed_hours(const struct derived_row *a, const struct derived_row *b)
{
	uint32_t mask = 0;

	for (int h = 0; h < DERIVED_HOURS; h++)
		if (!is_same_amount(&a->hours[h], &b->hours[h]))
			mask |= UINT32_C(1) << h;
	return mask;
}

static uint32_t known_hours(const struct derived_row *row)
{
	uint32_t mask = 0;

	for (int h = 0; h < DERIVED_HOURS; h++)
		mask |= (uint32_t)row->hours[h].is_known << h;
	return mask;
}

static void bind_row(struct db_statement *to, const struct derived_row *row,
		     const struct derived_version *version)
{
	unsigned char code[DERIVED_CODE_MAX];

	db_bind_int(to, 5, row->sum.value);
	db_bind_int(to, 6, row->sum.estimated);
	db_bind_int(to, 7, row->sum.covered_ms);
	db_bind_int(to, 8, row->sum.closed_ms);
	db_bind_int(to, 9, row->days);
	if (row->has_hours)
		db_bind_blob(to, 10, code, derived_encode(row->hours, code));
	else
		db_bind_null(to, 10);
	db_bind_int(to, 11, version->change);
	db_bind_int(to, 12, version->before);
	db_bind_int(to, 13, version->hours_changed);
	db_bind_int(to, 14, version->is_deleted);
	db_bind_int(to, 15, version->hours_ever);
}

static int widen(struct derived *derived, const struct derived_key *key, struct err *err)
{
	struct db_statement *to;
	int rc = derived_statement(derived, DERIVED_SQL_WIDEN, &to, err);

	if (rc < 0)
		return rc;
	db_bind_int(to, 1, key->day);
	db_bind_int(to, 2, key->id);
	return db_run(to, err);
}

static int write_row(struct derived *derived, enum derived_table table,
		     const struct derived_key *key, const struct derived_row *row,
		     const struct derived_version *version, struct err *err)
{
	struct db_statement *put;
	int rc = derived_statement(derived, DERIVED_SQL_PUT + (int)table, &put, err);

	if (rc < 0)
		return rc;
	bind_key(put, table, key);
	bind_row(put, row, version);
	return db_run(put, err);
}

/* The version that follows. Twice in one transaction: nobody saw the content between. */
static void step(const struct derived *derived, struct derived_version *version, uint32_t mask)
{
	int64_t change = ledger_change(derived->ledger);

	if (version->change == change)
		version->hours_changed |= mask;
	else
		*version = (struct derived_version){.before = version->change,
						    .change = change,
						    .hours_changed = mask,
						    .is_deleted = version->is_deleted,
						    .hours_ever = version->hours_ever};
}

int derived_renew(struct derived *derived, enum derived_table table, const struct derived_key *key,
		  uint32_t hours, struct err *err)
{
	struct derived_version version;
	struct derived_row row;
	int rc = get_any(derived, table, key, &row, &version, err);

	if (rc <= 0 || version.is_deleted)
		return rc < 0 ? rc : 0;
	step(derived, &version, hours);
	return write_row(derived, table, key, &row, &version, err);
}

/* A month that vanishes is what a series may end with: of an item, of a meter. Not every database
 * takes single points out, so its name's series are written anew. */
static int renew_if_gone(struct derived *derived, enum derived_table table,
			 const struct derived_key *key, const struct derived_effect *effect,
			 struct err *err)
{
	bool is_month = table == DERIVED_METER_MONTH || table == DERIVED_INSTITUTION_MONTH;
	struct db_statement *renew;
	int rc;

	if (!is_month || !effect->before.sum.is_known)
		return 0;
	rc = derived_statement(derived, DERIVED_SQL_RENEW, &renew, err);
	if (rc < 0)
		return rc;
	db_bind_int(renew, 1, key->id);
	return db_run(renew, err);
}

int derived_put(struct derived *derived, enum derived_table table, const struct derived_key *key,
		const struct derived_row *row, struct derived_effect *effect, struct err *err)
{
	static const struct derived_row none = {0};
	const struct derived_row *after = row->sum.is_known ? row : &none;
	struct derived_row *old = &effect->before;
	struct derived_version version = {0};
	uint32_t mask;
	int rows, rc;

	*effect = (struct derived_effect){0};
	rows = get_any(derived, table, key, old, &version, err);
	if (rows < 0)
		return rows;
	mask = changed_hours(old, after);
	effect->is_changed = mask != 0 || !is_same_amount(&old->sum, &after->sum) ||
			     old->days != after->days || old->has_hours != after->has_hours;
	if (!effect->is_changed)
		return 0;
	step(derived, &version, mask);
	version.hours_ever |= known_hours(after);
	version.is_deleted = !after->sum.is_known;
	rc = write_row(derived, table, key, after, &version, err);
	if (rc == 0)
		rc = derived_note(derived, key->day, err);
	if (rc == 0 && version.is_deleted)
		rc = renew_if_gone(derived, table, key, effect, err);
	if (rc == 0 && rows == 0 &&
	    (table == DERIVED_METER_DAY || table == DERIVED_INSTITUTION_DAY))
		rc = widen(derived, key, err);
	return rc;
}

int derived_items(struct derived *derived, enum derived_table table, const struct derived_key *key,
		  derived_row_fn fn, void *arg, struct err *err)
{
	struct derived_version version;
	struct derived_row row;
	struct db_statement *items;
	int which =
		table == DERIVED_INSTITUTION_DAY ? DERIVED_SQL_ITEMS_DAY : DERIVED_SQL_ITEMS_MONTH;
	int rc = derived_statement(derived, which, &items, err);

	if (rc < 0)
		return rc;
	db_bind_int(items, 1, key->day);
	db_bind_int(items, 2, key->id);
	db_bind_int(items, 3, key->carrier);
	while ((rc = db_step(items, err)) == 1) {
		struct derived_key found = *key;

		strncpy(found.item, db_column_text(items, 11, NULL), sizeof found.item - 1);
		found.item[sizeof found.item - 1] = '\0';
		rc = read_row(items, &row, &version, err);
		if (rc == 0)
			rc = fn(&found, &row, arg);
		if (rc != 0) {
			db_reset(items);
			return rc;
		}
	}
	return rc;
}

int derived_register(struct derived *derived, const char *device, const char *quantity, int64_t *id,
		     struct err *err)
{
	struct db_statement *find;
	int rc = derived_statement(derived, DERIVED_SQL_REGISTER, &find, err);

	if (rc < 0)
		return rc;
	db_bind_string(find, 1, device);
	db_bind_string(find, 2, quantity);
	rc = db_step(find, err);
	if (rc == 1) {
		*id = db_column_int(find, 0);
		db_reset(find);
	}
	return rc;
}

/* ---- dirty ---- */

int derived_mark(struct derived *derived, int64_t id, civil_day from, civil_day to, struct err *err)
{
	struct db_statement *mark;
	int rc = 0;

	if (from > to)
		return 0;
	rc = derived_statement(derived, DERIVED_SQL_MARK, &mark, err);
	if (rc < 0)
		return rc;
	db_bind_int(mark, 1, id);
	db_bind_int(mark, 2, from);
	db_bind_int(mark, 3, to);
	return db_run(mark, err);
}

int derived_take(struct derived *derived, struct derived_dirty *out, struct err *err)
{
	struct db_statement *take = NULL, *drop = NULL;
	int rc = derived_statement(derived, DERIVED_SQL_TAKE, &take, err);

	if (rc == 0)
		rc = derived_statement(derived, DERIVED_SQL_DROP, &drop, err);
	if (rc < 0)
		return rc;
	rc = db_step(take, err);
	if (rc != 1)
		return rc;
	*out = (struct derived_dirty){.id = db_column_int(take, 0),
				      .kind = (enum derived_kind)db_column_int(take, 1),
				      .from = (civil_day)db_column_int(take, 3),
				      .to = (civil_day)db_column_int(take, 4)};
	strncpy(out->name, db_column_text(take, 2, NULL), sizeof out->name - 1);
	db_reset(take);
	db_bind_int(drop, 1, out->id);
	rc = db_run(drop, err);
	return rc < 0 ? rc : 1;
}

bool derived_is_dirty(struct derived *derived)
{
	struct db_statement *get;

	if (derived_statement(derived, DERIVED_SQL_IS_DIRTY, &get, NULL) < 0 ||
	    db_step(get, NULL) != 1)
		return false;
	bool is_dirty = db_column_int(get, 0) != 0;
	db_reset(get);
	return is_dirty;
}

bool derived_is_computing(struct derived *derived, int64_t now_ms)
{
	struct db_statement *get;
	bool is_computing = false;

	if (derived_statement(derived, DERIVED_SQL_IS_COMPUTING, &get, NULL) < 0)
		return false;
	db_bind_int(get, 1, now_ms);
	if (db_step(get, NULL) == 1)
		is_computing = db_column_int(get, 0) != 0;
	db_reset(get);
	return is_computing;
}

bool derived_is_marked(struct derived *derived, int64_t id, civil_day from, civil_day to)
{
	struct db_statement *get;
	bool is_marked;

	if (derived_statement(derived, DERIVED_SQL_IS_MARKED, &get, NULL) < 0)
		return false;
	db_bind_int(get, 1, id);
	db_bind_int(get, 2, to);
	db_bind_int(get, 3, from);
	is_marked = db_step(get, NULL) == 1 && db_column_int(get, 0) != 0;
	db_reset(get);
	return is_marked;
}

bool derived_has_bills(struct derived *derived, const char *institution, struct span days)
{
	struct db_statement *get;
	bool has_some;

	if (derived_statement(derived, DERIVED_SQL_HAS_BILLS, &get, NULL) < 0)
		return true; /* whoever asks for them gets the error */
	db_bind_string(get, 1, institution);
	db_bind_int(get, 2, days.from);
	db_bind_int(get, 3, days.to);
	has_some = db_step(get, NULL) != 1 || db_column_int(get, 0) != 0;
	db_reset(get);
	return has_some;
}
