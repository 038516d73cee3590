/* SPDX-License-Identifier: Apache-2.0 */
/* campus_dump.h - all figures of a campus as text, to be compared with another's. */
#ifndef TESTS_UNIT_CAMPUS_DUMP_H
#define TESTS_UNIT_CAMPUS_DUMP_H

#include "tests/unit/campus.h"

#include "server/rollup/load_code.h"

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

static inline void campus_dump_load(const struct load_day *load, bool has_peaks, struct buf *out)
{
	buf_printf(out, " %d %x %x", (int)load->day, (unsigned)load->known,
		   (unsigned)load->estimated);
	for (int h = 0; h < DERIVED_HOURS; h++)
		buf_printf(out, " %lld", (long long)load->hours[h]);
	if (has_peaks && load->has_peak)
		buf_printf(out, " peak %lld at %lld", (long long)load->peak,
			   (long long)load->peak_at_ms);
	buf_add_char(out, '\n');
}

/* Days by the hour; without peaks accounts have nothing. Returns how many peaks there are. */
static inline int campus_dump_loads(struct campus *campus, bool has_peaks, struct buf *out)
{
	struct db_statement *get;
	struct load_day load;
	struct err err = {""};
	int n = 0, rc;

	campus_check(db_prepare(ledger_db(campus->ledger), &get,
				"SELECT n.name, t.series, t.block, t.days FROM load_block t JOIN "
				"derived_name n ON n.id = t.id ORDER BY n.name, t.series, t.block",
				&err),
		     &err);
	while ((rc = db_step(get, &err)) == 1) {
		const char *series = db_column_text(get, 1, NULL);
		size_t len, at = 0;
		const unsigned char *data = db_column_blob(get, 3, &len);

		while (at < len) {
			assert_int_equal(
				load_block_next(data, len, db_column_int(get, 2), &at, &load), 0);
			n += load.has_peak;
			if (!has_peaks && strncmp(series, "account:", 8) == 0)
				continue;
			buf_printf(out, "load %s %s", db_column_text(get, 0, NULL), series);
			campus_dump_load(&load, has_peaks, out);
		}
	}
	campus_check(rc, &err);
	db_finalize(get);
	return n;
}

static inline int campus_count_peaks(struct campus *campus)
{
	struct buf out = {0};
	int n = campus_dump_loads(campus, true, &out);

	buf_fini(&out);
	return n;
}

/* Every row of the figures, in a fixed order; with or without the peaks of days. */
static inline char *campus_dump_with(struct campus *campus, bool has_peaks)
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
	(void)campus_dump_loads(campus, has_peaks, &out);
	return buf_take(&out);
}

static inline char *campus_dump(struct campus *campus)
{
	return campus_dump_with(campus, true);
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
