/* SPDX-License-Identifier: Apache-2.0 */
#include "common/csv_writer.h"

#include <math.h>
#include <string.h>

#include "common/decimal.h"

static void begin_cell(struct csv_writer *csv)
{
	if (csv->has_cells)
		buf_add_char(csv->out, ',');
	csv->has_cells = true;
}

/* "-12", "+0.5": digits with at most one point between them. */
static bool is_number(const char *text)
{
	size_t len;

	if (*text == '+' || *text == '-')
		text++;
	len = strspn(text, "0123456789");
	if (len == 0)
		return false;
	text += len;
	if (*text == '.') {
		len = strspn(text + 1, "0123456789");
		if (len == 0)
			return false;
		text += 1 + len;
	}
	return *text == '\0';
}

void csv_add_text(struct csv_writer *csv, const char *text)
{
	bool is_formula, is_quoted;

	begin_cell(csv);
	if (text == NULL || *text == '\0')
		return;
	is_formula = strchr("=+-@\t\r", *text) != NULL && !is_number(text);
	is_quoted = strpbrk(text, ",\"\r\n") != NULL;
	if (is_quoted)
		buf_add_char(csv->out, '"');
	if (is_formula)
		buf_add_char(csv->out, '\'');
	for (; *text != '\0'; text++) {
		if (*text == '"')
			buf_add_char(csv->out, '"');
		buf_add_char(csv->out, *text);
	}
	if (is_quoted)
		buf_add_char(csv->out, '"');
}

void csv_add_int(struct csv_writer *csv, int64_t value)
{
	begin_cell(csv);
	buf_add_int(csv->out, value);
}

void csv_add_micro(struct csv_writer *csv, int64_t micro)
{
	char text[DECIMAL_TEXT_MAX];
	size_t len = decimal_print_micro(micro, text);

	begin_cell(csv);
	buf_add(csv->out, text, len);
}

void csv_add_real(struct csv_writer *csv, double value, int decimals)
{
	struct buf *out = csv->out;
	size_t start;

	begin_cell(csv);
	if (!isfinite(value))
		return;
	start = out->len;
	buf_printf(out, "%.*f", decimals, value);
	if (memchr(out->data + start, '.', out->len - start) == NULL)
		return;
	while (out->data[out->len - 1] == '0')
		out->len--;
	if (out->data[out->len - 1] == '.')
		out->len--;
	out->data[out->len] = '\0';
}

void csv_end_row(struct csv_writer *csv)
{
	buf_add_text(csv->out, "\r\n");
	csv->has_cells = false;
}
