/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/encode.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#include "agent/profile/decode.h"

enum { REGISTERS = 12 };

#define HEAD                                                                                      \
	"id: x\nmanufacturer: M\nmodel: X\nmedium: electricity\nconfidence: high\nsources: [s]\n" \
	"function: 3\ntype: u16\n"
#define POINT(rest) HEAD "points: [{name: a_kwh, address: 0, " rest "}]\n"

/* An amount of 10^-6 units, the registers from address 0 on, and what a reader gets. */
struct amount_case {
	const char *name, *profile;
	int64_t micro;
	uint16_t registers[REGISTERS];
	const char *text;
};

/* clang-format off */
static const struct amount_case amounts[] = {
	{"whole units are rounded down", POINT("type: u32"), 1999999, {0, 1}, "1"},
	{"hundredths are rounded down", POINT("type: u32, scale: 0.01"), 12349999, {0, 1234}, "12.34"},
	{"a register finer than our own unit", POINT("type: u64, scale: 0.00000001"), 15, {0, 0, 0, 1500}, "0.000015"},
	{"a scale of 1/800", POINT("type: u32, scale: 1/800"), 2500000, {0, 2000}, "2.5"},
	{"tens", POINT("scale: 10"), 129000000, {12}, "120"},
	{"16 bits roll over", POINT("type: u16"), 65537000000, {1}, "1"},
	{"a signed register rolls over at its half", POINT("type: i16"), 32770000000, {2}, "2"},
	{"32 bits roll over", POINT("type: u32, scale: 0.001"), 4294967297000, {0, 1}, "0.001"},
	{"decimal digits roll over at 10000", POINT("type: bcd16"), 12345000000, {0x2345}, "2345"},
	{"eight decimal digits", POINT("type: bcd32, scale: 0.01"), 123456780000, {0x1234, 0x5678}, "123456.78"},
	{"the low word first", POINT("type: u32, word_order: low"), 65538000000, {2, 1}, "65538"},
	{"64 bits", POINT("type: u64, scale: 0.01"), 281474976720000, {0, 6, 0x8db8, 0xbac8}, "281474976.72"},
	{"a float32 loses digits", POINT("type: float32"), 16777217000000, {0x4b80, 0}, "16777216"},
	{"a float32 near a tenth", POINT("type: float32"), 100000, {0x3dcc, 0xcccd}, "0.1"},
	{"a float32 of watt-hours", POINT("type: float32, scale: 0.001"), 1500, {0x3fc0, 0}, "0.0015"},
	{"a float64 keeps them", POINT("type: float64"), 16777217123456, {0x4170, 0, 0x11f9, 0xad00}, "16777217.123456"},
	{"a whole part and a fraction", HEAD "points: [{name: a_m3, terms: [{address: 0, type: i32}, "
		"{address: 2, type: float32}]}]\n", 7625000, {0, 7, 0x3f20, 0}, "7.625"},
	{"a fraction that stands first", HEAD "points: [{name: a_m3, terms: [{address: 2, type: float32}, "
		"{address: 0, type: i32}]}]\n", 7625000, {0, 7, 0x3f20, 0}, "7.625"},
	{"megawatt-hours and watt-hours", HEAD "points: [{name: a_kwh, terms: [{address: 0, type: u16, factor: 1000}, "
		"{address: 1, type: u32, factor: 0.001}]}]\n", 12345678900, {12, 5, 0x464e}, "12345.678"},
	{"four registers modulo ten thousand", HEAD "points: [{name: a_kwh, terms: [{address: 0}, "
		"{address: 1, factor: 10000}, {address: 2, factor: 100000000}]}]\n",
		300020001000000, {1, 2, 3}, "300020001"},
	{"nothing yet", POINT("type: u32"), 0, {0}, "0"},
};
/* clang-format on */

static struct profile *parse(const char *text)
{
	struct profile *profile = NULL;
	struct conf_errors errors = {0};

	if (profile_parse(&profile, "x.yaml", text, strlen(text), &errors) != 0)
		fail_msg("%s", errors.text.data);
	conf_errors_fini(&errors);
	return profile;
}

static void to_registers(const struct encode_point *point, const uint64_t *raw, uint16_t *registers)
{
	for (size_t i = 0; i < point->n; i++) {
		uint16_t words[ENCODE_WORDS_MAX];
		int n = encode_words(point->terms[i].term, raw[i], words);

		for (int w = 0; w < n; w++)
			registers[point->terms[i].term->address + w] = words[w];
	}
}

/* What the agent makes of the registers. */
static void decode(const struct profile *profile, const uint16_t *registers, char *text)
{
	struct decode_block block = {.function = 3, .count = REGISTERS, .registers = registers};
	struct decode_input input = {.profile = profile, .blocks = &block, .n_blocks = 1};
	struct decode_value value;

	decode_point(&input, profile->n_points - 1, &value);
	assert_int_equal(value.kind, DECODE_NUMBER);
	(void)decimal_print(value.number, text);
}

static void an_amount_is_shown_and_read(const struct amount_case *c)
{
	struct profile *profile = parse(c->profile);
	struct encode_point point;
	uint64_t raw[ENCODE_TERMS_MAX] = {0};
	uint16_t registers[REGISTERS] = {0};
	struct decimal shown;
	char text[64], agent[64];

	assert_int_equal(encode_prepare(&profile->points[profile->n_points - 1], &point), 0);
	encode_amount(&point, c->micro, raw);
	to_registers(&point, raw, registers);
	assert_int_equal(encode_read_back(&point, raw, &shown), 0);
	(void)decimal_print(shown, text);
	decode(profile, registers, agent);
	if (memcmp(registers, c->registers, sizeof registers) != 0 || strcmp(text, c->text) != 0 ||
	    strcmp(agent, c->text) != 0)
		fail_msg("%s: registers %04x %04x %04x %04x, '%s', the agent reads '%s'", c->name,
			 registers[0], registers[1], registers[2], registers[3], text, agent);
	profile_destroy(profile);
}

static void amounts_are_shown_and_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof amounts / sizeof *amounts; i++)
		an_amount_is_shown_and_read(&amounts[i]);
}

struct gauge_case {
	const char *name, *profile;
	double value;
	uint16_t registers[REGISTERS];
};

/* clang-format off */
static const struct gauge_case gauges[] = {
	{"to the nearest", POINT("scale: 0.1"), 230.16, {2302}},
	{"negative", POINT("type: i16"), -5.4, {0xfffb}},
	{"negative, of 32 bits", POINT("type: i32, scale: 0.1"), -1.2, {0xffff, 0xfff4}},
	{"negative, by sign and magnitude", POINT("type: sm16"), -5, {0x8005}},
	{"negative, by sign and magnitude of 32 bits", POINT("type: sm32"), -65537, {0x8001, 1}},
	{"an unsigned register is not negative", POINT("type: u16"), -5, {0}},
	{"more than fits", POINT("type: u16"), 1e9, {0xffff}},
	{"more than a signed one holds", POINT("type: i16"), -1e9, {0x8001}},
	{"a float", POINT("type: float32"), -0.5, {0xbf00, 0}},
	{"under a mask", POINT("mask: 0x0ff0"), 35, {0x0230}},
};
/* clang-format on */

static void gauges_are_shown(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof gauges / sizeof *gauges; i++) {
		struct profile *profile = parse(gauges[i].profile);
		struct encode_point point;
		uint64_t raw[ENCODE_TERMS_MAX] = {0};
		uint16_t registers[REGISTERS] = {0};

		assert_int_equal(encode_prepare(&profile->points[0], &point), 0);
		encode_gauge(&point, gauges[i].value, raw);
		to_registers(&point, raw, registers);
		if (memcmp(registers, gauges[i].registers, sizeof registers) != 0)
			fail_msg("%s: %04x %04x", gauges[i].name, registers[0], registers[1]);
		profile_destroy(profile);
	}
}

static void no_value_is_the_mark_of_the_profile(void **state)
{
	struct profile *profile = parse(HEAD "points: [{name: a_w, address: 0, absent: 0x8000}, "
					     "{name: b_w, address: 1, type: float32}]\n");
	struct encode_point point;

	(void)state;
	assert_int_equal(encode_prepare(&profile->points[0], &point), 0);
	assert_int_equal(encode_absent(&point.terms[0]), 0x8000);
	assert_int_equal(encode_prepare(&profile->points[1], &point), 0);
	assert_int_equal(encode_absent(&point.terms[0]), 0x7fc00000);
	profile_destroy(profile);
}

static void the_unit_is_the_vocabularys(void **state)
{
	struct profile *profile =
		parse(HEAD "registers: [{name: u, address: 9}]\npoints: [{name: heat_energy, "
			   "address: 0, unit: u, units: {0: MJ, 1: GJ, 2: kWh, 3: MWh}}]\n");
	struct encode_point point;

	(void)state;
	assert_int_equal(encode_prepare(&profile->points[1], &point), 0);
	assert_string_equal(point.name, "heat_energy_gj");
	assert_string_equal(point.unit_code, "1");
	profile_destroy(profile);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(amounts_are_shown_and_read),
		cmocka_unit_test(gauges_are_shown),
		cmocka_unit_test(no_value_is_the_mark_of_the_profile),
		cmocka_unit_test(the_unit_is_the_vocabularys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
