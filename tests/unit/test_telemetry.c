/* SPDX-License-Identifier: Apache-2.0 */
/* test_telemetry.c - the wire format: one spelling, exact positions of mistakes, no surprises. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/mem.h"
#include "common/telemetry.h"
#include "exact_copy.h"

#define COUNT(table) (sizeof(table) / sizeof *(table))
#define HEADER       "batch,agent=a1 epoch=1764000000123i,seq=42i,oldest=40i,lines=1i 1764000060000\n"

static bool is_text(struct slice slice, const char *text)
{
	return slice.len == strlen(text) && memcmp(slice.at, text, slice.len) == 0;
}

/* clang-format off */
static const struct {
	const char *phrase, *text;
	const char *expected; /* the words, from the position on; NULL: valid */
} header_cases[] = {
	{"usual", "batch,agent=a1 epoch=1i,seq=2i,oldest=1i,lines=0i 1764000060000", NULL},
	{"line feed behind", "batch,agent=a-1 epoch=1i,seq=2i,oldest=2i,lines=0i 1764000060000\n", NULL},
	{"largest epoch", "batch,agent=a epoch=9223372036854775807i,seq=2i,oldest=2i,lines=0i 1764000060000", NULL},
	{"too large epoch", "batch,agent=a epoch=9223372036854775808i,seq=2i,oldest=2i,lines=0i 1764000060000",
		"line 1, byte 21: the value is not a 64-bit integer in its shortest form"},
	{"far too large epoch", "batch,agent=a epoch=99999999999999999999i,seq=2i,oldest=2i,lines=0i 1764000060000",
		"line 1, byte 21: the value is not a 64-bit integer in its shortest form"},
	{"other measurement", "reading,meter=m x=1 1764000060000", "line 1, byte 1: 'batch' must stand here"},
	{"other order", "batch,agent=a1 seq=2i,epoch=1i,oldest=1i,lines=0i 1764000060000",
		"line 1, byte 16: 'epoch' must stand here"},
	{"longer name", "batch,agent=a1 epoch2=1i,seq=2i,oldest=1i,lines=0i 1764000060000",
		"line 1, byte 21: '=' must stand here"},
	{"one field less", "batch,agent=a1 epoch=1i,seq=2i,oldest=1i 1764000060000",
		"line 1, byte 41: ,lines= must stand here"},
	{"one field more", "batch,agent=a1 epoch=1i,seq=2i,oldest=1i,lines=0i,x=1i 1764000060000",
		"line 1, byte 51: batch has only 4 fields"},
	{"another tag", "batch,agent=a1,site=b epoch=1i,seq=2i,oldest=1i,lines=0i 1764000060000",
		"line 1, byte 15: an id has 1 to 48 bytes of A-Z, a-z, 0-9 and -, then a blank"},
	{"float", "batch,agent=a1 epoch=1,seq=2i,oldest=1i,lines=0i 1764000060000",
		"line 1, byte 22: epoch must be an integer with i"},
	{"leading zero", "batch,agent=a1 epoch=01i,seq=2i,oldest=1i,lines=0i 1764000060000",
		"line 1, byte 22: the value is not a 64-bit integer in its shortest form"},
	{"capital letter", "batch,agent=A1 epoch=1i,seq=2i,oldest=1i,lines=0i 1764000060000",
		"line 1, byte 13: an agent's id has no capital letters"},
	{"no id", "batch,agent= epoch=1i,seq=2i,oldest=1i,lines=0i 1764000060000",
		"line 1, byte 13: an id has 1 to 48 bytes of A-Z, a-z, 0-9 and -, then a blank"},
	{"epoch 0", "batch,agent=a1 epoch=0i,seq=2i,oldest=1i,lines=0i 1764000060000",
		"line 1, byte 16: epoch and oldest must be at least 1, seq at least oldest, lines not negative"},
	{"oldest beyond seq", "batch,agent=a1 epoch=1i,seq=2i,oldest=3i,lines=0i 1764000060000",
		"line 1, byte 16: epoch and oldest must be at least 1, seq at least oldest, lines not negative"},
	{"seconds", "batch,agent=a1 epoch=1i,seq=2i,oldest=1i,lines=0i 1764000060",
		"line 1, byte 51: the time stamp must be UTC milliseconds from 2000 to 2100"},
	{"carriage return", "batch,agent=a1 epoch=1i,seq=2i,oldest=1i,lines=0i 1764000060000\r\n",
		"line 1, byte 64: control character 0x0d"},
	{"byte order mark", "\xef\xbb\xbf" "batch,agent=a1 epoch=1i,seq=2i,oldest=1i,lines=0i 1764000060000\n",
		"line 1, byte 1: only ASCII may stand here, not byte 0xef"},
	{"nothing", "", "line 1, byte 1: the payload has 0 bytes; 1 to 262144 are allowed"},
	{"only a line feed", "\n", "line 1, byte 1: 'batch' must stand here"},
};

static const struct {
	const char *phrase, *text;
	enum telemetry_reason reason;
	const char *expected; /* the words; NULL: valid */
} line_cases[] = {
	{"reading", "reading,meter=370102-0001-e01 active_energy_import_kwh=12345.67,active_power_w=8120 1764000060012", 0, NULL},
	{"fault", "fault,meter=370102-0001-e02 code=\"timeout\",attempts=2i 1764000060950", 0, NULL},
	{"info", "info,meter=m serial=\"A \\\"7\\\" \\\\ 电表\",bits=-5i 1764000060950", 0, NULL},
	{"gap", "gap from=1764000000000i,to=1764000060000i,batches=3i 1764000060950", 0, NULL},
	{"negative number", "reading,meter=m a=-1.5 1764000060000", 0, NULL},
	{"exponent", "reading,meter=m a=1e-7,b=1.5e+10 1764000060000", 0, NULL},
	{"many digits", "reading,meter=m a=0.000000000000000001,b=9223372036854775807 1764000060000", 0, NULL},
	{"empty string", "info,meter=m a=\"\" 1764000060950", 0, NULL},
	{"first time", "reading,meter=m a=1 946684800000", 0, NULL},
	{"last time", "reading,meter=m a=1 4102444800000", 0, NULL},
	{"almost the same names", "reading,meter=m power_w=1,power_w2=2,power=3 1764000060000", 0, NULL},

	{"empty line", "", TELEMETRY_BAD_SYNTAX, "byte 1: the line is empty"},
	{"comment", "# hello", TELEMETRY_BAD_KIND, "byte 1: a line must be a reading, fault, info or gap"},
	{"second header", "batch,agent=a1 epoch=1i,seq=2i,oldest=1i,lines=0i 1764000060000",
		TELEMETRY_BAD_KIND, "byte 1: a line must be a reading, fault, info or gap"},
	{"no tag", "reading a=1 1764000060000", TELEMETRY_BAD_SYNTAX, "byte 8: ',meter=' must stand here"},
	{"other tag", "reading,metre=m a=1 1764000060000", TELEMETRY_BAD_SYNTAX, "byte 12: 'er=' must stand here"},
	{"second tag", "reading,meter=m,x=y a=1 1764000060000", TELEMETRY_BAD_NAME,
		"byte 16: an id has 1 to 48 bytes of A-Z, a-z, 0-9 and -, then a blank"},
	{"gap with a tag", "gap,meter=m from=1764000000000i,to=1764000060000i,batches=3i 1764000060950",
		TELEMETRY_BAD_SYNTAX, "byte 4: ' ' must stand here"},
	{"meter of 49 bytes", "reading,meter=a234567890123456789012345678901234567890123456789 a=1 1764000060000",
		TELEMETRY_BAD_NAME, "byte 63: an id has 1 to 48 bytes of A-Z, a-z, 0-9 and -, then a blank"},
	{"escaped blank in the tag", "reading,meter=m\\ x a=1 1764000060000", TELEMETRY_BAD_NAME,
		"byte 16: an id has 1 to 48 bytes of A-Z, a-z, 0-9 and -, then a blank"},
	{"no field", "reading,meter=m 1764000060000", TELEMETRY_BAD_NAME,
		"byte 17: a field's name has 1 to 63 bytes of a-z, 0-9 and _, the first a letter, and '=' behind it"},
	{"capital in a name", "reading,meter=m aB=1 1764000060000", TELEMETRY_BAD_NAME,
		"byte 18: a field's name has 1 to 63 bytes of a-z, 0-9 and _, the first a letter, and '=' behind it"},
	{"digit first in a name", "reading,meter=m 1a=1 1764000060000", TELEMETRY_BAD_NAME,
		"byte 17: a field's name has 1 to 63 bytes of a-z, 0-9 and _, the first a letter, and '=' behind it"},
	{"name of 64 bytes", "reading,meter=m a234567890123456789012345678901234567890123456789012345678901234=1 1764000060000",
		TELEMETRY_BAD_NAME,
		"byte 17: a field's name has 1 to 63 bytes of a-z, 0-9 and _, the first a letter, and '=' behind it"},
	{"two blanks", "reading,meter=m  a=1 1764000060000", TELEMETRY_BAD_NAME,
		"byte 17: a field's name has 1 to 63 bytes of a-z, 0-9 and _, the first a letter, and '=' behind it"},
	{"comma at the end", "reading,meter=m a=1, 1764000060000", TELEMETRY_BAD_NAME,
		"byte 21: a field's name has 1 to 63 bytes of a-z, 0-9 and _, the first a letter, and '=' behind it"},
	{"integer in a reading", "reading,meter=m a=1i 1764000060000", TELEMETRY_BAD_NUMBER,
		"byte 19: a reading has only numbers, without i"},
	{"string in a reading", "reading,meter=m a=\"1\" 1764000060000", TELEMETRY_BAD_NUMBER,
		"byte 20: a reading has only numbers, without i"},
	{"nan", "reading,meter=m a=nan 1764000060000", TELEMETRY_BAD_NUMBER, "byte 19: the value is not a number"},
	{"infinity", "reading,meter=m a=-inf 1764000060000", TELEMETRY_BAD_NUMBER, "byte 19: the value is not a number"},
	{"boolean", "reading,meter=m a=true 1764000060000", TELEMETRY_BAD_NUMBER, "byte 19: the value is not a number"},
	{"no value", "reading,meter=m a= 1764000060000", TELEMETRY_BAD_NUMBER, "byte 19: the value is not a number"},
	{"number without first digit", "reading,meter=m a=.5 1764000060000", TELEMETRY_BAD_NUMBER,
		"byte 19: the value is not a number"},
	{"number without last digit", "reading,meter=m a=5. 1764000060000", TELEMETRY_BAD_NUMBER,
		"byte 19: the value is not a number"},
	{"number out of range", "reading,meter=m a=1e300 1764000060000", TELEMETRY_BAD_NUMBER,
		"byte 19: the number is out of range"},
	{"unsigned", "reading,meter=m a=1u 1764000060000", TELEMETRY_BAD_NUMBER, "byte 19: the value is not a number"},
	{"float in an info", "info,meter=m a=1.5 1764000060000", TELEMETRY_BAD_NUMBER,
		"byte 16: an info has only strings and integers with i"},
	{"field twice", "reading,meter=m a=1,b=2,a=3 1764000060000", TELEMETRY_BAD_DUPLICATE,
		"byte 25: the field 'a' stands twice"},
	{"string field twice", "info,meter=m active=\"\",active=\"\" 1764000060000", TELEMETRY_BAD_DUPLICATE,
		"byte 24: the field 'active' stands twice"},
	{"string without end", "info,meter=m a=\"x 1764000060000", TELEMETRY_BAD_SYNTAX,
		"byte 32: '\"' must stand here"},
	{"other escape", "info,meter=m a=\"x\\n\" 1764000060000", TELEMETRY_BAD_SYNTAX,
		"byte 18: a backslash may only stand before \" or \\"},
	{"escaped quote at the end", "info,meter=m a=\"x\\\"", TELEMETRY_BAD_SYNTAX, "byte 20: '\"' must stand here"},
	{"tab in a string", "info,meter=m a=\"x\ty\" 1764000060000", TELEMETRY_BAD_ENCODING,
		"byte 18: control character 0x09"},
	{"cut UTF-8", "info,meter=m a=\"x\xe7\x94\" 1764000060000", TELEMETRY_BAD_ENCODING,
		"byte 18: not UTF-8: byte 0xe7"},
	{"surrogate", "info,meter=m a=\"\xed\xa0\x80\" 1764000060000", TELEMETRY_BAD_ENCODING,
		"byte 17: not UTF-8: byte 0xed"},
	{"not ASCII in a name", "reading,meter=m 电=1 1764000060000", TELEMETRY_BAD_ENCODING,
		"byte 17: only ASCII may stand here, not byte 0xe7"},
	{"carriage return", "reading,meter=m a=1 1764000060000\r", TELEMETRY_BAD_ENCODING,
		"byte 34: control character 0x0d"},
	{"no time", "reading,meter=m a=1", TELEMETRY_BAD_SYNTAX, "byte 20: ' ' must stand here"},
	{"empty time", "reading,meter=m a=1 ", TELEMETRY_BAD_TIME,
		"byte 21: the time stamp must be UTC milliseconds from 2000 to 2100"},
	{"time in nanoseconds", "reading,meter=m a=1 1764000060000000000", TELEMETRY_BAD_TIME,
		"byte 21: the time stamp must be UTC milliseconds from 2000 to 2100"},
	{"just too early", "reading,meter=m a=1 946684799999", TELEMETRY_BAD_TIME,
		"byte 21: the time stamp must be UTC milliseconds from 2000 to 2100"},
	{"just too late", "reading,meter=m a=1 4102444800001", TELEMETRY_BAD_TIME,
		"byte 21: the time stamp must be UTC milliseconds from 2000 to 2100"},
	{"leading zero in the time", "reading,meter=m a=1 01764000060000", TELEMETRY_BAD_TIME,
		"byte 21: the time stamp must be UTC milliseconds from 2000 to 2100"},
	{"blank behind the time", "reading,meter=m a=1 1764000060000 ", TELEMETRY_BAD_TIME,
		"byte 34: a time stamp has only digits and ends the line"},
	{"fault without attempts", "fault,meter=m code=\"x\" 1764000060000", TELEMETRY_BAD_SYNTAX,
		"byte 23: ,attempts= must stand here"},
	{"fault with a number as code", "fault,meter=m code=5i,attempts=2i 1764000060000", TELEMETRY_BAD_NUMBER,
		"byte 20: code must be a string in quotes"},
	{"negative attempts", "fault,meter=m code=\"x\",attempts=-1i 1764000060000", TELEMETRY_BAD_NUMBER,
		"byte 33: attempts must not be negative"},
	{"gap backwards", "gap from=1764000060000i,to=1764000000000i,batches=3i 1764000060950", TELEMETRY_BAD_TIME,
		"byte 5: from and to must be UTC milliseconds from 2000 to 2100, from first"},
	{"gap of no batch", "gap from=1764000000000i,to=1764000060000i,batches=0i 1764000060950", TELEMETRY_BAD_NUMBER,
		"byte 51: batches must be at least 1"},
};
/* clang-format on */

static void test_header(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(header_cases); i++) {
		size_t len = strlen(header_cases[i].text);
		char *payload = exact_copy(header_cases[i].text, len);
		struct telemetry_header header = {.seq = 77};
		struct telemetry_reader reader;
		struct telemetry_line line;
		struct err err = {""};
		int code = telemetry_open(&reader, payload, len, &header, &err);
		const char *expected = header_cases[i].expected;

		if ((code == 0) != (expected == NULL) ||
		    strcmp(err.text, expected != NULL ? expected : "") != 0)
			fail_msg("%s: %d %s", header_cases[i].phrase, code, err.text);
		assert_true(header.seq == (code == 0 ? 2 : 77));
		assert_int_equal(telemetry_next(&reader, &line, &err), 0);
		free(payload);
	}
}

static void test_header_values(void **state)
{
	struct telemetry_reader reader;
	struct telemetry_header header;

	(void)state;
	assert_int_equal(telemetry_open(&reader, HEADER, strlen(HEADER), &header, NULL), 0);
	assert_string_equal(header.agent, "a1");
	assert_true(header.epoch == 1764000000123 && header.seq == 42 && header.oldest == 40);
	assert_true(header.lines == 1 && header.time_ms == 1764000060000);
}

static void test_lines(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(line_cases); i++) {
		size_t head = strlen(HEADER), len = head + strlen(line_cases[i].text) + 1;
		char *text = xasprintf("%s%s\n", HEADER, line_cases[i].text);
		char *payload = exact_copy(text, len);
		struct telemetry_header header;
		struct telemetry_reader reader;
		struct telemetry_line line;
		struct err err = {""};
		char words[256] = "";
		int code;

		if (line_cases[i].expected != NULL)
			(void)snprintf(words, sizeof words, "line 2, %s", line_cases[i].expected);
		assert_int_equal(telemetry_open(&reader, payload, len, &header, NULL), 0);
		code = telemetry_next(&reader, &line, &err);
		if (code != (line_cases[i].expected != NULL ? -EINVAL : 1) ||
		    strcmp(err.text, words) != 0)
			fail_msg("%s: %d %s", line_cases[i].phrase, code, err.text);
		if (code < 0 && reader.reason != line_cases[i].reason)
			fail_msg("%s: %s", line_cases[i].phrase,
				 telemetry_reason_name(reader.reason));
		assert_true(is_text(line.text, line_cases[i].text));
		assert_int_equal(telemetry_next(&reader, &line, NULL), 0);
		free(payload);
		free(text);
	}
}

static void test_line_without_line_feed(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(line_cases); i++) {
		size_t len = strlen(line_cases[i].text);
		char *text = exact_copy(line_cases[i].text, len);
		struct telemetry_reader reader;
		struct telemetry_line line;
		int code;

		telemetry_open_lines(&reader, text, len);
		code = telemetry_next(&reader, &line, NULL);
		if (len > 0 && code != (line_cases[i].expected != NULL ? -EINVAL : 1))
			fail_msg("%s: %d", line_cases[i].phrase, code);
		assert_int_equal(telemetry_next(&reader, &line, NULL), 0);
		free(text);
	}
}

static void test_nul_byte(void **state)
{
	static const char text[] = "reading,meter=m a=1\0 1764000060000";
	struct telemetry_reader reader;
	struct telemetry_line line;
	struct err err;

	(void)state;
	telemetry_open_lines(&reader, text, sizeof text - 1);
	assert_int_equal(telemetry_next(&reader, &line, &err), -EINVAL);
	assert_int_equal(reader.reason, TELEMETRY_BAD_NUMBER);
	telemetry_open_lines(&reader, text + 19, 1);
	assert_int_equal(telemetry_next(&reader, &line, &err), -EINVAL);
	assert_int_equal(reader.reason, TELEMETRY_BAD_ENCODING);
	assert_string_equal(err.text, "line 1, byte 1: control character 0x00");
}

static void test_good_lines_around_a_bad_one(void **state)
{
	static const char payload[] =
		"batch,agent=a1 epoch=1i,seq=1i,oldest=1i,lines=3i 1764000060000\n"
		"reading,meter=m a=1 1764000060001\n"
		"reading,meter=m a=x 1764000060002\n"
		"reading,meter=m a=3 1764000060003";
	struct telemetry_reader reader;
	struct telemetry_header header;
	struct telemetry_line line;
	struct err err;

	(void)state;
	assert_int_equal(telemetry_open(&reader, payload, strlen(payload), &header, NULL), 0);
	assert_int_equal(telemetry_next(&reader, &line, &err), 1);
	assert_true(line.time_ms == 1764000060001);
	assert_int_equal(telemetry_next(&reader, &line, &err), -EINVAL);
	assert_string_equal(err.text, "line 3, byte 19: the value is not a number");
	assert_int_equal(telemetry_next(&reader, &line, &err), 1);
	assert_true(line.time_ms == 1764000060003);
	assert_int_equal(telemetry_next(&reader, &line, &err), 0);
	assert_int_equal(telemetry_next(&reader, &line, &err), 0);
}

static void test_number_of_lines(void **state)
{
	static const struct {
		const char *phrase, *text, *expected;
	} cases[] = {
		{"one missing", HEADER,
		 "line 2, byte 1: the payload has 0 lines; its header says 1"},
		{"one too many",
		 HEADER "reading,meter=m a=1 1764000060001\nreading,meter=m a=1 1764000060001\n",
		 "line 4, byte 1: the payload has 2 lines; its header says 1"},
		{"an empty one too many", HEADER "reading,meter=m a=1 1764000060001\n\n",
		 "line 4, byte 1: the payload has 2 lines; its header says 1"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct telemetry_reader reader;
		struct telemetry_header header;
		struct telemetry_line line;
		struct err err = {""};
		int code = 1;

		assert_int_equal(telemetry_open(&reader, cases[i].text, strlen(cases[i].text),
						&header, NULL),
				 0);
		while (code == 1 || (code < 0 && reader.reason != TELEMETRY_BAD_LINE_COUNT))
			code = telemetry_next(&reader, &line, &err);
		if (code != -EINVAL || strcmp(err.text, cases[i].expected) != 0)
			fail_msg("%s: %d %s", cases[i].phrase, code, err.text);
		assert_int_equal(line.text.len, 0);
		assert_int_equal(telemetry_next(&reader, &line, &err), 0);
	}
}

static void test_size(void **state)
{
	char *payload = xcalloc(TELEMETRY_BATCH_MAX + 1, 1);
	struct buf head = {0};
	struct telemetry_reader reader;
	struct telemetry_header header;

	(void)state;
	memset(payload, '\n', TELEMETRY_BATCH_MAX + 1);
	buf_add_text(&head, HEADER);
	memcpy(payload, head.data, head.len);
	buf_fini(&head);
	assert_int_equal(telemetry_open(&reader, payload, TELEMETRY_BATCH_MAX, &header, NULL), 0);
	assert_int_equal(telemetry_open(&reader, payload, TELEMETRY_BATCH_MAX + 1, &header, NULL),
			 -EINVAL);
	assert_int_equal(reader.reason, TELEMETRY_BAD_SIZE);
	free(payload);
}

static int read_fields(int n, bool with_twin, enum telemetry_reason *reason)
{
	struct telemetry_reader reader;
	struct telemetry_line line;
	struct buf buf = {0};
	int code;

	telemetry_begin_reading(&buf, "m");
	for (int i = 0; i < n; i++) {
		char name[48];

		/* Long names that differ in the middle alone. */
		(void)snprintf(name, sizeof name, "abcdefgh_%03d_007_qrstuvwxyz",
			       with_twin && i == n - 1 ? 0 : i);
		telemetry_add_number(&buf, name, "1", 1);
	}
	telemetry_end_line(&buf, 1764000060000);
	telemetry_open_lines(&reader, buf.data, buf.len);
	code = telemetry_next(&reader, &line, NULL);
	*reason = reader.reason;
	buf_fini(&buf);
	return code;
}

static void test_many_fields(void **state)
{
	enum telemetry_reason reason;

	(void)state;
	assert_int_equal(read_fields(TELEMETRY_FIELDS_MAX, false, &reason), 1);
	assert_int_equal(read_fields(TELEMETRY_FIELDS_MAX + 1, false, &reason), -EINVAL);
	assert_int_equal(reason, TELEMETRY_BAD_FIELD_COUNT);
	for (int n = 2; n <= TELEMETRY_FIELDS_MAX; n++) {
		assert_int_equal(read_fields(n, true, &reason), -EINVAL);
		assert_int_equal(reason, TELEMETRY_BAD_DUPLICATE);
	}
}

static void test_fields(void **state)
{
	static const char text[] = "info,meter=M-1 serial=\"A\\\"7\\\\\",bits=-5i 1764000060950\n";
	struct telemetry_reader reader;
	struct telemetry_line line;
	const struct telemetry_field *field;
	struct buf out = {0};

	(void)state;
	telemetry_open_lines(&reader, text, strlen(text));
	assert_int_equal(telemetry_next(&reader, &line, NULL), 1);
	assert_int_equal(line.kind, TELEMETRY_INFO);
	assert_true(is_text(line.meter, "M-1"));
	assert_int_equal(line.n_fields, 2);
	field = telemetry_field(&line, "serial");
	assert_non_null(field);
	assert_true(field->is_string && !field->is_integer);
	telemetry_unescape(field->value, &out);
	assert_string_equal(out.data, "A\"7\\");
	field = telemetry_field(&line, "bits");
	assert_non_null(field);
	assert_true(!field->is_string && field->is_integer && is_text(field->value, "-5"));
	assert_null(telemetry_field(&line, "bit"));
	assert_null(telemetry_field(&line, "bits2"));
	buf_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_header),
		cmocka_unit_test(test_header_values),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_line_without_line_feed),
		cmocka_unit_test(test_nul_byte),
		cmocka_unit_test(test_good_lines_around_a_bad_one),
		cmocka_unit_test(test_number_of_lines),
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_many_fields),
		cmocka_unit_test(test_fields),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
