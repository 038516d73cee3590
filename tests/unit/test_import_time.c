/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "common/civil.h"
#include "server/ingest/import_time.h"

/* clang-format off */
static const struct {
	const char *phrase, *text, *rfc3339; /* NULL: refused */
} times[] = {
	{ "RFC 3339", "2026-03-01T10:15:00+08:00", "2026-03-01T10:15:00+08:00" },
	{ "RFC 3339 with Z", "2026-03-01T02:15:00Z", "2026-03-01T10:15:00+08:00" },
	{ "a day is its start", "2026-03-01", "2026-03-01T00:00:00+08:00" },
	{ "local, to the minute", "2026-03-01 10:15", "2026-03-01T10:15:00+08:00" },
	{ "local, to the second", "2026-03-01 10:15:30", "2026-03-01T10:15:30+08:00" },
	{ "local, to the tenth", "2026-03-01 10:15:30.5", "2026-03-01T10:15:30.500+08:00" },
	{ "T without zone", "2026-03-01T10:15:30", "2026-03-01T10:15:30+08:00" },
	{ "slashes, no zeros", "2026/3/1 9:05", "2026-03-01T09:05:00+08:00" },
	{ "Chinese", "2026年3月1日 9:05", "2026-03-01T09:05:00+08:00" },
	{ "Chinese day", "2026年12月31日", "2026-12-31T00:00:00+08:00" },
	{ "Excel's day", "46082", "2026-03-01T00:00:00+08:00" },
	{ "Excel's quarter past ten", "46082.427083333336", "2026-03-01T10:15:00+08:00" },
	{ "Excel, cut short", "46082.4270833", "2026-03-01T10:15:00+08:00" },
	{ "Excel's last second", "46082.999988425923", "2026-03-01T23:59:59+08:00" },
	{ "Excel's year 2000", "36526", "2000-01-01T00:00:00+08:00" },
	{ "seconds", "1772331300", "2026-03-01T10:15:00+08:00" },
	{ "milliseconds", "1772331300250", "2026-03-01T10:15:00.250+08:00" },
	{ "nothing", "", NULL }, { "words", "noon", NULL }, { "a number", "7", NULL },
	{ "no such day", "2026-02-29 10:00", NULL }, { "no such month", "2026/13/1", NULL },
	{ "no such hour", "2026-03-01 24:00", NULL }, { "no such minute", "2026-03-01 10:60", NULL },
	{ "something behind", "2026-03-01 10:15 h", NULL }, { "half a time", "2026-03-01 10", NULL },
	{ "two years", "26/3/1 10:15", NULL }, { "mixed", "2026年3-1", NULL },
	{ "dots", "46082.4.2", NULL }, { "a fraction of seconds", "1772331300.5", NULL },
	{ "endless", "99999999999999999999999999", NULL }, { "a dot", ".", NULL },
};
/* clang-format on */

static void test_times(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
		char text[CIVIL_TEXT_MAX] = "";
		int64_t ms = 0;
		int rc = import_time_parse(times[i].text, 8 * (int64_t)HOUR_MS, &ms);

		if (rc == 0)
			(void)civil_print_time(ms, 8 * (int64_t)HOUR_MS, text);
		if (times[i].rfc3339 == NULL ? rc != -EINVAL : strcmp(text, times[i].rfc3339) != 0)
			fail_msg("%s: %d %s", times[i].phrase, rc, text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_times)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
