/* SPDX-License-Identifier: Apache-2.0 */
/* device.h - the devices of a registry as the wire names them: what of their readings is kept, and
 * whose series it is. For one thread. */
#ifndef SERVER_DEVICE_H
#define SERVER_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/telemetry.h"
#include "server/registry/registry.h"

enum { DEVICE_QUANTITIES_MAX = TELEMETRY_FIELDS_MAX, DEVICE_NAMES_MAX = 8192 };

/* Stored a million times ten: kept small. */
struct device_quantity {
	uint32_t meter;       /* the registry meter whose series it goes to */
	uint32_t register_id; /* in the ledger; 0: not looked up yet */
	uint16_t name;        /* index, for devices_name() */
	bool is_kept;         /* a register that the ledger wants */
	bool is_scaled;       /* proportional to what flows: the ratio applies */
};

struct device {
	const char *id;
	const char *agent;                  /* the only agent allowed, or NULL */
	bool is_weather;                    /* a baseline wants a temperature of it */
	struct device_quantity *quantities; /* those met so far */
	uint32_t n_quantities;
	uint32_t first, n_meters; /* its registry meters: by_device[first .. first + n_meters) */
	uint32_t main_meter; /* takes what no meter's register is: the one named like the device,
				else the first; REGISTRY_NONE: a weather sensor, which
				has no series */
};

struct devices;

/* Holds the registry. */
struct devices *devices_create(struct registry *registry);
void devices_destroy(struct devices *devices); /* NULL is allowed */
const struct registry *devices_registry(const struct devices *devices);

/* NULL: no such device. */
struct device *devices_find(struct devices *devices, const char *id, size_t len);
/* A quantity of the device by its wire name; hint: its likely place (the field's number). Borrows
 * until the next call for the same device. NULL: there are too many different names already. */
struct device_quantity *devices_quantity(struct devices *devices, struct device *device,
					 struct slice name, size_t hint);
struct slice devices_name(const struct devices *devices, const struct device_quantity *quantity);
/* After a rollback: register numbers are looked up again. */
void devices_forget_registers(struct devices *devices);

#endif
