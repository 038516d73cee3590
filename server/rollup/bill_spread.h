/* SPDX-License-Identifier: Apache-2.0 */
/* bill_spread.h - how a bill lies on its days: heat by the degrees that the days were cold, all
 * else evenly. Pure. */
#ifndef SERVER_BILL_SPREAD_H
#define SERVER_BILL_SPREAD_H

#include "server/rollup/bill.h"
#include "server/weather/temperature.h"

/* Heating degree days count below this mean temperature (HDD18). */
enum { BILL_HEATING_BELOW_C = 18 };

/* As bill_share. Not heat, weather NULL, a day of the bill without a temperature, or no cold day:
 * evenly. */
int64_t bill_spread_share(const struct bill *bill, const struct temperature *weather,
			  struct span days);

/* The weather of an institution's (or site's) region; NULL: none is known. */
const struct temperature *bill_spread_weather(const struct registry *registry,
					      uint32_t institution);

#endif
