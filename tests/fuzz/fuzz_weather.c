/* SPDX-License-Identifier: Apache-2.0 */
/* Property: temperatures that are accepted stand in ascending order of time, each missing or within
 * the limits, and every day's mean lies within those of its samples; what is refused has words. */
#include <assert.h>
#include <math.h>

#include "server/weather/sample_csv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_days(const struct sample_csv *csv)
{
	struct temperature temperature;

	temperature_init(&temperature, csv->samples, csv->n, sample_csv_per_day(csv), 8 * HOUR_MS);
	for (size_t i = 0; i < temperature.n; i++) {
		assert(isnan(temperature.mean[i]) ||
		       (temperature.mean[i] >= sample_csv_celsius.min - 1e-9 &&
			temperature.mean[i] <= sample_csv_celsius.max + 1e-9));
		assert(temperature.hours[i] >= 0 && temperature.hours[i] <= 24);
	}
	temperature_fini(&temperature);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sample_csv csv;
	struct err err = {""};

	if (sample_csv_parse((const char *)data, size, 8 * HOUR_MS, &sample_csv_celsius, &csv,
			     &err) < 0) {
		assert(err.text[0] != '\0');
		return 0;
	}
	for (size_t i = 0; i < csv.n; i++) {
		assert(i == 0 || csv.samples[i - 1].start_ms < csv.samples[i].start_ms);
		assert(isnan(csv.samples[i].value) ||
		       (csv.samples[i].value >= sample_csv_celsius.min &&
			csv.samples[i].value <= sample_csv_celsius.max));
	}
	check_days(&csv);
	sample_csv_fini(&csv);
	return 0;
}
