/* SPDX-License-Identifier: Apache-2.0 */
/* xlsx_writer.h - workbooks for Excel and what reads its files: tables ready to be printed on A4.
 * The one place that knows libxlsxwriter. */
#ifndef COMMON_XLSX_WRITER_H
#define COMMON_XLSX_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"

struct xlsx_writer;

struct xlsx_column {
	const char *heading;
	int width; /* in characters */
};
/* Texts are borrowed for the call only. */
struct xlsx_sheet {
	const char *name;         /* of the tab; at most 31 characters; []:*?/\ become _ */
	const char *title;        /* above the table */
	const char *const *facts; /* label, value, label, value ... NULL: a line below the title */
	const struct xlsx_column *columns;
	size_t n_columns, n_fixed; /* n_fixed: stay in view on the left */
	bool is_landscape;
};
enum xlsx_style { XLSX_PLAIN, XLSX_BOLD, XLSX_INPUT /* to be written in */ };

/* title and date (Unix time) are properties of the workbook. */
int xlsx_create(struct xlsx_writer **out, const char *title, int64_t date_s, struct err *err);
void xlsx_begin_sheet(struct xlsx_writer *xlsx, const struct xlsx_sheet *sheet);
/* The cells of a row, from left to right. */
void xlsx_add_text(struct xlsx_writer *xlsx, const char *text, enum xlsx_style style);
/* 10^-6 units, shown with so many decimals (0 to 6). */
void xlsx_add_number(struct xlsx_writer *xlsx, int64_t micro, int decimals, enum xlsx_style style);
void xlsx_end_row(struct xlsx_writer *xlsx);
/* A line across all columns below the table. */
void xlsx_add_note(struct xlsx_writer *xlsx, const char *text);
/* Ends it and adds its bytes. 0 or negative errno. out NULL: throws it away. */
int xlsx_finish(struct xlsx_writer *xlsx, struct buf *out, struct err *err);

#endif
