/* SPDX-License-Identifier: Apache-2.0 */
#include "server/ingest/device.h"

#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/quantity.h"
#include "server/registry/registry_savings.h"

struct name {
	struct slice text;
	struct quantity quantity;
};

struct devices {
	struct registry *registry;
	struct device *items;
	size_t n;
	uint32_t *buckets; /* index + 1; 0: empty */
	size_t n_buckets;
	struct device *last; /* the last one found: a backlog is one device's */
	struct arena *arena; /* names */
	struct name *names;
	size_t n_names, names_cap;
	uint32_t name_buckets[2 * DEVICE_NAMES_MAX];
};

enum { QUANTITIES_STEP = 4 }; /* most devices have some ten: little is left empty */

static uint32_t hash_text(const char *at, size_t len)
{
	uint64_t hash = 0xcbf29ce484222325u ^ len;

	for (; len >= 8; at += 8, len -= 8) {
		uint64_t word;

		memcpy(&word, at, 8);
		hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
		hash ^= hash >> 32;
	}
	for (; len > 0; at++, len--)
		hash = (hash ^ (unsigned char)*at) * 0x100000001b3u;
	hash *= 0x9e3779b97f4a7c15u;
	return (uint32_t)(hash >> 32);
}

static bool is_same(const char *text, const char *at, size_t len)
{
	return strncmp(text, at, len) == 0 && text[len] == '\0';
}

/* ---- the devices of the registry ---- */

static void add_bucket(struct devices *devices, uint32_t index)
{
	const char *id = devices->items[index].id;
	size_t i = hash_text(id, strlen(id)) & (devices->n_buckets - 1);

	while (devices->buckets[i] != 0)
		i = (i + 1) & (devices->n_buckets - 1);
	devices->buckets[i] = index + 1;
}

static struct device make_device(const struct registry *registry, size_t first, size_t n)
{
	struct device device = {
		.id = registry->meters[registry->by_device[first]].device,
		.first = (uint32_t)first,
		.n_meters = (uint32_t)n,
		.main_meter = registry->by_device[first],
	};

	for (size_t i = first; i < first + n; i++) {
		const struct registry_meter *meter = &registry->meters[registry->by_device[i]];

		if (meter->agent)
			device.agent = meter->agent;
		if (strcmp(meter->id, device.id) == 0)
			device.main_meter = registry->by_device[i];
	}
	return device;
}

static size_t count_meters(const struct registry *registry, size_t first)
{
	const char *id = registry->meters[registry->by_device[first]].device;
	size_t n = 1;

	while (first + n < registry->n_by_device &&
	       strcmp(registry->meters[registry->by_device[first + n]].device, id) == 0)
		n++;
	return n;
}

/* Devices of which a baseline wants the temperature; they may be no meters of an institution. */
static void add_weather(struct devices *devices)
{
	for (size_t i = 0; i < devices->registry->n_baselines; i++) {
		const char *id = devices->registry->baselines[i].device;
		struct device *device = id != NULL ? devices_find(devices, id, strlen(id)) : NULL;

		if (id == NULL)
			continue;
		if (device == NULL) {
			device = &devices->items[devices->n];
			*device = (struct device){.id = id, .main_meter = REGISTRY_NONE};
			add_bucket(devices, (uint32_t)devices->n++);
		}
		device->is_weather = true;
	}
}

struct devices *devices_create(struct registry *registry)
{
	struct devices *devices = xcalloc(1, sizeof *devices);

	devices->registry = registry_hold(registry);
	devices->arena = arena_create();
	devices->items =
		xcalloc(registry->n_by_device + registry->n_baselines, sizeof *devices->items);
	for (devices->n_buckets = 64;
	     devices->n_buckets < 2 * (registry->n_by_device + registry->n_baselines);)
		devices->n_buckets *= 2;
	devices->buckets = xcalloc(devices->n_buckets, sizeof *devices->buckets);
	for (size_t i = 0, n; i < registry->n_by_device; i += n) {
		n = count_meters(registry, i);
		devices->items[devices->n] = make_device(registry, i, n);
		add_bucket(devices, (uint32_t)devices->n++);
	}
	add_weather(devices);
	return devices;
}

void devices_destroy(struct devices *devices)
{
	if (!devices)
		return;
	for (size_t i = 0; i < devices->n; i++)
		free(devices->items[i].quantities);
	free(devices->items);
	free(devices->buckets);
	free(devices->names);
	arena_destroy(devices->arena);
	registry_release(devices->registry);
	free(devices);
}

const struct registry *devices_registry(const struct devices *devices)
{
	return devices->registry;
}

/* A batch names its meters in order, as a rule that of the registry: the one after the last one is
 * beside it in memory, and of a million the buckets are not. */
static bool is_next(struct devices *devices, const char *id, size_t len)
{
	struct device *next = devices->last + 1;

	if (next == devices->items + devices->n || !is_same(next->id, id, len))
		return false;
	devices->last = next;
	return true;
}

struct device *devices_find(struct devices *devices, const char *id, size_t len)
{
	size_t i;

	if (devices->last && (is_same(devices->last->id, id, len) || is_next(devices, id, len)))
		return devices->last;
	i = hash_text(id, len) & (devices->n_buckets - 1);
	for (; devices->buckets[i] != 0; i = (i + 1) & (devices->n_buckets - 1)) {
		struct device *device = &devices->items[devices->buckets[i] - 1];

		if (!is_same(device->id, id, len))
			continue;
		devices->last = device;
		return device;
	}
	return NULL;
}

void devices_forget_registers(struct devices *devices)
{
	for (size_t i = 0; i < devices->n; i++)
		for (uint32_t k = 0; k < devices->items[i].n_quantities; k++)
			devices->items[i].quantities[k].register_id = 0;
}

/* ---- quantities ---- */

/* The number of a name, or UINT32_MAX if there are too many. */
static uint32_t intern(struct devices *devices, struct slice text)
{
	size_t n = sizeof devices->name_buckets / sizeof *devices->name_buckets;
	size_t i = hash_text(text.at, text.len) & (n - 1);

	for (; devices->name_buckets[i] != 0; i = (i + 1) & (n - 1)) {
		const struct slice *known = &devices->names[devices->name_buckets[i] - 1].text;

		if (known->len == text.len && memcmp(known->at, text.at, text.len) == 0)
			return devices->name_buckets[i] - 1;
	}
	if (devices->n_names == DEVICE_NAMES_MAX)
		return UINT32_MAX;
	devices->names =
		grow(devices->names, devices->n_names, &devices->names_cap, sizeof *devices->names);
	devices->names[devices->n_names] = (struct name){
		.text = {arena_strndup(devices->arena, text.at, text.len), text.len},
		.quantity = quantity_classify(text.at, text.len),
	};
	devices->name_buckets[i] = (uint32_t)++devices->n_names;
	return devices->name_buckets[i] - 1;
}

static bool flows(enum quantity_unit unit)
{
	static const bool is_flow[] = {
		[UNIT_KWH] = true, [UNIT_KVARH] = true, [UNIT_KVAH] = true,   [UNIT_M3] = true,
		[UNIT_GJ] = true,  [UNIT_MJ] = true,    [UNIT_W] = true,      [UNIT_VAR] = true,
		[UNIT_VA] = true,  [UNIT_M3H] = true,   [UNIT_OTHER] = false,
	};

	return is_flow[unit];
}

static struct device_quantity make_quantity(const struct devices *devices,
					    const struct device *device, uint32_t name)
{
	const struct registry *registry = devices->registry;
	const struct quantity *quantity = &devices->names[name].quantity;
	struct slice text = devices->names[name].text;
	struct device_quantity made = {
		.name = (uint16_t)name, /* below DEVICE_NAMES_MAX */
		.meter = device->main_meter,
		.is_kept = quantity->kind == QUANTITY_REGISTER && quantity->is_main,
		.is_scaled = flows(quantity->unit),
	};

	for (uint32_t i = device->first; i < device->first + device->n_meters; i++) {
		const struct registry_meter *meter = &registry->meters[registry->by_device[i]];

		if (!meter->quantity || !is_same(meter->quantity, text.at, text.len))
			continue;
		made.meter = registry->by_device[i];
		made.is_kept = true;
		made.is_scaled = true;
	}
	if (device->is_weather &&
	    registry_is_weather(registry, device->id, strlen(device->id), text.at, text.len)) {
		made.is_kept = true;
		made.is_scaled = false;
	}
	return made;
}

struct slice devices_name(const struct devices *devices, const struct device_quantity *quantity)
{
	return devices->names[quantity->name].text;
}

static bool is_named(const struct devices *devices, const struct device_quantity *quantity,
		     struct slice name)
{
	const struct slice *text = &devices->names[quantity->name].text;

	return text->len == name.len && memcmp(text->at, name.at, name.len) == 0;
}

struct device_quantity *devices_quantity(struct devices *devices, struct device *device,
					 struct slice name, size_t hint)
{
	uint32_t n = device->n_quantities, number;

	if (hint < n && is_named(devices, &device->quantities[hint], name))
		return &device->quantities[hint];
	for (uint32_t i = 0; i < n; i++)
		if (is_named(devices, &device->quantities[i], name))
			return &device->quantities[i];
	number = n < DEVICE_QUANTITIES_MAX ? intern(devices, name) : UINT32_MAX;
	if (number == UINT32_MAX)
		return NULL;
	if (n % QUANTITIES_STEP == 0)
		device->quantities = xrealloc(device->quantities, n + QUANTITIES_STEP,
					      sizeof *device->quantities);
	device->quantities[n] = make_quantity(devices, device, number);
	device->n_quantities++;
	return &device->quantities[n];
}
