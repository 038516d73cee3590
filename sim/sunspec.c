/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/sunspec.h"

enum {
	HEADER = 2, /* registers: a model's id and its length without these two */
	MARK = 2,
	COMMON_MODEL = 1,
	COMMON_LENGTH = 66,
	BEFORE = MARK + HEADER + COMMON_LENGTH,
	END_MODEL = 0xFFFF,
};

static uint16_t length_of(const struct profile *profile)
{
	uint32_t end = HEADER;

	for (size_t i = 0; i < profile->n_points; i++) {
		const struct profile_point *point = &profile->points[i];
		uint32_t last = (uint32_t)point->first_address + point->extent;

		if (last > end)
			end = last;
	}
	return (uint16_t)(end - HEADER);
}

static bool find_before(uint16_t place, uint16_t *value)
{
	static const uint16_t words[] = {0x5375, 0x6E53, COMMON_MODEL, COMMON_LENGTH};

	*value = place < sizeof words / sizeof *words ? words[place] : 0;
	return place < BEFORE;
}

bool sunspec_register(const struct profile *profile, uint16_t base, uint16_t address,
		      uint16_t *value)
{
	uint16_t length;

	if (profile->n_models == 0)
		return false;
	if (address < base)
		return base >= BEFORE && address >= base - BEFORE &&
		       find_before((uint16_t)(address - (base - BEFORE)), value);
	length = length_of(profile);
	switch (address - base) {
	case 0:
		*value = profile->models[profile->n_models - 1];
		return true;
	case 1:
		*value = length;
		return true;
	default:
		*value = address - base == HEADER + length ? END_MODEL : 0;
		return address - base == HEADER + length || address - base == HEADER + length + 1;
	}
}
