/* SPDX-License-Identifier: Apache-2.0 */
/* test_err.c - words that explain a failure. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/err.h"

static void test_set_returns_the_code(void **state)
{
	struct err err;

	(void)state;
	assert_int_equal(err_set(&err, -EIO, "register %d is missing", 5), -EIO);
	assert_string_equal(err.text, "register 5 is missing");
}

static void test_prefix_adds_context(void **state)
{
	struct err err;

	(void)state;
	assert_int_equal(err_set(&err, -EIO, "no answer"), -EIO);
	assert_int_equal(err_prefix(&err, -EIO, "meter '%s'", "hall"), -EIO);
	assert_int_equal(err_prefix(&err, -ETIMEDOUT, "bus '%s'", "riser-1"), -ETIMEDOUT);
	assert_string_equal(err.text, "bus 'riser-1': meter 'hall': no answer");
}

static void test_words_may_be_dropped(void **state)
{
	(void)state;
	assert_int_equal(err_set(NULL, -EIO, "no %s", "answer"), -EIO);
	assert_int_equal(err_prefix(NULL, -EIO, "meter"), -EIO);
}

static void test_long_words_are_cut(void **state)
{
	char words[2 * ERR_TEXT_MAX];
	struct err err;

	(void)state;
	memset(words, 'x', sizeof words - 1);
	words[sizeof words - 1] = '\0';
	assert_int_equal(err_set(&err, -EIO, "%s", words), -EIO);
	assert_int_equal(strlen(err.text), ERR_TEXT_MAX - 1);
	assert_int_equal(err_prefix(&err, -EIO, "%s", words), -EIO);
	assert_true(strlen(err.text) < ERR_TEXT_MAX);
	assert_non_null(strstr(err.text, "x: x"));
}

static void test_names_of_codes(void **state)
{
	(void)state;
	assert_string_equal(err_name(-ETIMEDOUT), "Connection timed out");
	assert_string_equal(err_name(ENOENT), "No such file or directory");
	assert_string_equal(err_name(-99999), "unknown error");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_set_returns_the_code),
		cmocka_unit_test(test_prefix_adds_context),
		cmocka_unit_test(test_words_may_be_dropped),
		cmocka_unit_test(test_long_words_are_cut),
		cmocka_unit_test(test_names_of_codes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
