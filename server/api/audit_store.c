/* SPDX-License-Identifier: Apache-2.0 */
#include "server/api/audit_store.h"

#include <stdio.h>

static const char *const schema[] = {
	/* AUTOINCREMENT: an id is never given again, so a hole shows that something was removed. */
	"CREATE TABLE access (id INTEGER PRIMARY KEY AUTOINCREMENT, time_ms INTEGER NOT NULL,"
	" token TEXT NOT NULL, region TEXT NOT NULL, institution TEXT NOT NULL,"
	" method TEXT NOT NULL, path TEXT NOT NULL, status INTEGER NOT NULL,"
	" bytes INTEGER NOT NULL, peer TEXT NOT NULL, lost INTEGER NOT NULL);"
	"CREATE INDEX access_time ON access (time_ms);"
	"CREATE TRIGGER access_stays BEFORE UPDATE ON access"
	" BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;",
};

int audit_store_open(struct db **out, const char *path, enum db_mode mode, struct err *err)
{
	struct db *db = NULL;
	int rc = db_open(&db, path, mode, err);

	if (rc == 0 && mode == DB_READ_WRITE)
		rc = db_migrate(db, schema, sizeof schema / sizeof *schema, err);
	if (rc < 0) {
		db_close(db);
		return err_prefix(err, rc, "audit log");
	}
	*out = db;
	return 0;
}

static int insert(struct db_statement *statement, const struct audit_entry *entry, struct err *err)
{
	db_bind_int(statement, 1, entry->time_ms);
	db_bind_string(statement, 2, entry->token);
	db_bind_string(statement, 3, entry->regions);
	db_bind_string(statement, 4, entry->institution);
	db_bind_string(statement, 5, entry->method);
	db_bind_string(statement, 6, entry->path);
	db_bind_int(statement, 7, entry->status);
	db_bind_int(statement, 8, entry->bytes);
	db_bind_string(statement, 9, entry->peer);
	db_bind_int(statement, 10, entry->lost);
	return db_run(statement, err);
}

int audit_store_add(struct db *db, const struct audit_entry *const *entries, size_t n,
		    struct err *err)
{
	struct db_statement *statement = NULL;
	int rc = db_begin(db, err);

	if (rc < 0)
		return rc;
	rc = db_prepare(db, &statement,
			"INSERT INTO access (time_ms, token, region, institution, method, path,"
			" status, bytes, peer, lost) VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10)",
			err);
	for (size_t i = 0; i < n && rc == 0; i++)
		rc = insert(statement, entries[i], err);
	db_finalize(statement);
	if (rc == 0)
		rc = db_commit(db, err);
	if (rc < 0)
		db_rollback(db);
	return rc;
}

int audit_store_prune(struct db *db, int64_t before_ms, struct err *err)
{
	struct db_statement *statement;
	int rc = db_prepare(db, &statement,
			    "DELETE FROM access WHERE id IN (SELECT id FROM access"
			    " WHERE time_ms < ?1 ORDER BY time_ms LIMIT 10000)",
			    err);

	if (rc < 0)
		return rc;
	db_bind_int(statement, 1, before_ms);
	rc = db_run(statement, err);
	db_finalize(statement);
	return rc;
}

static void copy(struct db_statement *row, int column, char *out, size_t size)
{
	(void)snprintf(out, size, "%s", db_column_text(row, column, NULL));
}

static void read_row(struct db_statement *row, struct audit_entry *entry)
{
	*entry = (struct audit_entry){.id = db_column_int(row, 0),
				      .time_ms = db_column_int(row, 1),
				      .status = (int)db_column_int(row, 7),
				      .bytes = db_column_int(row, 8),
				      .lost = db_column_int(row, 10)};
	copy(row, 2, entry->token, sizeof entry->token);
	copy(row, 3, entry->regions, sizeof entry->regions);
	copy(row, 4, entry->institution, sizeof entry->institution);
	copy(row, 5, entry->method, sizeof entry->method);
	copy(row, 6, entry->path, sizeof entry->path);
	copy(row, 9, entry->peer, sizeof entry->peer);
}

#define SELECT                                                                      \
	"SELECT id, time_ms, token, region, institution, method, path, status, "    \
	"bytes, peer, lost FROM access WHERE time_ms >= ?1 AND id < ?2 AND (?3 IS " \
	"NULL OR token = ?3) ORDER BY id"

int audit_store_list(struct db *db, const struct audit_query *query, audit_fn fn, void *arg,
		     struct err *err)
{
	struct db_statement *row;
	struct audit_entry entry;
	int rc = db_prepare(db, &row, query->is_newest_first ? SELECT " DESC" : SELECT, err);

	if (rc < 0)
		return rc;
	db_bind_int(row, 1, query->since_ms);
	db_bind_int(row, 2, query->before_id);
	db_bind_string(row, 3, query->token);
	while ((rc = db_step(row, err)) == 1) {
		read_row(row, &entry);
		if (fn(&entry, arg) != 0)
			break;
	}
	db_finalize(row);
	return rc < 0 ? rc : 0;
}
