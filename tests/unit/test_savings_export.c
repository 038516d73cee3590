/* SPDX-License-Identifier: Apache-2.0 */
/* Savings as points of a time-series database. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/savings/savings_export.h"
#include "server/tsdb/tsdb_private.h"
#include "tests/unit/office.h"

struct export
{
	struct tsdb_export out;
	struct derive_export with;
	int64_t cursor;
};

/* Asks until nothing is left; returns how many lines of a measurement there were, and the sum of
 * their values. */
static size_t export_all(struct export *export, const struct campus *campus, const char *prefix,
			 int64_t *sum)
{
	struct tsdb_question question = {
		.reader = campus->ledger, .registry = campus->registry, .max_lines = 1000000};
	size_t n = 0, n_lines;

	*sum = 0;
	do {
		struct err err = {""};

		buf_clear(&export->out.lines);
		export->out.n_lines = 0;
		question.cursor = export->cursor;
		campus_check(savings_export(&question, &export->out, &export->with, &err), &err);
		n_lines = export->out.n_lines;
		for (const char *at = n_lines > 0 ? export->out.lines.data : NULL; at != NULL;
		     at = strchr(at, '\n'), at = at != NULL && at[1] != '\0' ? at + 1 : NULL) {
			const char *value = strstr(at, " value=");
			int64_t micro = 0;

			if (strncmp(at, prefix, strlen(prefix)) != 0)
				continue;
			n++;
			value += strlen(" value=");
			assert_int_equal(decimal_parse_micro(value, strcspn(value, ","), &micro),
					 0);
			*sum += micro;
		}
		export->cursor = export->out.next;
	} while (n_lines > 0);
	return n;
}

static void points_are_written_when_something_changes(void **state)
{
	struct export export = {.with = {.min_coverage = 900000}};
	struct factors *factors = campus_factors();
	struct savings savings;
	struct office office;
	struct reading late = {campus_time("2023-05-06"), 100 * MICRO};
	size_t n_deletions;
	int64_t sum;

	(void)state;
	office_init_metered(&office, OFFICE_BASELINE);
	export.with.factors = factors;
	office_compute(&office, &savings);
	assert_int_equal(export_all(&export, &office.campus, "savings_month,region=370102,", &sum),
			 13);
	assert_int_equal(sum, savings.total.saved);
	assert_int_equal(export_all(&export, &office.campus, "savings_", &sum), 0);
	savings_fini(&savings);

	/* Energy moves from one day to the next. */
	for (size_t i = 0; i < office.data.meter.n; i++)
		if (office.data.meter.samples[i].start_ms < late.time_ms)
			late.value += llround(office.data.meter.samples[i].value * MICRO);
	campus_merge(&office.campus, "e01", OFFICE_KWH, &late, 1);
	campus_derive(&office.campus);
	office_compute(&office, &savings);
	assert_int_equal(export_all(&export, &office.campus, "savings_day,", &sum),
			 savings.total.n_used);
	assert_int_equal(sum, savings.total.saved);
	savings_fini(&savings);

	office_declare(&office, OFFICE_BASELINE
		       "adjustments: [{from: 2023-06-01, to: 2023-06-08, amount: -1000, "
		       "reason: a, evidence: b, by: c}]\n");
	office_compute(&office, &savings);
	assert_int_equal(export_all(&export, &office.campus, "savings_month", &sum), 13);
	assert_int_equal(sum, savings.total.saved);
	savings_fini(&savings);

	n_deletions = export.out.n_deletions;
	office_declare(&office, "id: led\nname: LED\ninstitution: 370102-0001\n"
				"baseline: {from: 2022-03-01, to: 2023-03-01}\n"
				"reporting: {from: 2023-05-01}\n");
	(void)export_all(&export, &office.campus, "savings_month", &sum);
	/* Months, days, and the directory, which is made anew with every registry. */
	assert_int_equal(export.out.n_deletions, n_deletions + 3);
	tsdb_export_fini(&export.out);
	factors_release(factors);
	office_fini(&office);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(points_are_written_when_something_changes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
