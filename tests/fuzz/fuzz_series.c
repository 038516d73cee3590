/* SPDX-License-Identifier: Apache-2.0 */
/* Property: bytes that are read at all are exactly the bytes that their readings are written as. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "server/ledger/series.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reading *readings = xcalloc(series_capacity(size), sizeof *readings);
	struct buf bytes = {0};
	size_t n = 0;

	if (series_decode(20000, data, size, readings, &n) == 0) {
		assert(n <= series_capacity(size));
		for (size_t i = 0; i < n; i++) {
			assert(series_day_of(readings[i].time_ms) == 20000);
			assert(i == 0 || readings[i - 1].time_ms < readings[i].time_ms);
		}
		series_encode(20000, readings, n, &bytes);
		assert(bytes.len == size && (size == 0 || memcmp(bytes.data, data, size) == 0));
	}
	buf_fini(&bytes);
	free(readings);
	return 0;
}
