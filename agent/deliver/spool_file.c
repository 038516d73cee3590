/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/deliver/spool_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/db.h"
#include "common/fnv.h"
#include "common/mem.h"

enum { PAGE = 4096, PAGE_OVERHEAD = 4, CELL_OVERHEAD = 64 };

/* done stands beside the batches rather than in each: batches are delivered in order, so one number
 * tells all and an acknowledgement writes one page. */
#define BATCH_TABLE                                                             \
	"CREATE TABLE batch (id INTEGER PRIMARY KEY, time_ms INTEGER NOT NULL," \
	" n_lines INTEGER NOT NULL, sum INTEGER NOT NULL, body BLOB NOT NULL)"
#define STATE_TABLE                                                                          \
	"CREATE TABLE state (id INTEGER PRIMARY KEY CHECK (id = 1), epoch INTEGER NOT NULL," \
	" done INTEGER NOT NULL, until_ms INTEGER NOT NULL, gap_from_ms INTEGER NOT NULL,"   \
	" gap_to_ms INTEGER NOT NULL, gap_batches INTEGER NOT NULL)"

static const char *const schema[] = {
	BATCH_TABLE ";" STATE_TABLE "; INSERT INTO state VALUES (1, 0, 0, 0, 0, 0, 0);",
};

enum statement {
	STORE,
	LOAD,
	INSERT,
	DELETE,
	READ,
	TIME,
	FOLLOWING,
	NEWER,
	BYTES,
	CHECKPOINT,
	N_STATEMENTS,
};

static const char *const texts[N_STATEMENTS] = {
	[STORE] = "UPDATE state SET epoch = ?1, done = ?2, until_ms = ?3, gap_from_ms = ?4,"
		  " gap_to_ms = ?5, gap_batches = ?6",
	[LOAD] = "SELECT epoch, done, until_ms, gap_from_ms, gap_to_ms, gap_batches,"
		 " (SELECT min(id) FROM batch), (SELECT max(id) FROM batch),"
		 " (SELECT time_ms FROM batch ORDER BY id DESC LIMIT 1) FROM state",
	[INSERT] = "INSERT INTO batch (id, time_ms, n_lines, sum, body) VALUES (?1, ?2, ?3, ?4,"
		   " ?5)",
	[DELETE] = "DELETE FROM batch WHERE id = ?1",
	/* A length that damage made up must not cost its memory. */
	[READ] = "SELECT time_ms, n_lines, sum, body FROM batch WHERE id = ?1"
		 " AND length(body) <= 262144",
	[TIME] = "SELECT time_ms FROM batch WHERE id = ?1",
	[FOLLOWING] = "SELECT id FROM batch WHERE id > ?1 ORDER BY id LIMIT 1",
	[NEWER] = "SELECT id FROM batch WHERE time_ms > ?1 ORDER BY id LIMIT 1",
	[BYTES] = "SELECT (page_count - freelist_count) * page_size FROM pragma_page_count,"
		  " pragma_freelist_count, pragma_page_size",
	[CHECKPOINT] = "PRAGMA wal_checkpoint(RESTART)",
};

struct spool_file {
	struct db *db;
	struct db_statement *statements[N_STATEMENTS];
	bool is_in_transaction;
};

/* SQLite finds damage to its own structure, not to the bytes of a body. */
static int64_t check_sum(const struct spool_entry *entry)
{
	uint64_t start = FNV_START ^ (uint64_t)entry->time_ms ^ (uint64_t)entry->n_lines << 48;

	return (int64_t)fnv_add(start, entry->body, entry->len);
}

/* A statement over tables that are not there would be a bug to db.h; here it is damage. */
static int check_tables(struct spool_file *file, struct err *err)
{
	struct db_statement *count;
	int r = db_prepare(file->db, &count,
			   "SELECT count(*) FROM sqlite_schema WHERE sql IN (?1, ?2)", err);

	if (r < 0)
		return r;
	db_bind_string(count, 1, BATCH_TABLE);
	db_bind_string(count, 2, STATE_TABLE);
	r = db_step(count, err);
	if (r >= 0)
		r = r == 1 && db_column_int(count, 0) == 2
			    ? 0
			    : err_set(err, -EUCLEAN, "the file is not a spool");
	db_finalize(count);
	return r;
}

static int prepare(struct spool_file *file, bool is_read_only, struct err *err)
{
	int r = 0;

	if (!is_read_only)
		r = db_migrate(file->db, schema, sizeof schema / sizeof schema[0], err);
	if (r == 0)
		r = check_tables(file, err);
	for (int i = 0; i < N_STATEMENTS && r == 0; i++)
		r = db_prepare(file->db, &file->statements[i], texts[i], err);
	return r;
}

int spool_file_open(struct spool_file **out, const char *path, bool is_read_only, struct err *err)
{
	struct spool_file *file = xcalloc(1, sizeof *file);
	int r = db_open(&file->db, path, is_read_only ? DB_READ_ONLY : DB_READ_WRITE, err);

	/* A batch is written once and read once: SQLite's 2 MB of cache would only be in the way on
	 * a small gateway. */
	if (r == 0)
		r = db_execute(file->db, "PRAGMA cache_size=-600", err);
	if (r == 0)
		r = prepare(file, is_read_only, err);
	if (r < 0) {
		spool_file_close(file);
		return r;
	}
	*out = file;
	return 0;
}

void spool_file_close(struct spool_file *file)
{
	if (file == NULL)
		return;
	for (int i = 0; i < N_STATEMENTS; i++)
		db_finalize(file->statements[i]);
	db_close(file->db);
	free(file);
}

int spool_file_rename(const char *from, const char *to, struct err *err)
{
	static const char *const suffixes[] = {"-wal", "-shm", ""};

	for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
		char *old = xasprintf("%s%s", from, suffixes[i]);
		char *new = xasprintf("%s%s", to, suffixes[i]);
		int r = 0;

		if (rename(old, new) != 0 && errno != ENOENT)
			r = err_set(err, -errno, "cannot rename %s: %s", old, err_name(errno));
		free(old);
		free(new);
		if (r < 0)
			return r;
	}
	return 0;
}

int spool_file_begin(struct spool_file *file, struct err *err)
{
	int r = db_begin(file->db, err);

	file->is_in_transaction = r == 0;
	return r;
}

int spool_file_commit(struct spool_file *file, struct err *err)
{
	int r = db_commit(file->db, err);

	if (r == 0)
		file->is_in_transaction = false;
	return r;
}

void spool_file_rollback(struct spool_file *file)
{
	if (file->is_in_transaction)
		db_rollback(file->db);
	file->is_in_transaction = false;
}

/* One row of integers from the statement; -ENOENT if there is none. */
static int get_int(struct db_statement *statement, int64_t *value, struct err *err)
{
	int r = db_step(statement, err);

	if (r == 0)
		return -ENOENT;
	if (r < 0)
		return r;
	*value = db_column_int(statement, 0);
	db_reset(statement);
	return 0;
}

int spool_file_checkpoint(struct spool_file *file, struct err *err)
{
	int64_t is_busy;

	return get_int(file->statements[CHECKPOINT], &is_busy, err);
}

/* Numbers beyond this are damage: sums of them must not overflow, and the year is below 144000. */
static bool is_sane(const struct spool_state *state)
{
	const int64_t max = INT64_C(1) << 52;
	const int64_t numbers[] = {state->epoch,       state->done,      state->until_ms,
				   state->gap.from_ms, state->gap.to_ms, state->gap.batches,
				   state->last,        state->newest_ms};

	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
		if (numbers[i] < 0 || numbers[i] > max)
			return false;
	return state->first >= 1 && state->first <= state->done + 1 && state->last >= state->done;
}

int spool_file_load(struct spool_file *file, struct spool_state *state, struct err *err)
{
	struct db_statement *load = file->statements[LOAD];
	struct spool_state next = *state;
	int r = db_step(load, err);

	if (r < 0)
		return r;
	if (r == 0)
		return err_set(err, -EUCLEAN, "the spool file has no state");
	next.epoch = db_column_int(load, 0);
	next.done = db_column_int(load, 1);
	next.until_ms = db_column_int(load, 2);
	next.gap.from_ms = db_column_int(load, 3);
	next.gap.to_ms = db_column_int(load, 4);
	next.gap.batches = db_column_int(load, 5);
	next.first = db_column_is_null(load, 6) ? next.done + 1 : db_column_int(load, 6);
	next.last = db_column_is_null(load, 7) ? next.done : db_column_int(load, 7);
	next.newest_ms = db_column_int(load, 8);
	db_reset(load);
	if (!is_sane(&next))
		return err_set(err, -EUCLEAN, "the spool file contradicts itself");
	*state = next;
	return 0;
}

int spool_file_store(struct spool_file *file, const struct spool_state *state, struct err *err)
{
	struct db_statement *store = file->statements[STORE];

	db_bind_int(store, 1, state->epoch);
	db_bind_int(store, 2, state->done);
	db_bind_int(store, 3, state->until_ms);
	db_bind_int(store, 4, state->gap.from_ms);
	db_bind_int(store, 5, state->gap.to_ms);
	db_bind_int(store, 6, state->gap.batches);
	return db_run(store, err);
}

int spool_file_insert(struct spool_file *file, int64_t id, const struct spool_entry *entry,
		      struct err *err)
{
	struct db_statement *insert = file->statements[INSERT];

	db_bind_int(insert, 1, id);
	db_bind_int(insert, 2, entry->time_ms);
	db_bind_int(insert, 3, entry->n_lines);
	db_bind_int(insert, 4, check_sum(entry));
	db_bind_blob(insert, 5, entry->body, entry->len);
	return db_run(insert, err);
}

int spool_file_delete(struct spool_file *file, int64_t id, struct err *err)
{
	db_bind_int(file->statements[DELETE], 1, id);
	return db_run(file->statements[DELETE], err);
}

int spool_file_read(struct spool_file *file, int64_t id, struct buf *body, struct spool_entry *out,
		    struct err *err)
{
	struct db_statement *read = file->statements[READ];
	size_t start = body->len, len;
	const void *data;
	int64_t sum;
	int r;

	db_bind_int(read, 1, id);
	r = db_step(read, err);
	if (r == 0)
		return err_set(err, -ENOENT, "there is no such batch");
	if (r < 0)
		return r;
	sum = db_column_int(read, 2);
	data = db_column_blob(read, 3, &len);
	*out = (struct spool_entry){
		.body = data,
		.len = len,
		.time_ms = db_column_int(read, 0),
		.n_lines = db_column_int(read, 1),
	};
	if (check_sum(out) == sum)
		buf_add(body, data, len);
	else
		r = err_set(err, -EBADMSG, "the batch is damaged");
	db_reset(read);
	out->body = body->data != NULL ? body->data + start : NULL;
	return r < 0 ? r : 0;
}

int spool_file_time(struct spool_file *file, int64_t id, int64_t *time_ms, struct err *err)
{
	db_bind_int(file->statements[TIME], 1, id);
	return get_int(file->statements[TIME], time_ms, err);
}

int spool_file_following(struct spool_file *file, int64_t *id, struct err *err)
{
	int64_t next;
	int r;

	db_bind_int(file->statements[FOLLOWING], 1, *id);
	r = get_int(file->statements[FOLLOWING], &next, err);
	if (r < 0)
		return r;
	if (next <= *id) /* rows out of order: a loop over them would not end */
		return err_set(err, -EUCLEAN, "the spool file contradicts itself");
	*id = next;
	return 0;
}

int spool_file_newer(struct spool_file *file, int64_t until_ms, int64_t *id, struct err *err)
{
	db_bind_int(file->statements[NEWER], 1, until_ms);
	return get_int(file->statements[NEWER], id, err);
}

int spool_file_bytes(struct spool_file *file, int64_t *bytes, struct err *err)
{
	return get_int(file->statements[BYTES], bytes, err);
}

int64_t spool_file_cost(size_t len)
{
	int64_t bytes = (int64_t)len + CELL_OVERHEAD;

	/* One page more: a leaf page may have to be split. */
	return (bytes / (PAGE - PAGE_OVERHEAD) + 2) * PAGE;
}
