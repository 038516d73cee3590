/* SPDX-License-Identifier: Apache-2.0 */
#include "server/expected.h"

#include "common/civil.h"
#include "common/decimal.h"

static const int64_t year_ms = (int64_t)365 * DAY_MS;

int64_t expected_alive_ms(const struct span_ms *alive, size_t n, int64_t from_ms, int64_t to_ms)
{
	int64_t sum = 0;

	for (size_t i = 0; i < n; i++) {
		int64_t from = alive[i].from_ms > from_ms ? alive[i].from_ms : from_ms;
		int64_t to = alive[i].to_ms < to_ms ? alive[i].to_ms : to_ms;

		if (from < to)
			sum += to - from;
	}
	return sum;
}

/* Unclosed time of hour i inside [from, to). */
static int64_t open_ms(const struct expected_hours *run, size_t i, int64_t from_ms, int64_t to_ms)
{
	int64_t start = run->from_ms + (int64_t)i * HOUR_MS, end = start + HOUR_MS;
	int64_t alive;

	if (run->hours[i].closed_ms >= HOUR_MS)
		return 0;
	alive = expected_alive_ms(run->alive, run->n_alive, start > from_ms ? start : from_ms,
				  end < to_ms ? end : to_ms);
	return alive > run->hours[i].closed_ms ? alive - run->hours[i].closed_ms : 0;
}

static bool is_sample(const struct amount *hour)
{
	return hour->is_known && hour->covered_ms == HOUR_MS && hour->estimated == 0;
}

/* Mean of hour i's hour of the week in the four weeks before hour `hole`. */
static bool mean_before(const struct expected_hours *run, size_t i, size_t hole, int64_t *mean)
{
	int64_t sum = 0, n = 0;
	size_t first = hole > EXPECTED_WEEKS * EXPECTED_WEEK_HOURS
			       ? hole - EXPECTED_WEEKS * EXPECTED_WEEK_HOURS
			       : 0;
	size_t k = i;

	while (k >= EXPECTED_WEEK_HOURS && k - EXPECTED_WEEK_HOURS >= first) {
		k -= EXPECTED_WEEK_HOURS;
		if (k >= hole || !is_sample(&run->hours[k]))
			continue;
		sum += run->hours[k].value;
		n++;
	}
	if (n == 0)
		return false;
	*mean = sum > 0 ? sum / n : 0;
	return true;
}

struct expected expected_missing(const struct expected_hours *run, int64_t from_ms, int64_t to_ms)
{
	struct expected expected = {0};
	size_t hole = 0;
	bool in_hole = false;

	for (size_t i = 0; i < run->n && run->from_ms + (int64_t)i * HOUR_MS < to_ms; i++) {
		int64_t mean, open;

		if (open_ms(run, i, INT64_MIN, to_ms) == 0) {
			in_hole = false;
			continue;
		}
		if (!in_hole)
			hole = i;
		in_hole = true;
		open = open_ms(run, i, from_ms, to_ms);
		if (open == 0)
			continue;
		if (mean_before(run, i, hole, &mean))
			expected.missing += scale_int64(mean, open, HOUR_MS);
		else if (run->expected_year != MICRO_NONE)
			expected.missing += scale_int64(run->expected_year, open, year_ms);
		else
			expected.is_unknown = true;
	}
	return expected;
}
