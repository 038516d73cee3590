/* SPDX-License-Identifier: Apache-2.0 */
/* frame.h - Modbus requests and answers as bytes; accepts only what answers the request. */
#ifndef AGENT_FRAME_H
#define AGENT_FRAME_H

#include <stddef.h>
#include <stdint.h>

#include "agent/bus/bus.h"

enum { FRAME_PDU_MAX = 254 }; /* unit address included */

static inline void frame_write_u16(uint8_t *p, uint16_t value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
}

static inline uint16_t frame_read_u16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

uint16_t frame_crc(const uint8_t *bytes, size_t len);

/* Unit address, function, address, count: 6 bytes; with CRC: 8. Return the length. */
size_t frame_write_pdu(const struct bus_request *request, uint8_t *out);
size_t frame_write_rtu(const struct bus_request *request, uint8_t *out);

/* The length of the answer on a serial line as far as its first bytes tell; 0: too few yet. */
size_t frame_rtu_answer_length(const struct bus_request *request, const uint8_t *bytes, size_t len);

/* BUS_OK with registers, BUS_EXCEPTION with its code, BUS_WRONG_UNIT, BUS_GARBLED; BUS_CRC. */
enum bus_outcome frame_parse_pdu(const struct bus_request *request, const uint8_t *bytes,
				 size_t len, struct bus_reply *reply);
enum bus_outcome frame_parse_rtu(const struct bus_request *request, const uint8_t *bytes,
				 size_t len, struct bus_reply *reply);
/* The first answer among other bytes, found by unit, function, length and CRC: where it ends; 0:
 * there is none yet. *outcome is BUS_OK or BUS_EXCEPTION. */
size_t frame_find_rtu(const struct bus_request *request, const uint8_t *bytes, size_t len,
		      struct bus_reply *reply, enum bus_outcome *outcome);

#endif
