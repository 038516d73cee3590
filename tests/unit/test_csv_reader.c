/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/csv_reader.h"
#include "common/csv_writer.h"

static void test_rows(void **state)
{
	/* clang-format off */
	static const struct {
		const char *phrase, *text, *cells[3];
	} cases[] = {
		{"plain",                       "a,b,c\n",            {"a", "b", "c"}},
		{"the end of the text",         "a,b,c",              {"a", "b", "c"}},
		{"CRLF and blanks around",      " a ,\tb, c\r\n",     {"a ,", "b, c", NULL}},
		{"commas where there is a tab", "a,b\tc\n",           {"a,b", "c", NULL}},
		{"quotes",                      "\"a\"\"b\",\"c,d\"", {"a\"b", "c,d", NULL}},
		{"a byte order mark",           "\xef\xbb\xbf" "a,b", {"a", "b", NULL}},
		{"a formula's guard goes",      "'=1+1,'-x,'@",       {"=1+1", "-x", "@"}},
		{"another apostrophe stays",    "'a,',a'=",           {"'a", "'", "a'="}},
	};
	/* clang-format on */

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct csv_reader csv;
		struct err err = {""};

		csv_reader_init(&csv, cases[i].text, strlen(cases[i].text));
		if (csv_reader_next(&csv, &err) != 1)
			fail_msg("%s: %s", cases[i].phrase, err.text);
		for (size_t k = 0; k < 3; k++) {
			const char *cell = k < csv.n ? csv.fields[k] : NULL;

			if ((cell == NULL) != (cases[i].cells[k] == NULL) ||
			    (cell != NULL && strcmp(cell, cases[i].cells[k]) != 0))
				fail_msg("%s: cell %zu is %s", cases[i].phrase, k, cell);
		}
		assert_int_equal(csv_reader_next(&csv, &err), 0);
		csv_reader_fini(&csv);
	}
}

static void test_a_bad_row_does_not_hide_the_next(void **state)
{
	/* clang-format off */
	static const struct {
		const char *phrase, *text, *words;
	} cases[] = {
		{"a letter behind a quote", "\"a\"b,c\nnext", "a quote is not closed"},
		{"a lone carriage return",  "a\rb\nnext",     "a carriage return stands inside"},
		{"not UTF-8",               "a\xff\nnext",    "not UTF-8"},
	};
	/* clang-format on */

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct csv_reader csv;
		struct err err = {""};

		csv_reader_init(&csv, cases[i].text, strlen(cases[i].text));
		assert_int_equal(csv_reader_next(&csv, &err), -EINVAL);
		if (strstr(err.text, cases[i].words) == NULL)
			fail_msg("%s: %s", cases[i].phrase, err.text);
		assert_int_equal(csv_reader_next(&csv, &err), 1);
		assert_string_equal(csv.fields[0], "next");
		assert_int_equal(csv.line, 2);
		csv_reader_fini(&csv);
	}
}

static void test_what_is_written_is_read(void **state)
{
	static const char *const texts[] = {"=1+1", "-12", "-x",     "@a", "+86 531,1",
					    "a",    "'a",  "a\"b\n", ""};
	enum { N = sizeof texts / sizeof *texts };
	struct buf out = {0};
	struct csv_writer writer = {.out = &out};
	struct csv_reader csv;

	(void)state;
	for (size_t i = 0; i < N; i++)
		csv_add_text(&writer, texts[i]);
	csv_end_row(&writer);
	csv_reader_init(&csv, out.data, out.len);
	assert_int_equal(csv_reader_next(&csv, NULL), 1);
	assert_int_equal(csv.n, N);
	for (size_t i = 0; i < N; i++)
		assert_string_equal(csv.fields[i], texts[i]);
	csv_reader_fini(&csv);
	buf_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_a_bad_row_does_not_hide_the_next),
		cmocka_unit_test(test_what_is_written_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
