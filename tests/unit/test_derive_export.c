/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/campus.h"

#include "server/figures/derive_export.h"
#include "server/tsdb/tsdb_private.h"

enum { QUARTER_MS = 15 * 60 * 1000 };

#define KWH       "active_energy_import_kwh"
#define HEAD      "id: 370102-0001\nname: 历下区档案馆\ntype: culture\nregion: \"370102\"\n"
#define BUILDINGS "buildings: [{id: main, name: 主楼, area: [{from: 2012-06-01, m2: 18000}]}]\n"
#define METER(ratio)                                                                           \
	"meters:\n  - {id: e01, building: main, carrier: electricity, item: \"01000\", role: " \
	"main, quantity: active_energy_import_kwh, interval: 15m, expected_year: 8760, "       \
	"lives: [{serial: a, from: "                                                           \
	"2026-03-01, ratio: " ratio "}]}\n"

struct fixture {
	struct campus campus;
	struct factors *factors;
	struct derive_export with;
	struct tsdb_export out;
	int64_t cursor;
};

static void start(struct fixture *f)
{
	struct conf_errors errors = {0};

	*f = (struct fixture){.cursor = 0};
	campus_init(&f->campus, HEAD BUILDINGS METER("1"));
	assert_int_equal(factors_load(&f->factors, "config/factors", &errors), 0);
	f->with = (struct derive_export){.factors = f->factors, .min_coverage = 0};
}

static void finish(struct fixture *f)
{
	tsdb_export_fini(&f->out);
	factors_release(f->factors);
	campus_fini(&f->campus);
}

static void export(struct fixture *f, size_t max_lines)
{
	struct tsdb_question question = {.reader = f->campus.ledger,
					 .registry = f->campus.registry,
					 .cursor = f->cursor,
					 .max_lines = max_lines};
	struct err err = {""};

	buf_clear(&f->out.lines);
	f->out.n_lines = 0;
	campus_check(derive_export(&question, &f->out, &f->with, &err), &err);
	f->cursor = f->out.next;
}

/* Everything that is left; returns how many lines. */
static size_t export_all(struct fixture *f, size_t max_lines)
{
	size_t n = 0;
	int64_t before;

	do {
		before = f->cursor;
		export(f, max_lines);
		n += f->out.n_lines;
	} while (f->cursor != before);
	return n;
}

static void feed(struct fixture *f, const char *from, size_t quarters, int64_t start)
{
	campus_steady(&f->campus, "e01", KWH, (struct reading){campus_time(from), start},
		      QUARTER_MS, MICRO, quarters);
	campus_derive(&f->campus);
}

static void check_has(const struct fixture *f, const char *line)
{
	if (strstr(f->out.lines.data, line) == NULL)
		fail_msg("no line %s in\n%s", line, f->out.lines.data);
}

static void test_lines(void **state)
{
	struct fixture f;

	(void)state;
	start(&f);
	feed(&f, "2026-03-01", 94, 0);
	export(&f, 100000);
	/* 24 hours and the day, of meter and institution, a month each, three of indicators; who
	 * there is (3 regions, an institution in each, a building), and the indicators of 3 regions
	 */
	assert_int_equal(f.out.n_lines, 2 * 26 + 2 + 7 + 3 * 2 + 1);
	check_has(&f, "directory,kind=region,region=370100 label=\"");
	check_has(&f, "subtree=\"370102\" ");
	check_has(&f, "directory,kind=institution,region=370102,institution=370102-0001 label=\"");
	check_has(&f, "directory,kind=institution,region=370000,institution=370102-0001 label=\"");
	check_has(&f, "region_kpi_month,region=370000 ");
	check_has(&f, "energy_hour_meter,region=370102,institution=370102-0001,carrier=electricity,"
		      "item=01000,building=main,meter=e01,role=main "
		      "value=4,estimated=0,missing=0,covered=3600 1772294400000\n");
	check_has(&f, "energy_hour_meter,region=370102,institution=370102-0001,carrier=electricity,"
		      "item=01000,building=main,meter=e01,role=main "
		      "value=2,estimated=0,missing=0.5,covered=1800 1772377200000\n");
	check_has(&f, "energy_hour,region=370102,institution=370102-0001,carrier=electricity,"
		      "item=total value=4,estimated=0,missing=0,hour=0,weekday=7 1772294400000\n");
	check_has(&f, "energy_day,region=370102,institution=370102-0001,carrier=electricity,"
		      "item=total value=94,estimated=0,missing=0.5 1772294400000\n");
	/* 720.5 h at 1 kWh; 23 hours of the four Sundays to come at 4, as this one was */
	check_has(&f, "energy_month_meter,region=370102,institution=370102-0001,"
		      "carrier=electricity,item=01000,building=main,meter=e01,role=main "
		      "value=94,estimated=0,missing=996.5,covered=84600 1772294400000\n");
	finish(&f);
}

/* Only the hour that changed is written again. */
static void test_only_what_changed(void **state)
{
	struct fixture f;

	(void)state;
	start(&f);
	feed(&f, "2026-03-01", 94, 0);
	assert_int_equal(export_all(&f, 100000), 54 + 14);
	assert_int_equal(export_all(&f, 100000), 0);
	feed(&f, "2026-03-01T23:45:00+08:00", 0, 95 * (int64_t)MICRO);
	assert_int_equal(export_all(&f, 100000), 2 * 3 + 3 + 3 * 2);
	/* Two changes since the cursor: which hours the first one touched is not known. */
	feed(&f, "2026-03-02T00:00:00+08:00", 4, 96 * (int64_t)MICRO);
	feed(&f, "2026-03-02T01:15:00+08:00", 3, 101 * (int64_t)MICRO);
	export(&f, 100000);
	check_has(&f, " 1772380800000\n");
	check_has(&f, " 1772384400000\n");
	finish(&f);
}

/* A register that falls is an event; explained by the registry it is over. */
static void test_events(void **state)
{
	struct fixture f;

	(void)state;
	start(&f);
	feed(&f, "2026-03-01", 4, 100 * (int64_t)MICRO);
	feed(&f, "2026-03-01T01:15:00+08:00", 4, 0);
	export(&f, 100000);
	check_has(&f, "event,region=370102,institution=370102-0001,meter=e01,"
		      "kind=unexplained_drop,severity=warning text=\"The register fell");
	check_has(&f, "state=\"open\",agent=\"\",count=1i 1772298000000\n");
	campus_register(&f.campus, HEAD BUILDINGS
			"meters:\n  - {id: e01, building: main, carrier: electricity, item: "
			"\"01000\", role: main, quantity: active_energy_import_kwh, interval: 15m, "
			"lives: [{serial: a, from: 2026-03-01, to: \"2026-03-01T01:15:00+08:00\", "
			"last: 105, ratio: 1}, {serial: b, from: \"2026-03-01T01:15:00+08:00\", "
			"first: 0, ratio: 1}]}\n");
	campus_derive(&f.campus);
	export(&f, 100000);
	check_has(&f, "state=\"closed\",agent=\"\",count=1i 1772298000000\n");
	finish(&f);
}

static void test_in_small_steps(void **state)
{
	struct fixture a, b;

	(void)state;
	start(&a);
	start(&b);
	for (int day = 0; day < 10; day++) {
		char from[32];

		(void)snprintf(from, sizeof from, "2026-03-%02d", day + 1);
		feed(&a, from, 95, day * 96 * (int64_t)MICRO);
		feed(&b, from, 95, day * 96 * (int64_t)MICRO);
	}
	/* The month's rows stand at their newest change only, so both ways give as much. */
	size_t n = export_all(&b, 100000);
	assert_int_equal(export_all(&a, 30), n);
	finish(&a);
	finish(&b);
}

static void test_what_vanished_is_deleted(void **state)
{
	struct fixture f;

	(void)state;
	start(&f);
	feed(&f, "2026-03-01", 8, 0);
	(void)export_all(&f, 100000);
	assert_int_equal(f.out.n_deletions, 1); /* an older directory */
	campus_register(&f.campus, HEAD BUILDINGS);
	campus_derive(&f.campus);
	/* who there is, and regions that still have an institution */
	assert_int_equal(export_all(&f, 100000), 7 + 3 * 2);
	/* Of the meter all goes at once, in three measurements, and of the institution, of which a
	 * month vanished, in seven; the older directory. */
	assert_int_equal(f.out.n_deletions, 1 + 3 + 7 + 1);
	finish(&f);
	/* Who starts from nothing has nothing to delete, but an older directory. */
	start(&f);
	feed(&f, "2026-03-01", 8, 0);
	campus_register(&f.campus, HEAD BUILDINGS);
	campus_derive(&f.campus);
	assert_int_equal(export_all(&f, 100000), 7 + 3 * 2);
	assert_int_equal(f.out.n_deletions, 1);
	finish(&f);
}

/* A line only adds to its point: the value that was written must go. */
static void test_what_is_withheld_now_is_deleted(void **state)
{
	struct fixture f;

	(void)state;
	start(&f);
	feed(&f, "2026-03-01", 8, 0);
	export(&f, 100000);
	check_has(&f, "region_kpi_month,region=370102 ");
	assert_int_equal(f.out.n_deletions, 1); /* an older directory */
	f.with.min_coverage = MICRO;
	feed(&f, "2026-03-01T02:15:00+08:00", 0, 9 * (int64_t)MICRO);
	(void)export_all(&f, 100000);
	/* a day, a month and a year of the institution; a month and a year of 3 regions */
	assert_int_equal(f.out.n_deletions, 1 + 3 + 3 * 2);
	finish(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_only_what_changed),
		cmocka_unit_test(test_events),
		cmocka_unit_test(test_in_small_steps),
		cmocka_unit_test(test_what_vanished_is_deleted),
		cmocka_unit_test(test_what_is_withheld_now_is_deleted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
