/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/config/config.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/config/config_internal.h"
#include "common/fnv.h"
#include "common/mem.h"

enum { IDS_MAX = 1024 };

/* ---- loading ---- */

/* What is written about the bus, and what is not but holds for it. */
static uint64_t digest_bus(const struct agent_config *config, const struct agent_bus *bus)
{
	const struct agent_meter *meters = bus->meters.items;
	uint64_t digest = FNV_START;
	struct buf text = {0};

	conf_print_node(bus->node, &text);
	digest = fnv_add(digest, text.data, text.len);
	digest = fnv_add(digest, &config->interval_ms, sizeof config->interval_ms);
	for (size_t i = 0; i < bus->meters.count; i++)
		digest = fnv_add(digest, &meters[i].profile->digest,
				 sizeof meters[i].profile->digest);
	buf_fini(&text);
	return digest;
}

static uint64_t digest_delivery(const struct agent_config *config)
{
	static const char *const sections[] = {"agent", "mqtt", "spool", "delivery"};
	const struct conf_node *root = config->mqtt.node->parent;
	uint64_t digest = FNV_START;
	struct buf text = {0};

	for (size_t i = 0; i < sizeof sections / sizeof *sections; i++) {
		const struct conf_node *section = conf_get(root, sections[i]);

		if (section != NULL)
			conf_print_node(section, &text);
		buf_add_char(&text, '\n');
	}
	digest = fnv_add(digest, text.data, text.len);
	buf_fini(&text);
	return digest;
}

static void complete(struct agent_config *config)
{
	struct agent_bus *buses = config->buses.items;

	config->delivery_digest = digest_delivery(config);
	for (size_t i = 0; i < config->buses.count; i++)
		buses[i].digest = digest_bus(config, &buses[i]);
	agent_config_warn(config);
}

static int finish(struct agent_config **out, struct arena *file, const char *path,
		  const struct conf_node *root, struct conf_errors *errors)
{
	struct arena *arena = arena_create();
	struct agent_config *config = arena_alloc(arena, sizeof *config);
	size_t n_before = errors->count;

	config->arena = arena;
	config->file = file;
	config->users = 1;
	config->path = arena_strndup(arena, path, strlen(path));
	/* Further mistakes are found even if there are some already, but not in what is missing. */
	if (conf_fill(arena, root, agent_config_keys, config, errors) == 0)
		agent_config_check(config, errors);
	if (errors->count != n_before) {
		agent_config_destroy(config);
		return -EINVAL;
	}
	complete(config);
	*out = config;
	return 0;
}

int agent_config_load(struct agent_config **out, const char *path, struct conf_errors *errors)
{
	struct arena *file = arena_create();
	const struct conf_node *root;
	int code = conf_load(file, path, &root, errors);

	if (code == 0)
		return finish(out, file, path, root, errors);
	arena_destroy(file);
	return code;
}

int agent_config_parse(struct agent_config **out, const char *path, const char *text, size_t len,
		       struct conf_errors *errors)
{
	struct arena *file = arena_create();
	const struct conf_node *root;
	int code = conf_parse(file, path, text, len, &root, errors);

	if (code == 0)
		return finish(out, file, path, root, errors);
	arena_destroy(file);
	return code;
}

struct agent_config *agent_config_share(struct agent_config *config)
{
	config->users++;
	return config;
}

void agent_config_destroy(struct agent_config *config)
{
	if (config == NULL || --config->users > 0)
		return;
	for (size_t i = 0; i < config->n_profiles; i++)
		profile_destroy(config->profiles[i]);
	free(config->profiles);
	conf_errors_fini(&config->warnings);
	arena_destroy(config->file);
	arena_destroy(config->arena);
}

static void forget_meter(struct agent_meter *meter)
{
	meter->node = meter->base_node = meter->ratios_node = meter->pulse.node = NULL;
}

void agent_config_forget_file(struct agent_config *config)
{
	struct agent_bus *buses = config->buses.items;

	for (size_t i = 0; i < config->buses.count; i++) {
		struct agent_meter *meters = buses[i].meters.items;

		buses[i].node = buses[i].timeout = buses[i].listen.node = NULL;
		buses[i].rtu.node = buses[i].tcp.node = buses[i].rtu_over_tcp.node = NULL;
		for (size_t k = 0; k < buses[i].meters.count; k++)
			forget_meter(&meters[k]);
	}
	config->mqtt.node = config->metrics.node = NULL;
	arena_destroy(config->file);
	config->file = NULL;
}

/* ---- profiles ---- */

static void suggest(const struct conf_list *folders, const char *name, char hint[96])
{
	const char *const *paths = folders->items;
	char *ids[IDS_MAX] = {0};
	size_t n = 0;

	for (size_t i = 0; i < folders->count; i++) {
		DIR *folder = opendir(paths[i]);

		if (folder == NULL)
			continue;
		/* The stream belongs to this thread. NOLINTNEXTLINE(concurrency-mt-unsafe) */
		for (struct dirent *entry; n < IDS_MAX && (entry = readdir(folder)) != NULL;) {
			size_t len = strlen(entry->d_name);

			if (len > 5 && strcmp(entry->d_name + len - 5, ".yaml") == 0)
				ids[n++] = xstrndup(entry->d_name, len - 5);
		}
		(void)closedir(folder);
	}
	(void)conf_nearest(name, (const char *const *)ids, n, hint);
	for (size_t i = 0; i < n; i++)
		free(ids[i]);
}

char *agent_config_find_profile(const struct conf_list *folders, const char *name, char hint[96])
{
	const char *const *paths = folders->items;

	hint[0] = '\0';
	if (strchr(name, '/') != NULL)
		return access(name, F_OK) == 0 ? xstrdup(name) : NULL;
	for (size_t i = folders->count; i-- > 0;) {
		char *path = xasprintf("%s/%s.yaml", paths[i], name);

		if (access(path, F_OK) == 0)
			return path;
		free(path);
	}
	suggest(folders, name, hint);
	return NULL;
}

/* ---- questions ---- */

const char *agent_config_nearest_bus(const struct agent_config *config, const char *name,
				     char hint[96])
{
	const struct agent_bus *buses = config->buses.items;
	const char **names = xcalloc(config->buses.count + 1, sizeof *names);

	for (size_t i = 0; i < config->buses.count; i++)
		names[i] = buses[i].name;
	(void)conf_nearest(name, names, config->buses.count, hint);
	free((void *)names);
	return hint;
}

const char *agent_config_nearest_meter(const struct agent_config *config, const char *id,
				       char hint[96])
{
	const struct agent_bus *buses = config->buses.items;
	const char **ids = NULL;
	size_t n = 0, cap = 0;

	for (size_t i = 0; i < config->buses.count; i++) {
		const struct agent_meter *meters = buses[i].meters.items;

		for (size_t k = 0; k < buses[i].meters.count; k++) {
			ids = grow((void *)ids, n, &cap, sizeof *ids);
			ids[n++] = meters[k].id;
		}
	}
	(void)conf_nearest(id, ids, n, hint);
	free((void *)ids);
	return hint;
}

const struct agent_meter *agent_config_find_meter(const struct agent_config *config, const char *id,
						  const struct agent_bus **bus)
{
	const struct agent_bus *buses = config->buses.items;

	for (size_t i = 0; i < config->buses.count; i++) {
		const struct agent_meter *meters = buses[i].meters.items;

		for (size_t k = 0; k < buses[i].meters.count; k++)
			if (strcmp(meters[k].id, id) == 0) {
				if (bus != NULL)
					*bus = &buses[i];
				return &meters[k];
			}
	}
	return NULL;
}

struct bus_settings agent_config_serial(const struct agent_bus *bus,
					const struct agent_meter *meter)
{
	const struct agent_serial *line = &bus->rtu.serial, *own = &meter->serial;
	int parity = own->parity != 0 ? own->parity : line->parity;

	return (struct bus_settings){
		.baud = own->baud != 0 ? own->baud : line->baud,
		.parity = agent_config_parities[parity],
		.stop_bits = (int)(own->stop_bits != 0 ? own->stop_bits : line->stop_bits),
	};
}

struct plan_cost agent_config_cost(const struct agent_bus *bus, const struct agent_meter *meter)
{
	int64_t pause_us = meter->profile->pause_ms * 1000;
	struct bus_settings serial;

	if (bus->link != LINK_RTU)
		return plan_cost_tcp(bus->round_trip_ms * 1000, pause_us);
	serial = agent_config_serial(bus, meter);
	return plan_cost_rtu(serial.baud, 9 + (serial.parity != 'N') + serial.stop_bits,
			     bus->turnaround_ms * 1000, pause_us);
}

int agent_config_sweep(struct sweep **out, const struct agent_bus *bus,
		       const struct agent_meter *meter, enum sweep_caution caution,
		       const bool *skipped, struct err *err)
{
	struct sweep_wish wish = {
		.profile = meter->profile,
		.quantities = meter->quantities.items,
		.n_quantities = meter->quantities.count,
		.channel = (uint16_t)meter->channel,
		.pulse_quantity = meter->pulse.is_set ? meter->pulse.quantity : NULL,
		.caution = caution,
		.skipped = skipped,
		.cost = agent_config_cost(bus, meter),
	};

	return sweep_create(out, &wish, err);
}

bool agent_config_is_serial_framed(const struct agent_bus *bus)
{
	return bus->link != LINK_TCP &&
	       (bus->link != LINK_LISTEN || bus->listen.framing == FRAMING_RTU);
}

void agent_config_where(const struct agent_bus *bus, char *text, size_t size)
{
	const struct agent_tcp *tcp = bus->link == LINK_TCP ? &bus->tcp : &bus->rtu_over_tcp;

	if (bus->link == LINK_RTU)
		(void)snprintf(text, size, "%s", bus->rtu.device);
	else if (bus->link == LINK_LISTEN)
		(void)snprintf(text, size, "%s port %d", bus->listen.address,
			       (int)bus->listen.port);
	else
		(void)snprintf(text, size, "%s:%d", tcp->host, (int)tcp->port);
}

double agent_config_utilisation(const struct agent_bus *bus)
{
	const struct agent_meter *meters = bus->meters.items;
	double share = 0;

	for (size_t i = 0; i < bus->meters.count; i++) {
		struct sweep *sweep;
		struct plan_cost cost = agent_config_cost(bus, &meters[i]);

		if (agent_config_sweep(&sweep, bus, &meters[i], SWEEP_BRIDGES, NULL, NULL) != 0)
			continue;
		share += (double)plan_time_us(sweep->reads, sweep->n_reads, cost) / 1000.0 /
			 (double)meters[i].interval_ms;
		sweep_destroy(sweep);
	}
	return share;
}

/* ---- printing ---- */

void agent_config_print(const struct agent_config *config, struct buf *out)
{
	conf_print(agent_config_keys, config, out);
}

void agent_config_reference(struct buf *out)
{
	conf_print_reference(agent_config_keys, out);
}
