/* SPDX-License-Identifier: Apache-2.0 */
/* Bills as comma-separated values. Pure. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/decimal.h"
#include "common/mem.h"
#include "common/utf8.h"
#include "server/rollup/bill.h"

enum column {
	COLUMN_INSTITUTION,
	COLUMN_CARRIER,
	COLUMN_FROM,
	COLUMN_TO,
	COLUMN_QUANTITY,
	COLUMN_UNIT,
	COLUMN_FEE,
	COLUMN_PERIOD,
	COLUMN_USE,
	COLUMN_ACCOUNT,
	COLUMN_NOTE,
	N_COLUMNS,
	N_REQUIRED = COLUMN_FEE
};
_Static_assert((int)N_COLUMNS == (int)BILL_CSV_COLUMNS, "the header says how many columns");

static const char *const column_names[N_COLUMNS][2] = {
	{"institution", "机构"}, {"carrier", "能源"}, {"from", "起始日"}, {"to", "截止日"},
	{"quantity", "数量"},    {"unit", "单位"},    {"fee", "费用"},    {"period", "账期"},
	{"use", "用途"},         {"account", "户号"}, {"note", "备注"},
};

static const char *const chinese_carriers[N_CARRIERS] = {
	"电", "水", "天然气", "热力", "冷量", "煤炭", "汽油", "柴油", "液化石油气", "其他",
};

/* carrier's unit = number x 10^exponent of this one */
struct unit {
	enum carrier carrier;
	const char *name;
	struct decimal factor;
};

static const struct unit units[] = {
	{CARRIER_ELECTRICITY, "kWh", {1, 0}},
	{CARRIER_ELECTRICITY, "万kWh", {1, 4}},
	{CARRIER_ELECTRICITY, "MWh", {1, 3}},
	{CARRIER_ELECTRICITY, "度", {1, 0}},
	{CARRIER_WATER, "m3", {1, 0}},
	{CARRIER_WATER, "m³", {1, 0}},
	{CARRIER_WATER, "t", {1, 0}},
	{CARRIER_WATER, "吨", {1, 0}},
	{CARRIER_WATER, "立方米", {1, 0}},
	{CARRIER_WATER, "万m3", {1, 4}},
	{CARRIER_NATURAL_GAS, "m3", {1, 0}},
	{CARRIER_NATURAL_GAS, "m³", {1, 0}},
	{CARRIER_NATURAL_GAS, "立方米", {1, 0}},
	{CARRIER_NATURAL_GAS, "万m3", {1, 4}},
	{CARRIER_HEAT, "GJ", {1, 0}},
	{CARRIER_HEAT, "MJ", {1, -3}},
	{CARRIER_HEAT, "kWh", {36, -4}},
	{CARRIER_HEAT, "MWh", {36, -1}},
	{CARRIER_HEAT, "吉焦", {1, 0}},
	{CARRIER_COOLING, "GJ", {1, 0}},
	{CARRIER_COOLING, "MJ", {1, -3}},
	{CARRIER_COOLING, "kWh", {36, -4}},
	{CARRIER_COOLING, "MWh", {36, -1}},
	{CARRIER_COAL, "kg", {1, 0}},
	{CARRIER_COAL, "t", {1, 3}},
	{CARRIER_COAL, "吨", {1, 3}},
	{CARRIER_PETROL, "L", {1, 0}},
	{CARRIER_PETROL, "升", {1, 0}},
	{CARRIER_DIESEL, "L", {1, 0}},
	{CARRIER_DIESEL, "升", {1, 0}},
	{CARRIER_LPG, "kg", {1, 0}},
	{CARRIER_LPG, "t", {1, 3}},
	{CARRIER_LPG, "吨", {1, 3}},
	{CARRIER_OTHER, "kgce", {1, 0}},
	{CARRIER_OTHER, "tce", {1, 3}},
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
			return csv->at == csv->end || strchr(",\r\n", *csv->at) != NULL ? out
											: NULL;
		if (c == '"')
			csv->at++;
		*out++ = c;
	}
	return NULL;
}

static char *read_plain(struct bill_csv *csv, char *out)
{
	while (csv->at < csv->end && *csv->at != ',' && *csv->at != '\n' && *csv->at != '\r')
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
		if (csv->at < csv->end && *csv->at == ',') {
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

static int column_of(const char *name)
{
	for (int i = 0; i < N_COLUMNS; i++)
		if (strcasecmp(name, column_names[i][0]) == 0 ||
		    strcmp(name, column_names[i][1]) == 0)
			return i;
	return -1;
}

static int read_header(struct bill_csv *csv, struct err *err)
{
	bool has[N_COLUMNS] = {false};
	struct row row;
	int rc = read_row(csv, &row, err);

	if (rc < 0)
		return rc;
	csv->n_fields = row.n;
	for (size_t i = 0; i < row.n; i++) {
		int column = column_of(row.fields[i]);

		if (column < 0)
			return err_set(err, -EINVAL, "unknown column '%.60s'", row.fields[i]);
		if (has[column])
			return err_set(err, -EINVAL, "column '%s' stands twice",
				       column_names[column][0]);
		has[column] = true;
		csv->columns[i] = (signed char)column;
	}
	for (int i = 0; i < N_REQUIRED; i++)
		if (!has[i])
			return err_set(err, -EINVAL, "column '%s' (%s) is missing",
				       column_names[i][0], column_names[i][1]);
	return 0;
}

int bill_csv_open(struct bill_csv *csv, const char *text, size_t len, struct err *err)
{
	static const char mark[] = "\xef\xbb\xbf";
	int rc;

	*csv = (struct bill_csv){.at = text, .end = text + len, .next_line = 1};
	if (len >= 3 && memcmp(text, mark, 3) == 0)
		csv->at += 3;
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

/* ---- fields ---- */

static int read_carrier(const char *text, enum carrier *out, struct err *err)
{
	for (int i = 0; i < N_CARRIERS; i++)
		if (strcasecmp(text, carrier_names[i]) == 0 ||
		    strcmp(text, chinese_carriers[i]) == 0) {
			*out = (enum carrier)i;
			return 0;
		}
	return err_set(err, -EINVAL, "unknown carrier '%.60s'", text);
}

static int read_day(const char *name, const char *text, civil_day *out, struct err *err)
{
	if (civil_parse_day(text, strlen(text), out) == 0)
		return 0;
	return err_set(err, -EINVAL, "%s: '%.60s' is not a day like 2026-10-31", name, text);
}

static int read_quantity(const char *text, const char *unit, struct bill *bill, struct err *err)
{
	struct decimal number;

	if (decimal_parse(text, strlen(text), &number) < 0)
		return err_set(err, -EINVAL, "quantity: '%.60s' is not a number", text);
	for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
		if (units[i].carrier != bill->carrier || strcasecmp(units[i].name, unit) != 0)
			continue;
		if (decimal_multiply(number, units[i].factor, &number) < 0 ||
		    decimal_to_micro(number, &bill->quantity) < 0)
			return err_set(err, -EINVAL, "quantity: '%.60s' is too large", text);
		return 0;
	}
	return err_set(err, -EINVAL, "unit '%.60s' does not measure %s", unit,
		       carrier_name(bill->carrier));
}

static int read_fee(const char *text, int64_t *out, struct err *err)
{
	*out = MICRO_NONE;
	if (text[0] == '\0')
		return 0;
	if (decimal_parse_micro(text, strlen(text), out) == 0)
		return 0;
	return err_set(err, -EINVAL, "fee: '%.60s' is not an amount in yuan", text);
}

static int read_period(const char *text, char out[8], struct err *err)
{
	char day[16];
	civil_day first;

	out[0] = '\0';
	if (text[0] == '\0')
		return 0;
	if (strlen(text) == 7) {
		memcpy(day, text, 7);
		memcpy(day + 7, "-01", 4);
		if (civil_parse_day(day, 10, &first) == 0) {
			memcpy(out, text, 8);
			return 0;
		}
	}
	return err_set(err, -EINVAL, "period: '%.60s' is not a month like 2026-10", text);
}

static int read_use(const char *text, enum bill_use *out, struct err *err)
{
	static const char *const chinese[N_BILL_USES] = {"", "车辆", "供暖", "厨房", "发电机"};

	for (int i = 0; i < N_BILL_USES; i++)
		if (strcmp(text, bill_use_names[i]) == 0 || strcmp(text, chinese[i]) == 0) {
			*out = (enum bill_use)i;
			return 0;
		}
	return err_set(err, -EINVAL, "use: '%.60s' is none of vehicle, heating, kitchen, generator",
		       text);
}

static int read_bill(char *const fields[N_COLUMNS], struct bill *bill, struct err *err)
{
	int rc;

	*bill = (struct bill){.institution = fields[COLUMN_INSTITUTION],
			      .account = fields[COLUMN_ACCOUNT],
			      .note = fields[COLUMN_NOTE],
			      .entered_by = ""};
	if (bill->institution[0] == '\0')
		return err_set(err, -EINVAL, "institution is empty");
	rc = read_carrier(fields[COLUMN_CARRIER], &bill->carrier, err);
	if (rc == 0)
		rc = read_day("from", fields[COLUMN_FROM], &bill->days.from, err);
	if (rc == 0)
		rc = read_day("to", fields[COLUMN_TO], &bill->days.to, err);
	bill->days.to++; /* the last day belongs to the bill */
	if (rc == 0)
		rc = read_quantity(fields[COLUMN_QUANTITY], fields[COLUMN_UNIT], bill, err);
	if (rc == 0)
		rc = read_fee(fields[COLUMN_FEE], &bill->fee, err);
	if (rc == 0)
		rc = read_period(fields[COLUMN_PERIOD], bill->period, err);
	return rc < 0 ? rc : read_use(fields[COLUMN_USE], &bill->use, err);
}

int bill_csv_next(struct bill_csv *csv, struct bill *bill, struct err *err)
{
	static char nothing[] = "";
	char *fields[N_COLUMNS];
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
	for (int i = 0; i < N_COLUMNS; i++)
		fields[i] = nothing;
	for (size_t i = 0; i < row.n; i++)
		fields[csv->columns[i]] = row.fields[i];
	rc = read_bill(fields, bill, err);
	return rc < 0 ? rc : 1;
}
