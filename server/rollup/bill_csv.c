/* SPDX-License-Identifier: Apache-2.0 */
/* Bills as separated values. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/mem.h"
#include "common/utf8.h"
#include "server/rollup/bill_text.h"

/* Chinese headings as forms have them; those behind the first are accepted too. */
static const char *const chinese_names[N_BILL_COLUMNS][4] = {
	[BILL_INSTITUTION] = {"机构", "机构编号", "机构名称", "单位名称"},
	[BILL_CARRIER] = {"能源", "能源种类", "品种"},
	[BILL_FROM] = {"起始日", "起始日期", "开始日期"},
	[BILL_TO] = {"截止日", "截止日期", "结束日期"},
	[BILL_QUANTITY] = {"数量", "用量", "消费量"},
	[BILL_UNIT] = {"单位", "计量单位"},
	[BILL_FEE] = {"费用", "费用(元)", "金额", "金额(元)"},
	[BILL_PERIOD] = {"账期"},
	[BILL_USE] = {"用途", "来源"},
	[BILL_ACCOUNT] = {"户号", "用户编号"},
	[BILL_NOTE] = {"备注"},
	[BILL_FIRST] = {"上期示数", "起码"},
	[BILL_LAST] = {"本期示数", "止码"},
	[BILL_RATIO] = {"倍率"},
	[BILL_ADJUSTS] = {"退补账单"},
	[BILL_KEY] = {"账单编号", "流水号"},
	[BILL_CONFIRM] = {"确认"},
};

/* What the list of bills has besides, so that it can be read back. */
static const char *const ignored[] = {
	"",           "id",           "as_entered",   "warning",       "corrects",  "entered_by",
	"entered_at", "withdrawn_by", "withdrawn_at", "withdrawn_why", "withdrawn", "carrier_unit",
};

/* ---- rows ---- */

struct row {
	char *fields[BILL_CSV_MAX_FIELDS];
	size_t n;
};

/* Reads a quoted field from behind its quote to out; returns where out ends, or NULL if the quote
 * is never closed or followed by something else than a separator. */
static char *read_quoted(struct bill_csv *csv, char *out)
{
	while (csv->at < csv->end) {
		char c = *csv->at++;

		if (c == '\n')
			csv->next_line++;
		if (c == '"' && (csv->at == csv->end || *csv->at != '"'))
			return csv->at == csv->end || *csv->at == csv->separator ||
					       *csv->at == '\r' || *csv->at == '\n'
				       ? out
				       : NULL;
		if (c == '"')
			csv->at++;
		*out++ = c;
	}
	return NULL;
}

static char *read_plain(struct bill_csv *csv, char *out)
{
	while (csv->at < csv->end && *csv->at != csv->separator && *csv->at != '\n' &&
	       *csv->at != '\r')
		*out++ = *csv->at++;
	return out;
}

static void skip_line(struct bill_csv *csv)
{
	while (csv->at < csv->end && *csv->at != '\n')
		csv->at++;
	if (csv->at < csv->end) {
		csv->at++;
		csv->next_line++;
	}
}

/* The end of a row: LF, CRLF or the end of the text. */
static bool take_line_end(struct bill_csv *csv)
{
	if (csv->at < csv->end && *csv->at == '\r')
		csv->at++;
	if (csv->at < csv->end && *csv->at != '\n')
		return false;
	if (csv->at < csv->end) {
		csv->at++;
		csv->next_line++;
	}
	return true;
}

static char *trim(char *text)
{
	size_t len;

	while (*text == ' ' || *text == '\t')
		text++;
	len = strlen(text);
	while (len > 0 && (text[len - 1] == ' ' || text[len - 1] == '\t'))
		text[--len] = '\0';
	return text;
}

static bool is_text(const char *at, const char *end)
{
	while (at < end) {
		size_t len = utf8_character(at, (size_t)(end - at));

		if (len == 0 || *at == '\0')
			return false;
		at += len;
	}
	return true;
}

static int read_row(struct bill_csv *csv, struct row *row, struct err *err)
{
	char *out = csv->text;

	assert(out != NULL);
	row->n = 0;
	csv->line = csv->next_line;
	for (;;) {
		char *field = out;
		bool is_quoted = csv->at < csv->end && *csv->at == '"';

		if (is_quoted)
			csv->at++;
		out = is_quoted ? read_quoted(csv, out) : read_plain(csv, out);
		if (out == NULL || row->n == BILL_CSV_MAX_FIELDS) {
			skip_line(csv);
			return err_set(err, -EINVAL,
				       out == NULL ? "a quote is not closed"
						   : "the row has too many fields");
		}
		*out++ = '\0';
		if (!is_text(field, out - 1)) {
			skip_line(csv);
			return err_set(err, -EINVAL, "the row is not UTF-8 text");
		}
		row->fields[row->n++] = trim(field);
		if (csv->at < csv->end && *csv->at == csv->separator) {
			csv->at++;
			continue;
		}
		if (take_line_end(csv))
			return 0;
		skip_line(csv);
		return err_set(err, -EINVAL, "a carriage return stands inside the row");
	}
}

static bool is_blank(const struct row *row)
{
	for (size_t i = 0; i < row->n; i++)
		if (row->fields[i][0] != '\0')
			return false;
	return true;
}

/* ---- header ---- */

enum { COLUMN_UNKNOWN = -1, COLUMN_IGNORED = -2 };

static int column_of(const char *name)
{
	for (int i = 0; i < N_BILL_COLUMNS; i++) {
		if (strcasecmp(name, bill_column_names[i]) == 0)
			return i;
		for (size_t k = 0; k < 4 && chinese_names[i][k] != NULL; k++)
			if (strcmp(name, chinese_names[i][k]) == 0)
				return i;
	}
	for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
		if (strcasecmp(name, ignored[i]) == 0)
			return COLUMN_IGNORED;
	return COLUMN_UNKNOWN;
}

static int take_column(struct bill_csv *csv, size_t field, const char *name, bool *has,
		       struct err *err)
{
	int column = column_of(name);

	if (column == COLUMN_UNKNOWN)
		return err_set(err, -EINVAL, "unknown column '%.60s'", name);
	csv->columns[field] = (signed char)(column == COLUMN_IGNORED ? -1 : column);
	if (column == COLUMN_IGNORED)
		return 0;
	if (has[column])
		return err_set(err, -EINVAL, "column '%s' stands twice", bill_column_names[column]);
	has[column] = true;
	return 0;
}

static int read_header(struct bill_csv *csv, struct err *err)
{
	bool has[N_BILL_COLUMNS] = {false};
	struct row row;
	int rc = read_row(csv, &row, err);

	csv->n_fields = row.n;
	for (size_t i = 0; i < row.n && rc == 0; i++)
		rc = take_column(csv, i, row.fields[i], has, err);
	for (int i = 0; i < N_BILL_NEEDED && rc == 0; i++)
		if (!has[i])
			rc = err_set(err, -EINVAL, "column '%s' (%s) is missing",
				     bill_column_names[i], chinese_names[i][0]);
	return rc;
}

/* What Excel puts into the clipboard has tabs. */
static char separator_of(const char *text, size_t len)
{
	const char *end = memchr(text, '\n', len);

	return memchr(text, '\t', end != NULL ? (size_t)(end - text) : len) != NULL ? '\t' : ',';
}

int bill_csv_open(struct bill_csv *csv, const char *text, size_t len, struct err *err)
{
	static const char mark[] = "\xef\xbb\xbf";
	int rc;

	*csv = (struct bill_csv){.at = text, .end = text + len, .next_line = 1};
	if (len >= 3 && memcmp(text, mark, 3) == 0)
		csv->at += 3;
	csv->separator = separator_of(text, len);
	/* No field needs more than the text has; each is followed by a NUL in a separator's place,
	 * the last one by one more. */
	csv->text = xcalloc(len + 2, 1);
	rc = read_header(csv, err);
	if (rc < 0) {
		bill_csv_close(csv);
		return err_prefix(err, rc, "header");
	}
	return 0;
}

void bill_csv_close(struct bill_csv *csv)
{
	free(csv->text);
	csv->text = NULL;
}

int bill_csv_next(struct bill_csv *csv, struct bill *bill, struct err *err)
{
	const char *texts[N_BILL_COLUMNS];
	struct row row;
	int rc;

	do {
		if (csv->at == csv->end)
			return 0;
		rc = read_row(csv, &row, err);
		if (rc < 0)
			return rc;
	} while (is_blank(&row));
	if (row.n != csv->n_fields)
		return err_set(err, -EINVAL, "%zu fields, the header has %zu", row.n,
			       csv->n_fields);
	for (int i = 0; i < N_BILL_COLUMNS; i++)
		texts[i] = "";
	for (size_t i = 0; i < row.n; i++)
		if (csv->columns[i] >= 0)
			texts[csv->columns[i]] = row.fields[i];
	rc = bill_read(texts, csv->factors, csv->entered, bill, err);
	return rc < 0 ? rc : 1;
}
