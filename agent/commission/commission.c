/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/commission/commission.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/commission/ad_hoc.h"
#include "agent/config/words.h"
#include "agent/control/control.h"
#include "common/clock.h"
#include "common/columns.h"

enum { KNOCK_MS = 5000 };

static int load(struct commission *c, const struct cli *cli, bool is_ad_hoc, bool has_meter)
{
	struct conf_errors errors = {0};
	struct buf text = {0};
	int status = EXIT_OK;

	if (is_ad_hoc && !ad_hoc_write(cli, has_meter, &text)) {
		(void)fputs(words_say(has_meter ? WORD_READ_USAGE : WORD_ONE_LINE), stderr);
		status = EXIT_USAGE;
	} else if ((is_ad_hoc ? agent_config_parse(&c->config, "command line", text.data, text.len,
						   &errors)
			      : agent_config_load(&c->config, cli->config, &errors)) != 0) {
		columns_put(stderr, errors.text.data, 4);
		status = EXIT_CONFIG;
	}
	conf_errors_fini(&errors);
	buf_fini(&text);
	return status;
}

static const struct agent_bus *find_bus(const struct agent_config *config, const char *name)
{
	const struct agent_bus *buses = config->buses.items;

	for (size_t i = 0; i < config->buses.count; i++)
		if (name == NULL || strcmp(buses[i].name, name) == 0)
			return &buses[i];
	return NULL;
}

bool commission_has_agent(const struct agent_config *config)
{
	struct buf answer = {0};
	int r = control_request(config->control_socket, "{\"command\":\"spool\"}", KNOCK_MS,
				&answer, NULL);

	buf_fini(&answer);
	return r != -ENOENT && r != -ECONNREFUSED;
}

static void describe(struct commission *c)
{
	const struct agent_bus *bus = c->bus;
	const struct bus_settings settings = commission_settings(c);
	char serial[16];

	if (bus->link == LINK_RTU)
		(void)snprintf(c->where, sizeof c->where, "%s %s", bus->rtu.device,
			       commission_serial(c, &settings, serial));
	else
		agent_config_where(bus, c->where, sizeof c->where);
}

static int open_line(struct commission *c, const struct cli *cli, bool is_ad_hoc,
		     struct bus_tap tap)
{
	struct err err;
	int r;

	describe(c);
	c->is_by_agent = !is_ad_hoc && commission_has_agent(c->config);
	line_init(&c->line, c->bus, c->is_by_agent ? c->config->control_socket : NULL, tap);
	c->is_open = true;
	r = line_open(&c->line, cli->is_json, &err);
	if (r != 0) {
		(void)fprintf(stderr, words_say(WORD_SCAN_LINE_DOWN), err.text);
		if (r == -EBUSY && is_ad_hoc)
			(void)fputs(words_say(WORD_USE_BUS), stderr);
		return EXIT_FAILED;
	}
	if (!cli->is_json)
		(void)fprintf(stderr, words_say(c->is_by_agent ? WORD_BY_AGENT : WORD_DIRECT),
			      c->where);
	return EXIT_OK;
}

int commission_open(struct commission *c, const struct cli *cli, struct bus_tap tap)
{
	const char *name = cli_value(cli, "bus");
	bool is_ad_hoc = ad_hoc_is_wanted(cli);
	char hint[96];
	int status;

	*c = (struct commission){.config = NULL};
	if (is_ad_hoc == (name != NULL)) {
		(void)fputs(words_say(WORD_ONE_LINE), stderr);
		return EXIT_USAGE;
	}
	status = load(c, cli, is_ad_hoc, false);
	if (status != EXIT_OK)
		return status;
	c->bus = find_bus(c->config, name);
	if (c->bus == NULL) {
		(void)fprintf(stderr, words_say(WORD_NO_BUS), cli->config, name,
			      agent_config_nearest_bus(c->config, name, hint));
		return EXIT_FAILED;
	}
	return open_line(c, cli, is_ad_hoc, tap);
}

int commission_open_meter(struct commission *c, const struct cli *cli, struct bus_tap tap,
			  const struct agent_meter **meter)
{
	bool is_ad_hoc = ad_hoc_is_wanted(cli);
	char hint[96];
	int status;

	*c = (struct commission){.config = NULL};
	if (!is_ad_hoc && cli->n_arguments != 1) {
		(void)fputs(words_say(WORD_READ_USAGE), stderr);
		return EXIT_USAGE;
	}
	status = load(c, cli, is_ad_hoc, true);
	if (status != EXIT_OK)
		return status;
	if (is_ad_hoc) {
		c->bus = c->config->buses.items;
		*meter = c->bus->meters.items;
		return open_line(c, cli, true, tap);
	}
	*meter = agent_config_find_meter(c->config, cli->arguments[0], &c->bus);
	if (*meter == NULL) {
		(void)fprintf(stderr, words_say(WORD_NO_METER), cli->config, cli->arguments[0],
			      agent_config_nearest_meter(c->config, cli->arguments[0], hint));
		return EXIT_FAILED;
	}
	return open_line(c, cli, false, tap);
}

void commission_close(struct commission *c)
{
	if (c->is_open)
		line_fini(&c->line);
	agent_config_destroy(c->config);
	*c = (struct commission){.config = NULL};
}

struct bus_settings commission_settings(const struct commission *c)
{
	static const struct agent_meter plain = {0};

	return agent_config_serial(c->bus, &plain);
}

enum bus_outcome commission_ask(struct commission *c, const struct bus_request *request,
				struct bus_reply *reply)
{
	enum { PAUSE_MS = 20 }; /* some meters want a rest, and nobody is in a hurry */

	*reply = (struct bus_reply){.exception = 0};
	if (c->line.ask.ops->open(c->line.ask.bus, NULL) != 0)
		return BUS_LINK_DOWN;
	if (!c->is_by_agent)
		clock_sleep_until(c->line.ask.quiet_ms + PAUSE_MS);
	return c->line.ask.ops->read(c->line.ask.bus, request, reply);
}

bool commission_number(const struct cli *cli, const char *name, int64_t min, int64_t max,
		       int64_t *value)
{
	const char *text = cli_value(cli, name);
	char *end, range[48];
	long long number;

	if (text == NULL)
		return true;
	number = strtoll(text, &end, 0);
	if (*text != '\0' && *end == '\0' && number >= min && number <= max) {
		*value = number;
		return true;
	}
	(void)snprintf(range, sizeof range, "%lld (%lld-%lld)", (long long)*value, (long long)min,
		       (long long)max);
	(void)fprintf(stderr, words_say(WORD_BAD_OPTION), name, text, name, range);
	return false;
}

int64_t commission_timeout_ms(const struct commission *c, const struct cli *cli, int64_t fallback)
{
	int64_t ms = c->bus->timeout_ms > 0 ? c->bus->timeout_ms : fallback;

	return commission_number(cli, "timeout", 20, 10000, &ms) ? ms : -1;
}

const char *commission_serial(const struct commission *c, const struct bus_settings *settings,
			      char text[16])
{
	text[0] = '\0';
	if (c->bus->link == LINK_RTU)
		(void)snprintf(text, 16, "%lld:8%c%d", (long long)settings->baud, settings->parity,
			       settings->stop_bits);
	return text;
}

int64_t commission_zone_ms(int64_t utc_ms)
{
	time_t seconds = (time_t)(utc_ms / 1000);
	struct tm local;

	return localtime_r(&seconds, &local) != NULL ? (int64_t)local.tm_gmtoff * 1000 : 0;
}
