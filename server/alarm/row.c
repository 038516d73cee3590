/* SPDX-License-Identifier: Apache-2.0 */
#include "server/alarm/row.h"

enum {
	SLACK_DAYS = 3, /* unknown ones among those that decide */
	SLACK_HOURS = 24,
	FREE_DAYS = 4 /* times as many, since free days stand apart */
};

static struct alarm_point sample(enum alarm_watch watch, const struct alarm_days *days, size_t day,
				 int hour)
{
	if (watch == WATCH_NIGHT_LOAD)
		return alarm_night_load(days, day);
	if (watch == WATCH_HOLIDAY_LOAD)
		return alarm_holiday_load(days, day);
	if (watch == WATCH_SUDDEN_RISE)
		return alarm_sudden_rise(days, day, hour);
	return watch == WATCH_WATER_NIGHT_FLOW ? alarm_water_night_flow(days, day)
					       : alarm_water_night_rise(days, day);
}

static size_t how_many(const struct alarm_rule *rule)
{
	const struct alarm_threshold *t = &rule->threshold;
	size_t n = (size_t)(t->raise_after > t->clear_after ? t->raise_after : t->clear_after);

	n += rule->watch == WATCH_SUDDEN_RISE ? SLACK_HOURS : SLACK_DAYS;
	if (rule->watch == WATCH_HOLIDAY_LOAD)
		n *= FREE_DAYS;
	return n < ALARM_ROW_MAX ? n : ALARM_ROW_MAX;
}

void alarm_row_fill(const struct alarm_rule *rule, const struct alarm_day *days, size_t n_days,
		    int opened, struct alarm_row *out)
{
	struct alarm_days of = {days, n_days, n_days};
	size_t per_day = rule->watch == WATCH_SUDDEN_RISE ? ALARM_HOURS : 1;
	size_t n = n_days * per_day, wanted = how_many(rule);

	if (opened >= 0)
		of.base_end = opened > ALARM_BASE_DAYS ? (size_t)opened : ALARM_BASE_DAYS;
	out->n = 0;
	for (size_t i = n > wanted ? n - wanted : 0; i < n; i++) {
		size_t k = out->n++;

		out->days[k] = i / per_day;
		out->hours[k] = (int)(i % per_day);
		out->points[k] =
			sample((enum alarm_watch)rule->watch, &of, out->days[k], out->hours[k]);
	}
}
