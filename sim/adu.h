/* SPDX-License-Identifier: Apache-2.0 */
/* adu.h - Modbus frames: requests out of bytes and answers into bytes, for TCP and for serial
 * lines. */
#ifndef SIM_ADU_H
#define SIM_ADU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ADU_MAX = 264, ADU_PDU_MAX = 253 };

struct adu_request {
	uint16_t transaction; /* TCP */
	uint8_t unit, function;
	bool is_read; /* function 1-4 in its right length: address and count are set */
	uint16_t address, count;
};

uint16_t adu_crc(const uint8_t *data, size_t len);

/* Both: *used is how many bytes at the start are done with. True: request is filled. False: more
 * bytes are needed (0 to all of them may be garbage). */
bool adu_parse_rtu(const uint8_t *data, size_t len, struct adu_request *request, size_t *used);
/* *is_broken: this is no Modbus TCP; the connection must be closed. */
bool adu_parse_tcp(const uint8_t *data, size_t len, struct adu_request *request, size_t *used,
		   bool *is_broken);

/* pdu: function and data, at most ADU_PDU_MAX bytes. Returns the length of the frame. */
size_t adu_build_rtu(uint8_t unit, const uint8_t *pdu, size_t len, uint8_t out[ADU_MAX]);
size_t adu_build_tcp(uint16_t transaction, uint8_t unit, const uint8_t *pdu, size_t len,
		     uint8_t out[ADU_MAX]);

#endif
