/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "plant.h"
#include "server/ingest/import.h"

#define NOW  INT64_C(1780000000000)
#define GOOD "reading,meter=370102-0001-w01 volume_total_m3=7,temperature_c=20 1779999990000\n"

static void print_refusal(int64_t line, const char *reason, const char *words, void *arg)
{
	assert_true(*words != '\0');
	buf_printf(arg, "%lld %s;", (long long)line, reason);
}

/* clang-format off */
static const struct {
	const char *phrase, *text, *refusals;
	int64_t lines, added, repeated;
} files[] = {
	{ "nothing", "", "", 0, 0, 0 },
	{ "one line", GOOD, "", 1, 1, 0 },
	{ "no line feed at the end", "reading,meter=370102-0001-w01 volume_total_m3=7 1779999990000", "", 1, 1, 0 },
	{ "the same line twice", GOOD GOOD, "", 2, 1, 1 },
	{ "each bad line has its verdict, the good ones are taken",
	  "reading,meter=nobody volume_total_m3=7 1779999990000\n" GOOD "nonsense\n"
	  "reading,meter=370102-0001-w01 volume_total_m3=8 1780000660000\n"
	  "fault,meter=370102-0001-w01 code=\"timeout\",attempts=1i 1779999990000\n"
	  "reading,meter=370102-0001-w01 volume_total_m3=9 1779999991000\n",
	  "1 unknown_meter;3 kind;4 clock;5 kind;", 6, 2, 0 },
	{ "the agent named in the registry does not matter",
	  "reading,meter=370102-0001-e01 active_energy_import_kwh=1 1779999991000\n", "", 1, 1, 0 },
};
/* clang-format on */

static void run(char *text, size_t len, struct plant *plant, struct import_report *report,
		int expected_rc)
{
	FILE *file = len > 0 ? fmemopen(text, len, "r") : fopen("/dev/null", "r");
	struct ledger *ledger;
	struct err err = {""};

	assert_non_null(file);
	assert_int_equal(ledger_open(&ledger, plant->ledger_path, NULL), 0);
	assert_int_equal(import_lines(&(struct import_into){ledger, plant->registry, NOW}, file,
				      report, &err),
			 expected_rc);
	ledger_close(ledger);
	assert_int_equal(fclose(file), 0);
}

static void gives_a_verdict_for_each_line(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		struct buf refusals = {0};
		struct import_report report = {.refuse = print_refusal, .arg = &refusals};
		char *text = xstrdup(files[i].text);
		struct plant plant;

		buf_add(&refusals, "", 0);
		plant_init(&plant, PLANT_HEAD PLANT_E01 PLANT_W01);
		run(text, strlen(text), &plant, &report, 0);
		free(text);
		if (strcmp(refusals.data ? refusals.data : "", files[i].refusals) != 0)
			fail_msg("%s: %s", files[i].phrase, refusals.data);
		if (report.lines != files[i].lines || report.added != files[i].added ||
		    report.repeated != files[i].repeated)
			fail_msg("%s: other counts", files[i].phrase);
		buf_fini(&refusals);
		plant_fini(&plant);
	}
}

static char *make_lines(int n)
{
	struct buf text = {0};

	for (int i = 0; i < n; i++)
		buf_printf(&text, "reading,meter=370102-0001-w01 volume_total_m3=%d.5 %lld\n", i,
			   (long long)(NOW - INT64_C(60000) * (n - i)));
	return buf_take(&text);
}

static void many_lines_take_several_commits(void **state)
{
	struct import_report report = {0};
	char *text = make_lines(120000);
	struct plant plant;

	(void)state;
	plant_init(&plant, PLANT_HEAD PLANT_W01);
	run(text, strlen(text), &plant, &report, 0);
	assert_int_equal(report.added, 120000);
	assert_int_equal(report.commits, 3);
	run(text, strlen(text), &plant, &report, 0);
	assert_int_equal(report.repeated, 120000);
	free(text);
	plant_fini(&plant);
}

static void an_endless_line_ends_the_import(void **state)
{
	struct import_report report = {0};
	size_t len = (size_t)3 << 20;
	char *text = xcalloc(len, 1);
	struct plant plant;

	(void)state;
	memset(text, 'x', len);
	plant_init(&plant, PLANT_HEAD PLANT_W01);
	run(text, len, &plant, &report, -EINVAL);
	free(text);
	plant_fini(&plant);
}

/* A part is committed, then the file cannot be read on; the whole file under the same key. */
static void an_interrupted_import_goes_on(void **state)
{
	struct buf refusals = {0};
	struct import_report first = {.key = "k"}, second = {.key = "k"}, third = {.key = "k"};
	struct import_report other = {.key = "x", .refuse = print_refusal, .arg = &refusals};
	size_t len = (size_t)3 << 20;
	char *text = make_lines(60000), *endless = xcalloc(len, 1), *broken;
	struct plant plant;

	(void)state;
	memset(endless, 'x', len - 1);
	broken = xasprintf("%s%s", text, endless);
	plant_init(&plant, PLANT_HEAD PLANT_W01);
	run(broken, strlen(broken), &plant, &first, -EINVAL);
	assert_int_equal(first.added, 50000);
	run(text, strlen(text), &plant, &second, 0);
	assert_int_equal(second.resumed, 50000);
	assert_int_equal(second.lines, 60000);
	assert_int_equal(second.added, 10000);
	assert_int_equal(second.repeated, 0);
	run(text, strlen(text), &plant, &third, 0);
	assert_int_equal(third.resumed, 0);
	assert_int_equal(third.repeated, 60000);
	run(text, strlen(text), &plant, &other, 0);
	assert_int_equal(other.repeated, 60000);
	free(text);
	free(endless);
	free(broken);
	plant_fini(&plant);
}

/* ---- tables ---- */

#define NAMED                                                                                  \
	"  - {id: n1, name: 一层照明, building: main, carrier: electricity, role: main,\n" \
	"     item: \"01000\", quantity: active_energy_import_kwh, lives: [{serial: n, "       \
	"from: 2020-01-01, ratio: 1}]}\n"                                                      \
	"  - {id: n2, name: 双名, building: main, carrier: electricity, role: main,\n"       \
	"     item: \"01000\", quantity: active_energy_import_kwh, lives: [{serial: n, "       \
	"from: 2020-01-01, ratio: 1}]}\n"                                                      \
	"  - {id: n3, name: 双名, building: main, carrier: electricity, role: main,\n"       \
	"     item: \"01000\", quantity: active_energy_import_kwh, lives: [{serial: n, "       \
	"from: 2020-01-01, ratio: 1}]}\n"                                                      \
	"  - {id: v1, building: main, carrier: electricity, role: sub, item: \"01A00\",\n"     \
	"     formula: \"n1 + n2\"}\n"

/* clang-format off */
static const struct {
	const char *phrase, *text, *refusals;
	int64_t added; /* -1: no table of readings */
} tables[] = {
	{ "time, meter, value", "time,meter,value\n2026-03-01 10:15,n1,12.5\n", "", 1 },
	{ "as MyEMS has it", "utc_date_time,meter_name,actual_value\n2026-03-01T02:15:00,一层照明,12.5\n", "", 1 },
	{ "Chinese, with units", "表号,采集时间,示数(kWh)\nn1,2026/3/1 10:15,12.5\nn1,2026/3/1 10:30,12.75\n", "", 2 },
	{ "tabs", "时间\t表计\t读数（kWh）\n2026/3/1 10:15\tn1\t12.5\n", "", 1 },
	{ "semicolons", "time;meter;value\n2026-03-01 10:15;n1;12.5\n", "", 1 },
	{ "thousands", "time,meter,value\n2026-03-01 10:15,n1,\"1,234,567.5\"\n2026-03-01 10:30,n1,\"1,23\"\n"
	  "2026-03-01 10:45,n1,\"1234,567\"\n", "3 number;4 number;", 1 },
	{ "a column for each meter", "时间,n1,一层照明2,n2\n2026/3/1 10:15,1,x,2\n2026/3/1 10:30,,x,3\n", "", 3 },
	{ "each bad row has its verdict",
	  "time,meter,value,quantity\nnoon,n1,1,active_energy_import_kwh\n2026-03-01,nobody,1,active_energy_import_kwh\n"
	  "2026-03-01,双名,1,active_energy_import_kwh\n2026-03-01,v1,1,active_energy_import_kwh\n"
	  "2026-03-01,n1,,active_energy_import_kwh\n2026-03-01,n1,1,volume_total_m3\n2026-03-01,n1\n"
	  "2099-03-01,n1,1,active_energy_import_kwh\n2026-03-01,n1,\"1\n2026-03-02,n1,2,active_energy_import_kwh\n",
	  "2 time;3 unknown_meter;4 unknown_meter;5 formula;6 number;7 quantity;8 columns;9 clock;10 row;", 0 },
	{ "the same twice", "time,meter,value\n2026-03-01,n1,1\n2026-03-01,n1,1\n", "", 1 },
	{ "bills", "institution,carrier,from,to,quantity,unit\n", "", -1 },
	{ "no time", "meter,value\nn1,1\n", "", -1 },
	{ "meters that nobody knows", "time,a,b\n2026-03-01,1,2\n", "", -1 },
	{ "nothing", "", "", -1 },
};
/* clang-format on */

static void a_table_is_taken_row_by_row(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
		struct buf refusals = {0};
		struct import_report report = {.refuse = print_refusal, .arg = &refusals};
		size_t len = strlen(tables[i].text);
		struct err err = {""};
		struct plant plant;
		struct import_into into = {.now_ms = NOW};
		int rc;

		buf_add(&refusals, "", 0);
		plant_init(&plant, PLANT_HEAD NAMED);
		into.registry = plant.registry;
		assert_int_equal(ledger_open(&into.ledger, plant.ledger_path, NULL), 0);
		if (import_is_table(plant.registry, tables[i].text, len) != (tables[i].added >= 0))
			fail_msg("%s: taken for something else", tables[i].phrase);
		rc = import_table(&into, tables[i].text, len, &report, &err);
		if ((rc == 0) != (tables[i].added >= 0) ||
		    (rc == 0 && report.added != tables[i].added))
			fail_msg("%s: %d added, %s", tables[i].phrase, (int)report.added, err.text);
		if (strcmp(refusals.data ? refusals.data : "", tables[i].refusals) != 0)
			fail_msg("%s: %s", tables[i].phrase, refusals.data);
		ledger_close(into.ledger);
		buf_fini(&refusals);
		plant_fini(&plant);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_a_verdict_for_each_line),
		cmocka_unit_test(many_lines_take_several_commits),
		cmocka_unit_test(an_endless_line_ends_the_import),
		cmocka_unit_test(an_interrupted_import_goes_on),
		cmocka_unit_test(a_table_is_taken_row_by_row),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
