/* SPDX-License-Identifier: Apache-2.0 */
/* csv_writer.h - writes CSV (RFC 4180) that a spreadsheet may open without running what is in it.
 */
#ifndef COMMON_CSV_WRITER_H
#define COMMON_CSV_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"

/* A zeroed writer with out set is ready. */
struct csv_writer {
	struct buf *out;
	bool has_cells; /* in this row */
};

/* NULL: an empty cell. A text that a spreadsheet would take for a formula (it begins with = + - @,
 * a tab or a carriage return, and is no number) gets an apostrophe in front. */
void csv_add_text(struct csv_writer *csv, const char *text);
void csv_add_int(struct csv_writer *csv, int64_t value);
/* 10^-6 units as an exact decimal number. */
void csv_add_micro(struct csv_writer *csv, int64_t micro);
/* At most `decimals` digits after the point; nan and infinity: an empty cell. */
void csv_add_real(struct csv_writer *csv, double value, int decimals);
void csv_end_row(struct csv_writer *csv);

#endif
