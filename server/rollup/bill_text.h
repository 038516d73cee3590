/* SPDX-License-Identifier: Apache-2.0 */
/* bill_text.h - bills as people write them: the words of one bill, a CSV file, cells pasted from a
 * spreadsheet. Pure. */
#ifndef SERVER_BILL_TEXT_H
#define SERVER_BILL_TEXT_H

#include "common/csv_reader.h"
#include "server/rollup/bill.h"

enum bill_column {
	BILL_INSTITUTION,
	BILL_CARRIER,
	BILL_FROM,
	BILL_TO, /* the last day, inclusive */
	BILL_QUANTITY,
	BILL_UNIT,
	BILL_FEE,
	BILL_PERIOD,
	BILL_USE,
	BILL_ACCOUNT,
	BILL_NOTE,
	BILL_FIRST,
	BILL_LAST,
	BILL_RATIO,
	BILL_ADJUSTS,
	BILL_KEY,
	BILL_CONFIRM,
	N_BILL_COLUMNS,
	N_BILL_NEEDED = BILL_FEE /* a file has at least the columns before it */
};
extern const char *const bill_column_names[]; /* "institution" ...; NULL-terminated */

/* Texts to a bill, by the column; "" where nothing is given. factors (may be NULL) give densities.
 * The bill's texts borrow from them; as_entered is written to entered. -EINVAL with words. */
enum { BILL_ENTERED_MAX = 64 };
int bill_read(const char *const texts[N_BILL_COLUMNS], const struct factors *factors,
	      char entered[BILL_ENTERED_MAX], struct bill *bill, struct err *err);

/* Header line with the columns above, in any order, in English or Chinese; UTF-8 with or without
 * byte order mark, RFC 4180 quotes, CRLF or LF; cells apart by comma, or by tab if the header is.
 */
struct bill_csv {
	struct csv_reader reader;
	size_t line;                         /* of the row last read; the header is 1 */
	signed char columns[CSV_FIELDS_MAX]; /* what each field is, -1: ignored */
	size_t n_fields;
	char entered[BILL_ENTERED_MAX];
	const struct factors *factors; /* may be NULL: no densities; set it after opening */
};
/* -EINVAL: no usable header (words say which column). Borrows the text. */
int bill_csv_open(struct bill_csv *csv, const char *text, size_t len, struct err *err);
/* 1: a bill; its texts borrow until the next call. 0: the end. -EINVAL: this row is bad; the next
 * call goes on behind it. */
int bill_csv_next(struct bill_csv *csv, struct bill *bill, struct err *err);
void bill_csv_close(struct bill_csv *csv);

#endif
