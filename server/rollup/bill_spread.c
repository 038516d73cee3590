/* SPDX-License-Identifier: Apache-2.0 */
#include "server/rollup/bill_spread.h"

#include <math.h>

#include "common/decimal.h"
#include "server/registry/registry_savings.h"

/* Whole numbers, so that shares add up: 10^-3 degrees. */
enum { DEGREE = 1000 };

static int64_t weight_of(double celsius)
{
	return celsius < BILL_HEATING_BELOW_C ? llround((BILL_HEATING_BELOW_C - celsius) * DEGREE)
					      : 0;
}

/* Of the bill's days before a day; -1: a temperature is not known. */
static int64_t weight_before(const struct bill *bill, const struct temperature *weather,
			     civil_day end)
{
	int64_t sum = 0;

	for (civil_day day = bill->days.from; day < end; day++) {
		double celsius = temperature_of(weather, day);

		if (isnan(celsius))
			return -1;
		sum += weight_of(celsius);
	}
	return sum;
}

int64_t bill_spread_share(const struct bill *bill, const struct temperature *weather,
			  struct span days)
{
	civil_day from = days.from > bill->days.from ? days.from : bill->days.from;
	civil_day to = days.to < bill->days.to ? days.to : bill->days.to;
	int64_t whole;

	if (from >= to)
		return 0;
	whole = weather != NULL && bill->carrier == CARRIER_HEAT
			? weight_before(bill, weather, bill->days.to)
			: -1;
	if (whole <= 0)
		return bill_share(bill, days);
	return scale_int64(bill->quantity, weight_before(bill, weather, to), whole) -
	       scale_int64(bill->quantity, weight_before(bill, weather, from), whole);
}

const struct temperature *bill_spread_weather(const struct registry *registry, uint32_t institution)
{
	uint32_t weather = registry_weather_of(registry, institution);

	return weather != REGISTRY_NONE ? &registry->weather[weather].temperature : NULL;
}
