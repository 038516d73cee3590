/* SPDX-License-Identifier: Apache-2.0 */
/* Whose series are removed and written anew when the registry changes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/buf.h"
#include "tests/unit/campus.h"

enum { QUARTER_MS = 15 * 60 * 1000 };

#define KWH "active_energy_import_kwh"
#define HEAD(type, region)                                                                          \
	"id: 370102-0001\nname: 历下区档案馆\ntype: " type "\nregion: \"" region "\"\n"             \
	"buildings: [{id: main, name: 主楼, area: [{from: 2012-06-01, m2: 18000}]}, {id: annex, " \
	"name: 副楼, area: [{from: 2012-06-01, m2: 100}]}]\nmeters:\n"
#define METER(id, building, item, role, more)                                          \
	"  - {id: " id ", building: " building ", carrier: electricity, item: \"" item \
	"\", role: " role ", quantity: " KWH ", interval: 15m" more                    \
	", lives: [{serial: a, from: 2026-03-01, ratio: 1}]}\n"
#define MAIN   METER("e01", "main", "01000", "main", "")
#define UNDER  ", parent: e01"
#define LIGHT  METER("e02", "main", "01A00", "sub", UNDER)
#define BEFORE HEAD("culture", "370102") MAIN LIGHT

struct change {
	const char *phrase, *after;
	const char *marked;  /* whose series are to be removed, in the order of names */
	const char *regions; /* that may have nobody any more */
};

static const struct change changes[] = {
	{"nothing", BEFORE, "", ""},
	{"the region", HEAD("culture", "370103") MAIN LIGHT, "370102-0001 e01 e02 ",
	 "370000 370100 370102 "},
	{"the type", HEAD("education", "370102") MAIN LIGHT, "370102-0001 ",
	 "370000 370100 370102 "},
	{"a building", HEAD("culture", "370102") MAIN METER("e02", "annex", "01A00", "sub", UNDER),
	 "e02 ", ""},
	/* the old item's months vanish as well */
	{"an item", HEAD("culture", "370102") MAIN METER("e02", "main", "01B00", "sub", UNDER),
	 "370102-0001 e02 ", ""},
	{"the limits of a meter",
	 HEAD("culture", "370102") METER("e01", "main", "01000", "main", ", rated_kw: 500") LIGHT,
	 "", ""},
	{"a meter goes", HEAD("culture", "370102") MAIN, "370102-0001 e02 ", ""},
	{"a meter comes",
	 HEAD("culture", "370102") MAIN LIGHT METER("e03", "main", "01C00", "sub", UNDER), "", ""},
};

static void list(struct campus *campus, const char *sql, struct buf *out)
{
	struct db_statement *get;
	struct err err = {""};

	buf_clear(out);
	campus_check(db_prepare(ledger_db(campus->ledger), &get, sql, &err), &err);
	while (db_step(get, &err) == 1)
		buf_printf(out, "%s ", db_column_text(get, 0, NULL));
	db_finalize(get);
	buf_add_text(out, "");
}

static int64_t number(struct campus *campus, const char *sql)
{
	struct db_statement *get;
	struct err err = {""};

	campus_check(db_prepare(ledger_db(campus->ledger), &get, sql, &err), &err);
	assert_int_equal(db_step(get, &err), 1);
	int64_t n = db_column_int(get, 0);
	db_finalize(get);
	return n;
}

static void feed(struct campus *campus, const char *from, size_t quarters)
{
	struct reading first = {campus_time(from), 0};

	campus_steady(campus, "e01", KWH, first, QUARTER_MS, MICRO, quarters);
	campus_steady(campus, "e02", KWH, first, QUARTER_MS, MICRO / 2, quarters);
	campus_derive(campus);
}

#define MARKED                                                                          \
	"SELECT n.name FROM series_mark m JOIN derived_name n ON n.id = m.id ORDER BY " \
	"n.name"
#define REGIONS "SELECT code FROM series_region ORDER BY code"
/* Rows that databases would not be handed again after the series were removed. */
#define NOT_RENEWED(table)                                                           \
	"(SELECT count(*) FROM " table " t JOIN series_mark m ON m.id = t.id WHERE " \
	"t.deleted = 0 AND t.change < m.change)"

static void check(struct campus *campus, const struct change *change)
{
	struct buf text = {0};

	list(campus, MARKED, &text);
	if (strcmp(text.data, change->marked) != 0)
		fail_msg("%s: marked are %s", change->phrase, text.data);
	list(campus, REGIONS, &text);
	if (strcmp(text.data, change->regions) != 0)
		fail_msg("%s: left are %s", change->phrase, text.data);
	buf_fini(&text);
	assert_int_equal(number(campus, "SELECT count(*) FROM series_renew"), 0);
	assert_int_equal(
		number(campus,
		       "SELECT " NOT_RENEWED("meter_day") " + " NOT_RENEWED(
			       "meter_month") " + " NOT_RENEWED("institution_day") " "
										   "+ " NOT_RENEWED(
											   "institu"
											   "tion_"
											   "mont"
											   "h")),
		0);
}

static void test_changes(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
		struct campus campus;

		campus_init(&campus, BEFORE);
		feed(&campus, "2026-03-01", 5 * 96);
		campus_register(&campus, changes[i].after);
		campus_derive(&campus);
		check(&campus, &changes[i]);
		campus_fini(&campus);
	}
}

/* There and back again while the first way is still under way. */
static void test_a_renewal_begins_anew(void **state)
{
	struct campus campus;
	struct err err = {""};
	bool more = true;

	(void)state;
	campus_init(&campus, BEFORE);
	feed(&campus, "2026-03-01", 420 * 96);
	campus_register(&campus, HEAD("culture", "370103") MAIN LIGHT);
	for (bool dirty = true; dirty;)
		campus_check(derive_run(campus.derive, 1000, &dirty, &err), &err);
	campus_check(derive_renew_series(campus.derive, &more, &err), &err);
	assert_true(more);
	assert_int_equal(number(&campus, "SELECT count(*) FROM series_renew WHERE day NOTNULL"), 1);
	campus_register(&campus, BEFORE);
	assert_int_equal(number(&campus, "SELECT count(*) FROM series_renew WHERE day NOTNULL"), 0);
	campus_derive(&campus);
	check(&campus, &(struct change){"there and back", NULL, "370102-0001 e01 e02 ",
					"370000 370100 370102 370103 "});
	campus_fini(&campus);
}

/* What is found in a ledger that does not know of tags yet is taken to be as it was written. */
static void test_a_ledger_that_knows_no_tags(void **state)
{
	struct campus campus;
	struct err err = {""};

	(void)state;
	campus_init(&campus, BEFORE);
	feed(&campus, "2026-03-01", 96);
	campus_check(db_execute(ledger_db(campus.ledger), "DELETE FROM series_tags", &err), &err);
	campus_register(&campus, HEAD("culture", "370103") MAIN LIGHT);
	campus_derive(&campus);
	assert_int_equal(number(&campus, "SELECT count(*) FROM series_mark"), 0);
	campus_register(&campus, BEFORE);
	campus_derive(&campus);
	assert_int_equal(number(&campus, "SELECT count(*) FROM series_mark"), 3);
	campus_fini(&campus);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_changes),
		cmocka_unit_test(test_a_renewal_begins_anew),
		cmocka_unit_test(test_a_ledger_that_knows_no_tags),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
