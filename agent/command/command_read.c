/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/command/commands.h"
#include "agent/command/read_show.h"
#include "agent/commission/ad_hoc.h"
#include "agent/commission/commission.h"
#include "agent/commission/interrupt.h"
#include "agent/commission/line.h"
#include "agent/commission/trial.h"
#include "agent/config/config.h"
#include "agent/config/words.h"
#include "agent/control/control.h"
#include "agent/poll/ask.h"
#include "agent/poll/identify.h"
#include "common/buf.h"
#include "common/clock.h"
#include "common/columns.h"
#include "common/mem.h"
#include "common/phrase.h"

enum { CONTROL_TIMEOUT_MS = 20000, WATCH_MS = 2000 };

const struct cli_option command_read_options[] = {
	{"tcp", CLI_VALUE, "HOST:PORT", "without configuration: Modbus TCP"},
	{"rtu", CLI_VALUE, "DEV:9600:8N1", "without configuration: a serial line"},
	{"unit", CLI_VALUE, "N", "with --tcp or --rtu: Modbus address"},
	{"profile", CLI_VALUE, "ID", "with --tcp or --rtu: the meter's model, or a file's path"},
	{"profiles", CLI_VALUE, "DIR", "with --tcp or --rtu: folder of the models"},
	{"channel", CLI_VALUE, "N", "with --tcp or --rtu: part of the device"},
	{"base", CLI_VALUE, "N", "with --tcp or --rtu: base of a relative profile"},
	{"all", CLI_FLAG, NULL, "all that the model has, not only what is configured"},
	{"watch", CLI_FLAG, NULL, "again and again, until Ctrl-C"},
	{"registry", CLI_FLAG, NULL, "print a life of the meter for the registry"},
	{"test", CLI_FLAG, NULL, "print frames and values as a test for the model's file"},
	{0},
};

/* ---- reading ---- */

static int identify(struct ask_line *line, struct ask_meter *meter, struct reading *reading,
		    struct err *err)
{
	enum identity identity = identify_meter(line, meter, reading, err);
	char code[READING_CODE_MAX];

	if (identity == IDENTITY_RIGHT)
		return 0;
	identify_code(identity, reading, code);
	if (identity == IDENTITY_SILENT)
		return err_set(err, -EIO, "meter %s does not answer: %s", meter->config->id, code);
	return err_prefix(err, -EIO, "meter %s is not the right one", meter->config->id);
}

/* With every point that the profile has on its channel; the caller frees the list. */
static struct agent_meter with_all(const struct agent_meter *meter)
{
	const struct profile *profile = meter->profile;
	struct agent_meter all = *meter;
	const char **names = xcalloc(SWEEP_POINTS_MAX, sizeof *names);
	size_t n = 0;

	for (size_t i = 0; i < profile->n_points && n < SWEEP_POINTS_MAX; i++)
		if (profile->points[i].is_published &&
		    (meter->channel == 0 || profile->points[i].channel == 0 ||
		     profile->points[i].channel == meter->channel))
			names[n++] = profile->points[i].name;
	all.quantities = (struct conf_list){.items = names, .count = n};
	return all;
}

/* A request that the meter refuses takes all its points along: they are asked for with less in one
 * request, at last one by one. meter->sweep is owned. True if anything came. */
static bool ask_closely(const struct agent_bus *bus, struct ask_line *line, struct ask_meter *meter,
			struct reading *reading)
{
	bool is_here = ask_meter_all(line, meter, reading);

	while (reading->n_refused > 0 && meter->caution < SWEEP_SINGLE) {
		enum sweep_caution caution = meter->caution + 1;
		struct sweep *closer;

		if (agent_config_sweep(&closer, bus, meter->config, caution, NULL, NULL) != 0)
			break;
		sweep_destroy(meter->sweep);
		ask_meter_replan(meter, closer, caution);
		is_here = ask_meter_all(line, meter, reading);
	}
	return is_here;
}

static int read_directly(const struct agent_bus *bus, const struct agent_meter *config,
			 const char *socket, struct buf *json, struct err *err)
{
	struct line line;
	struct ask_meter meter;
	struct reading reading = {0};
	struct sweep *sweep;
	char code[READING_CODE_MAX];
	int r = agent_config_sweep(&sweep, bus, config, SWEEP_BRIDGES, NULL, err);

	if (r != 0)
		return r;
	line_init(&line, bus, socket, (struct bus_tap){.fn = NULL});
	ask_meter_init(&meter, config, sweep);
	r = line_open(&line, false, err);
	if (r == 0)
		r = identify(&line.ask, &meter, &reading, err);
	if (r == 0 && !ask_closely(bus, &line.ask, &meter, &reading)) {
		reading_failure_code(&reading, code);
		r = err_set(err, -EIO, "meter %s does not answer: %s", config->id, code);
	}
	if (r == 0)
		reading_write_json(&reading, config, meter.sweep, meter.kept, json);
	reading_fini(&reading);
	sweep_destroy(meter.sweep);
	ask_meter_fini(&meter);
	line_fini(&line);
	return r;
}

static int read_by_agent(const struct agent_config *config, const char *id, struct buf *json,
			 struct err *err)
{
	struct buf request = {0};
	int r;

	buf_printf(&request, "{\"command\":\"read\",\"meter\":\"%s\"}", id);
	r = control_request(config->control_socket, request.data, CONTROL_TIMEOUT_MS, json, err);
	buf_fini(&request);
	return r;
}

/* ---- the command ---- */

struct order {
	const struct cli *cli;
	const struct agent_config *config;
	const struct agent_bus *bus;
	const struct agent_meter *meter;
	bool is_ad_hoc;
};

static int print_answer(const struct order *order, struct buf *json)
{
	json_t *root = json_loadb(json->data, json->len, JSON_DECODE_INT_AS_REAL, NULL);
	const char *words = json_string_value(json_object_get(root, "error"));
	struct read_answer answer = {root, json->data, order->meter};
	struct buf text = {0};
	int status = words == NULL && root != NULL ? EXIT_OK : EXIT_FAILED;

	if (status != EXIT_OK) {
		columns_put(stderr, phrase_retell(words != NULL ? words : json->data, &text), 4);
	} else if (order->cli->is_json) {
		read_show_add_findings(root, json);
		(void)printf("%s\n", json->data);
		(void)fflush(stdout);
	} else if (cli_value(order->cli, "test") != NULL) {
		trial_write(order->meter, root, json->data, &text);
		(void)fputs(text.data, stdout);
	} else if (cli_value(order->cli, "registry") != NULL) {
		read_show_life(&answer);
	} else {
		read_show(&answer);
	}
	json_decref(root);
	buf_fini(&text);
	return status;
}

/* The running agent owns the bus: it is asked first. */
static int read_once(const struct order *order)
{
	bool wants_all = cli_value(order->cli, "all") != NULL ||
			 cli_value(order->cli, "registry") != NULL ||
			 cli_value(order->cli, "test") != NULL;
	bool has_agent = !order->is_ad_hoc && commission_has_agent(order->config);
	struct agent_meter all = {.id = NULL};
	struct buf json = {0};
	struct err err;
	int r, status = EXIT_FAILED;

	if (has_agent && !wants_all) {
		r = read_by_agent(order->config, order->meter->id, &json, &err);
	} else {
		if (wants_all)
			all = with_all(order->meter);
		r = read_directly(order->bus, wants_all ? &all : order->meter,
				  has_agent ? order->config->control_socket : NULL, &json, &err);
		free(all.quantities.items);
	}
	if (r == 0)
		status = print_answer(order, &json);
	else
		columns_put(stderr, err.text, 4);
	buf_fini(&json);
	return status;
}

/* A meter that is silent now may answer the next time: somebody is at its terminals. */
static int watch(const struct order *order)
{
	bool is_screen = isatty(STDOUT_FILENO) == 1 && !order->cli->is_json;
	int status = EXIT_OK;

	interrupt_catch();
	while (!interrupt_came()) {
		int64_t next_ms = clock_mono_ms() + WATCH_MS;

		if (is_screen)
			(void)printf("\033[H\033[J");
		status = read_once(order);
		interrupt_sleep_until(next_ms);
	}
	return status;
}

static int read_meter(struct order *order)
{
	const struct agent_bus *buses = order->config->buses.items;
	const struct cli *cli = order->cli;
	char hint[96];

	if (order->is_ad_hoc) {
		order->bus = buses;
		order->meter = buses->meters.items;
	} else {
		order->meter =
			agent_config_find_meter(order->config, cli->arguments[0], &order->bus);
	}
	if (order->meter == NULL) {
		(void)fprintf(stderr, words_say(WORD_NO_METER), cli->config, cli->arguments[0],
			      agent_config_nearest_meter(order->config, cli->arguments[0], hint));
		return EXIT_FAILED;
	}
	return cli_value(cli, "watch") != NULL ? watch(order) : read_once(order);
}

int command_read(const struct cli *cli)
{
	struct order order = {.cli = cli, .is_ad_hoc = ad_hoc_is_wanted(cli)};
	struct agent_config *config = NULL;
	struct conf_errors errors = {0};
	struct buf text = {0};
	int status = EXIT_CONFIG, r;

	if (order.is_ad_hoc ? !ad_hoc_write(cli, true, &text) : cli->n_arguments != 1) {
		(void)fputs(words_say(WORD_READ_USAGE), stderr);
		buf_fini(&text);
		return EXIT_USAGE;
	}
	r = order.is_ad_hoc
		    ? agent_config_parse(&config, "command line", text.data, text.len, &errors)
		    : agent_config_load(&config, cli->config, &errors);
	order.config = config;
	if (r == 0)
		status = read_meter(&order);
	else
		columns_put(stderr, errors.text.data, 4);
	agent_config_destroy(config);
	conf_errors_fini(&errors);
	buf_fini(&text);
	return status;
}
