/* SPDX-License-Identifier: Apache-2.0 */
#include "common/phrase.h"

#include <ctype.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* Like the log's level: set once at the start, for the whole program. */
static const struct phrase *const *known;
static int n_known;

bool phrase_is_chinese(void)
{
	static const char *const names[] = {"LC_ALL", "LC_MESSAGES", "LANG"};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		/* Nobody changes the environment. NOLINTNEXTLINE(concurrency-mt-unsafe) */
		const char *locale = getenv(names[i]);

		if (locale != NULL && *locale != '\0')
			return strncmp(locale, "zh", 2) == 0;
	}
	return false;
}

void phrase_learn(const struct phrase *const *lists, int n)
{
	known = lists;
	n_known = phrase_is_chinese() ? n : 0;
}

void phrase_forget(void)
{
	n_known = 0;
}

const char *phrase_say(const char *english)
{
	for (int i = 0; i < n_known; i++)
		for (const struct phrase *p = known[i]; p->english != NULL; p++)
			if (strcmp(p->english, english) == 0)
				return p->chinese;
	return english;
}

/* ---- sentences that were filled in elsewhere ---- */

enum { PARTS_MAX = 8, DEPTH_MAX = 3 };

struct part { /* what stands in the place of a conversion */
	const char *text;
	size_t len;
};

/* Behind the conversion that begins at format; NULL: none does. */
static const char *skip_conversion(const char *format)
{
	if (*format != '%' || format[1] == '%')
		return NULL;
	format++;
	format += strspn(format, "-+ #0123456789.*hlzjt");
	return isalpha((unsigned char)*format) ? format + 1 : NULL;
}

/* Bytes up to the next conversion; as they stand in the format. */
static size_t literal_length(const char *format)
{
	size_t n = 0;

	while (format[n] != '\0' && skip_conversion(format + n) == NULL)
		n += format[n] == '%' ? 2 : 1;
	return n;
}

/* How many conversions the text fills in; -1: it is not of that form. */
static int match(const char *format, const char *text, struct part parts[PARTS_MAX])
{
	int n = 0;
	size_t len = literal_length(format);

	if (strncmp(text, format, len) != 0)
		return -1;
	text += len;
	format += len;
	while (*format != '\0') {
		const char *next = skip_conversion(format), *end;

		len = literal_length(next);
		end = len > 0 ? memmem(text, strlen(text), next, len) : NULL;
		if (n == PARTS_MAX || (len == 0 && *next != '\0') || (len > 0 && end == NULL))
			return -1; /* two conversions side by side cannot be told apart */
		if (len == 0 || next[len] == '\0')
			end = text + strlen(text) - len;
		parts[n++] = (struct part){text, (size_t)(end - text)};
		if (strncmp(end, next, len) != 0)
			return -1;
		text = end + len;
		format = next + len;
	}
	return *text == '\0' ? n : -1;
}

static void retell(const char *text, size_t len, struct buf *out, int depth);

static void fill(const char *format, const struct part *parts, struct buf *out, int depth)
{
	while (*format != '\0') {
		size_t len = literal_length(format);

		buf_add(out, format, len);
		format += len;
		if (*format == '\0')
			return;
		if (parts->text != NULL && strncmp(format, "%.0s", 4) != 0)
			retell(parts->text, parts->len, out, depth + 1);
		parts++;
		format = skip_conversion(format);
	}
}

/* What is not known stays as it is. */
static void retell(const char *text, size_t len, struct buf *out, int depth)
{
	struct buf copy = {0};
	struct part parts[PARTS_MAX] = {{NULL, 0}};

	buf_add(&copy, text, len);
	buf_add_char(&copy, '\0');
	for (int i = 0; i < n_known && depth < DEPTH_MAX; i++)
		for (const struct phrase *p = known[i]; p->english != NULL; p++)
			if (match(p->english, copy.data, parts) >= 0) {
				fill(p->chinese, parts, out, depth);
				buf_fini(&copy);
				return;
			}
	buf_add(out, text, len);
	buf_fini(&copy);
}

const char *phrase_retell(const char *english, struct buf *out)
{
	if (n_known == 0)
		return english;
	buf_clear(out);
	retell(english, strlen(english), out, 0);
	return out->len > 0 ? out->data : english;
}
