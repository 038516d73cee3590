/* SPDX-License-Identifier: Apache-2.0 */
/* Readings in a table: a row each with time, meter and register, or a column for each meter. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/csv_reader.h"
#include "common/decimal.h"
#include "common/mem.h"
#include "server/ingest/import_private.h"
#include "server/ingest/import_time.h"

/* ---- headings ---- */

enum column { COLUMN_TIME, COLUMN_METER, COLUMN_VALUE, COLUMN_QUANTITY, N_COLUMNS };

static const char *const time_names[] = {"time",
					 "timestamp",
					 "datetime",
					 "date_time",
					 "utc_date_time",
					 "start_datetime",
					 "start_datetime_utc",
					 "时间",
					 "采集时间",
					 "抄表时间",
					 "数据时间",
					 "日期",
					 "日期时间",
					 "时间戳",
					 NULL};
static const char *const meter_names[] = {
	"meter", "meter_id", "meter_name", "device",   "point",    "表号",     "表计", "仪表",
	"电表",  "仪表编号", "表计编号",   "仪表名称", "表计名称", "计量器具", NULL};
static const char *const value_names[] = {"value", "register", "reading", "actual_value",
					  "示数",  "读数",     "表底",    "表码",
					  "止码",  "抄见数",   NULL};
static const char *const quantity_names[] = {"quantity", "数据项", "测量项", NULL};
static const char *const *const names_of[N_COLUMNS] = {time_names, meter_names, value_names,
						       quantity_names};

struct name {
	const char *name;
	uint32_t meter; /* REGISTRY_NONE: several have it */
};

struct table {
	struct import *import;
	const struct registry *registry;
	struct csv_reader csv;
	int columns[N_COLUMNS]; /* -1: none */
	bool is_wide, is_utc;
	uint32_t meters[CSV_FIELDS_MAX]; /* of a wide table; REGISTRY_NONE: not a meter */
	struct name *names;              /* sorted; made when a meter is first sought by name */
	size_t n_names;
};

/* A heading without what stands in brackets, such as a unit. */
static bool is_named(const char *heading, const char *const *names)
{
	size_t len = strcspn(heading, "([");
	const char *wide = strstr(heading, "（");

	if (wide != NULL && (size_t)(wide - heading) < len)
		len = (size_t)(wide - heading);
	while (len > 0 && heading[len - 1] == ' ')
		len--;
	for (; *names != NULL; names++)
		if (strlen(*names) == len && strncasecmp(heading, *names, len) == 0)
			return true;
	return false;
}

static bool says_utc(const char *heading)
{
	for (; *heading != '\0'; heading++)
		if (strncasecmp(heading, "utc", 3) == 0)
			return true;
	return false;
}

/* ---- meters ---- */

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct name *)a)->name, ((const struct name *)b)->name);
}

static void make_names(struct table *table)
{
	const struct registry *registry = table->registry;
	size_t n = 0;

	table->names = xcalloc(registry->n_meters + 1, sizeof *table->names);
	for (uint32_t i = 0; i < registry->n_meters; i++)
		if (registry->meters[i].name != NULL && registry->meters[i].name[0] != '\0')
			table->names[n++] = (struct name){registry->meters[i].name, i};
	qsort(table->names, n, sizeof *table->names, by_name);
	for (size_t i = 0; i < n; i++) {
		struct name *last = table->n_names > 0 ? &table->names[table->n_names - 1] : NULL;

		if (last != NULL && strcmp(last->name, table->names[i].name) == 0)
			last->meter = REGISTRY_NONE;
		else
			table->names[table->n_names++] = table->names[i];
	}
}

/* REGISTRY_NONE with words if it is not one meter. */
static uint32_t find_meter(struct table *table, const char *text, const char **why)
{
	uint32_t meter = registry_find_meter(table->registry, text, strlen(text));
	const struct name key = {text, 0}, *found;

	if (meter != REGISTRY_NONE)
		return meter;
	if (table->names == NULL)
		make_names(table);
	found = bsearch(&key, table->names, table->n_names, sizeof key, by_name);
	*why = found == NULL ? "the registry knows no such meter"
			     : "several meters have this name; use the meter's id";
	return found != NULL ? found->meter : REGISTRY_NONE;
}

/* ---- the heading ---- */

static void read_wide(struct table *table)
{
	const char *why;

	for (size_t i = 0; i < table->csv.n; i++) {
		table->meters[i] = (int)i == table->columns[COLUMN_TIME]
					   ? REGISTRY_NONE
					   : find_meter(table, table->csv.fields[i], &why);
		table->is_wide |= table->meters[i] != REGISTRY_NONE;
	}
}

/* False: this is no table of readings. */
static bool read_heading(struct table *table)
{
	for (int column = 0; column < N_COLUMNS; column++) {
		table->columns[column] = -1;
		for (size_t i = 0; i < table->csv.n && table->columns[column] < 0; i++)
			if (is_named(table->csv.fields[i], names_of[column]))
				table->columns[column] = (int)i;
	}
	if (table->columns[COLUMN_TIME] < 0)
		return false;
	table->is_utc = says_utc(table->csv.fields[table->columns[COLUMN_TIME]]);
	if (table->columns[COLUMN_METER] >= 0 && table->columns[COLUMN_VALUE] >= 0)
		return true;
	read_wide(table);
	return table->is_wide;
}

static bool open_table(struct table *table, const struct registry *registry, const char *text,
		       size_t len)
{
	struct err err = {""};

	*table = (struct table){.registry = registry};
	csv_reader_init(&table->csv, text, len);
	return csv_reader_next(&table->csv, &err) == 1 && read_heading(table);
}

static void close_table(struct table *table)
{
	csv_reader_fini(&table->csv);
	free(table->names);
}

bool import_is_table(const struct registry *registry, const char *text, size_t len)
{
	const char *end = memchr(text, '\n', len);
	struct table table;
	bool is_one = open_table(&table, registry, text, end != NULL ? (size_t)(end - text) : len);

	close_table(&table);
	return is_one;
}

/* ---- rows ---- */

/* "12,345.6" without the commas between thousands; false: it is no number. */
static bool plain_number(char *text)
{
	char *out = text;
	size_t whole = strcspn(text, "."), first = strcspn(text, ",");
	int64_t micro;

	if (first < whole && (first == 0 || first > 3))
		return false;
	for (size_t i = 0; text[i] != '\0'; i++) {
		if (text[i] == ',' && first < whole) {
			if (i > whole || (i - first) % 4 != 0)
				return false;
			continue;
		}
		*out++ = text[i];
	}
	if (first < whole && (whole - first) % 4 != 0)
		return false;
	*out = '\0';
	return decimal_parse_micro(text, strlen(text), &micro) == 0;
}

static struct slice slice_of(const char *text)
{
	return (struct slice){text, strlen(text)};
}

static void take_value(struct table *table, uint32_t index, int64_t time_ms, char *value)
{
	const struct registry_meter *meter = &table->registry->meters[index];
	struct import *import = table->import;

	if (meter->n_terms > 0) {
		import_refuse(import, "formula", "the meter is a formula and has no register");
		return;
	}
	if (!plain_number(value)) {
		import_refuse(import, "number", "the register is no number such as 1234.5");
		return;
	}
	import->line = (struct telemetry_line){.kind = TELEMETRY_READING,
					       .meter = slice_of(meter->device),
					       .time_ms = time_ms,
					       .n_fields = 1};
	import->line.fields[0].name = slice_of(meter->quantity);
	import->line.fields[0].value = slice_of(value);
	import_take(import);
}

static void take_cells(struct table *table, int64_t time_ms)
{
	for (size_t i = 0; i < table->csv.n; i++)
		if (table->meters[i] != REGISTRY_NONE && table->csv.fields[i][0] != '\0')
			take_value(table, table->meters[i], time_ms, table->csv.fields[i]);
}

static bool has_columns(const struct table *table)
{
	for (int column = 0; column < N_COLUMNS; column++)
		if (table->columns[column] >= (int)table->csv.n)
			return false;
	return true;
}

static void take_row(struct table *table)
{
	char **fields = table->csv.fields;
	const char *why = "", *quantity = NULL;
	int64_t time_ms;
	uint32_t meter;

	if (!has_columns(table)) {
		import_refuse(table->import, "columns", "the row has fewer cells than the heading");
		return;
	}
	if (import_time_parse(fields[table->columns[COLUMN_TIME]],
			      table->is_utc ? 0 : table->registry->offset_ms, &time_ms) < 0) {
		import_refuse(table->import, "time",
			      "the time is none such as 2026-03-01 10:15:00");
		return;
	}
	if (table->is_wide) {
		take_cells(table, time_ms);
		return;
	}
	meter = find_meter(table, fields[table->columns[COLUMN_METER]], &why);
	if (meter == REGISTRY_NONE) {
		import_refuse(table->import, "unknown_meter", why);
		return;
	}
	if (table->columns[COLUMN_QUANTITY] >= 0)
		quantity = fields[table->columns[COLUMN_QUANTITY]];
	if (quantity != NULL && table->registry->meters[meter].n_terms == 0 &&
	    strcmp(quantity, table->registry->meters[meter].quantity) != 0)
		import_refuse(table->import, "quantity",
			      "the registry counts another quantity of this meter");
	else
		take_value(table, meter, time_ms, fields[table->columns[COLUMN_VALUE]]);
}

static int take_rows(struct table *table, const char *text, struct err *err)
{
	struct err words = {""};
	int taken, rc;

	while ((taken = csv_reader_next(&table->csv, &words)) != 0) {
		table->import->report->lines = (int64_t)table->csv.line;
		table->import->bytes = table->csv.at - text;
		if (import_is_known(table->import))
			continue;
		if (taken == 1)
			take_row(table);
		else
			import_refuse(table->import, "row", words.text);
		rc = import_count_line(table->import, err);
		if (rc < 0)
			return rc;
	}
	return import_commit(table->import, true, err);
}

int import_table(const struct import_into *into, const char *text, size_t len,
		 struct import_report *report, struct err *err)
{
	struct import *import = xcalloc(1, sizeof *import);
	struct table table;
	int rc;

	if (!open_table(&table, into->registry, text, len)) {
		rc = err_set(err, -EINVAL,
			     "the heading must name columns for time, meter and register, or time "
			     "and meters");
	} else {
		rc = import_open(import, into, report, err);
		table.import = import;
		if (rc == 0)
			rc = take_rows(&table, text, err);
		import_close(import);
	}
	close_table(&table);
	free(import);
	return rc;
}
