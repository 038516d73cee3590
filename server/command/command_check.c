/* SPDX-License-Identifier: Apache-2.0 */
/* nenghao-server check: every mistake at once, or a summary with what deserves a look. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/json_writer.h"
#include "server/alarm/rule.h"
#include "server/catalogue/catalogue.h"
#include "server/command/check_notes.h"
#include "server/command/commands.h"
#include "server/config/config.h"
#include "server/factors/factors.h"
#include "server/page/page_map.h"
#include "server/registry/registry_savings.h"
#include "server/statistics/form.h"

struct checking {
	struct server_config *config;
	struct registry *registry;
	struct factors *factors;
	struct forms *forms;
	struct catalogue *catalogue;
	struct alarm_rules *alarms;
	struct conf_errors errors;
	struct check_notes notes;
};

/* ---- what deserves a look ---- */

static void look_at_file(struct check_notes *notes, const char *key, const char *path)
{
	if (path != NULL && access(path, R_OK) < 0)
		check_note_add(notes, NOTE_CONFIG, "%s '%s' cannot be read by this user", key,
			       path);
}

static void look_at_config(struct checking *c)
{
	const struct server_config *config = c->config;
	const struct mqtt_config *broker = &config->mqtt.broker;
	const struct server_tsdb_config *tsdb = config->tsdb.items;
	const struct alarm_receiver *receivers = config->alarms.receivers.items;
	bool is_local =
		strncmp(config->listen, "127.", 4) == 0 || strncmp(config->listen, "[::1]", 5) == 0;

	if (!is_local && config->tls_cert_file == NULL)
		check_note_add(
			&c->notes, NOTE_CONFIG,
			"http.listen is %s without tls_cert_file: tokens travel in the clear",
			config->listen);
	look_at_file(&c->notes, "http.tls_cert_file", config->tls_cert_file);
	look_at_file(&c->notes, "http.tls_key_file", config->tls_key_file);
	look_at_file(&c->notes, "mqtt.password_file", broker->password_file);
	look_at_file(&c->notes, "mqtt.ca_file", broker->ca_file);
	look_at_file(&c->notes, "mqtt.cert_file", broker->cert_file);
	look_at_file(&c->notes, "mqtt.key_file", broker->key_file);
	look_at_file(&c->notes, "alarms.smtp.password_file", config->alarms.smtp.password_file);
	look_at_file(&c->notes, "alarms.smtp.ca_file", config->alarms.smtp.ca_file);
	for (size_t i = 0; i < config->alarms.receivers.count; i++) {
		look_at_file(&c->notes, "alarms secret_file", receivers[i].secret_file);
		look_at_file(&c->notes, "alarms ca_file", receivers[i].ca_file);
	}
	for (size_t i = 0; i < config->tsdb.count; i++) {
		look_at_file(&c->notes, "tsdb password_file", tsdb[i].password_file);
		look_at_file(&c->notes, "tsdb token_file", tsdb[i].token_file);
		look_at_file(&c->notes, "tsdb ca_file", tsdb[i].ca_file);
	}
}

static void look_at_regions(struct checking *c)
{
	const struct region_tree *tree = c->registry->regions;
	const char *region = c->config->region;
	const char *const *codes = c->config->mqtt.regions.items;
	uint32_t root = region_find(tree, region, strlen(region));

	if (root == UINT32_MAX)
		check_note_add(
			&c->notes, NOTE_OUTSIDE,
			"server.region %s is neither in regions.yaml nor above any institution",
			region);
	for (size_t i = 0; i < c->config->mqtt.regions.count && root != UINT32_MAX; i++) {
		uint32_t at = region_find(tree, codes[i], strlen(codes[i]));

		if (at != UINT32_MAX && !region_is_within(tree, at, root))
			check_note_add(&c->notes, NOTE_OUTSIDE, "mqtt.regions: %s is not below %s",
				       codes[i], region);
	}
	for (size_t i = 0; i < c->registry->n_institutions && root != UINT32_MAX; i++) {
		const struct registry_institution *it = &c->registry->institutions[i];

		if (!region_is_within(tree, it->region, root))
			check_note_add(&c->notes, NOTE_OUTSIDE,
				       "institution %s (%s) in %s, not below %s", it->id, it->name,
				       tree->regions[it->region].code, region);
	}
}

static bool has_area(const struct registry_institution *it)
{
	for (size_t i = 0; i < it->n_buildings; i++)
		if (it->buildings[i].n_areas > 0)
			return true;
	return false;
}

static void look_at_institutions(struct checking *c)
{
	const struct registry *registry = c->registry;

	if (registry->n_institutions == 0)
		check_note_add(&c->notes, NOTE_EMPTY, "%s has no institution", c->config->registry);
	for (size_t i = 0; i < registry->n_institutions; i++) {
		const struct registry_institution *it = &registry->institutions[i];

		if (it->n_headcount == 0)
			check_note_add(&c->notes, NOTE_HEADCOUNT, "institution %s (%s)", it->id,
				       it->name);
		if (!has_area(it))
			check_note_add(&c->notes, NOTE_AREA, "institution %s (%s)", it->id,
				       it->name);
		if (it->uscc == NULL)
			check_note_add(&c->notes, NOTE_NO_USCC, "institution %s (%s)", it->id,
				       it->name);
	}
	for (size_t i = 0; i < registry->n_meters; i++) {
		const struct registry_meter *meter = &registry->meters[i];

		if (meter->n_terms == 0 && meter->role != ROLE_SUB &&
		    meter->expected_year == MICRO_NONE)
			check_note_add(&c->notes, NOTE_EXPECTED, "meter %s", meter->id);
	}
}

static void look_at_baselines(struct checking *c)
{
	const struct registry *registry = c->registry;

	for (size_t i = 0; i < registry->n_baselines; i++) {
		const struct registry_baseline *baseline = &registry->baselines[i];
		struct span days = baseline->baseline;
		int known = 0;

		if (baseline->weather == REGISTRY_NONE)
			continue;
		for (civil_day day = days.from; day < days.to; day++)
			known += !isnan(temperature_of(
				&registry->weather[baseline->weather].temperature, day));
		if (10 * known < 9 * (days.to - days.from))
			check_note_add(&c->notes, NOTE_WEATHER,
				       "baseline %s: %s has the temperature of %d of %d days",
				       baseline->id, registry->weather[baseline->weather].id, known,
				       (int)(days.to - days.from));
	}
}

static int by_uscc(const void *a, const void *b)
{
	const struct registry_institution *x = *(const struct registry_institution *const *)a;
	const struct registry_institution *y = *(const struct registry_institution *const *)b;
	int order = strcmp(x->uscc, y->uscc);

	return order != 0 ? order : strcmp(x->id, y->id);
}

static void look_at_codes(struct checking *c)
{
	const struct registry *registry = c->registry;
	const struct registry_institution **list =
		xcalloc(registry->n_institutions, sizeof(void *));
	size_t n = 0;

	for (size_t i = 0; i < registry->n_institutions; i++)
		if (registry->institutions[i].uscc != NULL)
			list[n++] = &registry->institutions[i];
	if (n > 0)
		qsort(list, n, sizeof(void *), by_uscc);
	for (size_t i = 1; i < n; i++)
		if (strcmp(list[i - 1]->uscc, list[i]->uscc) == 0 &&
		    list[i - 1]->valid.from < list[i]->valid.to &&
		    list[i]->valid.from < list[i - 1]->valid.to)
			check_note_add(&c->notes, NOTE_USCC_TWICE, "%s: institutions %s and %s",
				       list[i]->uscc, list[i - 1]->id, list[i]->id);
	free(list);
}

static void look_at_classes(struct checking *c)
{
	for (size_t i = 0; i < c->registry->n_institutions; i++) {
		const struct registry_institution *it = &c->registry->institutions[i];

		for (size_t k = 0; k < it->n_identities; k++)
			if (it->identities[k].quota_class != NULL &&
			    !quota_has_class(factors_quotas(c->factors),
					     it->identities[k].quota_class))
				check_note_add(&c->notes, NOTE_QUOTA_CLASS,
					       "institution %s (%s): '%s'", it->id, it->name,
					       it->identities[k].quota_class);
	}
}

static void look_at_factors(struct checking *c)
{
	size_t n;
	const struct factor_entry *entries = factors_entries(c->factors, &n);

	for (size_t i = 0; i < n; i++)
		if (!entries[i].is_verified)
			check_note_add(&c->notes, NOTE_FACTOR, "%s: %s%s%s", entries[i].set,
				       carrier_name(entries[i].carrier),
				       *entries[i].region != '\0' ? " in " : "", entries[i].region);
}

/* ---- text ---- */

struct summary {
	size_t institutions, meters, virtual_meters, devices, buildings, regions, factors;
};

static struct summary summarize(const struct checking *c)
{
	const struct registry *registry = c->registry;
	struct summary sum = {
		.institutions = registry->n_institutions,
		.meters = registry->n_meters,
		.regions = registry->regions->n,
	};

	(void)factors_entries(c->factors, &sum.factors);
	for (size_t i = 0; i < registry->n_institutions; i++)
		sum.buildings += registry->institutions[i].n_buildings;
	for (size_t i = 0; i < registry->n_meters; i++)
		sum.virtual_meters += registry->meters[i].n_terms > 0;
	for (size_t i = 0; i < registry->n_by_device; i++)
		sum.devices +=
			i == 0 || strcmp(registry->meters[registry->by_device[i - 1]].device,
					 registry->meters[registry->by_device[i]].device) != 0;
	return sum;
}

static const char *plural(size_t n)
{
	return n == 1 ? "" : "s";
}

static void print_text(const struct checking *c)
{
	struct summary sum = summarize(c);

	(void)printf("ok: %zu institution%s, %zu meter%s (%zu virtual) of %zu device%s, "
		     "%zu building%s, %zu region%s, %zu factor%s\n",
		     sum.institutions, plural(sum.institutions), sum.meters, plural(sum.meters),
		     sum.virtual_meters, sum.devices, plural(sum.devices), sum.buildings,
		     plural(sum.buildings), sum.regions, plural(sum.regions), sum.factors,
		     plural(sum.factors));
	check_notes_print(&c->notes);
}

/* ---- JSON ---- */

static void print_buffer(struct buf *out)
{
	(void)fwrite(out->data != NULL ? out->data : "", 1, out->len, stdout);
	buf_fini(out);
}

static void write_errors(struct json_writer *json, const struct conf_errors *errors)
{
	const char *line = errors->text.data;

	json_begin_array(json, "errors");
	while (line != NULL && *line != '\0') {
		size_t len = strcspn(line, "\n");

		json_add_string_n(json, NULL, line, len);
		line += len + (line[len] == '\n');
	}
	json_end_array(json);
	json_add_int(json, "mistakes", (int64_t)errors->count);
}

static void print_json(const struct checking *c, bool is_ok)
{
	struct buf out = {0};
	struct json_writer json = {.out = &out};

	json_begin_object(&json, NULL);
	json_add_bool(&json, "ok", is_ok);
	if (is_ok) {
		struct summary sum = summarize(c);

		json_add_int(&json, "institutions", (int64_t)sum.institutions);
		json_add_int(&json, "meters", (int64_t)sum.meters);
		json_add_int(&json, "virtual_meters", (int64_t)sum.virtual_meters);
		json_add_int(&json, "devices", (int64_t)sum.devices);
		json_add_int(&json, "buildings", (int64_t)sum.buildings);
		json_add_int(&json, "regions", (int64_t)sum.regions);
		json_add_int(&json, "factors", (int64_t)sum.factors);
		check_notes_write(&json, &c->notes);
	} else {
		write_errors(&json, &c->errors);
	}
	json_end_object(&json);
	buf_add_char(&out, '\n');
	print_buffer(&out);
}

/* ---- the command ---- */

const struct cli_option server_check_options[] = {
	{"print", CLI_FLAG, NULL, "print the configuration in force, with all defaults"},
	{"reference", CLI_FLAG, NULL, "print all keys of the configuration file"},
	{"registry-reference", CLI_FLAG, NULL, "print all keys of the registry's files"},
	{"factors-reference", CLI_FLAG, NULL, "print all keys of the factors' files"},
	{"statistics-reference", CLI_FLAG, NULL, "print all keys of the statistics forms' files"},
	{"catalogue-reference", CLI_FLAG, NULL, "print all keys of the data catalogue"},
	{"alarms-reference", CLI_FLAG, NULL, "print all keys of the alarm rules' files"},
	{NULL, CLI_FLAG, NULL, NULL},
};

static bool print_reference(const struct cli *cli)
{
	static const struct {
		const char *option;
		void (*print)(struct buf *out);
	} references[] = {
		{"reference", server_config_reference},
		{"registry-reference", registry_print_reference},
		{"factors-reference", factors_print_reference},
		{"statistics-reference", forms_print_reference},
		{"catalogue-reference", catalogue_print_reference},
		{"alarms-reference", alarm_rules_print_reference},
	};
	bool is_found = false;

	for (size_t i = 0; i < sizeof references / sizeof *references; i++) {
		struct buf out = {0};

		if (cli_value(cli, references[i].option) == NULL)
			continue;
		references[i].print(&out);
		print_buffer(&out);
		is_found = true;
	}
	return is_found;
}

static void load_map(struct checking *c)
{
	const struct server_config *config = c->config;
	struct buf map = {0};
	struct err err = {""};

	if (config->map_file != NULL &&
	    page_map_load(config->map_file, (enum datum)config->map_datum, &map, &err) < 0)
		conf_error(&c->errors, conf_get(config->node, "page"), "map_file",
			   "cannot be used: %s", err.text);
	buf_fini(&map);
}

static void load(struct checking *c, const char *path)
{
	if (server_config_load(&c->config, path, &c->errors) < 0)
		return;
	(void)registry_load(&c->registry, c->config->registry, c->config->regions,
			    c->config->offset_ms, &c->errors);
	(void)factors_load(&c->factors, c->config->factors, &c->errors);
	(void)forms_load(&c->forms, c->config->statistics, &c->errors);
	(void)catalogue_load(&c->catalogue, c->config->catalogue, &c->errors);
	if (alarm_rules_load(&c->alarms, c->config->alarms.rules, &c->errors) == 0)
		alarm_rules_check_receivers(c->alarms, &c->config->alarms, &c->errors);
	load_map(c);
}

static void look(struct checking *c)
{
	look_at_config(c);
	look_at_regions(c);
	look_at_institutions(c);
	look_at_classes(c);
	look_at_codes(c);
	look_at_baselines(c);
	look_at_factors(c);
}

static void print_errors(const struct conf_errors *errors)
{
	(void)fwrite(errors->text.data, 1, errors->text.len, stderr);
	(void)fprintf(stderr, "%zu mistake%s\n", errors->count, plural(errors->count));
}

static void checking_fini(struct checking *c)
{
	check_notes_fini(&c->notes);
	forms_destroy(c->forms);
	catalogue_release(c->catalogue);
	alarm_rules_destroy(c->alarms);
	factors_release(c->factors);
	registry_release(c->registry);
	server_config_destroy(c->config);
	conf_errors_fini(&c->errors);
}

static void report(struct checking *c, const struct cli *cli, bool is_ok)
{
	struct buf out = {0};

	if (is_ok && cli_value(cli, "print") != NULL) {
		server_config_print(c->config, &out);
		print_buffer(&out);
	} else if (cli->is_json) {
		print_json(c, is_ok);
	} else if (is_ok) {
		print_text(c);
	}
	if (!is_ok && !cli->is_json)
		print_errors(&c->errors);
}

int server_command_check(const struct cli *cli)
{
	struct checking *c;
	bool is_ok;

	if (print_reference(cli))
		return EXIT_OK;
	c = xcalloc(1, sizeof *c);
	load(c, cli->config);
	is_ok = c->errors.count == 0;
	if (is_ok)
		look(c);
	report(c, cli, is_ok);
	checking_fini(c);
	free(c);
	return is_ok ? EXIT_OK : EXIT_CONFIG;
}
