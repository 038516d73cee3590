/* SPDX-License-Identifier: Apache-2.0 */
#include "server/baseline/sufficiency.h"

#include <math.h>
#include <stdlib.h>

#include "common/mem.h"

static const double needed_share = 0.9;

static const char *const names[N_SUFFICIENCY_FAILURES] = {
	"negative_meter_values",
	"incorrect_number_of_total_days",
	"too_many_days_with_missing_data",
	"too_many_days_with_missing_meter_data",
	"too_many_days_with_missing_temperature_data",
};

const char *sufficiency_name(enum sufficiency_failure failure)
{
	return names[failure];
}

bool sufficiency_has_temperature(const struct use_period *period,
				 const struct temperature *temperature, bool is_daily)
{
	double hours = 0;

	if (is_daily)
		return !isnan(temperature_of(temperature, period->days.from));
	for (civil_day day = period->days.from; day < period->days.to; day++)
		hours += temperature_hours(temperature, day);
	return hours > 0 && hours >= needed_share * period->length * 24;
}

static int by_value(const void *a, const void *b)
{
	const double *one = a, *two = b;

	return *one < *two ? -1 : *one > *two;
}

/* Linear between order statistics. */
static double quantile(const double *sorted, size_t n, double share)
{
	double at = (double)(n - 1) * share;
	size_t below = (size_t)at;
	double part = at - (double)below;

	if (below + 1 >= n)
		return sorted[n - 1];
	return sorted[below] + part * (sorted[below + 1] - sorted[below]);
}

static void find_extremes(const struct use_periods *periods, struct sufficiency *out)
{
	double *values = xcalloc(periods->n + 1, sizeof *values);
	size_t n = 0;

	out->extreme_limit = NAN;
	for (size_t i = 0; i < periods->n; i++)
		if (!isnan(periods->items[i].use))
			values[n++] = periods->items[i].use;
	if (n > 0) {
		qsort(values, n, sizeof *values, by_value);
		out->extreme_limit = quantile(values, n, 0.5) +
				     3 * (quantile(values, n, 0.75) - quantile(values, n, 0.25));
	}
	for (size_t i = 0; i < n; i++)
		out->n_extreme += values[i] > out->extreme_limit;
	free(values);
}

static void count(const struct use_periods *periods, const struct temperature *temperature,
		  bool is_daily, struct sufficiency *out)
{
	for (size_t i = 0; i < periods->n; i++) {
		const struct use_period *period = &periods->items[i];
		bool has_use = !isnan(period->use);
		bool has_temperature = sufficiency_has_temperature(period, temperature, is_daily);

		out->meter_days += has_use ? period->length : 0;
		out->temperature_days += has_temperature ? period->length : 0;
		out->valid_days += has_use && has_temperature ? period->length : 0;
		out->n_negative += has_use && period->use < 0;
		out->n_zero += period->was_zero;
	}
}

void sufficiency_judge(const struct use_periods *periods, const struct temperature *temperature,
		       int total_days, bool is_daily, struct sufficiency *out)
{
	double needed = needed_share * total_days;

	*out = (struct sufficiency){.total_days = total_days};
	count(periods, temperature, is_daily, out);
	find_extremes(periods, out);
	out->failures[SUFFICIENCY_NEGATIVE] = out->n_negative > 0;
	out->failures[SUFFICIENCY_TOTAL_DAYS] = total_days != SUFFICIENCY_YEAR_DAYS;
	out->failures[SUFFICIENCY_MISSING] = out->valid_days < needed;
	out->failures[SUFFICIENCY_MISSING_METER] = out->meter_days < needed;
	out->failures[SUFFICIENCY_MISSING_TEMPERATURE] = out->temperature_days < needed;
	out->is_sufficient = true;
	for (int i = 0; i < N_SUFFICIENCY_FAILURES; i++)
		out->is_sufficient = out->is_sufficient && !out->failures[i];
}
