/* SPDX-License-Identifier: Apache-2.0 */
/* An institution's meters: what each says about itself. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/quantity.h"
#include "common/telemetry.h"
#include "server/registry/formula.h"
#include "server/registry/registry_file.h"

enum { RATIO_MAX = 1000000000, ITEM_LEN = 5 };

/* ---- values that may be absent ---- */

static int64_t optional_micro(struct registry_loader *loader, const struct conf_node *node,
			      int64_t min, int64_t max)
{
	struct conf_key key = {.type = CONF_MICRO, .min = min, .max = max};
	int64_t value = MICRO_NONE;

	if (node == NULL || conf_is_null(node) ||
	    conf_scalar(loader->arena, node, &key, &value, loader->errors) < 0)
		return MICRO_NONE;
	return value;
}

/* ---- register lives ---- */

static bool take_time(struct registry_loader *loader, const struct conf_node *node, int64_t *utc_ms)
{
	if (node->shape == CONF_IS_SCALAR &&
	    civil_parse_time(node->text, node->len, loader->registry->offset_ms, utc_ms) == 0)
		return true;
	conf_error(loader->errors, node, NULL,
		   "must be a day such as 2026-01-31 or a time such as 2026-01-31T08:00:00+08:00");
	return false;
}

static void take_ratio(struct registry_loader *loader, const struct conf_node *node,
		       struct meter_life *life)
{
	struct fraction ratio = {0};
	int code = node->shape == CONF_IS_SCALAR ? fraction_parse(node->text, node->len, &ratio)
						 : -EINVAL;

	life->ratio_num = life->ratio_den = 1;
	if (code < 0)
		conf_error(loader->errors, node, NULL,
			   "must be a number such as 40 or 0.5, or a fraction such as 600/5");
	else if (ratio.num <= 0)
		conf_error(loader->errors, node, NULL, "must be greater than 0");
	else if (ratio.num > RATIO_MAX || ratio.den > RATIO_MAX)
		conf_error(loader->errors, node, NULL,
			   "is out of range; as a fraction in lowest terms both numbers must be at "
			   "most 1000000000");
	else {
		life->ratio_num = ratio.num;
		life->ratio_den = ratio.den;
	}
}

static void check_register(struct registry_loader *loader, const struct conf_node *node,
			   int64_t value, int64_t modulus)
{
	char text[DECIMAL_TEXT_MAX];

	if (value == MICRO_NONE || modulus == 0 || (value >= 0 && value < modulus))
		return;
	(void)decimal_print_micro(modulus, text);
	conf_error(loader->errors, node, NULL, "must lie from 0 to below the modulus %s", text);
}

static void take_registers(struct registry_loader *loader, const struct file_life *file,
			   struct meter_life *life)
{
	int64_t modulus = optional_micro(loader, file->modulus, 1, INT64_MAX);

	life->modulus = modulus == MICRO_NONE ? 0 : modulus;
	life->first = optional_micro(loader, file->first, 0, 0);
	life->last = optional_micro(loader, file->last, 0, 0);
	check_register(loader, file->first, life->first, life->modulus);
	check_register(loader, file->last, life->last, life->modulus);
}

/* Ends each life where it says or where the next begins. */
static void chain_lives(struct registry_loader *loader, const struct file_life *file,
			struct meter_life *lives, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct meter_life *last = i > 0 ? &lives[i - 1] : NULL;

		if (lives[i].to_ms <= lives[i].from_ms)
			conf_error(loader->errors, registry_at(file[i].node, "to"), NULL,
				   "must be after 'from'");
		if (last == NULL)
			continue;
		if (lives[i].from_ms <= last->from_ms)
			conf_error(loader->errors, file[i].from, NULL,
				   "must be after the 'from' of the life before it");
		else if (last->to_ms == TIME_OPEN)
			last->to_ms = lives[i].from_ms;
		else if (lives[i].from_ms < last->to_ms)
			conf_error(loader->errors, file[i].from, NULL,
				   "overlaps the life before it, which ends later");
	}
}

static void build_lives(struct registry_loader *loader, const struct conf_list *list,
			struct registry_meter *meter)
{
	const struct file_life *file = list->items;
	struct meter_life *lives = arena_alloc(loader->arena, list->count * sizeof *lives);
	bool are_dated = true;

	for (size_t i = 0; i < list->count; i++) {
		lives[i].serial = registry_keep(loader, file[i].serial);
		lives[i].to_ms = TIME_OPEN;
		are_dated &= take_time(loader, file[i].from, &lives[i].from_ms);
		if (file[i].to != NULL && !conf_is_null(file[i].to))
			are_dated &= take_time(loader, file[i].to, &lives[i].to_ms);
		take_ratio(loader, file[i].ratio, &lives[i]);
		take_registers(loader, &file[i], &lives[i]);
	}
	if (are_dated)
		chain_lives(loader, file, lives, list->count);
	meter->lives = lives;
	meter->n_lives = list->count;
}

/* ---- carrier, item, quantity ---- */

/* The first two characters of an energy item code; a second one where two fit. */
static const char item_classes[N_CARRIERS][2][3] = {
	[CARRIER_ELECTRICITY] = {"01"}, [CARRIER_WATER] = {"02"},   [CARRIER_NATURAL_GAS] = {"03"},
	[CARRIER_HEAT] = {"04"},        [CARRIER_COOLING] = {"05"}, [CARRIER_COAL] = {"07"},
	[CARRIER_PETROL] = {"10"},      [CARRIER_DIESEL] = {"12"},  [CARRIER_LPG] = {"08"},
	[CARRIER_OTHER] = {"06", "13"},
};

static bool is_item(const char *item)
{
	static const char digits[] = "0123456789", any[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

	return strlen(item) == ITEM_LEN && strspn(item, digits) >= 2 &&
	       strspn(item, any) == ITEM_LEN;
}

static void build_item(struct registry_loader *loader, const struct file_meter *file,
		       struct registry_meter *meter)
{
	const char(*classes)[3] = item_classes[meter->carrier];
	const struct conf_node *node;
	bool is_renewable = meter->role == ROLE_GENERATION;

	memcpy(meter->item, classes[0], 2);
	memcpy(meter->item + 2, "000", 4);
	if (file->item == NULL)
		return;
	node = registry_at(file->node, "item");
	if (!is_item(file->item))
		conf_error(loader->errors, node, NULL,
			   "'%.60s' is not an energy item code: two digits and three of 0-9 A-Z, "
			   "such as 01A00",
			   file->item);
	else if (strncmp(file->item, classes[0], 2) == 0 ||
		 (*classes[1] != '\0' && strncmp(file->item, classes[1], 2) == 0) ||
		 (is_renewable && strncmp(file->item, "13", 2) == 0))
		memcpy(meter->item, file->item, ITEM_LEN + 1);
	else
		conf_error(loader->errors, node, NULL,
			   "'%s' is not an item of %s, whose codes begin with %s", file->item,
			   carrier_names[meter->carrier], classes[0]);
}

static bool unit_fits(enum carrier carrier, enum quantity_unit unit, const char *name)
{
	bool is_thermal = strncmp(name, "heat_", 5) == 0 || strncmp(name, "cooling_", 8) == 0;

	switch (carrier) {
	case CARRIER_ELECTRICITY:
		return unit == UNIT_KWH && !is_thermal;
	case CARRIER_WATER:
	case CARRIER_NATURAL_GAS:
		return unit == UNIT_M3;
	case CARRIER_HEAT:
	case CARRIER_COOLING:
		return is_thermal && (unit == UNIT_KWH || unit == UNIT_GJ || unit == UNIT_MJ);
	case CARRIER_COAL:
	case CARRIER_PETROL:
	case CARRIER_DIESEL:
	case CARRIER_LPG:
	case CARRIER_OTHER:
	case N_CARRIERS:
		break;
	}
	return false;
}

static void check_quantity(struct registry_loader *loader, const struct conf_node *node,
			   const char *name, enum carrier carrier)
{
	static const char *const usual[] = {
		"active_energy_import_kwh",  "active_energy_export_kwh", "active_energy_total_kwh",
		"pv_energy_yield_total_kwh", "volume_total_m3",          "volume_forward_m3",
		"heat_energy_kwh",           "heat_energy_gj",           "heat_energy_mj",
		"cooling_energy_kwh",
	};
	struct quantity quantity = quantity_classify(name, strlen(name));
	char hint[96];

	if (carrier > CARRIER_COOLING)
		conf_error(loader->errors, node, NULL,
			   "%s is not metered by a register of the vocabulary; enter bills for it",
			   carrier_names[carrier]);
	else if (quantity.kind == QUANTITY_UNKNOWN)
		conf_error(loader->errors, node, NULL, "unknown quantity '%.63s'%s", name,
			   conf_nearest(name, usual, sizeof usual / sizeof *usual, hint));
	else if (quantity.kind == QUANTITY_GAUGE)
		conf_error(loader->errors, node, NULL,
			   "'%s' is not a cumulative register: energy is taken from registers only",
			   name);
	else if (!unit_fits(carrier, quantity.unit, name))
		conf_error(loader->errors, node, NULL, "'%s' does not count %s", name,
			   carrier_names[carrier]);
}

static void build_source(struct registry_loader *loader, const struct file_meter *file,
			 struct registry_meter *meter)
{
	const struct conf_node *source = conf_get(file->node, "source");
	const struct conf_node *map = file->node; /* where the quantity stands */
	const char *device = file->source.meter, *quantity = file->quantity;

	meter->device = meter->id;
	if (device != NULL && !telemetry_id_is_valid(device, strlen(device)))
		conf_error(loader->errors, registry_at(source, "meter"), NULL,
			   "'%.60s' is not an id: 1 to 48 of A-Z a-z 0-9 and '-'", device);
	if (device != NULL)
		meter->device = registry_keep(loader, device);
	if (file->source.quantity != NULL && quantity != NULL &&
	    strcmp(file->source.quantity, quantity) != 0)
		conf_error(loader->errors, registry_at(source, "quantity"), NULL,
			   "differs from the meter's 'quantity'; give one of them");
	if (quantity == NULL && file->source.quantity != NULL) {
		quantity = file->source.quantity;
		map = source;
	}
	if (quantity == NULL) {
		conf_error(loader->errors, map, "quantity", "is missing");
		return;
	}
	check_quantity(loader, registry_at(map, "quantity"), quantity, meter->carrier);
	meter->quantity = registry_share(loader, quantity);
	meter->is_export = meter->role == ROLE_MAIN && strstr(quantity, "_export") != NULL;
}

/* ---- one meter ---- */

static void build_building(struct registry_loader *loader, const struct file_meter *file,
			   struct registry_meter *meter)
{
	const struct registry_institution *it =
		&loader->registry->institutions[loader->institution];
	const char *names[64];
	size_t n = 0;
	char hint[96];

	if (file->building == NULL)
		return;
	for (uint32_t i = 0; i < it->n_buildings; i++) {
		if (strcmp(it->buildings[i].id, file->building) == 0) {
			meter->building = i;
			return;
		}
		if (n < sizeof names / sizeof *names)
			names[n++] = it->buildings[i].id;
	}
	conf_error(loader->errors, registry_at(file->node, "building"), NULL,
		   "the institution has no building '%.60s'%s", file->building,
		   conf_nearest(file->building, names, n, hint));
}

static void build_ratings(struct registry_loader *loader, const struct file_meter *file,
			  struct registry_meter *meter)
{
	int64_t rated = optional_micro(loader, file->rated_kw, 1000, INT64_C(10000000) * MICRO);

	meter->rated_w = rated == MICRO_NONE ? 0 : rated / 1000;
	if (meter->rated_w > 0 && meter->carrier != CARRIER_ELECTRICITY &&
	    meter->carrier != CARRIER_HEAT && meter->carrier != CARRIER_COOLING)
		conf_error(loader->errors, file->rated_kw, NULL, "a meter of %s has no power",
			   carrier_names[meter->carrier]);
	meter->expected_year =
		optional_micro(loader, file->expected_year, 0, INT64_C(1000000000000) * MICRO);
	if (file->agent == NULL)
		return;
	if (!telemetry_agent_id_is_valid(file->agent, strlen(file->agent)))
		conf_error(loader->errors, registry_at(file->node, "agent"), NULL,
			   "'%.60s' is not an agent's id: 1 to 48 of a-z 0-9 and '-'", file->agent);
	meter->agent = registry_share(loader, file->agent);
}

static void build_real(struct registry_loader *loader, const struct file_meter *file,
		       struct registry_meter *meter)
{
	build_source(loader, file, meter);
	if (file->lives.count == 0)
		conf_error(loader->errors, registry_at(file->node, "lives"),
			   conf_get(file->node, "lives") == NULL ? "lives" : NULL,
			   "a meter needs at least one register life with 'from' and 'ratio'");
	build_lives(loader, &file->lives, meter);
}

static void check_virtual(struct registry_loader *loader, const struct file_meter *file)
{
	static const char *const keys[] = {"quantity", "source", "lives", "interval", "agent"};

	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
		if (conf_get(file->node, keys[i]) != NULL)
			conf_error(loader->errors, conf_get(file->node, keys[i]), NULL,
				   "a meter with a formula is not read itself; remove this key");
}

static void build_meter(struct registry_loader *loader, const struct file_meter *file,
			struct registry_meter *meter)
{
	*meter = (struct registry_meter){
		.node = registry_keep_node(loader, file->node),
		.id = registry_keep(loader, file->id),
		.name = registry_keep(loader, file->name),
		.institution = loader->institution,
		.building = REGISTRY_NONE,
		.carrier = (enum carrier)file->carrier,
		.role = (enum meter_role)file->role,
		.scope = (enum meter_scope)file->scope,
		.form = (enum meter_form)file->form,
		.parent = REGISTRY_NONE,
		.interval_ms = file->interval_ms,
	};
	if (!telemetry_id_is_valid(file->id, strlen(file->id)))
		conf_error(loader->errors, registry_at(file->node, "id"), NULL,
			   "'%.60s' is not an id: 1 to 48 of A-Z a-z 0-9 and '-'", file->id);
	if (meter->role == ROLE_GENERATION && meter->carrier != CARRIER_ELECTRICITY)
		conf_error(loader->errors, registry_at(file->node, "role"), NULL,
			   "generation is a role of electricity meters only");
	build_building(loader, file, meter);
	build_item(loader, file, meter);
	build_ratings(loader, file, meter);
	if (file->formula == NULL)
		build_real(loader, file, meter);
	else
		check_virtual(loader, file);
}

/* ---- all meters of the institution ---- */

struct by_id_context {
	const struct registry_meter *meters;
};

static int by_id(const void *a, const void *b, void *context)
{
	const struct registry_meter *meters = ((const struct by_id_context *)context)->meters;
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	int order = strcmp(meters[x].id, meters[y].id);

	return order != 0 ? order : (x > y) - (x < y);
}

void registry_build_meters(struct registry_loader *loader, struct arena *temporary)
{
	struct registry *registry = loader->registry;
	const struct file_meter *file = loader->file->meters.items;
	uint32_t n = (uint32_t)loader->file->meters.count;
	struct registry_institution *it = &registry->institutions[loader->institution];
	struct by_id_context context;

	it->n_meters = n;
	loader->by_id = arena_alloc(temporary, n * sizeof *loader->by_id);
	for (uint32_t i = 0; i < n; i++) {
		registry->meters = grow(registry->meters, registry->n_meters, &loader->cap_meters,
					sizeof *registry->meters);
		build_meter(loader, &file[i], &registry->meters[registry->n_meters++]);
		loader->by_id[i] = i;
	}
	if (n == 0)
		return;
	context.meters = registry->meters + it->first_meter;
	qsort_r(loader->by_id, n, sizeof *loader->by_id, by_id, &context);
}

uint32_t registry_own_meter(const struct registry_loader *loader, const char *id, size_t len)
{
	const struct registry *registry = loader->registry;
	const struct registry_institution *it = &registry->institutions[loader->institution];
	uint32_t low = 0, high = it->n_meters;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		const char *text = registry->meters[it->first_meter + loader->by_id[middle]].id;
		int order = strncmp(text, id, len);

		if (order == 0 && text[len] == '\0')
			return loader->by_id[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return REGISTRY_NONE;
}

const char *registry_meter_hint(const struct registry_loader *loader, const char *id, char hint[96])
{
	const struct registry *registry = loader->registry;
	const struct registry_institution *it = &registry->institutions[loader->institution];
	const char *names[256];
	size_t n = 0;

	for (; n < it->n_meters && n < sizeof names / sizeof *names; n++)
		names[n] = registry->meters[it->first_meter + n].id;
	return conf_nearest(id, names, n, hint);
}
