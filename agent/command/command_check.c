/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "agent/command/commands.h"
#include "agent/config/config.h"
#include "common/buf.h"
#include "common/columns.h"
#include "common/json_writer.h"
#include "common/phrase.h"

enum { INDENT = 4 };

const struct cli_option command_check_options[] = {
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

int command_check(const struct cli *cli)
{
	struct agent_config *config = NULL;
	struct conf_errors errors = {0};
	int status = EXIT_OK;

	if (cli_value(cli, "reference") != NULL)
		return print_reference();
	if (agent_config_load(&config, cli->config, &errors) != 0)
		status = EXIT_CONFIG;
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
