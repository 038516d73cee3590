/* SPDX-License-Identifier: Apache-2.0 */
/* test_civil.c - days, months and times of a zone without daylight saving. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "common/civil.h"

enum { CHINA_MS = 8 * HOUR_MS };

#define COUNT(table) (sizeof(table) / sizeof *(table))

static civil_day day_of(int year, int month, int day)
{
	return civil_day_of((struct civil_date){year, month, day});
}

static void test_every_day(void **state)
{
	int weekday = civil_weekday(CIVIL_DAY_MIN);
	struct civil_date before = civil_date_of(CIVIL_DAY_MIN);

	(void)state;
	assert_true(before.year == 1 && before.month == 1 && before.day == 1);
	for (civil_day day = CIVIL_DAY_MIN + 1; day <= CIVIL_DAY_MAX; day++) {
		struct civil_date date = civil_date_of(day);

		weekday = (weekday + 1) % 7;
		if (civil_day_of(date) != day || civil_weekday(day) != weekday)
			fail_msg("day %d", day);
		if (date.day != before.day + 1 && date.day != 1)
			fail_msg("day %d does not follow", day);
		before = date;
	}
	assert_true(before.year == 9999 && before.month == 12 && before.day == 31);
}

/* The C library is the yardstick. */
static void test_against_gmtime(void **state)
{
	(void)state;
	for (civil_day day = -200000; day < 200000; day += 37) {
		time_t t = (time_t)day * 86400;
		struct civil_date date = civil_date_of(day);
		struct tm tm;

		assert_non_null(gmtime_r(&t, &tm));
		assert_int_equal(date.year, tm.tm_year + 1900);
		assert_int_equal(date.month, tm.tm_mon + 1);
		assert_int_equal(date.day, tm.tm_mday);
		assert_int_equal(civil_weekday(day), (tm.tm_wday + 6) % 7);
	}
}

static void test_months(void **state)
{
	(void)state;
	assert_int_equal(civil_month_start(day_of(2026, 11, 24)), day_of(2026, 11, 1));
	assert_int_equal(civil_next_month(day_of(2026, 12, 31)), day_of(2027, 1, 1));
	assert_int_equal(civil_next_month(day_of(2024, 1, 31)), day_of(2024, 2, 1));
	assert_int_equal(civil_year_start(day_of(2026, 11, 24)), day_of(2026, 1, 1));
	assert_int_equal(civil_add_months(day_of(2024, 1, 31), 1), day_of(2024, 2, 29));
	assert_int_equal(civil_add_months(day_of(2023, 1, 31), 1), day_of(2023, 2, 28));
	assert_int_equal(civil_add_months(day_of(2000, 2, 29), 1200), day_of(2100, 2, 28));
	assert_int_equal(civil_add_months(day_of(2026, 3, 15), -15), day_of(2024, 12, 15));
	assert_int_equal(civil_add_months(day_of(2026, 3, 15), 0), day_of(2026, 3, 15));
}

static void test_days_of_utc(void **state)
{
	int64_t midnight = civil_day_start_utc(day_of(2026, 11, 24), CHINA_MS);

	(void)state;
	assert_int_equal(civil_day_of_utc(midnight, CHINA_MS), day_of(2026, 11, 24));
	assert_int_equal(civil_day_of_utc(midnight - 1, CHINA_MS), day_of(2026, 11, 23));
	assert_int_equal(civil_day_of_utc(midnight, 0), day_of(2026, 11, 23));
	assert_int_equal(civil_day_of_utc(-1, 0), -1);
	assert_int_equal(civil_day_of_utc(0, -(int64_t)HOUR_MS), -1);
}

/* clang-format off */
static const struct {
	const char *phrase, *text;
	int code;
	int64_t expected; /* in Shanghai */
} time_cases[] = {
	{"date is the start of the local day", "2025-11-25", 0, 1764000000000},
	{"time with offset", "2025-11-25T00:00:00+08:00", 0, 1764000000000},
	{"time in UTC", "2025-11-24T16:00:00Z", 0, 1764000000000},
	{"offset with minutes", "2025-11-24T21:30:00+05:30", 0, 1764000000000},
	{"negative offset", "2025-11-24T11:00:00-05:00", 0, 1764000000000},
	{"milliseconds", "2025-11-24T16:00:00.123Z", 0, 1764000000123},
	{"tenths", "2025-11-24T16:00:00.1Z", 0, 1764000000100},
	{"nanoseconds are cut", "2025-11-24T16:00:00.123999999Z", 0, 1764000000123},
	{"before 1970", "1969-12-31T23:59:59.999Z", 0, -1},
	{"leap day", "2024-02-29T00:00:00Z", 0, 1709164800000},
	{"no leap day", "2023-02-29", -EINVAL, 0},
	{"no leap year in 2100", "2100-02-29", -EINVAL, 0},
	{"month 0", "2023-00-10", -EINVAL, 0},
	{"month 13", "2023-13-10", -EINVAL, 0},
	{"day 0", "2023-01-00", -EINVAL, 0},
	{"day 32", "2023-01-32", -EINVAL, 0},
	{"year 0", "0000-01-01", -EINVAL, 0},
	{"short year", "26-01-01", -EINVAL, 0},
	{"short month", "2026-1-01", -EINVAL, 0},
	{"no zone", "2025-11-24T16:00:00", -EINVAL, 0},
	{"hour 24", "2025-11-24T24:00:00Z", -EINVAL, 0},
	{"minute 60", "2025-11-24T16:60:00Z", -EINVAL, 0},
	{"leap second", "2016-12-31T23:59:60Z", -EINVAL, 0},
	{"blank instead of T", "2025-11-24 16:00:00Z", -EINVAL, 0},
	{"point without digits", "2025-11-24T16:00:00.Z", -EINVAL, 0},
	{"ten decimals", "2025-11-24T16:00:00.0123456789Z", -EINVAL, 0},
	{"offset of 24 hours", "2025-11-24T16:00:00+24:00", -EINVAL, 0},
	{"offset without colon", "2025-11-24T16:00:00+0800", -EINVAL, 0},
	{"something behind", "2025-11-24T16:00:00Z ", -EINVAL, 0},
	{"something behind the date", "2025-11-24x", -EINVAL, 0},
	{"nothing", "", -EINVAL, 0},
};

static const struct {
	const char *phrase;
	int64_t utc_ms;
	int64_t offset_ms;
	const char *expected;
} print_cases[] = {
	{"in China", 1764000000000, CHINA_MS, "2025-11-25T00:00:00+08:00"},
	{"milliseconds", 1764000000007, CHINA_MS, "2025-11-25T00:00:00.007+08:00"},
	{"UTC", 1764000000000, 0, "2025-11-24T16:00:00+00:00"},
	{"west", 1764000000000, -5LL * HOUR_MS, "2025-11-24T11:00:00-05:00"},
	{"before 1970", -1, 0, "1969-12-31T23:59:59.999+00:00"},
};

static const struct {
	const char *phrase, *name;
	int code;
	int hours;
} zone_cases[] = {
	{"default", "Asia/Shanghai", 0, 8},
	{"UTC", "UTC", 0, 0},
	{"from the database", "Asia/Tokyo", 0, 9},
	{"other zone of the country", "Asia/Urumqi", 0, 6},
	{"offset", "+08:00", 0, 8},
	{"negative offset", "-03:00", 0, -3},
	{"half hours", "Asia/Kolkata", -EINVAL, 0},
	{"offset with minutes", "+05:30", -EINVAL, 0},
	{"too far", "+15:00", -EINVAL, 0},
	{"malformed offset", "+8", -EINVAL, 0},
	{"daylight saving", "Europe/Berlin", -EINVAL, 0},
	{"daylight saving in the south", "Australia/Sydney", -EINVAL, 0},
	{"pause of daylight saving", "Africa/Casablanca", -EINVAL, 0},
	{"unknown", "Asia/Jinan", -EINVAL, 0},
	{"folder", "Asia", -EINVAL, 0},
	{"file that is no zone", "zone.tab", -EINVAL, 0},
	{"way out of the database", "../../../etc/passwd", -EINVAL, 0},
	{"absolute path", "/etc/localtime", -EINVAL, 0},
	{"nothing", "", -EINVAL, 0},
};
/* clang-format on */

static void test_parse_time(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(time_cases); i++) {
		int64_t utc_ms = 77;
		int code = civil_parse_time(time_cases[i].text, strlen(time_cases[i].text),
					    CHINA_MS, &utc_ms);

		if (code != time_cases[i].code ||
		    utc_ms != (code == 0 ? time_cases[i].expected : 77))
			fail_msg("%s: %d %lld", time_cases[i].phrase, code, (long long)utc_ms);
	}
}

static void test_parse_day(void **state)
{
	civil_day day = 77;

	(void)state;
	assert_int_equal(civil_parse_day("2026-11-24", 10, &day), 0);
	assert_int_equal(day, day_of(2026, 11, 24));
	assert_int_equal(civil_parse_day("9999-12-31", 10, &day), 0);
	assert_int_equal(day, CIVIL_DAY_MAX);
	assert_int_equal(civil_parse_day("2026-11-24T00:00:00Z", 20, &day), -EINVAL);
	assert_int_equal(civil_parse_day("2026-11-2", 9, &day), -EINVAL);
	assert_int_equal(day, CIVIL_DAY_MAX);
}

static void test_print(void **state)
{
	char text[CIVIL_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < COUNT(print_cases); i++) {
		size_t len =
			civil_print_time(print_cases[i].utc_ms, print_cases[i].offset_ms, text);
		int64_t back;

		if (strcmp(text, print_cases[i].expected) != 0 || len != strlen(text))
			fail_msg("%s: %s", print_cases[i].phrase, text);
		assert_int_equal(civil_parse_time(text, len, 0, &back), 0);
		assert_true(back == print_cases[i].utc_ms);
	}
	assert_int_equal(civil_print_day(day_of(203, 1, 2), text), 10);
	assert_string_equal(text, "0203-01-02");
}

static void test_zone(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(zone_cases); i++) {
		int64_t offset_ms = 77;
		struct err err = {""};
		int code = civil_zone(zone_cases[i].name, &offset_ms, &err);

		if (code != zone_cases[i].code ||
		    offset_ms != (code == 0 ? (int64_t)zone_cases[i].hours * HOUR_MS : 77))
			fail_msg("%s: %d %lld", zone_cases[i].phrase, code, (long long)offset_ms);
		if ((code != 0) != (err.text[0] != '\0'))
			fail_msg("%s: words '%s'", zone_cases[i].phrase, err.text);
	}
}

static void test_zone_leaves_tz_alone(void **state)
{
	int64_t offset_ms;

	(void)state;
	/* NOLINTBEGIN(concurrency-mt-unsafe): there is one thread */
	assert_int_equal(setenv("TZ", "America/New_York", 1), 0);
	assert_int_equal(civil_zone("Asia/Tokyo", &offset_ms, NULL), 0);
	assert_string_equal(getenv("TZ"), "America/New_York");
	assert_int_equal(unsetenv("TZ"), 0);
	assert_int_equal(civil_zone("Asia/Tokyo", &offset_ms, NULL), 0);
	assert_null(getenv("TZ"));
	/* NOLINTEND(concurrency-mt-unsafe) */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_day),
		cmocka_unit_test(test_against_gmtime),
		cmocka_unit_test(test_months),
		cmocka_unit_test(test_days_of_utc),
		cmocka_unit_test(test_parse_time),
		cmocka_unit_test(test_parse_day),
		cmocka_unit_test(test_print),
		cmocka_unit_test(test_zone),
		cmocka_unit_test(test_zone_leaves_tz_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
