/* SPDX-License-Identifier: Apache-2.0 */
/* Property: days that are read from any bytes, put into an empty block, are read from it again; and
 * a day put among any bytes either is refused or is there. */
#include <assert.h>
#include <string.h>

#include "server/rollup/load_code.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_same(const struct load_day *a, const struct load_day *b)
{
	return a->known == b->known && a->estimated == b->estimated && a->has_peak == b->has_peak &&
	       a->peak == b->peak && a->peak_at_ms == b->peak_at_ms &&
	       memcmp(a->hours, b->hours, sizeof a->hours) == 0;
}

/* The last of the block's days that is this one; false: it is not there. */
static bool find(const unsigned char *data, size_t len, civil_day day, struct load_day *out)
{
	struct load_day load;
	bool is_there = false;

	for (size_t at = 0; at < len && load_block_next(data, len, 0, &at, &load) == 0;)
		if (load.day == day) {
			*out = load;
			is_there = true;
		}
	return is_there;
}

static bool is_empty(const struct load_day *load)
{
	return load->known == 0 && !load->has_peak;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct load_block block = {.len = 0}, any = {.len = size};
	struct load_day load, found;
	struct load_day added = {.day = 3, .known = 1, .hours = {5}};

	if (size > sizeof any.data)
		return 0;
	for (size_t at = 0; at < size && load_block_next(data, size, 0, &at, &load) == 0;)
		assert(load_block_put(&block, &load) == 0);
	for (civil_day day = 0; day < LOAD_BLOCK_DAYS; day++)
		if (find(data, size, day, &load))
			assert(find(block.data, block.len, day, &found) ? is_same(&load, &found)
									: is_empty(&load));
	memcpy(any.data, data, size);
	if (load_block_put(&any, &added) == 0) {
		assert(any.len <= sizeof any.data);
		for (size_t at = 0; at < any.len;) {
			if (load_block_next(any.data, any.len, 0, &at, &load) < 0)
				return 0; /* what is damaged behind it is not looked at */
			if (load.day == added.day && is_same(&load, &added))
				return 0;
		}
		assert(false);
	}
	return 0;
}
