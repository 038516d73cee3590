/* SPDX-License-Identifier: Apache-2.0 */
/* Property: settings that are read are within their limits, rows come in order, and whatever is
 * computed of them is printed as JSON that can be read. The input: settings, a line of "--", CSV of
 * the meter, a line of "--", CSV of the weather. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "server/baseline/baseline_case.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct part {
	const char *at;
	size_t len;
};

static struct part next_part(struct part *rest)
{
	static const char fence[] = "\n--\n";
	const char *end = rest->len > 0 ? memmem(rest->at, rest->len, fence, 4) : NULL;
	struct part part = {rest->at, end != NULL ? (size_t)(end - rest->at) : rest->len};

	rest->at += part.len + (end != NULL ? 4 : 0);
	rest->len -= part.len + (end != NULL ? 4 : 0);
	return part;
}

static void compute(const struct baseline_case *settings, const struct sample_csv *meter,
		    const struct sample_csv *weather)
{
	struct temperature temperature;
	struct baseline_input input = {.spec = settings->spec,
				       .meter = meter->samples,
				       .n_meter = meter->n,
				       .temperature = &temperature,
				       .typical = &temperature};
	struct baseline_result result;
	struct buf out = {0};
	json_t *json;

	temperature_init(&temperature, weather->samples, weather->n,
			 settings->is_hourly_temperature ? 24 : 1, settings->spec.offset_ms);
	baseline_compute(&input, &result);
	baseline_case_print(settings, &result, &out);
	json = json_loads(out.data, 0, NULL);
	assert(json != NULL);
	json_decref(json);
	buf_fini(&out);
	baseline_result_fini(&result);
	temperature_fini(&temperature);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct part rest = {(const char *)data, size};
	struct part settings_text = next_part(&rest), meter_text = next_part(&rest);
	struct sample_csv meter = {0}, weather = {0};
	struct baseline_case settings;

	if (baseline_case_parse(settings_text.at, settings_text.len, &settings, NULL) < 0)
		return 0;
	assert(settings.spec.grid.n >= 1 && settings.spec.grid.n <= 201);
	assert(settings.spec.baseline.from_ms <= settings.spec.baseline.to_ms);
	if (settings.spec.grid.n > 20)
		settings.spec.grid.n = 20; /* for speed */
	if (sample_csv_parse(meter_text.at, meter_text.len, settings.spec.offset_ms,
			     &sample_csv_use, &meter, NULL) == 0 &&
	    sample_csv_parse(rest.at, rest.len, settings.spec.offset_ms, &sample_csv_celsius,
			     &weather, NULL) == 0) {
		for (size_t i = 1; i < meter.n; i++)
			assert(meter.samples[i - 1].start_ms < meter.samples[i].start_ms);
		compute(&settings, &meter, &weather);
	}
	sample_csv_fini(&meter);
	sample_csv_fini(&weather);
	return 0;
}
