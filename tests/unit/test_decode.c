/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/profile/decode.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

enum { REGISTERS_MAX = 12 };

#define HEAD                                                                                      \
	"id: x\nmanufacturer: M\nmodel: X\nmedium: electricity\nconfidence: high\nsources: [s]\n" \
	"function: 3\ntype: u16\n"

/* The registers stand at address 0; expected is the last point: its wire name and value. */
struct decode_case {
	const char *name, *profile, *expected;
	uint16_t registers[REGISTERS_MAX];
	uint16_t count; /* 0: all */
};

#define POINT(rest) HEAD "points: [{name: a_w, address: 0, " rest "}]\n"

#define CLOCK(type, layout) \
	HEAD "points: [{name: a, address: 0, type: " type ", layout: " layout "}]\n"
#define LIMITED(limits)                  \
	HEAD "plausible: {" limits "}\n" \
	     "points: [{name: a_w, address: 0, type: i16}]\n"
#define REPEATED                                                                                \
	HEAD "registers: [{name: count, address: 0}]\n"                                         \
	     "points: [{name: \"a{n}_w\", address: 1, repeat: {count: 2, stride: 1, register: " \
	     "count}}]\n"

/* clang-format off */
static const struct decode_case cases[] = {
	{"an unsigned register", POINT("type: u16"), "a_w=65535", {0xFFFF}, 0},
	{"a signed register", POINT("type: i16"), "a_w=-1", {0xFFFF}, 0},
	{"the high word first", POINT("type: u32"), "a_w=65538", {1, 2}, 0},
	{"the low word first", POINT("type: u32, word_order: low"), "a_w=131073", {1, 2}, 0},
	{"a negative double register", POINT("type: i32"), "a_w=-2", {0xFFFF, 0xFFFE}, 0},
	{"64 bits are exact", POINT("type: u64"), "a_w=1234567890123456789",
		{0x1122, 0x10F4, 0x7DE9, 0x8115}, 0},
	{"64 bits with a scale are exact", POINT("type: u64, scale: 0.001"), "a_w=1234567890123456.789",
		{0x1122, 0x10F4, 0x7DE9, 0x8115}, 0},
	{"64 bits, the low word first", POINT("type: u64, word_order: low"), "a_w=1", {1, 0, 0, 0}, 0},
	{"the largest signed 64 bits", POINT("type: i64"), "a_w=9223372036854775807",
		{0x7FFF, 0xFFFF, 0xFFFF, 0xFFFF}, 0},
	{"beyond 63 bits there is nothing rather than a rounded count", POINT("type: u64"), "absent",
		{0x8000, 0, 0, 0}, 0},
	{"the largest unsigned count", POINT("type: u64"), "a_w=9223372036854775807",
		{0x7FFF, 0xFFFF, 0xFFFF, 0xFFFF}, 0},
	{"the least signed 64 bits", POINT("type: i64"), "a_w=-9223372036854775808", {0x8000, 0, 0, 0}, 0},
	{"a float is its shortest decimal", POINT("type: float32"), "a_w=0.1", {0x3DCC, 0xCCCD}, 0},
	{"a float with a scale", POINT("type: float32, scale: 0.001"), "a_w=0.0001", {0x3DCC, 0xCCCD}, 0},
	{"a float that is not a number is absent", POINT("type: float32"), "absent", {0x7FC0, 0}, 0},
	{"an infinite float is absent", POINT("type: float32"), "absent", {0xFF80, 0}, 0},
	{"a float too small to matter is zero", POINT("type: float32"), "a_w=0", {0, 1}, 0},
	{"a float too large for any meter is absent", POINT("type: float32"), "absent", {0x7F7F, 0xFFFF}, 0},
	{"a double", POINT("type: float64"), "a_w=0.1", {0x3FB9, 0x9999, 0x9999, 0x999A}, 0},
	{"a scale of 1/800", POINT("type: u32, scale: 1/800"), "a_w=1.25", {0, 1000}, 0},
	{"a negative scale", POINT("scale: -1"), "a_w=-7", {7}, 0},
	{"a fixed point number with 16 binary places", POINT("type: u32, scale: 1/65536"),
		"a_w=1.0000152587890625", {1, 1}, 0},
	{"sign and magnitude", POINT("type: sm16"), "a_w=-5", {0x8005}, 0},
	{"sign and magnitude of 32 bits", POINT("type: sm32"), "a_w=-65537", {0x8001, 1}, 0},
	{"decimal digits in nibbles", POINT("type: bcd32"), "a_w=12345678", {0x1234, 0x5678}, 0},
	{"a nibble beyond nine is absent", POINT("type: bcd16"), "absent", {0x12A4}, 0},
	{"an accumulator at zero is not there", POINT("type: acc32"), "absent", {0, 0}, 0},
	{"zero is a value", POINT("type: u32"), "a_w=0", {0, 0}, 0},
	{"some bits of a register", POINT("mask: 0x0FF0"), "a_w=35", {0xF23F}, 0},
	{"a sentinel is absent", POINT("absent: 0x8000"), "absent", {0x8000}, 0},
	{"a sentinel with a mask", POINT("type: i32, absent: [0x7FFF0000/0xFFFF0000]"), "absent", {0x7FFF, 9}, 0},
	{"an own empty list of sentinels beats the device's",
		HEAD "sentinels: {u16: 0xFFFF}\npoints: [{name: a_w, address: 0, absent: []}]\n",
		"a_w=65535", {0xFFFF}, 0},
	{"the device's sentinel", HEAD "sentinels: {u16: 0xFFFF}\npoints: [{name: a_w, address: 0}]\n",
		"absent", {0xFFFF}, 0},
	{"a text without blanks behind it", HEAD "points: [{name: a, address: 0, type: string, length: 3}]\n",
		"a=AB1", {0x4142, 0x3120, 0x2020}, 0},
	{"a text of one character a register", HEAD "points: [{name: a, address: 0, type: wide_string, length: 4}]\n",
		"a=SOCO", {'S', 'O', 'C', 'O'}, 0},
	{"a clock, a byte for each part", CLOCK("time", "YYMMDDhhmmss"), "a=2026-11-24T09:05:07",
		{0x1A0B, 0x1809, 0x0507}, 0},
	{"a clock in decimal digits, the second first", CLOCK("time_bcd", "ssmmhhDDMMYY"), "a=2026-11-24T09:05:47",
		{0x4705, 0x0924, 0x1126}, 0},
	{"a year of two bytes", CLOCK("time", "YYYY--MM--DD"), "a=2026-11-24", {2026, 11, 24}, 0},
	{"a year of four decimal digits", CLOCK("time_bcd", "YYYYMMDD"), "a=2026-11-24", {0x2026, 0x1124}, 0},
	{"an hour of the day", CLOCK("time", "hhmm"), "a=09:05", {0x0905}, 0},
	{"a day that there is not", CLOCK("time", "YYMMDD--"), "absent", {0x1A02, 0x1E00}, 0},
	{"the last of February in a leap year", CLOCK("time", "YYMMDD--"), "a=2028-02-29", {0x1C02, 0x1D00}, 0},
	{"a clock that was never set", CLOCK("time", "YYMMDDhhmmss"), "absent", {0, 0, 0}, 0},
	{"a clock's nibble beyond nine", CLOCK("time_bcd", "YYMMDD--"), "absent", {0x2A11, 0x2400}, 0},
	{"a clock that says that it is not there",
		HEAD "points: [{name: a, address: 0, type: time, layout: YYMM, absent: 0x1A0B}]\n", "absent", {0x1A0B}, 0},
	{"seconds since 1970", HEAD "points: [{name: a, address: 0, type: epoch32}]\n", "a=2026-11-24T09:05:07",
		{0x6B05, 0x5343}, 0},
	{"seconds since 1970, the low word first",
		HEAD "points: [{name: a, address: 0, type: epoch32, word_order: low}]\n", "a=2026-11-24T09:05:07",
		{0x5343, 0x6B05}, 0},
	{"no seconds since 1970", HEAD "points: [{name: a, address: 0, type: epoch32}]\n", "absent", {0, 0}, 0},
	{"an empty text is absent", HEAD "points: [{name: a, address: 0, type: string, length: 1}]\n",
		"absent", {0}, 0},
	{"registers that were not read are missing", POINT("type: u32"), "missing", {1, 2}, 1},
	{"a whole part and a fraction",
		HEAD "points: [{name: a_m3, terms: [{address: 0, type: i32}, {address: 2, type: float32}]}]\n",
		"a_m3=7.625", {0, 7, 0x3F20, 0}, 0},
	{"four registers modulo ten thousand",
		HEAD "points: [{name: a_kwh, terms: [{address: 0}, {address: 1, factor: 10000}, "
			"{address: 2, factor: 100000000}, {address: 3, factor: 1000000000000}]}]\n",
		"a_kwh=4000300020001", {1, 2, 3, 4}, 0},
	{"48 bits of two values",
		HEAD "points: [{name: a_kwh, terms: [{address: 0, factor: 4294967296}, {address: 1, type: u32}]}]\n",
		"a_kwh=4294967297", {1, 0, 1}, 0},
	{"kilowatt hours and a rest in tenths of watt hours",
		HEAD "points: [{name: a_kwh, terms: [{address: 0, type: u32}, {address: 2, factor: 0.0001}]}]\n",
		"a_kwh=12.3456", {0, 12, 3456}, 0},
	{"a power of ten from the same read",
		HEAD "registers: [{name: sf, address: 1, type: i16}]\npoints: [{name: a_w, address: 0, exponent: sf}]\n",
		"a_w=12.34", {1234, 0xFFFE}, 0},
	{"a power of ten that is not available",
		HEAD "sentinels: {i16: 0x8000}\nregisters: [{name: sf, address: 1, type: i16}]\n"
			"points: [{name: a_w, address: 0, exponent: sf}]\n",
		"absent", {1234, 0x8000}, 0},
	{"a power of ten beyond reason",
		HEAD "registers: [{name: sf, address: 1, type: i16}]\npoints: [{name: a_w, address: 0, exponent: sf}]\n",
		"absent", {1234, 99}, 0},
	{"two ratios",
		HEAD "registers: [{name: ct, address: 1}, {name: pt, address: 2, scale: 0.1}]\n"
			"points: [{name: a_w, address: 0, scale: 0.1, multiply_by: [ct, pt]}]\n",
		"a_w=2468", {1234, 20, 10}, 0},
	{"the unit from the device", HEAD "registers: [{name: u, address: 1}]\n"
		"points: [{name: heat_energy, address: 0, unit: u, units: {0: MJ, 2: kWh, 3: MWh}}]\n",
		"heat_energy_kwh=5000", {5, 3}, 0},
	{"another family of units is another quantity", HEAD "registers: [{name: u, address: 1}]\n"
		"points: [{name: heat_energy, address: 0, unit: u, units: {0: MJ, 2: kWh, 3: MWh}}]\n",
		"heat_energy_gj=0.005", {5, 0}, 0},
	{"an unknown unit is no value", HEAD "registers: [{name: u, address: 1}]\n"
		"points: [{name: heat_energy, address: 0, unit: u, units: {0: MJ, 2: kWh, 3: MWh}}]\n",
		"absent", {5, 1}, 0},
	{"a direction in another register", HEAD "registers: [{name: d, address: 1, mask: 0xFF00}]\n"
		"points: [{name: a_w, address: 0, sign: {register: d, is: [1]}}]\n",
		"a_w=-5", {5, 0x0100}, 0},
	{"the other direction", HEAD "registers: [{name: d, address: 1, mask: 0xFF00}]\n"
		"points: [{name: a_w, address: 0, sign: {register: d, is: [1]}}]\n",
		"a_w=5", {5, 0x0001}, 0},
	{"a gate that is open", HEAD "registers: [{name: g, address: 1}]\n"
		"points: [{name: a_w, address: 0, valid_if: {register: g, is: [1, 2]}}]\n",
		"a_w=5", {5, 2}, 0},
	{"a gate that is shut", HEAD "registers: [{name: g, address: 1}]\n"
		"points: [{name: a_w, address: 0, valid_if: {register: g, is: [1, 2]}}]\n",
		"absent", {5, 0}, 0},
	{"the difference of two points",
		HEAD "points: [{name: b_w, address: 0}, {name: c_w, address: 1}, "
			"{name: a_w, terms: [{of: b_w}, {of: c_w, factor: -1}]}]\n",
		"a_w=-3", {4, 7}, 0},
	{"a sum with a part that is absent",
		HEAD "points: [{name: b_w, address: 0, absent: 4}, {name: c_w, address: 1}, "
			"{name: a_w, terms: [{of: b_w}, {of: c_w}]}]\n",
		"absent", {4, 7}, 0},
	{"a step below the limit",
		HEAD "registers: [{name: ct, address: 1}, "
			"{name: k, terms: [{of: ct}], steps: [{below: 5000, value: 0.01}, {below: 1e9, value: 1}]}]\n"
			"points: [{name: a_w, address: 0, multiply_by: [k]}]\n",
		"a_w=0.07", {7, 4999}, 0},
	{"a step above the limit",
		HEAD "registers: [{name: ct, address: 1}, "
			"{name: k, terms: [{of: ct}], steps: [{below: 5000, value: 0.01}, {below: 1e9, value: 1}]}]\n"
			"points: [{name: a_w, address: 0, multiply_by: [k]}]\n",
		"a_w=7", {7, 5000}, 0},
	{"a leading power factor of an importer", POINT("type: float32, transform: power_factor_4q"),
		"a_w=0.75", {0x3FA0, 0}, 0},
	{"a leading power factor of an exporter", POINT("type: float32, transform: power_factor_4q"),
		"a_w=-0.75", {0xBFA0, 0}, 0},
	{"a lagging power factor", POINT("type: float32, transform: power_factor_4q"), "a_w=0.5", {0x3F00, 0}, 0},
	{"a scale with more digits than fit is rounded", POINT("type: u64, scale: 0.123456789"),
		"a_w=1138469150677.955326", {0, 0x0863, 0x1234, 0x5678}, 0},
	{"a small part of a large sum is rounded",
		HEAD "points: [{name: a_w, terms: [{address: 0, type: u64}, {address: 4, factor: 1e-12}]}]\n",
		"a_w=9223372036854775807", {0x7FFF, 0xFFFF, 0xFFFF, 0xFFFF, 1}, 0},
	{"an unreadable unit is no value", HEAD "sentinels: {u16: 9}\nregisters: [{name: u, address: 1}]\n"
		"points: [{name: heat_energy, address: 0, unit: u, units: {0: MJ}}]\n", "absent", {5, 9}, 0},
	{"an unreadable gate is no value", HEAD "sentinels: {u16: 9}\nregisters: [{name: g, address: 1}]\n"
		"points: [{name: a_w, address: 0, valid_if: {register: g, is: [1]}}]\n", "absent", {5, 9}, 0},
	{"a value above all steps is absent",
		HEAD "points: [{name: a_w, address: 0, steps: [{below: 5, value: 1}]}]\n", "absent", {5}, 0},
	{"a unit as text", HEAD "registers: [{name: u, address: 1, type: string, length: 2}]\n"
		"points: [{name: heat_energy, address: 0, unit: u, units: {MWh: MWh}}]\n",
		"heat_energy_kwh=5000", {5, 0x4D57, 0x6820}, 0},
	{"an absolute value", POINT("type: i16, transform: absolute"), "a_w=5", {0xFFFB}, 0},
	{"a register that must be alone is not taken from a longer read", POINT("own_request: true"),
		"missing", {1, 2}, 2},
	{"a register that was read alone", POINT("own_request: true"), "a_w=1", {1}, 1},
	{"the least plausible value", LIMITED("a_w: [-5, 5]"), "a_w=-5", {0xFFFB}, 0},
	{"less than the least", LIMITED("a_w: [-5, 5]"), "implausible", {0xFFFA}, 0},
	{"the most plausible value", LIMITED("a_w: [-5, 5]"), "a_w=5", {5}, 0},
	{"more than the most", LIMITED("a_w: [-5, 5]"), "implausible", {6}, 0},
	{"a limit for all names that begin alike", LIMITED("\"a_*\": [0, 5]"), "implausible", {6}, 0},
	{"the later limit holds", LIMITED("\"a_*\": [0, 5], a_w: [0, 9]"), "a_w=6", {6}, 0},
	{"a helper that begins alike has no limit", HEAD "registers: [{name: a_ratio, address: 1}]\n"
		"plausible: {\"a_*\": [0, 9]}\npoints: [{name: a_w, address: 0, scale: 0.01, "
		"multiply_by: [a_ratio]}]\n", "a_w=5", {5, 100}, 0},
	{"absent is not implausible", HEAD "plausible: {a_w: [1, 5]}\n"
		"points: [{name: a_w, address: 0, absent: 0}]\n", "absent", {0}, 0},
	{"a value of an implausible ratio is implausible", HEAD "registers: [{name: ct, address: 1}]\n"
		"plausible: {ct: [1, 10000]}\npoints: [{name: a_w, address: 0, multiply_by: [ct]}]\n",
		"implausible", {5, 0}, 0},
	{"a limit holds for the value in its own unit", HEAD "registers: [{name: u, address: 1}]\n"
		"plausible: {heat_energy: [0, 4]}\n"
		"points: [{name: heat_energy, address: 0, unit: u, units: {0: MJ, 1: GJ}}]\n",
		"implausible", {5, 1}, 0},
	{"the last one that the device has", REPEATED, "a2_w=7", {2, 5, 7}, 0},
	{"one more than the device has", REPEATED, "absent", {1, 5, 7}, 0},
};
/* clang-format on */

static void print_result(const struct profile_point *point, const struct decode_value *value,
			 char text[256])
{
	char number[DECODE_TEXT_MAX];

	switch (value->kind) {
	case DECODE_MISSING:
		(void)snprintf(text, 256, "missing");
		break;
	case DECODE_ABSENT:
		(void)snprintf(text, 256, "absent");
		break;
	case DECODE_IMPLAUSIBLE:
		(void)snprintf(text, 256, "implausible");
		break;
	case DECODE_NUMBER:
		(void)decimal_print(value->number, number);
		(void)snprintf(text, 256, "%s%s=%s", point->name, value->suffix, number);
		break;
	case DECODE_TEXT:
		(void)snprintf(text, 256, "%s=%s", point->name, value->text);
		break;
	}
}

static void registers_mean_what_the_profile_says(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const struct decode_case *c = &cases[i];
		struct conf_errors errors = {0};
		struct profile *profile = NULL;
		struct decode_block block = {3, 0, c->count ? c->count : REGISTERS_MAX,
					     c->registers};
		struct decode_input input = {.blocks = &block, .n_blocks = 1};
		struct decode_value value;
		char text[256];

		if (profile_parse(&profile, "x", c->profile, strlen(c->profile), &errors) != 0)
			fail_msg("%s: %s", c->name, errors.text.data);
		input.profile = profile;
		decode_point(&input, profile->n_points - 1, &value);
		print_result(&profile->points[profile->n_points - 1], &value, text);
		if (strcmp(text, c->expected) != 0)
			fail_msg("%s: %s, expected %s", c->name, text, c->expected);
		profile_destroy(profile);
		conf_errors_fini(&errors);
	}
}

static void kept_values_take_the_place_of_reads(void **state)
{
	static const char text[] = HEAD "registers: [{name: ct, address: 100, refresh: 10m}]\n"
					"points: [{name: a_w, address: 0, multiply_by: [ct]}]\n";
	static const uint16_t registers[] = {7};
	struct conf_errors errors = {0};
	struct profile *profile = NULL;
	struct decode_block block = {3, 0, 1, registers};
	struct decode_value kept = {.kind = DECODE_NUMBER, .number = {20, 0}}, value;
	struct decode_input input = {NULL, &block, 1, NULL, 0};

	(void)state;
	assert_int_equal(profile_parse(&profile, "x", text, strlen(text), &errors), 0);
	input.profile = profile;
	decode_point(&input, 1, &value);
	assert_int_equal(value.kind, DECODE_MISSING);
	input.kept = &kept;
	input.n_kept = 1;
	decode_point(&input, 1, &value);
	assert_int_equal(value.kind, DECODE_NUMBER);
	(void)decimal_print(value.number, value.text);
	assert_string_equal(value.text, "140");
	profile_destroy(profile);
	conf_errors_fini(&errors);
}

static void pulses_become_a_volume(void **state)
{
	char text[DECODE_TEXT_MAX];
	struct decimal sum = decode_pulses((struct decimal){4294967295, 0}, (struct decimal){1, -2},
					   (struct decimal){12345, -1});

	(void)state;
	(void)decimal_print(sum, text);
	assert_string_equal(text, "42950907.45");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(registers_mean_what_the_profile_says),
		cmocka_unit_test(kept_values_take_the_place_of_reads),
		cmocka_unit_test(pulses_become_a_volume),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
