/* SPDX-License-Identifier: Apache-2.0 */
/* test_api_finish.c - what clients say of encodings and tags is understood. */
#include "server/api/api_finish.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define TAG   "0123456789abcdef0123456789abcdef"
#define OTHER "1123456789abcdef0123456789abcdef"

/* clang-format off */
static const struct {
	const char *phrase, *header;
	bool expected;
} encodings[] = {
	{"no header",               NULL,                       false},
	{"empty",                   "",                         false},
	{"gzip alone",              "gzip",                     true},
	{"among others",            "deflate, gzip;q=1.0, br",  true},
	{"capital letters",         "GZIP",                     true},
	{"weight nought",           "gzip;q=0",                 false},
	{"weight nought, blanks",   "gzip ; q=0.000",           false},
	{"small weight",            "gzip;q=0.001",             true},
	{"anything",                "*",                        true},
	{"anything with weight 0",  "*;q=0",                    false},
	{"anything but gzip",       "*, gzip;q=0",              false},
	{"only others",             "br, deflate",              false},
	{"a longer name",           "gzipped",                  false},
	{"commas only",             ",,",                       false},
}, tags[] = {
	{"no header",               NULL,                               false},
	{"empty",                   "",                                 false},
	{"the tag",                 "\"" TAG "\"",                      true},
	{"the tag of gzip",         "\"" TAG "-gzip\"",                 true},
	{"weak",                    "W/\"" TAG "\"",                    true},
	{"another",                 "\"" OTHER "\"",                    false},
	{"the second",              "\"" OTHER "\" , \"" TAG "\"",      true},
	{"anything",                "*",                                true},
	{"without quotes",          TAG,                                false},
	{"another end",             "\"" TAG "-br\"",                   false},
	{"half a tag",              "\"0123456789\"",                   false},
	{"a quote alone",           "\"",                               false},
	{"W and no more",           "W/",                               false},
};
/* clang-format on */

static void test_encodings(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof encodings / sizeof *encodings; i++)
		if (api_accepts_gzip(encodings[i].header) != encodings[i].expected)
			fail_msg("%s", encodings[i].phrase);
}

static void test_tags(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof tags / sizeof *tags; i++)
		if (api_is_tagged(tags[i].header, TAG) != tags[i].expected)
			fail_msg("%s", tags[i].phrase);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_encodings),
		cmocka_unit_test(test_tags),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
