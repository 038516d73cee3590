/* SPDX-License-Identifier: Apache-2.0 */
/* The meters of a campus: their profiles, faults and counters, and who flows through whom. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/campus_internal.h"
#include "sim/noise.h"

static struct campus_fault *fault_at(const struct campus_meter *meter, size_t i)
{
	return (struct campus_fault *)meter->faults.items + i;
}

/* ---- profiles ---- */

static char *folder_path(const struct campus_build *build, const char *folder, const char *name)
{
	const char *slash = strrchr(build->path, '/');

	if (*folder == '/' || slash == NULL)
		return xasprintf("%s/%s.yaml", folder, name);
	return xasprintf("%.*s/%s/%s.yaml", (int)(slash - build->path), build->path, folder, name);
}

static char *find_profile(const struct campus_build *build, const char *name)
{
	static const char *const fallback[] = {"profiles"};
	bool has_folders = build->file.profiles.count > 0;
	const char *const *folders = has_folders ? build->file.profiles.items : fallback;

	if (strchr(name, '/') != NULL)
		return xstrdup(name);
	for (size_t i = 0; i < (has_folders ? build->file.profiles.count : 1); i++) {
		char *path = folder_path(build, folders[i], name);

		if (access(path, R_OK) == 0)
			return path;
		free(path);
	}
	return NULL;
}

static const struct profile *load_profile(struct campus_build *build,
					  const struct campus_meter *meter)
{
	struct campus *campus = build->campus;
	struct profile *profile = NULL;
	char *path = find_profile(build, meter->profile_name);

	if (path == NULL) {
		conf_error(build->errors, meter->node, "profile", "there is no profile '%s'",
			   meter->profile_name);
		return NULL;
	}
	for (size_t i = 0; i < campus->n_profiles; i++)
		if (strcmp(campus->profiles[i]->path, path) == 0)
			profile = campus->profiles[i];
	if (profile == NULL && profile_load(&profile, path, build->errors) == 0) {
		campus->profiles = (struct profile **)xrealloc(
			(void *)campus->profiles, campus->n_profiles + 1, sizeof(void *));
		campus->profiles[campus->n_profiles++] = profile;
	}
	free(path);
	return profile;
}

/* ---- times ---- */

static int64_t parse_when(struct campus_build *build, const struct conf_node *fault,
			  const char *key, int64_t fallback)
{
	static const struct conf_key duration = {.type = CONF_DURATION};
	const struct conf_node *node = conf_get(fault, key);
	struct conf_node rest;
	int64_t ms = fallback;

	if (node == NULL || node->shape != CONF_IS_SCALAR || node->len == 0)
		return fallback;
	if (*node->text != '+' && *node->text != '-') {
		if (civil_parse_time(node->text, node->len, build->campus->offset_ms, &ms) != 0)
			conf_error(build->errors, node, NULL,
				   "must be a date, an RFC 3339 time, or +90s, -2h from now");
		return ms;
	}
	rest = *node;
	rest.text++;
	rest.len--;
	rest.is_quoted = false;
	if (conf_scalar(build->campus->arena, &rest, &duration, &ms, build->errors) != 0)
		return fallback;
	return build->now_ms + (*node->text == '-' ? -ms : ms);
}

/* ---- faults ---- */

static bool is_of_dial(int kind)
{
	return kind == FAULT_RESET || kind == FAULT_REPLACE || kind == FAULT_STUCK;
}

static int by_from(const void *a, const void *b)
{
	const struct campus_fault *x = a, *y = b;

	return (x->from_ms > y->from_ms) - (x->from_ms < y->from_ms);
}

static void check_faults(struct campus_build *build, struct campus_meter *meter)
{
	for (size_t i = 0; i < meter->faults.count; i++) {
		struct campus_fault *fault = fault_at(meter, i);

		fault->from_ms = parse_when(build, fault->node, "from", INT64_MIN);
		fault->to_ms = parse_when(build, fault->node, "to", INT64_MAX);
		if (fault->to_ms <= fault->from_ms)
			conf_error(build->errors, fault->node, "to", "must lie after from");
		if (is_of_dial(fault->kind) && fault->from_text == NULL)
			conf_error(build->errors, fault->node, "from",
				   "a reset, a replacement or a stuck dial needs its time");
	}
	if (meter->faults.count > 0)
		qsort(meter->faults.items, meter->faults.count, sizeof(struct campus_fault),
		      by_from);
}

static enum dial_kind dial_kind_of(int kind)
{
	if (kind == FAULT_RESET)
		return DIAL_RESET;
	return kind == FAULT_REPLACE ? DIAL_REPLACE : DIAL_STUCK;
}

static void fill_events(const struct campus *campus, const struct campus_meter *meter,
			struct counter_config *config)
{
	struct dial_event *events =
		arena_alloc(campus->arena, (meter->faults.count + 1) * sizeof *events);

	for (size_t i = 0; i < meter->faults.count; i++) {
		const struct campus_fault *fault = fault_at(meter, i);

		if (is_of_dial(fault->kind))
			events[config->n_events++] = (struct dial_event){
				.kind = dial_kind_of(fault->kind),
				.from_ms = fault->from_ms,
				.to_ms = fault->to_ms,
				.start = fault->start,
			};
	}
	config->events = events;
}

/* ---- measures ---- */

static void set_changes(struct campus_build *build, const struct campus_meter *meter,
			struct load *load)
{
	const struct campus_change *from = meter->changes.items;
	struct load_change *changes =
		arena_alloc(build->campus->arena, (meter->changes.count + 1) * sizeof *changes);

	for (size_t i = 0; i < meter->changes.count; i++) {
		changes[i] = (struct load_change){from[i].from, from[i].share};
		if (i > 0 && from[i].from <= from[i - 1].from)
			conf_error(build->errors, from[i].node, "from",
				   "must lie after that of the item before it");
	}
	load_set_changes(load, changes, meter->changes.count);
}

/* ---- meters ---- */

static void report_load(struct campus_build *build, const struct campus_meter *meter)
{
	enum { MOST = 64 };
	char names[MOST][LOAD_USE_NAME_MAX], hint[96];
	const char *list[MOST];
	size_t n = 0;

	while (n < MOST && load_use_name((int)n, names[n]))
		n++;
	for (size_t i = 0; i < n; i++)
		list[i] = names[i];
	conf_error(build->errors, conf_get(meter->node, "load"), NULL, "there is no load '%s'%s",
		   meter->load_name, conf_nearest(meter->load_name, list, n, hint));
}

static bool has_pulse_point(const struct campus_meter *meter)
{
	for (size_t i = 0; i < meter->profile->n_points; i++) {
		const struct profile_point *point = &meter->profile->points[i];

		if (point->is_pulse && point->channel == meter->channel)
			return true;
	}
	return false;
}

static void create_counter(struct campus_build *build, struct campus_meter *meter, int use)
{
	struct campus *campus = build->campus;
	uint64_t seed = noise_hash_text((uint64_t)campus->seed, meter->id);
	struct counter_config config = {
		.ratio = meter->ratio,
		.initial = meter->initial,
		.modulus = meter->modulus,
		.first = campus->start,
	};

	struct load *load = load_create(campus->world, campus->curves, use, meter->year, seed);

	set_changes(build, meter, load);
	fill_events(campus, meter, &config);
	meter->carrier = load_use_unit(use);
	meter->is_generation = strcmp(meter->load_name, "pv") == 0;
	meter->counter = counter_create(campus->world, load, &config);
}

static void build_meter(struct campus_build *build, struct campus_meter *meter)
{
	int use = meter->load_name != NULL ? load_use_find(meter->load_name) : -1;

	if (meter->id == NULL || meter->load_name == NULL || meter->profile_name == NULL)
		return; /* already reported as missing */
	if (use < 0) {
		report_load(build, meter);
		return;
	}
	check_faults(build, meter);
	meter->profile = load_profile(build, meter);
	create_counter(build, meter, use);
	if (meter->profile == NULL)
		return;
	meter->is_single_phase = profile_find(meter->profile, "voltage_l1_n_v", 0) != NULL &&
				 profile_find(meter->profile, "voltage_l2_n_v", 0) == NULL;
	if (has_pulse_point(meter) && meter->pulse.node == NULL)
		conf_error(build->errors, meter->node, "pulse",
			   "channel %d of %s counts pulses: what is one of them worth?",
			   (int)meter->channel, meter->profile_name);
	if (meter->pulse.node != NULL && !has_pulse_point(meter))
		conf_error(build->errors, meter->pulse.node, NULL,
			   "channel %d of %s does not count pulses", (int)meter->channel,
			   meter->profile_name);
}

static void join_list(struct campus_build *build, struct campus_meter *meter, const char *key,
		      const struct conf_list *ids)
{
	for (size_t i = 0; i < ids->count; i++) {
		const char *id = ((const char *const *)ids->items)[i];
		struct campus_meter *other = id != NULL ? campus_find(build->campus, id) : NULL;

		if (other == NULL || other == meter || other->counter == NULL)
			conf_error(build->errors, meter->node, key, "there is no other meter '%s'",
				   id != NULL ? id : "");
		else if (other->generation.count > 0 ||
			 (ids == &meter->generation && other->parts.count > 0))
			conf_error(build->errors, meter->node, key,
				   "'%s' has generation behind it: only outermost meters can", id);
		else if (other->carrier != meter->carrier)
			conf_error(build->errors, meter->node, key, "'%s' counts another carrier",
				   id);
		else if (ids == &meter->parts)
			counter_add_part(meter->counter, other->counter);
		else
			counter_add_generation(meter->counter, other->counter);
	}
}

/* Follows the parts of a meter deeper than there are meters: only a circle goes on so far. */
static bool is_circle(const struct campus *campus, const struct campus_meter *meter, size_t depth)
{
	if (depth > campus->n_meters)
		return true;
	for (size_t i = 0; i < meter->parts.count; i++) {
		const char *id = ((const char *const *)meter->parts.items)[i];
		const struct campus_meter *part = id != NULL ? campus_find(campus, id) : NULL;

		if (part != NULL && is_circle(campus, part, depth + 1))
			return true;
	}
	return false;
}

void campus_build_meters(struct campus_build *build)
{
	for (size_t i = 0; i < build->campus->n_meters; i++)
		build_meter(build, build->campus->meters[i]);
}

void campus_join_meters(struct campus_build *build)
{
	struct campus *campus = build->campus;

	for (size_t i = 0; i < campus->n_meters; i++) {
		struct campus_meter *meter = campus->meters[i];

		if (is_circle(campus, meter, 0))
			conf_error(build->errors, meter->node, "parts", "must not form a circle");
		else if (meter->counter != NULL) {
			join_list(build, meter, "parts", &meter->parts);
			join_list(build, meter, "generation", &meter->generation);
		}
	}
}
