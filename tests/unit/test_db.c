/* SPDX-License-Identifier: Apache-2.0 */
#include "common/db.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64], path[96];

static int make_folder(void **state)
{
	(void)state;
	(void)snprintf(folder, sizeof folder, "/tmp/test_db_XXXXXX");
	assert_non_null(mkdtemp(folder));
	(void)snprintf(path, sizeof path, "%s/a.db", folder);
	return 0;
}

static int remove_folder(void **state)
{
	static const char *const names[] = {"a.db", "a.db-wal", "a.db-shm",
					    "b.db", "b.db-wal", "b.db-shm"};
	char file[96];

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		(void)snprintf(file, sizeof file, "%s/%s", folder, names[i]);
		(void)unlink(file);
	}
	return rmdir(folder);
}

static struct db *must_open(enum db_mode mode)
{
	struct err err = {0};
	struct db *db = NULL;

	if (db_open(&db, path, mode, &err) != 0)
		fail_msg("%s", err.text);
	return db;
}

static void must(struct db *db, const char *sql)
{
	struct err err = {0};

	if (db_execute(db, sql, &err) != 0)
		fail_msg("%s: %s", sql, err.text);
}

static int64_t number(struct db *db, const char *sql)
{
	struct db_statement *statement = NULL;
	int64_t value;

	assert_int_equal(db_prepare(db, &statement, sql, NULL), 0);
	assert_int_equal(db_step(statement, NULL), 1);
	value = db_column_int(statement, 0);
	db_finalize(statement);
	return value;
}

static void test_settings(void **state)
{
	struct db *db = must_open(DB_READ_WRITE);
	struct db_statement *statement = NULL;
	struct stat st;

	(void)state;
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(number(db, "PRAGMA synchronous"), 2);
	assert_int_equal(number(db, "PRAGMA foreign_keys"), 1);
	assert_int_equal(number(db, "PRAGMA mmap_size"), 0);
	assert_int_equal(db_prepare(db, &statement, "PRAGMA journal_mode", NULL), 0);
	assert_int_equal(db_step(statement, NULL), 1);
	assert_string_equal(db_column_text(statement, 0, NULL), "wal");
	db_finalize(statement);
	db_finalize(NULL);
	db_close(db);
	db_close(NULL);
}

static void test_values(void **state)
{
	struct db *db = must_open(DB_READ_WRITE);
	struct db_statement *put = NULL, *get = NULL;
	size_t len = 9;

	(void)state;
	must(db, "CREATE TABLE t (i, r, s, n, b, z)");
	assert_int_equal(db_prepare(db, &put, "INSERT INTO t VALUES (?,?,?,?,?,?)", NULL), 0);
	db_bind_int(put, 1, INT64_MIN);
	db_bind_real(put, 2, 0.1);
	db_bind_text(put, 3, "abcdef", 3);
	db_bind_string(put, 4, NULL);
	db_bind_blob(put, 5, "\0\1", 2);
	db_bind_blob(put, 6, NULL, 0);
	assert_int_equal(db_run(put, NULL), 0);
	assert_int_equal(db_changes(db), 1);
	assert_int_equal(db_last_rowid(db), 1);
	db_bind_string(put, 4, "x");
	assert_int_equal(db_run(put, NULL), 0); /* the other bindings are kept */
	assert_int_equal(db_prepare(db, &get, "SELECT * FROM t ORDER BY rowid", NULL), 0);
	assert_int_equal(db_step(get, NULL), 1);
	assert_true(db_column_int(get, 0) == INT64_MIN);
	assert_true(db_column_real(get, 1) == 0.1);
	assert_string_equal(db_column_text(get, 2, &len), "abc");
	assert_int_equal(len, 3);
	assert_true(db_column_is_null(get, 3));
	assert_memory_equal(db_column_blob(get, 4, &len), "\0\1", 2);
	assert_int_equal(len, 2);
	assert_false(db_column_is_null(get, 5));
	assert_int_equal(db_step(get, NULL), 1);
	assert_string_equal(db_column_text(get, 3, NULL), "x");
	assert_int_equal(db_step(get, NULL), 0);
	assert_int_equal(db_step(get, NULL), 1); /* done means reset: begins anew */
	db_reset(get);
	db_finalize(get);
	db_finalize(put);
	db_close(db);
}

static void test_constraint(void **state)
{
	struct db *db = must_open(DB_READ_WRITE);
	struct db_statement *put = NULL;
	struct err err = {0};

	(void)state;
	must(db, "CREATE TABLE t (i INTEGER PRIMARY KEY)");
	assert_int_equal(db_prepare(db, &put, "INSERT INTO t VALUES (?)", NULL), 0);
	db_bind_int(put, 1, 1);
	assert_int_equal(db_run(put, &err), 0);
	assert_int_equal(db_run(put, &err), -EEXIST);
	assert_non_null(strstr(err.text, "UNIQUE constraint failed: t.i"));
	db_bind_int(put, 1, 2); /* the failure has reset it */
	assert_int_equal(db_run(put, &err), 0);
	db_finalize(put);
	db_close(db);
}

static void test_two_connections(void **state)
{
	struct db *writer = must_open(DB_READ_WRITE), *reader;
	int64_t version;

	(void)state;
	must(writer, "CREATE TABLE t (i)");
	reader = must_open(DB_READ_ONLY);
	version = db_data_version(reader);
	assert_int_equal(db_data_version(reader), version);
	assert_int_equal(db_begin_read(reader, NULL), 0);
	assert_int_equal(db_begin(writer, NULL), 0);
	must(writer, "INSERT INTO t VALUES (1)");
	assert_int_equal(db_commit(writer, NULL), 0);
	assert_int_equal(number(reader, "SELECT count(*) FROM t"), 0); /* the snapshot */
	assert_int_equal(db_commit(reader, NULL), 0);
	assert_int_equal(number(reader, "SELECT count(*) FROM t"), 1);
	assert_int_not_equal(db_data_version(reader), version);
	assert_int_equal(db_execute(reader, "INSERT INTO t VALUES (2)", NULL), -EROFS);
	db_close(reader);
	db_close(writer);
}

static void test_locked(void **state)
{
	struct db *one = must_open(DB_READ_WRITE), *two = must_open(DB_READ_WRITE);
	struct err err = {0};

	(void)state;
	must(two, "PRAGMA busy_timeout=50"); /* ten seconds are too long for a test */
	assert_int_equal(db_begin(one, NULL), 0);
	assert_int_equal(db_begin(two, &err), -EBUSY);
	assert_non_null(strstr(err.text, "a.db': database is locked"));
	db_rollback(two); /* nothing was begun */
	db_rollback(one);
	assert_int_equal(db_begin(two, NULL), 0);
	db_rollback(two);
	db_close(two);
	db_close(one);
}

/* A full disk in the middle of a transaction: what is committed stays, and the connection works on
 * as soon as there is room. */
static void test_disk_full(void **state)
{
	struct db *db = must_open(DB_READ_WRITE);
	struct db_statement *put = NULL;
	struct err err = {0};
	int code = 0;

	(void)state;
	must(db, "CREATE TABLE t (b)");
	must(db, "INSERT INTO t VALUES (zeroblob(1000))");
	must(db, "PRAGMA max_page_count=50");
	assert_int_equal(db_prepare(db, &put, "INSERT INTO t VALUES (zeroblob(10000))", NULL), 0);
	assert_int_equal(db_begin(db, &err), 0);
	for (int i = 0; i < 100 && code == 0; i++)
		code = db_run(put, &err);
	assert_int_equal(code, -ENOSPC);
	assert_non_null(strstr(err.text, "No space left on device"));
	db_rollback(db);
	db_rollback(db); /* SQLite may have done it: asking again is no fault */
	assert_int_equal(number(db, "SELECT count(*) FROM t"), 1);
	must(db, "PRAGMA max_page_count=1000000");
	assert_int_equal(db_run(put, &err), 0);
	db_finalize(put);
	db_close(db);
}

static void write_garbage(off_t offset, size_t len)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	char text[4096];

	assert_true(fd >= 0);
	memset(text, 'x', sizeof text);
	for (size_t done = 0; done < len; done += sizeof text)
		assert_int_equal(pwrite(fd, text, sizeof text, offset + (off_t)done), sizeof text);
	assert_int_equal(close(fd), 0);
}

static void test_no_database(void **state)
{
	struct err err = {0};
	struct db *db = NULL;

	(void)state;
	write_garbage(0, 8192);
	assert_int_equal(db_open(&db, path, DB_READ_WRITE, &err), -EUCLEAN);
	assert_non_null(strstr(err.text, "file is not a database"));
	assert_int_equal(db_open(&db, path, DB_READ_ONLY, &err), -EUCLEAN);
	assert_null(db);
}

static void test_corrupt(void **state)
{
	struct db *db = must_open(DB_READ_WRITE);
	struct db_statement *get = NULL;
	struct err err = {0};
	int code;

	(void)state;
	must(db, "CREATE TABLE t (b)");
	must(db, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<500) "
		 "INSERT INTO t SELECT zeroblob(1000) FROM n");
	must(db, "PRAGMA wal_checkpoint(TRUNCATE)");
	db_close(db);
	write_garbage(8192, 65536);
	db = must_open(DB_READ_WRITE);
	assert_int_equal(db_prepare(db, &get, "SELECT length(b) FROM t", NULL), 0);
	while ((code = db_step(get, &err)) == 1)
		;
	assert_int_equal(code, -EUCLEAN);
	assert_non_null(strstr(err.text, "malformed"));
	db_finalize(get);
	db_close(db);
}

static void test_not_there(void **state)
{
	struct err err = {0};
	struct db *db = NULL;

	(void)state;
	assert_int_equal(db_open(&db, path, DB_READ_ONLY, &err), -ENOENT);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(db_open(&db, "/nowhere/a.db", DB_READ_WRITE, &err), -ENOENT);
	assert_string_equal(err.text, "database '/nowhere/a.db': No such file or directory");
	assert_null(db);
}

static const char *const steps[] = {
	"CREATE TABLE a (x); INSERT INTO a VALUES (1)",
	"ALTER TABLE a ADD COLUMN y; UPDATE a SET y = x + 1",
	"CREATE TABLE b (x); INSERT INTO missing VALUES (1)", /* fails half way */
};

static void test_migrate(void **state)
{
	struct db *db = must_open(DB_READ_WRITE);
	struct err err = {0};

	(void)state;
	assert_int_equal(db_migrate(db, steps, 1, &err), 0);
	assert_int_equal(number(db, "PRAGMA user_version"), 1);
	assert_int_equal(db_migrate(db, steps, 2, &err), 0);
	assert_int_equal(db_migrate(db, steps, 2, &err), 0);
	assert_int_equal(number(db, "SELECT y FROM a"), 2);
	assert_true(db_migrate(db, steps, 3, &err) < 0);
	assert_int_equal(number(db, "PRAGMA user_version"), 2);
	assert_int_equal(number(db, "SELECT count(*) FROM sqlite_schema WHERE name='b'"), 0);
	assert_int_equal(db_migrate(db, steps, 1, &err), -EINVAL);
	assert_non_null(strstr(err.text, "has schema 2, but this program knows only 1"));
	db_close(db);
}

static void test_backup(void **state)
{
	struct db *db = must_open(DB_READ_WRITE), *copy = NULL;
	struct err err = {0};
	struct stat st;
	char to[96];

	(void)state;
	(void)snprintf(to, sizeof to, "%s/b.db", folder);
	must(db, "CREATE TABLE t (b)");
	must(db, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<5000) "
		 "INSERT INTO t SELECT zeroblob(1000) FROM n");
	if (db_backup(db, to, &err) != 0)
		fail_msg("%s", err.text);
	assert_int_equal(stat(to, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(db_backup(db, to, &err), -EEXIST);
	must(db, "INSERT INTO t VALUES (1)"); /* the read transaction is over */
	assert_int_equal(db_open(&copy, to, DB_READ_WRITE, &err), 0);
	assert_int_equal(number(copy, "SELECT count(*) FROM t"), 5000);
	db_close(copy);
	db_close(db);
}

/* A process that is the last to close a database folds the write-ahead log into it and deletes it.
 * It must be forked before anything is open: SQLite remembers its locks in memory. */
static pid_t fork_visitor(int *go)
{
	int ends[2];
	pid_t child;
	char byte;

	assert_int_equal(pipe(ends), 0);
	child = fork();
	if (child == 0) {
		struct db *db = NULL;
		int rc;

		(void)close(ends[1]);
		(void)!read(ends[0], &byte, 1); /* until the parent closes its end */
		rc = db_open(&db, path, DB_READ_WRITE, NULL);
		db_close(db);
		_exit(rc == 0 ? 0 : 1);
	}
	(void)close(ends[0]);
	*go = ends[1];
	return child;
}

static void test_a_second_connection_leaves_the_first_its_locks(void **state)
{
	struct db *first, *second;
	char wal[112];
	int go = -1, status = 0;
	pid_t visitor = fork_visitor(&go);

	(void)state;
	(void)snprintf(wal, sizeof wal, "%s-wal", path);
	first = must_open(DB_READ_WRITE);
	must(first, "CREATE TABLE t(x); INSERT INTO t VALUES(1)");
	second = must_open(DB_READ_WRITE);
	db_close(second);
	(void)close(go);
	assert_int_equal(waitpid(visitor, &status, 0), visitor);
	assert_int_equal(status, 0);
	assert_int_equal(access(wal, F_OK), 0);
	must(first, "INSERT INTO t VALUES(2)");
	assert_int_equal(number(first, "SELECT sum(x) FROM t"), 3);
	db_close(first);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, make_folder, remove_folder)
	const struct CMUnitTest tests[] = {
		CASE(test_settings),    CASE(test_values),
		CASE(test_constraint),  CASE(test_two_connections),
		CASE(test_locked),      CASE(test_disk_full),
		CASE(test_no_database), CASE(test_corrupt),
		CASE(test_not_there),   CASE(test_migrate),
		CASE(test_backup),      CASE(test_a_second_connection_leaves_the_first_its_locks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
