/* SPDX-License-Identifier: Apache-2.0 */
#include "server/tsdb/tsdb_format.h"

#include <string.h>

#include "common/decimal.h"

static bool needs_escape(char c)
{
	return c == ',' || c == '=' || c == ' ' || c == '\\' || c == '\n' || c == '\r' || c == '\t';
}

void tsdb_format_tag(struct buf *out, const char *text)
{
	while (*text) {
		size_t n = 0;

		while (text[n] && !needs_escape(text[n]))
			n++;
		buf_add(out, text, n);
		text += n;
		if (!*text)
			return;
		buf_add_char(out, '\\');
		buf_add_char(out, *text == '\n' || *text == '\r' || *text == '\t' ? ' ' : *text);
		text++;
	}
}

void tsdb_format_add_tag(struct buf *out, const char *name, const char *value)
{
	if (!value || *value == '\0')
		return;
	buf_add_char(out, ',');
	buf_add_text(out, name);
	buf_add_char(out, '=');
	tsdb_format_tag(out, value);
}

static void add_series(struct buf *out, const struct registry *registry, uint32_t index)
{
	const struct registry_meter *meter = &registry->meters[index];
	const struct registry_institution *institution =
		&registry->institutions[meter->institution];

	buf_add(out, "reading", 7);
	tsdb_format_add_tag(out, "region", registry->regions->regions[institution->region].code);
	tsdb_format_add_tag(out, "institution", institution->id);
	if (meter->building != REGISTRY_NONE)
		tsdb_format_add_tag(out, "building", institution->buildings[meter->building].id);
	tsdb_format_add_tag(out, "meter", meter->id);
	tsdb_format_add_tag(out, "carrier", carrier_name(meter->carrier));
	buf_add_char(out, ' ');
}

/* The number as written, or its primary value. One that does not fit stays as written. */
static void add_value(struct buf *out, struct slice value, const struct meter_life *life)
{
	char text[DECIMAL_TEXT_MAX];
	int64_t micro;

	if (!life || life->ratio_num == life->ratio_den ||
	    decimal_parse_micro(value.at, value.len, &micro) < 0) {
		buf_add(out, value.at, value.len);
		return;
	}
	micro = scale_int64(micro, life->ratio_num, life->ratio_den);
	buf_add(out, text, decimal_print_micro(micro, text));
}

static void end_line(struct buf *out, const struct meter_life *life, int64_t time_ms)
{
	char text[DECIMAL_TEXT_MAX];

	if (life) {
		buf_add(out, ",ratio=", 7);
		buf_add(out, text,
			decimal_print_micro(scale_int64(MICRO, life->ratio_num, life->ratio_den),
					    text));
	}
	buf_add_char(out, ' ');
	buf_add_int(out, time_ms);
	buf_add_char(out, '\n');
}

/* The fields as they stand in the line: one run of bytes. */
static void add_fields_as_written(struct buf *out, const struct telemetry_line *line)
{
	const struct telemetry_field *last = &line->fields[line->n_fields - 1];
	const char *start = line->fields[0].name.at;

	buf_add(out, start, (size_t)(last->value.at + last->value.len - start));
}

static void add_fields(struct buf *out, const struct device *device,
		       const struct telemetry_line *line, const uint16_t *quantities,
		       uint32_t meter, const struct meter_life *life)
{
	const char *comma = "";

	for (size_t i = 0; i < line->n_fields; i++) {
		const struct device_quantity *quantity = &device->quantities[quantities[i]];

		if (quantity->meter != meter)
			continue;
		buf_add_text(out, comma);
		buf_add(out, line->fields[i].name.at, line->fields[i].name.len);
		buf_add_char(out, '=');
		add_value(out, line->fields[i].value, quantity->is_scaled ? life : NULL);
		comma = ",";
	}
}

static bool has_fields(const struct device *device, size_t n, const uint16_t *quantities,
		       uint32_t meter)
{
	for (size_t i = 0; i < n; i++)
		if (device->quantities[quantities[i]].meter == meter)
			return true;
	return false;
}

size_t tsdb_format_reading(const struct devices *devices, const struct device *device,
			   const struct telemetry_line *line, const uint16_t *quantities,
			   struct buf *out, struct tsdb_line *out_lines)
{
	const struct registry *registry = devices_registry(devices);
	size_t n = 0;

	for (uint32_t i = device->first; i < device->first + device->n_meters; i++) {
		uint32_t meter = registry->by_device[i];
		const struct meter_life *life =
			registry_life_at(&registry->meters[meter], line->time_ms);
		size_t start = out->len;

		if (n == TSDB_LINES_PER_READING ||
		    !has_fields(device, line->n_fields, quantities, meter))
			continue;
		add_series(out, registry, meter);
		if (device->n_meters == 1 && (!life || life->ratio_num == life->ratio_den))
			add_fields_as_written(out, line);
		else
			add_fields(out, device, line, quantities, meter, life);
		end_line(out, life, line->time_ms);
		out_lines[n++] = (struct tsdb_line){meter, (uint32_t)(out->len - start), start};
	}
	return n;
}
