/* SPDX-License-Identifier: Apache-2.0 */
#include "common/db.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"

enum { BUSY_WAIT_MS = 10 * 1000, BACKUP_PAGES = 1024, BACKUP_WAIT_MS = 60 * 1000 };

struct db {
	sqlite3 *sqlite;
	char *path;
};

struct db_statement {
	sqlite3_stmt *stmt;
	struct db *db;
};

/* SQLITE_IOERR hides a full disk of the journal or of a temporary file; the errno tells. */
static int code_of(sqlite3 *sqlite, int rc)
{
	switch (rc & 0xff) {
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_IOERR:
		if (sqlite != NULL && (sqlite3_system_errno(sqlite) == ENOSPC ||
				       sqlite3_system_errno(sqlite) == EDQUOT))
			return -ENOSPC;
		return rc == SQLITE_IOERR_NOMEM ? -ENOMEM : -EIO;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return -EUCLEAN;
	case SQLITE_READONLY:
		return -EROFS;
	case SQLITE_CANTOPEN:
		if (sqlite != NULL && sqlite3_system_errno(sqlite) != 0)
			return -sqlite3_system_errno(sqlite);
		return -EACCES;
	case SQLITE_PERM:
	case SQLITE_AUTH:
		return -EACCES;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_TOOBIG:
		return -E2BIG;
	case SQLITE_CONSTRAINT:
		return -EEXIST;
	default:
		return -EINVAL;
	}
}

static int fail(struct db *db, int rc, struct err *err)
{
	int code = code_of(db->sqlite, rc);

	assert(code < 0);
	(void)err_set(err, code, "database '%s': %s", db->path,
		      code == -ENOSPC ? err_name(code) : sqlite3_errmsg(db->sqlite));
	return code;
}

/* SQLite would create it with the umask's mode; the ledger is nobody else's business. A file that
 * is there must not be opened: closing it again would drop the POSIX locks of every connection that
 * this process has, and another process would take the write-ahead log away under them. */
static int create_private(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0)
		return errno == EEXIST ? 0 : -errno;
	(void)close(fd); /* nothing was written */
	return 0;
}

static pthread_once_t sqlite_once = PTHREAD_ONCE_INIT;

/* Nobody asks how much memory SQLite uses; counting it takes a lock at each allocation. */
static void init_sqlite(void)
{
	int rc = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);

	assert(rc == SQLITE_OK);
}

static int open_file(const char *path, enum db_mode mode, sqlite3 **sqlite, struct err *err)
{
	int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE |
		    (mode == DB_READ_ONLY ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE);
	int code = mode == DB_READ_ONLY ? (access(path, F_OK) == 0 ? 0 : -errno)
					: create_private(path);
	int rc;

	if (code < 0)
		return err_set(err, code, "database '%s': %s", path, err_name(code));
	rc = sqlite3_open_v2(path, sqlite, flags, NULL);
	if (rc == SQLITE_OK)
		return 0;
	code = code_of(*sqlite, rc);
	(void)err_set(err, code, "database '%s': %s", path, sqlite3_errstr(rc));
	(void)sqlite3_close(*sqlite);
	return code;
}

static int execute(struct db *db, const char *sql, struct err *err)
{
	int rc = sqlite3_exec(db->sqlite, sql, NULL, NULL, NULL);

	return rc == SQLITE_OK ? 0 : fail(db, rc, err);
}

/* Reading a WAL database needs its -shm file: one must be there or may be created. */
static int look_in(struct db *db, struct err *err)
{
	int rc =
		sqlite3_exec(db->sqlite, "PRAGMA query_only=ON; SELECT count(*) FROM sqlite_schema",
			     NULL, NULL, NULL);

	if (rc == SQLITE_OK)
		return 0;
	if ((rc & 0xff) != SQLITE_CANTOPEN && rc != SQLITE_READONLY_CANTINIT)
		return fail(db, rc, err);
	return err_set(err, -EACCES,
		       "database '%s' cannot be read while nobody has it open, because this user "
		       "may not create '%s-shm'; run as the owner of the database",
		       db->path, db->path);
}

static int set_up(struct db *db, enum db_mode mode, struct err *err)
{
	int code;

	(void)sqlite3_busy_timeout(db->sqlite, BUSY_WAIT_MS);
	(void)sqlite3_db_config(db->sqlite, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	code = execute(db, "PRAGMA foreign_keys=ON; PRAGMA mmap_size=0; PRAGMA temp_store=MEMORY",
		       err);
	/* The first look into the file: here a corrupt or foreign one shows. */
	if (code == 0 && mode == DB_READ_ONLY)
		code = look_in(db, err);
	if (code == 0 && mode == DB_READ_WRITE)
		code = execute(db,
			       "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; "
			       "PRAGMA journal_size_limit=16777216; "
			       "SELECT count(*) FROM sqlite_schema",
			       err);
	return code;
}

int db_open(struct db **out, const char *path, enum db_mode mode, struct err *err)
{
	sqlite3 *sqlite = NULL;
	struct db *db;
	int code;

	assert(sqlite3_threadsafe() != 0);
	(void)pthread_once(&sqlite_once, init_sqlite);
	code = open_file(path, mode, &sqlite, err);
	if (code < 0)
		return code;
	db = xcalloc(1, sizeof *db);
	db->sqlite = sqlite;
	db->path = xstrdup(path);
	code = set_up(db, mode, err);
	if (code < 0) {
		db_close(db);
		return code;
	}
	*out = db;
	return 0;
}

void db_close(struct db *db)
{
	int rc;

	if (db == NULL)
		return;
	rc = sqlite3_close(db->sqlite);
	assert(rc == SQLITE_OK); /* else a statement or a backup was forgotten */
	free(db->path);
	free(db);
}

/* ---- statements ---- */

int db_prepare(struct db *db, struct db_statement **out, const char *sql, struct err *err)
{
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v3(db->sqlite, sql, -1, SQLITE_PREPARE_PERSISTENT, &stmt, NULL);

	if (rc == SQLITE_ERROR)
		log_error("db", "database '%s': %s, in: %s", db->path, sqlite3_errmsg(db->sqlite),
			  sql);
	assert(rc != SQLITE_ERROR && rc != SQLITE_MISUSE);
	if (rc != SQLITE_OK)
		return fail(db, rc, err);
	assert(stmt != NULL);
	*out = xcalloc(1, sizeof **out);
	(*out)->stmt = stmt;
	(*out)->db = db;
	return 0;
}

void db_finalize(struct db_statement *statement)
{
	if (statement == NULL)
		return;
	(void)sqlite3_finalize(statement->stmt); /* repeats the last step's failure */
	free(statement);
}

/* A wrong index is a bug; a text of gigabytes does not exist here. */
static void bound(int rc)
{
	assert(rc == SQLITE_OK);
}

void db_bind_int(struct db_statement *statement, int index, int64_t value)
{
	bound(sqlite3_bind_int64(statement->stmt, index, value));
}

void db_bind_real(struct db_statement *statement, int index, double value)
{
	bound(sqlite3_bind_double(statement->stmt, index, value));
}

void db_bind_text(struct db_statement *statement, int index, const char *text, size_t len)
{
	bound(sqlite3_bind_text64(statement->stmt, index, text, len, SQLITE_TRANSIENT,
				  SQLITE_UTF8));
}

void db_bind_string(struct db_statement *statement, int index, const char *text)
{
	if (text == NULL)
		db_bind_null(statement, index);
	else
		db_bind_text(statement, index, text, strlen(text));
}

void db_bind_blob(struct db_statement *statement, int index, const void *data, size_t len)
{
	/* A NULL pointer would bind NULL, and no bytes are a value of their own. */
	bound(sqlite3_bind_blob64(statement->stmt, index, data != NULL ? data : "", len,
				  SQLITE_TRANSIENT));
}

void db_bind_null(struct db_statement *statement, int index)
{
	bound(sqlite3_bind_null(statement->stmt, index));
}

int db_step(struct db_statement *statement, struct err *err)
{
	int rc = sqlite3_step(statement->stmt), code;

	if (rc == SQLITE_ROW)
		return 1;
	/* The words first: reset may change them. */
	code = rc == SQLITE_DONE ? 0 : fail(statement->db, rc, err);
	db_reset(statement);
	return code;
}

int db_run(struct db_statement *statement, struct err *err)
{
	int code = db_step(statement, err);

	if (code != 1)
		return code;
	db_reset(statement);
	return 0;
}

void db_reset(struct db_statement *statement)
{
	(void)sqlite3_reset(statement->stmt); /* repeats the last step's failure */
}

int64_t db_column_int(struct db_statement *statement, int column)
{
	return sqlite3_column_int64(statement->stmt, column);
}

double db_column_real(struct db_statement *statement, int column)
{
	return sqlite3_column_double(statement->stmt, column);
}

const char *db_column_text(struct db_statement *statement, int column, size_t *len)
{
	const char *text = (const char *)sqlite3_column_text(statement->stmt, column);

	if (len != NULL)
		*len = (size_t)sqlite3_column_bytes(statement->stmt, column);
	return text;
}

const void *db_column_blob(struct db_statement *statement, int column, size_t *len)
{
	const void *data = sqlite3_column_blob(statement->stmt, column);

	*len = (size_t)sqlite3_column_bytes(statement->stmt, column);
	return data;
}

bool db_column_is_null(struct db_statement *statement, int column)
{
	return sqlite3_column_type(statement->stmt, column) == SQLITE_NULL;
}

/* ---- transactions ---- */

int db_execute(struct db *db, const char *sql, struct err *err)
{
	return execute(db, sql, err);
}

int db_begin(struct db *db, struct err *err)
{
	return execute(db, "BEGIN IMMEDIATE", err);
}

/* BEGIN alone takes no snapshot before the first read. */
int db_begin_read(struct db *db, struct err *err)
{
	int code = execute(db, "BEGIN", err);

	if (code == 0)
		code = execute(db, "SELECT count(*) FROM sqlite_schema", err);
	if (code < 0)
		db_rollback(db);
	return code;
}

int db_commit(struct db *db, struct err *err)
{
	return execute(db, "COMMIT", err);
}

/* After some failures (disk full, input/output error) SQLite has already rolled back. */
void db_rollback(struct db *db)
{
	struct err err = {0};

	if (sqlite3_get_autocommit(db->sqlite) == 0 && execute(db, "ROLLBACK", &err) < 0)
		log_warn("db", "rolling back: %s", err.text);
}

int64_t db_changes(struct db *db)
{
	return sqlite3_changes64(db->sqlite);
}

int64_t db_last_rowid(struct db *db)
{
	return sqlite3_last_insert_rowid(db->sqlite);
}

static int read_number(struct db *db, const char *sql, int64_t *number, struct err *err)
{
	struct db_statement *statement;
	int code = db_prepare(db, &statement, sql, err);

	if (code < 0)
		return code;
	code = db_step(statement, err);
	if (code == 1)
		*number = db_column_int(statement, 0);
	db_finalize(statement);
	return code < 0 ? code : 0;
}

int64_t db_data_version(struct db *db)
{
	int64_t version = -1; /* cannot be read now: differs from any known one */

	(void)read_number(db, "PRAGMA data_version", &version, NULL);
	return version;
}

/* ---- schema and copies ---- */

static int migrate_step(struct db *db, const char *step, int64_t version, struct err *err)
{
	char sql[64];
	int64_t now = 0;
	int code = db_begin(db, err);

	if (code < 0)
		return code;
	/* Another process may have done this step while we waited for its lock. */
	code = read_number(db, "PRAGMA user_version", &now, err);
	if (code == 0 && now == version)
		code = execute(db, step, err);
	(void)snprintf(sql, sizeof sql, "PRAGMA user_version=%lld", (long long)version + 1);
	if (code == 0 && now == version)
		code = execute(db, sql, err);
	if (code == 0)
		code = db_commit(db, err);
	if (code < 0)
		db_rollback(db);
	return code;
}

int db_migrate(struct db *db, const char *const *steps, int n_steps, struct err *err)
{
	int64_t version = 0;
	int code = read_number(db, "PRAGMA user_version", &version, err);

	/* The number is a signed one of the file's header: damage may have made it negative. */
	if (code == 0 && (version < 0 || version > n_steps))
		return err_set(err, -EINVAL,
			       "database '%s' has schema %lld, but this program knows only %d; it "
			       "was written by a newer version",
			       db->path, (long long)version, n_steps);
	for (; code == 0 && version < n_steps; version++)
		code = migrate_step(db, steps[version], version, err);
	return code;
}

static int copy_pages(struct db *db, struct db *copy, struct err *err)
{
	sqlite3_backup *backup = sqlite3_backup_init(copy->sqlite, "main", db->sqlite, "main");
	int64_t deadline = clock_mono_ms() + BACKUP_WAIT_MS;
	int rc;

	if (backup == NULL)
		return fail(copy, sqlite3_extended_errcode(copy->sqlite), err);
	do {
		rc = sqlite3_backup_step(backup, BACKUP_PAGES);
		if (rc == SQLITE_OK)
			deadline = clock_mono_ms() + BACKUP_WAIT_MS;
		if (rc == SQLITE_BUSY || rc == SQLITE_LOCKED)
			clock_sleep_until(clock_mono_ms() + 10);
	} while (rc == SQLITE_OK ||
		 ((rc == SQLITE_BUSY || rc == SQLITE_LOCKED) && clock_mono_ms() < deadline));
	(void)sqlite3_backup_finish(backup); /* repeats rc */
	return rc == SQLITE_DONE ? 0 : fail(copy, rc, err);
}

static int sync_file(const char *path, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), code = 0;

	if (fd < 0 || fsync(fd) < 0)
		code = -errno;
	if (fd >= 0)
		(void)close(fd); /* was synced */
	return code == 0 ? 0 : err_set(err, code, "database '%s': %s", path, err_name(code));
}

int db_backup(struct db *db, const char *path, struct err *err)
{
	struct db copy = {0};
	int code;

	if (access(path, F_OK) == 0)
		return err_set(err, -EEXIST, "'%s' exists already; it is not overwritten", path);
	code = open_file(path, DB_READ_WRITE, &copy.sqlite, err);
	if (code < 0)
		return code;
	copy.path = xstrdup(path);
	code = execute(&copy, "PRAGMA journal_mode=DELETE; PRAGMA synchronous=FULL", err);
	/* One snapshot: else each commit of another process would start the copy anew. */
	if (code == 0)
		code = db_begin_read(db, err);
	if (code == 0) {
		code = copy_pages(db, &copy, err);
		db_rollback(db);
	}
	(void)sqlite3_close(copy.sqlite); /* no statement is left */
	free(copy.path);
	if (code == 0)
		code = sync_file(path, err);
	if (code < 0)
		(void)unlink(path); /* half a copy is worse than none */
	return code;
}
