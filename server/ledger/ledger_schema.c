/* SPDX-License-Identifier: Apache-2.0 */
#include "server/ledger/event.h"
#include "server/ledger/ledger_private.h"

#define EVENT_IS "meter = ?1 AND kind = ?2 AND cause = ?3 AND agent = ?4 AND institution = ?5"
#define EVENT_NEW                                                                                 \
	"meter, kind, cause, agent, institution, change, opened_ms, last_ms, closed_ms, region, " \
	"severity, text, value, n"

/* register_day is keyed by day first: the registers of one agent have neighbouring numbers, so what
 * a live batch touches lies on a few pages. register.first_day and last_day find a register's days
 * without an index of its own. */
const char *const ledger_schema[] = {
	"CREATE TABLE meta(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;"
	"INSERT INTO meta VALUES('change', 0);"
	"CREATE TABLE register(id INTEGER PRIMARY KEY, device TEXT NOT NULL, quantity TEXT NOT "
	"NULL, first_day INTEGER, last_day INTEGER, UNIQUE(device, quantity));"
	"CREATE TABLE register_day(utc_day INTEGER NOT NULL, register_id INTEGER NOT NULL, change "
	"INTEGER NOT NULL, n INTEGER NOT NULL, data BLOB NOT NULL, PRIMARY KEY(utc_day, "
	"register_id)) WITHOUT ROWID;"
	"CREATE TABLE dirty(register_id INTEGER PRIMARY KEY, from_ms INTEGER NOT NULL, to_ms "
	"INTEGER NOT NULL);"
	"CREATE TABLE agent(agent TEXT PRIMARY KEY, region TEXT NOT NULL, until_ms INTEGER NOT "
	"NULL, last_epoch INTEGER NOT NULL, last_at_ms INTEGER NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE agent_epoch(agent TEXT NOT NULL, epoch INTEGER NOT NULL, seen INTEGER NOT "
	"NULL, kept INTEGER NOT NULL, last_at_ms INTEGER NOT NULL, PRIMARY KEY(agent, epoch)) "
	"WITHOUT ROWID;"
	"CREATE TABLE event(id INTEGER PRIMARY KEY, change INTEGER NOT NULL, time_ms INTEGER NOT "
	"NULL, kind TEXT NOT NULL, severity INTEGER NOT NULL, region TEXT NOT NULL, institution "
	"TEXT NOT NULL, meter TEXT NOT NULL, agent TEXT NOT NULL, text TEXT NOT NULL, value REAL "
	"NOT NULL, UNIQUE(kind, meter, agent, time_ms));"
	"CREATE INDEX event_time ON event(time_ms);"
	"CREATE TABLE dead_letter(id INTEGER PRIMARY KEY AUTOINCREMENT, at_ms INTEGER NOT NULL, "
	"agent TEXT NOT "
	"NULL, reason TEXT NOT NULL, meter TEXT NOT NULL, line BLOB NOT NULL);"
	"CREATE INDEX dead_letter_meter ON dead_letter(reason, meter);"
	"CREATE TABLE dead_letter_count(reason TEXT PRIMARY KEY, n INTEGER NOT NULL, evicted "
	"INTEGER NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE tsdb_queue(id INTEGER PRIMARY KEY AUTOINCREMENT, tsdb TEXT NOT NULL, lines "
	"INTEGER NOT "
	"NULL, raw_len INTEGER NOT NULL, data BLOB NOT NULL);"
	"CREATE INDEX tsdb_queue_tsdb ON tsdb_queue(tsdb, id);"
	"CREATE TABLE tsdb_cursor(tsdb TEXT PRIMARY KEY, cursor INTEGER NOT NULL) WITHOUT ROWID;",
	/* Bills. Ledgers of version 1 may have a table of them already. */
	"CREATE TABLE IF NOT EXISTS bill(id INTEGER PRIMARY KEY, institution TEXT NOT NULL, "
	"carrier INTEGER NOT NULL, from_day INTEGER NOT NULL, to_day INTEGER NOT NULL, quantity "
	"INTEGER NOT NULL, fee INTEGER, period TEXT NOT NULL, use INTEGER NOT NULL, account TEXT "
	"NOT NULL, note TEXT NOT NULL, corrects INTEGER NOT NULL, entered_by TEXT NOT NULL, "
	"entered_at INTEGER NOT NULL, withdrawn INTEGER NOT NULL, change INTEGER NOT NULL);"
	"CREATE INDEX IF NOT EXISTS bill_of ON bill(institution, from_day);"
	"ALTER TABLE bill ADD COLUMN is_lump INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE bill ADD COLUMN as_entered TEXT NOT NULL DEFAULT '';"
	"ALTER TABLE bill ADD COLUMN key TEXT NOT NULL DEFAULT '';"
	"ALTER TABLE bill ADD COLUMN first INTEGER;"
	"ALTER TABLE bill ADD COLUMN last INTEGER;"
	"ALTER TABLE bill ADD COLUMN ratio INTEGER NOT NULL DEFAULT 1000000;"
	"ALTER TABLE bill ADD COLUMN adjusts INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE bill ADD COLUMN confirmed INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE bill ADD COLUMN withdrawn_by TEXT NOT NULL DEFAULT '';"
	"ALTER TABLE bill ADD COLUMN withdrawn_why TEXT NOT NULL DEFAULT '';"
	"ALTER TABLE bill ADD COLUMN withdrawn_at INTEGER NOT NULL DEFAULT 0;"
	"CREATE INDEX bill_adjusts ON bill(adjusts) WHERE adjusts <> 0;"
	"CREATE INDEX bill_key ON bill(institution, key) WHERE key <> '';",
	/* Statistics forms: one filing an institution and period, its lines, all that happened. */
	"CREATE TABLE filing(id INTEGER PRIMARY KEY, year INTEGER NOT NULL, quarter INTEGER NOT "
	"NULL, institution TEXT NOT NULL, state INTEGER NOT NULL, version INTEGER NOT NULL, "
	"submitted_by TEXT NOT NULL, filler TEXT NOT NULL, checker TEXT NOT NULL, head TEXT NOT "
	"NULL, phone TEXT NOT NULL, changed_at INTEGER NOT NULL, UNIQUE(year, quarter, "
	"institution));"
	"CREATE TABLE filing_value(filing INTEGER NOT NULL, code TEXT NOT NULL, filled INTEGER, "
	"filed INTEGER, words TEXT NOT NULL, remark TEXT NOT NULL, PRIMARY KEY(filing, code)) "
	"WITHOUT ROWID;"
	"CREATE TABLE filing_event(id INTEGER PRIMARY KEY, filing INTEGER NOT NULL, version "
	"INTEGER NOT NULL, at INTEGER NOT NULL, who TEXT NOT NULL, action TEXT NOT NULL, state "
	"INTEGER NOT NULL, why TEXT NOT NULL, detail TEXT NOT NULL);"
	"CREATE INDEX filing_event_of ON filing_event(filing);",
	/* Events that open and close, times that clocks went through twice. */
	"ALTER TABLE event RENAME TO event_1;"
	"DROP INDEX event_time;"
	"CREATE TABLE event(id INTEGER PRIMARY KEY, change INTEGER NOT NULL, kind TEXT NOT NULL, "
	"severity INTEGER NOT NULL, region TEXT NOT NULL, institution TEXT NOT NULL, meter TEXT "
	"NOT NULL, agent TEXT NOT NULL, cause TEXT NOT NULL, text TEXT NOT NULL, value REAL NOT "
	"NULL, opened_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL, closed_ms INTEGER, n INTEGER "
	"NOT NULL, ack_by TEXT, ack_ms INTEGER, ack_note TEXT);"
	"INSERT INTO event SELECT id, change, kind, severity, region, institution, meter, agent, "
	"time_ms, text, value, time_ms, time_ms, time_ms, 1, NULL, NULL, NULL FROM event_1;"
	"DROP TABLE event_1;"
	"CREATE UNIQUE INDEX event_open ON event(meter, kind, cause, agent, institution) WHERE "
	"closed_ms IS NULL;"
	"CREATE INDEX event_key ON event(meter, kind, cause, agent, institution);"
	"CREATE INDEX event_last ON event(last_ms);"
	"CREATE INDEX event_change ON event(change);"
	"CREATE TABLE clock_span(device TEXT NOT NULL, from_ms INTEGER NOT NULL, to_ms INTEGER NOT "
	"NULL, PRIMARY KEY(device, from_ms, to_ms)) WITHOUT ROWID;",
	/* Corrections by people. */
	"CREATE TABLE edit(id INTEGER PRIMARY KEY AUTOINCREMENT, at_ms INTEGER NOT NULL, who TEXT "
	"NOT NULL, why TEXT NOT NULL, kind TEXT NOT NULL, meter TEXT NOT NULL, device TEXT NOT "
	"NULL, quantity TEXT NOT NULL, time_ms INTEGER NOT NULL, value INTEGER, first INTEGER, "
	"revokes INTEGER NOT NULL, before TEXT NOT NULL, after TEXT NOT NULL);"
	"CREATE INDEX edit_register ON edit(device, quantity, id);"
	"CREATE UNIQUE INDEX edit_revokes ON edit(revokes) WHERE revokes <> 0;",
	/* Times of readings that came late, encoded like readings of value 0. */
	"CREATE TABLE late_day(utc_day INTEGER NOT NULL, register_id INTEGER NOT NULL, data BLOB "
	"NOT NULL, PRIMARY KEY(utc_day, register_id)) WITHOUT ROWID;",
	/* Notices of alarms: what receivers are told, each once. What is known already is not. */
	"CREATE TABLE alarm_notice(id INTEGER PRIMARY KEY AUTOINCREMENT, receiver TEXT NOT NULL, "
	"key TEXT NOT NULL, event INTEGER NOT NULL, state INTEGER NOT NULL, attempts INTEGER NOT "
	"NULL, due_ms INTEGER NOT NULL, made_ms INTEGER NOT NULL, done_ms INTEGER NOT NULL, "
	"trouble TEXT NOT NULL, body BLOB NOT NULL, UNIQUE(receiver, key));"
	"CREATE INDEX alarm_notice_waiting ON alarm_notice(receiver, due_ms) WHERE state = 0;"
	"CREATE INDEX alarm_notice_event ON alarm_notice(event);"
	"INSERT INTO meta SELECT 'alarm_cursor', value FROM meta WHERE name = 'change';",
	/* Notices of one rule that are told together: members of a summary, and how many it has. */
	"ALTER TABLE alarm_notice ADD COLUMN rule TEXT NOT NULL DEFAULT '';"
	"ALTER TABLE alarm_notice ADD COLUMN what INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE alarm_notice ADD COLUMN summary INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE alarm_notice ADD COLUMN members INTEGER NOT NULL DEFAULT 0;"
	"UPDATE alarm_notice SET what = 1 WHERE key LIKE '%-cleared';"
	"UPDATE alarm_notice SET what = 2 WHERE event = 0;"
	"CREATE INDEX alarm_notice_rule ON alarm_notice(receiver, rule, what, made_ms);",
	/* Reduction of old days: when registers were read whose value is not kept; how far it is in
	 * the order of register_day; days behind that which have changed since; the highest
	 * quarters of reduced days, which their readings do not tell any more. */
	"ALTER TABLE register_day ADD COLUMN sightings BLOB;"
	"INSERT INTO meta VALUES('reduced_day', -2147483648);"
	"INSERT INTO meta VALUES('reduced_register', 0);"
	"CREATE TABLE reduce_again(utc_day INTEGER NOT NULL, register_id INTEGER NOT NULL, PRIMARY "
	"KEY(utc_day, register_id)) WITHOUT ROWID;"
	"CREATE TABLE kept_peak(institution TEXT NOT NULL, series TEXT NOT NULL, day INTEGER NOT "
	"NULL, peak INTEGER NOT NULL, peak_at INTEGER NOT NULL, PRIMARY KEY(institution, series, "
	"day)) WITHOUT ROWID;",
};
const int ledger_schema_steps = sizeof ledger_schema / sizeof *ledger_schema;

#define DAY_ROW "utc_day, register_id, change, n, data, sightings"
#define OF_PACK "WHERE (utc_day, register_id) >= (?1, ?2) AND (utc_day, register_id) <= (?3, ?4)"

static const char *const sql[N_LEDGER_SQL] = {
	[SQL_CHANGE_GET] = "SELECT value FROM meta WHERE name = 'change'",
	[SQL_CHANGE_SET] = "UPDATE meta SET value = ? WHERE name = 'change'",
	[SQL_REGISTER_FIND] = "SELECT id FROM register WHERE device = ? AND quantity = ?",
	[SQL_REGISTER_ADD] = "INSERT INTO register(device, quantity) VALUES(?, ?)",
	[SQL_REGISTER_GET] =
		"SELECT device, quantity, first_day, last_day FROM register WHERE id = ?",
	[SQL_REGISTER_DAYS] = "UPDATE register SET first_day = ?, last_day = ? WHERE id = ?",
	[SQL_DAY_GET] =
		"SELECT n, data, sightings FROM register_day WHERE utc_day = ? AND register_id = ?",
	[SQL_DAY_PUT] = "INSERT INTO register_day(utc_day, register_id, change, n, data) "
			"VALUES(?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET change = excluded.change, "
			"n = excluded.n, data = excluded.data",
	[SQL_DAY_PUT_SIGHTINGS] = "UPDATE register_day SET sightings = ?3 WHERE utc_day = ?1 AND "
				  "register_id = ?2",
	/* || makes a text of the same bytes, the cast a blob again. */
	[SQL_DAY_APPEND] = "UPDATE register_day SET change = ?3, n = n + ?4, data = CAST(data || "
			   "?5 AS BLOB) WHERE utc_day = ?1 AND register_id = ?2",
	[SQL_DIRTY_GET] = "SELECT from_ms, to_ms FROM dirty WHERE register_id = ?",
	[SQL_DIRTY_PUT] = "REPLACE INTO dirty(register_id, from_ms, to_ms) VALUES(?, ?, ?)",
	[SQL_DIRTY_LIST] = "SELECT register_id, from_ms, to_ms FROM dirty LIMIT ?",
	[SQL_DIRTY_DROP] = "DELETE FROM dirty WHERE register_id = ?",
	[SQL_EVENT_TOUCH] =
		"UPDATE event SET change = ?6, n = n + (last_ms < ?7), last_ms = "
		"max(last_ms, ?7), region = ?8, severity = ?9, text = ?10, value = ?11 "
		"WHERE " EVENT_IS " AND closed_ms IS NULL AND (last_ms < ?7 OR severity "
		"<> ?9 OR text <> ?10 OR value <> ?11)",
	[SQL_EVENT_OPEN] = "INSERT OR IGNORE INTO event(" EVENT_NEW ") VALUES(?1, ?2, ?3, ?4, ?5, "
			   "?6, ?7, ?7, NULL, ?8, ?9, ?10, ?11, 1)",
	[SQL_EVENT_NOTE] =
		"INSERT INTO event(" EVENT_NEW ") SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, "
		"?7, ?7, ?8, ?9, ?10, ?11, 1 WHERE NOT EXISTS(SELECT 1 FROM event WHERE " EVENT_IS
		")",
	[SQL_EVENT_CLOSE] =
		"UPDATE event SET change = ?6, closed_ms = max(?7, last_ms) WHERE " EVENT_IS
		" AND closed_ms IS NULL",
	[SQL_EVENT_CLOSE_QUIET] =
		"UPDATE event SET change = ?1, closed_ms = max(?2, last_ms) WHERE "
		"meter = '' AND kind = ?3 AND closed_ms IS NULL AND last_ms < ?4",
	[SQL_EVENT_CLOSE_ID] = "UPDATE event SET change = ?1, closed_ms = max(?2, last_ms) "
			       "WHERE id = ?3 AND closed_ms IS NULL",
	[SQL_EVENT_ACKNOWLEDGE] =
		"UPDATE event SET change = ?1, ack_by = ?2, ack_ms = ?3, ack_note "
		"= ?4 WHERE id = ?5",
	[SQL_EVENT_OPEN_OF] =
		"SELECT " EVENT_COLUMNS " FROM event WHERE meter = ? AND closed_ms IS "
		"NULL ORDER BY kind, cause",
	[SQL_EVENT_FIND_OPEN] =
		"SELECT id, opened_ms, last_ms, severity, value FROM event WHERE " EVENT_IS
		" AND closed_ms IS NULL",
	[SQL_CLOCK_ADD] =
		"INSERT OR IGNORE INTO clock_span(device, from_ms, to_ms) VALUES(?, ?, ?)",
	[SQL_CLOCK_LIST] = "SELECT from_ms, to_ms FROM clock_span WHERE device = ?1 AND to_ms > ?2 "
			   "AND from_ms < ?3 ORDER BY from_ms, to_ms LIMIT ?4",
	[SQL_AGENT_LIST] = "SELECT agent, region, until_ms, last_epoch, last_at_ms FROM agent",
	[SQL_AGENT_PUT] = "REPLACE INTO agent(agent, region, until_ms, last_epoch, last_at_ms) "
			  "VALUES(?, ?, ?, ?, ?)",
	[SQL_EPOCH_LIST] = "SELECT epoch, kept, last_at_ms FROM agent_epoch WHERE agent = ? ORDER "
			   "BY last_at_ms DESC LIMIT ?",
	[SQL_EPOCH_PUT] = "REPLACE INTO agent_epoch(agent, epoch, seen, kept, last_at_ms) "
			  "VALUES(?, ?, ?, ?, ?)",
	[SQL_LATE_GET] = "SELECT data FROM late_day WHERE utc_day = ? AND register_id = ?",
	[SQL_LATE_PUT] = "REPLACE INTO late_day(utc_day, register_id, data) VALUES(?, ?, ?)",
	[SQL_LATE_APPEND] = "UPDATE late_day SET data = CAST(data || ?3 AS BLOB) WHERE utc_day = "
			    "?1 AND register_id = ?2",
	[SQL_LATE_DROP] = "DELETE FROM late_day WHERE utc_day = ? AND register_id = ?",
	[SQL_REDUCED_GET] = "SELECT (SELECT value FROM meta WHERE name = 'reduced_day'), (SELECT "
			    "value FROM meta WHERE name = 'reduced_register')",
	[SQL_REDUCED_SET] = "UPDATE meta SET value = CASE name WHEN 'reduced_day' THEN ?1 ELSE ?2 "
			    "END WHERE name IN ('reduced_day', 'reduced_register')",
	[SQL_OLD_LIST] =
		"SELECT register_id, utc_day FROM register_day WHERE (utc_day, register_id) > (?1, "
		"?2) AND utc_day < ?3 ORDER BY utc_day, register_id LIMIT ?4",
	[SQL_PACK_TAKE] =
		"INSERT INTO temp.pack SELECT " DAY_ROW " FROM main.register_day " OF_PACK,
	[SQL_PACK_CLEAR] = "DELETE FROM main.register_day " OF_PACK,
	[SQL_PACK_PUT] = "INSERT INTO main.register_day(" DAY_ROW ") SELECT " DAY_ROW
			 " FROM temp.pack ORDER BY utc_day, register_id",
	[SQL_PACK_DROP] = "DELETE FROM temp.pack",
	[SQL_AGAIN_LIST] = "SELECT register_id, utc_day FROM reduce_again WHERE utc_day < ?1 LIMIT "
			   "?2",
	[SQL_AGAIN_PUT] = "INSERT OR IGNORE INTO reduce_again(utc_day, register_id) VALUES(?, ?)",
	[SQL_AGAIN_DROP] = "DELETE FROM reduce_again WHERE utc_day = ? AND register_id = ?",
	[SQL_EPOCH_PRUNE] = "DELETE FROM agent_epoch WHERE agent = ?1 AND last_at_ms < (SELECT "
			    "min(last_at_ms) FROM (SELECT last_at_ms FROM agent_epoch WHERE agent "
			    "= ?1 ORDER BY last_at_ms DESC LIMIT ?2))",
};

int ledger_prepared(struct ledger *ledger, enum ledger_sql which, struct db_statement **out,
		    struct err *err)
{
	int rc = 0;

	if (!ledger->statements[which])
		rc = db_prepare(ledger->db, &ledger->statements[which], sql[which], err);
	*out = ledger->statements[which];
	return rc;
}
