/* SPDX-License-Identifier: Apache-2.0 */
#include "server/ingest/import_time.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "common/civil.h"
#include "common/decimal.h"

/* Days of Excel, which counts a 29 February 1900, from 1970 on. */
enum { EXCEL_1970 = 25569, EXCEL_2000 = 36526, EXCEL_2100 = 73050 };

static bool is_number(const char *text)
{
	return text[strspn(text, "0123456789.")] == '\0';
}

static int parse_number(const char *text, int64_t offset_ms, int64_t *utc_ms)
{
	struct decimal number;
	int64_t micro;

	if (decimal_parse(text, strlen(text), &number) < 0 || decimal_to_micro(number, &micro) < 0)
		return -EINVAL;
	if (micro >= (int64_t)EXCEL_2000 * MICRO && micro < (int64_t)EXCEL_2100 * MICRO) {
		int64_t seconds, days = micro / MICRO;
		struct decimal left, day = {-days, 0};

		/* Of the fraction more digits count than six. */
		if (decimal_add(number, day, &left) < 0 ||
		    decimal_multiply(left, (struct decimal){DAY_MS / 1000, 0}, &left) < 0 ||
		    decimal_to_micro(left, &seconds) < 0)
			return -EINVAL;
		seconds = (seconds + MICRO / 2) / MICRO;
		*utc_ms = (days - EXCEL_1970) * DAY_MS + seconds * 1000 - offset_ms;
		return 0;
	}
	if (micro % MICRO != 0 || strchr(text, '.') != NULL)
		return -EINVAL;
	if (strlen(text) == 10)
		*utc_ms = micro / MICRO * 1000;
	else if (strlen(text) == 13)
		*utc_ms = micro / MICRO;
	else
		return -EINVAL;
	return 0;
}

/* Takes digits, at most `max`; -1: there are none. */
static int take_digits(const char **at, size_t max)
{
	size_t n = strspn(*at, "0123456789");
	int value = 0;

	if (n == 0 || n > max)
		return -1;
	for (size_t i = 0; i < n; i++)
		value = value * 10 + ((*at)[i] - '0');
	*at += n;
	return value;
}

static bool take_text(const char **at, const char *text)
{
	size_t len = strlen(text);

	if (strncmp(*at, text, len) != 0)
		return false;
	*at += len;
	return true;
}

static bool take_any(const char **at, const char *const texts[2])
{
	return take_text(at, texts[0]) || take_text(at, texts[1]);
}

/* "2026/3/1" and the like; true if the day exists. */
static bool take_day(const char **at, civil_day *day)
{
	int year = take_digits(at, 4), month, number;
	bool is_han = strncmp(*at, "年", strlen("年")) == 0;
	const char *first[2] = {is_han ? "年" : "-", "/"}, *second[2] = {is_han ? "月" : "-", "/"};
	char text[CIVIL_TEXT_MAX];

	if (year < 2000 || !take_any(at, first))
		return false;
	month = take_digits(at, 2);
	if (month < 1 || month > 12 || !take_any(at, second))
		return false;
	number = take_digits(at, 2);
	if (number < 1 || number > 31 || (is_han && !take_text(at, "日")))
		return false;
	(void)snprintf(text, sizeof text, "%04d-%02d-%02d", year % 10000, month, number);
	return civil_parse_day(text, 10, day) == 0;
}

/* "10:15", "10:15:30", "10:15:30.5"; milliseconds of the day. */
static bool take_clock(const char **at, int64_t *ms)
{
	int hour = take_digits(at, 2), minute, second = 0, part = 0;
	size_t digits;

	if (hour < 0 || hour > 23 || !take_text(at, ":"))
		return false;
	minute = take_digits(at, 2);
	if (minute < 0 || minute > 59)
		return false;
	if (take_text(at, ":")) {
		second = take_digits(at, 2);
		if (second < 0 || second > 59)
			return false;
		if (take_text(at, ".")) {
			digits = strspn(*at, "0123456789");
			part = take_digits(at, 3);
			if (part < 0)
				return false;
			for (; digits < 3; digits++)
				part *= 10;
		}
	}
	*ms = ((hour * 60 + minute) * 60 + second) * (int64_t)1000 + part;
	return true;
}

int import_time_parse(const char *text, int64_t offset_ms, int64_t *utc_ms)
{
	const char *at = text;
	civil_day day;
	int64_t ms = 0;

	if (text[0] == '\0')
		return -EINVAL;
	if (is_number(text))
		return parse_number(text, offset_ms, utc_ms);
	if (civil_parse_time(text, strlen(text), offset_ms, utc_ms) == 0)
		return 0;
	if (!take_day(&at, &day))
		return -EINVAL;
	if (*at != '\0') {
		if (*at != ' ' && *at != 'T')
			return -EINVAL;
		at += strspn(at, " T");
		if (!take_clock(&at, &ms) || *at != '\0')
			return -EINVAL;
	}
	*utc_ms = civil_day_start_utc(day, offset_ms) + ms;
	return 0;
}
