/* SPDX-License-Identifier: Apache-2.0 */
/* xlsx_reader.h - the cells of a workbook as texts. The one place that knows libzip and expat. */
#ifndef COMMON_XLSX_READER_H
#define COMMON_XLSX_READER_H

#include <stddef.h>

#include "common/err.h"

struct xlsx_cell {
	size_t sheet, row, column; /* from 0 */
	const char *text;          /* of a number: as the file has it. Borrowed for the call */
};
typedef void (*xlsx_cell_fn)(const struct xlsx_cell *cell, void *arg);

enum { XLSX_PART_MAX = 16 * 1024 * 1024, XLSX_SHEETS_MAX = 64 };

/* Every cell that holds something, sheet by sheet, in the order of the file. -EINVAL: no workbook,
 * a part that is larger than XLSX_PART_MAX, or broken XML; what was read before has been told. */
int xlsx_read(const void *data, size_t len, xlsx_cell_fn fn, void *arg, struct err *err);

#endif
