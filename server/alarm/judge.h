/* SPDX-License-Identifier: Apache-2.0 */
/* judge.h - samples in a row into alarm or no alarm, with hysteresis; days by the hour into
 * samples. Pure. Definitions: docs/alarms.md. */
#ifndef SERVER_ALARM_JUDGE_H
#define SERVER_ALARM_JUDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/civil.h"

/* Samples between raise and clear change nothing. */
struct alarm_threshold {
	bool is_below; /* alarms below raise, is over above clear; else the other way round */
	double raise, clear;
	int64_t raise_after, clear_after; /* so many samples in a row; at least 1 */
	double floor; /* a sample whose amount is less is no alarm, whatever its value */
};

struct alarm_point {
	double value;  /* NAN: unknown, passed over */
	double amount; /* compared with floor */
};

enum alarm_verdict { ALARM_AS_BEFORE, ALARM_RAISED, ALARM_CLEARED };

/* Points oldest first. first (may be NULL): of ALARM_RAISED, the index of the first point of the
 * row that raised it. */
enum alarm_verdict alarm_judge(const struct alarm_threshold *threshold, bool is_open,
			       const struct alarm_point *points, size_t n, size_t *first);

/* ---- samples of an institution's days ---- */
enum {
	ALARM_HOURS = 24,
	ALARM_NIGHT_HOURS = 5, /* local hours 0 to 5, as in base load and night flow */
	ALARM_BASE_DAYS = 28   /* what a sample is compared with */
};
struct alarm_day {
	bool is_free;              /* nobody works */
	double hours[ALARM_HOURS]; /* kWh or m3; NAN: unknown */
};
/* Days without a hole between them, oldest first. base_end: days from this one on are not what is
 * normal, because an alarm began there; n_days if there is none. */
struct alarm_days {
	const struct alarm_day *days;
	size_t n_days, base_end;
};

/* Each gives the sample of one day (hour); value NAN where too little is known. */
/* Mean of the night over the mean of working hours of working days before; amount: kW. */
struct alarm_point alarm_night_load(const struct alarm_days *days, size_t day);
/* Mean of a free day over the mean of working days before; amount: kW. NAN on a working day. */
struct alarm_point alarm_holiday_load(const struct alarm_days *days, size_t day);
/* An hour over the same hour of days of its kind (free or not) before: their median, or the mean of
 * the last three where that is more; amount: what it is more, kWh. */
struct alarm_point alarm_sudden_rise(const struct alarm_days *days, size_t day, int hour);
/* The night's lowest hour over the mean hour of working days before; amount: m3/h. */
struct alarm_point alarm_water_night_flow(const struct alarm_days *days, size_t day);
/* The night's lowest hour over the median of those before; amount: what it is more, m3/h. */
struct alarm_point alarm_water_night_rise(const struct alarm_days *days, size_t day);

#endif
