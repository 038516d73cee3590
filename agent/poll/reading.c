/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/poll/reading.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/civil.h"
#include "common/fnv.h"
#include "common/json_writer.h"
#include "common/mem.h"
#include "common/telemetry.h"

enum { NAME_MAX_BYTES = 96 };

const int64_t reading_round_trip_ms[READING_ROUND_TRIPS - 1] = {5,   10,  20,   50,   100,
								200, 500, 1000, 2000, 5000};

void reading_count_answer(struct reading *reading, int64_t round_trip_us)
{
	size_t class = 0;

	while (class < READING_ROUND_TRIPS - 1 &&
	       round_trip_us > reading_round_trip_ms[class] * 1000)
		class ++;
	reading->round_trips[class]++;
	reading->round_trip_us += round_trip_us;
}

void reading_fini(struct reading *reading)
{
	free(reading->blocks);
	free(reading->registers);
	free(reading->refused);
	*reading = (struct reading){0};
}

void reading_begin(struct reading *reading, size_t n)
{
	struct decode_block *blocks = reading->blocks;
	uint16_t(*registers)[BUS_REGISTERS_MAX] = reading->registers;
	struct plan_span *refused = reading->refused;
	size_t capacity = reading->capacity;

	if (n > capacity) {
		blocks = xrealloc(blocks, n, sizeof *blocks);
		registers = xrealloc(registers, n, sizeof *registers);
		refused = xrealloc(refused, n, sizeof *refused);
		capacity = n;
	}
	*reading = (struct reading){
		.blocks = blocks, .registers = registers, .refused = refused, .capacity = capacity};
}

void reading_add(struct reading *reading, const struct plan_span *read,
		 const struct bus_reply *reply)
{
	size_t i = reading->n_blocks++;

	assert(i < reading->capacity);
	memcpy(reading->registers[i], reply->registers, read->count * sizeof *reply->registers);
	reading->blocks[i] = (struct decode_block){
		.function = read->function,
		.address = read->address,
		.count = read->count,
		.registers = reading->registers[i],
	};
}

void reading_failure_code(const struct reading *reading, char code[READING_CODE_MAX])
{
	static const char *const names[BUS_N_OUTCOMES] = {
		[BUS_OK] = "no_value",         [BUS_TIMEOUT] = "timeout",
		[BUS_EXCEPTION] = "exception", [BUS_CRC] = "crc",
		[BUS_GARBLED] = "garbled",     [BUS_WRONG_UNIT] = "wrong_unit",
		[BUS_LINK_DOWN] = "link_down",
	};

	if (reading->failure == BUS_EXCEPTION)
		(void)snprintf(code, READING_CODE_MAX, "exception_%d", reading->exception);
	else if (reading->failure == BUS_OK && reading->n_implausible > 0)
		(void)snprintf(code, READING_CODE_MAX, "implausible");
	else
		(void)snprintf(code, READING_CODE_MAX, "%s", names[reading->failure]);
}

static struct decode_input input_of(const struct reading *reading, const struct sweep *sweep,
				    const struct decode_value *kept)
{
	return (struct decode_input){
		.profile = sweep->profile,
		.blocks = reading->blocks,
		.n_blocks = reading->n_blocks,
		.kept = kept,
		.n_kept = kept != NULL ? sweep->n_kept : 0,
	};
}

void reading_value(const struct reading *reading, const struct sweep *sweep,
		   const struct decode_value *kept, size_t point, struct decode_value *out)
{
	struct decode_input input = input_of(reading, sweep, kept);

	decode_point(&input, point, out);
}

static bool find_ratio(const struct agent_meter *meter, const char *name, struct decimal *value)
{
	for (size_t i = 0; i < meter->n_ratios; i++)
		if (strcmp(meter->ratios[i].name, name) == 0) {
			*value = meter->ratios[i].value;
			return true;
		}
	return false;
}

void reading_renew_kept(const struct reading *reading, const struct agent_meter *meter,
			const struct sweep *sweep, struct decode_value *kept)
{
	for (size_t i = 0; i < sweep->n_kept; i++) {
		const struct profile_point *point = &sweep->profile->points[i];
		struct decode_value value;

		if (find_ratio(meter, point->name, &kept[i].number)) {
			kept[i].kind = DECODE_NUMBER;
			continue;
		}
		if (point->refresh_ms == 0)
			continue;
		reading_value(reading, sweep, NULL, i, &value);
		if (value.kind != DECODE_MISSING)
			kept[i] = value;
	}
}

/* The point's wire name and value, pulses already turned into what they mean. */
static void value_of(const struct decode_input *input, const struct agent_meter *meter,
		     size_t index, char name[NAME_MAX_BYTES], struct decode_value *value)
{
	const struct profile_point *point = &input->profile->points[index];

	decode_point(input, index, value);
	if (point->is_pulse && meter->pulse.is_set) {
		(void)snprintf(name, NAME_MAX_BYTES, "%s", meter->pulse.quantity);
		value->number =
			decode_pulses(value->number, meter->pulse.volume, meter->pulse.index);
		return;
	}
	(void)snprintf(name, NAME_MAX_BYTES, "%s%s", point->name, value->suffix);
}

static uint64_t mix(uint64_t digest, const char *text)
{
	return fnv_add(digest, text, strlen(text));
}

static size_t write_texts(const struct decode_input *input, const struct agent_meter *meter,
			  const struct sweep *sweep, uint64_t *texts, struct buf *out,
			  int64_t time_ms)
{
	uint64_t digest = FNV_START;
	size_t start = out->len, n = 0;

	for (size_t i = 0; i < sweep->n_points; i++) {
		struct decode_value value;
		char name[NAME_MAX_BYTES];

		value_of(input, meter, sweep->points[i], name, &value);
		if (value.kind != DECODE_TEXT)
			continue;
		if (n++ == 0)
			telemetry_begin_info(out, meter->id);
		telemetry_add_string(out, name, value.text);
		digest = mix(mix(digest, name), value.text);
	}
	if (n == 0)
		return 0;
	if (digest == *texts) { /* nothing new: the line goes again */
		buf_cut(out, start);
		return 0;
	}
	*texts = digest;
	telemetry_end_line(out, time_ms);
	return 1;
}

static void note_implausible(struct reading *reading, const struct profile_point *point,
			     struct decimal value)
{
	if (reading->n_implausible++ > 0)
		return;
	reading->implausible = point;
	reading->implausible_value = value;
}

size_t reading_write_lines(struct reading *reading, const struct agent_meter *meter,
			   const struct sweep *sweep, const struct decode_value *kept,
			   uint64_t *texts, struct buf *out)
{
	struct decode_input input = input_of(reading, sweep, kept);
	size_t n = 0, n_texts = 0;

	for (size_t i = 0; i < sweep->n_points; i++) {
		struct decode_value value;
		char name[NAME_MAX_BYTES], number[DECODE_TEXT_MAX];

		value_of(&input, meter, sweep->points[i], name, &value);
		n_texts += value.kind == DECODE_TEXT;
		if (value.kind == DECODE_IMPLAUSIBLE)
			note_implausible(reading, &sweep->profile->points[sweep->points[i]],
					 value.number);
		if (value.kind != DECODE_NUMBER)
			continue;
		if (n++ == 0)
			telemetry_begin_reading(out, meter->id);
		telemetry_add_number(out, name, number, decimal_print(value.number, number));
	}
	if (n > 0)
		telemetry_end_line(out, reading->time_ms);
	n = n > 0;
	return n_texts == 0 ? n
			    : n + write_texts(&input, meter, sweep, texts, out, reading->time_ms);
}

static void write_json_values(const struct decode_input *input, const struct agent_meter *meter,
			      const struct sweep *sweep, struct json_writer *json)
{
	for (size_t i = 0; i < sweep->n_points; i++) {
		struct decode_value value;
		char name[NAME_MAX_BYTES], number[DECODE_TEXT_MAX];

		value_of(input, meter, sweep->points[i], name, &value);
		switch (value.kind) {
		case DECODE_NUMBER:
			json_add_number(json, name, number, decimal_print(value.number, number));
			break;
		case DECODE_TEXT:
			json_add_string(json, name, value.text);
			break;
		case DECODE_ABSENT:
		case DECODE_IMPLAUSIBLE:
		case DECODE_MISSING:
			json_add_null(json, name);
			break;
		}
	}
}

static void write_json_implausible(const struct decode_input *input,
				   const struct agent_meter *meter, const struct sweep *sweep,
				   struct json_writer *json)
{
	for (size_t i = 0; i < sweep->n_points; i++) {
		struct decode_value value;
		char name[NAME_MAX_BYTES], number[DECODE_TEXT_MAX];

		value_of(input, meter, sweep->points[i], name, &value);
		if (value.kind == DECODE_IMPLAUSIBLE)
			json_add_number(json, name, number, decimal_print(value.number, number));
	}
}

void reading_write_json(const struct reading *reading, const struct agent_meter *meter,
			const struct sweep *sweep, const struct decode_value *kept, struct buf *out)
{
	struct decode_input input = input_of(reading, sweep, kept);
	struct json_writer json = {.out = out};
	char at[CIVIL_TEXT_MAX];

	json_begin_object(&json, NULL);
	json_add_string(&json, "meter", meter->id);
	json_add_string_n(&json, "at", at, civil_print_time(reading->time_ms, 0, at));
	json_begin_object(&json, "values");
	write_json_values(&input, meter, sweep, &json);
	json_end_object(&json);
	json_begin_object(&json, "implausible");
	write_json_implausible(&input, meter, sweep, &json);
	json_end_object(&json);
	json_begin_array(&json, "registers");
	for (size_t i = 0; i < reading->n_blocks; i++) {
		json_begin_object(&json, NULL);
		json_add_int(&json, "function", reading->blocks[i].function);
		json_add_int(&json, "address", reading->blocks[i].address + reading->base);
		json_begin_array(&json, "values");
		for (size_t k = 0; k < reading->blocks[i].count; k++)
			json_add_int(&json, NULL, reading->blocks[i].registers[k]);
		json_end_array(&json);
		json_end_object(&json);
	}
	json_end_array(&json);
	json_end_object(&json);
}
