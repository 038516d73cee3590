/* SPDX-License-Identifier: Apache-2.0 */
/* What the tables of agent.yaml cannot check: names that must differ, profiles, bus time. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/config/config_internal.h"
#include "common/mem.h"
#include "common/phrase.h"
#include "common/quantity.h"
#include "common/telemetry.h"

static const struct conf_node *at(const struct conf_node *map, const char *key)
{
	const struct conf_node *node = conf_get(map, key);

	return node != NULL ? node : map;
}

enum { ROUND_TRIP_MS = 30, ROUND_TRIP_LISTEN_MS = 300 }; /* where none is written */

/* ---- profiles ---- */

static void report_no_profile(const struct agent_config *config, const struct agent_meter *meter,
			      const char *hint, struct conf_errors *errors)
{
	const char *const *folders = config->profile_folders.items;
	struct buf words = {0};

	if (strchr(meter->profile_name, '/') != NULL) {
		conf_error(errors, at(meter->node, "profile"), NULL, "there is no file '%s'",
			   meter->profile_name);
		return;
	}
	for (size_t i = 0; i < config->profile_folders.count; i++)
		buf_printf(&words, "%s%s%s", i > 0 ? phrase_say(" or ") : "", folders[i],
			   access(folders[i], X_OK) < 0 ? phrase_say(" (no such folder)") : "");
	conf_error(errors, at(meter->node, "profile"), NULL, "there is no %s.yaml in %s%s",
		   meter->profile_name,
		   words.len > 0 ? words.data : phrase_say("any folder (none is set)"), hint);
	buf_fini(&words);
}

const struct profile *agent_config_profile(struct agent_config *config,
					   const struct agent_meter *meter,
					   struct conf_errors *errors)
{
	struct profile *profile = NULL;
	char hint[96], *path;

	path = agent_config_find_profile(&config->profile_folders, meter->profile_name, hint);
	if (path == NULL) {
		report_no_profile(config, meter, hint, errors);
		return NULL;
	}
	for (size_t i = 0; i < config->n_profiles && profile == NULL; i++)
		if (strcmp(config->profiles[i]->path, path) == 0)
			profile = config->profiles[i];
	if (profile == NULL && profile_load(&profile, path, errors) == 0) {
		config->profiles = xrealloc(config->profiles, config->n_profiles + 1,
					    sizeof(struct profile *));
		config->profiles[config->n_profiles++] = profile;
	}
	free(path);
	return profile;
}

/* Neighbours in the file mostly have the same model: looking at the last one first saves a search
 * of the folders for each of a thousand meters. */
static const struct profile *profile_of(struct agent_config *config, struct agent_meter *meter,
					const struct agent_meter *before,
					struct conf_errors *errors)
{
	if (before != NULL && before->profile != NULL &&
	    strcmp(before->profile_name, meter->profile_name) == 0)
		return before->profile;
	return agent_config_profile(config, meter, errors);
}

/* ---- one meter ---- */

static bool has_helper(const struct profile *profile, const char *name)
{
	for (size_t i = 0; i < profile->n_points; i++)
		if (!profile->points[i].is_published && strcmp(profile->points[i].name, name) == 0)
			return true;
	return false;
}

static void check_ratios(struct agent_config *config, struct agent_meter *meter,
			 struct conf_errors *errors)
{
	static const struct conf_key number = {.type = CONF_DECIMAL};
	const struct conf_node *map = meter->ratios_node;

	if (map == NULL)
		return;
	if (map->shape != CONF_IS_MAP) {
		conf_error(errors, map, NULL, "must be a map such as {ct: 40}");
		return;
	}
	meter->ratios = arena_alloc(config->arena, (map->n_children + 1) * sizeof *meter->ratios);
	for (const struct conf_node *item = map->first; item != NULL; item = item->next) {
		struct agent_ratio *ratio = &meter->ratios[meter->n_ratios++];

		ratio->name = item->key;
		(void)conf_scalar(config->arena, item, &number, &ratio->value, errors);
		if (!has_helper(meter->profile, item->key))
			conf_error(errors, item, NULL, "profile %s has no such register",
				   meter->profile->id);
	}
}

static void check_baud(const struct agent_serial *serial, const struct conf_node *node,
		       struct conf_errors *errors)
{
	if (serial->baud != 0 && !bus_has_baud(serial->baud))
		conf_error(errors, at(node, "baud"), NULL,
			   "serial ports have no rate of %lld; usual ones are 1200, 2400, 4800, "
			   "9600, 19200, 38400 and 115200",
			   (long long)serial->baud);
}

static bool has_channel(const struct agent_meter *meter)
{
	for (size_t i = 0; i < meter->profile->n_points; i++)
		if (meter->profile->points[i].channel == meter->channel)
			return true;
	return false;
}

static bool has_pulses(const struct agent_meter *meter)
{
	for (size_t i = 0; i < meter->profile->n_points; i++)
		if (meter->profile->points[i].is_pulse &&
		    meter->profile->points[i].channel == meter->channel)
			return true;
	return false;
}

static void check_base(struct agent_config *config, struct agent_meter *meter,
		       struct conf_errors *errors)
{
	static const struct conf_key number = {.type = CONF_INTEGER, .max = 65535};
	const struct profile *profile = meter->profile;
	const struct conf_node *node = meter->base_node;
	bool is_auto =
		node != NULL && node->shape == CONF_IS_SCALAR && strcmp(node->text, "auto") == 0;

	if (node != NULL && !profile->is_relative) {
		conf_error(errors, node, NULL, "profile %s has fixed addresses and takes no base",
			   profile->id);
	} else if (profile->n_models > 0 && (node == NULL || is_auto)) {
		meter->is_base_auto = true;
	} else if (is_auto) {
		conf_error(errors, node, NULL, "profile %s does not know how to find it",
			   profile->id);
	} else if (node != NULL) {
		(void)conf_scalar(config->arena, node, &number, &meter->base, errors);
	} else if (profile->is_relative) {
		conf_error(errors, meter->node, "base", "is missing: profile %s counts from it",
			   profile->id);
	}
}

static void check_against_profile(const struct agent_bus *bus, const struct agent_meter *meter,
				  struct conf_errors *errors)
{
	const struct profile *profile = meter->profile;
	struct sweep *sweep;
	struct err err;

	if (meter->channel != 0 && !has_channel(meter))
		conf_error(errors, at(meter->node, "channel"), NULL, "profile %s has no channel %d",
			   profile->id, (int)meter->channel);
	else if (meter->pulse.node != NULL && !has_pulses(meter))
		conf_error(errors, meter->pulse.node, NULL,
			   "profile %s has no pulse counter on channel %d; give the channel",
			   profile->id, (int)meter->channel);
	else if (agent_config_sweep(&sweep, bus, meter, SWEEP_BRIDGES, NULL, &err) != 0)
		conf_error(errors, at(meter->node, "quantities"), NULL, "%s", err.text);
	else
		sweep_destroy(sweep);
	if (meter->serial_number != NULL && profile_find(profile, "serial_number", 0) == NULL)
		conf_error(errors, at(meter->node, "serial_number"), NULL,
			   "profile %s does not know where the serial number is", profile->id);
}

static void check_meter(struct agent_config *config, const struct agent_bus *bus,
			struct agent_meter *meter, struct conf_errors *errors)
{
	static const char *const serial_keys[] = {"baud", "parity", "stop_bits"};

	if (!telemetry_id_is_valid(meter->id, strlen(meter->id)))
		conf_error(errors, at(meter->node, "id"), NULL,
			   "must be of letters, digits and '-', at most 48");
	if (bus->link == LINK_RTU && (meter->unit < 1 || meter->unit > 247))
		conf_error(errors, at(meter->node, "unit"), NULL,
			   "must be from 1 to 247 on a serial line");
	if (bus->link == LINK_RTU)
		check_baud(&meter->serial, meter->node, errors);
	for (size_t i = 0; i < 3; i++)
		if (bus->link != LINK_RTU && conf_get(meter->node, serial_keys[i]) != NULL)
			conf_error(errors, at(meter->node, serial_keys[i]), NULL,
				   "belongs to meters on a serial line");
	meter->pulse.is_set = meter->pulse.node != NULL;
	if (meter->pulse.is_set &&
	    !quantity_name_is_valid(meter->pulse.quantity, strlen(meter->pulse.quantity)))
		conf_error(errors, at(meter->pulse.node, "quantity"), NULL,
			   "must be [a-z0-9_], a letter first");
	if (meter->interval_ms == 0)
		meter->interval_ms = config->interval_ms;
	if (meter->profile == NULL)
		return;
	check_ratios(config, meter, errors);
	check_base(config, meter, errors);
	check_against_profile(bus, meter, errors);
}

/* ---- one bus ---- */

static void check_timeout(struct agent_config *config, struct agent_bus *bus,
			  struct conf_errors *errors)
{
	static const struct conf_key duration = {.type = CONF_DURATION, .min = 10, .max = 60000};

	if (bus->timeout->shape == CONF_IS_SCALAR && strcmp(bus->timeout->text, "auto") == 0)
		return;
	(void)conf_scalar(config->arena, bus->timeout, &duration, &bus->timeout_ms, errors);
}

/* What a serial line has if nothing is written. */
static void complete_serial(struct agent_serial *serial)
{
	if (serial->baud == 0)
		serial->baud = 9600;
	if (serial->parity == 0)
		serial->parity = 1;
	if (serial->stop_bits == 0)
		serial->stop_bits = 1;
}

static void check_link(struct agent_bus *bus, struct conf_errors *errors)
{
	int n = (bus->rtu.node != NULL) + (bus->tcp.node != NULL) +
		(bus->rtu_over_tcp.node != NULL) + (bus->listen.node != NULL);

	if (n != 1)
		conf_error(errors, bus->node, NULL,
			   n == 0 ? "needs one of rtu, tcp, rtu_over_tcp and listen"
				  : "has more than one of rtu, tcp, rtu_over_tcp and listen");
	if (bus->listen.node != NULL) {
		bus->link = LINK_LISTEN;
		if (bus->between_sweeps == BETWEEN_RELEASE)
			conf_error(errors, at(bus->node, "between_sweeps"), NULL,
				   "must be hold: a gateway that has dialled in cannot be called");
		agent_config_check_listen(bus, errors);
	} else if (bus->rtu_over_tcp.node != NULL) {
		bus->link = LINK_RTU_OVER_TCP;
	} else {
		bus->link = bus->tcp.node != NULL ? LINK_TCP : LINK_RTU;
	}
	if (conf_get(bus->node, "round_trip") == NULL)
		bus->round_trip_ms =
			bus->link == LINK_LISTEN ? ROUND_TRIP_LISTEN_MS : ROUND_TRIP_MS;
	if (bus->rtu.node != NULL)
		check_baud(&bus->rtu.serial, bus->rtu.node, errors);
	complete_serial(&bus->rtu.serial);
}

static void check_bus(struct agent_config *config, struct agent_bus *bus,
		      struct conf_errors *errors)
{
	struct agent_meter *meters = bus->meters.items;
	size_t n_before = errors->count;
	double percent;

	check_timeout(config, bus, errors);
	check_link(bus, errors);
	for (size_t i = 0; i < bus->meters.count; i++) {
		meters[i].profile =
			profile_of(config, &meters[i], i > 0 ? &meters[i - 1] : NULL, errors);
		check_meter(config, bus, &meters[i], errors);
	}
	if (errors->count != n_before)
		return;
	percent = 100 * agent_config_utilisation(bus);
	if (bus->link == LINK_RTU && percent > UTILISATION_MAX_PERCENT)
		conf_error(errors, bus->node, NULL,
			   "bus '%s' would be busy %.1f %% of the time, more than %d %%: read "
			   "less often, fewer quantities, or on two lines ('plan' shows why)",
			   bus->name, percent, UTILISATION_MAX_PERCENT);
}

/* ---- what must differ ---- */

struct seen { /* something that may be there once, and where it is */
	const char *text;
	int64_t number, channel, base;
	const struct conf_node *node;
};

static int by_text(const void *left, const void *right)
{
	const struct seen *a = left, *b = right;
	int order = strcmp(a->text, b->text);

	if (order == 0)
		order = (a->number > b->number) - (a->number < b->number);
	if (order == 0)
		order = (a->channel > b->channel) - (a->channel < b->channel);
	if (order == 0)
		order = (a->base > b->base) - (a->base < b->base);
	if (order == 0) /* in the file's order, so that the second one is blamed */
		order = (a->node->line > b->node->line) - (a->node->line < b->node->line);
	return order;
}

static bool is_same(const struct seen *a, const struct seen *b)
{
	return strcmp(a->text, b->text) == 0 && a->number == b->number &&
	       a->channel == b->channel && a->base == b->base;
}

static void check_twins(struct seen *seen, size_t n, const char *what, struct conf_errors *errors)
{
	if (n > 1)
		qsort(seen, n, sizeof *seen, by_text);
	for (size_t i = 1; i < n; i++)
		if (is_same(&seen[i - 1], &seen[i]))
			conf_error(errors, seen[i].node, NULL, "%s is already in line %u", what,
				   seen[i - 1].node->line);
}

static void check_names(const struct agent_config *config, struct conf_errors *errors)
{
	const struct agent_bus *buses = config->buses.items;
	struct seen *names = xcalloc(config->buses.count + 1, sizeof *names);
	struct seen *ends = xcalloc(config->buses.count + 1, sizeof *ends);
	size_t n_ends = 0;

	for (size_t i = 0; i < config->buses.count; i++) {
		const struct agent_bus *bus = &buses[i];
		const struct agent_tcp *tcp =
			bus->tcp.node != NULL ? &bus->tcp : &bus->rtu_over_tcp;

		names[i] = (struct seen){.text = bus->name, .node = at(bus->node, "name")};
		if (bus->rtu.node != NULL)
			ends[n_ends++] =
				(struct seen){.text = bus->rtu.device, .node = bus->rtu.node};
		else if (tcp->node != NULL)
			ends[n_ends++] = (struct seen){
				.text = tcp->host, .number = tcp->port, .node = tcp->node};
	}
	check_twins(names, config->buses.count, phrase_say("this name"), errors);
	check_twins(ends, n_ends,
		    phrase_say("this line has one owner: the same device or host and port"),
		    errors);
	free(ends);
	free(names);
}

/* Blocks that are looked for differ by what is looked for. */
static int64_t base_of(const struct agent_meter *meter)
{
	return meter->is_base_auto ? -(int64_t)meter->profile->models[0] : meter->base;
}

static void check_ids(const struct agent_config *config, struct conf_errors *errors)
{
	const struct agent_bus *buses = config->buses.items;
	size_t n = 0, total = 0;
	struct seen *ids, *units;

	for (size_t i = 0; i < config->buses.count; i++)
		total += buses[i].meters.count;
	ids = xcalloc(total + 1, sizeof *ids);
	units = xcalloc(total + 1, sizeof *units);
	for (size_t i = 0; i < config->buses.count; i++) {
		const struct agent_meter *meters = buses[i].meters.items;
		size_t n_units = buses[i].meters.count;

		for (size_t k = 0; k < n_units; k++) {
			ids[n++] = (struct seen){.text = meters[k].id,
						 .node = at(meters[k].node, "id")};
			units[k] = (struct seen){.text = "",
						 .number = meters[k].unit,
						 .channel = meters[k].channel,
						 .base = base_of(&meters[k]),
						 .node = at(meters[k].node, "unit")};
		}
		check_twins(units, n_units, phrase_say("this unit (and channel) of the bus"),
			    errors);
	}
	check_twins(ids, n, phrase_say("this meter id"), errors);
	free(units);
	free(ids);
}

/* ---- all ---- */

static bool region_is_valid(const char *region)
{
	size_t len = strlen(region);

	return len >= 1 && len <= 15 &&
	       strspn(region, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-") ==
		       len;
}

void agent_config_check(struct agent_config *config, struct conf_errors *errors)
{
	struct agent_bus *buses = config->buses.items;
	const struct conf_node *root = config->mqtt.node->parent;
	const struct conf_node *agent = conf_get(root, "agent");

	if (!telemetry_agent_id_is_valid(config->agent_id, strlen(config->agent_id)))
		conf_error(errors, at(agent, "id"), NULL,
			   "must be of small letters, digits and '-', at most 48");
	if (!region_is_valid(config->region))
		conf_error(errors, at(agent, "region"), NULL,
			   "must be of letters, digits and '-', at most 15");
	mqtt_config_check(&config->mqtt, errors);
	if (!agent_config_is_address(config->metrics.address))
		conf_error(errors, at(config->metrics.node, "address"), NULL,
			   "must be an IP address of ours");
	for (size_t i = 0; i < config->buses.count; i++)
		check_bus(config, &buses[i], errors);
	check_names(config, errors);
	agent_config_check_listeners(config, errors);
	check_ids(config, errors);
}

static void warn_meter(const struct agent_meter *meter, struct conf_errors *warnings)
{
	int64_t renewed_ms = meter->profile->renewed_ms;

	if (meter->interval_ms < renewed_ms)
		conf_error(warnings, meter->node, NULL,
			   "is read every %lld s, but its values change only every %lld s",
			   (long long)meter->interval_ms / 1000, (long long)renewed_ms / 1000);
	if (strcmp(meter->profile->confidence, "low") == 0)
		conf_error(warnings, meter->node, NULL,
			   "profile %s is hardly verified: compare its values with the display",
			   meter->profile->id);
}

/* Secrets may be handed over by systemd while the agent runs; then a warning is all one can say. */
static void warn_files(const struct mqtt_config *mqtt, struct conf_errors *warnings)
{
	const char *const files[][2] = {{"ca_file", mqtt->ca_file},
					{"cert_file", mqtt->cert_file},
					{"key_file", mqtt->key_file},
					{"password_file", mqtt->password_file}};

	for (size_t i = 0; i < sizeof files / sizeof *files; i++)
		if (files[i][1] != NULL && access(files[i][1], R_OK) < 0)
			conf_error(warnings, at(mqtt->node, files[i][0]), NULL,
				   "'%s' cannot be read by this user: %s", files[i][1],
				   phrase_say(err_name(errno)));
}

/* A serial line is known well enough to refuse it; a network is not. */
static void warn_busy(const struct agent_bus *bus, struct conf_errors *warnings)
{
	double percent = 100 * agent_config_utilisation(bus);

	if (bus->link != LINK_RTU && percent > UTILISATION_MAX_PERCENT)
		conf_error(warnings, bus->node, NULL,
			   "bus '%s' would be busy %.1f %% of the time if a request takes %lld ms "
			   "('round_trip'): readings may be late",
			   bus->name, percent, (long long)bus->round_trip_ms);
}

void agent_config_warn(struct agent_config *config)
{
	const struct agent_bus *buses = config->buses.items;
	struct conf_errors *warnings = &config->warnings;

	warn_files(&config->mqtt, warnings);
	for (size_t i = 0; i < config->buses.count; i++) {
		const struct agent_meter *meters = buses[i].meters.items;
		const char *device = buses[i].rtu.device;

		if (buses[i].meters.count == 0)
			conf_error(warnings, buses[i].node, NULL, "has no meters");
		if (device != NULL && (strncmp(device, "/dev/ttyUSB", 11) == 0 ||
				       strncmp(device, "/dev/ttyACM", 11) == 0))
			conf_error(warnings, at(buses[i].rtu.node, "device"), NULL,
				   "'%s' may be another converter after a restart; use its name in "
				   "/dev/serial/by-id or /dev/serial/by-path",
				   device);
		warn_busy(&buses[i], warnings);
		for (size_t k = 0; k < buses[i].meters.count; k++)
			warn_meter(&meters[k], warnings);
	}
}
