/* SPDX-License-Identifier: Apache-2.0 */
/* The baselines of a registry. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/quantity.h"
#include "common/telemetry.h"
#include "server/registry/folder.h"
#include "server/registry/registry_baseline.h"
#include "server/registry/registry_savings.h"

enum { BASELINE_DAYS_MAX = 1100, GRID_POINTS_MAX = 201, BASELINES_MAX = 100000 };

/* ---- one file ---- */

struct building {
	struct registry_loader *loader;
	const struct file_baseline *file;
	struct registry_baseline *out;
};

static struct span days_of(const struct building *b, const struct conf_node *node, civil_day from,
			   civil_day to)
{
	if (to <= from)
		conf_error(b->loader->errors, registry_at(node, "to"), NULL,
			   "must be after 'from'");
	return (struct span){from, to == CIVIL_DAY_MAX ? DAY_OPEN : to};
}

static uint32_t weather_named(const struct registry *registry, const char *id)
{
	for (size_t i = 0; i < registry->n_weather; i++)
		if (strcmp(registry->weather[i].id, id) == 0)
			return (uint32_t)i;
	return REGISTRY_NONE;
}

static uint32_t find_weather(const struct building *b, const char *key, const char *id)
{
	const struct registry *registry = b->loader->registry;
	uint32_t found = id != NULL ? weather_named(registry, id) : REGISTRY_NONE;
	const char **names;
	char hint[96];

	if (id == NULL || found != REGISTRY_NONE)
		return found;
	names = xcalloc(registry->n_weather + 1, sizeof *names);
	for (size_t i = 0; i < registry->n_weather; i++)
		names[i] = registry->weather[i].id;
	conf_error(b->loader->errors, registry_at(b->file->node, key), NULL,
		   "there is no file weather/%.60s.csv in the registry%s", id,
		   conf_nearest(id, names, registry->n_weather, hint));
	free(names);
	return REGISTRY_NONE;
}

uint32_t registry_weather_of(const struct registry *registry, uint32_t institution)
{
	uint32_t region = registry->institutions[institution].region, found = REGISTRY_NONE;

	for (; region != REGISTRY_NONE && found == REGISTRY_NONE;
	     region = registry->regions->regions[region].parent)
		found = weather_named(registry, registry->regions->regions[region].code);
	return found;
}

static void build_weather(const struct building *b)
{
	const struct file_sensor *sensor = &b->file->sensor;
	struct conf_errors *errors = b->loader->errors;

	b->out->weather = find_weather(b, "weather", b->file->weather);
	b->out->typical = find_weather(b, "typical_year", b->file->typical);
	if (sensor->node != NULL && b->file->weather != NULL)
		conf_error(errors, registry_at(b->file->node, "weather"), NULL,
			   "stands beside a weather_meter; the outdoor temperature has one source");
	if (sensor->node == NULL && b->file->weather == NULL &&
	    b->out->institution != REGISTRY_NONE) {
		b->out->weather = registry_weather_of(b->loader->registry, b->out->institution);
		if (b->out->weather == REGISTRY_NONE)
			conf_error(
				errors, b->file->node, NULL,
				"needs weather or weather_meter, or a file weather/<code>.csv of "
				"the institution's region: for the outdoor temperature");
	}
	if (sensor->node == NULL)
		return;
	if (!telemetry_id_is_valid(sensor->meter, strlen(sensor->meter)))
		conf_error(errors, registry_at(sensor->node, "meter"), NULL,
			   "'%.60s' is not an id: 1 to 48 of A-Z a-z 0-9 and '-'", sensor->meter);
	if (quantity_classify(sensor->quantity, strlen(sensor->quantity)).unit != UNIT_C)
		conf_error(errors, registry_at(sensor->node, "quantity"), NULL,
			   "'%.60s' is not a temperature, such as ambient_temp_c",
			   sensor->quantity);
	b->out->device = registry_keep(b->loader, sensor->meter);
	b->out->quantity = registry_share(b->loader, sensor->quantity);
}

static void build_subject(const struct building *b)
{
	const struct file_baseline *file = b->file;
	struct registry *registry = b->loader->registry;
	struct registry_baseline *out = b->out;

	out->carrier = (enum carrier)file->carrier;
	out->meter = REGISTRY_NONE;
	out->institution =
		registry_find_institution(registry, file->institution, strlen(file->institution));
	if (out->institution == REGISTRY_NONE)
		conf_error(b->loader->errors, registry_at(file->node, "institution"), NULL,
			   "there is no institution '%.60s'", file->institution);
	if (file->meter == NULL)
		return;
	out->meter = registry_find_meter(registry, file->meter, strlen(file->meter));
	if (out->meter == REGISTRY_NONE ||
	    registry->meters[out->meter].institution != out->institution)
		conf_error(b->loader->errors, registry_at(file->node, "meter"), NULL,
			   "the institution has no meter '%.60s'", file->meter);
	else
		out->carrier = registry->meters[out->meter].carrier;
	if (out->method != BASELINE_DAILY)
		conf_error(b->loader->errors, registry_at(file->node, "method"), NULL,
			   "bills belong to a carrier, not to a meter");
}

static void build_periods(const struct building *b)
{
	const struct file_baseline *file = b->file;
	struct registry_baseline *out = b->out;

	out->baseline = days_of(b, file->baseline.node, file->baseline.from, file->baseline.to);
	out->reporting = days_of(b, file->reporting.node, file->reporting.from, file->reporting.to);
	if (out->baseline.to == DAY_OPEN)
		conf_error(b->loader->errors, file->baseline.node, "to", "is missing");
	else if (out->baseline.to - out->baseline.from > BASELINE_DAYS_MAX)
		conf_error(b->loader->errors, registry_at(file->baseline.node, "to"), NULL,
			   "the baseline has %ld days; 365 are wanted, more than %d are none",
			   (long)out->baseline.to - out->baseline.from, BASELINE_DAYS_MAX);
	if (out->reporting.from < out->baseline.to && out->baseline.to != DAY_OPEN)
		conf_error(b->loader->errors, registry_at(file->reporting.node, "from"), NULL,
			   "lies before the end of the baseline");
}

static void build_rules(const struct building *b)
{
	const struct file_baseline *file = b->file;
	struct registry_baseline *out = b->out;
	bool is_electricity = out->carrier == CARRIER_ELECTRICITY;

	out->has_cooling = file->cooling == 0 ? is_electricity || out->carrier == CARRIER_COOLING
					      : file->cooling == 1;
	out->zero_is_missing =
		file->zero_is_missing == 0 ? is_electricity : file->zero_is_missing == 1;
	out->grid_min = file->balance.min;
	out->grid_max = file->balance.max;
	out->grid_step = file->balance.step;
	out->max_p_value = file->max_p_value;
	if (!(out->grid_step > 0) || out->grid_max < out->grid_min ||
	    (out->grid_max - out->grid_min) / out->grid_step > GRID_POINTS_MAX - 1)
		conf_error(b->loader->errors, registry_at(file->node, "balance_points"), NULL,
			   "needs min up to max and a step that makes at most 201 of them");
}

static void build_adjustment(const struct building *b, const struct file_entry *from,
			     struct baseline_adjustment *out)
{
	static const struct conf_key amount = {.name = "amount", .type = CONF_MICRO};
	static const struct conf_key share = {
		.name = "share", .type = CONF_MICRO, .min = -MICRO, .max = 10 * MICRO};
	struct conf_errors *errors = b->loader->errors;

	*out = (struct baseline_adjustment){.days = days_of(b, from->node, from->from, from->to),
					    .is_share = from->part != NULL,
					    .reason = registry_keep(b->loader, from->reason),
					    .evidence = registry_keep(b->loader, from->evidence),
					    .by = registry_keep(b->loader, from->by)};
	if ((from->amount != NULL) == (from->part != NULL))
		conf_error(errors, from->node, NULL, "needs either an amount or a share");
	else if (out->is_share)
		(void)conf_scalar(b->loader->arena, from->part, &share, &out->amount, errors);
	else
		(void)conf_scalar(b->loader->arena, from->amount, &amount, &out->amount, errors);
	if (!out->is_share && out->days.to == DAY_OPEN)
		conf_error(errors, from->node, "to",
			   "is missing: an amount is for a number of days");
}

static void build_entries(const struct building *b)
{
	const struct file_baseline *file = b->file;
	struct registry_baseline *out = b->out;
	const struct file_entry *from = file->adjustments.items;
	struct baseline_adjustment *adjustments =
		arena_alloc(b->loader->arena, (file->adjustments.count + 1) * sizeof *adjustments);
	struct baseline_exclusion *exclusions;

	for (size_t i = 0; i < file->adjustments.count; i++)
		build_adjustment(b, &from[i], &adjustments[i]);
	exclusions =
		arena_alloc(b->loader->arena, (file->exclusions.count + 1) * sizeof *exclusions);
	from = file->exclusions.items;
	for (size_t i = 0; i < file->exclusions.count; i++)
		exclusions[i] = (struct baseline_exclusion){
			days_of(b, from[i].node, from[i].from, from[i].to),
			registry_keep(b->loader, from[i].reason)};
	out->adjustments = adjustments;
	out->n_adjustments = file->adjustments.count;
	out->exclusions = exclusions;
	out->n_exclusions = file->exclusions.count;
}

static void build_contract(const struct building *b)
{
	const struct file_contract *file = &b->file->contract;
	const struct file_entry *from = file->periods.items;
	struct contract_period *periods;

	if (file->node == NULL)
		return;
	b->out->contract = registry_keep(b->loader, file->number);
	b->out->provider = registry_keep(b->loader, file->provider);
	periods = arena_alloc(b->loader->arena, (file->periods.count + 1) * sizeof *periods);
	for (size_t i = 0; i < file->periods.count; i++) {
		periods[i] =
			(struct contract_period){days_of(b, from[i].node, from[i].from, from[i].to),
						 from[i].price, from[i].share};
		if (i > 0 && periods[i].days.from < periods[i - 1].days.to)
			conf_error(b->loader->errors, registry_at(from[i].node, "from"), NULL,
				   "lies before the end of the item before it");
	}
	b->out->periods = periods;
	b->out->n_periods = file->periods.count;
}

static void check_name(const struct building *b)
{
	const char *slash = strrchr(b->file->node->file, '/'), *id = b->file->id;
	const char *name = slash != NULL ? slash + 1 : b->file->node->file;
	size_t len = strlen(id);

	if (!telemetry_id_is_valid(id, len))
		conf_error(b->loader->errors, registry_at(b->file->node, "id"), NULL,
			   "'%.60s' is not an id: 1 to 48 of A-Z a-z 0-9 and '-'", id);
	else if (strncmp(name, id, len) != 0 || strcmp(name + len, ".yaml") != 0)
		conf_error(b->loader->errors, registry_at(b->file->node, "id"), NULL,
			   "'%.60s' must stand in a file '%.60s.yaml', not '%.120s'", id, id, name);
}

struct baselines {
	struct registry_loader *loader;
	struct registry_baseline *items;
	size_t n, cap;
};

static void take_baseline(const struct conf_node *root, void *arg)
{
	struct baselines *all = arg;
	struct arena *temporary = arena_create();
	struct file_baseline file = {0};
	struct registry_baseline out = {0};
	const struct building b = {all->loader, &file, &out};

	if (conf_fill(temporary, root, registry_baseline_keys, &file, all->loader->errors) == 0 &&
	    all->n < BASELINES_MAX) {
		out.node = registry_keep_node(all->loader, root);
		out.id = registry_keep(all->loader, file.id);
		out.name = registry_keep(all->loader, file.name);
		out.method = (enum baseline_method)file.method;
		check_name(&b);
		build_subject(&b);
		build_weather(&b);
		build_periods(&b);
		build_rules(&b);
		build_entries(&b);
		build_contract(&b);
		all->items = grow(all->items, all->n, &all->cap, sizeof *all->items);
		all->items[all->n++] = out;
	}
	arena_destroy(temporary);
}

void registry_load_baselines(struct registry_loader *loader, const char *dir)
{
	struct baselines all = {.loader = loader};
	char *folder = xasprintf("%s/baselines", dir);
	struct registry_baseline *kept;

	if (access(folder, F_OK) == 0)
		folder_each(NULL, folder, take_baseline, &all, &loader->hash, loader->errors);
	kept = arena_alloc(loader->arena, (all.n + 1) * sizeof *kept);
	if (all.n > 0)
		memcpy(kept, all.items, all.n * sizeof *kept);
	free(all.items);
	free(folder);
	loader->registry->baselines = kept;
	loader->registry->n_baselines = all.n;
}

/* ---- lookups ---- */

uint32_t registry_find_baseline(const struct registry *registry, const char *id)
{
	for (size_t i = 0; i < registry->n_baselines; i++)
		if (strcmp(registry->baselines[i].id, id) == 0)
			return (uint32_t)i;
	return REGISTRY_NONE;
}

static bool is_word(const char *text, const char *word, size_t len)
{
	return text != NULL && strlen(text) == len && memcmp(text, word, len) == 0;
}

bool registry_is_weather(const struct registry *registry, const char *device, size_t device_len,
			 const char *quantity, size_t quantity_len)
{
	for (size_t i = 0; i < registry->n_baselines; i++)
		if (is_word(registry->baselines[i].device, device, device_len) &&
		    is_word(registry->baselines[i].quantity, quantity, quantity_len))
			return true;
	return false;
}
