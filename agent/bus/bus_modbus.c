/* SPDX-License-Identifier: Apache-2.0 */
/* A serial line by libmodbus. */
#include <errno.h>
#include <linux/serial.h>
#include <modbus.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "agent/bus/bus.h"
#include "agent/bus/bus_lock.h"
#include "agent/bus/frame.h"
#include "common/clock.h"
#include "common/mem.h"

enum {
	BYTE_TIMEOUT_MS = 100, /* between two bytes of an answer; USB converters deliver in lumps */
	HOLD_MIN_MS = 30,      /* of silence after anything that was no answer */
	LATE_MIN_MS = 200,     /* an answer may be late by so much, or by a time-out */
};

struct rtu_bus {
	char *device;
	struct bus_tap tap;
	struct bus_settings settings; /* in force while open */
	enum bus_direction direction;
	int64_t direction_ms;
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
	b->tap = address->tap;
	b->settings = address->settings;
	b->direction = address->direction;
	b->direction_ms = address->direction_ms;
	return b;
}

static void rtu_destroy(void *bus)
{
	struct rtu_bus *b = bus;

	rtu_close(b);
	free(b->device);
	free(b);
}

static int set_kernel_direction(const struct rtu_bus *b, struct err *err)
{
	struct serial_rs485 mode = {
		.flags = SER_RS485_ENABLED | SER_RS485_RTS_ON_SEND,
		.delay_rts_before_send = (uint32_t)b->direction_ms,
		.delay_rts_after_send = (uint32_t)b->direction_ms,
	};

	if (ioctl(modbus_get_socket(b->modbus), TIOCSRS485, &mode) == 0)
		return 0;
	return err_set(err, -errno,
		       "%s: its driver has no RS-485 mode (%s): try rs485 none, or rts", b->device,
		       err_name(-errno));
}

static int set_direction(const struct rtu_bus *b, struct err *err)
{
	if (b->direction == BUS_DIRECTION_KERNEL)
		return set_kernel_direction(b, err);
	if (b->direction == BUS_DIRECTION_NONE)
		return 0;
	if (modbus_rtu_set_rts(b->modbus, b->direction == BUS_DIRECTION_RTS
						  ? MODBUS_RTU_RTS_UP
						  : MODBUS_RTU_RTS_DOWN) != 0 ||
	    modbus_rtu_set_rts_delay(b->modbus, (int)b->direction_ms * 1000) != 0)
		return err_set(err, -EIO, "%s: RTS cannot be used: %s", b->device,
			       modbus_strerror(errno));
	return 0;
}

bool bus_has_baud(int64_t baud)
{
	static const int32_t rates[] = {300,    600,    1200,   2400,   4800,   9600,
					19200,  38400,  57600,  115200, 230400, 460800,
					500000, 576000, 921600, 1000000};

	for (size_t i = 0; i < sizeof rates / sizeof *rates; i++)
		if (rates[i] == baud)
			return true;
	return false;
}

/* The reasons that everybody meets once. */
static int refuse_device(const char *device, int code, struct err *err)
{
	switch (code) {
	case -EBUSY: /* a terminal program holds it exclusively */
		return bus_lock_refuse(device, err);
	case -ENOENT:
	case -ENODEV:
	case -ENXIO:
		return err_set(
			err, code,
			"%s cannot be opened: there is no such device; is the adapter plugged "
			"in? 'ls /dev/serial/by-id' shows those that are",
			device);
	case -EACCES:
	case -EPERM:
		return err_set(
			err, code,
			"%s cannot be opened: this user may not; put it into the group of the "
			"device, mostly dialout",
			device);
	case -ENOTTY:
		return err_set(err, code, "%s cannot be opened: it is no serial device", device);
	default:
		return err_set(err, code, "%s cannot be opened: %s", device, err_name(code));
	}
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
		return refuse_device(b->device, code, err);
	}
	code = bus_lock_device(modbus_get_socket(b->modbus), b->device, err);
	if (code == 0)
		code = set_direction(b, err);
	if (code != 0) {
		rtu_close(b);
		return code;
	}
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

static enum bus_outcome send_request(struct rtu_bus *b, const struct bus_request *request)
{
	uint8_t frame[8];

	(void)frame_write_rtu(request, frame);
	bus_tap_show(&b->tap, true, frame, sizeof frame);
	/* libmodbus adds the CRC anew. */
	return modbus_send_raw_request(b->modbus, frame, 6) == (int)sizeof frame ? BUS_OK
										 : BUS_LINK_DOWN;
}

/* Waits for bytes and takes those that are there. BUS_TIMEOUT: none came. */
static enum bus_outcome receive_some(const struct rtu_bus *b, uint8_t *out, size_t room, size_t *n,
				     int64_t deadline_us)
{
	struct pollfd p = {.fd = modbus_get_socket(b->modbus), .events = POLLIN};
	int64_t left_us = deadline_us - clock_mono_us();
	ssize_t len;
	int r;

	*n = 0;
	r = left_us > 0 ? poll(&p, 1, (int)((left_us + 999) / 1000)) : 0;
	if (r == 0)
		return BUS_TIMEOUT;
	if (r < 0)
		return errno == EINTR ? BUS_OK : BUS_LINK_DOWN;
	len = read(p.fd, out, room);
	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return BUS_OK;
	if (len <= 0)
		return BUS_LINK_DOWN;
	bus_tap_show(&b->tap, false, out, (size_t)len);
	*n = (size_t)len;
	return BUS_OK;
}

/* All bytes of the answer, or those before a silence, are taken. libmodbus would receive as well,
 * but keeps the bytes of an answer that it does not like, which are what somebody looks for. */
static enum bus_outcome receive_answer(struct rtu_bus *b, const struct bus_request *request,
				       int64_t start_us, struct bus_reply *reply)
{
	int64_t deadline_us = start_us + request->timeout_ms * 1000;
	int64_t byte_ms =
		request->timeout_ms < BYTE_TIMEOUT_MS ? request->timeout_ms : BYTE_TIMEOUT_MS;
	uint8_t bytes[FRAME_PDU_MAX + 4];
	size_t len = 0, n, wanted = 0;

	for (;;) {
		enum bus_outcome outcome =
			receive_some(b, bytes + len, sizeof bytes - len, &n, deadline_us);

		if (outcome == BUS_TIMEOUT)
			return len == 0 ? BUS_TIMEOUT : BUS_GARBLED;
		if (outcome != BUS_OK)
			return outcome;
		len += n;
		if (n > 0)
			deadline_us = clock_mono_us() + byte_ms * 1000;
		wanted = frame_rtu_answer_length(request, bytes, len);
		if (wanted > 0 && len >= wanted)
			return frame_parse_rtu(request, bytes, wanted, reply);
	}
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
	enum bus_outcome outcome;
	int64_t start_us;

	if (is_other(&request->settings, &b->settings)) {
		rtu_close(b);
		b->settings = request->settings;
	}
	if (b->modbus == NULL && rtu_open(b, NULL) != 0)
		return BUS_LINK_DOWN;
	wait_for_late(b, request);
	keep_silence(b);
	(void)modbus_flush(b->modbus); /* what has come unasked is nobody's answer */
	start_us = clock_mono_us();
	outcome = send_request(b, request);
	if (outcome == BUS_OK)
		outcome = receive_answer(b, request, start_us, reply);
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
