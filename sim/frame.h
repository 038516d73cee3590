/* SPDX-License-Identifier: Apache-2.0 */
/* frame.h - Modbus requests out of bytes and answers into bytes, for TCP and for serial lines. */
#ifndef SIM_FRAME_H
#define SIM_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FRAME_MAX = 264, FRAME_PDU_MAX = 253 };

struct frame_request {
	uint16_t transaction; /* TCP */
	uint8_t unit, function;
	bool is_read; /* function 1-4 in its right length: address and count are set */
	uint16_t address, count;
};

uint16_t frame_crc(const uint8_t *data, size_t len);

/* Both: *used is how many bytes at the start are done with. True: request is filled. False: more
 * bytes are needed (0 to all of them may be garbage). */
bool frame_parse_rtu(const uint8_t *data, size_t len, struct frame_request *request, size_t *used);
/* *is_broken: this is no Modbus TCP; the connection must be closed. */
bool frame_parse_tcp(const uint8_t *data, size_t len, struct frame_request *request, size_t *used,
		     bool *is_broken);

/* pdu: function and data, at most FRAME_PDU_MAX bytes. Returns the length of the frame. */
size_t frame_build_rtu(uint8_t unit, const uint8_t *pdu, size_t len, uint8_t out[FRAME_MAX]);
size_t frame_build_tcp(uint16_t transaction, uint8_t unit, const uint8_t *pdu, size_t len,
		       uint8_t out[FRAME_MAX]);

#endif
