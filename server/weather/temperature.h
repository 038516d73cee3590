/* SPDX-License-Identifier: Apache-2.0 */
/* temperature.h - daily mean outdoor temperatures and the degree days of a span of days. */
#ifndef SERVER_TEMPERATURE_H
#define SERVER_TEMPERATURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/civil.h"

/* What was measured from a time on. */
struct sample {
	int64_t start_ms; /* UTC */
	double value;     /* NAN: missing */
	bool is_estimated;
};

/* Brings samples into the order of their times; of equal times the first stays. Returns how many
 * are left. */
size_t temperature_sort(struct sample *samples, size_t n);

/* Consecutive local days. A zeroed struct knows of none. */
struct temperature {
	civil_day first;
	size_t n;
	double *mean;  /* degrees Celsius; NAN: fewer than half of the day's samples are known */
	double *hours; /* known hours of the day, 0 to 24 */
};

/* From samples in the order of time, per_day of them a full day (24: hourly, 1: daily means). At
 * most TEMPERATURE_DAYS_MAX days from the first sample on are taken. */
enum { TEMPERATURE_DAYS_MAX = 40000 };
void temperature_init(struct temperature *temperature, const struct sample *samples, size_t n,
		      int per_day, int64_t offset_ms);
void temperature_fini(struct temperature *temperature);

double temperature_of(const struct temperature *temperature, civil_day day); /* or NAN */
double temperature_hours(const struct temperature *temperature, civil_day day);

/* In which degrees balance points and degree days are counted. */
struct degree_grid {
	bool is_fahrenheit;
	double min, step;
	size_t n; /* points: min, min + step, ... */
};
double temperature_grid_point(const struct degree_grid *grid, size_t index);
double temperature_in_grid(const struct degree_grid *grid, double celsius);

/* Mean degree days a day over the days [from, to) that have a temperature: heating[i], cooling[i]
 * for each grid point. Returns the number of such days; with 0 nothing is written. */
struct degree_span {
	civil_day from, to;
};
size_t temperature_degree_days(const struct temperature *temperature,
			       const struct degree_grid *grid, struct degree_span days,
			       double *heating, double *cooling);

#endif
