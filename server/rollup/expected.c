/* SPDX-License-Identifier: Apache-2.0 */
#include "server/rollup/expected.h"

#include "common/civil.h"
#include "common/decimal.h"

static const int64_t year_ms = (int64_t)365 * DAY_MS;

int64_t expected_alive_ms(const struct span_ms *alive, size_t n, int64_t from_ms, int64_t to_ms)
{
	int64_t sum = 0;

	for (size_t i = 0; i < n && alive[i].from_ms < to_ms; i++) {
		int64_t from = alive[i].from_ms > from_ms ? alive[i].from_ms : from_ms;
		int64_t to = alive[i].to_ms < to_ms ? alive[i].to_ms : to_ms;

		if (from < to)
			sum += to - from;
	}
	return sum;
}

/* Unclosed time of an hour; alive spans before *first end before it. */
static int64_t open_ms(const struct expected_run *run, size_t i, size_t *first)
{
	int64_t start = run->from_ms + (int64_t)i * HOUR_MS, alive;

	if (run->hours[i].closed_ms >= HOUR_MS)
		return 0;
	while (*first < run->n_alive && run->alive[*first].to_ms <= start)
		(*first)++;
	alive = expected_alive_ms(run->alive + *first, run->n_alive - *first, start,
				  start + HOUR_MS);
	return alive > run->hours[i].closed_ms ? alive - run->hours[i].closed_ms : 0;
}

static bool is_sample(const struct amount *hour)
{
	return hour->is_known && hour->covered_ms == HOUR_MS && hour->estimated == 0;
}

/* Mean of hour i's hour of the week in the four weeks before hour `hole`. */
static bool mean_before(const struct expected_run *run, size_t i, size_t hole, int64_t *mean)
{
	int64_t sum = 0, n = 0;
	size_t back = ((i - hole) / EXPECTED_WEEK_HOURS + 1) * EXPECTED_WEEK_HOURS;

	/* Weeks inside of the hole hold nothing: a long one is not walked through. */
	for (int week = 0; week < EXPECTED_WEEKS && back <= i; week++) {
		const struct amount *hour = &run->hours[i - back];

		back += EXPECTED_WEEK_HOURS;
		if (!is_sample(hour))
			continue;
		sum += hour->value;
		n++;
	}
	if (n == 0)
		return false;
	*mean = sum > 0 ? sum / n : 0;
	return true;
}

void expected_each_hour(const struct expected_run *run, struct expected *out)
{
	size_t hole = 0, first = 0;
	bool in_hole = false;

	for (size_t i = 0; i < run->n; i++) {
		int64_t open = open_ms(run, i, &first), mean;

		out[i] = (struct expected){0};
		if (open == 0) {
			in_hole = false;
			continue;
		}
		if (!in_hole)
			hole = i;
		in_hole = true;
		if (i < run->skip)
			continue;
		if (mean_before(run, i, hole, &mean))
			out[i].missing = scale_int64(mean, open, HOUR_MS);
		else if (run->expected_year != MICRO_NONE)
			out[i].missing = scale_int64(run->expected_year, open, year_ms);
		else
			out[i].is_unknown = true;
	}
}
