/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "agent/ask.h"
#include "agent/commands.h"
#include "agent/config.h"
#include "agent/control.h"
#include "agent/identify.h"
#include "common/buf.h"
#include "common/decimal.h"

enum { CONTROL_TIMEOUT_MS = 20000 };

const struct cli_option command_read_options[] = {
	{"tcp", CLI_VALUE, "HOST:PORT", "without configuration: Modbus TCP"},
	{"rtu", CLI_VALUE, "DEV:9600:8N1", "without configuration: a serial line"},
	{"unit", CLI_VALUE, "N", "with --tcp or --rtu: Modbus address"},
	{"profile", CLI_VALUE, "ID", "with --tcp or --rtu: the meter's model, or a file's path"},
	{"profiles", CLI_VALUE, "DIR", "with --tcp or --rtu: folder of the models"},
	{"channel", CLI_VALUE, "N", "with --tcp or --rtu: part of the device"},
	{"base", CLI_VALUE, "N", "with --tcp or --rtu: base of a relative profile"},
	{0},
};

/* ---- a configuration from the command line ---- */

static void add_quoted(struct buf *out, const char *text)
{
	buf_add_char(out, '"');
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			buf_add_char(out, '\\');
		buf_add_char(out, *text >= ' ' || *text < 0 ? *text : '?');
	}
	buf_add_char(out, '"');
}

/* Splits off what stands behind the last colon. */
static char *cut_last(char *text)
{
	char *colon = strrchr(text, ':');

	if (colon == NULL || colon[1] == '\0')
		return NULL;
	*colon = '\0';
	return colon + 1;
}

/* HOST:PORT, or HOST alone. */
static bool add_tcp(struct buf *out, char *text)
{
	char *port = strchr(text, ':') != NULL ? cut_last(text) : NULL;

	buf_add_text(out, "tcp: {host: ");
	add_quoted(out, text);
	if (port != NULL)
		buf_printf(out, ", port: %s", port);
	buf_add_text(out, "}");
	return *text != '\0' && (port == NULL || strspn(port, "0123456789") == strlen(port));
}

/* DEV:9600:8N1, or DEV:9600, or DEV alone. */
static bool add_rtu(struct buf *out, char *text)
{
	char *mode = strchr(text, ':') != NULL ? cut_last(text) : NULL;
	char *baud = mode;

	if (mode != NULL && strspn(mode, "0123456789") != strlen(mode)) {
		baud = cut_last(text);
		if (strlen(mode) != 3 || mode[0] != '8' || strchr("NEO", mode[1]) == NULL ||
		    strchr("12", mode[2]) == NULL || baud == NULL)
			return false;
	} else {
		mode = NULL;
	}
	if (baud != NULL && strspn(baud, "0123456789") != strlen(baud))
		return false;
	buf_add_text(out, "rtu: {device: ");
	add_quoted(out, text);
	if (baud != NULL)
		buf_printf(out, ", baud: %s", baud);
	if (mode != NULL)
		buf_printf(out, ", parity: %c, stop_bits: %c", mode[1], mode[2]);
	buf_add_text(out, "}");
	return true;
}

static bool add_number(struct buf *out, const struct cli *cli, const char *name)
{
	const char *value = cli_value(cli, name);

	if (value == NULL)
		return true;
	if (*value == '\0' || strlen(value) > 5 || strspn(value, "0123456789") != strlen(value))
		return false;
	buf_printf(out, ", %s: %s", name, value);
	return true;
}

/* The same checks and defaults as for a file: it is turned into one. False: wrong usage. */
static bool write_config(const struct cli *cli, struct buf *out)
{
	const char *tcp = cli_value(cli, "tcp"), *rtu = cli_value(cli, "rtu");
	const char *folder = cli_value(cli, "profiles");
	char line[512];
	bool is_good;

	if (cli_value(cli, "unit") == NULL || cli_value(cli, "profile") == NULL ||
	    (tcp != NULL) == (rtu != NULL) || cli->n_arguments > 0)
		return false;
	buf_add_text(out, "agent: {id: x, region: x}\nmqtt: {url: \"tcp://localhost\"}\n");
	if (folder != NULL) {
		buf_add_text(out, "profiles: [");
		add_quoted(out, folder);
		buf_add_text(out, "]\n");
	}
	(void)snprintf(line, sizeof line, "%s", tcp != NULL ? tcp : rtu);
	buf_add_text(out, "buses:\n- name: x\n  ");
	is_good = tcp != NULL ? add_tcp(out, line) : add_rtu(out, line);
	buf_printf(out, "\n  meters:\n  - {id: unit-%.5s", cli_value(cli, "unit"));
	is_good = is_good && add_number(out, cli, "unit") && add_number(out, cli, "channel") &&
		  add_number(out, cli, "base");
	buf_add_text(out, ", profile: ");
	add_quoted(out, cli_value(cli, "profile"));
	buf_add_text(out, "}\n");
	return is_good;
}

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

static int read_directly(const struct agent_bus *bus, const struct agent_meter *config,
			 struct buf *json, struct err *err)
{
	static const struct bus_ops *const ops[] = {
		[LINK_RTU] = &bus_modbus_rtu,
		[LINK_TCP] = &bus_tcp,
		[LINK_RTU_OVER_TCP] = &bus_rtu_over_tcp,
	};
	struct ask_line line;
	struct ask_meter meter;
	struct reading reading = {0};
	struct sweep *sweep;
	char code[READING_CODE_MAX];
	int r = agent_config_sweep(&sweep, bus, config, SWEEP_BRIDGES, NULL, err);

	if (r != 0)
		return r;
	ask_line_init(&line, bus, ops[bus->link]);
	ask_meter_init(&meter, config, sweep);
	r = line.ops->open(line.bus, err);
	if (r == 0)
		r = identify(&line, &meter, &reading, err);
	if (r == 0 && !ask_meter_all(&line, &meter, &reading)) {
		reading_failure_code(&reading, code);
		r = err_set(err, -EIO, "meter %s does not answer: %s", config->id, code);
	}
	if (r == 0)
		reading_write_json(&reading, config, sweep, meter.kept, json);
	reading_fini(&reading);
	ask_meter_fini(&meter);
	ask_line_fini(&line);
	sweep_destroy(sweep);
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

/* ---- showing ---- */

/* left_out: what the meter says and nobody believes; NULL: nothing. */
static void show_value(const char *name, const json_t *value, const json_t *left_out)
{
	struct decimal number;
	char text[48];

	if (json_is_string(value)) {
		(void)printf("  %-40s %s\n", name, json_string_value(value));
	} else if (json_is_number(value) &&
		   decimal_from_double(json_number_value(value), &number) == 0) {
		(void)decimal_print(number, text);
		(void)printf("  %-40s %20s\n", name, text);
	} else if (json_is_number(left_out)) {
		(void)printf("  %-40s %20s   (%g is implausible)\n", name, "-",
			     json_number_value(left_out));
	} else {
		(void)printf("  %-40s %20s\n", name, "-");
	}
}

static void show_block(const json_t *block)
{
	json_int_t address = json_integer_value(json_object_get(block, "address"));
	const json_t *values = json_object_get(block, "values");

	for (size_t i = 0; i < json_array_size(values); i++) {
		if (i % 8 == 0)
			(void)printf(
				"%s  %lld %5lld:", i > 0 ? "\n" : "",
				(long long)json_integer_value(json_object_get(block, "function")),
				(long long)address + (long long)i);
		(void)printf(" %04llX",
			     (unsigned long long)json_integer_value(json_array_get(values, i)));
	}
	(void)printf("\n");
}

static void show(json_t *root)
{
	json_t *values = json_object_get(root, "values");
	json_t *implausible = json_object_get(root, "implausible");
	json_t *blocks = json_object_get(root, "registers");

	(void)printf("meter %s at %s\n", json_string_value(json_object_get(root, "meter")),
		     json_string_value(json_object_get(root, "at")));
	for (void *at = json_object_iter(values); at != NULL;
	     at = json_object_iter_next(values, at))
		show_value(json_object_iter_key(at), json_object_iter_value(at),
			   json_object_get(implausible, json_object_iter_key(at)));
	(void)printf("registers (function, address, contents in hexadecimal)\n");
	for (size_t i = 0; i < json_array_size(blocks); i++)
		show_block(json_array_get(blocks, i));
}

static int print_answer(const struct buf *json, bool is_json)
{
	json_t *root = json_loadb(json->data, json->len, 0, NULL);
	const char *words = json_string_value(json_object_get(root, "error"));
	int status = words == NULL && root != NULL ? EXIT_OK : EXIT_FAILED;

	if (status != EXIT_OK)
		(void)fprintf(stderr, "%s\n", words != NULL ? words : json->data);
	else if (is_json)
		(void)printf("%s\n", json->data);
	else
		show(root);
	json_decref(root);
	return status;
}

/* The running agent owns the bus: it is asked first. */
static int read_meter(const struct cli *cli, const struct agent_config *config, bool is_ad_hoc)
{
	const struct agent_bus *bus = config->buses.items;
	const struct agent_meter *meter = bus != NULL ? bus->meters.items : NULL;
	struct buf json = {0};
	struct err err;
	int r = -ENOENT, status = EXIT_FAILED;

	if (!is_ad_hoc)
		meter = agent_config_find_meter(config, cli->arguments[0], &bus);
	if (meter == NULL) {
		(void)fprintf(stderr, "%s has no meter '%s'\n", cli->config, cli->arguments[0]);
		return EXIT_FAILED;
	}
	if (!is_ad_hoc)
		r = read_by_agent(config, meter->id, &json, &err);
	if (r == -ENOENT || r == -ECONNREFUSED)
		r = read_directly(bus, meter, &json, &err);
	if (r == 0)
		status = print_answer(&json, cli->is_json);
	else
		(void)fprintf(stderr, "%s\n", err.text);
	buf_fini(&json);
	return status;
}

int command_read(const struct cli *cli)
{
	bool is_ad_hoc = cli_value(cli, "tcp") != NULL || cli_value(cli, "rtu") != NULL;
	struct agent_config *config = NULL;
	struct conf_errors errors = {0};
	struct buf text = {0};
	int status = EXIT_CONFIG, r;

	if (is_ad_hoc ? !write_config(cli, &text) : cli->n_arguments != 1) {
		(void)fprintf(stderr, "read needs a METER of the configuration, or --tcp HOST:PORT "
				      "or --rtu DEV:9600:8N1 with --unit and --profile\n");
		buf_fini(&text);
		return EXIT_USAGE;
	}
	r = is_ad_hoc ? agent_config_parse(&config, "command line", text.data, text.len, &errors)
		      : agent_config_load(&config, cli->config, &errors);
	if (r == 0)
		status = read_meter(cli, config, is_ad_hoc);
	else
		(void)fputs(errors.text.data, stderr);
	agent_config_destroy(config);
	conf_errors_fini(&errors);
	buf_fini(&text);
	return status;
}
