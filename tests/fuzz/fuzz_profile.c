/* SPDX-License-Identifier: Apache-2.0 */
/* A profile that is accepted can be used: its points refer backwards, fit into one read, are read
 * by a plan that obeys the device's limits, and decode any registers into what can be printed. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "agent/plan/sweep.h"
#include "agent/profile/decode.h"
#include "agent/profile/profile.h"

static void check_point(const struct profile *profile, size_t index)
{
	const struct profile_point *point = &profile->points[index];
	uint32_t end = (uint32_t)point->first_address + point->extent;

	assert(end <= 65536 && point->extent <= profile->max_registers);
	assert(point->exponent < (int)index && point->unit < (int)index);
	assert(point->sign.point < (int)index && point->gate.point < (int)index);
	assert(point->count < (int)index);
	for (size_t i = 0; i < point->n_factors; i++)
		assert(point->factors[i] >= 0 && point->factors[i] < (int)index);
	for (size_t i = 0; i < point->n_terms; i++) {
		const struct profile_term *term = &point->terms[i];

		assert(term->of < (int)index);
		assert(term->of >= 0 || (term->count > 0 && term->address >= point->first_address &&
					 term->address + term->count <= (int)end));
	}
}

static void check_decode(const struct profile *profile, size_t index, const uint8_t *data,
			 size_t size)
{
	const struct profile_point *point = &profile->points[index];
	uint16_t registers[125];
	struct decode_block block = {point->function, point->first_address, point->extent,
				     registers};
	struct decode_input input = {profile, &block, 1, NULL, 0};
	struct decode_value value;
	char text[DECODE_TEXT_MAX];

	for (size_t i = 0; i < 125; i++)
		registers[i] = (uint16_t)(data[i * 2 % size] << 8 | data[(i * 7 + 1) % size]);
	decode_point(&input, index, &value);
	if (value.kind == DECODE_NUMBER)
		assert(decimal_print(value.number, text) < sizeof text);
	if (value.kind == DECODE_TEXT)
		assert(memchr(value.text, '\0', sizeof value.text) != NULL);
}

static void check_sweep(const struct profile *profile)
{
	struct sweep_wish wish = {.profile = profile, .cost = {20000, 2000}};
	struct sweep *sweep;

	if (sweep_create(&sweep, &wish, NULL) != 0)
		return;
	assert(sweep->n_points > 0);
	for (size_t i = 0; i < sweep->n_reads; i++)
		assert(sweep->reads[i].count >= 1 &&
		       sweep->reads[i].count <= profile->max_registers);
	sweep_destroy(sweep);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct conf_errors errors = {0};
	struct profile *profile = NULL;
	int code = profile_parse(&profile, "fuzz", (const char *)data, size, &errors);

	assert((code == 0) == (errors.count == 0));
	if (code == 0) {
		for (size_t i = 0; i < profile->n_points; i++) {
			check_point(profile, i);
			check_decode(profile, i, data, size);
		}
		check_sweep(profile);
	}
	profile_destroy(profile);
	conf_errors_fini(&errors);
	return 0;
}
