/* SPDX-License-Identifier: Apache-2.0 */
#include "server/registry/formula.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

/* clang-format off */
static const struct {
	const char *name, *text;
	const char *expected; /* "coefficient id" by id, or the words of the failure */
} cases[] = {
	{"one meter", "a", "1 a"},
	{"a difference", "370102-0001-e01 - 370102-0001-e02", "1 370102-0001-e01, -1 370102-0001-e02"},
	{"a coefficient before", "0.5 * a + b", "1/2 a, 1 b"},
	{"a coefficient behind", "a * 0.5", "1/2 a"},
	{"a quotient", "a / 3", "1/3 a"},
	{"numbers first", "2 * 3 / 4 * a", "3/2 a"},
	{"a sum of numbers as coefficient", "( 1 + 2 ) * a", "3 a"},
	{"parentheses around meters", "0.5 * (a + b)", "1/2 a, 1/2 b"},
	{"parentheses without blanks", "2*(a)", "neither a meter, a number nor an operator between blanks at character 1"},
	{"a parenthesis touches the operator's blank", "2 * (a - (b + c)) / 4", "1/2 a, -1/2 b, -1/2 c"},
	{"a minus in front", "- a + b", "-1 a, 1 b"},
	{"a minus in front of parentheses", "- (a - b)", "-1 a, 1 b"},
	{"one meter twice", "a + 2 * a", "3 a"},
	{"one that cancels out", "a + b - a", "1 b"},
	{"exact thirds", "a / 3 + a / 3 + a / 3", "1 a"},
	{"exact decimals", "0.1 * a + 0.2 * a", "3/10 a"},
	{"blanks of any kind", " a \t-\n b ", "1 a, -1 b"},
	{"an id like a number and letters", "1e5", "1 1e5"},
	{"an id that begins another", "ab + a", "1 a, 1 ab"},
	{"nothing", "", "the formula is empty"},
	{"blanks only", "  ", "the formula is empty"},
	{"no blanks around the minus", "a -b", "an operator between blanks expected at character 3"},
	{"two operators", "a - - b", "a meter or number expected at character 5"},
	{"an operator at the end", "a +", "a meter is missing at character 4"},
	{"an operator at the beginning", "* a", "a meter or number expected at character 1"},
	{"two meters without operator", "a b", "an operator between blanks expected at character 3"},
	{"an open parenthesis", "( a + b", "')' expected at character 8"},
	{"a parenthesis too many", "a )", "an operator between blanks expected at character 3"},
	{"empty parentheses", "( )", "a meter or number expected at character 3"},
	{"a product of meters", "a * b", "a meter cannot be multiplied by a meter"},
	{"a meter as divisor", "1 / a", "a meter cannot be a divisor"},
	{"a number added", "a + 1", "a number cannot be added to a meter"},
	{"a meter added to a number", "1 + a", "a number cannot be added to a meter"},
	{"a number alone", "2 * 3", "the formula has no meter"},
	{"a negative divisor", "a / (1 - 3)", "-1/2 a"},
	{"division by zero", "a / 0", "division by zero"},
	{"division by a difference of zero", "a / ( 1 - 1 )", "division by zero"},
	{"always zero", "0 * a", "the formula is always zero"},
	{"a sign that is no operator", "a % b", "an operator between blanks expected at character 3"},
	{"an id that is too long", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "neither a meter"},
	{"a number that is too long", "12345678901234567890123 * a", "too many digits"},
	{"a coefficient that grows too long", "9999999999 * 9999999999 * a", "too many digits"},
	{"a number with two points", "1.2.3 * a", "neither a meter"},
};
/* clang-format on */

static void print_formula(const struct formula *formula, char *out, size_t size)
{
	size_t len = 0;

	*out = '\0';
	for (size_t i = 0; i < formula->n; i++) {
		const struct formula_part *part = &formula->parts[i];

		len += (size_t)snprintf(out + len, size - len, "%s%lld", i > 0 ? ", " : "",
					(long long)part->coefficient.num);
		if (part->coefficient.den != 1)
			len += (size_t)snprintf(out + len, size - len, "/%lld",
						(long long)part->coefficient.den);
		len += (size_t)snprintf(out + len, size - len, " %.*s", (int)part->len, part->id);
	}
}

static void formulas_become_sums(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		static struct formula formula;
		struct err err = {0};
		char got[512];
		int code = formula_parse(cases[i].text, strlen(cases[i].text), &formula, &err);

		if (code == 0)
			print_formula(&formula, got, sizeof got);
		if (code == 0 ? strcmp(got, cases[i].expected) != 0
			      : strstr(err.text, cases[i].expected) == NULL)
			fail_msg("%s: %s", cases[i].name, code == 0 ? got : err.text);
	}
}

static void nesting_has_an_end(void **state)
{
	static struct formula formula;
	char text[256];
	struct err err = {0};

	(void)state;
	memset(text, '(', 100);
	(void)strcpy(text + 100, " a");
	assert_int_equal(formula_parse(text, strlen(text), &formula, &err), -EINVAL);
	assert_non_null(strstr(err.text, "too many nested parentheses at character 33"));
}

static void meters_have_an_end(void **state)
{
	static struct formula formula;
	char text[4096] = "m0";
	struct err err = {0};
	size_t len = 2;

	(void)state;
	for (int i = 1; i <= FORMULA_PARTS_MAX; i++) {
		assert_int_equal(formula_parse(text, len, &formula, &err), 0);
		assert_int_equal(formula.n, i);
		len += (size_t)snprintf(text + len, sizeof text - len, " + m%d", i);
	}
	assert_int_equal(formula_parse(text, len, &formula, &err), -EINVAL);
	assert_non_null(strstr(err.text, "more than 256 meters"));
}

static const struct {
	const char *name, *text;
	int code;
	int64_t num, den;
} fractions[] = {
	{"a whole number", "40", 0, 40, 1},
	{"a decimal", "0.5", 0, 1, 2},
	{"current transformer", "600/5", 0, 120, 1},
	{"a ratio that does not end", "1/3", 0, 1, 3},
	{"decimals on both sides", "0.2/0.05", 0, 4, 1},
	{"a power of ten", "1e3", 0, 1000, 1},
	{"zero below", "1/0", -EINVAL, 0, 0},
	{"a negative below", "1/-2", -EINVAL, 0, 0},
	{"negative", "-1.5", 0, -3, 2},
	{"nothing", "", -EINVAL, 0, 0},
	{"nothing below", "600/", -EINVAL, 0, 0},
	{"blanks", "600 / 5", -EINVAL, 0, 0},
	{"too large", "1e30", -ERANGE, 0, 0},
};

static void fractions_are_exact(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof fractions / sizeof *fractions; i++) {
		struct fraction out = {0};
		int code = fraction_parse(fractions[i].text, strlen(fractions[i].text), &out);

		if (code != fractions[i].code || out.num != fractions[i].num ||
		    out.den != fractions[i].den)
			fail_msg("%s: %d %lld/%lld", fractions[i].name, code, (long long)out.num,
				 (long long)out.den);
	}
}

static void sums_that_do_not_fit_are_refused(void **state)
{
	struct fraction huge = {INT64_MAX, 1}, tiny = {1, INT64_MAX}, out = {7, 7};

	(void)state;
	assert_int_equal(fraction_add(huge, huge, &out), -ERANGE);
	assert_int_equal(fraction_add(tiny, (struct fraction){1, INT64_MAX - 1}, &out), -ERANGE);
	assert_int_equal(fraction_multiply(huge, (struct fraction){3, 2}, &out), -ERANGE);
	assert_int_equal(out.num, 7);
	assert_int_equal(fraction_multiply(huge, tiny, &out), 0);
	assert_int_equal(out.num, 1);
	assert_int_equal(out.den, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(formulas_become_sums),
		cmocka_unit_test(nesting_has_an_end),
		cmocka_unit_test(meters_have_an_end),
		cmocka_unit_test(fractions_are_exact),
		cmocka_unit_test(sums_that_do_not_fit_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
