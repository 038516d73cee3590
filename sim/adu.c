/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/adu.h"

#include <assert.h>
#include <string.h>

enum {
	RTU_MIN = 4,  /* unit, function, CRC */
	RTU_READ = 8, /* a request of functions 1 to 6 */
	RTU_MAX = 256,
	TCP_HEADER = 7,
	READ_PDU = 5,
	LAST_READ_FUNCTION = 4, /* 5 and 6 write one value and are as long */
	LAST_SHORT_FUNCTION = 6,
};

static uint16_t be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint16_t crc_add(uint16_t crc, uint8_t byte)
{
	crc ^= byte;
	for (int bit = 0; bit < 8; bit++)
		crc = (uint16_t)(crc & 1 ? crc >> 1 ^ 0xa001 : crc >> 1);
	return crc;
}

uint16_t adu_crc(const uint8_t *data, size_t len)
{
	uint16_t crc = 0xffff;

	for (size_t i = 0; i < len; i++)
		crc = crc_add(crc, data[i]);
	return crc;
}

/* Over a frame with its CRC the CRC is 0. */
static bool is_whole(const uint8_t *data, size_t len)
{
	return adu_crc(data, len) == 0;
}

static void fill(const uint8_t *pdu, size_t len, uint8_t unit, struct adu_request *request)
{
	*request = (struct adu_request){.unit = unit, .function = pdu[0]};
	if (len != READ_PDU || pdu[0] < 1 || pdu[0] > LAST_READ_FUNCTION)
		return;
	request->is_read = true;
	request->address = be16(pdu + 1);
	request->count = be16(pdu + 3);
}

static bool is_short(const uint8_t *frame)
{
	return frame[1] >= 1 && frame[1] <= LAST_SHORT_FUNCTION;
}

/* The length of the frame at the start; 0: none is complete. A function that we do not know does
 * not tell its length: the CRC does. */
static size_t frame_at_start(const uint8_t *data, size_t len)
{
	uint16_t crc = 0xffff;

	if (len >= RTU_READ && is_short(data) && is_whole(data, RTU_READ))
		return RTU_READ;
	if (len < RTU_MIN || is_short(data))
		return 0;
	for (size_t n = 1; n <= len && n <= RTU_MAX; n++) {
		crc = crc_add(crc, data[n - 1]);
		if (crc == 0 && n >= RTU_MIN)
			return n;
	}
	return 0;
}

bool adu_parse_rtu(const uint8_t *data, size_t len, struct adu_request *request, size_t *used)
{
	size_t n = frame_at_start(data, len);

	*used = 0;
	if (n > 0) {
		fill(data + 1, n - 3, data[0], request);
		*used = n;
		return true;
	}
	/* Behind garbage only reads are believed: their CRC stands where their length says. */
	for (size_t start = 1; start + RTU_READ <= len; start++) {
		const uint8_t *frame = data + start;

		if (!is_short(frame) || !is_whole(frame, RTU_READ))
			continue;
		fill(frame + 1, READ_PDU, frame[0], request);
		*used = start + RTU_READ;
		return true;
	}
	if (len >= RTU_MAX)
		*used = len - RTU_READ + 1;
	return false;
}

bool adu_parse_tcp(const uint8_t *data, size_t len, struct adu_request *request, size_t *used,
		   bool *is_broken)
{
	uint16_t rest;

	*used = 0;
	*is_broken = false;
	if (len < TCP_HEADER)
		return false;
	rest = be16(data + 4); /* unit and PDU */
	if (be16(data + 2) != 0 || rest < 2 || rest > ADU_PDU_MAX + 1) {
		*is_broken = true;
		return false;
	}
	if (len < (size_t)TCP_HEADER - 1 + rest)
		return false;
	fill(data + TCP_HEADER, rest - 1u, data[6], request);
	request->transaction = be16(data);
	*used = (size_t)TCP_HEADER - 1 + rest;
	return true;
}

size_t adu_build_rtu(uint8_t unit, const uint8_t *pdu, size_t len, uint8_t out[ADU_MAX])
{
	uint16_t crc;

	assert(len >= 1 && len <= ADU_PDU_MAX);
	out[0] = unit;
	memcpy(out + 1, pdu, len);
	crc = adu_crc(out, len + 1);
	out[len + 1] = (uint8_t)crc;
	out[len + 2] = (uint8_t)(crc >> 8);
	return len + 3;
}

size_t adu_build_tcp(uint16_t transaction, uint8_t unit, const uint8_t *pdu, size_t len,
		     uint8_t out[ADU_MAX])
{
	assert(len >= 1 && len <= ADU_PDU_MAX);
	out[0] = (uint8_t)(transaction >> 8);
	out[1] = (uint8_t)transaction;
	out[2] = out[3] = 0;
	out[4] = (uint8_t)((len + 1) >> 8);
	out[5] = (uint8_t)(len + 1);
	out[6] = unit;
	memcpy(out + TCP_HEADER, pdu, len);
	return TCP_HEADER + len;
}
