/* SPDX-License-Identifier: Apache-2.0 */
/* Files of forms, and what a form says of its lines and its day. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/statistics/report.h"
#include "tests/unit/campus.h"

#define HEAD                                                                                       \
	"id: x\nname: x\nsource: s\nverified: false\nfrom: 2020\nforms:\n  - id: f\n    name: f\n" \
	"    lines:\n"

static const struct {
	const char *name, *lines, *words; /* NULL: fine */
} files[] = {
	{"a carrier, a part, a fee, a sum",
	 "      - {code: a, name: a, source: natural-gas-heating-fee + electricity * 2 - "
	 "persons}\n",
	 NULL},
	{"a name that is no source", "      - {code: a, name: a, source: steam}\n",
	 "'steam' is no source"},
	{"a part that there is not", "      - {code: a, name: a, source: water-roof}\n",
	 "'water-roof' is no source"},
	{"not linear", "      - {code: a, name: a, source: water * water}\n", "source"},
	{"a code twice", "      - {code: a, name: a}\n      - {code: a, name: b}\n",
	 "stands twice"},
	{"a part of nothing", "      - {code: a, name: a, at_most: b}\n", "names no line: 'b'"},
	{"words with a source", "      - {code: a, name: a, words: true, source: water}\n",
	 "has no source"},
	{"an unknown key", "      - {code: a, name: a, sorce: water}\n", "did you mean 'source'"},
};

static void test_files(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		struct conf_errors errors = {0};
		struct forms *forms = NULL;
		char folder[] = "/tmp/test_forms_XXXXXX", path[64];
		FILE *file;
		int rc;

		assert_non_null(mkdtemp(folder));
		(void)snprintf(path, sizeof path, "%s/a.yaml", folder);
		file = fopen(path, "w");
		assert_non_null(file);
		(void)fprintf(file, "%s%s", HEAD, files[i].lines);
		assert_int_equal(fclose(file), 0);
		rc = forms_load(&forms, folder, &errors);
		if ((rc == 0) != (files[i].words == NULL) ||
		    (rc < 0 && strstr(errors.text.data, files[i].words) == NULL))
			fail_msg("%s: %s", files[i].name, rc < 0 ? errors.text.data : "loads");
		forms_destroy(forms);
		conf_errors_fini(&errors);
		(void)unlink(path);
		(void)rmdir(folder);
	}
}

static void test_due_days(void **state)
{
	static const struct {
		int year, quarter;
		int64_t month, day, days;
		const char *due;
	} cases[] = {{2025, 0, 3, 31, 15, "2026-03-31"}, {2025, 0, 4, 31, 15, "2026-04-30"},
		     {2025, 0, 2, 30, 15, "2026-02-28"}, {2027, 0, 2, 30, 15, "2028-02-29"},
		     {2025, 4, 3, 31, 15, "2026-01-15"}, {2025, 2, 3, 31, 1, "2025-07-01"}};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const struct form_schema schema = {.due_month = cases[i].month,
						   .due_day = cases[i].day,
						   .due_days = cases[i].days};
		char text[CIVIL_TEXT_MAX];

		(void)civil_print_day(
			report_due(&schema, fill_period(cases[i].year, cases[i].quarter)), text);
		assert_string_equal(text, cases[i].due);
	}
}

static void test_rounding(void **state)
{
	static const int64_t cases[][3] = {{1234567, 2, 1230000},   {1235000, 2, 1240000},
					   {-1235000, 2, -1240000}, {499999, 0, 0},
					   {500000, 0, 1000000},    {123456, 6, 123456}};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_int_equal(fill_round(cases[i][0], cases[i][1]), cases[i][2]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_due_days),
		cmocka_unit_test(test_rounding),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
