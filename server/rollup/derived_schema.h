/* SPDX-License-Identifier: Apache-2.0 */
/* derived_schema.h - the statements of the derived tables; for derived*.c and load.c. */
#ifndef SERVER_DERIVED_SCHEMA_H
#define SERVER_DERIVED_SCHEMA_H

#include <stdint.h>

#include "common/civil.h"

/* Raised when the tables or the meaning of what is in them change: then all is computed anew. */
enum { DERIVED_VERSION = 4 };
/* Only the days of loads stood otherwise: they are converted. */
enum { DERIVED_VERSION_OF_DAYS = 3 };

enum derived_sql {
	/* one of each per table, in the order of enum derived_table */
	DERIVED_SQL_GET,
	DERIVED_SQL_PUT = DERIVED_SQL_GET + 4,
	DERIVED_SQL_ITEMS_DAY = DERIVED_SQL_PUT + 4,
	DERIVED_SQL_ITEMS_MONTH,
	DERIVED_SQL_FIND,
	DERIVED_SQL_INTERN,
	DERIVED_SQL_DEFINE,
	DERIVED_SQL_WIDEN,
	DERIVED_SQL_TOUCH,
	DERIVED_SQL_TOUCHED_DROP,
	DERIVED_SQL_TOUCHED_ADD,
	DERIVED_SQL_TOUCHED_ALL,
	DERIVED_SQL_TOUCHED_LIST,
	DERIVED_SQL_RENEW,
	DERIVED_SQL_MARK,
	DERIVED_SQL_TAKE,
	DERIVED_SQL_DROP,
	DERIVED_SQL_IS_DIRTY,
	DERIVED_SQL_IS_COMPUTING,
	DERIVED_SQL_IS_MARKED,
	DERIVED_SQL_HAS_BILLS,
	DERIVED_SQL_LOAD_GET,
	DERIVED_SQL_LOAD_PUT,
	DERIVED_SQL_LOAD_DELETE,
	DERIVED_SQL_LOAD_SERIES,
	DERIVED_SQL_LOAD_ACCOUNTS,
	DERIVED_SQL_LOAD_LIST,
	DERIVED_SQL_PEAK_GET,
	DERIVED_SQL_PEAK_KEEP,
	DERIVED_SQL_REGISTER,
	N_DERIVED_SQL
};

extern const char derived_schema[];
extern const char derived_schema_drop[];
extern const char *const derived_statements[N_DERIVED_SQL];

struct ledger;
struct exchange;
struct db_statement;
struct err;

/* What was last written into derived_touched: the same again is no news. */
struct derived_noted {
	int64_t id, change;
	civil_day month;
};
struct derived {
	struct ledger *ledger;
	struct db_statement *statements[N_DERIVED_SQL];
	struct exchange *exchange;
	struct derived_noted all, one;
};
/* Prepared at first use, kept until derived_close. */
int derived_statement(struct derived *derived, int which, struct db_statement **out,
		      struct err *err);

#endif
