/* SPDX-License-Identifier: Apache-2.0 */
/* What is noted beside cards and rows: deliveries that went up, servers that deliver. */
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "server/rollup/exchange_schema.h"

const char exchange_generation_note[] = "generation";

int64_t exchange_note(struct exchange *exchange, const char *key)
{
	struct db_statement *get;
	int64_t value = 0;

	if (exchange_statement(exchange, EXCHANGE_SQL_NOTE_GET, &get, NULL) < 0)
		return 0;
	db_bind_string(get, 1, key);
	if (db_step(get, NULL) == 1) {
		value = db_column_int(get, 0);
		db_reset(get);
	}
	return value;
}

int exchange_set_note(struct exchange *exchange, const char *key, int64_t value, struct err *err)
{
	struct db_statement *put;
	int rc = exchange_statement(exchange, EXCHANGE_SQL_NOTE_PUT, &put, err);

	if (rc < 0)
		return rc;
	db_bind_string(put, 1, key);
	db_bind_int(put, 2, value);
	return db_run(put, err);
}

int exchange_note_change(struct exchange *exchange, int64_t change, struct err *err)
{
	struct db_statement *put, *trim = NULL;
	int rc;

	if (exchange->number == exchange_note(exchange, "number"))
		return 0;
	rc = exchange_statement(exchange, EXCHANGE_SQL_MARK_PUT, &put, err);
	if (rc == 0)
		rc = exchange_statement(exchange, EXCHANGE_SQL_MARK_TRIM, &trim, err);
	if (rc < 0)
		return rc;
	db_bind_int(put, 1, change);
	db_bind_int(put, 2, exchange->number);
	rc = db_run(put, err);
	if (rc < 0)
		return rc;
	db_bind_int(trim, 1, change);
	return db_run(trim, err);
}

int exchange_find_change(struct exchange *exchange, int64_t change, int64_t *number,
			 struct err *err)
{
	struct db_statement *get;
	int rc = exchange_statement(exchange, EXCHANGE_SQL_MARK_GET, &get, err);

	*number = 0;
	if (rc < 0)
		return rc;
	db_bind_int(get, 1, change);
	rc = db_step(get, err);
	if (rc == 1) {
		*number = db_column_int(get, 0);
		db_reset(get);
	}
	return rc < 0 ? rc : 0;
}

/* ---- what went up ---- */

int exchange_add_sent(struct exchange *exchange, const char *nonce, int64_t upto, struct err *err)
{
	struct db_statement *add, *trim = NULL;
	int rc = exchange_statement(exchange, EXCHANGE_SQL_SENT_ADD, &add, err);

	if (rc == 0)
		rc = exchange_statement(exchange, EXCHANGE_SQL_SENT_TRIM, &trim, err);
	if (rc < 0)
		return rc;
	db_bind_string(add, 1, nonce);
	db_bind_int(add, 2, upto);
	rc = db_run(add, err);
	return rc < 0 ? rc : db_run(trim, err);
}

int exchange_find_sent(struct exchange *exchange, const char *nonce, int64_t *upto, struct err *err)
{
	struct db_statement *find;
	int rc = exchange_statement(exchange, EXCHANGE_SQL_SENT_FIND, &find, err);

	if (rc < 0)
		return rc;
	db_bind_string(find, 1, nonce);
	rc = db_step(find, err);
	if (rc == 1) {
		*upto = db_column_int(find, 0);
		db_reset(find);
	}
	return rc;
}

int exchange_forget_sent(struct exchange *exchange, struct err *err)
{
	struct db_statement *forget;
	int rc = exchange_statement(exchange, EXCHANGE_SQL_SENT_FORGET, &forget, err);

	return rc < 0 ? rc : db_run(forget, err);
}

int exchange_restored(struct db *db, int64_t now_ms, struct err *err)
{
	struct exchange *exchange = exchange_open(db);
	int64_t before;
	int rc = exchange_prepare(db, err);

	if (rc == 0)
		rc = db_begin(db, err);
	if (rc == 0) {
		before = exchange_note(exchange, exchange_generation_note);
		rc = exchange_set_note(exchange, exchange_generation_note,
				       now_ms > before ? now_ms : before + 1, err);
		if (rc == 0)
			rc = exchange_forget_sent(exchange, err);
		if (rc == 0)
			rc = db_commit(db, err);
		else
			db_rollback(db);
	}
	exchange_close(exchange);
	return rc;
}

/* ---- who delivers ---- */

static void copy_text(char *to, size_t size, struct db_statement *from, int column)
{
	strncpy(to, db_column_text(from, column, NULL), size - 1);
	to[size - 1] = '\0';
}

static void read_source(struct db_statement *from, struct exchange_source *out)
{
	*out = (struct exchange_source){.generation = db_column_int(from, 2),
					.upto = db_column_int(from, 3),
					.received_ms = db_column_int(from, 4),
					.as_of_ms = db_column_int(from, 5),
					.waiting = db_column_int(from, 6),
					.days_from = (civil_day)db_column_int(from, 7),
					.rows = db_column_int(from, 8),
					.refused = db_column_int(from, 9),
					.ended = db_column_int(from, 10),
					.holder = db_column_int(from, 12)};
	copy_text(out->source, sizeof out->source, from, 0);
	copy_text(out->nonce, sizeof out->nonce, from, 1);
	copy_text(out->refusal, sizeof out->refusal, from, 11);
	copy_text(out->server, sizeof out->server, from, 13);
	copy_text(out->place, sizeof out->place, from, 14);
}

int exchange_get_source(struct exchange *exchange, const char *source, struct exchange_source *out,
			struct err *err)
{
	struct db_statement *get;
	int rc = exchange_statement(exchange, EXCHANGE_SQL_SOURCE_GET, &get, err);

	if (rc < 0)
		return rc;
	db_bind_string(get, 1, source);
	rc = db_step(get, err);
	if (rc == 1) {
		read_source(get, out);
		db_reset(get);
	}
	return rc;
}

int exchange_put_source(struct exchange *exchange, const struct exchange_source *source,
			struct err *err)
{
	struct db_statement *put;
	int rc = exchange_statement(exchange, EXCHANGE_SQL_SOURCE_PUT, &put, err);

	if (rc < 0)
		return rc;
	db_bind_string(put, 1, source->source);
	db_bind_string(put, 2, source->nonce);
	db_bind_int(put, 3, source->generation);
	db_bind_int(put, 4, source->upto);
	db_bind_int(put, 5, source->received_ms);
	db_bind_int(put, 6, source->as_of_ms);
	db_bind_int(put, 7, source->waiting);
	db_bind_int(put, 8, source->days_from);
	db_bind_int(put, 9, source->rows);
	db_bind_int(put, 10, source->refused);
	db_bind_int(put, 11, source->ended);
	db_bind_string(put, 12, source->refusal);
	db_bind_int(put, 13, source->holder);
	db_bind_string(put, 14, source->server);
	db_bind_string(put, 15, source->place);
	return db_run(put, err);
}

int exchange_each_source(struct exchange *exchange, exchange_source_fn fn, void *arg,
			 struct err *err)
{
	struct db_statement *list;
	int rc = exchange_statement(exchange, EXCHANGE_SQL_SOURCES, &list, err);

	while (rc == 0 && (rc = db_step(list, err)) == 1) {
		struct exchange_source source;

		read_source(list, &source);
		rc = fn(&source, arg);
		if (rc != 0)
			db_reset(list);
	}
	return rc;
}

/* ---- the end of a generation ---- */

struct old_rows {
	struct exchange_key *keys;
	size_t n, cap;
};

static int list_old(struct exchange *exchange, enum exchange_sql which,
		    const struct exchange_source *source, struct old_rows *out, struct err *err)
{
	struct db_statement *list;
	int rc = exchange_statement(exchange, which, &list, err);

	if (rc < 0)
		return rc;
	db_bind_string(list, 1, source->source);
	db_bind_int(list, 2, source->generation);
	while ((rc = db_step(list, err)) == 1) {
		struct exchange_key key = {.id = db_column_int(list, 0)};

		if (which == EXCHANGE_SQL_OLD_ROWS) {
			key.interval = (enum exchange_interval)db_column_int(list, 1);
			key.day = (civil_day)db_column_int(list, 2);
			key.carrier = (enum carrier)db_column_int(list, 3);
			key.item = (enum exchange_item)db_column_int(list, 4);
		}
		out->keys = grow(out->keys, out->n, &out->cap, sizeof *out->keys);
		out->keys[out->n++] = key;
	}
	return rc;
}

int exchange_end_generation(struct exchange *exchange, const struct exchange_source *source,
			    struct err *err)
{
	/* Any number that comes in this generation is newer. */
	const struct exchange_version version = {source->generation, 0};
	struct old_rows cards = {NULL, 0, 0}, rows = {NULL, 0, 0};
	int rc = list_old(exchange, EXCHANGE_SQL_OLD_ROWS, source, &rows, err);
	bool changed;

	if (rc == 0)
		rc = list_old(exchange, EXCHANGE_SQL_OLD_CARDS, source, &cards, err);
	for (size_t i = 0; i < rows.n && rc == 0; i++)
		rc = exchange_put_row(exchange, &rows.keys[i], NULL, &version, &changed, err);
	for (size_t i = 0; i < cards.n && rc == 0; i++)
		rc = exchange_put_card(exchange, cards.keys[i].id, NULL, &version, &changed, err);
	free(rows.keys);
	free(cards.keys);
	return rc;
}

/* ---- others of the same name ---- */

static int renew(struct exchange *exchange, int64_t id, struct err *err)
{
	static const enum exchange_sql which[] = {EXCHANGE_SQL_RENEW_CARD, EXCHANGE_SQL_RENEW_ROWS};
	int rc = 0;

	exchange->number++;
	for (size_t i = 0; i < 2 && rc == 0; i++) {
		struct db_statement *update;

		rc = exchange_statement(exchange, which[i], &update, err);
		if (rc < 0)
			break;
		db_bind_int(update, 1, id);
		db_bind_int(update, 2, exchange->number);
		rc = db_run(update, err);
	}
	exchange->number += db_changes(exchange->db);
	return rc;
}

int exchange_renew_others(struct exchange *exchange, const char *source, const char *name,
			  struct err *err)
{
	struct db_statement *list;
	int64_t ids[16];
	size_t n = 0;
	int rc = exchange_statement(exchange, EXCHANGE_SQL_OTHERS, &list, err);

	if (rc < 0)
		return rc;
	db_bind_string(list, 1, name);
	db_bind_string(list, 2, source);
	while (n < sizeof ids / sizeof *ids && (rc = db_step(list, err)) == 1)
		ids[n++] = db_column_int(list, 0);
	db_reset(list);
	for (size_t i = 0; i < n && rc >= 0; i++)
		rc = renew(exchange, ids[i], err);
	return rc < 0 ? rc : 0;
}
