/* SPDX-License-Identifier: Apache-2.0 */
#include "server/ledger/series.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "server/ledger/varint.h"

enum { DAY_LIMIT = 1 << 24 };

int32_t series_day_of(int64_t utc_ms)
{
	int64_t day = utc_ms / DAY_MS;

	day -= utc_ms % DAY_MS < 0;
	if (day > DAY_LIMIT)
		return DAY_LIMIT;
	return day < -DAY_LIMIT ? -DAY_LIMIT : (int32_t)day;
}

int64_t series_day_start(int32_t utc_day)
{
	return (int64_t)utc_day * DAY_MS;
}

/* Differences wrap: the distance of two int64 always fits 64 bits modulo 2^64. */
static uint64_t zigzag(uint64_t difference)
{
	return (difference << 1) ^ (difference >> 63 ? UINT64_MAX : 0);
}

static uint64_t unzigzag(uint64_t value)
{
	return (value >> 1) ^ (value & 1 ? UINT64_MAX : 0);
}

static void put_pair(uint64_t ms, uint64_t difference, struct buf *out)
{
	unsigned char bytes[2 * VARINT_MAX];
	size_t n = varint_put(bytes, ms);

	n += varint_put(bytes + n, zigzag(difference));
	buf_add(out, bytes, n);
}

void series_append(struct reading last, struct reading next, struct buf *out)
{
	put_pair((uint64_t)(next.time_ms - last.time_ms),
		 (uint64_t)next.value - (uint64_t)last.value, out);
}

void series_encode(int32_t utc_day, const struct reading *readings, size_t n, struct buf *out)
{
	struct reading last = {series_day_start(utc_day), 0};

	for (size_t i = 0; i < n; i++) {
		series_append(last, readings[i], out);
		last = readings[i];
	}
}

size_t series_capacity(size_t len)
{
	return len / 2;
}

int series_decode(int32_t utc_day, const void *data, size_t len, struct reading *out, size_t *n)
{
	const unsigned char *at = data, *end = at + len;
	uint64_t time = 0, value = 0; /* time of the day */
	size_t count = 0;

	while (at < end) {
		uint64_t ms, difference;

		at = varint_get(at, end, &ms);
		if (!at || ms >= DAY_MS || (ms == 0 && count > 0))
			return -EINVAL;
		at = varint_get(at, end, &difference);
		time += ms;
		if (!at || time >= DAY_MS)
			return -EINVAL;
		value += unzigzag(difference);
		out[count++] =
			(struct reading){series_day_start(utc_day) + (int64_t)time, (int64_t)value};
	}
	*n = count;
	return 0;
}

/* Puts a reading behind the others, or lets the larger value of the same time stay. True if the
 * time is new. */
static bool put_later(struct reading *out, size_t *n, struct reading r)
{
	if (*n > 0 && out[*n - 1].time_ms == r.time_ms) {
		if (r.value > out[*n - 1].value)
			out[*n - 1].value = r.value;
		return false;
	}
	out[(*n)++] = r;
	return true;
}

struct series_merged series_merge(const struct reading *a, size_t n_a, const struct reading *b,
				  size_t n_b, struct reading *out)
{
	struct series_merged merged = {0};
	size_t i = 0;

	for (size_t k = 0; k < n_b; k++) {
		while (i < n_a && a[i].time_ms <= b[k].time_ms)
			(void)put_later(out, &merged.n, a[i++]); /* a's times are distinct */
		if (merged.n > 0 && out[merged.n - 1].time_ms == b[k].time_ms) {
			merged.conflicts += out[merged.n - 1].value != b[k].value;
			merged.raised += b[k].value > out[merged.n - 1].value;
		}
		merged.added += put_later(out, &merged.n, b[k]);
	}
	while (i < n_a)
		(void)put_later(out, &merged.n, a[i++]);
	return merged;
}

static int by_time(const void *a, const void *b)
{
	const struct reading *x = a, *y = b;

	if (x->time_ms != y->time_ms)
		return x->time_ms < y->time_ms ? -1 : 1;
	return (x->value > y->value) - (x->value < y->value);
}

void series_sort(struct reading *readings, size_t n)
{
	for (size_t i = 1; i < n; i++)
		if (by_time(&readings[i - 1], &readings[i]) > 0) {
			qsort(readings, n, sizeof *readings, by_time);
			return;
		}
}
