/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/adu.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

/* What a master sends, and for each request found "unit function address count" (or "-" for a
 * request that is no read), then how many bytes are done with. */
struct parse_case {
	const char *name;
	bool is_tcp;
	const char *hex, *found;
};

/* The CRCs are those of the Modbus specification's and of devices' manuals. */
/* clang-format off */
static const struct parse_case cases[] = {
	{"a read", false, "11 03 00 6B 00 03 76 87", "17 3 107 3; 8"},
	{"half a read waits", false, "11 03 00 6B 00", "0"},
	{"two reads at once", false, "11 03 00 6B 00 03 76 87 01 04 10 10 00 25 34 D4", "17 3 107 3; 1 4 4112 37; 16"},
	{"garbage before a read", false, "FF 00 11 03 00 6B 00 03 76 87", "17 3 107 3; 10"},
	{"a wrong CRC is no request", false, "11 03 00 6B 00 03 76 88", "0"},
	{"a read behind one with a wrong CRC", false,
		"11 03 00 6B 00 03 76 88 11 03 00 6B 00 03 76 87", "17 3 107 3; 16"},
	{"a function that we do not know", false, "01 42 80 11", "1 66 -; 4"},
	{"a write of one register", false, "11 06 00 01 00 03 9A 9B", "17 6 -; 8"},
	{"a TCP read", true, "00 07 00 00 00 06 11 03 00 6B 00 03", "17 3 107 3; 12"},
	{"half a TCP read waits", true, "00 07 00 00 00 06 11 03 00", "0"},
	{"two TCP reads at once", true,
		"00 07 00 00 00 06 11 03 00 6B 00 03 00 08 00 00 00 06 01 04 00 00 00 02",
		"17 3 107 3; 1 4 0 2; 24"},
	{"a TCP function that we do not know", true, "00 07 00 00 00 03 11 2B 0E", "17 43 -; 9"},
	{"a read of a wrong length", true, "00 07 00 00 00 04 11 03 00 6B", "17 3 -; 10"},
	{"another protocol", true, "47 45 54 20 2F 20 48 54 54 50", "broken"},
	{"an empty TCP frame", true, "00 07 00 00 00 01 11", "broken"},
	{"a TCP frame that is too long", true, "00 07 00 00 01 00 11 03", "broken"},
};
/* clang-format on */

static size_t from_hex(const char *hex, uint8_t *out)
{
	size_t n = 0;
	unsigned byte;
	int used;

	while (sscanf(hex, "%x%n", &byte, &used) == 1) {
		out[n++] = (uint8_t)byte;
		hex += used;
	}
	return n;
}

static void describe(const struct parse_case *c, char *out, size_t size)
{
	uint8_t data[64];
	size_t len = from_hex(c->hex, data), at = 0, used = 0, n = 0;
	struct adu_request request;
	bool is_broken = false;

	while (c->is_tcp ? adu_parse_tcp(data + at, len - at, &request, &used, &is_broken)
			 : adu_parse_rtu(data + at, len - at, &request, &used)) {
		at += used;
		n += (size_t)snprintf(out + n, size - n, "%d %d ", request.unit, request.function);
		if (request.is_read)
			n += (size_t)snprintf(out + n, size - n, "%d %d; ", request.address,
					      request.count);
		else
			n += (size_t)snprintf(out + n, size - n, "-; ");
	}
	if (is_broken)
		(void)snprintf(out + n, size - n, "broken");
	else
		(void)snprintf(out + n, size - n, "%zu", at);
}

static void requests_are_found(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char found[128] = "";

		describe(&cases[i], found, sizeof found);
		if (strcmp(found, cases[i].found) != 0)
			fail_msg("%s: '%s' instead of '%s'", cases[i].name, found, cases[i].found);
	}
}

static void garbage_does_not_fill_the_buffer(void **state)
{
	uint8_t garbage[300];
	struct adu_request request;
	size_t used;

	(void)state;
	memset(garbage, 0x55, sizeof garbage);
	assert_false(adu_parse_rtu(garbage, 255, &request, &used));
	assert_int_equal(used, 0);
	assert_false(adu_parse_rtu(garbage, 300, &request, &used));
	assert_true(used > 0 && used <= 300);
}

static void answers_are_framed(void **state)
{
	static const uint8_t pdu[] = {4, 2, 0x12, 0x34};
	uint8_t out[ADU_MAX], wanted[16];
	size_t len;

	(void)state;
	len = adu_build_rtu(1, pdu, sizeof pdu, out);
	assert_int_equal(len, from_hex("01 04 02 12 34 B4 47", wanted));
	assert_memory_equal(out, wanted, len);
	assert_int_equal(adu_crc(out, len), 0);
	len = adu_build_tcp(0x0708, 9, pdu, sizeof pdu, out);
	assert_int_equal(len, from_hex("07 08 00 00 00 05 09 04 02 12 34", wanted));
	assert_memory_equal(out, wanted, len);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_are_found),
		cmocka_unit_test(garbage_does_not_fill_the_buffer),
		cmocka_unit_test(answers_are_framed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
