/* SPDX-License-Identifier: Apache-2.0 */
/* exchange_schema.h - the tables and statements of exchange.h; only for exchange*.c. */
#ifndef SERVER_EXCHANGE_SCHEMA_H
#define SERVER_EXCHANGE_SCHEMA_H

#include "server/rollup/exchange.h"

enum exchange_sql {
	EXCHANGE_SQL_FIND,
	EXCHANGE_SQL_INTERN,
	EXCHANGE_SQL_CARD_GET,
	EXCHANGE_SQL_CARD_PUT,
	EXCHANGE_SQL_CARDS,
	EXCHANGE_SQL_ROW_GET,
	EXCHANGE_SQL_ROW_PUT,
	EXCHANGE_SQL_ROWS,
	EXCHANGE_SQL_FEED_CARDS,
	EXCHANGE_SQL_FEED_ROWS,
	EXCHANGE_SQL_NTH,
	EXCHANGE_SQL_COUNT,
	EXCHANGE_SQL_NOTE_GET,
	EXCHANGE_SQL_NOTE_PUT,
	EXCHANGE_SQL_SENT_ADD,
	EXCHANGE_SQL_SENT_TRIM,
	EXCHANGE_SQL_SENT_FIND,
	EXCHANGE_SQL_SENT_FORGET,
	EXCHANGE_SQL_SOURCE_GET,
	EXCHANGE_SQL_SOURCE_PUT,
	EXCHANGE_SQL_SOURCES,
	EXCHANGE_SQL_OLD_CARDS,
	EXCHANGE_SQL_OLD_ROWS,
	EXCHANGE_SQL_OTHERS,
	EXCHANGE_SQL_HOLDER,
	EXCHANGE_SQL_RENEW_CARD,
	EXCHANGE_SQL_RENEW_ROWS,
	EXCHANGE_SQL_MARK_PUT,
	EXCHANGE_SQL_MARK_TRIM,
	EXCHANGE_SQL_MARK_GET,
	N_EXCHANGE_SQL
};

struct exchange {
	struct db *db;
	struct db_statement *statements[N_EXCHANGE_SQL];
	int64_t number; /* the last given, inside a transaction */
};

extern const char exchange_schema[];
/* What tables of former versions lack. */
struct exchange_column {
	const char *table, *column, *sql;
};
extern const struct exchange_column exchange_columns[]; /* ends with NULL */
extern const char *const exchange_statements[N_EXCHANGE_SQL];

int exchange_statement(struct exchange *exchange, enum exchange_sql which,
		       struct db_statement **out, struct err *err);

#endif
