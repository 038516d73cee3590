/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/campus.h"

#include "server/rollup/derived.h"

enum { QUARTER_MS = 15 * 60 * 1000 };

#define KWH "active_energy_import_kwh"

/* ---- rows by hand ---- */

static int get_row(struct campus *campus, enum derived_table table, const char *name,
		   const char *day, const char *item, struct derived_row *row)
{
	bool is_meter = table == DERIVED_METER_DAY || table == DERIVED_METER_MONTH;
	struct derived_key key = {.day = campus_day(day)};
	struct derived_name found;
	struct derived *derived;
	struct err err = {""};
	int rc;

	campus_check(derived_open(&derived, campus->ledger, &err), &err);
	rc = derived_find(derived, is_meter ? DERIVED_METER : DERIVED_INSTITUTION, name, &found,
			  &err);
	campus_check(rc, &err);
	*row = (struct derived_row){0};
	if (rc == 1) {
		key.id = found.id;
		key.carrier = CARRIER_ELECTRICITY;
		if (strncmp(item, "gas:", 4) == 0) {
			key.carrier = CARRIER_NATURAL_GAS;
			item += 4;
		}
		strncpy(key.item, item, sizeof key.item - 1);
		rc = derived_get(derived, table, &key, row, NULL, &err);
		campus_check(rc, &err);
	}
	derived_close(derived);
	return rc;
}

struct row_case {
	const char *name;
	enum derived_table table;
	const char *of, *day, *item;
	int64_t value, estimated, covered_ms;
};

static void check_rows(struct campus *campus, const struct row_case *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct derived_row row;
		const struct row_case *c = &cases[i];

		if (get_row(campus, c->table, c->of, c->day, c->item, &row) != 1)
			fail_msg("%s: no row", c->name);
		if (row.sum.value != c->value || row.sum.estimated != c->estimated ||
		    row.sum.covered_ms != c->covered_ms)
			fail_msg("%s: value %lld estimated %lld covered %lld", c->name,
				 (long long)row.sum.value, (long long)row.sum.estimated,
				 (long long)row.sum.covered_ms);
	}
}

/* Main 40 kWh an hour primary for two days; its lighting 8, of that a tenant 2; PV 4. A gap of the
 * main meter from 18:00 of the first day to 06:00 of the second. */
static void test_by_hand(void **state)
{
	char *yaml = campus_yaml(40, "tenant", "");
	int64_t t0 = campus_time("2026-03-01");
	struct campus campus;
	struct derived_row row;

	(void)state;
	campus_init(&campus, yaml);
	free(yaml);
	campus_steady(&campus, "e01", KWH, (struct reading){t0, 20 * MICRO}, QUARTER_MS, 250000,
		      72);
	campus_steady(&campus, "e01", KWH, (struct reading){t0 + 30 * HOUR_MS, 50 * MICRO},
		      QUARTER_MS, 250000, 72);
	campus_steady(&campus, "e02", KWH, (struct reading){t0, 0}, QUARTER_MS, 2 * MICRO, 192);
	campus_steady(&campus, "e03", KWH, (struct reading){t0, 0}, QUARTER_MS, 500000, 192);
	campus_steady(&campus, "pv1", KWH, (struct reading){t0, 0}, QUARTER_MS, MICRO, 192);
	campus_gas(&campus, "2026-02-20", "2026-03-02", 100 * MICRO, USE_NONE);
	campus_derive(&campus);
	static const struct row_case cases[] = {
		/* 18 h x 40 + half of the gap's (50 - 38) x 40 = 480 */
		{"main's day with half a gap", DERIVED_METER_DAY, "e01", "2026-03-01", "",
		 960000000, 240000000, 18 * HOUR_MS},
		{"the gap lies inside the month", DERIVED_METER_MONTH, "e01", "2026-03-01", "",
		 1920000000, 0, 36 * HOUR_MS},
		{"sub meter", DERIVED_METER_DAY, "e02", "2026-03-01", "", 192000000, 0, DAY_MS},
		{"virtual: 960 - 0.5 x 192", DERIVED_METER_DAY, "v01", "2026-03-01", "", 864000000,
		 240000000, 18 * HOUR_MS},
		{"virtual of a virtual", DERIVED_METER_DAY, "v02", "2026-03-01", "", 288000000,
		 80000000, 18 * HOUR_MS},
		{"total: main less tenant", DERIVED_INSTITUTION_DAY, "370102-0001", "2026-03-01",
		 "total", 912000000, 240000000, 0},
		{"tenants", DERIVED_INSTITUTION_DAY, "370102-0001", "2026-03-01", "non_own",
		 48000000, 0, 0},
		{"lighting without its tenant", DERIVED_INSTITUTION_DAY, "370102-0001",
		 "2026-03-01", "01A", 144000000, 0, 0},
		{"rest: 912 + 96 - 144 - (864 - 288) - 288", DERIVED_INSTITUTION_DAY, "370102-0001",
		 "2026-03-01", "rest", 0, 640000000, 0},
		{"generation", DERIVED_INSTITUTION_MONTH, "370102-0001", "2026-03-01", "generation",
		 192000000, 0, 0},
		{"total of the month", DERIVED_INSTITUTION_MONTH, "370102-0001", "2026-03-01",
		 "total", 1824000000, 0, 0},
		{"a bill's tenth day", DERIVED_INSTITUTION_DAY, "370102-0001", "2026-03-01",
		 "gas:total", 10000000, 10000000, 0},
		{"a bill's nine days in February", DERIVED_INSTITUTION_MONTH, "370102-0001",
		 "2026-02-01", "gas:total", 90000000, 90000000, 0},
	};
	check_rows(&campus, cases, sizeof cases / sizeof *cases);
	assert_int_equal(get_row(&campus, DERIVED_METER_DAY, "e01", "2026-03-01", "", &row), 1);
	assert_int_equal(row.hours[0].value, 40000000);
	assert_int_equal(row.hours[20].value, 40000000);
	assert_int_equal(row.hours[20].estimated, 40000000);
	assert_int_equal(row.hours[20].covered_ms, 0);
	assert_int_equal(row.hours[20].closed_ms, HOUR_MS);
	campus_fini(&campus);
}

/* From 30 March noon to 1 April noon nothing was read of e02: 48 kWh. Then a reading of midnight
 * turns up, which divides the gap at the month's border and changes no day of March. */
static void test_gap_across_months(void **state)
{
	static const struct row_case before[] = {
		{"day", DERIVED_METER_DAY, "e02", "2026-03-31", "", 24000000, 24000000, 0},
		{"March", DERIVED_METER_MONTH, "e02", "2026-03-01", "", 36000000, 36000000, 0},
		{"April", DERIVED_METER_MONTH, "e02", "2026-04-01", "", 12000000, 12000000, 0},
		{"March's lighting", DERIVED_INSTITUTION_MONTH, "370102-0001", "2026-03-01", "01A",
		 36000000, 36000000, 0},
	};
	static const struct row_case after[] = {
		{"day", DERIVED_METER_DAY, "e02", "2026-03-31", "", 24000000, 24000000, 0},
		{"March", DERIVED_METER_MONTH, "e02", "2026-03-01", "", 36000000, 0, 0},
		{"April", DERIVED_METER_MONTH, "e02", "2026-04-01", "", 12000000, 0, 0},
		{"March's lighting", DERIVED_INSTITUTION_MONTH, "370102-0001", "2026-03-01", "01A",
		 36000000, 0, 0},
	};
	const struct reading readings[] = {
		{campus_time("2026-03-30T12:00:00+08:00"), 0},
		{campus_time("2026-04-01"), 36 * MICRO},
		{campus_time("2026-04-01T12:00:00+08:00"), 48 * MICRO},
	};
	char *yaml = campus_yaml(40, "tenant", "");
	struct campus campus;

	(void)state;
	campus_init(&campus, yaml);
	free(yaml);
	campus_merge(&campus, "e02", KWH, &readings[0], 1);
	campus_merge(&campus, "e02", KWH, &readings[2], 1);
	campus_derive(&campus);
	check_rows(&campus, before, sizeof before / sizeof *before);
	campus_merge(&campus, "e02", KWH, &readings[1], 1);
	campus_derive(&campus);
	check_rows(&campus, after, sizeof after / sizeof *after);
	campus_fini(&campus);
}

/* A gap over a whole month and both its borders counts once: 59 days of which February has 28. */
static void test_gap_over_a_month(void **state)
{
	static const struct row_case rows[] = {
		{"January", DERIVED_METER_MONTH, "e02", "2026-01-01", "", 16000000, 16000000, 0},
		{"February", DERIVED_METER_MONTH, "e02", "2026-02-01", "", 28000000, 28000000, 0},
		{"March", DERIVED_METER_MONTH, "e02", "2026-03-01", "", 15000000, 15000000, 0},
	};
	const struct reading readings[] = {{campus_time("2026-01-16"), 0},
					   {campus_time("2026-03-16"), 59 * MICRO}};
	char *yaml = campus_yaml(40, "tenant", "");
	struct campus campus;

	(void)state;
	campus_init(&campus, yaml);
	free(yaml);
	campus_merge(&campus, "e02", KWH, readings, 2);
	campus_derive(&campus);
	check_rows(&campus, rows, sizeof rows / sizeof *rows);
	campus_fini(&campus);
}

/* The old meter's last register is known, the new one's first: with a single reading of each, what
 * lies between is known to the change. */
static void test_registers_of_a_replacement(void **state)
{
	static const struct row_case old[] = {
		/* (5000 - 4960) x 40 over 4 days; nothing was read after the change */
		{"to the change", DERIVED_METER_DAY, "e01", "2026-02-09", "", 400000000, 400000000,
		 0},
	};
	static const struct row_case new[] = {
		{"to the change", DERIVED_METER_DAY, "e01", "2026-02-09", "", 400000000, 400000000,
		 0},
		/* (34 - 10) x 40 over 4 days */
		{"from the change", DERIVED_METER_DAY, "e01", "2026-02-10", "", 240000000,
		 240000000, 0},
		{"the month is exact", DERIVED_METER_MONTH, "e01", "2026-02-01", "", 2560000000, 0,
		 0},
	};
	const struct reading first = {campus_time("2026-02-06"), 4960 * (int64_t)MICRO};
	const struct reading second = {campus_time("2026-02-14"), 34 * MICRO};
	char *yaml = campus_yaml(40, "tenant", "");
	struct campus campus;

	(void)state;
	campus_init(&campus, yaml);
	free(yaml);
	campus_merge(&campus, "e01", KWH, &first, 1);
	campus_derive(&campus);
	check_rows(&campus, old, 1);
	campus_merge(&campus, "e01", KWH, &second, 1);
	campus_derive(&campus);
	check_rows(&campus, new, sizeof new / sizeof *new);
	campus_fini(&campus);
}

/* ---- a gap by the hours of the week ---- */

/* Hourly registers of e02 that count 1 kWh an hour, 4 from 8 to 18 o'clock. */
static void merge_office(struct campus *campus, const char *from, const char *to)
{
	int64_t t = campus_time(from), end = campus_time(to), value = 0;
	struct reading readings[1000];
	size_t n = 0;

	for (int64_t at = campus_time("2026-01-01"); at <= end; at += QUARTER_MS) {
		int hour = (int)((at + CAMPUS_OFFSET_MS) / HOUR_MS % 24);

		if (at >= t)
			readings[n++] = (struct reading){at, value};
		value += hour >= 8 && hour < 18 ? MICRO : MICRO / 4;
		if (n == 1000 || at == end) {
			campus_merge(campus, "e02", KWH, readings, n);
			n = 0;
		}
	}
}

static int64_t hour_of(struct campus *campus, const char *day, int hour, int64_t *estimated)
{
	struct derived_row row;

	assert_int_equal(get_row(campus, DERIVED_METER_DAY, "e02", day, "", &row), 1);
	*estimated = row.hours[hour].estimated;
	return row.hours[hour].value;
}

/* Nothing is read from 3 March 00:00 to 5 March 12:00: twice 54 kWh, and 24 to noon. */
static void test_gap_by_hours_of_the_week(void **state)
{
	char *yaml = campus_yaml(40, "tenant", "");
	struct campus campus;
	int64_t estimated, before, after, change;

	(void)state;
	campus_init(&campus, yaml);
	free(yaml);
	merge_office(&campus, "2026-03-02", "2026-03-03");
	merge_office(&campus, "2026-03-05T12:00:00+08:00", "2026-03-06");
	campus_derive(&campus);
	/* One day before is no profile of three: evenly, 132 kWh over 60 h. */
	before = hour_of(&campus, "2026-03-04", 3, &estimated);
	assert_int_equal(before, 2200000);
	change = campus_ask(&campus, "SELECT change FROM meter_day ORDER BY day DESC");
	/* The weeks before come late; the gap's days are computed again, exactly. */
	merge_office(&campus, "2026-02-16", "2026-03-02");
	campus_derive(&campus);
	after = hour_of(&campus, "2026-03-04", 3, &estimated);
	assert_int_equal(after, MICRO);
	assert_int_equal(estimated, MICRO);
	assert_int_equal(hour_of(&campus, "2026-03-04", 9, &estimated), 4 * MICRO);
	assert_int_equal(hour_of(&campus, "2026-03-05", 8, &estimated), 4 * MICRO);
	/* What is missing of the last day's evening is expected otherwise now: its row is renewed.
	 */
	assert_true(campus_ask(&campus, "SELECT change FROM meter_day ORDER BY day DESC") > change);
	assert_true(campus_ask(&campus, "SELECT change FROM institution_day ORDER BY day DESC") >
		    change);
	/* A reading inside divides the gap; what it proves is not estimated any more. */
	merge_office(&campus, "2026-03-04T09:00:00+08:00", "2026-03-04T10:00:00+08:00");
	campus_derive(&campus);
	assert_int_equal(hour_of(&campus, "2026-03-04", 9, &estimated), 4 * MICRO);
	assert_int_equal(estimated, 0);
	campus_fini(&campus);
}

/* ---- events ---- */

/* From a Monday 00:00, hourly, 1 kWh by day and 0.25 by night for four weeks; then it stands still.
 */
static void test_a_register_that_stands_still(void **state)
{
	char *yaml = campus_yaml(40, "tenant", "");
	int64_t end = campus_time("2026-03-03");
	struct campus campus;
	struct derived_row row;
	struct reading last;

	(void)state;
	campus_init(&campus, yaml);
	free(yaml);
	merge_office(&campus, "2026-02-02", "2026-03-03");
	campus_derive(&campus);
	assert_int_equal(get_row(&campus, DERIVED_METER_DAY, "e02", "2026-03-02", "", &row), 1);
	assert_int_equal(ledger_newest(campus.ledger, 1, &last, NULL), 0);
	campus_steady(&campus, "e02", KWH, last, QUARTER_MS, 0, 23 * 4);
	campus_derive(&campus);
	assert_int_equal(campus_ask(&campus, "SELECT count(*) FROM event WHERE kind = 'stuck'"), 0);
	campus_steady(&campus, "e02", KWH, last, QUARTER_MS, 0, 30 * 4);
	campus_derive(&campus);
	assert_int_equal(campus_ask(&campus,
				    "SELECT count(*) FROM event WHERE kind = 'stuck' AND closed_ms "
				    "IS NULL"),
			 1);
	assert_true(campus_ask(&campus, "SELECT opened_ms FROM event WHERE kind = 'stuck'") == end);
	last.time_ms += 31 * (int64_t)HOUR_MS;
	last.value += MICRO;
	campus_merge(&campus, "e02", KWH, &last, 1);
	campus_derive(&campus);
	assert_int_equal(campus_ask(&campus,
				    "SELECT count(*) FROM event WHERE kind = 'stuck' AND closed_ms "
				    "IS NULL"),
			 0);
	campus_fini(&campus);
}

static void test_holes_are_told_once(void **state)
{
	char *yaml = campus_yaml(40, "tenant", "");
	struct campus campus;
	int64_t t0 = campus_time("2026-03-01");

	(void)state;
	campus_init(&campus, yaml);
	campus_steady(&campus, "e02", KWH, (struct reading){t0, 50 * MICRO}, QUARTER_MS, 0, 4);
	campus_steady(&campus, "e02", KWH, (struct reading){t0 + 2 * HOUR_MS, 10 * MICRO},
		      QUARTER_MS, 0, 4);
	campus_derive(&campus);
	campus_steady(&campus, "e02", KWH, (struct reading){t0 + 4 * HOUR_MS, 12 * MICRO},
		      QUARTER_MS, 0, 4);
	campus_derive(&campus);
	assert_int_equal(campus_ask(&campus,
				    "SELECT count(*) FROM event WHERE kind = 'unexplained_drop' "
				    "AND meter = 'e02'"),
			 1);
	campus_fini(&campus);
	free(yaml);
}

/* Nobody can put right what a meter did that the registry no longer has. */
static void test_a_meter_that_is_gone_has_no_tasks(void **state)
{
	static const char more[] =
		"  - {id: e09, building: main, carrier: electricity, item: \"01D00\", role: sub,\n"
		"     parent: e01, quantity: active_energy_import_kwh, interval: 15m,\n"
		"     lives: [{serial: x, from: 2026-02-01, ratio: 1}]}\n";
	static const char open[] = "SELECT count(*) FROM event WHERE closed_ms IS NULL AND "
				   "kind = 'unexplained_drop'";
	char *with = campus_yaml(40, "tenant", more), *without = campus_yaml(40, "tenant", "");
	const char *const fallen[] = {"e02", "e09"};
	int64_t t0 = campus_time("2026-03-01");
	struct campus campus;

	(void)state;
	campus_init(&campus, with);
	for (size_t i = 0; i < 2; i++) {
		campus_steady(&campus, fallen[i], KWH, (struct reading){t0, 50 * MICRO}, QUARTER_MS,
			      0, 4);
		campus_steady(&campus, fallen[i], KWH,
			      (struct reading){t0 + 2 * HOUR_MS, 10 * MICRO}, QUARTER_MS, 0, 4);
	}
	campus_derive(&campus);
	assert_int_equal(campus_ask(&campus, open), 2);
	campus_register(&campus, without);
	campus_derive(&campus);
	assert_int_equal(campus_ask(&campus, open), 1);
	assert_int_equal(campus_ask(&campus, "SELECT count(*) FROM event WHERE meter = 'e02' AND "
					     "closed_ms IS NULL"),
			 1);
	/* It comes back as it was. */
	campus_register(&campus, with);
	campus_derive(&campus);
	assert_int_equal(campus_ask(&campus, open), 2);
	campus_fini(&campus);
	free(with);
	free(without);
}

/* The meter goes over to another institution, which has its tasks then; the old one has none. */
static void test_tasks_follow_their_meter(void **state)
{
	char *yaml = campus_yaml(40, "tenant", ""), *id;
	int64_t t0 = campus_time("2026-03-01");
	struct campus campus;

	(void)state;
	campus_init(&campus, yaml);
	campus_steady(&campus, "e02", KWH, (struct reading){t0, 50 * MICRO}, QUARTER_MS, 0, 4);
	campus_steady(&campus, "e02", KWH, (struct reading){t0 + 2 * HOUR_MS, 10 * MICRO},
		      QUARTER_MS, 0, 4);
	campus_derive(&campus);
	id = strstr(yaml, "370102-0001");
	assert_non_null(id);
	memcpy(id, "370102-0009", strlen("370102-0009"));
	campus_write(&campus, "registry/institutions/370102-0009.yaml", yaml);
	campus_register(&campus, "id: 370102-0001\nname: 历下区档案馆\ntype: culture\n"
				 "region: \"370102\"\n");
	campus_derive(&campus);
	assert_int_equal(campus_ask(&campus, "SELECT count(*) FROM event WHERE kind = "
					     "'unexplained_drop' AND closed_ms IS NULL AND "
					     "institution = '370102-0009'"),
			 1);
	assert_int_equal(campus_ask(&campus, "SELECT count(*) FROM event WHERE closed_ms IS NULL "
					     "AND institution = '370102-0001'"),
			 0);
	campus_fini(&campus);
	free(yaml);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_by_hand),
		cmocka_unit_test(test_gap_across_months),
		cmocka_unit_test(test_gap_over_a_month),
		cmocka_unit_test(test_registers_of_a_replacement),
		cmocka_unit_test(test_gap_by_hours_of_the_week),
		cmocka_unit_test(test_a_register_that_stands_still),
		cmocka_unit_test(test_holes_are_told_once),
		cmocka_unit_test(test_a_meter_that_is_gone_has_no_tasks),
		cmocka_unit_test(test_tasks_follow_their_meter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
