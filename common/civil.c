/* SPDX-License-Identifier: Apache-2.0 */
#include "common/civil.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/mem.h"

enum { MINUTE_MS = 60 * 1000, OFFSET_HOURS_MAX = 14, WEEK_DAYS = 7 };

static const char *const zone_folder = "/usr/share/zoneinfo";

static int64_t divide_down(int64_t value, int64_t divisor)
{
	return value / divisor - (value % divisor < 0);
}

/* Years that begin in March put the leap day last; 719468 days lie between 0000-03-01 and
 * 1970-01-01; 146097 days are one 400-year cycle of the calendar. */
civil_day civil_day_of(struct civil_date date)
{
	int year = date.month <= 2 ? date.year - 1 : date.year;
	int cycle = (int)divide_down(year, 400);
	int year_of_cycle = year - cycle * 400;
	int day_of_year = (153 * ((date.month + 9) % 12) + 2) / 5 + date.day - 1;

	return cycle * 146097 + year_of_cycle * 365 + year_of_cycle / 4 - year_of_cycle / 100 +
	       day_of_year - 719468;
}

struct civil_date civil_date_of(civil_day day)
{
	int since = day + 719468;
	int cycle = (int)divide_down(since, 146097);
	int day_of_cycle = since - cycle * 146097;
	int year_of_cycle = (day_of_cycle - day_of_cycle / 1460 + day_of_cycle / 36524 -
			     day_of_cycle / 146096) /
			    365;
	int day_of_year =
		day_of_cycle - (365 * year_of_cycle + year_of_cycle / 4 - year_of_cycle / 100);
	int month_from_march = (5 * day_of_year + 2) / 153;
	int month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;

	return (struct civil_date){
		.year = cycle * 400 + year_of_cycle + (month <= 2),
		.month = month,
		.day = day_of_year - (153 * month_from_march + 2) / 5 + 1,
	};
}

int civil_weekday(civil_day day)
{
	int rest = (day + 3) % WEEK_DAYS; /* 1970-01-01 was a Thursday */

	return rest < 0 ? rest + WEEK_DAYS : rest;
}

civil_day civil_month_start(civil_day day)
{
	return day - civil_date_of(day).day + 1;
}

civil_day civil_next_month(civil_day day)
{
	return civil_add_months(civil_month_start(day), 1);
}

civil_day civil_year_start(civil_day day)
{
	return civil_day_of((struct civil_date){civil_date_of(day).year, 1, 1});
}

static int month_days(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && is_leap);
}

civil_day civil_add_months(civil_day day, int months)
{
	struct civil_date date = civil_date_of(day);
	int month = date.year * 12 + date.month - 1 + months;
	int last;

	date.year = (int)divide_down(month, 12);
	date.month = month - date.year * 12 + 1;
	last = month_days(date.year, date.month);
	if (date.day > last)
		date.day = last;
	return civil_day_of(date);
}

civil_day civil_day_of_utc(int64_t utc_ms, int64_t offset_ms)
{
	return (civil_day)divide_down(utc_ms + offset_ms, DAY_MS);
}

int64_t civil_day_start_utc(civil_day day, int64_t offset_ms)
{
	return (int64_t)day * DAY_MS - offset_ms;
}

/* Reads exactly n digits. */
static bool read_number(const char **at, const char *end, int n, int *value)
{
	if (end - *at < n)
		return false;
	*value = 0;
	for (int i = 0; i < n; i++, (*at)++) {
		if (**at < '0' || **at > '9')
			return false;
		*value = *value * 10 + (**at - '0');
	}
	return true;
}

static bool read_char(const char **at, const char *end, char c)
{
	if (*at == end || **at != c)
		return false;
	(*at)++;
	return true;
}

static bool read_day(const char **at, const char *end, civil_day *day)
{
	struct civil_date date;

	if (!read_number(at, end, 4, &date.year) || !read_char(at, end, '-') ||
	    !read_number(at, end, 2, &date.month) || !read_char(at, end, '-') ||
	    !read_number(at, end, 2, &date.day))
		return false;
	if (date.year < 1 || date.month < 1 || date.month > 12 || date.day < 1 ||
	    date.day > month_days(date.year, date.month))
		return false;
	*day = civil_day_of(date);
	return true;
}

/* Reads "10:00:00" with up to nine decimals; what is finer than a millisecond is cut. */
static bool read_clock(const char **at, const char *end, int64_t *ms)
{
	int hour, minute, second, n_digits = 0;
	int64_t fraction_ms = 0, unit = 100;

	if (!read_number(at, end, 2, &hour) || !read_char(at, end, ':') ||
	    !read_number(at, end, 2, &minute) || !read_char(at, end, ':') ||
	    !read_number(at, end, 2, &second) || hour > 23 || minute > 59 || second > 59)
		return false;
	if (read_char(at, end, '.')) {
		for (; *at < end && **at >= '0' && **at <= '9'; (*at)++, n_digits++, unit /= 10)
			fraction_ms += (**at - '0') * unit;
		if (n_digits < 1 || n_digits > 9)
			return false;
	}
	*ms = (int64_t)hour * HOUR_MS + (int64_t)minute * MINUTE_MS + second * 1000 + fraction_ms;
	return true;
}

/* Reads "Z" or "+08:00". */
static bool read_offset(const char **at, const char *end, int64_t *offset_ms)
{
	int sign, hour, minute;

	*offset_ms = 0;
	if (read_char(at, end, 'Z'))
		return true;
	sign = *at < end && **at == '-' ? -1 : 1;
	if (!read_char(at, end, '-') && !read_char(at, end, '+'))
		return false;
	if (!read_number(at, end, 2, &hour) || !read_char(at, end, ':') ||
	    !read_number(at, end, 2, &minute) || hour > 23 || minute > 59)
		return false;
	*offset_ms = sign * ((int64_t)hour * HOUR_MS + (int64_t)minute * MINUTE_MS);
	return true;
}

int civil_parse_day(const char *text, size_t len, civil_day *day)
{
	const char *at = text, *end = text + len;
	civil_day value;

	if (!read_day(&at, end, &value) || at != end)
		return -EINVAL;
	*day = value;
	return 0;
}

int civil_parse_time(const char *text, size_t len, int64_t offset_ms, int64_t *utc_ms)
{
	const char *at = text, *end = text + len;
	int64_t ms, offset;
	civil_day day;

	if (!read_day(&at, end, &day))
		return -EINVAL;
	if (at == end) {
		*utc_ms = civil_day_start_utc(day, offset_ms);
		return 0;
	}
	if (!read_char(&at, end, 'T') || !read_clock(&at, end, &ms) ||
	    !read_offset(&at, end, &offset) || at != end)
		return -EINVAL;
	*utc_ms = civil_day_start_utc(day, offset) + ms;
	return 0;
}

/* The name of a file of the time zone database, and nothing that leads out of it. The C library
 * itself takes any other name for UTC. */
static bool is_zone_name(const char *name)
{
	char path[PATH_MAX], magic[4] = "";
	bool is_zone = false;
	FILE *file;
	int n;

	if (*name == '\0' || *name == '/' || strstr(name, "..") != NULL)
		return false;
	n = snprintf(path, sizeof path, "%s/%s", zone_folder, name);
	if (n < 0 || (size_t)n >= sizeof path)
		return false;
	file = fopen(path, "re");
	if (file == NULL)
		return false;
	is_zone = fread(magic, 1, sizeof magic, file) == sizeof magic &&
		  memcmp(magic, "TZif", sizeof magic) == 0;
	(void)fclose(file); /* read only */
	return is_zone;
}

static int64_t offset_at(civil_day day)
{
	time_t t = (time_t)day * (DAY_MS / 1000);
	struct tm local = {0};

	if (localtime_r(&t, &local) == NULL)
		return 0;
	return (int64_t)local.tm_gmtoff * 1000;
}

/* Looks at every week of four years: long enough to meet any daylight saving. */
static bool sample_zone(int64_t *offset_ms)
{
	civil_day first = civil_day_of((struct civil_date){2024, 1, 1});
	civil_day end = civil_day_of((struct civil_date){2028, 1, 1});

	*offset_ms = offset_at(first);
	for (civil_day day = first; day < end; day += WEEK_DAYS)
		if (offset_at(day) != *offset_ms)
			return false;
	return true;
}

/* Asks the C library under another TZ and puts the old one back. */
static bool query_zone(const char *name, int64_t *offset_ms)
{
	/* NOLINTBEGIN(concurrency-mt-unsafe): the header forbids threads */
	const char *before = getenv("TZ");
	char *saved = before != NULL ? xstrdup(before) : NULL;
	bool is_fixed;

	(void)setenv("TZ", name, 1);
	tzset();
	is_fixed = sample_zone(offset_ms);
	if (saved != NULL)
		(void)setenv("TZ", saved, 1);
	else
		(void)unsetenv("TZ");
	tzset();
	/* NOLINTEND(concurrency-mt-unsafe) */
	free(saved);
	return is_fixed;
}

int civil_zone(const char *name, int64_t *offset_ms, struct err *err)
{
	const char *at = name, *end = name + strlen(name);
	int64_t offset = 0;

	if (strcmp(name, "UTC") == 0) {
		offset = 0;
	} else if (strcmp(name, "Asia/Shanghai") == 0) {
		offset = 8LL * HOUR_MS; /* the default, also where no zone database is installed */
	} else if (*name == '+' || *name == '-') {
		if (!read_offset(&at, end, &offset) || at != end)
			return err_set(err, -EINVAL, "'%s' is not an offset like +08:00", name);
	} else if (!is_zone_name(name)) {
		return err_set(err, -EINVAL, "there is no time zone '%s' in %s", name, zone_folder);
	} else if (!query_zone(name, &offset)) {
		return err_set(err, -EINVAL,
			       "time zone '%s' changes its offset in the year; only zones without "
			       "daylight saving are possible",
			       name);
	}
	if (offset % HOUR_MS != 0 || llabs(offset) > (int64_t)OFFSET_HOURS_MAX * HOUR_MS)
		return err_set(
			err, -EINVAL,
			"time zone '%s' is not a whole number of hours, at most %d, from UTC", name,
			OFFSET_HOURS_MAX);
	*offset_ms = offset;
	return 0;
}

size_t civil_print_day(civil_day day, char text[CIVIL_TEXT_MAX])
{
	struct civil_date date = civil_date_of(day);
	int n = snprintf(text, CIVIL_TEXT_MAX, "%04d-%02d-%02d", date.year, date.month, date.day);

	return (size_t)n;
}

size_t civil_print_time(int64_t utc_ms, int64_t offset_ms, char text[CIVIL_TEXT_MAX])
{
	civil_day day = civil_day_of_utc(utc_ms, offset_ms);
	int ms = (int)(utc_ms - civil_day_start_utc(day, offset_ms));
	int hours = (int)(offset_ms / HOUR_MS);
	size_t len = civil_print_day(day, text);

	len += (size_t)snprintf(text + len, CIVIL_TEXT_MAX - len, "T%02d:%02d:%02d", ms / HOUR_MS,
				ms / MINUTE_MS % 60, ms / 1000 % 60);
	if (ms % 1000 != 0)
		len += (size_t)snprintf(text + len, CIVIL_TEXT_MAX - len, ".%03d", ms % 1000);
	len += (size_t)snprintf(text + len, CIVIL_TEXT_MAX - len, "%c%02d:00",
				hours < 0 ? '-' : '+', abs(hours));
	return len;
}
