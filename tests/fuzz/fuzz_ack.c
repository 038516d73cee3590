/* SPDX-License-Identifier: Apache-2.0 */
/* Property: an acknowledgement that is accepted is, written again, the same bytes; it never
 * releases more than it confirms. */
#include <assert.h>
#include <string.h>

#include "common/telemetry.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct telemetry_ack ack;
	struct buf out = {0};
	struct err err = {""};

	if (telemetry_parse_ack((const char *)data, size, &ack, &err) != 0) {
		assert(err.text[0] != '\0');
		return 0;
	}
	assert(ack.epoch >= 1 && ack.kept >= 0 && ack.kept <= ack.seen && ack.until_ms >= 0);
	telemetry_write_ack(&out, &ack);
	assert(out.len == size && memcmp(out.data, data, size) == 0);
	buf_fini(&out);
	return 0;
}
