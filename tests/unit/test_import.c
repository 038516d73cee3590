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
	assert_int_equal(import_lines(ledger, plant->registry, file, NOW, report, &err),
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_a_verdict_for_each_line),
		cmocka_unit_test(many_lines_take_several_commits),
		cmocka_unit_test(an_endless_line_ends_the_import),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
