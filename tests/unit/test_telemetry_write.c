/* SPDX-License-Identifier: Apache-2.0 */
/* test_telemetry_write.c - what is written is one spelling, and reads back as the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/decimal.h"
#include "common/mem.h"
#include "common/telemetry.h"

#define COUNT(table) (sizeof(table) / sizeof *(table))

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static void test_writers(void **state)
{
	struct telemetry_header header = {"jn-archive-a1", 1764000000123, 42, 40, 3, 1764000060000};
	struct buf buf = {0};

	(void)state;
	telemetry_write_header(&buf, &header);
	telemetry_begin_reading(&buf, "370102-0001-e01");
	telemetry_add_number(&buf, "active_energy_import_kwh", "12345.67", 8);
	telemetry_add_number(&buf, "active_power_w", "8120", 4);
	telemetry_end_line(&buf, 1764000060012);
	telemetry_write_fault(&buf, "370102-0001-e02", "timeout", 2, 1764000060950);
	telemetry_begin_info(&buf, "370102-0001-e02");
	telemetry_add_string(&buf, "serial", "a \"b\" \\c\n\xff\xe7\x94\xb5");
	telemetry_add_integer(&buf, "model", -7);
	telemetry_end_line(&buf, 1764000060951);
	telemetry_write_gap(&buf, 1764000000000, 1764000060000, 3, 1764000060952);
	assert_string_equal(
		buf.data,
		"batch,agent=jn-archive-a1 epoch=1764000000123i,seq=42i,oldest=40i,lines=3i "
		"1764000060000\n"
		"reading,meter=370102-0001-e01 active_energy_import_kwh=12345.67,active_power_w="
		"8120 1764000060012\n"
		"fault,meter=370102-0001-e02 code=\"timeout\",attempts=2i 1764000060950\n"
		"info,meter=370102-0001-e02 serial=\"a \\\"b\\\" \\\\c??\xe7\x94\xb5\",model=-7i "
		"1764000060951\n"
		"gap from=1764000000000i,to=1764000060000i,batches=3i 1764000060952\n");
	buf_fini(&buf);
}

/* ---- what was written is what is read ---- */

static void write_random_line(struct buf *buf, uint64_t *random)
{
	static const char *const strings[] = {"", "timeout", "\"", "\\", "电表 7", "a,b=c d"};
	int64_t time_ms = 1764000000000 + (int64_t)(next_random(random) % 1000000);
	int n = 1 + (int)(next_random(random) % 12);
	bool is_reading = next_random(random) % 2 == 0;

	if (next_random(random) % 5 == 0) {
		telemetry_write_fault(buf, "m-1", strings[next_random(random) % COUNT(strings)],
				      (int)(next_random(random) % 5), time_ms);
		return;
	}
	if (is_reading)
		telemetry_begin_reading(buf, "M-2");
	else
		telemetry_begin_info(buf, "M-2");
	for (int i = 0; i < n; i++) {
		char name[16], text[DECIMAL_TEXT_MAX];

		(void)snprintf(name, sizeof name, "f%d_%u", i,
			       (unsigned)(next_random(random) % 10));
		if (is_reading)
			telemetry_add_number(buf, name, text,
					     decimal_print_micro((int64_t)next_random(random) >>
									 next_random(random) % 60,
								 text));
		else if (next_random(random) % 2 == 0)
			telemetry_add_integer(buf, name, (int64_t)next_random(random));
		else
			telemetry_add_string(buf, name,
					     strings[next_random(random) % COUNT(strings)]);
	}
	telemetry_end_line(buf, time_ms);
}

static void rewrite_line(const struct telemetry_line *line, struct buf *buf)
{
	char *meter = xstrndup(line->meter.at, line->meter.len);

	buf_add_text(buf, line->kind == TELEMETRY_READING ? "reading,meter="
			  : line->kind == TELEMETRY_FAULT ? "fault,meter="
							  : "info,meter=");
	buf_add_text(buf, meter);
	for (size_t i = 0; i < line->n_fields; i++) {
		const struct telemetry_field *field = &line->fields[i];

		buf_add_char(buf, i == 0 ? ' ' : ',');
		buf_add(buf, field->name.at, field->name.len);
		buf_add_text(buf, field->is_string ? "=\"" : "=");
		buf_add(buf, field->value.at, field->value.len);
		buf_add_text(buf, field->is_string ? "\"" : field->is_integer ? "i" : "");
	}
	buf_add_char(buf, ' ');
	buf_add_int(buf, line->time_ms);
	buf_add_char(buf, '\n');
	free(meter);
}

static void test_round_trip(void **state)
{
	uint64_t random = 2463534242;

	(void)state;
	for (int round = 0; round < 300; round++) {
		struct telemetry_header header = {"a", 1, 2, 1, 0, 1764000060000}, header_back;
		struct buf lines = {0}, payload = {0}, again = {0};
		struct telemetry_reader reader;
		struct telemetry_line line;
		struct err err;
		int code;

		header.lines = (int64_t)(next_random(&random) % 20);
		for (int64_t i = 0; i < header.lines; i++)
			write_random_line(&lines, &random);
		telemetry_write_header(&payload, &header);
		buf_add(&payload, lines.data, lines.len);
		assert_int_equal(
			telemetry_open(&reader, payload.data, payload.len, &header_back, &err), 0);
		assert_true(header_back.lines == header.lines);
		telemetry_write_header(&again, &header_back);
		while ((code = telemetry_next(&reader, &line, &err)) == 1)
			rewrite_line(&line, &again);
		if (code != 0)
			fail_msg("%s", err.text);
		assert_string_equal(again.data, payload.data);
		buf_fini(&lines);
		buf_fini(&payload);
		buf_fini(&again);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_writers),
		cmocka_unit_test(test_round_trip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
