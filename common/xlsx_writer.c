/* SPDX-License-Identifier: Apache-2.0 */
#include "common/xlsx_writer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xlsxwriter.h>

#include "common/decimal.h"
#include "common/file.h"
#include "common/mem.h"
#include "common/utf8.h"

enum { PAPER_A4 = 9, DECIMALS_MAX = 6, NAME_MAX_CHARACTERS = 31, N_STYLES = XLSX_INPUT + 1 };
enum { PAGE_WIDTH = 220 }; /* halves of a character across a page that can still be read */

struct xlsx_writer {
	char path[32]; /* the library writes files only */
	lxw_workbook *book;
	lxw_worksheet *sheet;
	lxw_format *title, *wide_title, *fact, *heading, *note, *texts[N_STYLES];
	lxw_format *numbers[N_STYLES][DECIMALS_MAX + 1];
	lxw_row_t row;
	lxw_col_t column, n_columns;
	bool is_wide; /* the sheet is printed on several pages beside each other */
};

static lxw_format *format_of(struct xlsx_writer *xlsx, bool is_bold, bool has_border)
{
	lxw_format *format = workbook_add_format(xlsx->book);

	format_set_font_name(format, "宋体");
	format_set_font_size(format, 11);
	format_set_align(format, LXW_ALIGN_VERTICAL_CENTER);
	if (is_bold)
		format_set_bold(format);
	if (has_border)
		format_set_border(format, LXW_BORDER_THIN);
	return format;
}

static lxw_format *cell_format(struct xlsx_writer *xlsx, enum xlsx_style style)
{
	lxw_format *format = format_of(xlsx, style == XLSX_BOLD, true);

	if (style == XLSX_INPUT)
		format_set_bg_color(format, 0xFFF8DC);
	return format;
}

static void make_formats(struct xlsx_writer *xlsx)
{
	static const char *const patterns[DECIMALS_MAX + 1] = {
		"#,##0",      "#,##0.0",     "#,##0.00",    "#,##0.000",
		"#,##0.0000", "#,##0.00000", "#,##0.000000"};

	xlsx->title = format_of(xlsx, true, false);
	format_set_font_size(xlsx->title, 16);
	format_set_align(xlsx->title, LXW_ALIGN_CENTER);
	xlsx->wide_title = format_of(xlsx, true, false);
	format_set_font_size(xlsx->wide_title, 16);
	xlsx->fact = format_of(xlsx, false, false);
	xlsx->note = format_of(xlsx, false, false);
	format_set_text_wrap(xlsx->note);
	xlsx->heading = format_of(xlsx, true, true);
	format_set_text_wrap(xlsx->heading);
	format_set_align(xlsx->heading, LXW_ALIGN_CENTER);
	format_set_bg_color(xlsx->heading, 0xE8EEF4);
	for (int style = 0; style < N_STYLES; style++) {
		xlsx->texts[style] = cell_format(xlsx, (enum xlsx_style)style);
		format_set_text_wrap(xlsx->texts[style]);
		for (int i = 0; i <= DECIMALS_MAX; i++) {
			xlsx->numbers[style][i] = cell_format(xlsx, (enum xlsx_style)style);
			format_set_num_format(xlsx->numbers[style][i], patterns[i]);
		}
	}
}

int xlsx_create(struct xlsx_writer **out, const char *title, int64_t date_s, struct err *err)
{
	struct xlsx_writer *xlsx = xcalloc(1, sizeof *xlsx);
	char *text = xstrdup(title);
	lxw_doc_properties properties = {.title = text, .created = (time_t)date_s};
	int fd;

	memcpy(xlsx->path, "/tmp/nenghao-XXXXXX", sizeof "/tmp/nenghao-XXXXXX");
	fd = mkstemp(xlsx->path);
	if (fd < 0) {
		free(text);
		free(xlsx);
		return err_set(err, -errno, "a temporary file: %s", err_name(-errno));
	}
	(void)close(fd); /* only its name is wanted */
	xlsx->book = workbook_new(xlsx->path);
	workbook_set_properties(xlsx->book, &properties);
	free(text);
	make_formats(xlsx);
	*out = xlsx;
	return 0;
}

/* What a tab may be called. */
static void clean_name(const char *name, char out[NAME_MAX_CHARACTERS * 4 + 1])
{
	size_t n = 0, len = strlen(name);

	for (size_t at = 0, i = 0; at < len && i < NAME_MAX_CHARACTERS; i++) {
		size_t bytes = utf8_character(name + at, len - at);

		if (bytes == 0)
			break;
		memcpy(out + n, name + at, bytes);
		if (strchr("[]:*?/\\'", name[at]) != NULL)
			out[n] = '_';
		n += bytes;
		at += bytes;
	}
	out[n] = '\0';
}

/* Halves of a Chinese character that a text takes, which is what columns are measured in. */
static int text_width(const char *text, size_t len)
{
	int width = 0;

	for (size_t at = 0, bytes; at < len; at += bytes) {
		bytes = utf8_character(text + at, len - at);
		if (bytes == 0)
			bytes = 1;
		width += bytes > 2 ? 2 : 1;
	}
	return width;
}

/* Lines of the heading in a column of its width. Half a character is lost where a line breaks. */
static int heading_lines(const struct xlsx_column *column)
{
	int room = column->width > 2 ? column->width - 1 : 1, lines = 0;

	for (const char *at = column->heading; at != NULL;) {
		const char *end = strchr(at, '\n');
		int width = text_width(at, end != NULL ? (size_t)(end - at) : strlen(at));

		lines += width > room ? (width + room - 1) / room : 1;
		at = end != NULL ? end + 1 : NULL;
	}
	return lines;
}

static void set_heading_height(struct xlsx_writer *xlsx, const struct xlsx_sheet *sheet,
			       lxw_row_t row)
{
	int lines = 1;

	for (size_t i = 0; i < sheet->n_columns; i++)
		if (heading_lines(&sheet->columns[i]) > lines)
			lines = heading_lines(&sheet->columns[i]);
	worksheet_set_row(xlsx->sheet, row, 15.0 * lines + 3, NULL);
}

/* Pages beside each other: what does not fit onto one in letters that can be read. */
static int pages_wide(const struct xlsx_sheet *sheet)
{
	int width = 0;

	for (size_t i = 0; i < sheet->n_columns; i++)
		width += sheet->columns[i].width;
	return (width + PAGE_WIDTH - 1) / PAGE_WIDTH;
}

static void set_up_print(struct xlsx_writer *xlsx, const struct xlsx_sheet *sheet,
			 lxw_row_t heading)
{
	lxw_worksheet *page = xlsx->sheet;

	worksheet_set_paper(page, PAPER_A4);
	if (sheet->is_landscape)
		worksheet_set_landscape(page);
	worksheet_fit_to_pages(page, (uint16_t)pages_wide(sheet), 0);
	if (pages_wide(sheet) > 1 && sheet->n_fixed > 0)
		worksheet_repeat_columns(page, 0, (lxw_col_t)(sheet->n_fixed - 1));
	worksheet_center_horizontally(page);
	worksheet_set_margins(page, 0.5, 0.5, 0.7, 0.7);
	worksheet_set_footer(page, "&C第 &P 页 共 &N 页");
	worksheet_repeat_rows(page, 0, heading);
	worksheet_freeze_panes(page, heading + 1, (lxw_col_t)sheet->n_fixed);
}

static void write_facts(struct xlsx_writer *xlsx, const char *const *facts)
{
	lxw_col_t column = 0;

	for (; facts != NULL && *facts != NULL; facts++)
		worksheet_write_string(xlsx->sheet, 1, column++, *facts, xlsx->fact);
}

/* One cell alone cannot be merged; a line across two pages would be cut. */
static void write_across(struct xlsx_writer *xlsx, lxw_row_t row, const char *text,
			 lxw_format *format)
{
	if (xlsx->n_columns > 1 && !xlsx->is_wide)
		worksheet_merge_range(xlsx->sheet, row, 0, row, (lxw_col_t)(xlsx->n_columns - 1),
				      text, format);
	else
		worksheet_write_string(xlsx->sheet, row, 0, text, format);
}

void xlsx_begin_sheet(struct xlsx_writer *xlsx, const struct xlsx_sheet *sheet)
{
	enum { HEADING_ROW = 2 };
	char name[NAME_MAX_CHARACTERS * 4 + 1];

	clean_name(sheet->name, name);
	/* A name that stands twice: the library finds one. */
	xlsx->sheet = workbook_add_worksheet(
		xlsx->book, workbook_get_worksheet_by_name(xlsx->book, name) == NULL ? name : NULL);
	xlsx->n_columns = (lxw_col_t)sheet->n_columns;
	xlsx->is_wide = pages_wide(sheet) > 1;
	write_across(xlsx, 0, sheet->title, xlsx->is_wide ? xlsx->wide_title : xlsx->title);
	worksheet_set_row(xlsx->sheet, 0, 28, NULL);
	write_facts(xlsx, sheet->facts);
	for (size_t i = 0; i < sheet->n_columns; i++) {
		worksheet_set_column(xlsx->sheet, (lxw_col_t)i, (lxw_col_t)i,
				     sheet->columns[i].width, NULL);
		worksheet_write_string(xlsx->sheet, HEADING_ROW, (lxw_col_t)i,
				       sheet->columns[i].heading, xlsx->heading);
	}
	set_heading_height(xlsx, sheet, HEADING_ROW);
	set_up_print(xlsx, sheet, HEADING_ROW);
	xlsx->row = HEADING_ROW + 1;
	xlsx->column = 0;
}

void xlsx_add_text(struct xlsx_writer *xlsx, const char *text, enum xlsx_style style)
{
	if (text == NULL || text[0] == '\0')
		worksheet_write_blank(xlsx->sheet, xlsx->row, xlsx->column, xlsx->texts[style]);
	else
		worksheet_write_string(xlsx->sheet, xlsx->row, xlsx->column, text,
				       xlsx->texts[style]);
	xlsx->column++;
}

void xlsx_add_number(struct xlsx_writer *xlsx, int64_t micro, int decimals, enum xlsx_style style)
{
	struct decimal number = {micro, -6};

	worksheet_write_number(
		xlsx->sheet, xlsx->row, xlsx->column, decimal_to_double(number),
		xlsx->numbers[style][decimals < DECIMALS_MAX ? decimals : DECIMALS_MAX]);
	xlsx->column++;
}

void xlsx_end_row(struct xlsx_writer *xlsx)
{
	xlsx->row++;
	xlsx->column = 0;
}

void xlsx_add_note(struct xlsx_writer *xlsx, const char *text)
{
	write_across(xlsx, xlsx->row, text, xlsx->is_wide ? xlsx->fact : xlsx->note);
	worksheet_set_row(xlsx->sheet, xlsx->row, 22, NULL);
	xlsx_end_row(xlsx);
}

int xlsx_finish(struct xlsx_writer *xlsx, struct buf *out, struct err *err)
{
	lxw_error failed = workbook_close(xlsx->book);
	int rc = 0;

	if (failed != LXW_NO_ERROR)
		rc = err_set(err, -EIO, "the workbook could not be written: %s",
			     lxw_strerror(failed));
	else if (out != NULL && (rc = file_read(xlsx->path, SIZE_MAX, out)) < 0)
		(void)err_set(err, rc, "%s: %s", xlsx->path, err_name(rc));
	(void)unlink(xlsx->path); /* a temporary one */
	free(xlsx);
	return rc;
}
