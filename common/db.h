/* SPDX-License-Identifier: Apache-2.0 */
/* db.h - SQLite behind plain C: the one place that knows sqlite3. A struct db is for one thread. */
#ifndef COMMON_DB_H
#define COMMON_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

struct db;
struct db_statement;

enum db_mode { DB_READ_ONLY, DB_READ_WRITE };

/* Opens a file in WAL mode with synchronous=FULL and foreign keys; creates it (mode 0600) when
 * writing. Waits up to 10 s for another process's lock. -ENOENT: read only and not there. */
int db_open(struct db **out, const char *path, enum db_mode mode, struct err *err);
void db_close(struct db *db); /* finalizes nothing: statements first. NULL is allowed */

/* Brings the schema up to date: step i turns version i into i + 1 (user_version), each in its own
 * transaction. -EINVAL if the file is newer than this program. */
int db_migrate(struct db *db, const char *const *steps, int n_steps, struct err *err);

int db_execute(struct db *db, const char *sql, struct err *err);

/* An SQL error in the text is a bug: asserts. Only schema or I/O trouble returns an error. */
int db_prepare(struct db *db, struct db_statement **out, const char *sql, struct err *err);
void db_finalize(struct db_statement *statement); /* NULL is allowed */

/* Parameters count from 1. Text and blob are copied. */
void db_bind_int(struct db_statement *statement, int index, int64_t value);
void db_bind_real(struct db_statement *statement, int index, double value);
void db_bind_text(struct db_statement *statement, int index, const char *text, size_t len);
void db_bind_string(struct db_statement *statement, int index, const char *text); /* NULL: null */
void db_bind_blob(struct db_statement *statement, int index, const void *data, size_t len);
void db_bind_null(struct db_statement *statement, int index);

/* 1: a row stands ready. 0: done (and reset). negative errno: failed (and reset). -ENOSPC: disk
 * full; -EIO: input/output error; -EBUSY: locked for longer than the wait; -EUCLEAN: corrupt. */
int db_step(struct db_statement *statement, struct err *err);
/* Steps once, expecting no row, and resets. 0 or negative errno. */
int db_run(struct db_statement *statement, struct err *err);
void db_reset(struct db_statement *statement);

/* Columns count from 0. Text and blob borrow until the next step, reset or finalize. */
int64_t db_column_int(struct db_statement *statement, int column);
double db_column_real(struct db_statement *statement, int column);
const char *db_column_text(struct db_statement *statement, int column,
			   size_t *len); /* len or NULL */
const void *db_column_blob(struct db_statement *statement, int column, size_t *len);
bool db_column_is_null(struct db_statement *statement, int column);

int db_begin(struct db *db, struct err *err);      /* IMMEDIATE */
int db_begin_read(struct db *db, struct err *err); /* a snapshot */
int db_commit(struct db *db, struct err *err);
void db_rollback(struct db *db);

int64_t db_changes(struct db *db); /* rows changed by the last statement */
int64_t db_last_rowid(struct db *db);
int64_t db_data_version(struct db *db); /* changes when another connection has committed */
int db_backup(struct db *db, const char *path, struct err *err); /* a consistent copy, online */

#endif
