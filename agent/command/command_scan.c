/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/command/commands.h"
#include "agent/commission/ad_hoc.h"
#include "agent/commission/commission.h"
#include "agent/commission/interrupt.h"
#include "agent/commission/model.h"
#include "agent/commission/progress.h"
#include "agent/config/words.h"
#include "common/json_writer.h"
#include "common/mem.h"

const struct cli_option command_scan_options[] = {
	COMMISSION_OPTIONS,
	{"units", CLI_VALUE, "1-247", "Modbus addresses to try: 1-20,100"},
	{"bauds", CLI_VALUE, "9600,19200", "baud rates to try on a serial line"},
	{"formats", CLI_VALUE, "8N1,8E1,8N2", "parities and stop bits to try"},
	{"timeout", CLI_VALUE, "MS", "wait so long for each (300, by TCP 1000)"},
	{0},
};

enum {
	UNITS_MAX = 256,
	SETTINGS_MAX = 32,
	SERIAL_TIMEOUT_MS = 300,
	TCP_TIMEOUT_MS = 1000,
	EXCEPTION_NO_PATH = 10, /* what a gateway says of a device that it does not reach */
	EXCEPTION_NO_DEVICE = 11,
};

struct found {
	struct bus_request request; /* that it answered */
	int exception;              /* 0: it gave registers */
	bool is_garbled;
	struct model_guess guess;
};

struct scan {
	struct commission line;
	struct models *models;
	struct progress progress;
	uint8_t units[UNITS_MAX];
	struct bus_settings settings[SETTINGS_MAX];
	size_t n_units, n_settings;
	int64_t timeout_ms;
	struct found *found;
	size_t n_found, cap;
	bool is_json, is_down;
};

/* ---- options ---- */

static bool parse_range(const char **at, long *first, long *last)
{
	char *end;

	*first = strtol(*at, &end, 10);
	if (end == *at)
		return false;
	*last = *first;
	if (*end == '-') {
		*at = end + 1;
		*last = strtol(*at, &end, 10);
		if (end == *at)
			return false;
	}
	*at = end;
	return *first >= 0 && *last <= 255 && *first <= *last;
}

/* "1-20,100" */
static bool parse_units(struct scan *scan, const char *text)
{
	bool seen[UNITS_MAX] = {false};
	long first, last;

	do {
		if (!parse_range(&text, &first, &last))
			return false;
		for (long unit = first; unit <= last; unit++)
			seen[unit] = true;
	} while (*text == ',' && *++text != '\0');
	for (int unit = 0; unit < UNITS_MAX; unit++)
		if (seen[unit])
			scan->units[scan->n_units++] = (uint8_t)unit;
	return *text == '\0';
}

static bool parse_baud(const char *word, struct bus_settings *settings)
{
	char *end;

	settings->baud = strtol(word, &end, 10);
	return *end == '\0' && bus_has_baud(settings->baud);
}

static bool parse_format(const char *word, struct bus_settings *settings)
{
	if (strlen(word) != 3 || word[0] != '8' || strchr("NEO", word[1]) == NULL ||
	    strchr("12", word[2]) == NULL)
		return false;
	settings->parity = word[1];
	settings->stop_bits = word[2] - '0';
	return true;
}

/* Each setting so far with each word of the list. */
static bool multiply(struct scan *scan, const char *list,
		     bool (*parse)(const char *, struct bus_settings *))
{
	struct bus_settings old[SETTINGS_MAX];
	size_t n_old = scan->n_settings;
	const char *at = list;

	memcpy(old, scan->settings, sizeof old);
	scan->n_settings = 0;
	while (at != NULL && *at != '\0') {
		size_t len = strcspn(at, ",");
		char word[16];

		(void)snprintf(word, sizeof word, "%.*s", (int)len, at);
		for (size_t i = 0; i < n_old; i++) {
			struct bus_settings settings = old[i];

			if (!parse(word, &settings) || scan->n_settings == SETTINGS_MAX)
				return false;
			scan->settings[scan->n_settings++] = settings;
		}
		at += len + (at[len] == ',');
	}
	return scan->n_settings > 0;
}

static int refuse(const struct cli *cli, const char *name, const char *example)
{
	(void)fprintf(stderr, words_say(WORD_BAD_OPTION), name, cli_value(cli, name), name,
		      example);
	return EXIT_USAGE;
}

static int read_options(struct scan *scan, const struct cli *cli)
{
	const char *units = cli_value(cli, "units");
	const char *bauds = cli_value(cli, "bauds"), *formats = cli_value(cli, "formats");
	bool is_serial = scan->line.bus->link == LINK_RTU;

	scan->settings[0] = commission_settings(&scan->line);
	scan->n_settings = 1;
	if (!parse_units(scan, units != NULL ? units : "1-247"))
		return refuse(cli, "units", "1-20,100 (0-255)");
	if (bauds != NULL && (!is_serial || !multiply(scan, bauds, parse_baud)))
		return refuse(cli, "bauds", "9600,19200,2400,4800");
	if (formats != NULL && (!is_serial || !multiply(scan, formats, parse_format)))
		return refuse(cli, "formats", "8N1,8E1,8N2");
	scan->timeout_ms = commission_timeout_ms(&scan->line, cli,
						 is_serial ? SERIAL_TIMEOUT_MS : TCP_TIMEOUT_MS);
	return scan->timeout_ms > 0 ? EXIT_OK : EXIT_USAGE;
}

/* ---- asking ---- */

static void tell_found(const struct scan *scan, const struct found *found)
{
	const struct model_guess *guess = &found->guess;
	int unit = found->request.unit;
	char serial[16];

	(void)commission_serial(&scan->line, &found->request.settings, serial);
	if (found->is_garbled) {
		(void)printf(words_say(WORD_SCAN_GARBLED), unit, serial);
		return;
	}
	/* An exception is an answer like any other once it is clear who it is. */
	if (found->exception != 0 && guess->n == 0)
		(void)printf(words_say(WORD_SCAN_REFUSES), unit, serial, found->exception,
			     words_say(WORD_SCAN_UNKNOWN));
	else
		(void)printf(words_say(WORD_SCAN_ANSWERS), unit, serial,
			     guess->n > 0 ? guess->ids[0] : words_say(WORD_SCAN_UNKNOWN));
	for (size_t i = 1; i < guess->n; i++)
		(void)printf("%30s %s %s\n", "", words_say(WORD_SCAN_MAYBE), guess->ids[i]);
	(void)fflush(stdout);
}

static bool is_mess(enum bus_outcome outcome)
{
	return outcome == BUS_CRC || outcome == BUS_GARBLED || outcome == BUS_WRONG_UNIT;
}

static bool is_somebody(enum bus_outcome outcome, const struct bus_reply *reply)
{
	return outcome == BUS_OK ||
	       (outcome == BUS_EXCEPTION && reply->exception != EXCEPTION_NO_PATH &&
		reply->exception != EXCEPTION_NO_DEVICE);
}

static bool is_known(const struct scan *scan, uint8_t unit)
{
	for (size_t i = 0; i < scan->n_found; i++)
		if (scan->found[i].request.unit == unit && !scan->found[i].is_garbled)
			return true;
	return false;
}

/* What looked like two devices was one with another parity. */
static void drop_garbled(struct scan *scan, uint8_t unit)
{
	size_t n = 0;

	for (size_t i = 0; i < scan->n_found; i++)
		if (scan->found[i].request.unit != unit || !scan->found[i].is_garbled)
			scan->found[n++] = scan->found[i];
	scan->n_found = n;
}

/* True if somebody is there. One damaged answer may be noise; two are somebody. */
static bool ask_unit(struct scan *scan, const struct bus_request *request)
{
	struct bus_reply reply;
	enum bus_outcome outcome = commission_ask(&scan->line, request, &reply);
	struct found found = {.request = *request};

	if (is_mess(outcome)) {
		outcome = commission_ask(&scan->line, request, &reply);
		found.is_garbled = is_mess(outcome);
	}
	scan->is_down = outcome == BUS_LINK_DOWN;
	if (!found.is_garbled && !is_somebody(outcome, &reply))
		return false;
	found.exception = outcome == BUS_EXCEPTION ? reply.exception : 0;
	drop_garbled(scan, request->unit);
	if (!found.is_garbled)
		models_guess(scan->models, &scan->line, request, &found.guess);
	scan->found = grow(scan->found, scan->n_found, &scan->cap, sizeof *scan->found);
	scan->found[scan->n_found++] = found;
	progress_clear(&scan->progress);
	if (!scan->is_json)
		tell_found(scan, &found);
	return true;
}

/* A silent device is asked again only after all others: its late answer must not be taken for one
 * to the second question. Function 3 first, which all meters but few have. */
static void scan_setting(struct scan *scan, const struct bus_settings *settings)
{
	bool is_found[UNITS_MAX] = {false};

	/* A device has one baud rate; with 8N2 it understands 8N1 as well. */
	for (size_t i = 0; i < scan->n_units; i++)
		is_found[i] = is_known(scan, scan->units[i]);
	for (uint8_t function = 3; function <= 4; function++)
		for (size_t i = 0; i < scan->n_units && !interrupt_came() && !scan->is_down; i++) {
			/* Two registers: some meters refuse odd counts. */
			struct bus_request request = {.unit = scan->units[i],
						      .function = function,
						      .count = 2,
						      .timeout_ms = scan->timeout_ms,
						      .settings = *settings};

			if (!is_found[i])
				is_found[i] = ask_unit(scan, &request);
			progress_step(&scan->progress);
		}
}

static void scan_all(struct scan *scan)
{
	int64_t n = (int64_t)(scan->n_units * scan->n_settings);
	char text[24];

	if (!scan->is_json)
		(void)fprintf(stderr, words_say(WORD_SCAN_HEAD), (long long)scan->n_units,
			      (long long)scan->n_settings,
			      progress_duration(2 * n * (scan->timeout_ms + 60), text));
	progress_init(&scan->progress, 2 * n, scan->is_json);
	for (size_t i = 0; i < scan->n_settings && !interrupt_came() && !scan->is_down; i++)
		scan_setting(scan, &scan->settings[i]);
	progress_clear(&scan->progress);
}

/* ---- what comes out ---- */

static bool is_same(const struct bus_settings *a, const struct bus_settings *b)
{
	return a->baud == b->baud && a->parity == b->parity && a->stop_bits == b->stop_bits;
}

/* The settings that most have become the bus's own. */
static struct bus_settings usual_settings(const struct scan *scan)
{
	struct bus_settings best = scan->settings[0];
	size_t n_best = 0;

	for (size_t i = 0; i < scan->n_settings; i++) {
		size_t n = 0;

		for (size_t k = 0; k < scan->n_found; k++)
			n += !scan->found[k].is_garbled &&
			     is_same(&scan->found[k].request.settings, &scan->settings[i]);
		if (n > n_best) {
			n_best = n;
			best = scan->settings[i];
		}
	}
	return best;
}

static void add_serial(struct buf *out, const struct bus_settings *s)
{
	buf_printf(out, ", baud: %lld, parity: %c, stop_bits: %d", (long long)s->baud, s->parity,
		   s->stop_bits);
}

static void add_bus(struct buf *out, const struct scan *scan, const struct bus_settings *usual)
{
	const struct agent_bus *bus = scan->line.bus;
	const struct agent_tcp *tcp = bus->link == LINK_TCP ? &bus->tcp : &bus->rtu_over_tcp;
	const struct agent_listen *listen = &bus->listen;

	buf_printf(out, "buses:\n  - name: %s\n    ",
		   strcmp(bus->name, "x") == 0 ? "bus-1" : bus->name);
	if (bus->link == LINK_RTU) {
		buf_printf(out, "rtu: {device: \"%s\"", bus->rtu.device);
		add_serial(out, usual);
	} else if (bus->link == LINK_LISTEN) {
		buf_printf(out, "listen: {port: %lld", (long long)listen->port);
		if (listen->register_text != NULL)
			buf_printf(out, ", register: '%s'", listen->register_text);
		if (listen->source != NULL)
			buf_printf(out, ", source: '%s'", listen->source);
	} else {
		buf_printf(out, "%s: {host: \"%s\", port: %lld",
			   bus->link == LINK_TCP ? "tcp" : "rtu_over_tcp", tcp->host,
			   (long long)tcp->port);
	}
	buf_add_text(out, "}\n    meters:\n");
}

/* Only what the agent could read goes in as it is; the rest is for people. */
static void add_meter(struct buf *out, const struct scan *scan, const struct found *found,
		      const struct bus_settings *usual)
{
	bool is_serial = scan->line.bus->link == LINK_RTU;

	buf_printf(out, "      %s- {id: unit-%d, unit: %d, profile: %s",
		   found->guess.n == 0 ? "# " : "", found->request.unit, found->request.unit,
		   found->guess.n > 0 ? found->guess.ids[0] : "?");
	if (is_serial && !is_same(&found->request.settings, usual))
		add_serial(out, &found->request.settings);
	buf_add_char(out, '}');
	for (size_t i = 1; i < found->guess.n; i++)
		buf_printf(out, "%s %s", i == 1 ? "  # or" : ",", found->guess.ids[i]);
	buf_add_text(out, found->is_garbled ? "  # two devices at one id?\n" : "\n");
}

static void write_yaml(const struct scan *scan, struct buf *out)
{
	struct bus_settings usual = usual_settings(scan);
	size_t n_known = 0;

	for (size_t i = 0; i < scan->n_found; i++)
		n_known += scan->found[i].guess.n > 0;
	add_bus(out, scan, &usual);
	if (n_known == 0)
		buf_add_text(out, "      []\n");
	for (size_t i = 0; i < scan->n_found; i++)
		add_meter(out, scan, &scan->found[i], &usual);
}

static void write_found(struct json_writer *json, const struct scan *scan,
			const struct found *found)
{
	char code[24], parity[2] = {found->request.settings.parity, '\0'};

	(void)snprintf(code, sizeof code, "exception_%d", found->exception);
	json_begin_object(json, NULL);
	json_add_int(json, "unit", found->request.unit);
	json_add_int(json, "function", found->request.function);
	if (scan->line.bus->link == LINK_RTU) {
		json_add_int(json, "baud", found->request.settings.baud);
		json_add_string(json, "parity", parity);
		json_add_int(json, "stop_bits", found->request.settings.stop_bits);
	}
	json_add_string(json, "answer",
			found->is_garbled       ? "garbled"
			: found->exception != 0 ? code
						: "ok");
	json_add_string(json, "profile", found->guess.n > 0 ? found->guess.ids[0] : NULL);
	json_begin_array(json, "alternatives");
	for (size_t i = 1; i < found->guess.n; i++)
		json_add_string(json, NULL, found->guess.ids[i]);
	json_end_array(json);
	json_end_object(json);
}

static void print_json(const struct scan *scan, const struct buf *yaml)
{
	struct buf out = {0};
	struct json_writer json = {.out = &out};

	json_begin_object(&json, NULL);
	json_add_string(&json, "line", scan->line.where);
	json_add_bool(&json, "interrupted", interrupt_came());
	json_add_bool(&json, "line_down", scan->is_down);
	json_begin_array(&json, "found");
	for (size_t i = 0; i < scan->n_found; i++)
		write_found(&json, scan, &scan->found[i]);
	json_end_array(&json);
	json_add_string(&json, "yaml", yaml->data);
	json_end_object(&json);
	(void)printf("%s\n", out.data);
	buf_fini(&out);
}

/* Somebody whose answer was whole. */
static bool has_answer(const struct scan *scan)
{
	for (size_t i = 0; i < scan->n_found; i++)
		if (!scan->found[i].is_garbled)
			return true;
	return false;
}

static void print_hints(const struct scan *scan)
{
	(void)fputs(words_say(scan->n_found == 0 ? WORD_SCAN_NONE : WORD_SCAN_MESS), stdout);
	if (scan->line.bus->link == LINK_TCP)
		(void)fputs(words_say(WORD_HINT_GATEWAY), stdout);
	(void)fputs(words_say(WORD_HINT_PROTOCOL), stdout);
	(void)fputs(words_say(WORD_HINT_WIRES), stdout);
	(void)fputs(words_say(WORD_HINT_TERMINATION), stdout);
	if (scan->line.bus->link == LINK_RTU)
		(void)fputs(words_say(WORD_HINT_SETTINGS), stdout);
	(void)fputs(words_say(WORD_HINT_UNIT), stdout);
}

/* A converter that ignores the unit id answers for all of them, always as the same model. */
static bool are_all_alike(const struct scan *scan)
{
	if (scan->n_found != scan->n_units || scan->n_units < 4 || scan->found[0].guess.n == 0)
		return false;
	for (size_t i = 1; i < scan->n_found; i++)
		if (scan->found[i].guess.n == 0 ||
		    strcmp(scan->found[i].guess.ids[0], scan->found[0].guess.ids[0]) != 0)
			return false;
	return true;
}

static void print(const struct scan *scan)
{
	struct buf yaml = {0};

	write_yaml(scan, &yaml);
	if (scan->is_json) {
		print_json(scan, &yaml);
	} else {
		if (interrupt_came())
			(void)fputs(words_say(WORD_INTERRUPTED), stderr);
		if (scan->is_down)
			(void)fprintf(stderr, words_say(WORD_SCAN_LINE_DOWN), scan->line.where);
		else if (!has_answer(scan) && !interrupt_came())
			print_hints(scan);
		if (are_all_alike(scan))
			(void)fputs(words_say(WORD_SCAN_ALL_UNITS), stdout);
		if (scan->n_found > 0)
			(void)printf("\n%s%s", words_say(WORD_SCAN_PASTE), yaml.data);
	}
	buf_fini(&yaml);
}

int command_scan(const struct cli *cli)
{
	struct scan *scan = xcalloc(1, sizeof *scan);
	int status = commission_open(&scan->line, cli, (struct bus_tap){.fn = NULL});

	scan->is_json = cli->is_json;
	if (status == EXIT_OK)
		status = read_options(scan, cli);
	if (status == EXIT_OK) {
		interrupt_catch();
		scan->models = models_load(scan->line.config);
		scan_all(scan);
		print(scan);
		status = scan->n_found > 0 ? EXIT_OK : EXIT_FAILED;
	}
	models_destroy(scan->models);
	free(scan->found);
	commission_close(&scan->line);
	free(scan);
	return status;
}
