/* SPDX-License-Identifier: Apache-2.0 */
/* The writing half of telemetry.h. */
#include <assert.h>
#include <string.h>

#include "common/quantity.h"
#include "common/telemetry.h"
#include "common/utf8.h"

static void add_integer(struct buf *buf, const char *word, int64_t value)
{
	buf_add_text(buf, word);
	buf_add_int(buf, value);
	buf_add_char(buf, 'i');
}

static void end_line(struct buf *buf, int64_t time_ms)
{
	buf_add_char(buf, ' ');
	buf_add_int(buf, time_ms);
	buf_add_char(buf, '\n');
}

void telemetry_write_header(struct buf *buf, const struct telemetry_header *header)
{
	assert(telemetry_agent_id_is_valid(header->agent, strlen(header->agent)));
	buf_add_text(buf, "batch,agent=");
	buf_add_text(buf, header->agent);
	add_integer(buf, " epoch=", header->epoch);
	add_integer(buf, ",seq=", header->seq);
	add_integer(buf, ",oldest=", header->oldest);
	add_integer(buf, ",lines=", header->lines);
	end_line(buf, header->time_ms);
}

/* The blank at the end tells add_name that no field was written yet: no field ends in one. */
static void begin_line(struct buf *buf, const char *measurement, const char *meter)
{
	assert(telemetry_id_is_valid(meter, strlen(meter)));
	buf_add_text(buf, measurement);
	buf_add_text(buf, ",meter=");
	buf_add_text(buf, meter);
	buf_add_char(buf, ' ');
}

static void add_name(struct buf *buf, const char *name)
{
	assert(quantity_name_is_valid(name, strlen(name)));
	if (buf->data[buf->len - 1] != ' ')
		buf_add_char(buf, ',');
	buf_add_text(buf, name);
	buf_add_char(buf, '=');
}

void telemetry_begin_reading(struct buf *buf, const char *meter)
{
	begin_line(buf, "reading", meter);
}

void telemetry_begin_info(struct buf *buf, const char *meter)
{
	begin_line(buf, "info", meter);
}

void telemetry_add_number(struct buf *buf, const char *name, const char *number, size_t len)
{
	assert(len > 0);
	add_name(buf, name);
	buf_add(buf, number, len);
}

void telemetry_add_integer(struct buf *buf, const char *name, int64_t value)
{
	add_name(buf, name);
	buf_add_int(buf, value);
	buf_add_char(buf, 'i');
}

void telemetry_add_string(struct buf *buf, const char *name, const char *text)
{
	const char *end = text + strlen(text);

	add_name(buf, name);
	buf_add_char(buf, '"');
	while (text < end) {
		size_t n = utf8_character(text, (size_t)(end - text));

		if (n == 0 || (n == 1 && (*text < ' ' || *text == 0x7f))) {
			buf_add_char(buf, '?');
			text++;
			continue;
		}
		if (*text == '"' || *text == '\\')
			buf_add_char(buf, '\\');
		buf_add(buf, text, n);
		text += n;
	}
	buf_add_char(buf, '"');
}

void telemetry_end_line(struct buf *buf, int64_t time_ms)
{
	assert(buf->data[buf->len - 1] != ' ');
	end_line(buf, time_ms);
}

void telemetry_write_fault(struct buf *buf, const char *meter, const char *code, int attempts,
			   int64_t time_ms)
{
	begin_line(buf, "fault", meter);
	telemetry_add_string(buf, "code", code);
	telemetry_add_integer(buf, "attempts", attempts);
	end_line(buf, time_ms);
}

void telemetry_write_gap(struct buf *buf, int64_t from_ms, int64_t to_ms, int64_t batches,
			 int64_t time_ms)
{
	add_integer(buf, "gap from=", from_ms);
	add_integer(buf, ",to=", to_ms);
	add_integer(buf, ",batches=", batches);
	end_line(buf, time_ms);
}

void telemetry_unescape(struct slice value, struct buf *out)
{
	for (size_t i = 0; i < value.len; i++) {
		if (value.at[i] == '\\' && i + 1 < value.len)
			i++;
		buf_add_char(out, value.at[i]);
	}
}
