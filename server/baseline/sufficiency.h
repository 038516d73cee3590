/* SPDX-License-Identifier: Apache-2.0 */
/* sufficiency.h - is there enough data to stand for a year? With the names of what is wrong. */
#ifndef SERVER_SUFFICIENCY_H
#define SERVER_SUFFICIENCY_H

#include "server/baseline/periods.h"

/* Why a baseline is refused, in the order in which it is told. */
enum sufficiency_failure {
	SUFFICIENCY_NEGATIVE,
	SUFFICIENCY_TOTAL_DAYS,
	SUFFICIENCY_MISSING,
	SUFFICIENCY_MISSING_METER,
	SUFFICIENCY_MISSING_TEMPERATURE,
	N_SUFFICIENCY_FAILURES
};

struct sufficiency {
	bool failures[N_SUFFICIENCY_FAILURES];
	bool is_sufficient; /* none of them */
	int total_days;
	double valid_days, meter_days, temperature_days;
	size_t n_negative, n_zero;
	size_t n_extreme;     /* above the limit: a note, not a failure */
	double extreme_limit; /* median and 3 interquartile ranges; NAN without values */
};

enum { SUFFICIENCY_YEAR_DAYS = 365 };

/* is_daily: days count by half of their hours' temperatures, bills by nine tenths. */
void sufficiency_judge(const struct use_periods *periods, const struct temperature *temperature,
		       int total_days, bool is_daily, struct sufficiency *out);

/* Is the temperature known for enough of the period? */
bool sufficiency_has_temperature(const struct use_period *period,
				 const struct temperature *temperature, bool is_daily);

const char *sufficiency_name(enum sufficiency_failure failure); /* negative_meter_values */

#endif
