/* SPDX-License-Identifier: Apache-2.0 */
#include "server/alarm/judge.h"

#include <math.h>
#include <stdlib.h>

enum {
	WORK_FROM = 9,
	WORK_TO = 17,
	NIGHT_KNOWN = 4,    /* hours of a night that must be known */
	DAY_KNOWN = 20,     /* hours of a day */
	BASE_KNOWN = 5,     /* days (nights) to compare with */
	BASE_HOURS = 5 * 8, /* hours to compare with */
	LATELY = 3          /* days: what grows with the season is not sudden */
};
/* Where next to nothing is usual, a ratio says nothing. */
static const double least = 1e-6;

/* ---- hysteresis ---- */

static bool is_past_raise(const struct alarm_threshold *threshold, const struct alarm_point *point)
{
	if (point->amount < threshold->floor)
		return false;
	return threshold->is_below ? point->value < threshold->raise
				   : point->value > threshold->raise;
}

static bool is_past_clear(const struct alarm_threshold *threshold, const struct alarm_point *point)
{
	if (point->amount < threshold->floor)
		return true;
	return threshold->is_below ? point->value >= threshold->clear
				   : point->value <= threshold->clear;
}

enum alarm_verdict alarm_judge(const struct alarm_threshold *threshold, bool is_open,
			       const struct alarm_point *points, size_t n, size_t *first)
{
	int64_t wanted = is_open ? threshold->clear_after : threshold->raise_after;
	int64_t in_row = 0;

	for (size_t i = n; i-- > 0;) {
		if (isnan(points[i].value))
			continue;
		if (is_open ? !is_past_clear(threshold, &points[i])
			    : !is_past_raise(threshold, &points[i]))
			break;
		in_row++;
		if (in_row >= wanted && first != NULL)
			*first = i;
	}
	if (in_row < wanted)
		return ALARM_AS_BEFORE;
	return is_open ? ALARM_CLEARED : ALARM_RAISED;
}

/* ---- means and medians ---- */

struct mean {
	double sum;
	int64_t n;
};

static void add_hours(struct mean *mean, const struct alarm_day *day, int from, int to)
{
	for (int h = from; h < to; h++) {
		if (isnan(day->hours[h]))
			continue;
		mean->sum += day->hours[h];
		mean->n++;
	}
}

/* The days that a day is compared with: [first, end). */
static size_t base_of(const struct alarm_days *days, size_t day, size_t *end)
{
	*end = day < days->base_end ? day : days->base_end;
	return *end > ALARM_BASE_DAYS ? *end - ALARM_BASE_DAYS : 0;
}

static int by_size(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static double median(double *values, size_t n)
{
	qsort(values, n, sizeof *values, by_size);
	return n % 2 == 1 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

static const struct alarm_point unknown = {NAN, NAN};

/* ---- electricity ---- */

struct alarm_point alarm_night_load(const struct alarm_days *days, size_t day)
{
	struct mean night = {0, 0}, work = {0, 0};
	size_t end, i = base_of(days, day, &end);

	add_hours(&night, &days->days[day], 0, ALARM_NIGHT_HOURS);
	for (; i < end; i++)
		if (!days->days[i].is_free)
			add_hours(&work, &days->days[i], WORK_FROM, WORK_TO);
	if (night.n < NIGHT_KNOWN || work.n < BASE_HOURS || work.sum < least)
		return unknown;
	return (struct alarm_point){(night.sum / (double)night.n) / (work.sum / (double)work.n),
				    night.sum / (double)night.n};
}

struct alarm_point alarm_holiday_load(const struct alarm_days *days, size_t day)
{
	struct mean free_day = {0, 0}, work = {0, 0};
	size_t end, i = base_of(days, day, &end);

	if (!days->days[day].is_free)
		return unknown;
	add_hours(&free_day, &days->days[day], 0, ALARM_HOURS);
	for (; i < end; i++)
		if (!days->days[i].is_free)
			add_hours(&work, &days->days[i], 0, ALARM_HOURS);
	if (free_day.n < DAY_KNOWN || work.n < BASE_KNOWN * DAY_KNOWN || work.sum < least)
		return unknown;
	return (struct alarm_point){(free_day.sum / (double)free_day.n) /
					    (work.sum / (double)work.n),
				    free_day.sum / (double)free_day.n};
}

struct alarm_point alarm_sudden_rise(const struct alarm_days *days, size_t day, int hour)
{
	double values[ALARM_BASE_DAYS], usual, lately = 0;
	double now = days->days[day].hours[hour];
	size_t n = 0, end, i = base_of(days, day, &end);

	for (; i < end; i++)
		if (days->days[i].is_free == days->days[day].is_free &&
		    !isnan(days->days[i].hours[hour]))
			values[n++] = days->days[i].hours[hour];
	if (isnan(now) || n < BASE_KNOWN)
		return unknown;
	for (size_t k = n - LATELY; k < n; k++)
		lately += values[k] / LATELY;
	usual = median(values, n);
	usual = lately > usual ? lately : usual;
	if (usual < least)
		return unknown;
	return (struct alarm_point){now / usual, now - usual};
}

/* ---- water ---- */

/* The lowest hour of a night that is known as a whole, else NAN. */
static double lowest(const struct alarm_day *day)
{
	double least_hour = INFINITY;

	for (int h = 0; h < ALARM_NIGHT_HOURS; h++) {
		if (isnan(day->hours[h]))
			return NAN;
		if (day->hours[h] < least_hour)
			least_hour = day->hours[h];
	}
	return least_hour;
}

struct alarm_point alarm_water_night_flow(const struct alarm_days *days, size_t day)
{
	double night = lowest(&days->days[day]);
	struct mean all = {0, 0};
	size_t end, i = base_of(days, day, &end);

	for (; i < end; i++)
		if (!days->days[i].is_free)
			add_hours(&all, &days->days[i], 0, ALARM_HOURS);
	if (isnan(night) || all.n < BASE_KNOWN * DAY_KNOWN || all.sum < least)
		return unknown;
	return (struct alarm_point){night / (all.sum / (double)all.n), night};
}

struct alarm_point alarm_water_night_rise(const struct alarm_days *days, size_t day)
{
	double values[ALARM_BASE_DAYS], usual, night = lowest(&days->days[day]);
	size_t n = 0, end, i = base_of(days, day, &end);

	for (; i < end; i++) {
		double of = lowest(&days->days[i]);

		if (!isnan(of))
			values[n++] = of;
	}
	if (isnan(night) || n < BASE_KNOWN)
		return unknown;
	usual = median(values, n);
	/* Nights without any flow are usual: then any steady flow is a rise, which floor judges. */
	return (struct alarm_point){usual < least ? (night < least ? 0 : 1e6) : night / usual,
				    night - usual};
}
