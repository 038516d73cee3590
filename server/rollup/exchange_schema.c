/* SPDX-License-Identifier: Apache-2.0 */
#include "server/rollup/exchange_schema.h"

/* Rows by institution: what is asked together lies together. */
const char exchange_schema[] =
	"CREATE TABLE IF NOT EXISTS exchange_note(key TEXT PRIMARY KEY, value INTEGER NOT NULL) "
	"WITHOUT ROWID;"
	"CREATE TABLE IF NOT EXISTS exchange_institution(id INTEGER PRIMARY KEY, source TEXT NOT "
	"NULL, name TEXT NOT NULL, card TEXT, generation INTEGER NOT NULL DEFAULT 0, version "
	"INTEGER NOT NULL DEFAULT 0, number INTEGER NOT NULL DEFAULT 0, deleted INTEGER NOT NULL "
	"DEFAULT 0, UNIQUE(source, name));"
	"CREATE INDEX IF NOT EXISTS exchange_institution_number ON exchange_institution(number);"
	"CREATE INDEX IF NOT EXISTS exchange_institution_name ON exchange_institution(name, "
	"source);"
	"CREATE TABLE IF NOT EXISTS exchange_row(id INTEGER NOT NULL, interval INTEGER NOT NULL, "
	"day INTEGER NOT NULL, carrier INTEGER NOT NULL, item INTEGER NOT NULL, value INTEGER NOT "
	"NULL, estimated INTEGER NOT NULL, missing INTEGER NOT NULL, is_unknown INTEGER NOT NULL, "
	"reason TEXT, generation INTEGER NOT NULL, version INTEGER NOT NULL, number INTEGER NOT "
	"NULL, deleted INTEGER NOT NULL, detail TEXT, was_known INTEGER NOT NULL DEFAULT 0, "
	"PRIMARY KEY(id, interval, day, carrier, "
	"item)) WITHOUT "
	"ROWID;"
	"CREATE INDEX IF NOT EXISTS exchange_row_number ON exchange_row(number);"
	"CREATE TABLE IF NOT EXISTS exchange_sent(sequence INTEGER PRIMARY KEY, nonce TEXT NOT "
	"NULL UNIQUE, upto INTEGER NOT NULL);"
	/* Up to which number rows of lower servers came with a change of the ledger: databases ask
	   for changes. */
	"CREATE TABLE IF NOT EXISTS exchange_mark(change INTEGER PRIMARY KEY, upto INTEGER NOT "
	"NULL);"
	"CREATE TABLE IF NOT EXISTS exchange_source(source TEXT PRIMARY KEY, nonce TEXT NOT NULL, "
	"generation INTEGER NOT NULL, upto INTEGER NOT NULL, received_at INTEGER NOT NULL, as_of "
	"INTEGER NOT NULL, waiting INTEGER NOT NULL, days_from INTEGER NOT NULL, rows INTEGER NOT "
	"NULL, refused INTEGER NOT NULL, ended INTEGER NOT NULL, refusal TEXT NOT NULL, holder "
	"INTEGER NOT NULL DEFAULT 0, server TEXT NOT NULL DEFAULT '', place TEXT NOT NULL "
	"DEFAULT '') WITHOUT ROWID;";

#define AMOUNT "value, estimated, missing, is_unknown, reason, detail"
#define SOURCE_FIELDS                                                                     \
	"source, nonce, generation, upto, received_at, as_of, waiting, days_from, rows, " \
	"refused, ended, refusal, holder, server, place"

const struct exchange_column exchange_columns[] = {
	{"exchange_row", "detail", "ALTER TABLE exchange_row ADD COLUMN detail TEXT"},
	{"exchange_source", "holder",
	 "ALTER TABLE exchange_source ADD COLUMN holder INTEGER NOT NULL DEFAULT 0"},
	{"exchange_row", "was_known",
	 "ALTER TABLE exchange_row ADD COLUMN was_known INTEGER NOT NULL DEFAULT 0"},
	{"exchange_source", "server",
	 "ALTER TABLE exchange_source ADD COLUMN server TEXT NOT NULL DEFAULT ''"},
	{"exchange_source", "place",
	 "ALTER TABLE exchange_source ADD COLUMN place TEXT NOT NULL DEFAULT ''"},
	{NULL, NULL, NULL},
};

const char *const exchange_statements[N_EXCHANGE_SQL] = {
	[EXCHANGE_SQL_FIND] = "SELECT id FROM exchange_institution WHERE source = ? AND name = ?",
	[EXCHANGE_SQL_INTERN] = "INSERT INTO exchange_institution(source, name) VALUES(?, ?)",
	[EXCHANGE_SQL_CARD_GET] =
		"SELECT card, generation, version, deleted, number FROM exchange_institution WHERE "
		"id = ?",
	[EXCHANGE_SQL_CARD_PUT] =
		"UPDATE exchange_institution SET card = ?2, generation = ?3, version = ?4, number "
		"= ?5, deleted = ?6 WHERE id = ?1",
	[EXCHANGE_SQL_CARDS] =
		"SELECT source, name, card FROM exchange_institution WHERE card IS NOT NULL AND "
		"deleted = 0 AND (source = '') = ? ORDER BY name, source",
	[EXCHANGE_SQL_ROW_GET] =
		"SELECT " AMOUNT ", generation, version, deleted, number, "
		"was_known FROM exchange_row WHERE id = ?1 AND interval = ?2 AND day = ?3 AND "
		"carrier = ?4 AND item = ?5",
	[EXCHANGE_SQL_ROW_PUT] =
		"REPLACE INTO exchange_row(id, interval, day, carrier, item, " AMOUNT
		", generation, version, number, deleted, was_known) VALUES(?1, ?2, ?3, ?4, ?5, "
		"?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
	[EXCHANGE_SQL_ROWS] =
		"SELECT day, carrier, item, " AMOUNT " FROM exchange_row WHERE id = ?1 AND "
		"interval = ?2 AND day >= ?3 AND day < ?4 AND deleted = 0 ORDER BY day",
	[EXCHANGE_SQL_FEED_CARDS] =
		"SELECT source, name, number, deleted, card FROM exchange_institution WHERE number "
		"> ? AND number <= ? ORDER BY number",
	[EXCHANGE_SQL_FEED_ROWS] =
		"SELECT i.source, i.name, r.number, r.deleted, r.id, r.interval, r.day, r.carrier, "
		"r.item, r.value, r.estimated, r.missing, r.is_unknown, r.reason, r.detail, "
		"r.was_known FROM exchange_row r JOIN exchange_institution i ON i.id = r.id WHERE "
		"r.number > ? AND r.number <= ? "
		"ORDER BY r.number",
	[EXCHANGE_SQL_NTH] =
		"SELECT max(number) FROM (SELECT number FROM (SELECT * FROM (SELECT number FROM "
		"exchange_row WHERE number > ?1 ORDER BY number LIMIT ?2) UNION ALL SELECT * FROM "
		"(SELECT number FROM exchange_institution WHERE number > ?1 ORDER BY number LIMIT "
		"?2)) ORDER BY number LIMIT ?2)",
	[EXCHANGE_SQL_COUNT] =
		"SELECT (SELECT count(*) FROM exchange_row WHERE number > ?1) + (SELECT count(*) "
		"FROM exchange_institution WHERE number > ?1)",
	[EXCHANGE_SQL_NOTE_GET] = "SELECT value FROM exchange_note WHERE key = ?",
	[EXCHANGE_SQL_NOTE_PUT] = "REPLACE INTO exchange_note(key, value) VALUES(?, ?)",
	[EXCHANGE_SQL_SENT_ADD] = "INSERT INTO exchange_sent(nonce, upto) VALUES(?, ?)",
	[EXCHANGE_SQL_SENT_TRIM] =
		"DELETE FROM exchange_sent WHERE sequence <= (SELECT max(sequence) FROM "
		"exchange_sent) - 1000",
	[EXCHANGE_SQL_SENT_FIND] = "SELECT upto FROM exchange_sent WHERE nonce = ?",
	[EXCHANGE_SQL_SENT_FORGET] = "DELETE FROM exchange_sent",
	[EXCHANGE_SQL_SOURCE_GET] =
		"SELECT " SOURCE_FIELDS " FROM exchange_source WHERE source = ?",
	[EXCHANGE_SQL_SOURCE_PUT] = "REPLACE INTO exchange_source(" SOURCE_FIELDS
				    ") VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	[EXCHANGE_SQL_SOURCES] = "SELECT " SOURCE_FIELDS " FROM exchange_source ORDER BY source",
	[EXCHANGE_SQL_OLD_CARDS] =
		"SELECT id FROM exchange_institution WHERE source = ? AND generation < ? AND "
		"deleted = 0",
	[EXCHANGE_SQL_OLD_ROWS] =
		"SELECT r.id, r.interval, r.day, r.carrier, r.item FROM exchange_row r JOIN "
		"exchange_institution i ON i.id = r.id WHERE i.source = ? AND r.generation < ? AND "
		"r.deleted = 0",
	[EXCHANGE_SQL_OTHERS] = "SELECT id FROM exchange_institution WHERE name = ? AND source <> "
				"? AND deleted = 0",
	/* Numbers follow each other in the order of the key. */
	[EXCHANGE_SQL_HOLDER] =
		"SELECT source FROM exchange_institution WHERE name = ? AND deleted = 0 AND card "
		"IS NOT NULL ORDER BY source LIMIT 1",
	[EXCHANGE_SQL_MARK_PUT] = "REPLACE INTO exchange_mark(change, upto) VALUES(?, ?)",
	/* Whoever asks for what came before gets everything. */
	[EXCHANGE_SQL_MARK_TRIM] = "DELETE FROM exchange_mark WHERE change < ?1 - 1000000",
	[EXCHANGE_SQL_MARK_GET] =
		"SELECT upto FROM exchange_mark WHERE change <= ? ORDER BY change DESC LIMIT 1",
	[EXCHANGE_SQL_RENEW_CARD] = "UPDATE exchange_institution SET number = ?2 WHERE id = ?1",
	[EXCHANGE_SQL_RENEW_ROWS] =
		"UPDATE exchange_row SET number = ?2 + n.place FROM (SELECT interval AS i, day AS "
		"d, carrier AS c, item AS t, row_number() OVER () AS place FROM exchange_row WHERE "
		"id = ?1) AS n WHERE id = ?1 AND interval = n.i AND day = n.d AND carrier = n.c "
		"AND item = n.t",
};
