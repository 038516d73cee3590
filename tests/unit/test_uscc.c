/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#include "server/registry/registry.h"

static const struct {
	const char *name, *code;
	bool is_valid;
} cases[] = {
	{"published, a company in Fujian", "91350100M000100Y43", true},
	{"published, a company in Zhejiang", "91330106673959654P", true},
	{"published, a company in Guangdong", "91440300708461136T", true},
	{"published, a company in Beijing", "91110000802100433B", true},
	{"an authority", "11370000000000019R", true},
	{"a public institution", "12330100MB0000019G", true},
	{"a mass organisation", "13110000123456788P", true},
	{"the archive of the example", "12370102000000019Q", true},
	{"one digit changed", "91350100M000100Y44", false},
	{"two digits exchanged", "91330106673959645P", false},
	{"small letters", "91350100m000100y43", false},
	{"the letter I", "9135010IM000100Y43", false},
	{"the letter S", "9135010SM000100Y43", false},
	{"17 characters", "91350100M000100Y4", false},
	{"19 characters", "91350100M000100Y430", false},
	{"nothing", "", false},
};

static void codes_are_judged(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		if (uscc_is_valid(cases[i].code, strlen(cases[i].code)) != cases[i].is_valid)
			fail_msg("%s", cases[i].name);
}

static void a_nul_is_no_character(void **state)
{
	static const char code[18] = "91350100M000100Y4";

	(void)state;
	assert_false(uscc_is_valid(code, sizeof code));
}

/* The check character finds every wrong character, since all weights are prime to 31. */
static void every_single_change_is_found(void **state)
{
	static const char alphabet[] = "0123456789ABCDEFGHJKLMNPQRTUWXY";
	char code[] = "12370102000000019Q";

	(void)state;
	for (size_t i = 0; i < 18; i++) {
		char right = code[i];

		for (const char *c = alphabet; *c != '\0'; c++) {
			code[i] = *c;
			assert_int_equal(uscc_is_valid(code, 18), *c == right);
		}
		code[i] = right;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(codes_are_judged),
		cmocka_unit_test(a_nul_is_no_character),
		cmocka_unit_test(every_single_change_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
