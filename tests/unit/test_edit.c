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

static int64_t value_on(struct campus *campus, const char *day)
{
	char *sql = xasprintf("SELECT value" OF_E02 " AND day = %d", (int)campus_day(day));
	int64_t value = campus_ask(campus, sql);

	free(sql);
	return value;
}

/* 36 hours from a dial read by hand to the first reading, which is then corrected upwards: the days
 * before that reading change with it, though nothing was read on them. */
static void test_days_before_the_first_reading(void **state)
{
	char *yaml = campus_yaml(40, "tenant", "");
	struct reading first = {campus_time("2026-03-01"), 48 * (int64_t)MICRO};
	struct campus campus;

	(void)state;
	campus_init(&campus, yaml);
	free(yaml);
	(void)campus_edit(&campus, "e02",
			  (struct edit_effect){EDIT_SET, campus_time("2026-02-27T12:00:00+08:00"),
					       0, MICRO_NONE});
	campus_merge(&campus, "e02", KWH, &first, 1);
	campus_derive(&campus);
	assert_int_equal(value_on(&campus, "2026-02-27"), 16 * MICRO);
	assert_int_equal(value_on(&campus, "2026-02-28"), 32 * MICRO);
	first.value *= 2;
	campus_merge(&campus, "e02", KWH, &first, 1);
	campus_derive(&campus);
	assert_int_equal(value_on(&campus, "2026-02-27"), 32 * MICRO);
	assert_int_equal(value_on(&campus, "2026-02-28"), 64 * MICRO);
	campus_fini(&campus);
}

/* The same of a reset whose first register is known: it begins what comes after. */
static void test_days_between_a_reset_and_the_first_reading(void **state)
{
	char *yaml = campus_yaml(40, "tenant", "");
	const struct reading first = {campus_time("2026-03-01"), 48 * (int64_t)MICRO};
	struct campus campus;

	(void)state;
	campus_init(&campus, yaml);
	free(yaml);
	(void)campus_edit(&campus, "e02",
			  (struct edit_effect){EDIT_RESET, campus_time("2026-02-27T12:00:00+08:00"),
					       MICRO_NONE, 0});
	campus_merge(&campus, "e02", KWH, &first, 1);
	campus_derive(&campus);
	assert_int_equal(value_on(&campus, "2026-02-27"), 16 * MICRO);
	assert_int_equal(value_on(&campus, "2026-02-28"), 32 * MICRO);
	campus_fini(&campus);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_edits_by_hand),
		cmocka_unit_test(test_days_before_the_first_reading),
		cmocka_unit_test(test_days_between_a_reset_and_the_first_reading),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
