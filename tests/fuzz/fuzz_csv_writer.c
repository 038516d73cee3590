/* SPDX-License-Identifier: Apache-2.0 */
/* Property: a row of any two texts is read back as those texts, but for the apostrophe in front of
 * what would be a formula; and no cell that is no number begins like one. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/csv_writer.h"
#include "common/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Reads a cell as RFC 4180 says; returns what ends it. */
static const char *read_cell(const char *at, struct buf *cell)
{
	buf_clear(cell);
	buf_add(cell, "", 0);
	if (*at != '"') {
		size_t len = strcspn(at, ",\r");

		buf_add(cell, at, len);
		return at + len;
	}
	for (at++; *at != '"' || at[1] == '"'; at++) {
		assert(*at != '\0');
		if (*at == '"')
			at++;
		buf_add_char(cell, *at);
	}
	return at + 1;
}

static void check_cell(const struct buf *cell, const char *text)
{
	const char *got = cell->len > 0 ? cell->data : "";

	if (strcmp(got, text) == 0) {
		char *end;

		if (*text == '\0' || strchr("=+-@\t\r", *text) == NULL)
			return;
		(void)strtod(text, &end);
		assert(*end == '\0'); /* it is a number */
		return;
	}
	assert(got[0] == '\'' && strcmp(got + 1, text) == 0);
	assert(strchr("=+-@\t\r", *text) != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf out = {0}, cell = {0};
	struct csv_writer csv = {.out = &out};
	char *text = xcalloc(size + 2, 1);
	const char *at, *second;

	memcpy(text, data, size);
	second = text + strlen(text) + 1; /* what stands behind a zero byte, if there is one */
	csv_add_text(&csv, text);
	csv_add_text(&csv, second);
	csv_end_row(&csv);
	at = read_cell(out.data, &cell);
	check_cell(&cell, text);
	assert(*at == ',');
	at = read_cell(at + 1, &cell);
	check_cell(&cell, second);
	assert(strcmp(at, "\r\n") == 0);
	buf_fini(&cell);
	buf_fini(&out);
	free(text);
	return 0;
}
