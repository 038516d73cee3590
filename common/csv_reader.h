/* SPDX-License-Identifier: Apache-2.0 */
/* csv_reader.h - rows of separated values (RFC 4180 quotes, CRLF or LF): CSV, and what a
 * spreadsheet puts into the clipboard. Pure. */
#ifndef COMMON_CSV_READER_H
#define COMMON_CSV_READER_H

#include <stddef.h>

#include "common/err.h"

enum { CSV_FIELDS_MAX = 40 };

struct csv_reader {
	const char *at, *end;
	char separator;
	size_t line, next_line; /* of the row last read; the first is 1 */
	char *fields[CSV_FIELDS_MAX];
	size_t n;
	char *text; /* memory of the fields */
};

/* Borrows the UTF-8 text, with or without byte order mark; cells are apart by tab if the first line
 * has one, else by comma, or by semicolon if that alone stands there. */
void csv_reader_init(struct csv_reader *reader, const char *text, size_t len);
void csv_reader_fini(struct csv_reader *reader);
/* 1: fields and n are the next row that is not blank, without blanks around the cells, until the
 * next call; the apostrophe that csv_writer puts before a formula is gone. 0: the end. -EINVAL:
 * this row is bad; the next call goes on behind it. */
int csv_reader_next(struct csv_reader *reader, struct err *err);

#endif
