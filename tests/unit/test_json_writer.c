/* SPDX-License-Identifier: Apache-2.0 */
#include "common/json_writer.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void nested_values_are_separated(void **state)
{
	struct buf out = {0};
	struct json_writer json = {.out = &out};

	(void)state;
	json_begin_object(&json, NULL);
	json_add_string(&json, "name", "历下区");
	json_begin_array(&json, "list");
	json_add_int(&json, NULL, 1);
	json_begin_object(&json, NULL);
	json_end_object(&json);
	json_add_bool(&json, NULL, true);
	json_end_array(&json);
	json_add_null(&json, "none");
	json_end_object(&json);
	assert_string_equal(out.data, "{\"name\":\"历下区\",\"list\":[1,{},true],\"none\":null}");
	buf_fini(&out);
}

static void strings_are_escaped(void **state)
{
	struct buf out = {0};
	struct json_writer json = {.out = &out};

	(void)state;
	json_add_string_n(&json, NULL, "a\"b\\c\n\001", 7);
	assert_string_equal(out.data, "\"a\\\"b\\\\c\\u000a\\u0001\"");
	buf_clear(&out);
	json_add_string(&json, NULL, "\xff历\xe5\x8e"); /* a stray byte, a cut character */
	assert_string_equal(out.data, "\"\xef\xbf\xbd历\xef\xbf\xbd\xef\xbf\xbd\"");
	buf_fini(&out);
}

static void numbers_are_exact(void **state)
{
	static const struct {
		int64_t micro;
		const char *text;
	} micros[] = {{41200000, "41.2"},
		      {0, "0"},
		      {-1, "-0.000001"},
		      {9007199254740993, "9007199254.740993"}};
	static const struct {
		double value;
		int decimals;
		const char *text;
	} reals[] = {{0.997, 4, "0.997"},     {1.0, 4, "1"},     {-0.00001, 3, "0"},
		     {-0.0528, 4, "-0.0528"}, {100.0, 0, "100"}, {NAN, 3, "null"},
		     {INFINITY, 3, "null"}};
	struct buf out = {0};

	(void)state;
	for (size_t i = 0; i < sizeof micros / sizeof *micros; i++) {
		struct json_writer json = {.out = &out};

		buf_clear(&out);
		json_add_micro(&json, NULL, micros[i].micro);
		assert_string_equal(out.data, micros[i].text);
	}
	for (size_t i = 0; i < sizeof reals / sizeof *reals; i++) {
		struct json_writer json = {.out = &out};

		buf_clear(&out);
		json_add_real(&json, NULL, reals[i].value, reals[i].decimals);
		assert_string_equal(out.data, reals[i].text);
	}
	buf_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nested_values_are_separated),
		cmocka_unit_test(strings_are_escaped),
		cmocka_unit_test(numbers_are_exact),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
