/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/conf.h"

static const char *const parities[] = {"N", "E", "O", NULL};

static const struct conf_key integer = {.type = CONF_INTEGER};
static const struct conf_key baud = {.type = CONF_INTEGER, .min = 300, .max = 115200};
static const struct conf_key at_least_1 = {.type = CONF_INTEGER, .min = 1, .max = INT64_MAX};
static const struct conf_key signed_byte = {.type = CONF_INTEGER, .min = -128, .max = 127};
static const struct conf_key share = {.type = CONF_REAL, .min = 0, .max = 1};
static const struct conf_key real = {.type = CONF_REAL};
static const struct conf_key decimal = {.type = CONF_DECIMAL};
static const struct conf_key micro = {.type = CONF_MICRO, .min = 0, .max = 2000000};
static const struct conf_key boolean = {.type = CONF_BOOLEAN};
static const struct conf_key duration = {.type = CONF_DURATION};
static const struct conf_key interval = {.type = CONF_DURATION, .min = 1000, .max = 86400000};
static const struct conf_key size = {.type = CONF_SIZE, .min = 65536, .max = INT64_C(1) << 40};
static const struct conf_key choice = {.type = CONF_CHOICE, .choices = parities};
static const struct conf_key date = {.type = CONF_DATE};
static const struct conf_key string = {.type = CONF_STRING};

/* value: as print_value shows it; or the words of the refusal. */
static const struct {
	const char *name;
	const struct conf_key *key;
	const char *text, *value, *words;
} cases[] = {
	{"whole number", &integer, "9600", "9600", NULL},
	{"zero", &integer, "0", "0", NULL},
	{"negative", &signed_byte, "-128", "-128", NULL},
	{"largest", &integer, "9223372036854775807", "9223372036854775807", NULL},
	{"one too large for 64 bits", &integer, "9223372036854775808", NULL,
	 "'9223372036854775808' is too large"},
	{"below the limit", &baud, "299", NULL,
	 "'299' is out of range; it must be from 300 to 115200"},
	{"above the limit", &baud, "115201", NULL,
	 "'115201' is out of range; it must be from 300 to 115200"},
	{"only a lower limit", &at_least_1, "0", NULL, "'0' is too small; it must be at least 1"},
	{"hexadecimal", &integer, "0x10", NULL,
	 "'0x10' must be written in decimal digits, without 0x, 0o or 0b"},
	{"octal", &integer, "0o17", NULL,
	 "'0o17' must be written in decimal digits, without 0x, 0o or 0b"},
	{"leading zero", &integer, "010", NULL,
	 "'010' begins with a 0, which some read as octal; leave the 0 out"},
	{"exponent", &integer, "1e3", NULL,
	 "'1e3' is not a whole number; write all its digits, without '.' and 'e'"},
	{"fraction", &integer, "1.5", NULL,
	 "'1.5' is not a whole number; write all its digits, without '.' and 'e'"},
	{"underscores", &integer, "1_000", NULL,
	 "'1_000' must be written without separators between the digits"},
	{"plus sign", &integer, "+5", NULL,
	 "'+5' is not a number as expected here; leave out the '+'"},
	{"quoted number", &integer, "'5'", NULL,
	 "'5' is a text because of its quotes; write the number without them"},
	{"word for a number", &integer, "five", NULL, "'five' is not a whole number"},
	{"minus alone", &integer, "'-'", NULL,
	 "'-' is a text because of its quotes; write the number without them"},
	{"list for a number", &integer, "[1]", NULL, "must be a whole number, not a list"},
	{"null for a number", &integer, "~", NULL, "has no value"},

	{"real", &share, "0.9", "0.9", NULL},
	{"whole real", &share, "1", "1", NULL},
	{"real above the limit", &share, "1.01", NULL,
	 "'1.01' is out of range; it must be from 0 to 1"},
	{"real with exponent", &real, "-1.5e-3", "-0.0015", NULL},
	{"infinity", &real, ".inf", NULL, "'.inf' is not a number"},
	{"not a number", &real, ".nan", NULL, "'.nan' is not a number"},
	{"real too large", &real, "1e999", NULL, "'1e999' is too large"},
	{"no digit before the point", &real, ".5", NULL, "'.5' is not a number"},
	{"no digit after the point", &real, "5.", NULL, "'5.' is not a number"},

	{"decimal", &decimal, "0.1229", "0.1229", NULL},
	{"decimal with comma", &decimal, "0,5", NULL,
	 "'0,5' must be written without separators between the digits"},
	{"decimal too long", &decimal, "1234567890.12345678901", NULL,
	 "'1234567890.12345678901' has more digits than can be kept exactly"},
	{"micro", &micro, "1.234567", "1234567", NULL},
	{"micro above the limit", &micro, "2.000001", NULL,
	 "'2.000001' is out of range; it must be from 0 to 2"},

	{"true", &boolean, "true", "true", NULL},
	{"false", &boolean, "false", "false", NULL},
	{"yes", &boolean, "yes", NULL, "'yes' must be written as true or false"},
	{"off", &boolean, "off", NULL, "'off' must be written as true or false"},
	{"True", &boolean, "True", NULL, "'True' must be written as true or false"},
	{"quoted true", &boolean, "'true'", NULL, "'true' must be true or false, without quotes"},
	{"one", &boolean, "1", NULL, "'1' is not true or false"},

	{"milliseconds", &duration, "500ms", "500", NULL},
	{"seconds", &duration, "60s", "60000", NULL},
	{"minutes", &duration, "15m", "900000", NULL},
	{"hours", &duration, "24h", "86400000", NULL},
	{"days, quoted", &duration, "'60d'", "5184000000", NULL},
	{"duration without unit", &duration, "60", NULL,
	 "'60' has no unit; write for example 500ms, 60s, 15m, 24h or 60d"},
	{"unknown unit", &duration, "60x", NULL,
	 "'60x' is not a duration such as 500ms, 60s, 15m, 24h or 60d"},
	{"blank before the unit", &duration, "60 s", NULL,
	 "'60 s' is not a duration such as 500ms, 60s, 15m, 24h or 60d"},
	{"two parts", &duration, "1h30m", NULL,
	 "'1h30m' is not a duration such as 500ms, 60s, 15m, 24h or 60d"},
	{"negative duration", &duration, "-1s", NULL,
	 "'-1s' is not a duration such as 500ms, 60s, 15m, 24h or 60d"},
	{"duration overflow", &duration, "9223372036854775807d", NULL,
	 "'9223372036854775807d' is too large"},
	{"limits of a duration", &interval, "2d", NULL,
	 "'2d' is out of range; it must be from 1s to 1d"},

	{"bytes", &size, "65536", "65536", NULL},
	{"kibibytes", &size, "64K", "65536", NULL},
	{"mebibytes", &size, "512M", "536870912", NULL},
	{"gibibytes", &size, "2G", "2147483648", NULL},
	{"small letter", &size, "64k", NULL, "'64k' is not a size such as 64K, 512M or 2G"},
	{"limits of a size", &size, "1K", NULL,
	 "'1K' is out of range; it must be from 64K to 1024G"},

	{"choice", &choice, "O", "2", NULL},
	{"wrong choice", &choice, "X", NULL, "'X' is not known; it must be one of N, E, O"},

	{"date", &date, "1970-01-02", "1", NULL},
	{"quoted date", &date, "\"1970-01-02\"", "1", NULL},
	{"no such day", &date, "2026-02-30", NULL, "'2026-02-30' is not a date such as 2026-01-31"},
	{"date with slashes", &date, "2026/01/31", NULL,
	 "'2026/01/31' is not a date such as 2026-01-31"},

	{"text", &string, "abc", "abc", NULL},
	{"number as text", &string, "370102", "370102", NULL},
	{"date as text", &string, "2026-01-31", "2026-01-31", NULL},
	{"quoted null is a text", &string, "'~'", "~", NULL},
	{"Chinese", &string, "历下区档案馆", "历下区档案馆", NULL},
	{"map for a text", &string, "{a: b}", NULL, "must be a text, not a map"},
};

union value {
	const char *string;
	int64_t number;
	double real;
	struct decimal decimal;
	bool boolean;
	int choice;
	civil_day day;
};

static void print_value(const struct conf_key *key, const union value *v, char *out, size_t n)
{
	char text[64];

	switch (key->type) {
	case CONF_STRING:
		(void)snprintf(out, n, "%s", v->string);
		break;
	case CONF_REAL:
		(void)snprintf(out, n, "%g", v->real);
		break;
	case CONF_DECIMAL:
		(void)snprintf(out, n, "%.*s", (int)decimal_print(v->decimal, text), text);
		break;
	case CONF_BOOLEAN:
		(void)snprintf(out, n, "%s", v->boolean ? "true" : "false");
		break;
	case CONF_CHOICE:
		(void)snprintf(out, n, "%d", v->choice);
		break;
	case CONF_DATE:
		(void)snprintf(out, n, "%d", (int)v->day);
		break;
	case CONF_INTEGER:
	case CONF_MICRO:
	case CONF_DURATION:
	case CONF_SIZE:
	case CONF_SECTION:
	case CONF_LIST:
	case CONF_STRINGS:
	case CONF_NODE:
		(void)snprintf(out, n, "%" PRId64, v->number);
		break;
	}
}

static void check(size_t i)
{
	struct arena *arena = arena_create();
	struct conf_errors errors = {0};
	const struct conf_node *root = NULL;
	union value value;
	char doc[128], got[128] = "", want[256] = "";
	int code;

	memset(&value, 0x5a, sizeof value);
	(void)snprintf(doc, sizeof doc, "k: %s\n", cases[i].text);
	assert_int_equal(conf_parse(arena, "f", doc, strlen(doc), &root, &errors), 0);
	code = conf_scalar(arena, root->first, cases[i].key, &value, &errors);
	if (cases[i].words != NULL)
		(void)snprintf(want, sizeof want, "f:1:%u: k: %s\n", root->first->column,
			       cases[i].words);
	else
		print_value(cases[i].key, &value, got, sizeof got);
	if (code != (cases[i].words != NULL ? -EINVAL : 0) ||
	    strcmp(errors.count > 0 ? errors.text.data : "", want) != 0)
		fail_msg("%s: %d %s, want %s", cases[i].name, code, errors.text.data, want);
	if (cases[i].value != NULL && strcmp(got, cases[i].value) != 0)
		fail_msg("%s: got %s, want %s", cases[i].name, got, cases[i].value);
	conf_errors_fini(&errors);
	arena_destroy(arena);
}

static void test_scalars(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		check(i);
}

static void test_long_text_is_cut(void **state)
{
	struct conf_errors errors = {0};
	char text[200];
	struct conf_node node = {.file = "f", .line = 1, .column = 1, .text = text, .len = 198};
	int64_t value;

	(void)state;
	for (size_t i = 0; i < 198; i += 3)
		memcpy(text + i, "\xe5\x8e\x86", 4);
	assert_int_equal(conf_scalar(NULL, &node, &integer, &value, &errors), -EINVAL);
	assert_int_equal(errors.text.len, strlen("f:1:1: '...' is not a whole number\n") + 60);
	conf_errors_fini(&errors);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scalars),
		cmocka_unit_test(test_long_text_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
