/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes that are taken for an answer are the answer: the same unit, function and number of bytes as
 * the request, and on a serial line a right CRC. Behind a gateway that says things of its own, a
 * right answer is found wherever it begins. Input: a request of 6 bytes, then the answer. */
#include <assert.h>
#include <string.h>

#include "agent/bus/frame.h"

static void check(const struct bus_request *request, const uint8_t *bytes, size_t len, int is_rtu)
{
	struct bus_reply reply;
	enum bus_outcome outcome = is_rtu ? frame_parse_rtu(request, bytes, len, &reply)
					  : frame_parse_pdu(request, bytes, len, &reply);
	size_t data = request->function <= 2 ? (request->count + 7U) / 8 : request->count * 2U;

	if (outcome != BUS_OK && outcome != BUS_EXCEPTION)
		return;
	assert(bytes[0] == request->unit);
	if (is_rtu)
		assert(frame_crc(bytes, len) == 0 &&
		       frame_rtu_answer_length(request, bytes, len) == len);
	if (outcome == BUS_EXCEPTION) {
		assert(bytes[1] == (request->function | 0x80) && reply.exception == bytes[2]);
		return;
	}
	assert(bytes[1] == request->function && bytes[2] == data);
	assert(len == data + (is_rtu ? 5 : 3));
	if (request->function > 2)
		assert(reply.registers[request->count - 1] == frame_read_u16(bytes + 1 + data));
}

static void check_search(const struct bus_request *request, const uint8_t *bytes, size_t len)
{
	uint8_t stream[300 + 5];
	struct bus_reply reply;
	enum bus_outcome outcome = BUS_TIMEOUT;
	size_t end = frame_find_rtu(request, bytes, len, &reply, &outcome), found = 0;
	uint16_t crc;

	assert(end <= len && (end == 0) == (outcome == BUS_TIMEOUT));
	for (size_t at = 0; at < end; at++) {
		enum bus_outcome again = frame_parse_rtu(request, bytes + at, end - at, &reply);

		found += again == outcome;
	}
	assert(end == 0 || found > 0);
	/* The same with an exception behind it, which is short. */
	memcpy(stream, bytes, len);
	stream[len] = request->unit;
	stream[len + 1] = request->function | 0x80;
	stream[len + 2] = 2;
	crc = frame_crc(stream + len, 3);
	stream[len + 3] = (uint8_t)crc;
	stream[len + 4] = (uint8_t)(crc >> 8);
	assert(frame_find_rtu(request, stream, len + 5, &reply, &outcome) > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bus_request request;
	uint8_t frame[300];
	size_t len;
	uint16_t crc;

	if (size < 8)
		return 0;
	request = (struct bus_request){
		.unit = data[0],
		.function = (uint8_t)(1 + data[1] % 4),
		.address = frame_read_u16(data + 2),
		.count = (uint16_t)(1 + data[5] % BUS_REGISTERS_MAX),
	};
	len = size - 6 < 260 ? size - 6 : 260;
	memcpy(frame, data + 6, len);
	check(&request, frame, len, 0);
	check(&request, frame, len, 1);
	check_search(&request, frame, len);
	crc = frame_crc(frame, len); /* no search would find it */
	frame[len++] = (uint8_t)crc;
	frame[len++] = (uint8_t)(crc >> 8);
	check(&request, frame, len, 1);
	check_search(&request, frame, len);
	return 0;
}
