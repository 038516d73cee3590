/* SPDX-License-Identifier: Apache-2.0 */
/* Properties: the parsers never take more bytes than there are, always get on, give the same
 * requests however the bytes arrive, and a request of ours that stands at the start is found. */
#include <assert.h>
#include <string.h>

#include "sim/adu.h"

enum { MAX_REQUESTS = 512, READ = 8 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* As a TCP connection reads them; returns how many requests were found. */
static size_t parse_tcp(const uint8_t *data, size_t size, size_t chunk,
			struct adu_request requests[MAX_REQUESTS])
{
	size_t at = 0, end = 0, n = 0;

	while (end < size && n < MAX_REQUESTS) {
		bool is_broken = false;
		size_t used = 0;

		end = end + chunk < size ? end + chunk : size;
		while (n < MAX_REQUESTS &&
		       adu_parse_tcp(data + at, end - at, &requests[n], &used, &is_broken)) {
			assert(used > 0 && used <= end - at);
			assert(!requests[n].is_read ||
			       (requests[n].function >= 1 && requests[n].function <= 4));
			at += used;
			n++;
		}
		if (is_broken)
			break;
	}
	return n;
}

static void check_rtu(const uint8_t *data, size_t size)
{
	struct adu_request request;
	size_t at = 0, used = 0;

	while (adu_parse_rtu(data + at, size - at, &request, &used)) {
		assert(used >= 4 && used <= size - at);
		assert(!request.is_read ||
		       (used >= READ && adu_crc(data + at + used - READ, READ) == 0));
		at += used;
	}
	assert(used <= size - at);
	/* A full buffer makes room. */
	assert(size - at < 256 || used > 0);
}

static void check_own(const uint8_t *data, size_t size)
{
	uint8_t frame[ADU_MAX], pdu[] = {4, 0, 0, 0, 0};
	struct adu_request request;
	size_t len, used;

	if (size < 5)
		return;
	memcpy(pdu + 1, data + 1, 4);
	len = adu_build_rtu(data[0], pdu, sizeof pdu, frame);
	memcpy(frame + len, data, size < 64 ? size : 64);
	assert(adu_parse_rtu(frame, len + (size < 64 ? size : 64), &request, &used));
	assert(used == READ && request.is_read && request.unit == data[0]);
	assert(request.address == (data[1] << 8 | data[2]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct adu_request whole[MAX_REQUESTS], pieces[MAX_REQUESTS];
	size_t n = parse_tcp(data, size, size > 0 ? size : 1, whole);

	assert(n == parse_tcp(data, size, 1, pieces));
	for (size_t i = 0; i < n; i++)
		assert(whole[i].transaction == pieces[i].transaction &&
		       whole[i].unit == pieces[i].unit && whole[i].function == pieces[i].function &&
		       whole[i].address == pieces[i].address && whole[i].count == pieces[i].count);
	check_rtu(data, size);
	check_own(data, size);
	return 0;
}
