/* SPDX-License-Identifier: Apache-2.0 */
#include "server/figures/export_line.h"

#include <stdio.h>

#include "common/decimal.h"
#include "server/tsdb/tsdb_format.h"

void export_line_begin(struct export_line *line, struct tsdb_export *out, const char *measurement)
{
	*line = (struct export_line){.out = out, .start = out->lines.len};
	buf_add_text(&out->lines, measurement);
}

void export_line_tag(struct export_line *line, const char *name, const char *value)
{
	tsdb_format_add_tag(&line->out->lines, name, value);
}

static void begin_field(struct export_line *line, const char *name)
{
	buf_add_char(&line->out->lines, line->n_fields++ == 0 ? ' ' : ',');
	buf_add_text(&line->out->lines, name);
	buf_add_char(&line->out->lines, '=');
}

void export_line_micro(struct export_line *line, const char *name, int64_t micro)
{
	char text[DECIMAL_TEXT_MAX];
	size_t len = decimal_print_micro(micro, text);

	begin_field(line, name);
	buf_add(&line->out->lines, text, len);
}

void export_line_int(struct export_line *line, const char *name, int64_t value)
{
	begin_field(line, name);
	buf_add_int(&line->out->lines, value);
	buf_add_char(&line->out->lines, 'i');
}

void export_line_number(struct export_line *line, const char *name, double value)
{
	begin_field(line, name);
	buf_printf(&line->out->lines, "%.15g", value);
}

void export_line_text(struct export_line *line, const char *name, const char *text)
{
	struct buf *lines = &line->out->lines;

	if (text == NULL)
		return;
	begin_field(line, name);
	buf_add_char(lines, '"');
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			buf_add_char(lines, '\\');
		buf_add_char(lines, (unsigned char)*text < ' ' ? ' ' : *text);
	}
	buf_add_char(lines, '"');
}

static void add_kpi(struct export_line *line, const char *name, const struct kpi_value *kpi)
{
	char part[96];

	export_line_micro(line, name, kpi->value);
	if (kpi->has_previous) {
		(void)snprintf(part, sizeof part, "%s_previous", name);
		export_line_micro(line, part, kpi->previous);
	}
	if (kpi->has_change) {
		(void)snprintf(part, sizeof part, "%s_change", name);
		export_line_micro(line, part, kpi->change);
	}
	if (kpi->has_coverage) {
		(void)snprintf(part, sizeof part, "%s_coverage", name);
		export_line_micro(line, part, kpi->coverage);
	}
}

void export_line_kpis(struct export_line *line, const struct kpi_value kpis[N_KPIS])
{
	for (int i = 0; i < N_KPIS; i++)
		if (kpis[i].applies && kpis[i].has_value)
			add_kpi(line, kpi_name((enum kpi)i), &kpis[i]);
}

bool export_line_is_withheld(const struct kpi_value kpis[N_KPIS])
{
	for (int i = 0; i < N_KPIS; i++)
		if (kpis[i].applies && !kpis[i].has_value)
			return true;
	return false;
}

void export_line_end(struct export_line *line, int64_t time_ms)
{
	struct buf *lines = &line->out->lines;

	if (line->n_fields == 0) {
		lines->len = line->start;
		return;
	}
	buf_add_char(lines, ' ');
	buf_add_int(lines, time_ms);
	buf_add_char(lines, '\n');
	line->out->n_lines++;
}
