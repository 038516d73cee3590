/* SPDX-License-Identifier: Apache-2.0 */
/* A serial line by libmodbus. */
#include <errno.h>
#include <modbus.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "agent/bus.h"
#include "common/clock.h"
#include "common/mem.h"

enum {
	BYTE_TIMEOUT_MS = 100, /* between two bytes of an answer; USB converters deliver in lumps */
	HOLD_MIN_MS = 30,      /* of silence after anything that was no answer */
	LATE_MIN_MS = 200,     /* an answer may be late by so much, or by a time-out */
};

struct rtu_bus {
	char *device;
	struct bus_settings settings; /* in force while open */
	modbus_t *modbus;
	int64_t quiet_us;      /* the line was busy until */
	uint8_t late_unit;     /* did not answer in time, and may still do so ... */
	int64_t late_until_us; /* ... until then */
};

static void rtu_close(void *bus)
{
	struct rtu_bus *b = bus;

	if (b->modbus == NULL)
		return;
	modbus_close(b->modbus);
	modbus_free(b->modbus);
	b->modbus = NULL;
}

static void *rtu_create(const struct bus_address *address)
{
	struct rtu_bus *b = xcalloc(1, sizeof *b);

	b->device = xstrdup(address->device);
	b->settings = address->settings;
	return b;
}

static void rtu_destroy(void *bus)
{
	struct rtu_bus *b = bus;

	rtu_close(b);
	free(b->device);
	free(b);
}

static int rtu_open(void *bus, struct err *err)
{
	struct rtu_bus *b = bus;
	int code;

	if (b->modbus != NULL)
		return 0;
	b->modbus = modbus_new_rtu(b->device, (int)b->settings.baud, b->settings.parity, 8,
				   b->settings.stop_bits);
	if (b->modbus == NULL)
		return err_set(err, -errno, "%s: %s", b->device, modbus_strerror(errno));
	if (modbus_connect(b->modbus) != 0) {
		code = errno > 0 ? -errno : -EIO;
		modbus_free(b->modbus);
		b->modbus = NULL;
		return err_set(err, code, "%s cannot be opened: %s", b->device, err_name(code));
	}
	/* Another program on the same line would take our answers. */
	(void)ioctl(modbus_get_socket(b->modbus), TIOCEXCL);
	(void)modbus_flush(b->modbus);
	return 0;
}

static int64_t character_us(const struct bus_settings *s)
{
	return (9 + (s->parity != 'N') + s->stop_bits) * INT64_C(1000000) / s->baud;
}

static void sleep_until_us(int64_t until_us)
{
	int64_t us = until_us - clock_mono_us();
	struct timespec rest = {us / 1000000, us % 1000000 * 1000};

	if (us > 0)
		(void)nanosleep(&rest, NULL); /* a signal only makes the pause shorter */
}

/* Frames are told apart by a silence of 3.5 characters, 1.75 ms above 19200 baud. */
static void keep_silence(const struct rtu_bus *b)
{
	int64_t silence_us = b->settings.baud > 19200 ? 1750 : character_us(&b->settings) * 7 / 2;

	sleep_until_us(b->quiet_us + silence_us);
}

static enum bus_outcome outcome_of(int code, struct bus_reply *reply)
{
	if (code > MODBUS_ENOBASE && code < MODBUS_ENOBASE + MODBUS_EXCEPTION_MAX) {
		reply->exception = code - MODBUS_ENOBASE;
		return BUS_EXCEPTION;
	}
	switch (code) {
	case ETIMEDOUT:
		return BUS_TIMEOUT;
	case EMBBADCRC:
		return BUS_CRC;
	case EMBBADSLAVE:
		return BUS_WRONG_UNIT;
	case EIO:
	case EBADF:
	case ENODEV:
	case ENXIO:
	case EPIPE:
	case ECONNRESET:
		return BUS_LINK_DOWN;
	default:
		return BUS_GARBLED;
	}
}

static int read_bits(modbus_t *modbus, const struct bus_request *request, struct bus_reply *reply)
{
	uint8_t bits[BUS_REGISTERS_MAX];
	int n = request->function == 1
			? modbus_read_bits(modbus, request->address, request->count, bits)
			: modbus_read_input_bits(modbus, request->address, request->count, bits);

	for (int i = 0; i < n; i++)
		reply->registers[i] = bits[i];
	return n;
}

static int ask(modbus_t *modbus, const struct bus_request *request, struct bus_reply *reply)
{
	if (request->function == 3)
		return modbus_read_registers(modbus, request->address, request->count,
					     reply->registers);
	if (request->function == 4)
		return modbus_read_input_registers(modbus, request->address, request->count,
						   reply->registers);
	return read_bits(modbus, request, reply);
}

/* Whatever still comes in belongs to nobody. The longest answer may be on its way. */
static void hold(struct rtu_bus *b, const struct bus_request *request)
{
	int64_t answer_us = character_us(&b->settings) * (5 + 2 * (int64_t)request->count);

	sleep_until_us(clock_mono_us() + answer_us + HOLD_MIN_MS * 1000);
	(void)modbus_flush(b->modbus);
}

/* A late answer of another unit is found out by its address. One of the same unit looks like the
 * answer to the next request: that request waits until none can come any more. */
static void note_late(struct rtu_bus *b, const struct bus_request *request)
{
	int64_t ms = request->timeout_ms > LATE_MIN_MS ? request->timeout_ms : LATE_MIN_MS;

	b->late_unit = request->unit;
	b->late_until_us = clock_mono_us() + ms * 1000;
}

static void wait_for_late(struct rtu_bus *b, const struct bus_request *request)
{
	if (request->unit != b->late_unit || clock_mono_us() >= b->late_until_us)
		return;
	sleep_until_us(b->late_until_us);
	(void)modbus_flush(b->modbus);
}

static bool is_other(const struct bus_settings *a, const struct bus_settings *b)
{
	return a->baud != b->baud || a->parity != b->parity || a->stop_bits != b->stop_bits;
}

static enum bus_outcome rtu_read(void *bus, const struct bus_request *request,
				 struct bus_reply *reply)
{
	struct rtu_bus *b = bus;
	int64_t byte_ms =
		request->timeout_ms < BYTE_TIMEOUT_MS ? request->timeout_ms : BYTE_TIMEOUT_MS;
	enum bus_outcome outcome = BUS_OK;
	int64_t start_us;

	if (is_other(&request->settings, &b->settings)) {
		rtu_close(b);
		b->settings = request->settings;
	}
	if (b->modbus == NULL && rtu_open(b, NULL) != 0)
		return BUS_LINK_DOWN;
	(void)modbus_set_slave(b->modbus, request->unit);
	(void)modbus_set_response_timeout(b->modbus, (uint32_t)(request->timeout_ms / 1000),
					  (uint32_t)(request->timeout_ms % 1000 * 1000));
	(void)modbus_set_byte_timeout(b->modbus, 0, (uint32_t)(byte_ms * 1000));
	wait_for_late(b, request);
	keep_silence(b);
	start_us = clock_mono_us();
	errno = 0;
	if (ask(b->modbus, request, reply) != request->count)
		outcome = outcome_of(errno, reply);
	reply->round_trip_us = clock_mono_us() - start_us;
	if (outcome == BUS_TIMEOUT)
		note_late(b, request);
	if (outcome == BUS_LINK_DOWN)
		rtu_close(b);
	else if (outcome != BUS_OK && outcome != BUS_EXCEPTION)
		hold(b, request);
	b->quiet_us = clock_mono_us();
	return outcome;
}

const struct bus_ops bus_modbus_rtu = {rtu_create, rtu_destroy, rtu_open, rtu_read, rtu_close};
