/* SPDX-License-Identifier: Apache-2.0 */
#include "server/weather/temperature.h"

#include <math.h>
#include <stdlib.h>

#include "common/mem.h"

enum { HOURS_PER_DAY = 24 };

struct ordered {
	struct sample sample;
	size_t index;
};

static int by_time(const void *a, const void *b)
{
	const struct ordered *one = a, *two = b;

	if (one->sample.start_ms != two->sample.start_ms)
		return one->sample.start_ms < two->sample.start_ms ? -1 : 1;
	return one->index < two->index ? -1 : one->index > two->index;
}

size_t temperature_sort(struct sample *samples, size_t n)
{
	struct ordered *ordered = xcalloc(n + 1, sizeof *ordered);
	size_t n_left = 0;

	for (size_t i = 0; i < n; i++)
		ordered[i] = (struct ordered){samples[i], i};
	qsort(ordered, n, sizeof *ordered, by_time);
	for (size_t i = 0; i < n; i++)
		if (n_left == 0 || samples[n_left - 1].start_ms != ordered[i].sample.start_ms)
			samples[n_left++] = ordered[i].sample;
	free(ordered);
	return n_left;
}

static void add_sample(struct temperature *temperature, const struct sample *sample,
		       int64_t offset_ms)
{
	int64_t day = (int64_t)civil_day_of_utc(sample->start_ms, offset_ms) - temperature->first;

	if (day < 0 || day >= (int64_t)temperature->n || isnan(sample->value))
		return;
	temperature->mean[day] += sample->value;
	temperature->hours[day]++;
}

/* Sums become means, counts become hours. */
static void finish_day(struct temperature *temperature, size_t day, int per_day)
{
	double count = temperature->hours[day];

	temperature->mean[day] = 2 * count >= per_day ? temperature->mean[day] / count : NAN;
	temperature->hours[day] = fmin(count * HOURS_PER_DAY / per_day, HOURS_PER_DAY);
}

void temperature_init(struct temperature *temperature, const struct sample *samples, size_t n,
		      int per_day, int64_t offset_ms)
{
	int64_t n_days;

	*temperature = (struct temperature){0};
	if (n == 0)
		return;
	temperature->first = civil_day_of_utc(samples[0].start_ms, offset_ms);
	n_days = (int64_t)civil_day_of_utc(samples[n - 1].start_ms, offset_ms) -
		 temperature->first + 1;
	temperature->n = n_days < TEMPERATURE_DAYS_MAX ? (size_t)n_days : TEMPERATURE_DAYS_MAX;
	temperature->mean = xcalloc(temperature->n, sizeof *temperature->mean);
	temperature->hours = xcalloc(temperature->n, sizeof *temperature->hours);
	for (size_t i = 0; i < n; i++)
		add_sample(temperature, &samples[i], offset_ms);
	for (size_t day = 0; day < temperature->n; day++)
		finish_day(temperature, day, per_day);
}

void temperature_fini(struct temperature *temperature)
{
	free(temperature->mean);
	free(temperature->hours);
	*temperature = (struct temperature){0};
}

double temperature_of(const struct temperature *temperature, civil_day day)
{
	int64_t index = (int64_t)day - temperature->first;

	return index >= 0 && index < (int64_t)temperature->n ? temperature->mean[index] : NAN;
}

double temperature_hours(const struct temperature *temperature, civil_day day)
{
	int64_t index = (int64_t)day - temperature->first;

	return index >= 0 && index < (int64_t)temperature->n ? temperature->hours[index] : 0;
}

double temperature_grid_point(const struct degree_grid *grid, size_t index)
{
	return grid->min + (double)index * grid->step;
}

double temperature_in_grid(const struct degree_grid *grid, double celsius)
{
	return grid->is_fahrenheit ? 1.8 * celsius + 32 : celsius;
}

size_t temperature_degree_days(const struct temperature *temperature,
			       const struct degree_grid *grid, struct degree_span days,
			       double *heating, double *cooling)
{
	size_t n_days = 0;

	for (civil_day day = days.from; day < days.to; day++)
		n_days += !isnan(temperature_of(temperature, day));
	if (n_days == 0)
		return 0;
	for (size_t i = 0; i < grid->n; i++) {
		double point = temperature_grid_point(grid, i);

		heating[i] = cooling[i] = 0;
		for (civil_day day = days.from; day < days.to; day++) {
			double degrees =
				temperature_in_grid(grid, temperature_of(temperature, day));

			if (isnan(degrees))
				continue;
			heating[i] += fmax(point - degrees, 0);
			cooling[i] += fmax(degrees - point, 0);
		}
		heating[i] /= (double)n_days;
		cooling[i] /= (double)n_days;
	}
	return n_days;
}
