/* SPDX-License-Identifier: Apache-2.0 */
/* row.h - which samples of an institution's days decide about a rule. Pure. */
#ifndef SERVER_ALARM_ROW_H
#define SERVER_ALARM_ROW_H

#include "server/alarm/rule.h"

enum { ALARM_ROW_MAX = 64, ALARM_WINDOW_DAYS = ALARM_BASE_DAYS + 94 };

struct alarm_row {
	size_t n;
	struct alarm_point points[ALARM_ROW_MAX]; /* oldest first */
	/* Of each: the day in the window, and the hour of that day (0 where it is of a day). */
	size_t days[ALARM_ROW_MAX];
	int hours[ALARM_ROW_MAX];
};
/* The newest samples of a window for a rule that watches days: as many as raise or clear it, and a
 * few more, since unknown ones are passed over. opened: the day on which the alarm began, or -1:
 * what is normal is what was before, for two months. */
void alarm_row_fill(const struct alarm_rule *rule, const struct alarm_day *days, size_t n_days,
		    int opened, struct alarm_row *out);

#endif
