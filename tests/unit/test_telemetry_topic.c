/* SPDX-License-Identifier: Apache-2.0 */
/* test_telemetry_topic.c - acknowledgements, topics and the names of reasons. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/telemetry.h"
#include "exact_copy.h"

#define COUNT(table) (sizeof(table) / sizeof *(table))

/* clang-format off */
static const struct {
	const char *phrase, *text, *expected; /* words; NULL: valid */
} ack_cases[] = {
	{"usual", "1764000000123 42 40 1764000060000", NULL},
	{"nothing known", "1764000000123 0 0 0", NULL},
	{"three numbers", "1 2 2", "acknowledgement, byte 6: one blank must stand before until"},
	{"five numbers", "1 2 2 0 0", "acknowledgement, byte 8: more than four numbers"},
	{"two blanks", "1  2 2 0", "acknowledgement, byte 3: seen is no number"},
	{"line feed", "1 2 2 0\n", "acknowledgement, byte 8: more than four numbers"},
	{"negative", "1 2 2 -1", "acknowledgement, byte 7: until is no number"},
	{"leading zero", "1 02 2 0", "acknowledgement, byte 3: seen is no number"},
	{"too large", "9223372036854775808 2 2 0", "acknowledgement, byte 1: epoch is no number"},
	{"epoch 0", "0 2 2 0", "acknowledgement: epoch must be at least 1 and kept at most seen"},
	{"kept beyond seen", "1 2 3 0", "acknowledgement: epoch must be at least 1 and kept at most seen"},
	{"nothing", "", "acknowledgement, byte 1: epoch is no number"},
};

static const struct {
	const char *phrase, *topic;
	bool is_valid;
} topic_cases[] = {
	{"data", "nenghao/1/370102/jn-archive-a1/data", true},
	{"ack", "nenghao/1/370102/a/ack", true},
	{"status", "nenghao/1/370102001/a/status", true},
	{"development zone", "nenghao/1/370100-GX/a/status", true},
	{"other leaf", "nenghao/1/370102/a/date", false},
	{"longer leaf", "nenghao/1/370102/a/datax", false},
	{"shorter leaf", "nenghao/1/370102/a/dat", false},
	{"no leaf", "nenghao/1/370102/a", false},
	{"empty leaf", "nenghao/1/370102/a/", false},
	{"another level", "nenghao/1/370102/a/b/data", false},
	{"empty agent", "nenghao/1/370102//data", false},
	{"empty region", "nenghao/1//a/data", false},
	{"capital in the agent", "nenghao/1/370102/A/data", false},
	{"region of 16 bytes", "nenghao/1/1234567890123456/a/data", false},
	{"other version", "nenghao/2/370102/a/data", false},
	{"wildcard", "nenghao/1/+/a/data", false},
	{"slash first", "/nenghao/1/370102/a/data", false},
	{"nothing", "", false},
};
/* clang-format on */

static void test_ack(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(ack_cases); i++) {
		const char *text = ack_cases[i].text, *expected = ack_cases[i].expected;
		struct telemetry_ack ack = {77, 77, 77, 77};
		struct buf buf = {0};
		struct err err = {""};
		char *payload = exact_copy(text, strlen(text));
		int code = telemetry_parse_ack(payload, strlen(text), &ack, &err);

		if (code != (expected == NULL ? 0 : -EINVAL) ||
		    strcmp(err.text, expected == NULL ? "" : expected) != 0)
			fail_msg("%s: %d %s", ack_cases[i].phrase, code, err.text);
		telemetry_write_ack(&buf, &ack);
		assert_string_equal(buf.data, code == 0 ? text : "77 77 77 77");
		buf_fini(&buf);
		free(payload);
	}
}

static void test_topic(void **state)
{
	char topic[TELEMETRY_TOPIC_MAX];

	(void)state;
	for (size_t i = 0; i < COUNT(topic_cases); i++) {
		size_t len = strlen(topic_cases[i].topic);
		char *copy = exact_copy(topic_cases[i].topic, len);
		struct telemetry_topic parsed;
		struct err err = {""};
		int code = telemetry_parse_topic(copy, len, &parsed, &err);

		if ((code == 0) != topic_cases[i].is_valid || (code != 0) != (err.text[0] != '\0'))
			fail_msg("%s: %d %s", topic_cases[i].phrase, code, err.text);
		if (code == 0) {
			telemetry_topic(topic, parsed.region, parsed.agent, parsed.leaf);
			assert_string_equal(topic, topic_cases[i].topic);
		}
		free(copy);
	}
}

static void test_reasons_have_names(void **state)
{
	(void)state;
	for (int i = TELEMETRY_FINE + 1; i < TELEMETRY_REASONS; i++) {
		const char *name = telemetry_reason_name((enum telemetry_reason)i);

		assert_non_null(name);
		assert_true(name[0] != '\0');
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ack),
		cmocka_unit_test(test_topic),
		cmocka_unit_test(test_reasons_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
