/* SPDX-License-Identifier: Apache-2.0 */
/* sighting.h - the seconds of one UTC day in which a register was read, as bytes. Pure.
 *
 * Runs of equal steps: (varint seconds since the one before, at least 1; varint how many times x 2
 * + whether they came late). The first step counts from the second before the day. What is read in
 * a regular rhythm takes a few bytes an hour. */
#ifndef SERVER_SIGHTING_H
#define SERVER_SIGHTING_H

#include <stddef.h>

#include "common/buf.h"
#include "server/ledger/reading.h"

/* The second that a time lies in. */
int64_t sighting_second(int64_t time_ms);
/* Appends the bytes of n sightings of that day, sorted, seconds distinct. */
void sighting_encode(int32_t utc_day, const struct sighting *sightings, size_t n, struct buf *out);
/* Appends the structs of len bytes to out. -EINVAL if they are not what sighting_encode writes. */
int sighting_decode(int32_t utc_day, const void *data, size_t len, struct buf *out);
/* Is there one in the second of a time? Sorted. */
bool sighting_find(const struct sighting *sightings, size_t n, int64_t time_ms);

#endif
