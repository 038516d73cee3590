/* SPDX-License-Identifier: Apache-2.0 */
/* world.h - the days that all meters of a campus live through: calendar, weather and sun. */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include <stddef.h>
#include <stdint.h>

#include "common/civil.h"

struct world_span {
	civil_day from, to; /* both included */
};

struct world_config {
	uint64_t seed;
	int64_t offset_ms;            /* local time minus UTC */
	double latitude, longitude;   /* degrees */
	double mean_c, swing_c;       /* yearly mean, and how far summer and winter lie from it */
	int heating_from, heating_to; /* month * 100 + day of the season of district heating */
	const struct world_span *holidays, *workdays, *vacations; /* borrowed until creation ends */
	size_t n_holidays, n_workdays, n_vacations;
};

enum day_kind { DAY_WORKING, DAY_OFF, DAY_VACATION };

struct world_day {
	enum day_kind kind; /* vacation: a working day for all but schools */
	int month;          /* 1-12 */
	double mean_c;
	double cooling, heating; /* grow with the degrees above 18 and below 9, less and less */
	double district;         /* degrees below 18 in the season of district heating, else 0 */
	double daylight;         /* how much lamps are needed: around 1, more in winter */
	double clear;            /* share of the clear sky's sun that arrives, 0.12 to 1 */
};

struct world;
struct world *world_create(const struct world_config *config);
void world_destroy(struct world *world); /* NULL is allowed */

/* Any day; before 2000 and after 2060 the first and last day known repeat. */
const struct world_day *world_day(const struct world *world, civil_day day);
int64_t world_offset_ms(const struct world *world);
double world_temperature_c(const struct world *world, int64_t utc_ms);
/* The sine of the sun's elevation in the middle of a month, at a local time; negative at night. */
double world_sun_sine(const struct world_config *config, int month, double local_hour);

#endif
