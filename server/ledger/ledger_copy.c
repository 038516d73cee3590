/* SPDX-License-Identifier: Apache-2.0 */
#include "server/ledger/ledger_copy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/mem.h"
#include "server/ledger/ledger_private.h"

/* ---- files ---- */

/* The folder that a path is in. */
static int open_folder(const char *path, struct err *err)
{
	const char *slash = strrchr(path, '/');
	char *folder = slash ? xasprintf("%.*s/", (int)(slash - path), path) : xstrdup(".");
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		fd = err_set(err, -errno, "the folder of '%s': %s", path, err_name(-errno));
	free(folder);
	return fd;
}

static int sync_folder(const char *path, struct err *err)
{
	int fd = open_folder(path, err), rc = fd < 0 ? fd : 0;

	if (fd >= 0 && fsync(fd) < 0)
		rc = err_set(err, -errno, "the folder of '%s': %s", path, err_name(-errno));
	if (fd >= 0)
		(void)close(fd); /* read only */
	return rc;
}

int ledger_copy_own(int fd, const char *ledger_path, struct err *err)
{
	int folder, rc = 0;
	struct stat st;

	if (geteuid() != 0)
		return 0;
	folder = open_folder(ledger_path, err);
	if (folder < 0)
		return folder;
	if (fstat(folder, &st) < 0 || fchown(fd, st.st_uid, st.st_gid) < 0)
		rc = err_set(err, -errno, "the owner of '%s': %s", ledger_path, err_name(-errno));
	(void)close(folder); /* read only */
	return rc;
}

/* Durable, and the service's own. */
static int hand_over(const char *path, struct err *err)
{
	int fd = open(path, O_RDWR | O_CLOEXEC), rc;

	if (fd < 0)
		return err_set(err, -errno, "'%s': %s", path, err_name(-errno));
	rc = ledger_copy_own(fd, path, err);
	if (rc == 0 && fsync(fd) < 0)
		rc = err_set(err, -errno, "'%s': %s", path, err_name(-errno));
	(void)close(fd); /* was synced */
	return rc;
}

static bool exists(const char *path, const char *ending)
{
	char *name = xasprintf("%s%s", path, ending);
	bool is_there = access(name, F_OK) == 0;

	free(name);
	return is_there;
}

/* ---- looking ---- */

static int ask(struct db *db, const char *sql, int64_t *answer, struct err *err)
{
	struct db_statement *row;
	int rc = db_prepare(db, &row, sql, err);

	if (rc < 0)
		return rc;
	rc = db_step(row, err);
	if (rc == 1)
		*answer = db_column_int(row, 0);
	db_finalize(row);
	return rc < 0 ? rc : 0;
}

static int check_form(struct db *db, const char *path, struct err *err)
{
	int64_t version = 0, tables = 0;
	int rc = ask(db, "PRAGMA user_version", &version, err);

	if (rc == 0)
		rc = ask(db,
			 "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name IN "
			 "('meta', 'register', 'register_day', 'agent', 'agent_epoch')",
			 &tables, err);
	if (rc < 0)
		return rc;
	if (version < 1 || tables != 5)
		return err_set(err, -EINVAL, "'%s' is not a ledger", path);
	if (version > ledger_schema_steps)
		return err_set(err, -EINVAL, "'%s' is a ledger of a newer version", path);
	return 0;
}

static int check_pages(struct db *db, const char *path, struct err *err)
{
	struct db_statement *row;
	int rc = db_prepare(db, &row, "PRAGMA quick_check(1)", err);
	const char *verdict;

	if (rc < 0)
		return rc;
	rc = db_step(row, err);
	verdict = rc == 1 ? db_column_text(row, 0, NULL) : NULL;
	if (rc == 1 && (!verdict || strcmp(verdict, "ok") != 0))
		rc = err_set(err, -EUCLEAN, "'%s' is damaged: %s", path, verdict ? verdict : "-");
	db_finalize(row);
	return rc < 0 ? rc : 0;
}

static int read_facts(struct db *db, struct ledger_facts *facts, struct err *err)
{
	int rc = ask(db, "SELECT count(*) FROM agent", &facts->agents, err);

	if (rc == 0)
		rc = ask(db, "SELECT count(*) FROM register", &facts->registers, err);
	if (rc == 0)
		rc = ask(db, "SELECT coalesce(max(until_ms), 0) FROM agent", &facts->until_ms, err);
	return rc;
}

int ledger_copy_check(const char *path, struct ledger_facts *facts, struct err *err)
{
	struct db *db;
	struct stat st;
	int rc = db_open(&db, path, DB_READ_ONLY, err);

	if (rc < 0)
		return rc;
	rc = check_form(db, path, err);
	if (rc == 0)
		rc = check_pages(db, path, err);
	if (rc == 0)
		rc = read_facts(db, facts, err);
	db_close(db);
	if (rc == 0)
		facts->bytes = stat(path, &st) == 0 ? (int64_t)st.st_size : 0;
	return rc;
}

/* ---- there ---- */

static int copy_into(const char *from, const char *to, struct err *err)
{
	struct db *db;
	int rc = db_open(&db, from, DB_READ_ONLY, err);

	if (rc < 0)
		return rc;
	rc = check_form(db, from, err);
	if (rc == 0)
		rc = db_backup(db, to, err);
	db_close(db);
	return rc;
}

int ledger_copy_backup(const char *ledger_path, const char *copy, struct ledger_facts *facts,
		       struct err *err)
{
	int rc = copy_into(ledger_path, copy, err);

	if (rc < 0)
		return rc;
	rc = ledger_copy_check(copy, facts, err);
	if (rc == 0)
		rc = sync_folder(copy, err);
	if (rc < 0)
		(void)unlink(copy); /* what cannot be relied upon is no backup */
	return rc;
}

/* ---- and back ---- */

static int64_t count_ahead(struct db *old, const char *fresh)
{
	char *sql = xasprintf("ATTACH '%s' AS fresh", fresh);
	int64_t n = -1;

	/* A quote would end the text; such a folder only loses this number. */
	if (strchr(fresh, '\'') != NULL || check_form(old, "", NULL) < 0 ||
	    db_execute(old, sql, NULL) < 0 ||
	    ask(old,
		"SELECT count(*) FROM main.agent a WHERE a.until_ms > coalesce((SELECT b.until_ms "
		"FROM fresh.agent b WHERE b.agent = a.agent), 0)",
		&n, NULL) < 0)
		n = -1;
	free(sql);
	return n;
}

/* Closing as the last one brings everything into the one file. A ledger that is too damaged for it
 * stays as it is: that is why it is being replaced. */
static int fold(const char *path, const char *fresh, int64_t *agents_ahead, struct err *err)
{
	struct db *db;
	int rc = db_open(&db, path, DB_READ_WRITE, err);

	*agents_ahead = -1;
	if (rc == -EUCLEAN || rc == -EIO || rc == -EINVAL)
		return 0;
	if (rc < 0)
		return rc;
	*agents_ahead = count_ahead(db, fresh);
	db_close(db);
	if (exists(path, "-wal"))
		return err_set(err, -EBUSY, "another program has the ledger '%s' open", path);
	return 0;
}

static char *name_aside(const char *path, int64_t now_ms)
{
	time_t now = (time_t)(now_ms / 1000);
	char stamp[32];
	struct tm tm;

	(void)strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%SZ", gmtime_r(&now, &tm));
	return xasprintf("%s.replaced-%s", path, stamp);
}

/* A log left behind belongs to that file alone: beside another one it would be played into it. */
static int move_along(const char *path, const char *aside, const char *ending, struct err *err)
{
	char *from = xasprintf("%s%s", path, ending), *to = xasprintf("%s%s", aside, ending);
	int rc = 0;

	if (rename(from, to) < 0 && errno != ENOENT)
		rc = err_set(err, -errno, "'%s' cannot be renamed: %s", from, err_name(-errno));
	free(from);
	free(to);
	return rc;
}

/* A second name for the replaced ledger, so that the first one is never without a file. */
static int keep_aside(const char *path, const char *aside, struct err *err)
{
	int rc = 0;

	if (link(path, aside) < 0 && errno != ENOENT)
		rc = err_set(err, -errno, "'%s' cannot be kept as '%s': %s", path, aside,
			     err_name(-errno));
	if (rc == 0)
		rc = move_along(path, aside, "-wal", err);
	if (rc == 0)
		rc = move_along(path, aside, "-shm", err);
	return rc;
}

static int check_distinct(const char *copy, const char *ledger_path, struct err *err)
{
	struct stat a, b;

	if (stat(copy, &a) == 0 && stat(ledger_path, &b) == 0 && a.st_dev == b.st_dev &&
	    a.st_ino == b.st_ino)
		return err_set(err, -EINVAL, "'%s' is the ledger itself", copy);
	return 0;
}

static int put_in_place(const char *fresh, const char *ledger_path, const char *aside,
			struct ledger_restored *out, struct err *err)
{
	bool has_old = exists(ledger_path, "");
	int rc = has_old ? fold(ledger_path, fresh, &out->agents_ahead, err) : 0;

	if (rc == 0)
		rc = keep_aside(ledger_path, aside, err);
	if (rc == 0 && rename(fresh, ledger_path) < 0)
		rc = err_set(err, -errno, "'%s' cannot be put in place: %s", ledger_path,
			     err_name(-errno));
	if (rc == 0)
		rc = sync_folder(ledger_path, err);
	if (rc == 0 && has_old)
		out->aside = xstrdup(aside);
	return rc;
}

int ledger_copy_restore(const char *copy, const char *ledger_path, int64_t now_ms,
			struct ledger_restored *out, struct err *err)
{
	char *fresh = xasprintf("%s.restoring", ledger_path);
	char *aside = name_aside(ledger_path, now_ms);
	int rc = check_distinct(copy, ledger_path, err);

	*out = (struct ledger_restored){0};
	(void)unlink(fresh); /* of a restore that was interrupted */
	if (rc == 0)
		rc = ledger_copy_backup(copy, fresh, &out->facts, err);
	if (rc == 0)
		rc = hand_over(fresh, err);
	if (rc == 0)
		rc = put_in_place(fresh, ledger_path, aside, out, err);
	if (rc < 0)
		(void)unlink(fresh); /* may not be there */
	free(fresh);
	free(aside);
	return rc;
}
