/* SPDX-License-Identifier: Apache-2.0 */
/* What people correct counts from then on, and can be taken back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/campus.h"

enum { QUARTER_MS = 15 * 60 * 1000 };

#define KWH    "active_energy_import_kwh"
#define OF_E02 " FROM meter_day t JOIN derived_name n ON n.id = t.id WHERE n.name = 'e02'"

/* The one day of e02. */
static void check_day(struct campus *campus, const char *what, int64_t value, int64_t covered_ms)
{
	int64_t got = campus_ask(campus, "SELECT value" OF_E02);
	int64_t covered = campus_ask(campus, "SELECT covered_ms" OF_E02);

	assert_int_equal(campus_ask(campus, "SELECT count(*)" OF_E02), 1);
	assert_int_equal(campus_ask(campus, "SELECT estimated" OF_E02), 0);
	if (got != value || covered != covered_ms)
		fail_msg("%s: value %lld covered %lld", what, (long long)got, (long long)covered);
}

/* A reset without a reason is a task and no energy; told what happened, it counts. */
static void test_edits_by_hand(void **state)
{
	char *yaml = campus_yaml(40, "tenant", "");
	int64_t t0 = campus_time("2026-03-01"), reset, tasks;
	struct campus campus;

	(void)state;
	campus_init(&campus, yaml);
	free(yaml);
	campus_steady(&campus, "e02", KWH, (struct reading){t0, 500 * MICRO}, QUARTER_MS, 250000,
		      4);
	campus_steady(&campus, "e02", KWH, (struct reading){t0 + HOUR_MS + QUARTER_MS, MICRO / 2},
		      QUARTER_MS, 250000, 4);
	campus_derive(&campus);
	check_day(&campus, "the drop does not count", 2000000, 2 * HOUR_MS);
	reset = campus_edit(&campus, "e02",
			    (struct edit_effect){EDIT_RESET, t0 + HOUR_MS + 60000, 501250000, 0});
	campus_derive(&campus);
	check_day(&campus, "the reset counts", 2750000, 2 * HOUR_MS + QUARTER_MS);
	tasks = campus_ask(&campus, "SELECT count(*) FROM event WHERE closed_ms IS NULL AND kind = "
				    "'unexplained_drop'");
	assert_int_equal(tasks, 0);
	(void)campus_edit(&campus, "e02",
			  (struct edit_effect){EDIT_VOID, t0 + QUARTER_MS, MICRO_NONE, MICRO_NONE});
	campus_derive(&campus);
	check_day(&campus, "a void reading leaves its interval", 2750000, 2 * HOUR_MS + QUARTER_MS);
	(void)campus_edit(&campus, "e02",
			  (struct edit_effect){EDIT_SET, t0 + 2 * HOUR_MS + 2 * QUARTER_MS,
					       11500000, MICRO_NONE});
	campus_derive(&campus);
	check_day(&campus, "a set one is believed", 12750000, 2 * HOUR_MS + 2 * QUARTER_MS);
	campus_take_back(&campus, reset);
	campus_derive(&campus);
	assert_int_equal(campus_ask(&campus,
				    "SELECT count(*) FROM event WHERE closed_ms IS NULL AND kind "
				    "= 'unexplained_drop'"),
			 1);
	(void)campus_edit(
		&campus, "e02",
		(struct edit_effect){EDIT_ACCEPT, t0 + HOUR_MS + 60000, MICRO_NONE, MICRO_NONE});
	campus_derive(&campus);
	assert_int_equal(campus_ask(&campus,
				    "SELECT count(*) FROM event WHERE closed_ms IS NULL AND kind "
				    "= 'unexplained_drop'"),
			 0);
	assert_int_equal(campus_ask(&campus, "SELECT count(*) FROM edit"), 5);
	campus_fini(&campus);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_edits_by_hand),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
