/* SPDX-License-Identifier: Apache-2.0 */
/* series.h - one register's readings of one UTC day as bytes: sorted, differences as varints. Pure.
 *
 * The first reading is (varint milliseconds of the day, zigzag varint value); each further one is
 * (varint milliseconds since the one before, at least 1; zigzag varint difference of the values).
 * A set of readings has exactly one spelling, so equal sets are equal bytes. */
#ifndef SERVER_SERIES_H
#define SERVER_SERIES_H

#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/civil.h"
#include "server/ledger/reading.h"

/* UTC days since 1970-01-01, also before it; times beyond some 45,000 years are clipped. */
int32_t series_day_of(int64_t utc_ms);
int64_t series_day_start(int32_t utc_day);

/* Appends the bytes of n readings, sorted by time, times distinct, all of that day. */
void series_encode(int32_t utc_day, const struct reading *readings, size_t n, struct buf *out);
/* Appends the bytes of one more reading of the same day, later than last. */
void series_append(struct reading last, struct reading next, struct buf *out);
/* Most readings that len bytes can hold. */
size_t series_capacity(size_t len);
/* Reads len bytes into out, which has room for series_capacity(len). -EINVAL if they are not what
 * series_encode writes. */
int series_decode(int32_t utc_day, const void *data, size_t len, struct reading *out, size_t *n);

struct series_merged {
	size_t n;         /* readings in the union */
	size_t added;     /* times that were new */
	size_t conflicts; /* times that were there with another value */
	size_t raised;    /* conflicts in which the new value was larger and replaced the old one */
};
/* Union of two sets, both sorted by time. b may repeat times. The larger value of a time stays,
 * whatever the order of arrival. out has room for n_a + n_b. */
struct series_merged series_merge(const struct reading *a, size_t n_a, const struct reading *b,
				  size_t n_b, struct reading *out);
/* Sorts by time, then value. */
void series_sort(struct reading *readings, size_t n);

#endif
