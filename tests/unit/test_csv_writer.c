/* SPDX-License-Identifier: Apache-2.0 */
/* test_csv_writer.c - cells are read back as they were, and none of them is a formula. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/csv_writer.h"

static void test_texts(void **state)
{
	/* clang-format off */
	static const struct {
		const char *phrase, *input, *expected;
	} cases[] = {
		{"plain",                    "main",       "main"},
		{"nothing",                  NULL,         ""},
		{"empty",                    "",           ""},
		{"Chinese",                  "档案馆",     "档案馆"},
		{"a comma",                  "a,b",        "\"a,b\""},
		{"a quote",                  "a\"b",       "\"a\"\"b\""},
		{"a line feed",              "a\nb",       "\"a\nb\""},
		{"a formula",                "=1+1",       "'=1+1"},
		{"a formula with a comma",   "=SUM(A1,A2)", "\"'=SUM(A1,A2)\""},
		{"a formula with a quote",   "=\"x\"",     "\"'=\"\"x\"\"\""},
		{"plus",                     "+cmd",       "'+cmd"},
		{"minus",                    "-cmd",       "'-cmd"},
		{"at",                       "@cmd",       "'@cmd"},
		{"tab",                      "\t=1",       "'\t=1"},
		{"carriage return",          "\r=1",       "\"'\r=1\""},
		{"a negative number",        "-12.5",      "-12.5"},
		{"a signed number",          "+3",         "+3"},
		{"a number and more",        "-12.5+A1",   "'-12.5+A1"},
		{"a number without digits",  "-",          "'-"},
		{"a number without end",     "-1.",        "'-1."},
		{"an equals sign inside",    "a=b",        "a=b"},
	};
	/* clang-format on */

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct buf out = {0};
		struct csv_writer csv = {.out = &out};

		csv_add_text(&csv, cases[i].input);
		csv_end_row(&csv);
		if (strncmp(out.data, cases[i].expected, out.len - 2) != 0 ||
		    strlen(cases[i].expected) != out.len - 2)
			fail_msg("%s: got %s", cases[i].phrase, out.data);
		buf_fini(&out);
	}
}

static void test_rows(void **state)
{
	struct buf out = {0};
	struct csv_writer csv = {.out = &out};

	(void)state;
	csv_add_text(&csv, NULL);
	csv_add_int(&csv, -7);
	csv_add_micro(&csv, -41200000);
	csv_add_real(&csv, 2.5, 6);
	csv_add_real(&csv, 100, 6);
	csv_add_real(&csv, (double)NAN, 6);
	csv_end_row(&csv);
	csv_add_text(&csv, "a");
	csv_add_text(&csv, NULL);
	csv_end_row(&csv);
	assert_string_equal(out.data, ",-7,-41.2,2.5,100,\r\na,\r\n");
	buf_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
