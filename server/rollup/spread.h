/* SPDX-License-Identifier: Apache-2.0 */
/* spread.h - how a gap's energy lies inside it: by the meter's own hours of the week. Pure. */
#ifndef SERVER_SPREAD_H
#define SERVER_SPREAD_H

#include <stdbool.h>
#include <stdint.h>

enum { SPREAD_HOURS = 168, SPREAD_DAYS = 28 };

/* What is known of the 28 days before a gap; zeroed: nothing. */
struct spread_profile {
	int64_t sum[SPREAD_HOURS]; /* by hour since 1970 modulo 168, which hour of the week that is
				    */
	int32_t n[SPREAD_HOURS];   /* does not matter */
};

/* Adds the energy of an hour that close readings cover from end to end. hour: since 1970, UTC. */
void spread_add(struct spread_profile *profile, int64_t hour, int64_t energy);

/* The mean of that hour of the week, 0 if it was never seen. */
int64_t spread_mean(const struct spread_profile *profile, int64_t hour);

/* Weight of the week before each of its hours; the last is the whole week's. */
struct spread {
	int64_t before[SPREAD_HOURS + 1];
};

/* The spread of a gap. False: it is to be spread evenly, because an hour of the week that it
 * touches was never seen, or because all of them were without consumption. */
bool spread_init(struct spread *out, const struct spread_profile *profile, int64_t from_ms,
		 int64_t to_ms);

/* Energy of the part [from, at) of a gap [from, to) with this energy, not negative. Rounded down,
 * so that the parts of any partition add up to the whole. from <= at <= to, from < to. */
int64_t spread_share(const struct spread *spread, int64_t energy, const int64_t span[2],
		     int64_t at_ms);

#endif
