/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/campus.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sim/campus_internal.h"
#include "sim/noise.h"

static struct campus_bus *bus_at(const struct campus *campus, size_t i)
{
	return (struct campus_bus *)campus->buses.items + i;
}

static struct campus_fault *fault_at(const struct campus_meter *meter, size_t i)
{
	return (struct campus_fault *)meter->faults.items + i;
}

static int by_id(const void *a, const void *b)
{
	const struct campus_meter *const *x = a, *const *y = b;

	return strcmp((*x)->id, (*y)->id);
}

static void check_unique(struct campus_build *build)
{
	struct campus *campus = build->campus;
	struct campus_meter **sorted;

	if (campus->n_meters == 0)
		return;
	sorted = (struct campus_meter **)xcalloc(campus->n_meters, sizeof(void *));
	memcpy((void *)sorted, (const void *)campus->meters, campus->n_meters * sizeof(void *));
	qsort((void *)sorted, campus->n_meters, sizeof(void *), by_id);
	for (size_t i = 1; i < campus->n_meters; i++)
		if (strcmp(sorted[i - 1]->id, sorted[i]->id) == 0)
			conf_error(build->errors, sorted[i]->node, "id",
				   "'%s' stands at line %u already", sorted[i]->id,
				   (unsigned)sorted[i - 1]->node->line);
	free((void *)sorted);
}

static void check_units(struct campus_build *build, const struct campus_bus *bus)
{
	const struct campus_meter *first[256] = {0};
	const struct campus_meter *meters = bus->meters.items;

	for (size_t i = 0; i < bus->meters.count; i++) {
		const struct campus_meter *meter = &meters[i];
		const struct campus_meter *other = first[meter->unit & 255];

		if (other == NULL)
			first[meter->unit & 255] = meter;
		else if (other->profile != meter->profile || other->channel == meter->channel)
			conf_error(build->errors, meter->node, "unit",
				   "unit %d is taken at line %u by another device",
				   (int)meter->unit, (unsigned)other->node->line);
	}
}

static void check_bus(struct campus_build *build, struct campus_bus *bus)
{
	int links = (bus->rtu.node != NULL) + (bus->tcp.node != NULL) +
		    (bus->rtu_over_tcp.node != NULL);

	if (links != 1)
		conf_error(build->errors, bus->node, NULL,
			   "needs exactly one of rtu, tcp and rtu_over_tcp");
	bus->link = CAMPUS_RTU_OVER_TCP;
	if (bus->rtu.node != NULL)
		bus->link = CAMPUS_RTU;
	else if (bus->tcp.node != NULL)
		bus->link = CAMPUS_TCP;
	check_units(build, bus);
}

static void collect_meters(struct campus *campus)
{
	size_t n = 0;

	for (size_t b = 0; b < campus->buses.count; b++)
		n += bus_at(campus, b)->meters.count;
	campus->meters = (struct campus_meter **)xcalloc(n + 1, sizeof(void *));
	for (size_t b = 0; b < campus->buses.count; b++) {
		struct campus_bus *bus = bus_at(campus, b);

		for (size_t i = 0; i < bus->meters.count; i++)
			campus->meters[campus->n_meters++] =
				(struct campus_meter *)bus->meters.items + i;
	}
}

/* ---- the whole ---- */

/* A month and day as month * 100 + day. */
static int parse_season(struct campus_build *build, const char *key, const char *text)
{
	char *full = xasprintf("2024-%s", text);
	civil_day day = 0;
	struct civil_date date;

	if (civil_parse_day(full, strlen(full), &day) != 0)
		conf_error(build->errors, build->file.weather.node, key,
			   "must be a month and a day as in 11-15");
	free(full);
	date = civil_date_of(day);
	return date.month * 100 + date.day;
}

static struct world_span *copy_spans(struct campus_build *build, const struct conf_list *list)
{
	const struct campus_span *from = list->items;
	struct world_span *to = xcalloc(list->count + 1, sizeof *to);

	for (size_t i = 0; i < list->count; i++) {
		if (from[i].to < from[i].from)
			conf_error(build->errors, from[i].node, "to", "must not lie before from");
		to[i] = (struct world_span){from[i].from, from[i].to};
	}
	return to;
}

static void create_world(struct campus_build *build)
{
	struct campus *campus = build->campus;
	const struct campus_calendar *calendar = &build->file.calendar;
	const struct campus_weather *weather = &build->file.weather;
	struct world_span *holidays = copy_spans(build, &calendar->holidays);
	struct world_span *workdays = copy_spans(build, &calendar->workdays);
	struct world_span *vacations = copy_spans(build, &calendar->vacations);
	struct world_config config = {
		.seed = (uint64_t)campus->seed,
		.offset_ms = campus->offset_ms,
		.latitude = weather->latitude,
		.longitude = weather->longitude,
		.mean_c = weather->mean_c,
		.swing_c = weather->swing_c,
		.heating_from = parse_season(build, "heating_from", weather->heating_from),
		.heating_to = parse_season(build, "heating_to", weather->heating_to),
		.holidays = holidays,
		.n_holidays = calendar->holidays.count,
		.workdays = workdays,
		.n_workdays = calendar->workdays.count,
		.vacations = vacations,
		.n_vacations = calendar->vacations.count,
	};

	campus->world = world_create(&config);
	campus->curves = curves_create(&config);
	free(holidays);
	free(workdays);
	free(vacations);
}

static void build_general(struct campus_build *build)
{
	struct campus *campus = build->campus;
	const struct campus_general *general = &build->file.campus;
	struct err err;

	campus->name = general->name;
	campus->seed = general->seed;
	campus->start = general->start;
	campus->buses = build->file.buses;
	if (civil_zone(general->timezone, &campus->offset_ms, &err) != 0)
		conf_error(build->errors, build->file.node, "campus.timezone", "%s", err.text);
}

static int build_campus(struct campus_build *build, const struct conf_node *root)
{
	struct campus *campus = build->campus;

	if (conf_fill(campus->arena, root, campus_file_keys, &build->file, build->errors) != 0)
		return -EINVAL;
	build_general(build);
	create_world(build);
	collect_meters(campus);
	campus_build_meters(build);
	if (build->errors->count > 0)
		return -EINVAL;
	check_unique(build);
	for (size_t b = 0; b < campus->buses.count; b++)
		check_bus(build, bus_at(campus, b));
	campus_join_meters(build);
	return build->errors->count > 0 ? -EINVAL : 0;
}

static int finish(struct campus_build *build, int code, const struct conf_node *root,
		  struct campus **out)
{
	if (code == 0)
		code = build_campus(build, root);
	if (code != 0) {
		campus_destroy(build->campus);
		return code;
	}
	*out = build->campus;
	return 0;
}

static struct campus *create(void)
{
	struct campus *campus = xcalloc(1, sizeof *campus);

	campus->arena = arena_create();
	return campus;
}

int campus_load(struct campus **out, const char *path, int64_t now_ms, struct conf_errors *errors)
{
	struct campus_build build = {
		.campus = create(), .path = path, .now_ms = now_ms, .errors = errors};
	const struct conf_node *root = NULL;
	int code = conf_load(build.campus->arena, path, &root, errors);

	return finish(&build, code, root, out);
}

int campus_parse(struct campus **out, const char *path, const char *text, size_t len,
		 int64_t now_ms, struct conf_errors *errors)
{
	struct campus_build build = {
		.campus = create(), .path = path, .now_ms = now_ms, .errors = errors};
	const struct conf_node *root = NULL;
	int code = conf_parse(build.campus->arena, path, text, len, &root, errors);

	return finish(&build, code, root, out);
}

void campus_destroy(struct campus *campus)
{
	if (campus == NULL)
		return;
	for (size_t i = 0; i < campus->n_meters; i++)
		counter_destroy(campus->meters[i]->counter);
	for (size_t i = 0; i < campus->n_profiles; i++)
		profile_destroy(campus->profiles[i]);
	free((void *)campus->meters);
	free((void *)campus->profiles);
	curves_destroy(campus->curves);
	world_destroy(campus->world);
	arena_destroy(campus->arena);
	free(campus);
}

struct campus_meter *campus_find(const struct campus *campus, const char *id)
{
	for (size_t i = 0; i < campus->n_meters; i++)
		if (strcmp(campus->meters[i]->id, id) == 0)
			return campus->meters[i];
	return NULL;
}

const char *campus_serial(const struct campus_meter *meter, int64_t utc_ms)
{
	const char *serial = meter->serial;

	for (size_t i = 0; i < meter->faults.count; i++) {
		const struct campus_fault *fault = fault_at(meter, i);

		if (fault->kind == FAULT_REPLACE && fault->serial != NULL &&
		    fault->from_ms <= utc_ms)
			serial = fault->serial;
	}
	return serial;
}

void campus_reference(struct buf *out)
{
	conf_print_reference(campus_file_keys, out);
}
