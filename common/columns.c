/* SPDX-License-Identifier: Apache-2.0 */
#include "common/columns.h"

#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "common/utf8.h"

/* Bytes of the character; 1 for a byte that begins none. */
static size_t character(const char *text, int *width)
{
	size_t n = utf8_character(text, strlen(text));

	*width = n >= 3 ? 2 : 1;
	return n > 0 ? n : 1;
}

int columns_of(const char *text)
{
	int columns = 0, width;

	while (*text != '\0') {
		text += character(text, &width);
		columns += width;
	}
	return columns;
}

void columns_pad(struct buf *out, const char *text, int width)
{
	int missing = (width < 0 ? -width : width) - columns_of(text);

	if (width >= 0)
		buf_add_text(out, text);
	for (; missing > 0; missing--)
		buf_add_char(out, ' ');
	if (width < 0)
		buf_add_text(out, text);
}

/* Marks that must not begin a line. */
static bool is_closing(const char *text)
{
	static const char *const marks[] = {"，", "。", "；", "：", "、", "？", "）", "”"};

	for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
		if (strncmp(text, marks[i], strlen(marks[i])) == 0)
			return true;
	return false;
}

/* The next piece that stays in one line: a word with the blanks before it, or a wide character. */
static size_t piece(const char *text, int *columns)
{
	size_t len = strspn(text, " "), n;
	int width;

	*columns = (int)len;
	while (text[len] != '\0' && text[len] != ' ' && text[len] != '\n') {
		n = character(text + len, &width);
		len += n;
		*columns += width;
		if ((width == 2 || character(text + len, &width) > 2) && !is_closing(text + len))
			break;
	}
	return len;
}

static void begin_line(struct buf *out, int indent)
{
	buf_add_char(out, '\n');
	columns_pad(out, "", indent);
}

void columns_wrap(struct buf *out, const char *text, int column, int indent)
{
	while (*text != '\0') {
		int width;
		size_t len;

		if (*text == '\n') {
			buf_add_char(out, *text++);
			column = 0;
			continue;
		}
		len = piece(text, &width);
		if (column + width > COLUMNS_MAX && column > indent) {
			begin_line(out, indent);
			text += strspn(text, " ");
			column = indent;
			continue;
		}
		buf_add(out, text, len);
		text += len;
		column += width;
	}
}

void columns_put(FILE *file, const char *text, int indent)
{
	struct buf out = {0};

	if (isatty(fileno(file)) == 1)
		columns_wrap(&out, text, 0, indent);
	else
		buf_add_text(&out, text);
	if (out.len > 0 && out.data[out.len - 1] != '\n')
		buf_add_char(&out, '\n');
	if (out.len > 0)
		(void)fputs(out.data, file);
	buf_fini(&out);
}
