/* SPDX-License-Identifier: Apache-2.0 */
#include "server/ledger/ledger.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "server/ledger/ledger_private.h"

static int read_change(struct ledger *ledger, struct err *err)
{
	struct db_statement *get;
	int rc = ledger_prepared(ledger, SQL_CHANGE_GET, &get, err);

	if (rc < 0)
		return rc;
	rc = db_step(get, err);
	if (rc == 0)
		return err_set(err, -EUCLEAN, "the ledger has no change number");
	if (rc == 1)
		ledger->change = db_column_int(get, 0);
	db_reset(get);
	return rc < 0 ? rc : 0;
}

static int write_change(struct ledger *ledger, struct err *err)
{
	struct db_statement *set;
	int rc = ledger_prepared(ledger, SQL_CHANGE_SET, &set, err);

	if (rc < 0)
		return rc;
	db_bind_int(set, 1, ledger->change);
	return db_run(set, err);
}

/* A bigger cache and rarer checkpoints than SQLite's: many payloads make one commit, and pages that
 * several commits touch are copied into the file once. */
static int set_up_writer(struct ledger *ledger, struct err *err)
{
	int rc = db_migrate(ledger->db, ledger_schema, ledger_schema_steps, err);

	if (rc == 0)
		rc = db_execute(ledger->db,
				"PRAGMA cache_size=-65536; PRAGMA wal_autocheckpoint=8192;"
				"PRAGMA journal_size_limit=67108864",
				err);
	return rc;
}

/* A reader changes nothing: the file must be a ledger already. */
static int check_schema(struct ledger *ledger, struct err *err)
{
	struct db_statement *version;
	int rc = db_prepare(ledger->db, &version, "PRAGMA user_version", err);
	bool is_ledger;

	if (rc < 0)
		return rc;
	rc = db_step(version, err);
	is_ledger = rc == 1 && db_column_int(version, 0) == ledger_schema_steps;
	db_finalize(version);
	if (rc < 0 || is_ledger)
		return rc < 0 ? rc : 0;
	return err_set(err, -EINVAL,
		       "'%s' is not a ledger of this version; the server makes or "
		       "updates it when it starts",
		       ledger->path);
}

static int open_ledger(struct ledger **out, const char *path, bool is_writer, struct err *err)
{
	struct ledger *ledger = xcalloc(1, sizeof *ledger);
	int rc = db_open(&ledger->db, path, is_writer ? DB_READ_WRITE : DB_READ_ONLY, err);

	ledger->path = xstrdup(path);
	ledger->is_writer = is_writer;
	ledger->generation = 1;
	ledger->late_before_ms = INT64_MIN;
	ledger->arena = arena_create();
	if (rc == 0 && is_writer)
		rc = set_up_writer(ledger, err);
	if (rc == 0 && !is_writer)
		rc = check_schema(ledger, err);
	if (rc == 0)
		rc = read_change(ledger, err);
	if (rc < 0) {
		ledger_close(ledger);
		return err_prefix(err, rc, "ledger");
	}
	ledger->data_version = db_data_version(ledger->db);
	*out = ledger;
	return 0;
}

int ledger_open(struct ledger **out, const char *path, struct err *err)
{
	return open_ledger(out, path, true, err);
}

int ledger_open_reader(struct ledger **out, const char *path, struct err *err)
{
	return open_ledger(out, path, false, err);
}

void ledger_close(struct ledger *ledger)
{
	if (!ledger)
		return;
	if (ledger->is_open)
		ledger_rollback(ledger);
	for (int i = 0; i < N_LEDGER_SQL; i++)
		db_finalize(ledger->statements[i]);
	db_close(ledger->db);
	free(ledger->path);
	arena_destroy(ledger->arena);
	free(ledger->buckets);
	free(ledger->names);
	free(ledger->states);
	buf_fini(&ledger->scratch);
	buf_fini(&ledger->sightings);
	free(ledger->readings[0]);
	free(ledger->readings[1]);
	free(ledger);
}

const char *ledger_path(const struct ledger *ledger)
{
	return ledger->path;
}

struct db *ledger_db(struct ledger *ledger)
{
	return ledger->db;
}

/* Another connection may have committed: if it went through its own ledger, the change number has
 * moved, and what is remembered of registers may be wrong. Writers of other tables leave it. */
static int catch_up(struct ledger *ledger, struct err *err)
{
	int64_t version = db_data_version(ledger->db), change = ledger->change;
	int rc;

	if (version == ledger->data_version)
		return 0;
	rc = read_change(ledger, err);
	if (rc < 0)
		return rc;
	ledger->data_version = version;
	if (ledger->change != change)
		ledger->generation++;
	return 0;
}

int ledger_identity(struct ledger *ledger, int64_t *id, struct err *err)
{
	struct db_statement *get;
	int rc = db_execute(ledger->db,
			    "INSERT OR IGNORE INTO meta VALUES('identity', random() & "
			    "0x7fffffffffffffff)",
			    err);

	if (rc == 0)
		rc = db_prepare(ledger->db, &get, "SELECT value FROM meta WHERE name = 'identity'",
				err);
	if (rc != 0)
		return rc;
	rc = db_step(get, err);
	if (rc == 1)
		*id = db_column_int(get, 0);
	db_finalize(get);
	return rc == 1 ? 0 : rc < 0 ? rc : err_set(err, -EUCLEAN, "the ledger has no identity");
}

int ledger_begin(struct ledger *ledger, struct err *err)
{
	int rc;

	assert(ledger->is_writer && !ledger->is_open);
	rc = db_begin(ledger->db, err);
	if (rc < 0)
		return rc;
	rc = catch_up(ledger, err);
	if (rc < 0) {
		db_rollback(ledger->db);
		return rc;
	}
	ledger->change++;
	ledger->is_open = true;
	return 0;
}

int ledger_commit(struct ledger *ledger, struct err *err)
{
	int rc;

	assert(ledger->is_open);
	rc = write_change(ledger, err);
	if (rc == 0)
		rc = db_commit(ledger->db, err);
	if (rc < 0) {
		ledger_rollback(ledger);
		return rc;
	}
	ledger->is_open = false;
	ledger->has_new_names = false;
	return 0;
}

void ledger_rollback(struct ledger *ledger)
{
	assert(ledger->is_open);
	db_rollback(ledger->db);
	ledger->is_open = false;
	ledger->change--;
	ledger->generation++;
	if (ledger->has_new_names)
		ledger_forget_names(ledger);
	ledger->has_new_names = false;
}

int64_t ledger_change(struct ledger *ledger)
{
	if (!ledger->is_open && read_change(ledger, NULL) < 0)
		return 0;
	return ledger->change;
}

struct reading *ledger_room(struct ledger *ledger, int which, size_t n)
{
	if (n > ledger->readings_cap[which]) {
		size_t cap = n + n / 2 + 128;

		ledger->readings[which] =
			xrealloc(ledger->readings[which], cap, sizeof *ledger->readings[which]);
		ledger->readings_cap[which] = cap;
	}
	return ledger->readings[which];
}
