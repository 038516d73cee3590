/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "agent/command/commands.h"
#include "agent/commission/trial.h"
#include "agent/config/config.h"
#include "common/buf.h"
#include "common/columns.h"
#include "common/json_writer.h"
#include "common/phrase.h"
#include "common/quantity.h"

enum { INDENT = 4 };

const struct cli_option command_check_options[] = {
	{"profile", CLI_VALUE, "FILE", "check a meter model's file and its recorded frames"},
	{"print", CLI_FLAG, NULL, "print what is in force, defaults included, as YAML"},
	{"reference", CLI_FLAG, NULL, "print all keys of the configuration file"},
	{0},
};

static size_t count_meters(const struct agent_config *config)
{
	const struct agent_bus *buses = config->buses.items;
	size_t n = 0;

	for (size_t i = 0; i < config->buses.count; i++)
		n += buses[i].meters.count;
	return n;
}

static void print_summary(const struct agent_config *config)
{
	const struct agent_bus *buses = config->buses.items;
	struct buf out = {0}, text = {0};

	buf_printf(&out, phrase_say("ok: %zu buses, %zu meters"), config->buses.count,
		   count_meters(config));
	for (size_t i = 0; i < config->buses.count; i++)
		buf_printf(&out, "%s%s %.1f %%", i == 0 ? phrase_say(", utilisation ") : ", ",
			   buses[i].name, 100 * agent_config_utilisation(&buses[i]));
	columns_wrap(&text, out.data, 0, INDENT);
	(void)printf("%s\n", text.data);
	buf_fini(&out);
	buf_fini(&text);
}

static void write_lines(struct json_writer *json, const char *key, const struct conf_errors *list)
{
	const char *at = list->text.data;

	json_begin_array(json, key);
	while (at != NULL && *at != '\0') {
		size_t len = strcspn(at, "\n");

		json_add_string_n(json, NULL, at, len);
		at += len + (at[len] == '\n');
	}
	json_end_array(json);
}

static void print_json(const struct agent_config *config, const struct conf_errors *errors)
{
	static const struct conf_errors none = {0};
	struct buf out = {0};
	struct json_writer json = {.out = &out};

	json_begin_object(&json, NULL);
	json_add_bool(&json, "ok", config != NULL);
	if (config != NULL) {
		const struct agent_bus *buses = config->buses.items;

		json_add_int(&json, "meters", (int64_t)count_meters(config));
		json_begin_array(&json, "buses");
		for (size_t i = 0; i < config->buses.count; i++) {
			json_begin_object(&json, NULL);
			json_add_string(&json, "name", buses[i].name);
			json_add_int(&json, "meters", (int64_t)buses[i].meters.count);
			json_add_real(&json, "utilisation", agent_config_utilisation(&buses[i]), 4);
			json_end_object(&json);
		}
		json_end_array(&json);
	}
	write_lines(&json, "errors", errors);
	write_lines(&json, "warnings", config != NULL ? &config->warnings : &none);
	json_end_object(&json);
	(void)printf("%s\n", out.data);
	buf_fini(&out);
}

static void print_in_force(const struct agent_config *config)
{
	struct buf out = {0};

	agent_config_print(config, &out);
	(void)fputs(out.data, stdout);
	buf_fini(&out);
}

static int print_reference(void)
{
	struct buf out = {0};

	agent_config_reference(&out);
	(void)fputs(out.data, stdout);
	buf_fini(&out);
	return EXIT_OK;
}

/* ---- a meter model alone ---- */

static size_t count_default(const struct profile *profile)
{
	size_t n = 0;

	for (size_t i = 0; i < profile->n_points; i++)
		n += profile->points[i].is_default;
	return n;
}

static size_t count_published(const struct profile *profile)
{
	size_t n = 0;

	for (size_t i = 0; i < profile->n_points; i++)
		n += profile->points[i].is_published;
	return n;
}

/* A misspelt name is stored like any other, and no figure ever looks at it. */
static void note_names(const struct profile *profile, struct conf_errors *notes)
{
	static const char *const usual[] = {
		"active_energy_import_kwh",
		"active_energy_export_kwh",
		"active_energy_total_kwh",
		"reactive_energy_import_kvarh",
		"pv_energy_yield_total_kwh",
		"heat_energy_kwh",
		"heat_energy_gj",
		"cooling_energy_kwh",
		"volume_total_m3",
		"volume_forward_m3",
		"volume_flow_m3h",
		"active_power_w",
		"active_power_l1_w",
		"active_power_l2_w",
		"active_power_l3_w",
		"reactive_power_var",
		"apparent_power_va",
		"power_factor",
		"frequency_hz",
		"voltage_l1_n_v",
		"voltage_l2_n_v",
		"voltage_l3_n_v",
		"voltage_l1_l2_v",
		"voltage_l2_l3_v",
		"voltage_l3_l1_v",
		"current_l1_a",
		"current_l2_a",
		"current_l3_a",
		"current_n_a",
		"supply_temp_c",
		"return_temp_c",
		"delta_temp_k",
		"heat_power_w",
	};
	char hint[96];

	for (size_t i = 0; i < profile->n_points; i++) {
		const struct profile_point *point = &profile->points[i];
		struct conf_node at = {.file = profile->path, .line = point->line, .column = 1};

		if (!point->is_published || point->n_units > 0 ||
		    profile_type_is_text(point->terms[0].type) ||
		    quantity_classify(point->name, strlen(point->name)).kind != QUANTITY_UNKNOWN)
			continue;
		(void)conf_nearest(point->name, usual, sizeof usual / sizeof *usual, hint);
		if (hint[0] != '\0')
			conf_error(notes, &at, NULL, "no figure knows the name '%s'%s", point->name,
				   hint);
	}
}

static void print_profile_json(const struct profile *profile, const struct conf_errors *errors,
			       const struct conf_errors *notes)
{
	struct buf out = {0};
	struct json_writer json = {.out = &out};

	json_begin_object(&json, NULL);
	json_add_bool(&json, "ok", errors->count == 0);
	if (profile != NULL) {
		json_add_string(&json, "profile", profile->id);
		json_add_int(&json, "points", (int64_t)count_published(profile));
		json_add_int(&json, "default", (int64_t)count_default(profile));
		json_add_int(&json, "tests", (int64_t)profile->n_tests);
	}
	write_lines(&json, "errors", errors);
	write_lines(&json, "warnings", notes);
	json_end_object(&json);
	(void)printf("%s\n", out.data);
	buf_fini(&out);
}

static int check_profile(const char *path, bool is_json)
{
	struct profile *profile = NULL;
	struct conf_errors errors = {0}, notes = {0};
	int status;

	if (profile_load(&profile, path, &errors) == 0) {
		trial_run(profile, &errors);
		note_names(profile, &notes);
	}
	status = errors.count == 0 ? EXIT_OK : EXIT_CONFIG;
	if (is_json) {
		print_profile_json(profile, &errors, &notes);
	} else if (status != EXIT_OK) {
		columns_put(stderr, errors.text.data, INDENT);
	} else {
		if (notes.count > 0)
			columns_put(stderr, notes.text.data, INDENT);
		(void)printf(
			phrase_say("ok: %s, %zu points, %zu of them read by default, %zu tests\n"),
			profile->id, count_published(profile), count_default(profile),
			profile->n_tests);
		if (count_default(profile) == 0)
			(void)fputs(phrase_say("no point has default: true, so nothing is read "
					       "unless quantities are named\n"),
				    stdout);
		if (profile->n_tests == 0)
			(void)fputs(phrase_say("it has no tests: record one with read --test\n"),
				    stdout);
	}
	profile_destroy(profile);
	conf_errors_fini(&notes);
	conf_errors_fini(&errors);
	return status;
}

int command_check(const struct cli *cli)
{
	struct agent_config *config = NULL;
	struct conf_errors errors = {0};
	int status = EXIT_OK;

	if (cli_value(cli, "reference") != NULL)
		return print_reference();
	if (cli_value(cli, "profile") != NULL)
		return check_profile(cli_value(cli, "profile"), cli->is_json);
	if (agent_config_load(&config, cli->config, &errors) == 0)
		for (size_t i = 0; i < config->n_profiles; i++)
			trial_run(config->profiles[i], &errors);
	if (errors.count > 0) {
		agent_config_destroy(config);
		config = NULL;
		status = EXIT_CONFIG;
	}
	if (cli->is_json) {
		print_json(config, &errors);
	} else if (config == NULL) {
		columns_put(stderr, errors.text.data, INDENT);
	} else {
		if (config->warnings.count > 0)
			columns_put(stderr, config->warnings.text.data, INDENT);
		if (cli_value(cli, "print") != NULL)
			print_in_force(config);
		else
			print_summary(config);
	}
	agent_config_destroy(config);
	conf_errors_fini(&errors);
	return status;
}
