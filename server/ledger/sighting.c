/* SPDX-License-Identifier: Apache-2.0 */
#include "server/ledger/sighting.h"

#include <errno.h>

#include "server/ledger/series.h"
#include "server/ledger/varint.h"

enum { DAY_SECONDS = 24 * 60 * 60 };

int64_t sighting_second(int64_t time_ms)
{
	int64_t rest = time_ms % SIGHTING_MS;

	return time_ms - (rest < 0 ? rest + SIGHTING_MS : rest);
}

void sighting_encode(int32_t utc_day, const struct sighting *sightings, size_t n, struct buf *out)
{
	int64_t last = series_day_start(utc_day) - SIGHTING_MS;

	for (size_t i = 0; i < n;) {
		int64_t step = sightings[i].time_ms - last;
		bool is_late = sightings[i].is_late;
		unsigned char bytes[2 * VARINT_MAX];
		uint64_t times = 0;
		size_t len;

		for (; i < n && sightings[i].time_ms - last == step &&
		       sightings[i].is_late == is_late;
		     i++, times++)
			last = sightings[i].time_ms;
		len = varint_put(bytes, (uint64_t)(step / SIGHTING_MS));
		len += varint_put(bytes + len, times * 2 + is_late);
		buf_add(out, bytes, len);
	}
}

int sighting_decode(int32_t utc_day, const void *data, size_t len, struct buf *out)
{
	const unsigned char *at = data, *end;
	uint64_t behind = 0; /* seconds of the day up to and with the last */

	if (len == 0) /* data may be NULL */
		return 0;
	end = at + len;
	while (at < end) {
		uint64_t step, times;

		at = varint_get(at, end, &step);
		if (!at || step < 1 || step > DAY_SECONDS)
			return -EINVAL;
		at = varint_get(at, end, &times);
		if (!at || times / 2 < 1 || times / 2 > DAY_SECONDS ||
		    behind + step * (times / 2) > DAY_SECONDS)
			return -EINVAL;
		for (uint64_t i = 0; i < times / 2; i++) {
			struct sighting sighting = {.is_late = times & 1};

			behind += step;
			sighting.time_ms =
				series_day_start(utc_day) + ((int64_t)behind - 1) * SIGHTING_MS;
			buf_add(out, &sighting, sizeof sighting);
		}
	}
	return 0;
}

bool sighting_find(const struct sighting *sightings, size_t n, int64_t time_ms)
{
	int64_t second = sighting_second(time_ms);
	size_t low = 0, high = n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (sightings[middle].time_ms < second)
			low = middle + 1;
		else
			high = middle;
	}
	return low < n && sightings[low].time_ms == second;
}
