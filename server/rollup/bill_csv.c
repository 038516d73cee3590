/* SPDX-License-Identifier: Apache-2.0 */
/* Bills as separated values. */
#include <errno.h>
#include <string.h>
#include <strings.h>

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
	int rc = csv_reader_next(&csv->reader, err);

	csv->n_fields = rc == 1 ? csv->reader.n : 0;
	for (size_t i = 0; i < csv->n_fields && rc >= 0; i++)
		rc = take_column(csv, i, csv->reader.fields[i], has, err);
	for (int i = 0; i < N_BILL_NEEDED && rc >= 0; i++)
		if (!has[i])
			rc = err_set(err, -EINVAL, "column '%s' (%s) is missing",
				     bill_column_names[i], chinese_names[i][0]);
	return rc < 0 ? rc : 0;
}

int bill_csv_open(struct bill_csv *csv, const char *text, size_t len, struct err *err)
{
	int rc;

	*csv = (struct bill_csv){.n_fields = 0};
	csv_reader_init(&csv->reader, text, len);
	rc = read_header(csv, err);
	if (rc < 0) {
		bill_csv_close(csv);
		return err_prefix(err, rc, "header");
	}
	return 0;
}

void bill_csv_close(struct bill_csv *csv)
{
	csv_reader_fini(&csv->reader);
}

int bill_csv_next(struct bill_csv *csv, struct bill *bill, struct err *err)
{
	const char *texts[N_BILL_COLUMNS];
	int rc = csv_reader_next(&csv->reader, err);

	csv->line = csv->reader.line;
	if (rc <= 0)
		return rc;
	if (csv->reader.n != csv->n_fields)
		return err_set(err, -EINVAL, "%zu fields, the header has %zu", csv->reader.n,
			       csv->n_fields);
	for (int i = 0; i < N_BILL_COLUMNS; i++)
		texts[i] = "";
	for (size_t i = 0; i < csv->n_fields; i++)
		if (csv->columns[i] >= 0)
			texts[csv->columns[i]] = csv->reader.fields[i];
	rc = bill_read(texts, csv->factors, csv->entered, bill, err);
	return rc < 0 ? rc : 1;
}
