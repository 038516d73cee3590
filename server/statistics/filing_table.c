/* SPDX-License-Identifier: Apache-2.0 */
/* The lines of an exported report, from a workbook or from CSV. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/charset.h"
#include "common/csv_reader.h"
#include "common/xlsx_reader.h"
#include "server/statistics/filing_import.h"

enum { LINES_MAX = 200000, TEXTS_MAX = 64 * 1024 * 1024, NO_COLUMN = -1 };

static const char *keep(struct filing_table *table, const char *text)
{
	return arena_strndup(table->arena, text, strlen(text));
}

static struct filing_line *add_line(struct filing_table *table)
{
	table->lines = grow(table->lines, table->n, &table->cap, sizeof *table->lines);
	table->lines[table->n] =
		(struct filing_line){.institution = "", .code = "", .filed = "", .remark = ""};
	return &table->lines[table->n++];
}

/* ---- workbooks ---- */

enum book_column { BOOK_CODE, BOOK_FILED, BOOK_REMARK, N_BOOK_COLUMNS };

struct book {
	struct filing_table *table;
	size_t sheet, heading_row, row;
	bool has_heading;
	int columns[N_BOOK_COLUMNS];
	const char *institution;
	int year, quarter;
	char label[16]; /* of the fact that the next cell tells */
	struct filing_line *line;
	bool is_too_large;
};

static void begin_sheet(struct book *book, size_t sheet)
{
	book->sheet = sheet;
	book->has_heading = false;
	book->institution = "";
	book->year = book->quarter = 0;
	book->label[0] = '\0';
	book->line = NULL;
	for (int i = 0; i < N_BOOK_COLUMNS; i++)
		book->columns[i] = NO_COLUMN;
}

static void take_fact(struct book *book, const struct xlsx_cell *cell)
{
	if (strcmp(book->label, "机构编号") == 0)
		book->institution = keep(book->table, cell->text);
	else if (strcmp(book->label, "年份") == 0)
		book->year = (int)strtol(cell->text, NULL, 10);
	else if (strcmp(book->label, "季度") == 0)
		book->quarter = (int)strtol(cell->text, NULL, 10); /* 全年: 0 */
	book->label[0] = '\0';
	if (strlen(cell->text) < sizeof book->label)
		memcpy(book->label, cell->text, strlen(cell->text) + 1);
}

static void take_heading(struct book *book, const struct xlsx_cell *cell)
{
	static const char *const names[N_BOOK_COLUMNS] = {"代码", "填报口径", "备注"};

	for (int i = 0; i < N_BOOK_COLUMNS; i++)
		if (strcmp(cell->text, names[i]) == 0)
			book->columns[i] = (int)cell->column;
	book->heading_row = cell->row;
	book->has_heading = book->columns[BOOK_CODE] != NO_COLUMN;
}

static void take_cell(struct book *book, const struct xlsx_cell *cell)
{
	int column = (int)cell->column;

	if (column == book->columns[BOOK_CODE]) {
		book->is_too_large |= book->table->n >= LINES_MAX;
		if (book->is_too_large)
			return;
		book->line = add_line(book->table);
		book->line->institution = book->institution;
		book->line->year = book->year;
		book->line->quarter = book->quarter;
		book->line->code = keep(book->table, cell->text);
		book->row = cell->row;
	}
	if (book->line == NULL || cell->row != book->row)
		return;
	if (column == book->columns[BOOK_FILED])
		book->line->filed = keep(book->table, cell->text);
	if (column == book->columns[BOOK_REMARK])
		book->line->remark = keep(book->table, cell->text);
}

static void on_cell(const struct xlsx_cell *cell, void *arg)
{
	struct book *book = arg;

	/* One shared string may stand in every cell of a small file. */
	book->is_too_large |= arena_size(book->table->arena) > TEXTS_MAX;
	if (book->is_too_large)
		return;
	if (cell->sheet != book->sheet)
		begin_sheet(book, cell->sheet);
	if (!book->has_heading || cell->row == book->heading_row) {
		take_heading(book, cell);
		if (!book->has_heading)
			take_fact(book, cell);
		return;
	}
	take_cell(book, cell);
}

/* The signatures below a table have a text in the first column: no line of that code is known. */
static void drop_notes(struct filing_table *table)
{
	size_t n = 0;

	for (size_t i = 0; i < table->n; i++)
		if (table->lines[i].institution[0] != '\0' && strlen(table->lines[i].code) < 16)
			table->lines[n++] = table->lines[i];
	table->n = n;
}

static int read_book(struct filing_table *table, const char *data, size_t len, struct err *err)
{
	struct book book = {.table = table};
	int rc;

	begin_sheet(&book, SIZE_MAX);
	rc = xlsx_read(data, len, on_cell, &book, err);
	if (rc == 0 && book.is_too_large)
		rc = err_set(err, -EINVAL, "more than %d lines or %d MiB of text", LINES_MAX,
			     TEXTS_MAX / 1024 / 1024);
	drop_notes(table);
	return rc;
}

/* ---- CSV ---- */

enum csv_column {
	CSV_INSTITUTION,
	CSV_YEAR,
	CSV_QUARTER,
	CSV_CODE,
	CSV_FILED,
	CSV_WORDS,
	CSV_REMARK,
	N_CSV_COLUMNS
};
static const char *const csv_names[N_CSV_COLUMNS] = {"institution", "year",  "quarter", "code",
						     "filed",       "words", "remark"};

static int read_heading(struct csv_reader *reader, int columns[N_CSV_COLUMNS], struct err *err)
{
	int rc = csv_reader_next(reader, err);

	for (int i = 0; i < N_CSV_COLUMNS; i++)
		columns[i] = NO_COLUMN;
	for (size_t field = 0; rc == 1 && field < reader->n; field++)
		for (int i = 0; i < N_CSV_COLUMNS; i++)
			if (strcasecmp(reader->fields[field], csv_names[i]) == 0)
				columns[i] = (int)field;
	for (int i = 0; i < N_CSV_COLUMNS && rc >= 0; i++)
		if (columns[i] == NO_COLUMN)
			rc = err_set(err, -EINVAL, "the column '%s' is missing", csv_names[i]);
	return rc < 0 ? rc : 0;
}

static const char *field_of(struct filing_table *table, const struct csv_reader *reader, int column)
{
	return keep(table, (size_t)column < reader->n ? reader->fields[column] : "");
}

static int read_csv(struct filing_table *table, const char *data, size_t len, struct err *err)
{
	struct csv_reader reader;
	int columns[N_CSV_COLUMNS];
	int rc;

	csv_reader_init(&reader, data, len);
	rc = read_heading(&reader, columns, err);
	while (rc >= 0 && (rc = csv_reader_next(&reader, err)) == 1) {
		struct filing_line *line;
		const char *words;

		if (table->n >= LINES_MAX) {
			rc = err_set(err, -EINVAL, "more than %d lines", LINES_MAX);
			break;
		}
		line = add_line(table);
		line->institution = field_of(table, &reader, columns[CSV_INSTITUTION]);
		line->year = (int)strtol(field_of(table, &reader, columns[CSV_YEAR]), NULL, 10);
		line->quarter =
			(int)strtol(field_of(table, &reader, columns[CSV_QUARTER]), NULL, 10);
		line->code = field_of(table, &reader, columns[CSV_CODE]);
		line->filed = field_of(table, &reader, columns[CSV_FILED]);
		words = field_of(table, &reader, columns[CSV_WORDS]);
		if (line->filed[0] == '\0')
			line->filed = words;
		line->remark = field_of(table, &reader, columns[CSV_REMARK]);
	}
	if (rc < 0)
		(void)err_prefix(err, rc, "line %zu", reader.line);
	csv_reader_fini(&reader);
	return rc;
}

/* ---- either ---- */

static bool is_book(const char *data, size_t len)
{
	return len >= 4 && memcmp(data, "PK\x03\x04", 4) == 0;
}

bool filing_table_is_csv(const char *data, size_t len)
{
	struct csv_reader reader;
	int columns[N_CSV_COLUMNS];
	bool is_report;

	csv_reader_init(&reader, data, len);
	is_report = read_heading(&reader, columns, NULL) == 0;
	csv_reader_fini(&reader);
	return is_report;
}

int filing_table_read(struct filing_table *out, const char *data, size_t len, struct err *err)
{
	struct buf utf8 = {0};
	int rc;

	*out = (struct filing_table){.arena = arena_create()};
	if (is_book(data, len)) {
		rc = read_book(out, data, len, err);
	} else {
		rc = charset_to_utf8(data, len, &utf8, err);
		if (rc == 0)
			rc = read_csv(out, utf8.data != NULL ? utf8.data : "", utf8.len, err);
		buf_fini(&utf8);
	}
	if (rc == 0 && out->n == 0)
		rc = err_set(err, -EINVAL, "there is no report in it");
	if (rc < 0)
		filing_table_fini(out);
	return rc < 0 ? -EINVAL : 0;
}

void filing_table_fini(struct filing_table *table)
{
	arena_destroy(table->arena);
	free(table->lines);
	*table = (struct filing_table){0};
}
