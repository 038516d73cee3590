/* SPDX-License-Identifier: Apache-2.0 */
#include "common/cursor.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/decimal.h"
#include "common/utf8.h"

enum { NAME_MAX_BYTES = 63, PLAIN_DIGITS = 18 /* so many always fit in struct decimal */ };

static const int64_t time_min_ms = 946684800000;  /* 2000-01-01 */
static const int64_t time_max_ms = 4102444800000; /* 2100-01-01 */

/* Bytes of a field's name. */
static const bool is_name_byte[256] = {
	['a'] = true, ['b'] = true, ['c'] = true, ['d'] = true, ['e'] = true, ['f'] = true,
	['g'] = true, ['h'] = true, ['i'] = true, ['j'] = true, ['k'] = true, ['l'] = true,
	['m'] = true, ['n'] = true, ['o'] = true, ['p'] = true, ['q'] = true, ['r'] = true,
	['s'] = true, ['t'] = true, ['u'] = true, ['v'] = true, ['w'] = true, ['x'] = true,
	['y'] = true, ['z'] = true, ['0'] = true, ['1'] = true, ['2'] = true, ['3'] = true,
	['4'] = true, ['5'] = true, ['6'] = true, ['7'] = true, ['8'] = true, ['9'] = true,
	['_'] = true,
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_control(char c)
{
	return (unsigned char)c < ' ' || c == 0x7f;
}

int cursor_fail(struct cursor *cursor, enum telemetry_reason reason, const char *format, ...)
{
	char words[160];
	va_list args;

	cursor->reason = reason;
	va_start(args, format);
	(void)vsnprintf(words, sizeof words, format, args);
	va_end(args);
	if (cursor->at < cursor->end && (is_control(*cursor->at) || (*cursor->at & 0x80) != 0)) {
		bool is_utf8 = utf8_character(cursor->at, (size_t)(cursor->end - cursor->at)) > 1;

		cursor->reason = TELEMETRY_BAD_ENCODING;
		(void)snprintf(words, sizeof words, "%s 0x%02x",
			       is_control(*cursor->at) ? "control character"
			       : is_utf8               ? "only ASCII may stand here, not byte"
						       : "not UTF-8: byte",
			       (unsigned char)*cursor->at);
	}
	return err_set(cursor->err, -EINVAL, "line %zu, byte %td: %s", cursor->line_number,
		       cursor->at - cursor->start + 1, words);
}

bool cursor_starts_with(const struct cursor *cursor, const char *word, size_t len)
{
	return (size_t)(cursor->end - cursor->at) >= len && memcmp(cursor->at, word, len) == 0;
}

int cursor_expect(struct cursor *cursor, const char *word)
{
	size_t len = strlen(word);

	if (cursor_starts_with(cursor, word, len)) {
		cursor->at += len;
		return 0;
	}
	/* Where it starts to differ. */
	for (; cursor->at < cursor->end && *cursor->at == *word; word++)
		cursor->at++;
	return cursor_fail(cursor, TELEMETRY_BAD_SYNTAX, "'%s' must stand here", word);
}

int cursor_read_name(struct cursor *cursor, struct slice *name)
{
	const char *at = cursor->at;
	bool is_name;

	while (at < cursor->end && is_name_byte[(unsigned char)*at])
		at++;
	*name = (struct slice){cursor->at, (size_t)(at - cursor->at)};
	is_name = name->len >= 1 && name->len <= NAME_MAX_BYTES && !is_digit(*name->at) &&
		  *name->at != '_';
	if (is_name)
		cursor->at = at;
	if (is_name && at < cursor->end && *at == '=') {
		cursor->at++;
		return 0;
	}
	return cursor_fail(cursor, TELEMETRY_BAD_NAME,
			   "a field's name has 1 to %d bytes of a-z, 0-9 and _, the first a "
			   "letter, and '=' behind it",
			   NAME_MAX_BYTES);
}

static int read_string(struct cursor *cursor, struct telemetry_field *field)
{
	const char *first = ++cursor->at;

	while (cursor->at < cursor->end && *cursor->at != '"') {
		size_t n = utf8_character(cursor->at, (size_t)(cursor->end - cursor->at));

		if (n == 0 || is_control(*cursor->at))
			return cursor_fail(cursor, TELEMETRY_BAD_ENCODING, "not UTF-8");
		if (*cursor->at == '\\') {
			if (cursor->end - cursor->at < 2 ||
			    (cursor->at[1] != '"' && cursor->at[1] != '\\'))
				return cursor_fail(cursor, TELEMETRY_BAD_SYNTAX,
						   "a backslash may only stand before \" or \\");
			n = 2;
		}
		cursor->at += n;
	}
	field->is_string = true;
	field->is_integer = false;
	field->value = (struct slice){first, (size_t)(cursor->at - first)};
	return cursor_expect(cursor, "\"");
}

bool cursor_parse_integer(struct slice digits, int64_t *value)
{
	bool is_negative = digits.len > 0 && *digits.at == '-';
	size_t n = digits.len - is_negative;
	const char *first = digits.at + is_negative;
	int64_t sum = 0;

	if (n == 0 || (*first == '0' && digits.len > 1))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!is_digit(first[i]) || __builtin_mul_overflow(sum, 10, &sum) ||
		    __builtin_sub_overflow(sum, first[i] - '0', &sum))
			return false;
	if (!is_negative && sum == INT64_MIN)
		return false;
	*value = is_negative ? sum : -sum;
	return true;
}

/* Everything that is not the usual short number: exponents, many digits, and mistakes. */
static int read_long_number(struct cursor *cursor, struct telemetry_field *field)
{
	const char *at = cursor->at;
	struct decimal d;
	int code;

	while (at < cursor->end && *at != ',' && *at != ' ')
		at++;
	field->value = (struct slice){cursor->at, (size_t)(at - cursor->at)};
	code = decimal_parse(field->value.at, field->value.len, &d);
	if (code == -ERANGE)
		return cursor_fail(cursor, TELEMETRY_BAD_NUMBER, "the number is out of range");
	if (code != 0)
		return cursor_fail(cursor, TELEMETRY_BAD_NUMBER, "the value is not a number");
	cursor->at = at;
	return 0;
}

static int read_number(struct cursor *cursor, struct telemetry_field *field)
{
	const char *at = cursor->at, *end = cursor->end, *first;
	const char *point = NULL;
	int64_t ignored;

	at += at < end && *at == '-';
	for (first = at; at < end && is_digit(*at); at++)
		;
	field->is_string = false;
	field->is_integer = at > first && at < end && *at == 'i';
	if (field->is_integer) {
		field->value = (struct slice){cursor->at, (size_t)(at - cursor->at)};
		if (!cursor_parse_integer(field->value, &ignored))
			return cursor_fail(cursor, TELEMETRY_BAD_NUMBER,
					   "the value is not a 64-bit integer in its "
					   "shortest form");
		cursor->at = at + 1;
		return 0;
	}
	if (at > first && at < end && *at == '.')
		for (point = at++; at < end && is_digit(*at); at++)
			;
	if (at == first || at - first > PLAIN_DIGITS || (point != NULL && at - point < 2) ||
	    (at < end && *at != ',' && *at != ' '))
		return read_long_number(cursor, field);
	field->value = (struct slice){cursor->at, (size_t)(at - cursor->at)};
	cursor->at = at;
	return 0;
}

int cursor_read_value(struct cursor *cursor, struct telemetry_field *field)
{
	if (cursor->at < cursor->end && *cursor->at == '"')
		return read_string(cursor, field);
	return read_number(cursor, field);
}

bool cursor_time_is_valid(int64_t time_ms)
{
	return time_ms >= time_min_ms && time_ms <= time_max_ms;
}

int cursor_read_time(struct cursor *cursor, int64_t *time_ms)
{
	const char *at = cursor->at;
	struct slice digits;

	while (at < cursor->end && is_digit(*at))
		at++;
	if (at < cursor->end) {
		cursor->at = at;
		return cursor_fail(cursor, TELEMETRY_BAD_TIME,
				   "a time stamp has only digits and ends the line");
	}
	digits = (struct slice){cursor->at, (size_t)(at - cursor->at)};
	if (!cursor_parse_integer(digits, time_ms) || !cursor_time_is_valid(*time_ms))
		return cursor_fail(cursor, TELEMETRY_BAD_TIME,
				   "the time stamp must be UTC milliseconds from 2000 "
				   "to 2100");
	return 0;
}

int cursor_read_id(struct cursor *cursor, struct slice *id)
{
	const char *end = memchr(cursor->at, ' ', (size_t)(cursor->end - cursor->at));

	*id = (struct slice){cursor->at, (size_t)((end != NULL ? end : cursor->end) - cursor->at)};
	if (!telemetry_id_is_valid(id->at, id->len)) {
		while (cursor->at < cursor->end && telemetry_id_is_valid(cursor->at, 1) &&
		       cursor->at - id->at < TELEMETRY_ID_MAX)
			cursor->at++;
		return cursor_fail(cursor, TELEMETRY_BAD_NAME,
				   "an id has 1 to %d bytes of A-Z, a-z, 0-9 and -, then a blank",
				   TELEMETRY_ID_MAX);
	}
	cursor->at += id->len;
	return 0;
}
