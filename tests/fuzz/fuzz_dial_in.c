/* SPDX-License-Identifier: Apache-2.0 */
/* A gateway that dials in is known by all of its registration and by its source, however its bytes
 * are cut: each further byte may only settle what was open. Input: the length of a registration, of
 * which 0 is none, whether a source is wanted, whether it is this one, the registration, then what
 * the gateway sends. */
#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "agent/bus/dial_in.h"

static void check_settled(enum dial_in_fit before, enum dial_in_fit now)
{
	assert(before == DIAL_IN_MAY_FIT ? now != DIAL_IN_FITS_BY_SOURCE : now == before);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dial_in_place place = {.address = "127.0.0.1", .port = 5020};
	const char *source = "192.0.2.1";
	enum dial_in_fit before, now;
	bool is_other;

	if (size < 3 || size - 3 < data[0] % (DIAL_IN_BYTES_MAX + 1U))
		return 0;
	place.registration.len = data[0] % (DIAL_IN_BYTES_MAX + 1U);
	place.source = data[1] % 2 == 1 ? source : NULL;
	is_other = place.source != NULL && data[2] % 2 == 1;
	data += 3;
	size -= 3 + place.registration.len;
	memcpy(place.registration.bytes, data, place.registration.len);
	data += place.registration.len;
	if (size > DIAL_IN_BYTES_MAX)
		size = DIAL_IN_BYTES_MAX;
	before = dial_in_fits(&place, is_other ? "192.0.2.2" : source, data, 0);
	for (size_t n = 1; n <= size; n++) {
		now = dial_in_fits(&place, is_other ? "192.0.2.2" : source, data, n);
		check_settled(before, now);
		before = now;
	}
	if (is_other)
		assert(before == DIAL_IN_FITS_NOT);
	else if (place.registration.len == 0)
		assert(before == DIAL_IN_FITS_BY_SOURCE);
	else
		assert((before == DIAL_IN_FITS) ==
		       (size >= place.registration.len &&
			memcmp(data, place.registration.bytes, place.registration.len) == 0));
	return 0;
}
