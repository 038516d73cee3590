/* SPDX-License-Identifier: Apache-2.0 */
/* Cards and rows; exchange_source.c has what is noted of other servers. */
#include "server/rollup/exchange.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "server/rollup/exchange_schema.h"

const char *const exchange_interval_names[] = {"month", "day", NULL};
const char *const exchange_item_names[] = {
	"total", "vehicle", "heating",    "generation", "export", "01A",  "01B", "01C",
	"01D",   "rest",    "datacentre", "equipment",  "cost",   "load", NULL};

static const char number_note[] = "number";

/* 1, or 0. */
static int has_column(struct db *db, const struct exchange_column *of, struct err *err)
{
	struct db_statement *find;
	int rc = db_prepare(db, &find, "SELECT 1 FROM pragma_table_info(?) WHERE name = ?", err);

	if (rc < 0)
		return rc;
	db_bind_string(find, 1, of->table);
	db_bind_string(find, 2, of->column);
	rc = db_step(find, err);
	db_finalize(find);
	return rc;
}

int exchange_prepare(struct db *db, struct err *err)
{
	int rc = db_execute(db, exchange_schema, err);

	for (const struct exchange_column *of = exchange_columns; of->table != NULL && rc >= 0;
	     of++) {
		rc = has_column(db, of, err);
		if (rc == 0)
			rc = db_execute(db, of->sql, err);
	}
	return rc < 0 ? rc : 0;
}

struct exchange *exchange_open(struct db *db)
{
	struct exchange *exchange = xcalloc(1, sizeof *exchange);

	exchange->db = db;
	return exchange;
}

void exchange_close(struct exchange *exchange)
{
	if (exchange == NULL)
		return;
	for (int i = 0; i < N_EXCHANGE_SQL; i++)
		db_finalize(exchange->statements[i]);
	free(exchange);
}

int exchange_statement(struct exchange *exchange, enum exchange_sql which,
		       struct db_statement **out, struct err *err)
{
	int rc = 0;

	if (exchange->statements[which] == NULL)
		rc = db_prepare(exchange->db, &exchange->statements[which],
				exchange_statements[which], err);
	*out = exchange->statements[which];
	return rc;
}

int exchange_begin(struct exchange *exchange, struct err *err)
{
	(void)err;
	exchange->number = exchange_note(exchange, number_note);
	return 0;
}

int exchange_end(struct exchange *exchange, struct err *err)
{
	return exchange_set_note(exchange, number_note, exchange->number, err);
}

/* ---- institutions ---- */

int exchange_find(struct exchange *exchange, const char *source, const char *name, int64_t *id,
		  struct err *err)
{
	struct db_statement *find;
	int rc = exchange_statement(exchange, EXCHANGE_SQL_FIND, &find, err);

	if (rc < 0)
		return rc;
	db_bind_string(find, 1, source);
	db_bind_string(find, 2, name);
	rc = db_step(find, err);
	if (rc == 1) {
		*id = db_column_int(find, 0);
		db_reset(find);
	}
	return rc;
}

int exchange_intern(struct exchange *exchange, const char *source, const char *name, int64_t *id,
		    struct err *err)
{
	struct db_statement *intern;
	int rc = exchange_find(exchange, source, name, id, err);

	if (rc != 0)
		return rc < 0 ? rc : 0;
	rc = exchange_statement(exchange, EXCHANGE_SQL_INTERN, &intern, err);
	if (rc < 0)
		return rc;
	db_bind_string(intern, 1, source);
	db_bind_string(intern, 2, name);
	rc = db_run(intern, err);
	*id = db_last_rowid(exchange->db);
	return rc;
}

static bool is_newer(const struct exchange_version *a, const struct exchange_version *b)
{
	return a->generation != b->generation ? a->generation > b->generation
					      : a->number > b->number;
}

struct card_state {
	bool is_same, is_deleted;
	struct exchange_version version;
	int64_t number;
};

static int read_card(struct exchange *exchange, int64_t id, const char *card,
		     struct card_state *out, struct err *err)
{
	struct db_statement *get;
	const char *there;
	int rc = exchange_statement(exchange, EXCHANGE_SQL_CARD_GET, &get, err);

	if (rc < 0)
		return rc;
	db_bind_int(get, 1, id);
	rc = db_step(get, err);
	if (rc != 1)
		return rc < 0 ? rc
			      : err_set(err, -ENOENT, "there is no institution %lld",
					(long long)id);
	there = db_column_is_null(get, 0) ? NULL : db_column_text(get, 0, NULL);
	out->version = (struct exchange_version){db_column_int(get, 1), db_column_int(get, 2)};
	out->is_deleted = db_column_int(get, 3) != 0;
	out->number = db_column_int(get, 4);
	out->is_same = card != NULL ? there != NULL && !out->is_deleted && strcmp(there, card) == 0
				    : out->is_deleted;
	db_reset(get);
	return 0;
}

static int write_card(struct exchange *exchange, int64_t id, const char *card,
		      const struct card_state *state, struct err *err)
{
	struct db_statement *put;
	int rc = exchange_statement(exchange, EXCHANGE_SQL_CARD_PUT, &put, err);

	if (rc < 0)
		return rc;
	db_bind_int(put, 1, id);
	db_bind_string(put, 2, card);
	db_bind_int(put, 3, state->version.generation);
	db_bind_int(put, 4, state->version.number);
	db_bind_int(put, 5, state->number);
	db_bind_int(put, 6, card == NULL);
	return db_run(put, err);
}

int exchange_put_card(struct exchange *exchange, int64_t id, const char *card,
		      const struct exchange_version *version, bool *changed, struct err *err)
{
	struct card_state state = {0};
	int rc = read_card(exchange, id, card, &state, err);
	bool is_own = version->generation == 0;

	*changed = false;
	if (rc < 0 || (is_own && state.is_same) || (!is_own && !is_newer(version, &state.version)))
		return rc;
	*changed = !state.is_same;
	state.version = *version;
	/* What says the same as before need not go further up. */
	if (*changed)
		state.number = ++exchange->number;
	return write_card(exchange, id, card, &state, err);
}

int exchange_each_card(struct exchange *exchange, bool own, exchange_card_fn fn, void *arg,
		       struct err *err)
{
	struct db_statement *list;
	int rc = exchange_statement(exchange, EXCHANGE_SQL_CARDS, &list, err);

	if (rc < 0)
		return rc;
	db_bind_int(list, 1, own);
	while ((rc = db_step(list, err)) == 1) {
		rc = fn(db_column_text(list, 0, NULL), db_column_text(list, 1, NULL),
			db_column_text(list, 2, NULL), arg);
		if (rc != 0) {
			db_reset(list);
			break;
		}
	}
	return rc;
}

/* ---- rows ---- */

static void bind_key(struct db_statement *to, const struct exchange_key *key)
{
	db_bind_int(to, 1, key->id);
	db_bind_int(to, 2, key->interval);
	db_bind_int(to, 3, key->day);
	db_bind_int(to, 4, key->carrier);
	db_bind_int(to, 5, key->item);
}

static void read_amount(struct db_statement *from, int first, struct exchange_amount *out)
{
	const char *reason =
		db_column_is_null(from, first + 4) ? "" : db_column_text(from, first + 4, NULL);

	*out = (struct exchange_amount){.value = db_column_int(from, first),
					.estimated = db_column_int(from, first + 1),
					.missing = db_column_int(from, first + 2),
					.is_unknown = db_column_int(from, first + 3) != 0};
	strncpy(out->reason, reason, sizeof out->reason - 1);
	if (!db_column_is_null(from, first + 5))
		out->detail = db_column_text(from, first + 5, NULL);
}

bool exchange_is_absent(const struct exchange_amount *amount)
{
	return amount->value == 0 && amount->estimated == 0 &&
	       (amount->missing > 0 || amount->is_unknown);
}

static bool is_same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool is_same_amount(const struct exchange_amount *a, const struct exchange_amount *b)
{
	return a->value == b->value && a->estimated == b->estimated && a->missing == b->missing &&
	       a->is_unknown == b->is_unknown && strcmp(a->reason, b->reason) == 0 &&
	       is_same_text(a->detail, b->detail);
}

struct row_state {
	bool is_same, is_deleted, was_known;
	struct exchange_amount amount;
	struct exchange_version version;
	int64_t number;
};

/* amount: what it is compared with; NULL: that it is gone. */
static int read_row(struct exchange *exchange, const struct exchange_key *key,
		    const struct exchange_amount *amount, struct row_state *out, struct err *err)
{
	struct db_statement *get;
	int rc = exchange_statement(exchange, EXCHANGE_SQL_ROW_GET, &get, err);

	if (rc < 0)
		return rc;
	bind_key(get, key);
	rc = db_step(get, err);
	if (rc != 1)
		return rc;
	read_amount(get, 0, &out->amount);
	out->version = (struct exchange_version){db_column_int(get, 6), db_column_int(get, 7)};
	out->is_deleted = db_column_int(get, 8) != 0;
	out->number = db_column_int(get, 9);
	out->was_known = db_column_int(get, 10) != 0 ||
			 (!out->is_deleted && !exchange_is_absent(&out->amount));
	out->is_same = amount != NULL ? !out->is_deleted && is_same_amount(amount, &out->amount)
				      : out->is_deleted;
	db_reset(get);
	return 0;
}

static int write_row(struct exchange *exchange, const struct exchange_key *key,
		     const struct row_state *row, struct err *err)
{
	struct db_statement *put;
	int rc = exchange_statement(exchange, EXCHANGE_SQL_ROW_PUT, &put, err);

	if (rc < 0)
		return rc;
	bind_key(put, key);
	db_bind_int(put, 6, row->amount.value);
	db_bind_int(put, 7, row->amount.estimated);
	db_bind_int(put, 8, row->amount.missing);
	db_bind_int(put, 9, row->amount.is_unknown);
	db_bind_string(put, 10, row->amount.reason[0] != '\0' ? row->amount.reason : NULL);
	db_bind_string(put, 11, row->amount.detail);
	db_bind_int(put, 12, row->version.generation);
	db_bind_int(put, 13, row->version.number);
	db_bind_int(put, 14, row->number);
	db_bind_int(put, 15, row->is_deleted);
	db_bind_int(put, 16, row->was_known);
	return db_run(put, err);
}

int exchange_put_row(struct exchange *exchange, const struct exchange_key *key,
		     const struct exchange_amount *amount, const struct exchange_version *version,
		     bool *changed, struct err *err)
{
	struct row_state row = {.is_same = amount == NULL, .is_deleted = true};
	int rc = read_row(exchange, key, amount, &row, err);
	bool is_own = version->generation == 0;

	*changed = false;
	if (rc < 0)
		return rc;
	if (is_own ? row.is_same : !is_newer(version, &row.version))
		return 0;
	*changed = !row.is_same;
	row.version = *version;
	if (!row.is_same)
		row.number = ++exchange->number;
	row.is_deleted = amount == NULL;
	row.amount = amount != NULL ? *amount : (struct exchange_amount){0};
	return write_row(exchange, key, &row, err);
}

int exchange_each_row(struct exchange *exchange, const struct exchange_range *range,
		      exchange_row_fn fn, void *arg, struct err *err)
{
	struct db_statement *list;
	int rc = exchange_statement(exchange, EXCHANGE_SQL_ROWS, &list, err);

	if (rc < 0)
		return rc;
	db_bind_int(list, 1, range->id);
	db_bind_int(list, 2, range->interval);
	db_bind_int(list, 3, range->days.from);
	db_bind_int(list, 4, range->days.to);
	while ((rc = db_step(list, err)) == 1) {
		struct exchange_key key = {range->id, range->interval,
					   (civil_day)db_column_int(list, 0),
					   (enum carrier)db_column_int(list, 1),
					   (enum exchange_item)db_column_int(list, 2)};
		struct exchange_amount amount;

		read_amount(list, 3, &amount);
		rc = fn(&key, &amount, arg);
		if (rc != 0) {
			db_reset(list);
			break;
		}
	}
	return rc;
}

/* ---- the feed ---- */

static int feed_cards(struct exchange *exchange, int64_t after, int64_t upto, exchange_entry_fn fn,
		      void *arg, struct err *err)
{
	struct db_statement *list;
	int rc = exchange_statement(exchange, EXCHANGE_SQL_FEED_CARDS, &list, err);

	if (rc < 0)
		return rc;
	db_bind_int(list, 1, after);
	db_bind_int(list, 2, upto);
	while ((rc = db_step(list, err)) == 1) {
		struct exchange_entry entry = {
			.is_card = true,
			.source = db_column_text(list, 0, NULL),
			.name = db_column_text(list, 1, NULL),
			.number = db_column_int(list, 2),
			.is_deleted = db_column_int(list, 3) != 0,
			.card = db_column_is_null(list, 4) ? NULL : db_column_text(list, 4, NULL)};

		rc = fn(&entry, arg);
		if (rc != 0) {
			db_reset(list);
			break;
		}
	}
	return rc;
}

static int feed_rows(struct exchange *exchange, int64_t after, int64_t upto, exchange_entry_fn fn,
		     void *arg, struct err *err)
{
	struct db_statement *list;
	int rc = exchange_statement(exchange, EXCHANGE_SQL_FEED_ROWS, &list, err);

	if (rc < 0)
		return rc;
	db_bind_int(list, 1, after);
	db_bind_int(list, 2, upto);
	while ((rc = db_step(list, err)) == 1) {
		struct exchange_entry entry = {
			.source = db_column_text(list, 0, NULL),
			.name = db_column_text(list, 1, NULL),
			.number = db_column_int(list, 2),
			.is_deleted = db_column_int(list, 3) != 0,
			.key = {db_column_int(list, 4),
				(enum exchange_interval)db_column_int(list, 5),
				(civil_day)db_column_int(list, 6),
				(enum carrier)db_column_int(list, 7),
				(enum exchange_item)db_column_int(list, 8)}};

		read_amount(list, 9, &entry.amount);
		entry.was_known = db_column_int(list, 15) != 0;
		rc = fn(&entry, arg);
		if (rc != 0) {
			db_reset(list);
			break;
		}
	}
	return rc;
}

int exchange_feed(struct exchange *exchange, int64_t after, int64_t upto, exchange_entry_fn fn,
		  void *arg, struct err *err)
{
	int rc = feed_cards(exchange, after, upto, fn, arg, err);

	return rc != 0 ? rc : feed_rows(exchange, after, upto, fn, arg, err);
}

int exchange_may_tell(struct exchange *exchange, const struct exchange_entry *entry,
		      struct err *err)
{
	struct db_statement *holder;
	int rc = exchange_statement(exchange, EXCHANGE_SQL_HOLDER, &holder, err);

	if (rc < 0)
		return rc;
	db_bind_string(holder, 1, entry->name);
	rc = db_step(holder, err);
	if (rc == 0)
		return 1; /* its card is gone, or still to come */
	if (rc == 1) {
		rc = strcmp(db_column_text(holder, 0, NULL), entry->source) == 0;
		db_reset(holder);
	}
	return rc;
}

int exchange_upto(struct exchange *exchange, int64_t after, size_t max, int64_t *upto,
		  struct err *err)
{
	struct db_statement *nth;
	int rc = exchange_statement(exchange, EXCHANGE_SQL_NTH, &nth, err);

	*upto = after;
	if (rc < 0)
		return rc;
	db_bind_int(nth, 1, after);
	db_bind_int(nth, 2, (int64_t)max);
	rc = db_step(nth, err);
	if (rc == 1) {
		if (!db_column_is_null(nth, 0))
			*upto = db_column_int(nth, 0);
		db_reset(nth);
	}
	return rc < 0 ? rc : 0;
}

int exchange_count(struct exchange *exchange, int64_t after, int64_t *n, struct err *err)
{
	struct db_statement *count;
	int rc = exchange_statement(exchange, EXCHANGE_SQL_COUNT, &count, err);

	if (rc < 0)
		return rc;
	db_bind_int(count, 1, after);
	rc = db_step(count, err);
	if (rc == 1) {
		*n = db_column_int(count, 0);
		db_reset(count);
	}
	return rc < 0 ? rc : 0;
}
