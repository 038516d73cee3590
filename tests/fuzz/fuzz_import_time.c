/* SPDX-License-Identifier: Apache-2.0 */
/* What is taken for a time reads the same once it is written as RFC 3339. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "common/civil.h"
#include "server/ingest/import_time.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const int64_t offset = 8 * (int64_t)HOUR_MS;
	char text[64] = "", written[CIVIL_TEXT_MAX];
	int64_t ms, again;

	if (size >= sizeof text)
		return 0;
	memcpy(text, data, size);
	if (import_time_parse(text, offset, &ms) < 0)
		return 0;
	/* RFC 3339 has four digits for the year; Unix milliseconds may lie beyond. */
	if (ms < 0 || ms > INT64_C(253402214400000))
		return 0;
	(void)civil_print_time(ms, offset, written);
	assert(import_time_parse(written, offset, &again) == 0 && again == ms);
	return 0;
}
