/* SPDX-License-Identifier: Apache-2.0 */
#include "common/xlsx_reader.h"

#include <errno.h>
#include <expat.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zip.h>

#include "common/buf.h"
#include "common/mem.h"

enum { COLUMNS_MAX = 16384, ROWS_MAX = 1048576 };

struct reading {
	xlsx_cell_fn fn;
	void *arg;
	XML_Parser parser;
	char **strings; /* shared ones */
	size_t n_strings, cap_strings;
	struct xlsx_cell cell;
	bool is_shared;   /* the cell's value is an index of a shared string */
	bool takes_text;  /* inside of <t> or <v> */
	bool is_phonetic; /* inside of <rPh>: how a name is read, no part of it */
	struct buf text;
};

/* ---- parts of the archive ---- */

/* 1: there; 0: there is no such part. */
static int load_part(zip_t *archive, const char *name, struct buf *out, struct err *err)
{
	zip_int64_t index = zip_name_locate(archive, name, 0);
	zip_file_t *file;
	char block[16384];
	zip_int64_t n;

	if (index < 0)
		return 0;
	file = zip_fopen_index(archive, (zip_uint64_t)index, 0);
	if (file == NULL)
		return err_set(err, -EINVAL, "%s cannot be unpacked", name);
	/* The size that the archive claims proves nothing. */
	while ((n = zip_fread(file, block, sizeof block)) > 0 && out->len <= XLSX_PART_MAX)
		buf_add(out, block, (size_t)n);
	(void)zip_fclose(file); /* read only */
	if (n < 0)
		return err_set(err, -EINVAL, "%s cannot be unpacked", name);
	if (out->len > XLSX_PART_MAX)
		return err_set(err, -EINVAL, "%s is larger than %d MiB", name,
			       XLSX_PART_MAX / 1024 / 1024);
	return 1;
}

/* No part of a workbook declares anything; one that does is meant to harm. */
static void on_doctype(void *arg, const XML_Char *name, const XML_Char *system,
		       const XML_Char *public, int has_subset)
{
	struct reading *r = arg;

	(void)name;
	(void)system;
	(void)public;
	(void)has_subset;
	(void)XML_StopParser(r->parser, XML_FALSE); /* it is running */
}

static void on_text(void *arg, const XML_Char *text, int len)
{
	struct reading *r = arg;

	if (r->takes_text && !r->is_phonetic)
		buf_add(&r->text, text, (size_t)len);
}

static int parse(struct reading *r, const char *name, const struct buf *part,
		 XML_StartElementHandler start, XML_EndElementHandler end, struct err *err)
{
	int rc = 0;

	r->parser = XML_ParserCreate(NULL);
	if (r->parser == NULL)
		return err_set(err, -ENOMEM, "%s: no memory", name);
	XML_SetUserData(r->parser, r);
	XML_SetElementHandler(r->parser, start, end);
	XML_SetCharacterDataHandler(r->parser, on_text);
	XML_SetStartDoctypeDeclHandler(r->parser, on_doctype);
	if (XML_Parse(r->parser, part->data, (int)part->len, 1) != XML_STATUS_OK)
		rc = err_set(err, -EINVAL, "%s, line %lu: %s", name,
			     (unsigned long)XML_GetCurrentLineNumber(r->parser),
			     XML_ErrorString(XML_GetErrorCode(r->parser)));
	XML_ParserFree(r->parser);
	r->parser = NULL;
	return rc;
}

/* Names of elements without the prefix that some writers give them. */
static const char *local_name(const char *name)
{
	const char *colon = strchr(name, ':');

	return colon != NULL ? colon + 1 : name;
}

static const char *attribute(const XML_Char **attributes, const char *name)
{
	for (; *attributes != NULL; attributes += 2)
		if (strcmp(attributes[0], name) == 0)
			return attributes[1];
	return NULL;
}

/* ---- shared strings ---- */

static void start_string(void *arg, const XML_Char *name, const XML_Char **attributes)
{
	struct reading *r = arg;

	(void)attributes;
	name = local_name(name);
	if (strcmp(name, "si") == 0)
		buf_clear(&r->text);
	r->is_phonetic |= strcmp(name, "rPh") == 0;
	r->takes_text = strcmp(name, "t") == 0;
}

static void end_string(void *arg, const XML_Char *name)
{
	struct reading *r = arg;

	name = local_name(name);
	r->takes_text = false;
	if (strcmp(name, "rPh") == 0)
		r->is_phonetic = false;
	if (strcmp(name, "si") != 0)
		return;
	r->strings = grow(r->strings, r->n_strings, &r->cap_strings, sizeof *r->strings);
	r->strings[r->n_strings++] =
		xstrndup(r->text.data != NULL ? r->text.data : "", r->text.len);
}

/* ---- sheets ---- */

/* "AB12" to column 27, row 11. */
static bool parse_place(const char *text, struct xlsx_cell *cell)
{
	size_t column = 0, row = 0;

	for (; *text >= 'A' && *text <= 'Z' && column < COLUMNS_MAX; text++)
		column = column * 26 + (size_t)(*text - 'A' + 1);
	for (; *text >= '0' && *text <= '9' && row <= ROWS_MAX; text++)
		row = row * 10 + (size_t)(*text - '0');
	if (*text != '\0' || column == 0 || column > COLUMNS_MAX || row == 0 || row > ROWS_MAX)
		return false;
	cell->column = column - 1;
	cell->row = row - 1;
	return true;
}

static void start_sheet(void *arg, const XML_Char *name, const XML_Char **attributes)
{
	struct reading *r = arg;
	const char *place, *type;

	name = local_name(name);
	if (strcmp(name, "c") == 0) {
		place = attribute(attributes, "r");
		type = attribute(attributes, "t");
		if (place == NULL || !parse_place(place, &r->cell))
			(void)XML_StopParser(r->parser, XML_FALSE);
		r->is_shared = type != NULL && strcmp(type, "s") == 0;
		buf_clear(&r->text);
	}
	r->is_phonetic |= strcmp(name, "rPh") == 0;
	r->takes_text = strcmp(name, "v") == 0 || strcmp(name, "t") == 0;
}

static const char *text_of_cell(const struct reading *r)
{
	unsigned long index;
	char *end;

	if (!r->is_shared)
		return r->text.data;
	index = strtoul(r->text.data, &end, 10);
	return *end == '\0' && index < r->n_strings ? r->strings[index] : "";
}

static void end_sheet(void *arg, const XML_Char *name)
{
	struct reading *r = arg;

	name = local_name(name);
	r->takes_text = false;
	if (strcmp(name, "rPh") == 0)
		r->is_phonetic = false;
	if (strcmp(name, "c") != 0 || r->text.len == 0)
		return;
	r->cell.text = text_of_cell(r);
	if (r->cell.text[0] != '\0')
		r->fn(&r->cell, r->arg);
}

/* ---- the whole ---- */

static int read_parts(struct reading *r, zip_t *archive, struct err *err)
{
	struct buf part = {0};
	int rc = load_part(archive, "xl/sharedStrings.xml", &part, err);

	if (rc == 1)
		rc = parse(r, "sharedStrings.xml", &part, start_string, end_string, err);
	for (r->cell.sheet = 0; rc >= 0 && r->cell.sheet < XLSX_SHEETS_MAX; r->cell.sheet++) {
		char name[48];

		(void)snprintf(name, sizeof name, "xl/worksheets/sheet%zu.xml", r->cell.sheet + 1);
		buf_clear(&part);
		rc = load_part(archive, name, &part, err);
		if (rc == 0)
			break;
		if (rc == 1)
			rc = parse(r, name, &part, start_sheet, end_sheet, err);
	}
	buf_fini(&part);
	if (rc >= 0 && r->cell.sheet == 0)
		rc = err_set(err, -EINVAL, "there is no sheet in it");
	return rc < 0 ? rc : 0;
}

int xlsx_read(const void *data, size_t len, xlsx_cell_fn fn, void *arg, struct err *err)
{
	struct reading r = {.fn = fn, .arg = arg};
	zip_error_t why;
	zip_source_t *source = zip_source_buffer_create(data, len, 0, &why);
	zip_t *archive = source != NULL ? zip_open_from_source(source, ZIP_RDONLY, &why) : NULL;
	int rc;

	if (archive == NULL) {
		zip_source_free(source);
		return err_set(err, -EINVAL, "this is no workbook (.xlsx)");
	}
	rc = read_parts(&r, archive, err);
	zip_discard(archive);
	for (size_t i = 0; i < r.n_strings; i++)
		free(r.strings[i]);
	free(r.strings);
	buf_fini(&r.text);
	return rc;
}
