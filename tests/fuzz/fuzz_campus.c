/* SPDX-License-Identifier: Apache-2.0 */
/* Property: a campus that is accepted has meters that are found by their ids and show a plate; one
 * that is not has a message that begins with the file's name. */
#include <assert.h>
#include <string.h>

#include "sim/campus.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW_MS INT64_C(1790000000000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char name[] = "config/fuzz.yaml";
	struct conf_errors errors = {0};
	struct campus *campus = NULL;

	if (campus_parse(&campus, name, (const char *)data, size, NOW_MS, &errors) < 0) {
		assert(campus == NULL && errors.count > 0);
		assert(strncmp(errors.text.data, name, sizeof name - 1) == 0);
		conf_errors_fini(&errors);
		return 0;
	}
	assert(errors.count == 0 && campus->n_meters <= CAMPUS_METERS_MAX);
	for (size_t i = 0; i < campus->n_meters; i++) {
		const struct campus_meter *meter = campus->meters[i];

		assert(meter->profile != NULL && meter->counter != NULL);
		assert(campus_find(campus, meter->id) == meter);
		assert(campus_serial(meter, NOW_MS) != NULL);
	}
	campus_destroy(campus);
	return 0;
}
