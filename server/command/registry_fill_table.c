/* SPDX-License-Identifier: Apache-2.0 */
#include "server/command/registry_fill_table.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/charset.h"
#include "common/conf.h"
#include "common/csv_reader.h"
#include "common/file.h"
#include "common/mem.h"

enum { TABLE_MAX = 512 * 1024 * 1024, COLUMNS_MAX = 24 };

/* ---- columns ---- */

struct word { /* what people write for a word of the registry */
	const char *from, *to;
};

static const struct word type_words[] = {{"政府机关", "government"},  {"国家机关", "government"},
					 {"教育", "education"},       {"科技", "science"},
					 {"文化", "culture"},         {"卫生", "health"},
					 {"体育", "sport"},           {"其他", "other_institution"},
					 {"团体组织", "association"}, {NULL, NULL}};
static const struct word affiliation_words[] = {{"中央", "central"},  {"省级", "provincial"},
						{"市级", "city"},     {"县级", "county"},
						{"乡镇", "township"}, {NULL, NULL}};
static const struct word carrier_words[] = {
	{"电", "electricity"}, {"水", "water"},  {"天然气", "natural_gas"},
	{"热", "heat"},        {"热力", "heat"}, {"冷", "cooling"},
	{NULL, NULL}};
static const struct word role_words[] = {
	{"总表", "main"}, {"分表", "sub"}, {"光伏", "generation"}, {NULL, NULL}};

struct column {
	const char *name, *zh;     /* the registry's key, and as a Chinese heading */
	bool is_required, is_text; /* is_text: always in quotes */
	const struct word *words;
};

enum { INSTITUTION_ID, INSTITUTION_FROM = 8, INSTITUTION_PERSONS, INSTITUTION_AREA };
static const struct column institution_columns[] = {
	{"id", "机构编号", true, false, NULL},
	{"name", "机构名称", true, true, NULL},
	{"type", "类型", true, false, type_words},
	{"region", "行政区划代码", true, true, NULL},
	{"uscc", "统一社会信用代码", false, true, NULL},
	{"department", "条线", false, true, NULL},
	{"competent", "主管部门", false, true, NULL},
	{"affiliation", "隶属", false, false, affiliation_words},
	{"from", "起始日期", false, false, NULL}, /* of persons and area */
	{"persons", "用能人数", false, false, NULL},
	{"area_m2", "建筑面积", false, false, NULL},
	{0},
};

enum { METER_INSTITUTION, METER_FIRST_LIFE = 12 };
static const struct column meter_columns[] = {
	{"institution", "机构编号", true, false, NULL},
	{"id", "表号", true, false, NULL},
	{"name", "表名称", false, true, NULL},
	{"carrier", "能源种类", true, false, carrier_words},
	{"item", "分项编码", false, true, NULL},
	{"role", "性质", true, false, role_words},
	{"parent", "上级表号", false, false, NULL},
	{"quantity", "计量项", false, false, NULL},
	{"interval", "采集间隔", false, false, NULL},
	{"rated_kw", "额定功率", false, false, NULL},
	{"agent", "采集网关", false, false, NULL},
	{"formula", "公式", false, true, NULL},
	/* of its life */
	{"serial", "出厂编号", false, true, NULL},
	{"from", "启用日期", false, false, NULL},
	{"ratio", "倍率", false, false, NULL},
	{"modulus", "量程", false, false, NULL},
	{0},
};

/* ---- tables ---- */

struct table {
	const char *name; /* "meters.csv" */
	const struct column *columns;
	struct buf text;
	struct csv_reader csv;
	int at[COLUMNS_MAX]; /* field of each column, -1: not there */
	size_t n_wrong;
};

__attribute__((format(printf, 2, 3))) static void complain(struct table *table, const char *format,
							   ...)
{
	va_list args;

	(void)fprintf(stderr, "%s:%zu: ", table->name, table->csv.line);
	va_start(args, format);
	(void)vfprintf(stderr, format, args);
	va_end(args);
	(void)fputc('\n', stderr);
	table->n_wrong++;
}

static size_t count_columns(const struct column *columns)
{
	size_t n = 0;

	while (columns[n].name != NULL)
		n++;
	return n;
}

/* A heading without what stands in brackets, such as a unit. */
static bool is_heading(const char *text, const struct column *column)
{
	size_t len = strcspn(text, "([");
	const char *wide = strstr(text, "（");

	if (wide != NULL && (size_t)(wide - text) < len)
		len = (size_t)(wide - text);
	return (strlen(column->name) == len && strncasecmp(text, column->name, len) == 0) ||
	       (strlen(column->zh) == len && strncmp(text, column->zh, len) == 0);
}

static void read_heading(struct table *table)
{
	size_t n = count_columns(table->columns);
	const char *names[COLUMNS_MAX];
	char hint[96];

	for (size_t c = 0; c < n; c++) {
		names[c] = table->columns[c].name;
		table->at[c] = -1;
	}
	for (size_t i = 0; i < table->csv.n; i++) {
		size_t c = 0;

		while (c < n && !is_heading(table->csv.fields[i], &table->columns[c]))
			c++;
		if (c == n)
			complain(table, "no column is called '%.60s'%s", table->csv.fields[i],
				 conf_nearest(table->csv.fields[i], names, n, hint));
		else
			table->at[c] = (int)i;
	}
	for (size_t c = 0; c < n; c++)
		if (table->columns[c].is_required && table->at[c] < 0)
			complain(table, "the column '%s' (%s) is missing", table->columns[c].name,
				 table->columns[c].zh);
}

static int open_table(struct table *table, const char *folder, struct err *err)
{
	char *path = xasprintf("%s/%s", folder, table->name);
	struct buf raw = {0};
	struct err words = {""};
	int rc = file_read(path, TABLE_MAX, &raw);

	if (rc < 0)
		rc = err_set(err, rc, "%s: %s", path, err_name(rc));
	if (rc == 0 && charset_to_utf8(raw.data, raw.len, &table->text, &words) < 0)
		rc = err_set(err, -EILSEQ, "%s: %s", path, words.text);
	buf_fini(&raw);
	free(path);
	if (rc < 0)
		return rc;
	buf_add(&table->text, "", 0);
	csv_reader_init(&table->csv, table->text.data != NULL ? table->text.data : "",
			table->text.len);
	if (csv_reader_next(&table->csv, err) != 1)
		return err_set(err, -EINVAL, "%s has no heading", table->name);
	read_heading(table);
	return 0;
}

static void close_table(struct table *table)
{
	csv_reader_fini(&table->csv);
	buf_fini(&table->text);
}

/* The next row that can be read; false at the end. */
static bool next_row(struct table *table)
{
	struct err words = {""};
	int taken;

	while ((taken = csv_reader_next(&table->csv, &words)) < 0)
		complain(table, "%s", words.text);
	return taken == 1;
}

/* "" if it is not given. */
static const char *cell(const struct table *table, size_t column)
{
	int at = table->at[column];

	return at >= 0 && (size_t)at < table->csv.n ? table->csv.fields[at] : "";
}

/* ---- YAML ---- */

static bool is_plain(const char *text)
{
	return text[strspn(text, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				 "._/-")] == '\0' &&
	       text[0] != '-' && text[0] != '.' && text[0] != '/';
}

static void add_quoted(struct buf *out, const char *text)
{
	buf_add_char(out, '"');
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			buf_add_char(out, '\\');
		buf_add_char(out, (unsigned char)*text < ' ' ? ' ' : *text);
	}
	buf_add_char(out, '"');
}

static void add_value(struct buf *out, const struct column *column, const char *text)
{
	for (size_t i = 0; column->words != NULL && column->words[i].from != NULL; i++)
		if (strcmp(text, column->words[i].from) == 0)
			text = column->words[i].to;
	if (column->is_text || !is_plain(text))
		add_quoted(out, text);
	else
		buf_add_text(out, text);
}

static void add_cells(struct buf *out, const struct table *table, const size_t span[2],
		      const char *before)
{
	for (size_t c = span[0]; c < span[1]; c++) {
		if (cell(table, c)[0] == '\0')
			continue;
		buf_printf(out, "%s%s: ", before, table->columns[c].name);
		add_value(out, &table->columns[c], cell(table, c));
		buf_add_char(out, '\n');
	}
}

static const char *or_text(const char *text, const char *otherwise)
{
	return text[0] != '\0' ? text : otherwise;
}

static void add_piece(struct fill_pieces *pieces, const struct table *table,
		      const char *institution, struct buf *text)
{
	pieces->items = grow(pieces->items, pieces->n, &pieces->cap, sizeof *pieces->items);
	pieces->items[pieces->n++] =
		(struct fill_piece){xstrdup(institution), table->csv.line, buf_take(text)};
}

void fill_pieces_free(struct fill_pieces *pieces)
{
	for (size_t i = 0; i < pieces->n; i++) {
		free(pieces->items[i].institution);
		free(pieces->items[i].text);
	}
	free(pieces->items);
}

static void take_institutions(struct table *table, struct fill_pieces *pieces)
{
	while (next_row(table)) {
		const char *id = cell(table, INSTITUTION_ID);
		const char *from = or_text(cell(table, INSTITUTION_FROM), "2000-01-01");
		struct buf out = {0};

		if (!is_plain(id) || id[0] == '\0' || strchr(id, '/') != NULL) {
			complain(table, "'%.60s' is not an id", id);
			continue;
		}
		add_cells(&out, table, (const size_t[]){INSTITUTION_ID, INSTITUTION_FROM}, "");
		if (cell(table, INSTITUTION_PERSONS)[0] != '\0') {
			buf_printf(&out, "headcount: [{from: %s, persons: ", from);
			add_value(&out, &table->columns[INSTITUTION_PERSONS],
				  cell(table, INSTITUTION_PERSONS));
			buf_add_text(&out, "}]\n");
		}
		if (cell(table, INSTITUTION_AREA)[0] != '\0') {
			buf_printf(&out,
				   "buildings:\n  - {id: main, name: 主楼, area: [{from: %s, "
				   "m2: ",
				   from);
			add_value(&out, &table->columns[INSTITUTION_AREA],
				  cell(table, INSTITUTION_AREA));
			buf_add_text(&out, "}]}\n");
		}
		add_piece(pieces, table, id, &out);
	}
}

static bool has_life(const struct table *table)
{
	for (size_t c = METER_FIRST_LIFE; table->columns[c].name != NULL; c++)
		if (cell(table, c)[0] != '\0')
			return true;
	return false;
}

/* serial, from, ratio, modulus */
static void add_life(struct buf *out, const struct table *table)
{
	const struct column *columns = table->columns + METER_FIRST_LIFE;
	const char *from = or_text(cell(table, METER_FIRST_LIFE + 1), "2000-01-01");
	const char *ratio = or_text(cell(table, METER_FIRST_LIFE + 2), "1");

	buf_add_text(out, "    lives: [{from: ");
	add_value(out, &columns[1], from);
	buf_add_text(out, ", ratio: ");
	add_value(out, &columns[2], ratio);
	for (size_t c = 0; c <= 3; c += 3)
		if (cell(table, METER_FIRST_LIFE + c)[0] != '\0') {
			buf_printf(out, ", %s: ", columns[c].name);
			add_value(out, &columns[c], cell(table, METER_FIRST_LIFE + c));
		}
	buf_add_text(out, "}]\n");
}

static void take_meters(struct table *table, struct fill_pieces *pieces)
{
	while (next_row(table)) {
		const char *institution = cell(table, METER_INSTITUTION);
		struct buf out = {0};

		buf_add_text(&out, "  -\n");
		add_cells(&out, table, (const size_t[]){METER_INSTITUTION + 1, METER_FIRST_LIFE},
			  "    ");
		if (has_life(table))
			add_life(&out, table);
		add_piece(pieces, table, institution, &out);
	}
}

static int read_table(struct table *table, const char *folder,
		      void (*take)(struct table *table, struct fill_pieces *pieces),
		      struct fill_pieces *pieces, struct err *err)
{
	int rc = open_table(table, folder, err);

	if (rc == 0 && table->n_wrong == 0)
		take(table, pieces);
	pieces->n_wrong += table->n_wrong;
	close_table(table);
	return rc;
}

int fill_read_institutions(const char *folder, struct fill_pieces *pieces, struct err *err)
{
	struct table table = {.name = "institutions.csv", .columns = institution_columns};

	return read_table(&table, folder, take_institutions, pieces, err);
}

int fill_read_meters(const char *folder, struct fill_pieces *pieces, struct err *err)
{
	struct table table = {.name = "meters.csv", .columns = meter_columns};

	return read_table(&table, folder, take_meters, pieces, err);
}
