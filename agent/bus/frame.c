/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/bus/frame.h"

#include <stdbool.h>

enum { FUNCTION_ERROR = 0x80 };

uint16_t frame_crc(const uint8_t *bytes, size_t len)
{
	uint16_t crc = 0xFFFF;

	for (size_t i = 0; i < len; i++) {
		crc ^= bytes[i];
		for (int bit = 0; bit < 8; bit++)
			crc = (uint16_t)(crc & 1 ? crc >> 1 ^ 0xA001 : crc >> 1);
	}
	return crc;
}

size_t frame_write_pdu(const struct bus_request *request, uint8_t *out)
{
	out[0] = request->unit;
	out[1] = request->function;
	frame_write_u16(out + 2, request->address);
	frame_write_u16(out + 4, request->count);
	return 6;
}

size_t frame_write_rtu(const struct bus_request *request, uint8_t *out)
{
	size_t len = frame_write_pdu(request, out);
	uint16_t crc = frame_crc(out, len);

	out[len] = (uint8_t)crc; /* the low byte goes first */
	out[len + 1] = (uint8_t)(crc >> 8);
	return len + 2;
}

static bool is_bits(const struct bus_request *request)
{
	return request->function <= 2;
}

static size_t data_bytes(const struct bus_request *request)
{
	return is_bits(request) ? (request->count + 7U) / 8 : request->count * 2U;
}

size_t frame_rtu_answer_length(const struct bus_request *request, const uint8_t *bytes, size_t len)
{
	if (len < 2)
		return 0;
	return bytes[1] & FUNCTION_ERROR ? 5 : 5 + data_bytes(request);
}

enum bus_outcome frame_parse_pdu(const struct bus_request *request, const uint8_t *bytes,
				 size_t len, struct bus_reply *reply)
{
	if (len < 3)
		return BUS_GARBLED;
	if (bytes[0] != request->unit)
		return BUS_WRONG_UNIT;
	if (len == 3 && bytes[1] == (request->function | FUNCTION_ERROR)) {
		reply->exception = bytes[2];
		return BUS_EXCEPTION;
	}
	if (bytes[1] != request->function || bytes[2] != data_bytes(request) ||
	    len != 3 + data_bytes(request))
		return BUS_GARBLED;
	for (size_t i = 0; i < request->count; i++) {
		const uint8_t *data = bytes + 3;

		if (is_bits(request))
			reply->registers[i] = data[i / 8] >> i % 8 & 1;
		else
			reply->registers[i] = frame_read_u16(data + 2 * i);
	}
	return BUS_OK;
}

enum bus_outcome frame_parse_rtu(const struct bus_request *request, const uint8_t *bytes,
				 size_t len, struct bus_reply *reply)
{
	if (len < 5)
		return BUS_GARBLED;
	/* Over the whole frame, its own CRC included, the CRC is 0. */
	if (frame_crc(bytes, len) != 0)
		return BUS_CRC;
	return frame_parse_pdu(request, bytes, len - 2, reply);
}

size_t frame_find_rtu(const struct bus_request *request, const uint8_t *bytes, size_t len,
		      struct bus_reply *reply, enum bus_outcome *outcome)
{
	for (size_t at = 0; at < len; at++) {
		enum bus_outcome what;
		size_t left = len - at;
		size_t n = frame_rtu_answer_length(request, bytes + at, left);

		if (bytes[at] != request->unit || n == 0 || left < n)
			continue;
		what = frame_parse_rtu(request, bytes + at, n, reply);
		if (what == BUS_OK || what == BUS_EXCEPTION) {
			*outcome = what;
			return at + n;
		}
	}
	return 0;
}
