/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/campus.h"

#include "server/figures/figures.h"
#include "server/rollup/derived_code.h"
#include "server/rollup/load.h"

enum { QUARTER_MS = 15 * 60 * 1000 };

#define KWH   "active_energy_import_kwh"
#define METER "carrier: electricity, item: \"01000\", quantity: active_energy_import_kwh, "

/* Two main meters, each of an account, and both of a third; a tenant; one that is read by the hour.
 */
static const char yaml[] =
	"id: 370102-0001\nname: 历下区档案馆\ntype: culture\nregion: \"370102\"\n"
	"supply: {electricity: online}\n"
	"accounts:\n"
	"  - {number: a1, carrier: electricity, demand_kw: 30, meters: [e01]}\n"
	"  - {number: a2, carrier: electricity, meters: [e01, e02]}\n"
	"meters:\n"
	"  - {id: e01, " METER
	"role: main, interval: 15m, lives: [{serial: a, from: 2025-01-01, ratio: 1}]}\n"
	"  - {id: e02, " METER
	"role: main, interval: 15m, lives: [{serial: b, from: 2025-01-01, ratio: 1}]}\n"
	"  - {id: t01, " METER "role: sub, scope: tenant, parent: e02, interval: 15m, lives: "
	"[{serial: c, from: 2025-01-01, ratio: 1}]}\n";

static void add_step(struct campus *campus, const char *meter, const char *at, int64_t before,
		     int64_t after)
{
	const struct reading readings[] = {{campus_time(at), before},
					   {campus_time(at) + QUARTER_MS, after}};

	campus_merge(campus, meter, KWH, readings, 2);
}

struct found {
	struct load_day day;
	int n;
};

static void keep(const struct load_day *load, void *arg)
{
	struct found *found = arg;

	found->day = *load;
	found->n++;
}

static struct found load_of(struct campus *campus, const char *series, const char *day)
{
	struct found found = {.n = 0};
	struct derived_key key = {.day = campus_day(day)};
	struct derived_name name;
	struct derived *derived;
	struct err err = {""};

	campus_check(derived_open(&derived, campus->ledger, &err), &err);
	assert_int_equal(derived_find(derived, DERIVED_INSTITUTION, "370102-0001", &name, &err), 1);
	key.id = name.id;
	campus_check(load_list(derived, &key, key.day + 1, series,
			       &(struct load_visitor){keep, &found}, &err),
		     &err);
	derived_close(derived);
	return found;
}

static void expect_peak(struct campus *campus, const char *series, int64_t kw, const char *at)
{
	struct found found = load_of(campus, series, "2026-03-02");

	assert_int_equal(found.n, 1);
	if (!found.day.has_peak || found.day.peak != kw * MICRO ||
	    found.day.peak_at_ms != campus_time(at))
		fail_msg("%s: %lld at %lld", series, (long long)found.day.peak,
			 (long long)found.day.peak_at_ms);
}

/* A whole day of each: 2 kWh, 1 kWh and 0.5 kWh a quarter of an hour. */
static void feed(struct campus *campus)
{
	static const struct {
		const char *meter;
		int64_t step;
	} meters[] = {{"e01", 2 * MICRO}, {"e02", MICRO}, {"t01", MICRO / 2}};

	for (size_t i = 0; i < 3; i++)
		campus_steady(campus, meters[i].meter, KWH,
			      (struct reading){campus_time("2026-03-02"), 0}, QUARTER_MS,
			      meters[i].step, 96);
	campus_derive(campus);
}

static void peaks_are_of_quarters(void **state)
{
	struct campus campus;

	(void)state;
	campus_init(&campus, yaml);
	feed(&campus);
	/* 8 + 4 - 2 kW; the first of equals */
	expect_peak(&campus, "electricity", 10, "2026-03-02T00:00:00+08:00");
	expect_peak(&campus, "account:a1", 8, "2026-03-02T00:00:00+08:00");
	expect_peak(&campus, "account:a2", 12, "2026-03-02T00:00:00+08:00");
	campus_fini(&campus);
}

struct demands {
	struct figures_demand list[4];
	size_t n;
};

static int keep_demand(const struct figures_demand *demand, void *arg)
{
	struct demands *demands = arg;

	assert_true(demands->n < 4);
	demands->list[demands->n++] = *demand;
	return 0;
}

static void accounts_have_peaks(void **state)
{
	struct factors *factors = campus_factors();
	struct figures_period period;
	struct demands demands = {.n = 0};
	struct campus campus;
	struct err err = {""};

	(void)state;
	campus_init(&campus, yaml);
	feed(&campus);
	struct figures figures = {.ledger = campus.ledger,
				  .registry = campus.registry,
				  .factors = factors,
				  .now_ms = campus_time("2026-05-01")};
	campus_check(figures_period(&figures, 2026, PERIOD_MONTH, 3, &period, &err), &err);
	campus_check(figures_demands(&figures, 0, &period, keep_demand, &demands, &err), &err);
	assert_int_equal(demands.n, 2);
	assert_string_equal(demands.list[0].account->number, "a1");
	assert_int_equal(demands.list[0].peak, 8 * MICRO);
	assert_int_equal(demands.list[0].peak_at_ms, campus_time("2026-03-02"));
	assert_int_equal(demands.list[1].peak, 12 * MICRO);
	assert_int_equal(demands.list[1].days, 1);
	demands.n = 0;
	campus_check(figures_period(&figures, 2026, PERIOD_MONTH, 4, &period, &err), &err);
	campus_check(figures_demands(&figures, 0, &period, keep_demand, &demands, &err), &err);
	assert_false(demands.list[0].has_peak);
	campus_fini(&campus);
	factors_release(factors);
}

/* Read every half hour, then the reading between comes late: the hour stays, its quarters do not.
 */
static void a_late_reading_moves_the_peak(void **state)
{
	struct campus campus;

	(void)state;
	campus_init(&campus, yaml);
	campus_steady(&campus, "e01", KWH, (struct reading){campus_time("2026-03-02"), 0},
		      2 * QUARTER_MS, 4 * MICRO, 48);
	campus_derive(&campus);
	expect_peak(&campus, "account:a1", 8, "2026-03-02T00:00:00+08:00");
	add_step(&campus, "e01", "2026-03-02T10:00:00+08:00", 80 * MICRO, 83 * MICRO);
	campus_derive(&campus);
	expect_peak(&campus, "account:a1", 12, "2026-03-02T10:00:00+08:00");
	campus_fini(&campus);
}

/* Where one of two meters is silent, what the other counts is not the sum. */
static void a_silent_meter_leaves_no_peak(void **state)
{
	struct campus campus;

	(void)state;
	campus_init(&campus, yaml);
	campus_steady(&campus, "e01", KWH, (struct reading){campus_time("2026-03-02"), 0},
		      QUARTER_MS, MICRO, 96);
	campus_derive(&campus);
	expect_peak(&campus, "account:a1", 4, "2026-03-02T00:00:00+08:00");
	assert_int_equal(load_of(&campus, "account:a2", "2026-03-02").n, 0);
	assert_false(load_of(&campus, "electricity", "2026-03-02").day.has_peak);
	campus_fini(&campus);
}

/* An account whose number the registry corrects has its days under the new one alone. */
static void an_account_that_is_gone_leaves_nothing(void **state)
{
	struct campus campus;
	char *renamed = xstrdup(yaml);

	(void)state;
	memcpy(strstr(renamed, "number: a1"), "number: b1", 10);
	campus_init(&campus, yaml);
	feed(&campus);
	campus_register(&campus, renamed);
	campus_derive(&campus);
	expect_peak(&campus, "account:b1", 8, "2026-03-02T00:00:00+08:00");
	expect_peak(&campus, "account:a2", 12, "2026-03-02T00:00:00+08:00");
	expect_peak(&campus, "electricity", 10, "2026-03-02T00:00:00+08:00");
	assert_int_equal(load_of(&campus, "account:a1", "2026-03-02").n, 0);
	campus_fini(&campus);
	free(renamed);
}

/* ---- from the table of earlier servers ---- */

struct days {
	struct load_day list[8];
	size_t n;
};

static void keep_day(const struct load_day *load, void *arg)
{
	struct days *days = arg;

	assert_true(days->n < 8);
	days->list[days->n++] = *load;
}

static struct days days_of(struct campus *campus, const char *series)
{
	struct days days = {.n = 0};
	struct derived_key key = {.day = campus_day("2026-01-01")};
	struct derived_name name;
	struct derived *derived;
	struct err err = {""};

	campus_check(derived_open(&derived, campus->ledger, &err), &err);
	assert_int_equal(derived_find(derived, DERIVED_INSTITUTION, "370102-0001", &name, &err), 1);
	key.id = name.id;
	campus_check(load_list(derived, &key, key.day + 365, series,
			       &(struct load_visitor){keep_day, &days}, &err),
		     &err);
	derived_close(derived);
	return days;
}

static void put_as_before(struct db *db, int64_t id, const char *series, const struct days *days)
{
	struct db_statement *put;
	struct err err = {""};

	campus_check(db_prepare(db, &put, "INSERT INTO load_day VALUES(?, ?, ?, ?, ?, ?)", &err),
		     &err);
	for (size_t i = 0; i < days->n; i++) {
		const struct load_day *day = &days->list[i];
		struct amount hours[DERIVED_HOURS] = {{0}};
		unsigned char code[DERIVED_CODE_MAX];

		for (int h = 0; h < DERIVED_HOURS; h++)
			if ((day->known >> h & 1) != 0)
				hours[h] = (struct amount){.is_known = true,
							   .value = day->hours[h],
							   .covered_ms = HOUR_MS};
		db_bind_int(put, 1, id);
		db_bind_string(put, 2, series);
		db_bind_int(put, 3, day->day);
		db_bind_blob(put, 4, code, derived_encode(hours, code));
		db_bind_int(put, 5, day->peak);
		db_bind_int(put, 6, day->peak_at_ms);
		if (!day->has_peak)
			db_bind_null(put, 5);
		campus_check(db_run(put, &err), &err);
	}
	db_finalize(put);
}

static void expect_days(struct campus *campus, const char *series, const struct days *expected)
{
	struct days found = days_of(campus, series);

	assert_int_equal(found.n, expected->n);
	for (size_t i = 0; i < found.n; i++) {
		assert_int_equal(found.list[i].day, expected->list[i].day);
		assert_int_equal(found.list[i].known, expected->list[i].known);
		assert_int_equal(found.list[i].has_peak, expected->list[i].has_peak);
		assert_int_equal(found.list[i].peak, expected->list[i].peak);
		assert_int_equal(found.list[i].peak_at_ms, expected->list[i].peak_at_ms);
		assert_memory_equal(found.list[i].hours, expected->list[i].hours,
				    sizeof found.list[i].hours);
	}
}

/* Four days over two blocks, of the institution and of an account. */
static void what_an_earlier_server_kept_is_kept(void **state)
{
	static const char old[] =
		"DROP TABLE load_block; CREATE TABLE load_day(id INTEGER NOT NULL, series TEXT NOT "
		"NULL, day INTEGER NOT NULL, hours BLOB NOT NULL, peak INTEGER, peak_at INTEGER, "
		"PRIMARY KEY(id, series, day)) WITHOUT ROWID; UPDATE derived_version SET version = "
		"3";
	struct days before, of_account;
	struct derived_name name;
	struct derived *derived;
	struct campus campus;
	struct err err = {""};

	(void)state;
	campus_init(&campus, yaml);
	for (size_t i = 0; i < 2; i++)
		campus_steady(&campus, i == 0 ? "e01" : "e02", KWH,
			      (struct reading){campus_time("2026-03-02T10:00:00+08:00"), 0},
			      QUARTER_MS, 123457 + (int64_t)i, 300);
	campus_derive(&campus);
	before = days_of(&campus, "electricity");
	of_account = days_of(&campus, "account:a2");
	assert_int_equal(before.n, 4);
	assert_int_equal(of_account.n, 4);
	campus_check(derived_open(&derived, campus.ledger, &err), &err);
	assert_int_equal(derived_find(derived, DERIVED_INSTITUTION, "370102-0001", &name, &err), 1);
	derived_close(derived);
	derive_close(campus.derive);
	campus_check(db_execute(ledger_db(campus.ledger), old, &err), &err);
	put_as_before(ledger_db(campus.ledger), name.id, "electricity", &before);
	put_as_before(ledger_db(campus.ledger), name.id, "account:a2", &of_account);

	campus_check(derive_open(&campus.derive, campus.ledger, &err), &err);
	expect_days(&campus, "electricity", &before);
	expect_days(&campus, "account:a2", &of_account);
	campus_fini(&campus);
}

static void a_meter_read_by_the_hour_has_none(void **state)
{
	static const char hourly[] =
		"id: 370102-0001\nname: n\ntype: culture\nregion: \"370102\"\n"
		"supply: {electricity: online}\nmeters:\n"
		"  - {id: e01, " METER "role: main, interval: 1h, lives: [{serial: a, from: "
		"2025-01-01, ratio: 1}]}\n";
	struct campus campus;
	struct found found;

	(void)state;
	campus_init(&campus, hourly);
	campus_steady(&campus, "e01", KWH, (struct reading){campus_time("2026-03-02"), 0}, HOUR_MS,
		      8 * MICRO, 24);
	campus_derive(&campus);
	found = load_of(&campus, "electricity", "2026-03-02");
	assert_int_equal(found.n, 1);
	assert_false(found.day.has_peak);
	assert_int_equal(found.day.hours[5], 8 * MICRO);
	campus_fini(&campus);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(peaks_are_of_quarters),
		cmocka_unit_test(accounts_have_peaks),
		cmocka_unit_test(a_late_reading_moves_the_peak),
		cmocka_unit_test(a_silent_meter_leaves_no_peak),
		cmocka_unit_test(an_account_that_is_gone_leaves_nothing),
		cmocka_unit_test(a_meter_read_by_the_hour_has_none),
		cmocka_unit_test(what_an_earlier_server_kept_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
