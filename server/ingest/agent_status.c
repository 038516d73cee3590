/* SPDX-License-Identifier: Apache-2.0 */
#include "server/ingest/agent_status.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "server/tsdb/tsdb_format.h"

struct writer {
	const struct agent_status_context *context;
	struct buf *lines;
	size_t n_lines;
	const char *comma; /* before the next field */
};

static void begin_line(struct writer *writer, const char *measurement, const char *bus,
		       const char *meter)
{
	buf_add_text(writer->lines, measurement);
	tsdb_format_add_tag(writer->lines, "agent", writer->context->agent);
	tsdb_format_add_tag(writer->lines, "bus", bus);
	tsdb_format_add_tag(writer->lines, "meter", meter);
	writer->comma = " ";
}

/* All numbers are floats: a field must not change its type between agents. */
static void add_field(struct writer *writer, const char *name, double value)
{
	buf_add_text(writer->lines, writer->comma);
	tsdb_format_tag(writer->lines, name);
	buf_printf(writer->lines, "=%.15g", value);
	writer->comma = ",";
}

static void add_number(struct writer *writer, const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);

	if (json_is_number(value))
		add_field(writer, name, json_number_value(value));
}

static void end_line(struct writer *writer)
{
	buf_add_char(writer->lines, ' ');
	buf_add_int(writer->lines, writer->context->now_ms);
	buf_add_char(writer->lines, '\n');
	writer->n_lines++;
}

static void write_agent(struct writer *writer, const json_t *status, bool is_online)
{
	static const char *const names[] = {"spool_bytes",     "batches_waiting", "batches_dropped",
					    "batches_damaged", "under_way",       "resends",
					    "connections"};

	begin_line(writer, "agent", NULL, NULL);
	add_field(writer, "online", is_online);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		add_number(writer, status, names[i]);
	end_line(writer);
}

static void write_bus(struct writer *writer, const json_t *bus)
{
	static const char *const names[] = {"utilisation", "planned", "requests", "failed"};
	const char *name = json_string_value(json_object_get(bus, "name"));

	if (!name || !json_is_number(json_object_get(bus, "requests")))
		return;
	begin_line(writer, "bus", name, NULL);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		add_number(writer, bus, names[i]);
	end_line(writer);
}

static bool is_error_code(const char *code)
{
	return *code && strspn(code, "abcdefghijklmnopqrstuvwxyz_") == strlen(code) &&
	       strlen(code) <= 32;
}

static void write_meter(struct writer *writer, const json_t *meter)
{
	static const char *const names[] = {"due", "on_time", "missed", "rtt_p50_ms", "rtt_p99_ms"};
	const char *id = json_string_value(json_object_get(meter, "id")), *code;
	double due = json_number_value(json_object_get(meter, "due"));
	struct buf name = {0};
	json_t *count;
	size_t first;

	if (!id || registry_find_device(writer->context->registry, id, strlen(id), &first) == 0 ||
	    due < 1)
		return;
	begin_line(writer, "meter_health", json_string_value(json_object_get(meter, "bus")), id);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		add_number(writer, meter, names[i]);
	add_field(writer, "on_time_ratio",
		  json_number_value(json_object_get(meter, "on_time")) / due);
	json_object_foreach(json_object_get(meter, "errors"), code, count)
	{
		if (!is_error_code(code))
			continue;
		buf_clear(&name);
		buf_printf(&name, "error_%s", code);
		add_field(writer, name.data, json_number_value(count));
	}
	buf_fini(&name);
	end_line(writer);
}

static void write_lines(struct writer *writer, const json_t *status, bool is_online)
{
	const json_t *item;
	size_t i;

	write_agent(writer, status, is_online);
	json_array_foreach(json_object_get(status, "buses"), i, item)
	{
		write_bus(writer, item);
	}
	json_array_foreach(json_object_get(status, "meters"), i, item)
	{
		write_meter(writer, item);
	}
}

int agent_status_read(const char *json, size_t len, const struct agent_status_context *context,
		      struct buf *lines, struct agent_status *out, struct err *err)
{
	struct writer writer = {.context = context, .lines = lines};
	json_error_t mistake;
	json_t *status = json_loadb(json, len, JSON_REJECT_DUPLICATES, &mistake);
	const char *state = json_string_value(json_object_get(status, "state"));
	bool is_online = state && strcmp(state, "online") == 0;
	int rc = 0;

	if (!status)
		rc = err_set(err, -EINVAL, "a status is not JSON: line %d: %s", mistake.line,
			     mistake.text);
	else if (!state || (!is_online && strcmp(state, "offline") != 0))
		rc = err_set(err, -EINVAL, "a status has no state online or offline");
	if (rc == 0) {
		if (lines)
			write_lines(&writer, status, is_online);
		*out = (struct agent_status){
			.is_online = is_online,
			.epoch = json_integer_value(json_object_get(status, "epoch")),
			.until_ms = json_integer_value(json_object_get(status, "until")),
			.n_lines = writer.n_lines};
	}
	json_decref(status);
	return rc;
}
