/* SPDX-License-Identifier: Apache-2.0 */
#include "server/rollup/derived_schema.h"

#include "server/rollup/derived.h"
#include "server/rollup/load_migrate.h"

/* Keyed by day first: what is written at the same time lies together. */
#define CONTENT                                                                               \
	"value INTEGER NOT NULL, estimated INTEGER NOT NULL, covered_ms INTEGER NOT NULL, "   \
	"closed_ms INTEGER NOT NULL, days INTEGER NOT NULL, hours BLOB, change INTEGER NOT "  \
	"NULL, before INTEGER NOT NULL, hours_changed INTEGER NOT NULL, deleted INTEGER NOT " \
	"NULL, hours_ever INTEGER NOT NULL, "
#define METER_TABLE(name)                                                                         \
	"CREATE TABLE IF NOT EXISTS " name "(day INTEGER NOT NULL, id INTEGER NOT NULL, " CONTENT \
	"PRIMARY KEY(day, id)) WITHOUT ROWID;"                                                    \
	"CREATE INDEX IF NOT EXISTS " name "_change ON " name "(change);"
#define INSTITUTION_TABLE(name)                                                                   \
	"CREATE TABLE IF NOT EXISTS " name "(day INTEGER NOT NULL, id INTEGER NOT NULL, carrier " \
	"INTEGER NOT NULL, item TEXT NOT NULL, " CONTENT                                          \
	"PRIMARY KEY(day, id, carrier, item)) WITHOUT ROWID;"                                     \
	"CREATE INDEX IF NOT EXISTS " name "_change ON " name "(change);"

const char derived_schema[] =
	"CREATE TABLE IF NOT EXISTS derived_version(version INTEGER NOT NULL);"
	"CREATE TABLE IF NOT EXISTS derived_name(id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, "
	"name TEXT NOT NULL, definition INTEGER NOT NULL DEFAULT 0, first_day INTEGER NOT NULL "
	"DEFAULT 2147483647, last_day INTEGER NOT NULL DEFAULT -2147483648, change INTEGER NOT "
	"NULL DEFAULT 0, UNIQUE(kind, name));"
	"CREATE INDEX IF NOT EXISTS derived_name_change ON derived_name(kind, change);"
	/* Since which change nothing was computed again before a month (touched.h); id 0: of
	   anybody. */
	"CREATE TABLE IF NOT EXISTS derived_touched(id INTEGER NOT NULL, month INTEGER NOT NULL, "
	"change INTEGER NOT NULL, PRIMARY KEY(id, month)) WITHOUT ROWID;"
	"CREATE INDEX IF NOT EXISTS derived_touched_change ON derived_touched(change);"
	"CREATE TABLE IF NOT EXISTS derived_dirty(id INTEGER PRIMARY KEY, from_day INTEGER NOT "
	"NULL, to_day INTEGER NOT NULL);" METER_TABLE("meter_day") METER_TABLE("meter_month")
		INSTITUTION_TABLE("institution_day") INSTITUTION_TABLE("institution_month")
	/* By series and then by day: a month is read at once (load_code.h). */
	"CREATE TABLE IF NOT EXISTS load_block(id INTEGER NOT NULL, series TEXT NOT NULL, block "
	"INTEGER NOT NULL, days BLOB NOT NULL, PRIMARY KEY(id, series, block)) WITHOUT ROWID;"
	/* Whose indicators changed although their rows did not (server/figures/restate.c). */
	"CREATE TABLE IF NOT EXISTS kpi_restate(institution TEXT NOT NULL, kind INTEGER NOT NULL, "
	"basis INTEGER NOT NULL, change INTEGER NOT NULL, PRIMARY KEY(institution, kind)) "
	"WITHOUT ROWID;"
	"CREATE INDEX IF NOT EXISTS kpi_restate_change ON kpi_restate(change);"
	/* Under which tags series were last written; whose must be written again, and down to which
	   day they are; since which change what databases have of a name, or of a region that an
	   institution left, is to be removed (derive_tags.c). */
	"CREATE TABLE IF NOT EXISTS series_tags(id INTEGER PRIMARY KEY, hash INTEGER NOT NULL, "
	"regions TEXT);"
	"CREATE TABLE IF NOT EXISTS series_renew(id INTEGER PRIMARY KEY, day INTEGER);"
	"CREATE TABLE IF NOT EXISTS series_mark(id INTEGER PRIMARY KEY, change INTEGER NOT NULL);"
	"CREATE INDEX IF NOT EXISTS series_mark_change ON series_mark(change);"
	/* Institutions of lower servers that are to be written as a whole: new ones, or others'
	   now. */
	"CREATE TABLE IF NOT EXISTS series_remote(id INTEGER PRIMARY KEY, change INTEGER NOT NULL);"
	"CREATE INDEX IF NOT EXISTS series_remote_change ON series_remote(change);"
	"CREATE TABLE IF NOT EXISTS series_region(code TEXT PRIMARY KEY, change INTEGER NOT NULL) "
	"WITHOUT ROWID;";

const char derived_schema_drop[] =
	"DROP TABLE IF EXISTS meter_day; DROP TABLE IF EXISTS meter_month;"
	"DROP TABLE IF EXISTS institution_day; DROP TABLE IF EXISTS institution_month;"
	"DROP TABLE IF EXISTS derived_name; DROP TABLE IF EXISTS derived_dirty;"
	"DROP TABLE IF EXISTS load_day; DROP TABLE IF EXISTS load_block;"
	"DROP TABLE IF EXISTS kpi_restate; DROP TABLE IF EXISTS derived_touched;"
	"DROP TABLE IF EXISTS series_tags; DROP TABLE IF EXISTS series_renew;"
	"DROP TABLE IF EXISTS series_mark; DROP TABLE IF EXISTS series_region;"
	"DROP TABLE IF EXISTS series_remote;"
	"DROP TABLE IF EXISTS derived_version;";

#define COLUMNS                                                                                 \
	"value, estimated, covered_ms, closed_ms, days, hours, change, before, hours_changed, " \
	"deleted, hours_ever"
#define GET_METER(name)       "SELECT " COLUMNS " FROM " name " WHERE day = ?1 AND id = ?2"
#define GET_INSTITUTION(name) GET_METER(name) " AND carrier = ?3 AND item = ?4"
#define PUT_METER(name)                                                                        \
	"REPLACE INTO " name "(day, id, " COLUMNS ") VALUES(?1, ?2, ?5, ?6, ?7, ?8, ?9, ?10, " \
	"?11, ?12, ?13, ?14, ?15)"
#define PUT_INSTITUTION(name)                                    \
	"REPLACE INTO " name "(day, id, carrier, item, " COLUMNS \
	") VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)"
#define ITEMS(name)                           \
	"SELECT " COLUMNS ", item FROM " name \
	" WHERE day = ?1 AND id = ?2 AND carrier = ?3 AND deleted = 0"

const char *const derived_statements[N_DERIVED_SQL] = {
	[DERIVED_SQL_GET] = GET_METER("meter_day"),
	[DERIVED_SQL_GET + 1] = GET_METER("meter_month"),
	[DERIVED_SQL_GET + 2] = GET_INSTITUTION("institution_day"),
	[DERIVED_SQL_GET + 3] = GET_INSTITUTION("institution_month"),
	[DERIVED_SQL_PUT] = PUT_METER("meter_day"),
	[DERIVED_SQL_PUT + 1] = PUT_METER("meter_month"),
	[DERIVED_SQL_PUT + 2] = PUT_INSTITUTION("institution_day"),
	[DERIVED_SQL_PUT + 3] = PUT_INSTITUTION("institution_month"),
	[DERIVED_SQL_ITEMS_DAY] = ITEMS("institution_day"),
	[DERIVED_SQL_ITEMS_MONTH] = ITEMS("institution_month"),
	[DERIVED_SQL_FIND] = "SELECT id, definition, first_day, last_day FROM derived_name WHERE "
			     "kind = ? AND name = ?",
	[DERIVED_SQL_INTERN] = "INSERT INTO derived_name(kind, name) VALUES(?, ?)",
	[DERIVED_SQL_DEFINE] = "UPDATE derived_name SET definition = ? WHERE id = ?",
	[DERIVED_SQL_WIDEN] = "UPDATE derived_name SET first_day = min(first_day, ?1), last_day = "
			      "max(last_day, ?1) WHERE id = ?2",
	[DERIVED_SQL_TOUCH] = "UPDATE derived_name SET change = ? WHERE id = ?",
	[DERIVED_SQL_TOUCHED_DROP] = "DELETE FROM derived_touched WHERE id = ? AND month >= ?",
	[DERIVED_SQL_TOUCHED_ADD] =
		"INSERT INTO derived_touched(id, month, change) VALUES(?, ?, ?)",
	[DERIVED_SQL_TOUCHED_ALL] =
		"SELECT month, change FROM derived_touched WHERE id = 0 AND change > ?",
	[DERIVED_SQL_TOUCHED_LIST] = "SELECT n.name, t.month, t.change FROM derived_touched t JOIN "
				     "derived_name n ON n.id = t.id WHERE t.change > ?",
	[DERIVED_SQL_RENEW] = "INSERT OR IGNORE INTO series_renew(id) VALUES(?)",
	[DERIVED_SQL_MARK] =
		"INSERT INTO derived_dirty(id, from_day, to_day) VALUES(?1, ?2, ?3) ON "
		"CONFLICT(id) DO UPDATE SET from_day = min(from_day, excluded.from_day), to_day = "
		"max(to_day, excluded.to_day)",
	[DERIVED_SQL_TAKE] = "SELECT d.id, n.kind, n.name, d.from_day, d.to_day FROM derived_dirty "
			     "d JOIN derived_name n ON n.id = d.id LIMIT 1",
	[DERIVED_SQL_DROP] = "DELETE FROM derived_dirty WHERE id = ?",
	[DERIVED_SQL_REGISTER] = "SELECT id FROM register WHERE device = ? AND quantity = ?",
	[DERIVED_SQL_LOAD_GET] =
		"SELECT days FROM load_block WHERE id = ? AND series = ? AND block = ?",
	[DERIVED_SQL_LOAD_PUT] =
		"REPLACE INTO load_block(id, series, block, days) VALUES(?, ?, ?, ?)",
	[DERIVED_SQL_LOAD_DELETE] =
		"DELETE FROM load_block WHERE id = ? AND series = ? AND block = ?",
	[DERIVED_SQL_LOAD_SERIES] =
		"SELECT series FROM load_block WHERE id = ? AND series > ? ORDER BY series LIMIT 1",
	/* ';' is the character after ':'. */
	[DERIVED_SQL_LOAD_ACCOUNTS] = "DELETE FROM load_block WHERE id = ? AND series >= "
				      "'account:' AND series < 'account;'",
	[DERIVED_SQL_LOAD_LIST] = "SELECT block, days FROM load_block WHERE id = ? AND series = ? "
				  "AND block >= ? AND block <= ? ORDER BY block",
	[DERIVED_SQL_PEAK_GET] = "SELECT peak, peak_at FROM kept_peak WHERE institution = ? AND "
				 "series = ? AND day = ?",
	[DERIVED_SQL_PEAK_KEEP] = "REPLACE INTO kept_peak(institution, series, day, peak, peak_at) "
				  "VALUES(?, ?, ?, ?, ?)",
	[DERIVED_SQL_HAS_BILLS] = "SELECT EXISTS(SELECT 1 FROM bill WHERE institution = ?1 AND "
				  "from_day < ?3 AND to_day > ?2)",
	[DERIVED_SQL_IS_MARKED] = "SELECT EXISTS(SELECT 1 FROM derived_dirty WHERE id = ? AND "
				  "from_day < ? AND to_day >= ?)",
	/* The last two hours are always in the making. */
	[DERIVED_SQL_IS_COMPUTING] =
		"SELECT EXISTS(SELECT 1 FROM derived_dirty) OR EXISTS(SELECT 1 "
		"FROM dirty WHERE from_ms < ? - 7200000)",
	[DERIVED_SQL_IS_DIRTY] =
		"SELECT EXISTS(SELECT 1 FROM derived_dirty) OR EXISTS(SELECT 1 FROM dirty)",
};

/* ---- the tables ---- */

static int read_version(struct db *db, int64_t *version, struct err *err)
{
	struct db_statement *get;
	int rc = db_prepare(db, &get, "SELECT version FROM derived_version", err);

	*version = 0;
	if (rc < 0)
		return rc;
	rc = db_step(get, err);
	if (rc == 1)
		*version = db_column_int(get, 0);
	db_finalize(get);
	return rc < 0 ? rc : 0;
}

static int make_tables(struct ledger *ledger, int64_t *version, struct err *err)
{
	struct db *db = ledger_db(ledger);
	int rc = db_execute(db, derived_schema, err);

	if (rc == 0)
		rc = exchange_prepare(db, err);
	if (rc == 0)
		rc = read_version(db, version, err);
	if (rc < 0 || *version == DERIVED_VERSION || *version == DERIVED_VERSION_OF_DAYS)
		return rc;
	rc = db_execute(db, derived_schema_drop, err);
	if (rc == 0)
		rc = db_execute(db, derived_schema, err);
	if (rc == 0)
		rc = db_execute(db, "INSERT INTO derived_version VALUES(4)", err);
	return rc;
}

static int end_of_days(struct ledger *ledger, struct err *err)
{
	return db_execute(ledger_db(ledger),
			  "DROP TABLE load_day; UPDATE derived_version SET version = 4", err);
}

static int end(struct ledger *ledger, int rc, struct err *err)
{
	if (rc == 0)
		return ledger_commit(ledger, err);
	ledger_rollback(ledger);
	return rc;
}

int derived_prepare(struct ledger *ledger, struct err *err)
{
	int64_t version = 0;
	int rc = ledger_begin(ledger, err);

	_Static_assert(DERIVED_VERSION == 4, "make_tables and end_of_days write this version");
	if (rc == 0)
		rc = end(ledger, make_tables(ledger, &version, err), err);
	if (rc < 0 || version != DERIVED_VERSION_OF_DAYS)
		return rc;
	rc = load_migrate(ledger, err);
	if (rc == 0)
		rc = ledger_begin(ledger, err);
	return rc < 0 ? rc : end(ledger, end_of_days(ledger, err), err);
}
