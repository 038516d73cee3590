/* SPDX-License-Identifier: Apache-2.0 */
#include "server/figures/export_range.h"

#include <stdlib.h>

#include "common/mem.h"
#include "server/rollup/derived.h"

/* A day of hours, the day and its share of the month: how many lines a row gives at most. */
enum { LINES_PER_ROW = 26 };

/* Rows, events, and what is written without a row's change; of lower servers whole deliveries. */
enum { N_TABLES = N_DERIVED_TABLES + 5 };
const char *const export_range_tables[N_TABLES] = {
	"meter_day",   "meter_month", "institution_day", "institution_month", "event",
	"kpi_restate", "series_mark", "series_remote",   "exchange_mark"};

/* The change that the row after the first n belongs to, or INT64_MAX. */
static int change_after(const struct tsdb_question *question, const char *table, int64_t after,
			size_t n, int64_t *change, struct err *err)
{
	char *sql = xasprintf("SELECT change FROM %s WHERE change > ? ORDER BY change LIMIT 1 "
			      "OFFSET ?",
			      table);
	struct db_statement *get;
	int rc = db_prepare(ledger_db(question->reader), &get, sql, err);

	free(sql);
	*change = INT64_MAX;
	if (rc < 0)
		return rc;
	db_bind_int(get, 1, after);
	db_bind_int(get, 2, (int64_t)n);
	rc = db_step(get, err);
	if (rc == 1)
		*change = db_column_int(get, 0);
	db_finalize(get);
	return rc < 0 ? rc : 0;
}

int export_range_choose(const struct tsdb_question *question, int64_t after, int64_t *upto,
			bool *is_newest, struct err *err)
{
	size_t max_rows = question->max_lines / LINES_PER_ROW + 1;
	int64_t first = INT64_MAX, beyond = INT64_MAX, change;
	int rc = 0;

	for (int t = 0; t < N_TABLES && rc == 0; t++) {
		const char *table = export_range_tables[t];

		rc = change_after(question, table, after, 0, &change, err);
		if (rc == 0 && change < first)
			first = change;
		if (rc == 0)
			rc = change_after(question, table, after, max_rows, &change, err);
		if (rc == 0 && change < beyond)
			beyond = change;
	}
	*is_newest = beyond == INT64_MAX;
	if (first == INT64_MAX)
		*upto = after;
	else if (beyond == INT64_MAX)
		*upto = ledger_change(question->reader);
	else
		*upto = beyond > first ? beyond - 1 : first;
	return rc;
}
