/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "agent/command/commands.h"
#include "agent/config/config.h"
#include "agent/config/words.h"
#include "common/buf.h"
#include "common/columns.h"
#include "common/json_writer.h"
#include "common/phrase.h"

enum { NAME = 24 };

const struct cli_option command_plan_options[] = {
	{"bus", CLI_VALUE, "NAME", "only this bus"},
	{0},
};

static struct sweep *sweep_of(const struct agent_bus *bus, const struct agent_meter *meter)
{
	struct sweep *sweep = NULL;

	/* The configuration was checked: this cannot fail. */
	(void)agent_config_sweep(&sweep, bus, meter, SWEEP_BRIDGES, NULL, NULL);
	return sweep;
}

/* ---- JSON ---- */

static void write_meter(struct json_writer *json, const struct agent_bus *bus,
			const struct agent_meter *meter)
{
	struct sweep *sweep = sweep_of(bus, meter);

	for (size_t i = 0; i < sweep->n_reads; i++) {
		json_begin_object(json, NULL);
		json_add_int(json, "unit", meter->unit);
		json_add_int(json, "function", sweep->reads[i].function);
		json_add_int(json, "address", sweep->reads[i].address + meter->base);
		json_add_int(json, "count", sweep->reads[i].count);
		json_add_string(json, "meter", meter->id);
		json_add_int(json, "interval_ms", meter->interval_ms);
		json_end_object(json);
	}
	sweep_destroy(sweep);
}

static void write_bus(struct json_writer *json, const struct agent_bus *bus)
{
	const struct agent_meter *meters = bus->meters.items;

	json_begin_object(json, NULL);
	json_add_string(json, "name", bus->name);
	json_add_real(json, "utilisation", agent_config_utilisation(bus), 6);
	json_begin_array(json, "requests");
	for (size_t i = 0; i < bus->meters.count; i++)
		write_meter(json, bus, &meters[i]);
	json_end_array(json);
	json_end_object(json);
}

static void print_json(const struct agent_config *config, const char *name)
{
	const struct agent_bus *buses = config->buses.items;
	struct buf out = {0};
	struct json_writer json = {.out = &out};

	json_begin_object(&json, NULL);
	json_begin_array(&json, "buses");
	for (size_t i = 0; i < config->buses.count; i++)
		if (name == NULL || strcmp(buses[i].name, name) == 0)
			write_bus(&json, &buses[i]);
	json_end_array(&json);
	json_end_object(&json);
	(void)printf("%s\n", out.data);
	buf_fini(&out);
}

/* ---- a table of 80 columns ---- */

/* Request and answer as they go over the line. */
static unsigned bytes_of(const struct agent_bus *bus, const struct plan_span *read)
{
	unsigned data = read->function <= 2 ? (read->count + 7U) / 8 : read->count * 2U;

	return agent_config_is_serial_framed(bus) ? 8 + 5 + data : 12 + 9 + data;
}

static void add_cell(struct buf *out, const char *text, int width)
{
	buf_add_char(out, ' ');
	columns_pad(out, text, -width);
}

static void print_head(struct buf *out, const struct agent_bus *bus)
{
	buf_printf(out, phrase_say("bus %s\n"), bus->name);
	buf_add_text(out, "  ");
	columns_pad(out, phrase_say("meter"), NAME);
	add_cell(out, phrase_say("unit"), 4);
	add_cell(out, phrase_say("func"), 4);
	add_cell(out, phrase_say("address"), 8);
	add_cell(out, phrase_say("count"), 6);
	add_cell(out, phrase_say("bytes"), 6);
	add_cell(out, phrase_say("time/ms"), 9);
	add_cell(out, phrase_say("every/s"), 8);
	buf_add_char(out, '\n');
}

static void print_meter(struct buf *out, const struct agent_bus *bus,
			const struct agent_meter *meter)
{
	struct sweep *sweep = sweep_of(bus, meter);
	struct plan_cost cost = agent_config_cost(bus, meter);
	bool is_long = columns_of(meter->id) > NAME;

	if (is_long)
		buf_printf(out, "  %s\n", meter->id);
	for (size_t i = 0; i < sweep->n_reads; i++) {
		const struct plan_span *read = &sweep->reads[i];

		buf_printf(out, "  %-*s %4d %4u %8u %6u %6u %9.1f %8lld\n", NAME,
			   i == 0 && !is_long ? meter->id : "", (int)meter->unit, read->function,
			   (unsigned)(read->address + meter->base), read->count,
			   bytes_of(bus, read), (double)plan_time_us(read, 1, cost) / 1000.0,
			   (long long)meter->interval_ms / 1000);
	}
	sweep_destroy(sweep);
}

static void print_bus(const struct agent_bus *bus)
{
	const struct agent_meter *meters = bus->meters.items;
	struct buf out = {0};
	double sweep_ms = 0;

	print_head(&out, bus);
	for (size_t i = 0; i < bus->meters.count; i++) {
		struct sweep *sweep = sweep_of(bus, &meters[i]);
		struct plan_cost cost = agent_config_cost(bus, &meters[i]);

		print_meter(&out, bus, &meters[i]);
		sweep_ms += (double)plan_time_us(sweep->reads, sweep->n_reads, cost) / 1000.0;
		sweep_destroy(sweep);
	}
	buf_printf(&out, phrase_say("  all meters once: %.1f ms; utilisation %.1f %%\n"), sweep_ms,
		   100 * agent_config_utilisation(bus));
	(void)fputs(out.data, stdout);
	buf_fini(&out);
}

static bool has_bus(const struct agent_config *config, const char *name)
{
	const struct agent_bus *buses = config->buses.items;

	for (size_t i = 0; i < config->buses.count; i++)
		if (strcmp(buses[i].name, name) == 0)
			return true;
	return false;
}

int command_plan(const struct cli *cli)
{
	const char *name = cli_value(cli, "bus");
	struct agent_config *config = NULL;
	struct conf_errors errors = {0};
	int status = EXIT_OK;
	char hint[96];

	if (agent_config_load(&config, cli->config, &errors) != 0) {
		columns_put(stderr, errors.text.data, 4);
		status = EXIT_CONFIG;
	} else if (name != NULL && !has_bus(config, name)) {
		(void)fprintf(stderr, words_say(WORD_NO_BUS), cli->config, name,
			      agent_config_nearest_bus(config, name, hint));
		status = EXIT_FAILED;
	} else if (cli->is_json) {
		print_json(config, name);
	} else {
		const struct agent_bus *buses = config->buses.items;

		for (size_t i = 0; i < config->buses.count; i++)
			if (name == NULL || strcmp(buses[i].name, name) == 0)
				print_bus(&buses[i]);
	}
	agent_config_destroy(config);
	conf_errors_fini(&errors);
	return status;
}
