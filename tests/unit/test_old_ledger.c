/* SPDX-License-Identifier: Apache-2.0 */
/* A ledger that an earlier version wrote is opened: nothing is lost, and figures are the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/campus.h"

#include "server/ledger/event.h"

static char *read_dump(void)
{
	FILE *file = fopen("tests/data/ledger/schema-1.sql", "re");
	char *text = NULL;
	size_t size = 0;

	assert_non_null(file);
	assert_true(getdelim(&text, &size, '\0', file) > 0);
	assert_int_equal(fclose(file), 0);
	return text;
}

static void open_old(struct campus *campus)
{
	char *dump = read_dump();
	struct err err = {""};
	struct db *db;

	campus_make(campus);
	campus_check(db_open(&db, campus->path, DB_READ_WRITE, &err), &err);
	campus_check(db_execute(db, dump, &err), &err);
	db_close(db);
	free(dump);
	campus_open(campus, campus_archive);
}

/* What the earlier version had: values of all rows, as it computed them itself. */
struct question {
	const char *name, *sql;
	int64_t answer;
};

#define MONTH(item)                                                                               \
	"SELECT sum(value) FROM institution_month WHERE deleted = 0 AND day = 20513 AND carrier " \
	"= " item
#define BILL(id, column) "SELECT " column " FROM bill WHERE id = " id

static const struct question rows[] = {
	{"days of meters", "SELECT count(*) FROM meter_day WHERE deleted = 0", 6},
	{"e02 before its register fell",
	 "SELECT value FROM meter_day WHERE day = 20513 AND id = "
	 "(SELECT id FROM derived_name WHERE name = 'e02')",
	 96 * (int64_t)MICRO},
	{"e02 after it",
	 "SELECT value FROM meter_day WHERE day = 20514 AND id = (SELECT id FROM "
	 "derived_name WHERE name = 'e02')",
	 95 * (int64_t)MICRO},
	{"electricity of the month", MONTH("0 AND item = 'total'"), 383 * (int64_t)MICRO},
	{"lighting of the month", MONTH("0 AND item = '01A'"), 48 * (int64_t)MICRO},
	{"the rest of the month", MONTH("0 AND item = 'rest'"), 335 * (int64_t)MICRO},
	{"gas of the month", MONTH("2 AND item = 'total'"), 1240 * (int64_t)MICRO},
	{"gas of a day",
	 "SELECT value FROM institution_day WHERE day = 20520 AND carrier = 2 AND "
	 "item = 'kitchen'",
	 40 * (int64_t)MICRO},
};

static const struct question bills[] = {
	{"bills", "SELECT count(*) FROM bill", 2},
	{"the first was corrected", BILL("1", "withdrawn"), 1},
	{"by the second", BILL("2", "corrects"), 1},
	{"which holds", BILL("2", "withdrawn"), 0},
	{"its fee", BILL("2", "fee"), 4650 * (int64_t)MICRO},
	{"its quantity", BILL("2", "quantity"), 1240 * (int64_t)MICRO},
	{"its use", BILL("2", "use"), USE_KITCHEN},
	{"no ratio but one", BILL("2", "ratio"), MICRO},
	{"no lump", BILL("2", "is_lump"), 0},
};

static const struct question events[] = {
	{"both are there, and are over",
	 "SELECT count(*) FROM event WHERE id <= 2 AND closed_ms = opened_ms AND last_ms = "
	 "opened_ms AND n = 1",
	 2},
	{"when it was", "SELECT opened_ms FROM event WHERE kind = 'batches_lost'",
	 INT64_C(1772409600000)},
	{"of whom",
	 "SELECT agent = 'cabinet-1' AND region = '370102' AND value = 3 FROM event "
	 "WHERE kind = 'batches_lost'",
	 1},
	{"nobody has seen them", "SELECT count(ack_by) FROM event", 0},
	{"the fall is a task now",
	 "SELECT count(*) FROM event WHERE kind = 'unexplained_drop' AND "
	 "meter = 'e02' AND closed_ms IS NULL",
	 1},
	{"nothing else", "SELECT count(*) FROM event", 3},
};

static void check(struct campus *campus, const struct question *questions, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int64_t answer = campus_ask(campus, questions[i].sql);

		if (answer != questions[i].answer)
			fail_msg("%s: %lld", questions[i].name, (long long)answer);
	}
}

static void check_all(struct campus *campus)
{
	check(campus, rows, sizeof rows / sizeof *rows);
	check(campus, bills, sizeof bills / sizeof *bills);
	check(campus, events, sizeof events / sizeof *events);
}

static void test_nothing_is_lost(void **state)
{
	struct campus campus;
	struct err err = {""};

	(void)state;
	open_old(&campus);
	campus_derive(&campus);
	check_all(&campus);
	/* The next time it is a ledger of today. */
	derive_close(campus.derive);
	ledger_close(campus.ledger);
	campus_check(ledger_open(&campus.ledger, campus.path, &err), &err);
	campus_check(derive_open(&campus.derive, campus.ledger, &err), &err);
	campus_reload(&campus);
	campus_derive(&campus);
	check_all(&campus);
	campus_fini(&campus);
}

/* The agent tells again of what the earlier version noted. */
static void test_an_old_event_told_again_is_the_same(void **state)
{
	const struct event again = {.kind = EVENT_BATCHES_LOST,
				    .severity = SEVERITY_WARNING,
				    .time_ms = INT64_C(1772409600000),
				    .cause = "1772409600000",
				    .region = "370102",
				    .agent = "cabinet-1",
				    .text = "batches 7 to 9 of epoch 1 are gone",
				    .value = 3};
	struct campus campus;
	struct err err = {""};

	(void)state;
	open_old(&campus);
	campus_check(ledger_begin(campus.ledger, &err), &err);
	campus_check(event_note(campus.ledger, &again, &err), &err);
	campus_check(ledger_commit(campus.ledger, &err), &err);
	assert_int_equal(
		campus_ask(&campus, "SELECT count(*) FROM event WHERE kind = 'batches_lost'"), 1);
	campus_fini(&campus);
}

/* What came before and what comes now go on as one register. */
static void test_readings_go_on(void **state)
{
	struct campus campus;

	(void)state;
	open_old(&campus);
	campus_steady(&campus, "e01", "active_energy_import_kwh",
		      (struct reading){campus_time("2026-03-03"), 197 * (int64_t)MICRO},
		      HOUR_MS / 4, MICRO, 96);
	campus_derive(&campus);
	assert_int_equal(campus_ask(&campus, "SELECT value FROM meter_month WHERE id = (SELECT id "
					     "FROM derived_name WHERE name = 'e01')"),
			 288 * (int64_t)MICRO);
	campus_fini(&campus);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_is_lost),
		cmocka_unit_test(test_an_old_event_told_again_is_the_same),
		cmocka_unit_test(test_readings_go_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
