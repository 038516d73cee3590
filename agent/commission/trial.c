/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/commission/trial.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/bus/frame.h"
#include "agent/profile/decode.h"
#include "common/mem.h"
#include "common/phrase.h"

enum { FRAMES_MAX = 64, FRAME_MAX = 264, REQUEST_LENGTH = 8, RTU_OVERHEAD = 5, NAME_SIZE = 128 };

/* ---- the frames of a test ---- */

struct trial {
	const struct profile *profile;
	const struct profile_test *test;
	struct conf_errors *errors;
	struct decode_block blocks[FRAMES_MAX];
	struct bus_reply replies[FRAMES_MAX];
};

/* "01 04 00 00": 0 if it is something else. */
static size_t parse_bytes(const char *text, uint8_t bytes[FRAME_MAX])
{
	size_t len = 0;
	char *end;

	while (*text != '\0' && len < FRAME_MAX) {
		unsigned long byte = strtoul(text, &end, 16);

		if (end != text + 2 || byte > 0xFF)
			return 0;
		bytes[len++] = (uint8_t)byte;
		text = end + strspn(end, " ");
	}
	return *text == '\0' ? len : 0;
}

static bool parse_request(const char *text, struct bus_request *request)
{
	uint8_t bytes[FRAME_MAX], again[REQUEST_LENGTH];

	if (parse_bytes(text, bytes) != REQUEST_LENGTH)
		return false;
	*request = (struct bus_request){.unit = bytes[0],
					.function = bytes[1],
					.address = frame_read_u16(bytes + 2),
					.count = frame_read_u16(bytes + 4)};
	return request->function >= 1 && request->function <= 4 && request->count >= 1 &&
	       request->count <= BUS_REGISTERS_MAX &&
	       frame_write_rtu(request, again) == REQUEST_LENGTH &&
	       memcmp(bytes, again, REQUEST_LENGTH) == 0;
}

static bool read_frame(struct trial *trial, size_t i)
{
	const struct profile_frame *frame = &trial->test->frames[i];
	struct bus_request request;
	uint8_t bytes[FRAME_MAX];
	size_t len = parse_bytes(frame->response, bytes);
	enum bus_outcome outcome;

	if (!parse_request(frame->request, &request)) {
		conf_error(trial->errors, trial->test->node, NULL,
			   "request %zu is no frame that reads: 8 bytes in hexadecimal with CRC",
			   i + 1);
		return false;
	}
	outcome = frame_parse_rtu(&request, bytes, len, &trial->replies[i]);
	if (outcome == BUS_OK) {
		trial->blocks[i] =
			(struct decode_block){request.function, request.address, request.count,
					      trial->replies[i].registers};
		return true;
	}
	conf_error(trial->errors, trial->test->node, NULL,
		   outcome == BUS_CRC ? "response %zu has a wrong CRC"
				      : "response %zu does not answer its request",
		   i + 1);
	return false;
}

static const struct profile_point *find(const struct trial *trial, const struct conf_node *node,
					const char *name)
{
	const struct profile *profile = trial->profile;
	const struct profile_point *point = profile_find(profile, name, trial->test->channel);
	const char *names[256];
	size_t n = 0;
	char hint[96];

	if (point != NULL)
		return point;
	for (size_t i = 0; i < profile->n_points && n < sizeof names / sizeof *names; i++)
		if (profile->points[i].is_published)
			names[n++] = profile->points[i].name;
	conf_error(trial->errors, node, NULL, "there is no point '%s'%s", name,
		   conf_nearest(name, names, n, hint));
	return NULL;
}

/* "voltage_l1_n_v = 230.2", or why there is nothing. */
static const char *print(const struct profile_point *point, const struct decode_value *value,
			 char text[NAME_SIZE + DECODE_TEXT_MAX])
{
	static const char *const reasons[] = {
		[DECODE_MISSING] = "nothing: its registers are in no frame",
		[DECODE_ABSENT] = "nothing: not available",
		[DECODE_IMPLAUSIBLE] = "nothing: implausible",
	};
	char number[DECODE_TEXT_MAX];

	if (value->kind < DECODE_NUMBER)
		return phrase_say(reasons[value->kind]);
	if (value->kind == DECODE_NUMBER)
		(void)decimal_print(value->number, number);
	(void)snprintf(text, NAME_SIZE + DECODE_TEXT_MAX, "%s%s = %s", point->name, value->suffix,
		       value->kind == DECODE_NUMBER ? number : value->text);
	return text;
}

/* expected: the value's text; NULL: there must be none. */
static void compare(struct trial *trial, const struct conf_node *node, const char *name,
		    const char *expected)
{
	const struct profile_point *point = find(trial, node, name);
	struct decode_input input = {trial->profile, trial->blocks, trial->test->n_frames, NULL, 0};
	char text[NAME_SIZE + DECODE_TEXT_MAX], wanted[NAME_SIZE + DECODE_TEXT_MAX];
	struct decode_value value;
	const char *shown;

	if (point == NULL)
		return;
	decode_point(&input, (size_t)(point - trial->profile->points), &value);
	shown = print(point, &value, text);
	if (expected == NULL) {
		if (value.kind != DECODE_ABSENT)
			conf_error(trial->errors, node, NULL, "the frames give %s", shown);
		return;
	}
	(void)snprintf(wanted, sizeof wanted, "%.120s = %.67s", name, expected);
	if (strcmp(shown, wanted) != 0)
		conf_error(trial->errors, node, NULL, "the frames give %s", shown);
}

static void run_test(struct trial *trial)
{
	const struct conf_node *values = trial->test->values, *absent = trial->test->absent;

	for (size_t i = 0; i < trial->test->n_frames; i++)
		if (!read_frame(trial, i))
			return;
	if (values != NULL && values->shape == CONF_IS_MAP)
		for (const struct conf_node *n = values->first; n != NULL; n = n->next)
			compare(trial, n, n->key, n->shape == CONF_IS_SCALAR ? n->text : "?");
	if (absent != NULL && absent->shape == CONF_IS_LIST)
		for (const struct conf_node *n = absent->first; n != NULL; n = n->next)
			compare(trial, n, n->shape == CONF_IS_SCALAR ? n->text : "?", NULL);
}

void trial_run(const struct profile *profile, struct conf_errors *errors)
{
	struct trial *trial = xcalloc(1, sizeof *trial);

	for (size_t i = 0; i < profile->n_tests; i++) {
		trial->profile = profile;
		trial->test = &profile->tests[i];
		trial->errors = errors;
		run_test(trial);
	}
	free(trial);
}

/* ---- a reading as a test ---- */

static void add_bytes(struct buf *out, const char *key, uint8_t *bytes, size_t len)
{
	uint16_t crc = frame_crc(bytes, len);

	bytes[len] = (uint8_t)crc;
	bytes[len + 1] = (uint8_t)(crc >> 8);
	buf_printf(out, "%s: \"", key);
	for (size_t i = 0; i < len + 2; i++)
		buf_printf(out, "%s%02X", i > 0 ? " " : "", bytes[i]);
	buf_add_text(out, "\"\n");
}

static void add_frame(struct buf *out, const struct agent_meter *meter, const json_t *block)
{
	const json_t *values = json_object_get(block, "values");
	size_t count = json_array_size(values);
	double function = json_number_value(json_object_get(block, "function"));
	double address = json_number_value(json_object_get(block, "address"));
	struct bus_request request = {.unit = (uint8_t)meter->unit,
				      .function = (uint8_t)function,
				      .address = (uint16_t)(address - (double)meter->base),
				      .count = (uint16_t)count};
	uint8_t bytes[FRAME_MAX];

	if (count > BUS_REGISTERS_MAX || request.function < 3)
		return;
	buf_add_text(out, "      - ");
	add_bytes(out, "request", bytes, frame_write_pdu(&request, bytes));
	bytes[2] = (uint8_t)(2 * count);
	for (size_t i = 0; i < count; i++)
		frame_write_u16(bytes + 3 + 2 * i,
				(uint16_t)json_number_value(json_array_get(values, i)));
	buf_add_text(out, "        ");
	add_bytes(out, "response", bytes, 3 + 2 * count);
}

/* Digits as they came: a counter of 64 bits is more than a double holds. */
static void add_value(struct buf *out, const char *json, const char *name, const json_t *value)
{
	char key[NAME_SIZE];
	const char *at;

	if (json_is_string(value)) {
		buf_printf(out, "      %s: \"%s\"\n", name, json_string_value(value));
		return;
	}
	(void)snprintf(key, sizeof key, "\"%s\":", name);
	at = strstr(json, "\"values\":{");
	at = at != NULL ? strstr(at, key) : NULL;
	if (at == NULL)
		return;
	at += strlen(key);
	buf_printf(out, "      %s: %.*s\n", name, (int)strspn(at, "-+.0123456789eE"), at);
}

void trial_write(const struct agent_meter *meter, const json_t *reading, const char *json,
		 struct buf *out)
{
	json_t *blocks = json_object_get(reading, "registers");
	json_t *values = json_object_get(reading, "values"), *value;
	const char *name;
	size_t n_absent = 0;

	buf_printf(out, "tests:\n  - name: recorded at %s\n",
		   json_string_value(json_object_get(reading, "at")));
	if (meter->channel > 0)
		buf_printf(out, "    channel: %d\n", (int)meter->channel);
	buf_add_text(out, "    frames:\n");
	for (size_t i = 0; i < json_array_size(blocks); i++)
		add_frame(out, meter, json_array_get(blocks, i));
	buf_add_text(out, "    values:\n");
	json_object_foreach(values, name, value)
	{
		if (!json_is_null(value))
			add_value(out, json, name, value);
	}
	json_object_foreach(values, name, value)
	{
		if (json_is_null(value))
			buf_printf(out, "%s%s", n_absent++ == 0 ? "    absent: [" : ", ", name);
	}
	if (n_absent > 0)
		buf_add_text(out, "]\n");
}
