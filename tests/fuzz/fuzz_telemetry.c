/* SPDX-License-Identifier: Apache-2.0 */
/* Properties: slices lie inside of the payload; every line is told once; a line that is accepted
 * is, written again from its parts, the same bytes; each refusal has words and a reason. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/decimal.h"
#include "common/mem.h"
#include "common/telemetry.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const starts[] = {
	[TELEMETRY_READING] = "reading,meter=",
	[TELEMETRY_FAULT] = "fault,meter=",
	[TELEMETRY_INFO] = "info,meter=",
	[TELEMETRY_GAP] = "gap",
};

static bool is_inside(struct slice part, struct slice whole)
{
	return part.at >= whole.at && part.at + part.len <= whole.at + whole.len;
}

static void write_fields(const struct telemetry_line *line, struct buf *out)
{
	for (size_t i = 0; i < line->n_fields; i++) {
		const struct telemetry_field *field = &line->fields[i];

		assert(is_inside(field->name, line->text) && is_inside(field->value, line->text));
		for (size_t k = 0; k < i; k++)
			assert(line->fields[k].name.len != field->name.len ||
			       memcmp(line->fields[k].name.at, field->name.at, field->name.len) !=
				       0);
		buf_add_char(out, i == 0 ? ' ' : ',');
		buf_add(out, field->name.at, field->name.len);
		buf_add_text(out, field->is_string ? "=\"" : "=");
		buf_add(out, field->value.at, field->value.len);
		buf_add_text(out, field->is_string ? "\"" : field->is_integer ? "i" : "");
	}
}

static void check_numbers(const struct telemetry_line *line)
{
	for (size_t i = 0; i < line->n_fields; i++) {
		const struct telemetry_field *field = &line->fields[i];
		struct decimal d;

		assert(line->kind != TELEMETRY_READING || !(field->is_string || field->is_integer));
		if (!field->is_string)
			assert(decimal_parse(field->value.at, field->value.len, &d) == 0);
	}
}

static void check_line(const struct telemetry_line *line)
{
	struct buf out = {0};

	assert(line->n_fields >= 1 && line->n_fields <= TELEMETRY_FIELDS_MAX);
	assert(is_inside(line->meter, line->text));
	assert((line->kind == TELEMETRY_GAP) == (line->meter.len == 0));
	check_numbers(line);
	buf_add_text(&out, starts[line->kind]);
	buf_add(&out, line->meter.at, line->meter.len);
	write_fields(line, &out);
	buf_add_char(&out, ' ');
	buf_add_int(&out, line->time_ms);
	assert(out.len == line->text.len && memcmp(out.data, line->text.at, out.len) == 0);
	buf_fini(&out);
}

static void check_header(const struct telemetry_header *header, const char *payload, size_t len)
{
	struct buf out = {0};

	telemetry_write_header(&out, header);
	out.len--; /* the payload may end without the line feed */
	assert(len >= out.len && memcmp(out.data, payload, out.len) == 0);
	buf_fini(&out);
}

static void read_all(struct telemetry_reader *reader, struct slice payload)
{
	struct telemetry_line *line = xcalloc(1, sizeof *line);
	const char *expected = reader->at;
	struct err err = {""};
	int code;

	while ((code = telemetry_next(reader, line, &err)) != 0) {
		assert(is_inside(line->text, payload));
		if (code == 1) {
			check_line(line);
		} else {
			assert(reader->reason > TELEMETRY_FINE &&
			       reader->reason < TELEMETRY_REASONS);
			assert(strncmp(err.text, "line ", 5) == 0);
		}
		assert(line->text.at == expected);
		expected = reader->at;
	}
	assert(reader->at == reader->end && reader->at == payload.at + payload.len);
	assert(telemetry_next(reader, line, &err) == 0);
	free(line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice payload = {(const char *)data, size};
	struct telemetry_reader reader;
	struct telemetry_header header;
	struct err err = {""};

	if (telemetry_open(&reader, payload.at, size, &header, &err) == 0) {
		check_header(&header, payload.at, size);
		read_all(&reader, payload);
	} else {
		assert(strncmp(err.text, "line 1, byte ", 13) == 0);
	}
	telemetry_open_lines(&reader, payload.at, size);
	read_all(&reader, payload);
	return 0;
}
