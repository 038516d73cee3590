/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/command/health_print.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/civil.h"
#include "common/columns.h"
#include "common/phrase.h"

/* CYCLE_MS: a batch has the time of its end, the readings in it are that much older at most. */
enum { INDENT = 10, BUS_NAME = 32, METER_NAME = 20, CYCLE_MS = 1000 };

static int64_t get_int(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static const char *get_text(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text != NULL ? text : "";
}

/* "3d 04h" "12m 05s" "0.4s": the two largest units. */
static const char *duration(int64_t ms, char text[32])
{
	int64_t s = ms / 1000;

	if (ms < 10000)
		(void)snprintf(text, 32, "%.1fs", (double)(ms > 0 ? ms : 0) / 1000);
	else if (s < 60)
		(void)snprintf(text, 32, "%" PRId64 "s", s);
	else if (s < 3600)
		(void)snprintf(text, 32, "%" PRId64 "m %02" PRId64 "s", s / 60, s % 60);
	else if (s < 86400)
		(void)snprintf(text, 32, "%" PRId64 "h %02" PRId64 "m", s / 3600, s / 60 % 60);
	else
		(void)snprintf(text, 32, "%" PRId64 "d %02" PRId64 "h", s / 86400, s / 3600 % 24);
	return text;
}

/* How long ago the RFC 3339 time is; "never" if there is none. */
static const char *age(const json_t *object, const char *key, int64_t now_ms, char text[32])
{
	const char *at = get_text(object, key);
	int64_t at_ms;

	if (civil_parse_time(at, strlen(at), 0, &at_ms) < 0)
		return phrase_say("never");
	return duration(now_ms - at_ms, text);
}

/* ---- where a meter's newest reading is ---- */

enum delivery { DELIVERY_NONE, DELIVERY_MEMORY, DELIVERY_SPOOLED, DELIVERY_ACKNOWLEDGED };

static bool get_time(const json_t *object, const char *key, int64_t *utc_ms)
{
	const char *text = get_text(object, key);

	return civil_parse_time(text, strlen(text), 0, utc_ms) == 0;
}

/* The spool keeps the order of time: what is older than the oldest that waits has arrived. */
static enum delivery delivery_of(const json_t *status, const json_t *meter)
{
	int64_t read_ms, oldest_ms, newest_ms;

	if (!get_time(meter, "last_at", &read_ms))
		return DELIVERY_NONE;
	if (!get_time(status, "newest_at", &newest_ms) || read_ms > newest_ms)
		return DELIVERY_MEMORY;
	if (get_int(status, "batches_waiting") > 0 && get_time(status, "oldest_at", &oldest_ms) &&
	    read_ms >= oldest_ms - CYCLE_MS)
		return DELIVERY_SPOOLED;
	return DELIVERY_ACKNOWLEDGED;
}

int health_write_json(struct buf *out, const char *json)
{
	static const char *const names[] = {NULL, "memory", "spooled", "acknowledged"};
	json_t *status = json_loads(json, 0, NULL), *meter;
	char *text;
	size_t i;

	if (!json_is_object(status) || json_object_get(status, "epoch") == NULL) {
		json_decref(status);
		return -EINVAL;
	}
	json_array_foreach(json_object_get(status, "meters"), i, meter)
	{
		const char *name = names[delivery_of(status, meter)];

		(void)json_object_set_new(meter, "delivery",
					  name != NULL ? json_string(name) : json_null());
	}
	text = json_dumps(status, JSON_COMPACT | JSON_REAL_PRECISION(15));
	buf_add_text(out, text);
	free(text);
	json_decref(status);
	return 0;
}

/* ---- for the eye ---- */

/* What to look at when the broker refuses, by a piece of what it says. */
static const struct {
	const char *piece, *advice;
} advices[] = {
	{"certificate verify failed", "its certificate is not signed by ca_file of mqtt"},
	{"certificate has expired", "its certificate has expired, or this clock is wrong"},
	{"another host", "mqtt.url: name, network, firewall, port? Or the certificate's host?"},
	{"alert", "it does not accept the client certificate: cert_file, key_file of mqtt"},
	{"uthorized", "it refuses the username, the password or the client id of mqtt"},
	{"user name", "it refuses the username or the password of mqtt"},
	{"cannot be reached", "mqtt.url: name, network, firewall, port? Is the broker running?"},
	{"wrong version", "mqtt.url says tls://, and that port speaks without"},
	{"without an answer", "mqtt.url says tcp://, and that port wants tls://?"},
	{"no answer", "mqtt.url: name, network, firewall, port? Is the broker running?"},
	{"broke", "the network, the broker, or another program with the same client id"},
};

static void print_trouble(struct buf *out, const char *trouble)
{
	struct buf text = {0};

	if (*trouble == '\0')
		return;
	buf_printf(&text, "          %s", phrase_say("reason: "));
	buf_add_text(&text, phrase_say(trouble));
	columns_wrap(out, text.data, 0, INDENT);
	buf_add_char(out, '\n');
	buf_fini(&text);
	for (size_t i = 0; i < sizeof advices / sizeof *advices; i++)
		if (strstr(trouble, advices[i].piece) != NULL) {
			buf_printf(out, "          -> %s\n", phrase_say(advices[i].advice));
			return;
		}
}

static void print_uplink(struct buf *out, const json_t *status)
{
	int64_t n = get_int(status, "connections");
	char text[32];

	if (json_is_true(json_object_get(status, "connected")))
		buf_printf(out, phrase_say("broker    connected, MQTT %s, connection %lld\n"),
			   get_int(status, "mqtt_version") == 5 ? "5" : "3.1.1", (long long)n);
	else
		buf_printf(out, phrase_say("broker    NOT CONNECTED, after %lld connections\n"),
			   (long long)n);
	print_trouble(out, get_text(status, "broker_trouble"));
	buf_printf(out, phrase_say("delivery  epoch %lld: sent %lld, seen %lld, kept %lld\n"),
		   (long long)get_int(status, "epoch"), (long long)get_int(status, "sent"),
		   (long long)get_int(status, "seen"), (long long)get_int(status, "kept"));
	if (json_object_get(status, "ack_age_ms") != NULL)
		buf_printf(out, phrase_say("          last ack %s ago; sent again %lld times\n"),
			   duration(get_int(status, "ack_age_ms"), text),
			   (long long)get_int(status, "resends"));
	else
		buf_printf(out, phrase_say("          no ack yet; sent again %lld times\n"),
			   (long long)get_int(status, "resends"));
}

static void print_spool(struct buf *out, const json_t *status, int64_t now_ms)
{
	int64_t waiting = get_int(status, "batches_waiting");
	char text[32];

	buf_printf(out, phrase_say("spool     %.1f MiB, %lld batches, of which %lld wait"),
		   (double)get_int(status, "spool_bytes") / (1 << 20),
		   (long long)get_int(status, "batches_stored"), (long long)waiting);
	if (waiting > 0)
		buf_printf(out, phrase_say(", the oldest %s"),
			   age(status, "oldest_at", now_ms, text));
	buf_printf(out, phrase_say("\n          dropped %lld, damaged %lld batches\n"),
		   (long long)get_int(status, "batches_dropped"),
		   (long long)get_int(status, "batches_damaged"));
	if (json_is_false(json_object_get(status, "clock_trusted")))
		buf_add_text(out, phrase_say("clock     NOT TRUSTED: readings wait for the right "
					     "time\n"));
}

/* A name wider than its column has a line of its own. */
static void add_name(struct buf *out, const char *name, int width)
{
	columns_pad(out, name, width);
	if (columns_of(name) > width) {
		buf_add_char(out, '\n');
		columns_pad(out, "", width);
	}
}

static void add_cell(struct buf *out, const char *text, int width)
{
	buf_add_char(out, ' ');
	columns_pad(out, text, width);
}

static void add_number(struct buf *out, int64_t number, int width)
{
	char text[32];

	(void)snprintf(text, sizeof text, "%" PRId64, number);
	add_cell(out, text, width);
}

static void add_percent(struct buf *out, double share, int digits, int width)
{
	char text[32];

	(void)snprintf(text, sizeof text, "%.*f%%", digits, 100 * share);
	add_cell(out, text, width);
}

static void print_buses(struct buf *out, const json_t *buses)
{
	const json_t *bus;
	size_t i;

	if (json_array_size(buses) == 0)
		return;
	buf_add_char(out, '\n');
	columns_pad(out, phrase_say("bus"), BUS_NAME);
	add_cell(out, phrase_say("in use"), -8);
	add_cell(out, phrase_say("planned"), -8);
	add_cell(out, phrase_say("requests"), -12);
	add_cell(out, phrase_say("failed"), -10);
	buf_add_char(out, '\n');
	json_array_foreach(buses, i, bus)
	{
		add_name(out, get_text(bus, "name"), BUS_NAME);
		add_percent(out, json_number_value(json_object_get(bus, "utilisation")), 1, -8);
		add_percent(out, json_number_value(json_object_get(bus, "planned")), 1, -8);
		add_number(out, get_int(bus, "requests"), -12);
		add_number(out, get_int(bus, "failed"), -10);
		if (json_is_false(json_object_get(bus, "up")))
			buf_printf(out, "  %s", phrase_say("DOWN"));
		buf_add_char(out, '\n');
	}
}

static int64_t count_errors(const json_t *meter)
{
	const char *name;
	json_t *n;
	int64_t sum = 0;

	json_object_foreach(json_object_get(meter, "errors"), name, n)
	{
		sum += json_integer_value(n);
	}
	return sum;
}

/* "exception_2" is a word with a number. */
static void add_error(struct buf *out, const char *code)
{
	if (strncmp(code, "exception_", 10) == 0)
		buf_printf(out, " %s %s", phrase_say("exception"), code + 10);
	else
		buf_printf(out, " %s", phrase_say(code));
}

static void print_meter(struct buf *out, const json_t *status, const json_t *meter, int64_t now_ms)
{
	static const char *const deliveries[] = {"-", "in memory", "spooled", "yes"};
	int64_t due = get_int(meter, "due");
	char text[32];

	add_name(out, get_text(meter, "id"), METER_NAME);
	add_cell(out, phrase_say(get_text(meter, "state")), 8);
	add_cell(out, age(meter, "last_at", now_ms, text), -8);
	add_percent(out, due > 0 ? (double)get_int(meter, "on_time") / (double)due : 1, 2, -8);
	add_number(out, count_errors(meter), -6);
	buf_add_char(out, ' ');
	add_cell(out, phrase_say(deliveries[delivery_of(status, meter)]), 10);
	if (*get_text(meter, "last_error") != '\0')
		add_error(out, get_text(meter, "last_error"));
	while (out->len > 0 && out->data[out->len - 1] == ' ')
		buf_cut(out, out->len - 1);
	buf_add_char(out, '\n');
}

static void print_meters(struct buf *out, const json_t *status, int64_t now_ms)
{
	const json_t *meters = json_object_get(status, "meters"), *meter;
	size_t i;

	if (json_array_size(meters) == 0)
		return;
	buf_add_char(out, '\n');
	columns_pad(out, phrase_say("meter"), METER_NAME);
	add_cell(out, phrase_say("state"), 8);
	add_cell(out, phrase_say("read ago"), -8);
	add_cell(out, phrase_say("on time"), -8);
	add_cell(out, phrase_say("errors"), -6);
	buf_add_char(out, ' ');
	add_cell(out, phrase_say("delivered"), 10);
	buf_printf(out, " %s\n", phrase_say("last error"));
	json_array_foreach(meters, i, meter)
	{
		print_meter(out, status, meter, now_ms);
	}
}

int health_print(struct buf *out, const char *json, int64_t now_ms)
{
	json_t *status = json_loads(json, 0, NULL);
	char text[32];

	if (!json_is_object(status) || json_object_get(status, "epoch") == NULL) {
		json_decref(status);
		return -EINVAL;
	}
	buf_printf(out, phrase_say("agent     %s (region %s), version %s, up %s\n"),
		   get_text(status, "agent"), get_text(status, "region"),
		   get_text(status, "version"), age(status, "started_at", now_ms, text));
	print_uplink(out, status);
	print_spool(out, status, now_ms);
	print_buses(out, json_object_get(status, "buses"));
	print_meters(out, status, now_ms);
	json_decref(status);
	return 0;
}
