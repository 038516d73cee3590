/* SPDX-License-Identifier: Apache-2.0 */
/* test_utf8.c - what is a character of UTF-8. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/utf8.h"

#define COUNT(table) (sizeof(table) / sizeof *(table))

/* clang-format off */
static const struct {
	const char *phrase, *text;
	size_t expected;
} cases[] = {
	{"ASCII", "a", 1},
	{"two bytes", "\xc2\xb0", 2},
	{"three bytes", "\xe7\x94\xb5", 3},
	{"four bytes", "\xf0\x9f\x94\x8c", 4},
	{"last of all", "\xf4\x8f\xbf\xbf", 4},
	{"something behind", "\xe7\x94\xb5xyz", 3},
	{"nothing", "", 0},
	{"continuation alone", "\x80", 0},
	{"cut after one byte", "\xe7", 0},
	{"cut after two bytes", "\xe7\x94", 0},
	{"third byte wrong", "\xe7\x94x", 0},
	{"overlong in two bytes", "\xc0\xaf", 0},
	{"overlong in three bytes", "\xe0\x9f\xbf", 0},
	{"overlong in four bytes", "\xf0\x8f\xbf\xbf", 0},
	{"surrogate", "\xed\xa0\x80", 0},
	{"before the surrogates", "\xed\x9f\xbf", 3},
	{"after the surrogates", "\xee\x80\x80", 3},
	{"beyond the last", "\xf4\x90\x80\x80", 0},
	{"byte that never occurs", "\xff", 0},
};
/* clang-format on */

static void test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		size_t n = utf8_character(cases[i].text, strlen(cases[i].text));

		if (n != cases[i].expected)
			fail_msg("%s: %zu", cases[i].phrase, n);
	}
}

static size_t encode(uint32_t c, char out[4])
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (char)(0xe0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 0x3f));
		out[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | c >> 18);
	out[1] = (char)(0x80 | (c >> 12 & 0x3f));
	out[2] = (char)(0x80 | (c >> 6 & 0x3f));
	out[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

static void test_every_character(void **state)
{
	(void)state;
	for (uint32_t c = 0; c < 0x120000; c++) {
		bool is_character = c <= 0x10ffff && !(c >= 0xd800 && c <= 0xdfff);
		char text[4];
		size_t n = encode(c, text);

		if (utf8_character(text, n) != (is_character ? n : 0))
			fail_msg("U+%04X", c);
		if (n > 1)
			assert_int_equal(utf8_character(text, n - 1), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_every_character),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
