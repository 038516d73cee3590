/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "agent/deliver/health.h"
#include "common/civil.h"

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
		return "never";
	return duration(now_ms - at_ms, text);
}

static void print_uplink(struct buf *out, const json_t *status)
{
	char text[32];

	if (json_is_true(json_object_get(status, "connected")))
		buf_printf(out, "broker    connected, MQTT %s, connection %" PRId64 "\n",
			   get_int(status, "mqtt_version") == 5 ? "5" : "3.1.1",
			   get_int(status, "connections"));
	else
		buf_printf(out, "broker    NOT CONNECTED, after %" PRId64 " connections\n",
			   get_int(status, "connections"));
	buf_printf(out,
		   "delivery  epoch %" PRId64 ": sent %" PRId64 ", seen %" PRId64 ", kept %" PRId64
		   "\n",
		   get_int(status, "epoch"), get_int(status, "sent"), get_int(status, "seen"),
		   get_int(status, "kept"));
	buf_printf(out, "          last ack %s%s; sent again %" PRId64 " times\n",
		   json_object_get(status, "ack_age_ms") != NULL
			   ? duration(get_int(status, "ack_age_ms"), text)
			   : "never",
		   json_object_get(status, "ack_age_ms") != NULL ? " ago" : "",
		   get_int(status, "resends"));
}

static void print_spool(struct buf *out, const json_t *status, int64_t now_ms)
{
	int64_t waiting = get_int(status, "batches_waiting");
	char text[32];

	buf_printf(out, "spool     %.1f MiB, %" PRId64 " batches, of which %" PRId64 " wait",
		   (double)get_int(status, "spool_bytes") / (1 << 20),
		   get_int(status, "batches_stored"), waiting);
	if (waiting > 0)
		buf_printf(out, ", the oldest %s", age(status, "oldest_at", now_ms, text));
	buf_printf(out, "\n          dropped %" PRId64 ", damaged %" PRId64 " batches\n",
		   get_int(status, "batches_dropped"), get_int(status, "batches_damaged"));
}

static void print_buses(struct buf *out, const json_t *buses)
{
	const json_t *bus;
	size_t i;

	if (json_array_size(buses) == 0)
		return;
	buf_printf(out, "\n%-32s %8s %8s %12s %10s\n", "bus", "in use", "planned", "requests",
		   "failed");
	json_array_foreach(buses, i, bus)
	{
		buf_printf(out, "%-32s %7.1f%% %7.1f%% %12" PRId64 " %10" PRId64 "\n",
			   get_text(bus, "name"),
			   100 * json_number_value(json_object_get(bus, "utilisation")),
			   100 * json_number_value(json_object_get(bus, "planned")),
			   get_int(bus, "requests"), get_int(bus, "failed"));
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

static void print_meters(struct buf *out, const json_t *meters, int64_t now_ms)
{
	const json_t *meter;
	char text[32];
	size_t i;

	if (json_array_size(meters) == 0)
		return;
	buf_printf(out, "\n%-24s %-8s %10s %8s %9s  %s\n", "meter", "state", "read ago", "on time",
		   "errors", "last error");
	json_array_foreach(meters, i, meter)
	{
		int64_t due = get_int(meter, "due"), n_errors = count_errors(meter);
		double on_time =
			due > 0 ? 100.0 * (double)get_int(meter, "on_time") / (double)due : 100;

		buf_printf(out, "%-24s %-8s %10s %7.2f%% %9" PRId64, get_text(meter, "id"),
			   get_text(meter, "state"), age(meter, "last_at", now_ms, text), on_time,
			   n_errors);
		if (*get_text(meter, "last_error") != '\0')
			buf_printf(out, "  %s", get_text(meter, "last_error"));
		buf_add_char(out, '\n');
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
	buf_printf(out, "agent     %s (region %s), version %s, up %s\n", get_text(status, "agent"),
		   get_text(status, "region"), get_text(status, "version"),
		   age(status, "started_at", now_ms, text));
	print_uplink(out, status);
	print_spool(out, status, now_ms);
	print_buses(out, json_object_get(status, "buses"));
	print_meters(out, json_object_get(status, "meters"), now_ms);
	json_decref(status);
	return 0;
}
