/* SPDX-License-Identifier: Apache-2.0 */
/* device.h - one unit on a bus: its registers at any moment, by the profile of its model. */
#ifndef SIM_DEVICE_H
#define SIM_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/decimal.h"
#include "sim/campus.h"
#include "sim/encode.h"
#include "sim/source.h"

enum modbus_exception {
	MODBUS_OK = 0,
	MODBUS_ILLEGAL_FUNCTION = 1,
	MODBUS_ILLEGAL_ADDRESS = 2,
	MODBUS_ILLEGAL_VALUE = 3,
};

/* A point of one meter of the device. */
struct device_point {
	const struct campus_meter *meter;
	struct encode_point encode;
	struct source source;
	const char *name;         /* the wire name; of pulses the quantity they stand for */
	const char *text;         /* strings, and codes that never change; NULL: from the source */
	bool is_serial, is_pulse; /* the plate's number; counts of pulses */
	char number[24];          /* room for a text that counts repeated points */
};

struct device;

/* The device with these meters, its channels; they have the same profile. Borrows them. */
int device_create(struct device **out, const struct campus *campus,
		  struct campus_meter *const *meters, size_t n_meters, struct err *err);
void device_destroy(struct device *device); /* NULL is allowed */

/* All points, helpers too. */
const struct device_point *device_points(const struct device *device, size_t *n);
/* What a reader gets for a point. -EINVAL: it is no number of its own; -ENODATA: the
 * meter shows its mark for "no value". */
int device_show(const struct device *device, const struct device_point *point, int64_t utc_ms,
		struct decimal *out);

struct device_request {
	uint8_t function;
	uint16_t address, count;
	int64_t utc_ms;
	bool is_absent; /* every number shows the mark for "no value" */
};
enum { DEVICE_DATA_MAX = 250 };

/* The data of the answer: registers high byte first, or bits; none with an exception. Returns an
 * exception or MODBUS_OK. */
enum modbus_exception device_read(const struct device *device, const struct device_request *request,
				  uint8_t data[DEVICE_DATA_MAX], size_t *len);

#endif
