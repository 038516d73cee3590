/* SPDX-License-Identifier: Apache-2.0 */
/* test_buf.c - a text that grows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/buf.h"

static void test_pieces_become_one_text(void **state)
{
	struct buf buf = {0};

	(void)state;
	buf_add_text(&buf, "a=");
	buf_add_int(&buf, -42);
	buf_add_char(&buf, ' ');
	buf_add(&buf, "xyz", 2);
	buf_printf(&buf, " %s %d", "four", 5);
	assert_string_equal(buf.data, "a=-42 xy four 5");
	assert_int_equal(buf.len, strlen(buf.data));
	buf_fini(&buf);
	assert_null(buf.data);
	assert_int_equal(buf.len, 0);
}

static void test_integers_to_their_limits(void **state)
{
	static const struct {
		int64_t value;
		const char *expected;
	} cases[] = {
		{0, "0"},
		{9, "9"},
		{-10, "-10"},
		{INT64_MAX, "9223372036854775807"},
		{INT64_MIN, "-9223372036854775808"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct buf buf = {0};

		buf_add_int(&buf, cases[i].value);
		assert_string_equal(buf.data, cases[i].expected);
		buf_fini(&buf);
	}
}

static void test_grows_far(void **state)
{
	struct buf buf = {0};

	(void)state;
	for (int i = 0; i < 100000; i++)
		buf_printf(&buf, "%05d", i);
	assert_int_equal(buf.len, 500000);
	assert_memory_equal(buf.data + 499990, "9999899999", 11); /* with the NUL */
	buf_fini(&buf);
}

static void test_clear_keeps_the_memory(void **state)
{
	struct buf buf = {0};
	const char *before;

	(void)state;
	buf_clear(&buf);
	assert_null(buf.data);
	buf_add_text(&buf, "something");
	before = buf.data;
	buf_clear(&buf);
	assert_string_equal(buf.data, "");
	buf_add_text(&buf, "else");
	assert_ptr_equal(buf.data, before);
	assert_string_equal(buf.data, "else");
	buf_fini(&buf);
}

static void test_cut_goes_back(void **state)
{
	struct buf buf = {0};

	(void)state;
	buf_cut(&buf, 0);
	assert_null(buf.data);
	buf_add_text(&buf, "something");
	buf_cut(&buf, 4);
	assert_string_equal(buf.data, "some");
	buf_add_text(&buf, "one");
	assert_string_equal(buf.data, "someone");
	buf_fini(&buf);
}

static void test_take_gives_the_text_away(void **state)
{
	struct buf buf = {0};
	char *text;

	(void)state;
	text = buf_take(&buf);
	assert_string_equal(text, "");
	free(text);
	buf_add_text(&buf, "mine");
	text = buf_take(&buf);
	assert_string_equal(text, "mine");
	assert_null(buf.data);
	free(text);
}

static void test_nothing_added(void **state)
{
	struct buf buf = {0};

	(void)state;
	buf_add(&buf, NULL, 0);
	assert_string_equal(buf.data, "");
	buf_add_text(&buf, "");
	buf_printf(&buf, "%s", "");
	assert_int_equal(buf.len, 0);
	buf_fini(&buf);
}

static void test_bytes_with_nul(void **state)
{
	struct buf buf = {0};

	(void)state;
	buf_add(&buf, "a\0b", 3);
	assert_int_equal(buf.len, 3);
	assert_memory_equal(buf.data, "a\0b", 4);
	buf_fini(&buf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pieces_become_one_text),
		cmocka_unit_test(test_integers_to_their_limits),
		cmocka_unit_test(test_grows_far),
		cmocka_unit_test(test_clear_keeps_the_memory),
		cmocka_unit_test(test_cut_goes_back),
		cmocka_unit_test(test_take_gives_the_text_away),
		cmocka_unit_test(test_nothing_added),
		cmocka_unit_test(test_bytes_with_nul),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
