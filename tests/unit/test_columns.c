/* SPDX-License-Identifier: Apache-2.0 */
#include "common/columns.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static void a_chinese_character_is_two_columns(void **state)
{
	(void)state;
	assert_int_equal(columns_of(""), 0);
	assert_int_equal(columns_of("abc"), 3);
	assert_int_equal(columns_of("线路"), 4);
	assert_int_equal(columns_of("\xff"), 1);
}

static void cells_are_filled_by_columns(void **state)
{
	static const struct {
		const char *text;
		int width;
		const char *expected;
	} cases[] = {
		{"ab", 4, "ab  "},   {"ab", -4, "  ab"}, {"线", 4, "线  "}, {"线", -4, "  线"},
		{"线路", 3, "线路"}, {"", 2, "  "},      {"abc", 0, "abc"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct buf out = {0};

		columns_pad(&out, cases[i].text, cases[i].width);
		assert_string_equal(out.len > 0 ? out.data : "", cases[i].expected);
		buf_fini(&out);
	}
}

#define TEN  "0123456789"
#define WIDE "线路线路线路线路线路" /* 20 columns */

static void long_lines_are_broken(void **state)
{
	static const struct {
		const char *name, *text, *expected;
		int column, indent;
	} cases[] = {
		{"a short line", "a b", "a b", 0, 4},
		{"at a blank", TEN TEN TEN TEN TEN TEN TEN " " TEN,
		 TEN TEN TEN TEN TEN TEN TEN "\n    " TEN, 0, 4},
		{"just fits", TEN TEN TEN TEN TEN TEN TEN " 123456789",
		 TEN TEN TEN TEN TEN TEN TEN " 123456789", 0, 4},
		{"behind a first column", "a " TEN, "a\n  " TEN, 70, 2},
		{"between Chinese characters", WIDE WIDE WIDE WIDE "线",
		 WIDE WIDE WIDE WIDE "\n  线", 0, 2},
		{"no mark begins a line", WIDE WIDE WIDE WIDE "。",
		 WIDE WIDE WIDE "线路线路线路线路线\n  路。", 0, 2},
		{"a word that is too long stays whole", TEN TEN TEN TEN TEN TEN TEN TEN TEN,
		 TEN TEN TEN TEN TEN TEN TEN TEN TEN, 0, 0},
		{"line feeds stay", "a\nb\n", "a\nb\n", 0, 4},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct buf out = {0};

		columns_wrap(&out, cases[i].text, cases[i].column, cases[i].indent);
		if (strcmp(out.data, cases[i].expected) != 0)
			fail_msg("%s: '%s'", cases[i].name, out.data);
		buf_fini(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_chinese_character_is_two_columns),
		cmocka_unit_test(cells_are_filled_by_columns),
		cmocka_unit_test(long_lines_are_broken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
