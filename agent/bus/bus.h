/* SPDX-License-Identifier: Apache-2.0 */
/* bus.h - the seam between the poller and a line with meters on it: one request, one outcome. */
#ifndef AGENT_BUS_H
#define AGENT_BUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/bus/dial_in.h"
#include "common/err.h"

enum { BUS_REGISTERS_MAX = 125 };

enum bus_outcome {
	BUS_OK,
	BUS_TIMEOUT,
	BUS_EXCEPTION,  /* the meter answered that it cannot; see bus_reply.exception */
	BUS_CRC,        /* a damaged answer */
	BUS_GARBLED,    /* bytes that are no answer */
	BUS_WRONG_UNIT, /* another meter's answer */
	BUS_LINK_DOWN,  /* the device or the connection is gone */
	BUS_N_OUTCOMES,
};

/* "ok", "timeout", ...; and back, -1 if it is none. */
const char *bus_outcome_name(enum bus_outcome outcome);
int bus_outcome_of(const char *name);

struct bus_settings {
	int64_t baud; /* RTU */
	char parity;  /* 'N' 'E' 'O' */
	int stop_bits;
};

/* Serial ports know some rates only; libmodbus would silently take 9600 for any other. */
bool bus_has_baud(int64_t baud);

/* Who switches an RS-485 transceiver between sending and receiving. */
enum bus_direction {
	BUS_DIRECTION_NONE,         /* it does so itself */
	BUS_DIRECTION_KERNEL,       /* the driver, by TIOCSRS485 */
	BUS_DIRECTION_RTS,          /* we, by RTS: set while sending */
	BUS_DIRECTION_RTS_INVERTED, /* likewise: cleared while sending */
};

/* Sees the bytes of every frame as they go over the line, in the thread that reads. An answer that
 * comes in pieces may be shown in pieces. */
typedef void (*bus_tap_fn)(bool is_sent, const uint8_t *bytes, size_t len, void *arg);

struct bus_tap {
	bus_tap_fn fn; /* NULL: nobody looks */
	void *arg;
};

struct bus_address {
	const char *device; /* RTU; NULL for TCP */
	struct bus_settings settings;
	enum bus_direction direction;
	int64_t direction_ms; /* rest between switching and sending, and back */
	const char *host;     /* TCP */
	int port;
	int64_t connect_timeout_ms, connect_delay_ms; /* silence after connecting */
	struct dial_in *dial_in;                      /* a gateway that dials in; borrowed */
	struct dial_in_place place;
	bool is_framed_tcp; /* it speaks Modbus TCP, not serial frames */
	bool is_shared;     /* while closed, other programs may have the line */
	struct bus_tap tap;
};

struct bus_request {
	uint8_t unit, function; /* function 1-4 */
	uint16_t address, count;
	int64_t timeout_ms;
	struct bus_settings settings; /* RTU: as this meter wants them */
};

/* A master never sends anything else: some meters take an unknown function for a command to reset.
 */
static inline bool bus_request_is_valid(const struct bus_request *request)
{
	return request->function >= 1 && request->function <= 4 && request->count >= 1 &&
	       request->count <= BUS_REGISTERS_MAX &&
	       (uint32_t)request->address + request->count <= 65536;
}

struct bus_reply {
	uint16_t registers[BUS_REGISTERS_MAX]; /* functions 1, 2: a bit each, 0 or 1 */
	int exception;                         /* Modbus exception code */
	int64_t round_trip_us;
};

/* After any outcome but BUS_OK and BUS_EXCEPTION, an operation has made sure that a late answer
 * cannot be taken for the next one's. */
struct bus_ops {
	/* Prepares; opens nothing yet. Copies what it needs. */
	void *(*create)(const struct bus_address *address);
	void (*destroy)(void *bus);
	/* Makes the link usable: 0 at once if it is. Negative errno with words if it is down;
	 * -EBUSY: another program has it. */
	int (*open)(void *bus, struct err *err);
	enum bus_outcome (*read)(void *bus, const struct bus_request *request,
				 struct bus_reply *reply);
	void (*close)(void *bus); /* until it is opened again; twice does no harm */
};

static inline void bus_tap_show(const struct bus_tap *tap, bool is_sent, const uint8_t *bytes,
				size_t len)
{
	if (tap->fn != NULL)
		tap->fn(is_sent, bytes, len, tap->arg);
}

extern const struct bus_ops bus_modbus_rtu; /* libmodbus */
extern const struct bus_ops bus_tcp;        /* Modbus TCP */
extern const struct bus_ops bus_rtu_over_tcp;
extern const struct bus_ops bus_dial_in; /* the connection comes from a gateway */

#endif
