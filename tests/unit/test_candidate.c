/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/commission/candidate.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

struct find_case {
	const char *name, *display;
	uint16_t registers[8]; /* at address 100 */
	const char *first;     /* "address type order scale" of the likeliest; NULL: none fits */
};

static const struct find_case finds[] = {
	{"a float32", "12345.67", {0, 0, 0x4640, 0xE6AE}, "102 float32 high 1"},
	{"a float32, low word first", "12345.67", {0, 0, 0xE6AE, 0x4640}, "102 float32 low 1"},
	{"an integer of hundredths", "12345.67", {0, 0, 0x0012, 0xD687}, "102 u32 high 0.01"},
	{"the same, low word first", "12345.67", {0xD687, 0x0012}, "100 u32 low 0.01"},
	{"at an odd address", "12345.67", {0, 0x0012, 0xD687, 9}, "101 u32 high 0.01"},
	{"watt-hours as float", "12345.67", {0x4B3C, 0x6146}, "100 float32 high 0.001"},
	{"a 64-bit counter of watt-hours",
	 "12345678.901",
	 {0, 0x0002, 0xDFDC, 0x1C35},
	 "100 u64 high 0.001"},
	{"1/800 kWh", "12345.67", {0x0096, 0xB438}, "100 u32 high 1/800"},
	{"a power that is negative", "-1234", {0xFFFF, 0xFB2E}, "100 i32 high 1"},
	{"sign and magnitude", "-123.4", {0x8000, 0x04D2}, "100 sm32 high 0.1"},
	{"a voltage of one register", "230.1", {7, 0x08FD, 7}, "101 u16 high 0.1"},
	{"decimal digits", "1234.56", {0x0012, 0x3456}, "100 bcd32 high 0.01"},
	{"whole kilowatt-hours behind decimals", "12345.67", {7, 0x3039, 7}, "101 u16 high 1"},
	{"something else", "12345.67", {1, 2, 3, 4, 5, 6, 7, 8}, NULL},
	{"not-a-number", "12345.67", {0x7FC0, 0, 0xFFFF, 0xFFFF}, NULL},
};

static void print(const struct candidate *c, char text[96])
{
	char scale[32];

	candidate_print_scale(c->scale, scale);
	(void)snprintf(text, 96, "%d %s %s %s", c->address, candidate_type_name(c->type),
		       c->is_low_first ? "low" : "high", scale);
}

static void the_likeliest_comes_first(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof finds / sizeof *finds; i++) {
		const struct find_case *c = &finds[i];
		struct decode_block block = {4, 100, 8, c->registers};
		struct candidate_display display;
		struct candidate *found;
		char text[96] = "nothing";
		size_t n;

		assert_int_equal(candidate_parse_display(c->display, &display), 0);
		n = candidate_search(&block, 1, &display, &found);
		if (n > 0)
			print(&found[0], text);
		if (strcmp(text, c->first != NULL ? c->first : "nothing") != 0)
			fail_msg("%s: %s instead of %s", c->name, text, c->first);
		free(found);
	}
}

struct display_case {
	const char *text;
	int code;
	double tolerance;
};

static void a_display_is_as_exact_as_its_digits(void **state)
{
	static const struct display_case cases[] = {
		{"12345.67", 0, 0.01}, {"230", 0, 1},    {"0.5", 0, 0.1},      {"-3.250", 0, 0.001},
		{"0", -EINVAL, 0},     {"", -EINVAL, 0}, {"12,5", -EINVAL, 0}, {"1e5", -EINVAL, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct candidate_display display = {0};

		if (candidate_parse_display(cases[i].text, &display) != cases[i].code)
			fail_msg("'%s'", cases[i].text);
		assert_float_equal(display.tolerance, cases[i].tolerance, 1e-9);
	}
}

/* The counter has moved on: only what moved with it stays. */
static void a_second_look_leaves_what_follows(void **state)
{
	uint16_t before[8] = {0x0012, 0xD687, 0x4640, 0xE6AE, 0x0012, 0xD687, 0, 0};
	uint16_t after[8] = {0x0012, 0xD687, 0x4640, 0xE6AE, 0x0012, 0xD841, 0, 0};
	struct decode_block block = {3, 0, 8, before};
	struct candidate_display display;
	struct candidate *found;
	size_t n, n_left = 0;

	(void)state;
	assert_int_equal(candidate_parse_display("12345.67", &display), 0);
	n = candidate_search(&block, 1, &display, &found);
	assert_true(n >= 3);
	assert_int_equal(candidate_parse_display("12350.09", &display), 0);
	for (size_t i = 0; i < n; i++)
		if (candidate_fits(&found[i], after + found[i].address, &display)) {
			assert_true(found[i].address == 3 || found[i].address == 4);
			n_left++;
		}
	assert_in_range(n_left, 1, 2);
	free(found);
}

static void names_lead_back(void **state)
{
	(void)state;
	for (int type = PROFILE_U16; type <= PROFILE_BIT; type++) {
		const char *name = candidate_type_name((enum profile_type)type);

		if (strcmp(name, "?") != 0)
			assert_int_equal(candidate_type_of(name), type);
	}
	assert_int_equal(candidate_type_of("u24"), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_likeliest_comes_first),
		cmocka_unit_test(a_display_is_as_exact_as_its_digits),
		cmocka_unit_test(a_second_look_leaves_what_follows),
		cmocka_unit_test(names_lead_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
