/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/poll/identify.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/phrase.h"

enum {
	MODELS_MAX = 100, /* a chain that is longer goes round in a circle */
	END_MODEL = 0xFFFF,
	HEADER = 2,         /* registers: the model's id and its length without these two */
	MARK_HIGH = 0x5375, /* "SunS" */
	MARK_LOW = 0x6E53,
};

/* ---- SunSpec: a mark, then models one behind another ---- */

/* True if two registers came; silence and refusal are told apart by reading->failure. */
static bool read_pair(struct ask_line *line, struct ask_meter *meter, uint32_t address,
		      struct reading *reading, const uint16_t **pair)
{
	struct plan_span read = {3, true, (uint16_t)address, HEADER};

	if (ask_meter_read(line, meter, &read, reading) != BUS_OK)
		return false;
	*pair = reading->registers[0];
	return true;
}

static bool is_wanted(const struct profile *profile, uint16_t id)
{
	for (size_t i = 0; i < profile->n_models; i++)
		if (profile->models[i] == id)
			return true;
	return false;
}

/* Was the last request refused, so that there are other places to look at? */
static bool is_refused(const struct reading *reading)
{
	return reading->failure == BUS_EXCEPTION;
}

static enum identity walk(struct ask_line *line, struct ask_meter *meter, uint32_t address,
			  struct reading *reading, struct err *err)
{
	const uint16_t *header;

	for (int i = 0; i < MODELS_MAX && address + HEADER <= UINT16_MAX; i++) {
		if (!read_pair(line, meter, address, reading, &header)) {
			if (!is_refused(reading))
				return IDENTITY_SILENT;
			break;
		}
		if (is_wanted(meter->config->profile, header[0])) {
			meter->base = address;
			return IDENTITY_RIGHT;
		}
		if (header[0] == END_MODEL)
			break;
		address += HEADER + (uint32_t)header[1];
	}
	(void)err_set(err, -ENOENT, "its SunSpec models end at %u without one of profile %s",
		      address, meter->config->profile->id);
	return IDENTITY_WRONG_DEVICE;
}

static enum identity find_base(struct ask_line *line, struct ask_meter *meter,
			       struct reading *reading, struct err *err)
{
	static const uint16_t places[] = {40000, 0, 50000};
	const uint16_t *mark;

	meter->base = 0;
	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		if (!read_pair(line, meter, places[i], reading, &mark)) {
			if (!is_refused(reading))
				return IDENTITY_SILENT;
			continue;
		}
		if (mark[0] == MARK_HIGH && mark[1] == MARK_LOW)
			return walk(line, meter, places[i] + 2U, reading, err);
	}
	(void)err_set(err, -ENOENT, "it has no SunSpec map at 40000, 0 or 50000");
	return IDENTITY_WRONG_DEVICE;
}

static enum identity check_model(struct ask_line *line, struct ask_meter *meter,
				 struct reading *reading, struct err *err)
{
	const struct agent_meter *config = meter->config;
	const uint16_t *header;
	bool is_known = !config->is_base_auto || meter->base != 0;

	if (is_known) {
		if (read_pair(line, meter, 0, reading, &header) &&
		    is_wanted(config->profile, header[0]))
			return IDENTITY_RIGHT;
		if (reading->failure != BUS_OK && !is_refused(reading))
			return IDENTITY_SILENT;
	}
	if (config->is_base_auto)
		return find_base(line, meter, reading, err);
	(void)err_set(err, -ENOENT, "no SunSpec model of profile %s begins at %d",
		      config->profile->id, (int)config->base);
	return IDENTITY_WRONG_DEVICE;
}

/* ---- values that tell the device ---- */

static void print_value(const struct decode_value *value, char text[DECODE_TEXT_MAX])
{
	if (value->kind == DECODE_NUMBER)
		(void)decimal_print(value->number, text);
	else if (value->kind == DECODE_TEXT)
		memcpy(text, value->text, DECODE_TEXT_MAX);
	else
		(void)snprintf(text, DECODE_TEXT_MAX, "nothing");
}

/* False: silence. A register that is refused is not there: text says so. */
static bool read_text(struct ask_line *line, struct ask_meter *meter, size_t point,
		      struct reading *reading, char text[DECODE_TEXT_MAX])
{
	struct decode_value value = {.kind = DECODE_MISSING};

	if (!ask_meter_point(line, meter, point, reading, &value) && !is_refused(reading))
		return false;
	print_value(&value, text);
	return true;
}

static enum identity check_code(struct ask_line *line, struct ask_meter *meter,
				const struct profile_match *expected, struct reading *reading,
				struct err *err)
{
	const struct profile *profile = meter->config->profile;
	char text[DECODE_TEXT_MAX];

	if (!read_text(line, meter, (size_t)expected->point, reading, text))
		return IDENTITY_SILENT;
	for (size_t i = 0; i < expected->n_codes; i++)
		if (strcmp(expected->codes[i], text) == 0)
			return IDENTITY_RIGHT;
	(void)err_set(err, -ENOENT, "its %s shows %s, a %s shows %s%s",
		      profile->points[expected->point].name, text, profile->model,
		      expected->codes[0], expected->n_codes > 1 ? phrase_say(" or the like") : "");
	return IDENTITY_WRONG_DEVICE;
}

static enum identity check_serial(struct ask_line *line, struct ask_meter *meter,
				  struct reading *reading, struct err *err)
{
	const struct agent_meter *config = meter->config;
	const struct profile_point *point = profile_find(config->profile, "serial_number", 0);
	char text[DECODE_TEXT_MAX];

	if (!read_text(line, meter, (size_t)(point - config->profile->points), reading, text))
		return IDENTITY_SILENT;
	if (strcmp(text, config->serial_number) == 0)
		return IDENTITY_RIGHT;
	(void)err_set(err, -ENOENT, "its serial number is %s, not %s", text, config->serial_number);
	return IDENTITY_WRONG_SERIAL;
}

enum identity identify_meter(struct ask_line *line, struct ask_meter *meter,
			     struct reading *reading, struct err *err)
{
	const struct agent_meter *config = meter->config;
	const struct profile *profile = config->profile;
	enum identity identity = IDENTITY_RIGHT;

	if (profile->n_models > 0)
		identity = check_model(line, meter, reading, err);
	for (size_t i = 0;
	     identity == IDENTITY_RIGHT && config->is_identified && i < profile->n_identities; i++)
		identity = check_code(line, meter, &profile->identities[i], reading, err);
	if (identity == IDENTITY_RIGHT && config->serial_number != NULL)
		identity = check_serial(line, meter, reading, err);
	return identity;
}

void identify_code(enum identity identity, const struct reading *reading,
		   char code[READING_CODE_MAX])
{
	switch (identity) {
	case IDENTITY_WRONG_DEVICE:
		(void)snprintf(code, READING_CODE_MAX, "wrong_device");
		break;
	case IDENTITY_WRONG_SERIAL:
		(void)snprintf(code, READING_CODE_MAX, "wrong_serial");
		break;
	case IDENTITY_RIGHT:
	case IDENTITY_SILENT:
		reading_failure_code(reading, code);
		break;
	}
}
