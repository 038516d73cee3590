/* SPDX-License-Identifier: Apache-2.0 */
/* campus_dump.h - all figures of a campus as text, to be compared with another's. */
#ifndef TESTS_UNIT_CAMPUS_DUMP_H
#define TESTS_UNIT_CAMPUS_DUMP_H

#include "tests/unit/campus.h"

static inline void campus_dump_query(struct campus *campus, const char *sql, struct buf *out)
{
	struct db_statement *get;
	struct err err = {""};
	int rc = db_prepare(ledger_db(campus->ledger), &get, sql, &err);

	campus_check(rc, &err);
	while ((rc = db_step(get, &err)) == 1) {
		buf_add_text(out, db_column_text(get, 0, NULL));
		buf_add_char(out, '\n');
	}
	campus_check(rc, &err);
	db_finalize(get);
}

/* Every row of the figures, in a fixed order. */
static inline char *campus_dump(struct campus *campus)
{
	static const char *const tables[] = {"meter_day", "meter_month", "institution_day",
					     "institution_month"};
	struct buf out = {0};

	for (int i = 0; i < 4; i++) {
		char *sql = xasprintf(
			"SELECT concat FROM (SELECT '%s ' || n.name || ' ' || t.day || ' ' || %s "
			"|| "
			"' ' || t.value || ' ' || t.estimated || ' ' || t.covered_ms || ' ' || "
			"t.closed_ms || ' ' || t.days || ' ' || hex(coalesce(t.hours, '')) AS "
			"concat FROM %s t JOIN derived_name n ON n.id = t.id WHERE t.deleted = 0) "
			"ORDER BY concat",
			tables[i], i < 2 ? "''" : "t.carrier || ' ' || t.item", tables[i]);

		campus_dump_query(campus, sql, &out);
		free(sql);
	}
	campus_dump_query(
		campus,
		"SELECT 'load ' || n.name || ' ' || t.series || ' ' || t.day || ' ' || "
		"hex(t.hours) || ' ' || coalesce(t.peak, '-') || ' ' || coalesce(t.peak_at, '-') "
		"FROM load_day t JOIN derived_name n ON n.id = t.id ORDER BY n.name, t.series, "
		"t.day",
		&out);
	return buf_take(&out);
}

/* Names the first row that differs: all of them are too long to be looked at. */
static inline void campus_compare_dumps(const char *got, const char *expected, uint32_t seed)
{
	while (*got != '\0' || *expected != '\0') {
		size_t n = strcspn(got, "\n"), m = strcspn(expected, "\n");

		if (n != m || strncmp(got, expected, n) != 0)
			fail_msg("seed %u: got\n%.*s\nfrom scratch\n%.*s", seed, (int)n, got,
				 (int)m, expected);
		got += n + (got[n] == '\n');
		expected += m + (expected[m] == '\n');
	}
}

#endif
