/* SPDX-License-Identifier: Apache-2.0 */
/* test_decimal.c - exact numbers keep every digit a register showed. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/decimal.h"

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* clang-format off */
static const struct parse_case {
	const char *phrase, *text;
	int code;
	struct decimal expected;
} parse_cases[] = {
	{"whole number", "42", 0, {42, 0}},
	{"decimals", "12345.67", 0, {1234567, -2}},
	{"negative", "-0.05", 0, {-5, -2}},
	{"zero", "0", 0, {0, 0}},
	{"negative zero is zero", "-0.000", 0, {0, 0}},
	{"zeros at the end go into the exponent", "1200.0", 0, {12, 2}},
	{"leading zeros", "0007.10", 0, {71, -1}},
	{"zeros inside stay", "1000001", 0, {1000001, 0}},
	{"exponent", "1.5e3", 0, {15, 2}},
	{"negative exponent", "25e-3", 0, {25, -3}},
	{"plus in the exponent", "1e+18", 0, {1, 18}},
	{"largest exponent", "5e18", 0, {5, 18}},
	{"the mantissa takes what the exponent cannot", "1e20", 0, {100, 18}},
	{"more than both can take", "1e37", -ERANGE, {0, 0}},
	{"mantissa and exponent share the range", "9e30", 0, {9000000000000, 18}},
	{"zero with any exponent", "0e99999999999999", 0, {0, 0}},
	{"largest mantissa", "9223372036854775807", 0, {INT64_MAX, 0}},
	{"smallest mantissa", "-9223372036854775808", 0, {INT64_MIN, 0}},
	{"one beyond the largest", "9223372036854775808", -ERANGE, {0, 0}},
	{"one beyond the smallest", "-9223372036854775809", -ERANGE, {0, 0}},
	{"too many digits", "1.00000000000000000001", -ERANGE, {0, 0}},
	{"many zeros behind the point", "1.00000000000000000000000000000000000000000", 0, {1, 0}},
	{"too small", "1e-19", -ERANGE, {0, 0}},
	{"smallest step", "1e-18", 0, {1, -18}},
	{"too large", "1e99999999999999999999", -ERANGE, {0, 0}},
	{"nothing", "", -EINVAL, {0, 0}},
	{"sign alone", "-", -EINVAL, {0, 0}},
	{"plus sign", "+1", -EINVAL, {0, 0}},
	{"point alone", ".", -EINVAL, {0, 0}},
	{"no digit before the point", ".5", -EINVAL, {0, 0}},
	{"no digit behind the point", "5.", -EINVAL, {0, 0}},
	{"no digit in the exponent", "1e", -EINVAL, {0, 0}},
	{"no digit behind the exponent's sign", "1e-", -EINVAL, {0, 0}},
	{"capital exponent", "1E3", -EINVAL, {0, 0}},
	{"blank", " 1", -EINVAL, {0, 0}},
	{"blank behind", "1 ", -EINVAL, {0, 0}},
	{"nan", "nan", -EINVAL, {0, 0}},
	{"infinity", "-inf", -EINVAL, {0, 0}},
	{"hexadecimal", "0x10", -EINVAL, {0, 0}},
	{"integer of the line protocol", "5i", -EINVAL, {0, 0}},
	{"two points", "1.2.3", -EINVAL, {0, 0}},
	{"malformed and too long", "99999999999999999999x", -EINVAL, {0, 0}},
};

static const struct micro_case {
	const char *phrase, *text;
	int code;
	int64_t expected;
} micro_cases[] = {
	{"register", "12345.67", 0, 12345670000},
	{"whole", "1200", 0, 1200000000},
	{"six decimals", "0.000001", 0, 1},
	{"seventh decimal rounds down", "0.0000014", 0, 1},
	{"half rounds away from zero", "0.0000015", 0, 2},
	{"half rounds away from zero below it too", "-0.0000015", 0, -2},
	{"negative", "-3.5", 0, -3500000},
	{"twelve digits", "999999999999.999999", 0, 999999999999999999},
	{"thirteen digits", "9223372036854.775807", 0, INT64_MAX},
	{"one too many", "9223372036854.775808", -ERANGE, 0},
	{"smallest", "-9223372036854.775808", 0, INT64_MIN},
	{"exponent", "1.5e3", 0, 1500000000},
	{"tiny", "1e-18", 0, 0},
	{"far too large", "1e18", -ERANGE, 0},
	{"zero", "-0.0", 0, 0},
	{"point without digit", "5.", -EINVAL, 0},
	{"no digit before the point", ".5", -EINVAL, 0},
	{"sign alone", "-", -EINVAL, 0},
	{"nothing", "", -EINVAL, 0},
	{"letter behind", "5x", -EINVAL, 0},
	{"letter behind decimals", "5.5x", -EINVAL, 0},
};

static const struct print_case {
	const char *phrase;
	struct decimal d;
	const char *expected;
} print_cases[] = {
	{"decimals", {1234567, -2}, "12345.67"},
	{"leading zeros behind the point", {-5, -2}, "-0.05"},
	{"one digit each", {15, -1}, "1.5"},
	{"all digits behind the point", {123, -3}, "0.123"},
	{"zeros at the end vanish", {12000, -2}, "120"},
	{"zeros at the end behind the point vanish", {12300, -4}, "1.23"},
	{"exponent is written out", {12, 2}, "1200"},
	{"zero has no decimals", {0, -6}, "0"},
	{"zero has no zeros", {0, 5}, "0"},
	{"smallest", {INT64_MIN, 0}, "-9223372036854775808"},
	{"longest behind the point", {INT64_MIN, -18}, "-9.223372036854775808"},
	{"smallest step", {1, -18}, "0.000000000000000001"},
	{"longest of all", {INT64_MIN + 1, 18}, "-9223372036854775807000000000000000000"},
};

static const struct float_case {
	const char *phrase;
	float value;
	const char *expected; /* NULL: out of range */
} float_cases[] = {
	{"register with two decimals", 12345.67F, "12345.67"},
	{"a tenth", 0.1F, "0.1"},
	{"negative", -7.5F, "-7.5"},
	{"whole", 1200.0F, "1200"},
	{"negative zero", -0.0F, "0"},
	{"largest exact integer", 16777216.0F, "16777216"},
	{"digits that a float does not have", 123456789.0F, "123456790"},
	{"small", 5e-5F, "0.00005"},
	{"power of two below one", 0.0009765625F, "0.0009765625"},
	{"largest with nine digits", 8388607.5F, "8388607.5"},
	{"ten thousand million", 1e10F, "10000000000"},
	{"too large", 3.4e38F, NULL},
	{"too small", 1e-30F, NULL},
};
/* clang-format on */

#define COUNT(table) (sizeof(table) / sizeof *(table))

static void test_parse(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(parse_cases); i++) {
		const struct parse_case *c = &parse_cases[i];
		struct decimal d = {77, 7};
		int code = decimal_parse(c->text, strlen(c->text), &d);

		if (code != c->code)
			fail_msg("%s: %d instead of %d", c->phrase, code, c->code);
		if (code != 0 ? d.mantissa != 77 || d.exponent != 7
			      : d.mantissa != c->expected.mantissa ||
					d.exponent != c->expected.exponent)
			fail_msg("%s: %lld * 10^%d", c->phrase, (long long)d.mantissa, d.exponent);
	}
}

static void test_parse_micro(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(micro_cases); i++) {
		const struct micro_case *c = &micro_cases[i];
		int64_t micro = 77;
		int code = decimal_parse_micro(c->text, strlen(c->text), &micro);

		if (code != c->code || micro != (code == 0 ? c->expected : 77))
			fail_msg("%s: %d, %lld", c->phrase, code, (long long)micro);
	}
}

/* The fast way and the general way agree on random texts. */
static void test_parse_micro_equals_parse(void **state)
{
	static const char alphabet[] = "0123456789012345678900..-e";
	uint64_t random = 88172645463325252;
	size_t n_valid = 0;

	(void)state;
	for (int i = 0; i < 300000; i++) {
		char text[24];
		size_t len = next_random(&random) % sizeof text;
		struct decimal d;
		int64_t fast = 0, general = 0;
		int code, code_fast;

		for (size_t k = 0; k < len; k++)
			text[k] = alphabet[next_random(&random) % (sizeof alphabet - 1)];
		code = decimal_parse(text, len, &d);
		if (code == 0)
			code = decimal_to_micro(d, &general);
		code_fast = decimal_parse_micro(text, len, &fast);
		if (code != code_fast || fast != general)
			fail_msg("'%.*s': %d %lld, %d %lld", (int)len, text, code,
				 (long long)general, code_fast, (long long)fast);
		n_valid += code == 0;
	}
	assert_true(n_valid > 10000);
}

static void test_print(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(print_cases); i++) {
		const struct print_case *c = &print_cases[i];
		char text[48];
		size_t len = decimal_print(c->d, text);

		if (strcmp(text, c->expected) != 0 || len != strlen(text))
			fail_msg("%s: '%s'", c->phrase, text);
	}
}

static void test_print_reads_back(void **state)
{
	uint64_t random = 42;

	(void)state;
	for (int i = 0; i < 100000; i++) {
		struct decimal d = {(int64_t)next_random(&random) >> next_random(&random) % 63, 0};
		struct decimal back;
		char text[48];
		int64_t micro;

		d.exponent = (int)(next_random(&random) % 37) - 18;
		decimal_print(d, text);
		assert_int_equal(decimal_parse(text, strlen(text), &back), 0);
		assert_int_equal(decimal_multiply(d, (struct decimal){1, 0}, &d), 0);
		if (back.mantissa != d.mantissa || back.exponent != d.exponent)
			fail_msg("%s is not %lld * 10^%d", text, (long long)d.mantissa, d.exponent);
		decimal_print_micro(d.mantissa, text);
		assert_int_equal(decimal_parse_micro(text, strlen(text), &micro), 0);
		assert_true(micro == d.mantissa);
	}
}

static void test_from_float(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(float_cases); i++) {
		const struct float_case *c = &float_cases[i];
		char text[48] = "";
		struct decimal d;
		int code = decimal_from_float(c->value, &d);

		if (code == 0)
			decimal_print(d, text);
		if (code != (c->expected != NULL ? 0 : -ERANGE) ||
		    strcmp(text, c->expected != NULL ? c->expected : "") != 0)
			fail_msg("%s: %d '%s'", c->phrase, code, text);
	}
}

static void test_not_a_number(void **state)
{
	struct decimal d;

	(void)state;
	assert_int_equal(decimal_from_float(NAN, &d), -EINVAL);
	assert_int_equal(decimal_from_float(INFINITY, &d), -EINVAL);
	assert_int_equal(decimal_from_double((double)NAN, &d), -EINVAL);
	assert_int_equal(decimal_from_double(-(double)INFINITY, &d), -EINVAL);
}

static double read_number(int64_t mantissa, int exponent, bool is_float)
{
	char text[48];

	(void)snprintf(text, sizeof text, "%llde%d", (long long)mantissa, exponent);
	return is_float ? (double)strtof(text, NULL) : strtod(text, NULL);
}

/* The decimal reads back, and none with one digit less does. */
static void check_shortest(double value, struct decimal d, bool is_float)
{
	if (read_number(d.mantissa, d.exponent, is_float) != value)
		fail_msg("%.17g became %lld * 10^%d", value, (long long)d.mantissa, d.exponent);
	if (d.exponent == 18 || llabs(d.mantissa) < 10)
		return;
	for (int step = -1; step <= 1; step++)
		if (read_number(d.mantissa / 10 + step, d.exponent + 1, is_float) == value)
			fail_msg("%.17g needs less than %lld * 10^%d", value, (long long)d.mantissa,
				 d.exponent);
}

static void test_random_floats(void **state)
{
	uint64_t random = 2463534242;
	size_t n = 0;

	(void)state;
	for (int i = 0; i < 300000; i++) {
		uint64_t bits = next_random(&random);
		uint32_t half = (uint32_t)(bits >> 32);
		struct decimal d;
		float value;

		if (i % 3 == 0) /* as registers are: few decimals */
			value = (float)((double)(bits % 100000000) / 1000.0);
		else if (i % 3 == 1) /* powers of two, where the gaps differ */
			value = ldexpf(1.0F, (int)(bits % 100) - 40);
		else
			memcpy(&value, &half, sizeof value);
		if (!isfinite(value) || decimal_from_float(value, &d) != 0)
			continue;
		check_shortest((double)value, d, true);
		n++;
	}
	assert_true(n > 200000);
}

static void test_random_doubles(void **state)
{
	uint64_t random = 88172645463325252;

	(void)state;
	for (int i = 0; i < 100000; i++) {
		uint64_t bits = next_random(&random);
		struct decimal d;
		double value;

		if (i % 3 == 0)
			value = (double)(bits % 1000000000000) / 1000.0;
		else
			value = ldexp((double)(bits >> 11), (int)(bits % 60) - 70);
		if (decimal_from_double(value, &d) != 0)
			continue;
		check_shortest(value, d, false);
		if (decimal_to_double(d) != value)
			fail_msg("%.17g", value);
	}
}

static void test_arithmetic(void **state)
{
	struct decimal d;

	(void)state;
	assert_int_equal(decimal_multiply((struct decimal){25, -1}, (struct decimal){4, 3}, &d), 0);
	assert_true(d.mantissa == 1 && d.exponent == 4);
	assert_int_equal(decimal_multiply((struct decimal){INT64_MAX, 0},
					  (struct decimal){10000000000, -10}, &d),
			 0);
	assert_true(d.mantissa == INT64_MAX && d.exponent == 0);
	assert_int_equal(
		decimal_multiply((struct decimal){INT64_MAX, 0}, (struct decimal){3, 0}, &d),
		-ERANGE);
	assert_int_equal(decimal_multiply((struct decimal){1, -18}, (struct decimal){1, -1}, &d),
			 -ERANGE);
	assert_int_equal(decimal_add((struct decimal){12345, -2}, (struct decimal){55, -2}, &d), 0);
	assert_true(d.mantissa == 124 && d.exponent == 0);
	assert_int_equal(decimal_add((struct decimal){1, 18}, (struct decimal){1, 0}, &d), 0);
	assert_true(d.mantissa == 1000000000000000001 && d.exponent == 0);
	assert_int_equal(decimal_add((struct decimal){1, 18}, (struct decimal){1, -18}, &d),
			 -ERANGE);
	assert_int_equal(decimal_add((struct decimal){INT64_MAX, 0}, (struct decimal){1, 0}, &d),
			 -ERANGE);
	assert_int_equal(decimal_add((struct decimal){0, 0}, (struct decimal){70, -1}, &d), 0);
	assert_true(d.mantissa == 7 && d.exponent == 0);
	assert_int_equal(decimal_add((struct decimal){-7, 0}, (struct decimal){70, -1}, &d), 0);
	assert_true(d.mantissa == 0 && d.exponent == 0);
}

static void test_scale(void **state)
{
	(void)state;
	assert_true(scale_int64(10, 1, 4) == 3);
	assert_true(scale_int64(-10, 1, 4) == -3);
	assert_true(scale_int64(9, 1, 4) == 2);
	assert_true(scale_int64(7, 1, 3) == 2);
	assert_true(scale_int64(8, 1, 3) == 3);
	assert_true(scale_int64(INT64_MAX, 1000000, 1000000) == INT64_MAX);
	assert_true(scale_int64(INT64_MIN, 3600, 3600) == INT64_MIN);
	assert_true(scale_int64(INT64_MAX, 2, 1) == INT64_MAX);
	assert_true(scale_int64(INT64_MAX, -2, 1) == INT64_MIN);
	assert_true(scale_int64(INT64_MIN, INT64_MIN, INT64_MAX) == INT64_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_parse_micro),
		cmocka_unit_test(test_parse_micro_equals_parse),
		cmocka_unit_test(test_print),
		cmocka_unit_test(test_print_reads_back),
		cmocka_unit_test(test_from_float),
		cmocka_unit_test(test_not_a_number),
		cmocka_unit_test(test_random_floats),
		cmocka_unit_test(test_random_doubles),
		cmocka_unit_test(test_arithmetic),
		cmocka_unit_test(test_scale),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
