/* SPDX-License-Identifier: Apache-2.0 */
#include "common/csv_reader.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/utf8.h"

/* Reads a quoted field from behind its quote to out; returns where out ends, or NULL if the quote
 * is never closed or followed by something else than a separator. */
static char *read_quoted(struct csv_reader *csv, char *out)
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

static char *read_plain(struct csv_reader *csv, char *out)
{
	while (csv->at < csv->end && *csv->at != csv->separator && *csv->at != '\n' &&
	       *csv->at != '\r')
		*out++ = *csv->at++;
	return out;
}

static void skip_line(struct csv_reader *csv)
{
	while (csv->at < csv->end && *csv->at != '\n')
		csv->at++;
	if (csv->at < csv->end) {
		csv->at++;
		csv->next_line++;
	}
}

/* The end of a row: LF, CRLF or the end of the text. */
static bool take_line_end(struct csv_reader *csv)
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

/* What csv_writer puts before a text that a spreadsheet would take for a formula. */
static char *drop_guard(char *text)
{
	bool is_guarded = text[0] == '\'' && text[1] != '\0' && strchr("=+-@\t\r", text[1]) != NULL;

	return is_guarded ? text + 1 : text;
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

static int read_row(struct csv_reader *csv, struct err *err)
{
	char *out = csv->text;

	assert(out != NULL);
	csv->n = 0;
	csv->line = csv->next_line;
	for (;;) {
		char *field = out;
		bool is_quoted = csv->at < csv->end && *csv->at == '"';

		if (is_quoted)
			csv->at++;
		out = is_quoted ? read_quoted(csv, out) : read_plain(csv, out);
		if (out == NULL || csv->n == CSV_FIELDS_MAX) {
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
		csv->fields[csv->n++] = drop_guard(trim(field));
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

static bool is_blank(const struct csv_reader *csv)
{
	for (size_t i = 0; i < csv->n; i++)
		if (csv->fields[i][0] != '\0')
			return false;
	return true;
}

/* What Excel puts into the clipboard has tabs; in some places it writes semicolons. */
static char separator_of(const char *text, size_t len)
{
	const char *end = memchr(text, '\n', len);
	size_t n = end != NULL ? (size_t)(end - text) : len;

	if (memchr(text, '\t', n) != NULL)
		return '\t';
	return memchr(text, ',', n) == NULL && memchr(text, ';', n) != NULL ? ';' : ',';
}

void csv_reader_init(struct csv_reader *reader, const char *text, size_t len)
{
	static const char mark[] = "\xef\xbb\xbf";

	*reader = (struct csv_reader){.at = text, .end = text + len, .next_line = 1};
	if (len >= 3 && memcmp(text, mark, 3) == 0)
		reader->at += 3;
	reader->separator = separator_of(text, len);
	/* No field needs more than the text has; each is followed by a NUL in a separator's place,
	 * the last one by one more. */
	reader->text = xcalloc(len + 2, 1);
}

void csv_reader_fini(struct csv_reader *reader)
{
	free(reader->text);
	reader->text = NULL;
}

int csv_reader_next(struct csv_reader *reader, struct err *err)
{
	int rc;

	do {
		if (reader->at == reader->end)
			return 0;
		rc = read_row(reader, err);
	} while (rc == 0 && is_blank(reader));
	return rc < 0 ? rc : 1;
}
