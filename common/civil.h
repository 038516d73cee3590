/* SPDX-License-Identifier: Apache-2.0 */
/* civil.h - calendar arithmetic in a zone of whole hours from UTC (no daylight saving). */
#ifndef COMMON_CIVIL_H
#define COMMON_CIVIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

enum { CIVIL_TEXT_MAX = 40, HOUR_MS = 3600 * 1000, DAY_MS = 24 * HOUR_MS };

/* A local day: days since 1970-01-01 in the local calendar. */
typedef int32_t civil_day;
enum { CIVIL_DAY_MIN = -719162, CIVIL_DAY_MAX = 2932896 }; /* 0001-01-01 to 9999-12-31 */

struct civil_date {
	int year, month, day; /* month 1-12 */
};

civil_day civil_day_of(struct civil_date date);
struct civil_date civil_date_of(civil_day day);
int civil_weekday(civil_day day); /* 0 Monday to 6 Sunday */
civil_day civil_month_start(civil_day day);
civil_day civil_next_month(civil_day day); /* the first of the following month */
civil_day civil_year_start(civil_day day);
civil_day civil_add_months(civil_day day, int months); /* day clipped to the month's end */

/* offset_ms: local time minus UTC, whole hours. */
civil_day civil_day_of_utc(int64_t utc_ms, int64_t offset_ms);
int64_t civil_day_start_utc(civil_day day, int64_t offset_ms);

/* The zone's offset by name (Asia/Shanghai, UTC, +08:00). -EINVAL if unknown, not whole hours, or
 * with daylight saving. Call before threads start. */
int civil_zone(const char *name, int64_t *offset_ms, struct err *err);

/* "2026-11-24". Strict. */
int civil_parse_day(const char *text, size_t len, civil_day *day);
/* A date (start of that local day) or RFC 3339 time with offset or Z. */
int civil_parse_time(const char *text, size_t len, int64_t offset_ms, int64_t *utc_ms);
size_t civil_print_day(civil_day day, char text[CIVIL_TEXT_MAX]);
/* "2026-11-24T10:00:00+08:00"; milliseconds only if not zero. */
size_t civil_print_time(int64_t utc_ms, int64_t offset_ms, char text[CIVIL_TEXT_MAX]);

#endif
