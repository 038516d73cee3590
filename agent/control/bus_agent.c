/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/control/bus_agent.h"

#include <errno.h>
#include <stdlib.h>

#include "agent/control/control.h"
#include "common/json_writer.h"
#include "common/mem.h"

enum { WAIT_MS = 25000 }; /* the bus may be busy; beyond the request's own time-out */

struct agent_line {
	char *socket, *bus;
};

void *bus_agent_create(const char *socket, const char *bus)
{
	struct agent_line *line = xcalloc(1, sizeof *line);

	line->socket = xstrdup(socket);
	line->bus = xstrdup(bus);
	return line;
}

static void agent_destroy(void *bus)
{
	struct agent_line *line = bus;

	free(line->socket);
	free(line->bus);
	free(line);
}

/* Whether the agent is there shows with the first request. */
static int agent_open(void *bus, struct err *err)
{
	(void)bus;
	(void)err;
	return 0;
}

static void agent_close(void *bus)
{
	(void)bus; /* every request has a connection of its own */
}

/* ---- words on the socket ---- */

static void write_request(struct buf *out, const char *bus, const struct bus_request *request)
{
	struct json_writer json = {.out = out};
	const char parity[] = {request->settings.parity, '\0'};

	json_begin_object(&json, NULL);
	json_add_string(&json, "command", "request");
	json_add_string(&json, "bus", bus);
	json_add_int(&json, "unit", request->unit);
	json_add_int(&json, "function", request->function);
	json_add_int(&json, "address", request->address);
	json_add_int(&json, "count", request->count);
	json_add_int(&json, "timeout_ms", request->timeout_ms);
	json_add_int(&json, "baud", request->settings.baud);
	json_add_string(&json, "parity", parity);
	json_add_int(&json, "stop_bits", request->settings.stop_bits);
	json_end_object(&json);
}

static int64_t get_int(const json_t *object, const char *key, int64_t min, int64_t max, bool *ok)
{
	const json_t *member = json_object_get(object, key);
	int64_t value = json_integer_value(member);

	*ok = *ok && json_is_integer(member) && value >= min && value <= max;
	return *ok ? value : min;
}

int bus_agent_parse(const json_t *object, struct bus_request *request, struct err *err)
{
	const char *parity = json_string_value(json_object_get(object, "parity"));
	bool ok = parity != NULL && (parity[0] == 'N' || parity[0] == 'E' || parity[0] == 'O');

	*request = (struct bus_request){
		.unit = (uint8_t)get_int(object, "unit", 0, 255, &ok),
		.function = (uint8_t)get_int(object, "function", 1, 4, &ok),
		.address = (uint16_t)get_int(object, "address", 0, 65535, &ok),
		.count = (uint16_t)get_int(object, "count", 1, BUS_REGISTERS_MAX, &ok),
		.timeout_ms = get_int(object, "timeout_ms", 1, 10000, &ok),
		.settings = {.baud = get_int(object, "baud", 300, 1000000, &ok),
			     .parity = parity != NULL ? parity[0] : 'N',
			     .stop_bits = (int)get_int(object, "stop_bits", 1, 2, &ok)},
	};
	return ok ? 0 : err_set(err, -EINVAL, "a member of the request is missing or out of range");
}

void bus_agent_write_reply(struct buf *out, const struct bus_request *request,
			   enum bus_outcome outcome, const struct bus_reply *reply)
{
	struct json_writer json = {.out = out};

	json_begin_object(&json, NULL);
	json_add_string(&json, "outcome", bus_outcome_name(outcome));
	json_add_int(&json, "exception", reply->exception);
	json_add_int(&json, "round_trip_us", reply->round_trip_us);
	json_begin_array(&json, "registers");
	for (int i = 0; i < request->count && outcome == BUS_OK; i++)
		json_add_int(&json, NULL, reply->registers[i]);
	json_end_array(&json);
	json_end_object(&json);
}

static enum bus_outcome parse_reply(const json_t *root, const struct bus_request *request,
				    struct bus_reply *reply)
{
	const char *name = json_string_value(json_object_get(root, "outcome"));
	const json_t *registers = json_object_get(root, "registers");
	int outcome = name != NULL ? bus_outcome_of(name) : -1;

	reply->exception = (int)json_integer_value(json_object_get(root, "exception"));
	reply->round_trip_us = json_integer_value(json_object_get(root, "round_trip_us"));
	if (outcome < 0 || (outcome == BUS_OK && json_array_size(registers) != request->count))
		return BUS_LINK_DOWN;
	for (size_t i = 0; i < request->count && outcome == BUS_OK; i++)
		reply->registers[i] = (uint16_t)json_integer_value(json_array_get(registers, i));
	return (enum bus_outcome)outcome;
}

static enum bus_outcome agent_read(void *bus, const struct bus_request *request,
				   struct bus_reply *reply)
{
	const struct agent_line *line = bus;
	struct buf question = {0}, answer = {0};
	enum bus_outcome outcome = BUS_LINK_DOWN;
	json_t *root = NULL;

	write_request(&question, line->bus, request);
	if (control_request(line->socket, question.data, WAIT_MS + request->timeout_ms, &answer,
			    NULL) == 0)
		root = json_loadb(answer.data, answer.len, 0, NULL);
	if (root != NULL)
		outcome = parse_reply(root, request, reply);
	json_decref(root);
	buf_fini(&question);
	buf_fini(&answer);
	return outcome;
}

const struct bus_ops bus_agent = {NULL, agent_destroy, agent_open, agent_read, agent_close};
