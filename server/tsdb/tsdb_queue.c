/* SPDX-License-Identifier: Apache-2.0 */
/* The queue of one database: entries in memory, rows in the ledger's file. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/gzip.h"
#include "common/mem.h"
#include "server/tsdb/tsdb_private.h"

enum {
	STORE_AGE_MS = 5000, /* while the database fails, small chunks wait so long to be
				stored together */
	STORE_CHUNK_BYTES = 4 * 1024 * 1024,
};

/* ---- the file ---- */

static int count_rows(struct tsdb *tsdb, struct db *db, struct err *err)
{
	struct db_statement *count;
	int rc = db_prepare(db, &count,
			    "SELECT count(*), coalesce(sum(length(data)), 0), "
			    "coalesce(max(id), 0), coalesce((SELECT cursor FROM tsdb_cursor WHERE "
			    "tsdb = ?1), 0) FROM tsdb_queue WHERE tsdb = ?1",
			    err);

	if (rc < 0)
		return rc;
	db_bind_string(count, 1, tsdb->config.name);
	rc = db_step(count, err);
	if (rc == 1) {
		tsdb->disk_chunks = db_column_int(count, 0);
		tsdb->disk_bytes = db_column_int(count, 1);
		tsdb->last_row = db_column_int(count, 2);
		tsdb->cursor_saved = db_column_int(count, 3);
		tsdb->cursor_durable = tsdb->cursor_read = tsdb->cursor_saved;
	}
	db_finalize(count);
	return rc < 0 ? rc : 0;
}

int tsdb_queue_open(struct tsdb *tsdb, struct ledger *ledger, struct err *err)
{
	struct db *db = ledger_db(ledger);
	int rc = count_rows(tsdb, db, err);

	tsdb->db = db;
	if (rc == 0)
		rc = db_prepare(db, &tsdb->put,
				"INSERT INTO tsdb_queue(tsdb, lines, raw_len, data) VALUES(?, ?, "
				"?, ?)",
				err);
	if (rc == 0)
		rc = db_prepare(db, &tsdb->drop,
				"DELETE FROM tsdb_queue WHERE id = ? RETURNING length(data)", err);
	if (rc == 0)
		rc = db_prepare(db, &tsdb->save,
				"REPLACE INTO tsdb_cursor(tsdb, cursor) VALUES(?, ?)", err);
	return rc;
}

void tsdb_queue_unlink(struct tsdb *tsdb, struct tsdb_entry **at)
{
	struct tsdb_entry *entry = *at;

	*at = entry->next;
	if (!entry->next)
		tsdb->last_next = at;
	tsdb->memory_bytes -= entry->chunk->text.len;
	tsdb->n_entries--;
	tsdb_chunk_release(entry->chunk);
	free(entry);
}

void tsdb_queue_close(struct tsdb *tsdb)
{
	while (tsdb->first)
		tsdb_queue_unlink(tsdb, &tsdb->first);
	for (size_t i = 0; i < tsdb->n_bad; i++)
		free(tsdb->bad_lines[i].line);
	free(tsdb->bad_lines);
	free(tsdb->done_rows);
	free(tsdb->accepted_rows.items);
	free(tsdb->stored_accepted.items);
	free(tsdb->rows.items);
	free(tsdb->cursors.items);
	db_finalize(tsdb->put);
	db_finalize(tsdb->drop);
	db_finalize(tsdb->save);
}

static int put_row(struct tsdb *tsdb, const struct buf *text, size_t n_lines, struct err *err)
{
	struct buf packed = {0};
	int rc;

	gzip_pack(text->data, text->len, &packed);
	db_bind_string(tsdb->put, 1, tsdb->config.name);
	db_bind_int(tsdb->put, 2, (int64_t)n_lines);
	db_bind_int(tsdb->put, 3, (int64_t)text->len);
	db_bind_blob(tsdb->put, 4, packed.data, packed.len);
	rc = db_run(tsdb->put, err);
	tsdb->stored_chunks++;
	tsdb->stored_bytes += (int64_t)packed.len;
	buf_fini(&packed);
	return rc;
}

/* ---- the keeper's side ---- */

void tsdb_push(struct tsdb *tsdb, struct tsdb_chunk *chunk)
{
	struct tsdb_entry *entry = xcalloc(1, sizeof *entry);

	atomic_fetch_add(&chunk->references, 1);
	entry->chunk = chunk;
	entry->queued_mono_ms = clock_mono_ms();
	(void)pthread_mutex_lock(&tsdb->lock);
	*tsdb->last_next = entry;
	tsdb->last_next = &entry->next;
	tsdb->memory_bytes += chunk->text.len;
	tsdb->n_entries++;
	tsdb->last_number = chunk->number;
	tsdb->has_news = true;
	(void)pthread_cond_broadcast(&tsdb->changed);
	(void)pthread_mutex_unlock(&tsdb->lock);
}

int64_t tsdb_durable_through(struct tsdb *tsdb)
{
	int64_t number;

	(void)pthread_mutex_lock(&tsdb->lock);
	number = tsdb->first ? tsdb->first->chunk->number - 1 : tsdb->last_number;
	(void)pthread_mutex_unlock(&tsdb->lock);
	return number;
}

static bool is_disk_full(const struct tsdb *tsdb)
{
	return tsdb->disk_bytes >= tsdb->config.queue_max_size;
}

bool tsdb_has_room(struct tsdb *tsdb)
{
	bool has_room;

	(void)pthread_mutex_lock(&tsdb->lock);
	has_room = (int64_t)tsdb->memory_bytes < tsdb->options.memory_bytes;
	(void)pthread_mutex_unlock(&tsdb->lock);
	return has_room;
}

/* What was accepted and only waits to be believed says nothing about the database's speed. */
bool tsdb_is_behind(struct tsdb *tsdb)
{
	int64_t waiting = 0;
	bool is_behind;

	(void)pthread_mutex_lock(&tsdb->lock);
	for (const struct tsdb_entry *entry = tsdb->first; entry; entry = entry->next)
		waiting += entry->place == TSDB_ACCEPTED ? 0 : (int64_t)entry->chunk->text.len;
	is_behind = !tsdb->is_failing && waiting > tsdb->options.memory_bytes / 4;
	(void)pthread_mutex_unlock(&tsdb->lock);
	return is_behind;
}

static const struct tsdb_entry *find_queued(const struct tsdb *tsdb)
{
	const struct tsdb_entry *entry = tsdb->first;

	while (entry && entry->place != TSDB_QUEUED && entry->place != TSDB_ACCEPTED)
		entry = entry->next;
	return entry;
}

/* Under the lock. In memory while short; in the file while the database is down or slow. */
static bool wants_storing(const struct tsdb *tsdb, int64_t now_mono_ms)
{
	const struct tsdb_entry *oldest = find_queued(tsdb);
	int64_t half = tsdb->options.memory_bytes / 2;

	if (!oldest || is_disk_full(tsdb))
		return false;
	if ((int64_t)tsdb->memory_bytes > half)
		return true;
	return tsdb->is_failing && oldest->place == TSDB_QUEUED &&
	       now_mono_ms - oldest->queued_mono_ms >= STORE_AGE_MS;
}

bool tsdb_wants_commit(struct tsdb *tsdb, int64_t now_mono_ms)
{
	bool wants;

	(void)pthread_mutex_lock(&tsdb->lock);
	wants = tsdb->n_done > 0 || tsdb->n_bad > 0 || tsdb->cursor_durable != tsdb->cursor_saved ||
		wants_storing(tsdb, now_mono_ms);
	(void)pthread_mutex_unlock(&tsdb->lock);
	return wants;
}

/* Accepted entries share no row with queued ones, nor with those that another process accepted. */
static bool may_join(const struct tsdb_entry *first, const struct tsdb_entry *entry)
{
	return entry->place == first->place_before &&
	       (entry->place == TSDB_QUEUED || entry->process == first->process);
}

/* Collects entries into one row's text and marks them; the first one in *first. Under the lock. */
static size_t collect_entries(struct tsdb *tsdb, struct buf *text, struct tsdb_entry *first)
{
	size_t n_lines = 0;

	for (struct tsdb_entry *entry = tsdb->first; entry; entry = entry->next) {
		if (entry->place != TSDB_QUEUED && entry->place != TSDB_ACCEPTED)
			continue;
		if (n_lines > 0 && (!may_join(first, entry) ||
				    n_lines + entry->chunk->n_lines > TSDB_CHUNK_LINES ||
				    text->len + entry->chunk->text.len > STORE_CHUNK_BYTES))
			break;
		entry->place_before = entry->place;
		entry->place = TSDB_STORING;
		if (n_lines == 0)
			*first = *entry;
		n_lines += entry->chunk->n_lines;
		buf_add(text, entry->chunk->text.data, entry->chunk->text.len);
	}
	return n_lines;
}

static int store_entries(struct tsdb *tsdb, struct err *err)
{
	struct buf text = {0};
	int rc = 0;

	for (;;) {
		struct tsdb_entry first = {0};
		size_t n_lines;

		buf_clear(&text);
		(void)pthread_mutex_lock(&tsdb->lock);
		n_lines = collect_entries(tsdb, &text, &first);
		(void)pthread_mutex_unlock(&tsdb->lock);
		if (n_lines == 0)
			break;
		rc = put_row(tsdb, &text, n_lines, err);
		if (rc < 0)
			break;
		tsdb->stored_last_row = db_last_rowid(tsdb->db);
		if (first.place_before == TSDB_ACCEPTED)
			tsdb_pendings_add(&tsdb->stored_accepted, tsdb->stored_last_row,
					  first.process);
	}
	buf_fini(&text);
	return rc;
}

static int drop_rows(struct tsdb *tsdb, size_t n, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; i < n && rc >= 0; i++) {
		/* Only the keeper shortens the list; the thread may move it while it adds. */
		(void)pthread_mutex_lock(&tsdb->lock);
		db_bind_int(tsdb->drop, 1, tsdb->done_rows[i]);
		(void)pthread_mutex_unlock(&tsdb->lock);
		rc = db_step(tsdb->drop, err);
		if (rc == 1) {
			tsdb->dropped_chunks++;
			tsdb->dropped_bytes += db_column_int(tsdb->drop, 0);
			rc = db_run(tsdb->drop, err);
		}
	}
	return rc < 0 ? rc : 0;
}

static int bury_lines(struct tsdb *tsdb, struct dead_letters *letters, size_t n, int64_t now_ms,
		      struct err *err)
{
	int rc = 0;

	for (size_t i = 0; i < n && rc == 0; i++) {
		struct dead_letter letter = {.at_ms = now_ms, .agent = "", .reason = "tsdb"};

		(void)pthread_mutex_lock(&tsdb->lock);
		letter.line = (struct slice){tsdb->bad_lines[i].line, tsdb->bad_lines[i].len};
		(void)pthread_mutex_unlock(&tsdb->lock);
		rc = dead_letters_add(letters, &letter, err);
	}
	return rc;
}

static int save_cursor(struct tsdb *tsdb, struct err *err)
{
	if (tsdb->stored_cursor == tsdb->cursor_saved)
		return 0;
	db_bind_string(tsdb->save, 1, tsdb->config.name);
	db_bind_int(tsdb->save, 2, tsdb->stored_cursor);
	return db_run(tsdb->save, err);
}

int tsdb_store(struct tsdb *tsdb, struct dead_letters *letters, int64_t now_ms, struct err *err)
{
	bool wants;
	int rc;

	tsdb->stored_chunks = tsdb->stored_bytes = tsdb->stored_last_row = 0;
	tsdb->dropped_chunks = tsdb->dropped_bytes = 0;
	tsdb->stored_accepted.n = 0;
	(void)pthread_mutex_lock(&tsdb->lock);
	wants = wants_storing(tsdb, clock_mono_ms());
	tsdb->n_done_stored = tsdb->n_done;
	tsdb->n_bad_stored = tsdb->n_bad;
	tsdb->stored_cursor = tsdb->cursor_durable;
	(void)pthread_mutex_unlock(&tsdb->lock);
	rc = wants ? store_entries(tsdb, err) : 0;
	if (rc == 0)
		rc = drop_rows(tsdb, tsdb->n_done_stored, err);
	if (rc == 0)
		rc = bury_lines(tsdb, letters, tsdb->n_bad_stored, now_ms, err);
	if (rc == 0)
		rc = save_cursor(tsdb, err);
	return rc;
}

/* Under the lock. */
static void settle_entries(struct tsdb *tsdb, bool is_committed)
{
	struct tsdb_entry **at = &tsdb->first;

	while (*at) {
		struct tsdb_entry *entry = *at;

		if (entry->place == TSDB_STORING && is_committed) {
			tsdb_queue_unlink(tsdb, at);
			continue;
		}
		if (entry->place == TSDB_STORING)
			entry->place = entry->place_before;
		at = &entry->next;
	}
}

/* Under the lock. */
static void settle_lists(struct tsdb *tsdb)
{
	size_t n_done = tsdb->n_done_stored, n_bad = tsdb->n_bad_stored;

	for (size_t i = 0; i < n_bad; i++)
		free(tsdb->bad_lines[i].line);
	tsdb->n_bad -= n_bad;
	if (n_bad > 0)
		memmove(tsdb->bad_lines, tsdb->bad_lines + n_bad,
			tsdb->n_bad * sizeof *tsdb->bad_lines);
	tsdb->n_done -= n_done;
	if (n_done > 0)
		memmove(tsdb->done_rows, tsdb->done_rows + n_done,
			tsdb->n_done * sizeof *tsdb->done_rows);
}

void tsdb_stored(struct tsdb *tsdb, bool is_committed)
{
	(void)pthread_mutex_lock(&tsdb->lock);
	settle_entries(tsdb, is_committed);
	if (is_committed) {
		settle_lists(tsdb);
		tsdb->cursor_saved = tsdb->stored_cursor;
		tsdb->disk_chunks += tsdb->stored_chunks - tsdb->dropped_chunks;
		tsdb->disk_bytes += tsdb->stored_bytes - tsdb->dropped_bytes;
		if (tsdb->stored_last_row > 0)
			tsdb->last_row = tsdb->stored_last_row;
		for (size_t i = 0; i < tsdb->stored_accepted.n; i++)
			tsdb_pendings_add(&tsdb->accepted_rows,
					  tsdb->stored_accepted.items[i].value,
					  tsdb->stored_accepted.items[i].process);
		tsdb->has_news = true;
		(void)pthread_cond_broadcast(&tsdb->changed);
	}
	(void)pthread_mutex_unlock(&tsdb->lock);
}

/* ---- the thread's side ---- */

void tsdb_pendings_add(struct tsdb_pendings *pendings, int64_t value, int64_t process)
{
	pendings->items =
		grow(pendings->items, pendings->n, &pendings->cap, sizeof *pendings->items);
	pendings->items[pendings->n++] = (struct tsdb_pending){value, clock_mono_ms(), process};
}

void tsdb_queue_row_done(struct tsdb *tsdb, int64_t row)
{
	(void)pthread_mutex_lock(&tsdb->lock);
	tsdb->done_rows =
		grow(tsdb->done_rows, tsdb->n_done, &tsdb->done_cap, sizeof *tsdb->done_rows);
	tsdb->done_rows[tsdb->n_done++] = row;
	(void)pthread_mutex_unlock(&tsdb->lock);
}

bool tsdb_queue_row_is_accepted(struct tsdb *tsdb, int64_t row)
{
	struct tsdb_pendings *rows = &tsdb->accepted_rows;
	bool is_accepted = false;
	size_t i = 0;

	(void)pthread_mutex_lock(&tsdb->lock);
	while (i < rows->n && rows->items[i].value < row)
		i++;
	if (i < rows->n && rows->items[i].value == row)
		is_accepted = rows->items[i++].process == tsdb->process;
	rows->n -= i; /* rows are read in order: those before it were asked for */
	if (i > 0)
		memmove(rows->items, rows->items + i, rows->n * sizeof *rows->items);
	(void)pthread_mutex_unlock(&tsdb->lock);
	return is_accepted;
}

static int unpack_row(struct tsdb *tsdb, struct buf *text, int64_t *row, struct err *err)
{
	int64_t raw_len = db_column_int(tsdb->next_row, 1);
	const void *data;
	size_t len;
	int rc;

	*row = db_column_int(tsdb->next_row, 0);
	data = db_column_blob(tsdb->next_row, 2, &len);
	rc = raw_len < 0 || raw_len > 2 * STORE_CHUNK_BYTES
		     ? -EINVAL
		     : gzip_unpack(data, len, (size_t)raw_len, text);
	db_reset(tsdb->next_row);
	return rc < 0 ? err_set(err, -EUCLEAN, "row %lld of the queue is damaged", (long long)*row)
		      : 1;
}

int tsdb_queue_read_row(struct tsdb *tsdb, struct buf *text, int64_t *row, struct err *err)
{
	bool has_rows;
	int rc;

	(void)pthread_mutex_lock(&tsdb->lock);
	has_rows = tsdb->last_row > tsdb->read_row;
	(void)pthread_mutex_unlock(&tsdb->lock);
	if (!has_rows)
		return 0;
	if (!tsdb->next_row) {
		rc = db_prepare(ledger_db(tsdb->reader), &tsdb->next_row,
				"SELECT id, raw_len, data FROM tsdb_queue WHERE tsdb = ? AND id > "
				"? ORDER BY id LIMIT 1",
				err);
		if (rc < 0)
			return rc;
	}
	db_bind_string(tsdb->next_row, 1, tsdb->config.name);
	db_bind_int(tsdb->next_row, 2, tsdb->read_row);
	rc = db_step(tsdb->next_row, err);
	return rc == 1 ? unpack_row(tsdb, text, row, err) : rc;
}
