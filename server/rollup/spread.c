/* SPDX-License-Identifier: Apache-2.0 */
#include "server/rollup/spread.h"

#include "common/civil.h"

__extension__ typedef __int128 wide;

/* Weights are this at most: with gaps of up to a hundred years no product leaves 128 bits. */
enum { WEIGHT_MAX = 1 << 20 };

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

static int hour_of_week(int64_t hour)
{
	return (int)(hour - floor_div(hour, SPREAD_HOURS) * SPREAD_HOURS);
}

void spread_add(struct spread_profile *profile, int64_t hour, int64_t energy)
{
	int at = hour_of_week(hour);

	profile->sum[at] += energy > 0 ? energy : 0;
	profile->n[at]++;
}

static int64_t mean_of(const struct spread_profile *profile, int at)
{
	return profile->n[at] > 0 ? profile->sum[at] / profile->n[at] : 0;
}

int64_t spread_mean(const struct spread_profile *profile, int64_t hour)
{
	return mean_of(profile, hour_of_week(hour));
}

static bool is_seen(const struct spread_profile *profile, int64_t from_ms, int64_t to_ms)
{
	int64_t first = floor_div(from_ms, HOUR_MS), last = floor_div(to_ms - 1, HOUR_MS);

	if (last - first >= SPREAD_HOURS)
		last = first + SPREAD_HOURS - 1;
	for (int64_t hour = first; hour <= last; hour++)
		if (profile->n[hour_of_week(hour)] == 0)
			return false;
	return true;
}

/* From 1970 on, in weight x ms. */
static wide weight_before(const struct spread *spread, int64_t at_ms)
{
	int64_t hour = floor_div(at_ms, HOUR_MS), week = floor_div(hour, SPREAD_HOURS);
	int at = hour_of_week(hour);

	return ((wide)week * spread->before[SPREAD_HOURS] + spread->before[at]) * HOUR_MS +
	       (wide)(spread->before[at + 1] - spread->before[at]) * (at_ms - hour * HOUR_MS);
}

bool spread_init(struct spread *out, const struct spread_profile *profile, int64_t from_ms,
		 int64_t to_ms)
{
	int64_t most = 0;

	if (!is_seen(profile, from_ms, to_ms))
		return false;
	for (int at = 0; at < SPREAD_HOURS; at++)
		most = mean_of(profile, at) > most ? mean_of(profile, at) : most;
	out->before[0] = 0;
	for (int at = 0; at < SPREAD_HOURS; at++)
		out->before[at + 1] =
			out->before[at] +
			(most > 0 ? (int64_t)((wide)mean_of(profile, at) * WEIGHT_MAX / most) : 0);
	return weight_before(out, to_ms) > weight_before(out, from_ms);
}

int64_t spread_share(const struct spread *spread, int64_t energy, const int64_t span[2],
		     int64_t at_ms)
{
	wide start = weight_before(spread, span[0]);

	return (int64_t)((wide)energy * (weight_before(spread, at_ms) - start) /
			 (weight_before(spread, span[1]) - start));
}
