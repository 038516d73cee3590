/* SPDX-License-Identifier: Apache-2.0 */
#include "common/json_writer.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "common/decimal.h"
#include "common/utf8.h"

static void write_text(struct buf *out, const char *text, size_t len)
{
	static const char hex[] = "0123456789abcdef";

	buf_add_char(out, '"');
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];
		size_t n = c < 0x80 ? 1 : utf8_character(text + i, len - i);

		if (n != 1) {
			buf_add(out, n > 0 ? text + i : "\xef\xbf\xbd", n > 0 ? n : 3);
			i += n > 0 ? n - 1 : 0;
			continue;
		}
		if (c == '"' || c == '\\') {
			buf_add_char(out, '\\');
			buf_add_char(out, (char)c);
		} else if (c < 0x20) {
			const char escape[] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};

			buf_add(out, escape, sizeof escape);
		} else {
			buf_add_char(out, (char)c);
		}
	}
	buf_add_char(out, '"');
}

static void begin_value(struct json_writer *json, const char *key)
{
	if (json->depth == 0) {
		assert(key == NULL);
		return;
	}
	assert(json->is_array[json->depth - 1] == (key == NULL));
	if (json->has_items[json->depth - 1])
		buf_add_char(json->out, ',');
	json->has_items[json->depth - 1] = true;
	if (key != NULL) {
		write_text(json->out, key, strlen(key));
		buf_add_char(json->out, ':');
	}
}

static void open_level(struct json_writer *json, const char *key, bool is_array)
{
	begin_value(json, key);
	assert(json->depth < JSON_DEPTH_MAX);
	json->is_array[json->depth] = is_array;
	json->has_items[json->depth] = false;
	json->depth++;
	buf_add_char(json->out, is_array ? '[' : '{');
}

static void close_level(struct json_writer *json, bool is_array)
{
	assert(json->depth > 0 && json->is_array[json->depth - 1] == is_array);
	json->depth--;
	buf_add_char(json->out, is_array ? ']' : '}');
}

void json_begin_object(struct json_writer *json, const char *key)
{
	open_level(json, key, false);
}

void json_end_object(struct json_writer *json)
{
	close_level(json, false);
}

void json_begin_array(struct json_writer *json, const char *key)
{
	open_level(json, key, true);
}

void json_end_array(struct json_writer *json)
{
	close_level(json, true);
}

void json_add_string_n(struct json_writer *json, const char *key, const char *text, size_t len)
{
	begin_value(json, key);
	write_text(json->out, text, len);
}

void json_add_string(struct json_writer *json, const char *key, const char *text)
{
	if (text == NULL)
		json_add_null(json, key);
	else
		json_add_string_n(json, key, text, strlen(text));
}

void json_add_int(struct json_writer *json, const char *key, int64_t value)
{
	begin_value(json, key);
	buf_add_int(json->out, value);
}

void json_add_bool(struct json_writer *json, const char *key, bool value)
{
	begin_value(json, key);
	buf_add_text(json->out, value ? "true" : "false");
}

void json_add_null(struct json_writer *json, const char *key)
{
	begin_value(json, key);
	buf_add_text(json->out, "null");
}

void json_add_number(struct json_writer *json, const char *key, const char *number, size_t len)
{
	begin_value(json, key);
	buf_add(json->out, number, len);
}

void json_add_micro(struct json_writer *json, const char *key, int64_t micro)
{
	char text[DECIMAL_TEXT_MAX];
	size_t len = decimal_print_micro(micro, text);

	begin_value(json, key);
	buf_add(json->out, text, len);
}

void json_add_real(struct json_writer *json, const char *key, double value, int decimals)
{
	size_t start;
	struct buf *out = json->out;

	if (!isfinite(value)) {
		json_add_null(json, key);
		return;
	}
	begin_value(json, key);
	start = out->len;
	buf_printf(out, "%.*f", decimals, value);
	if (memchr(out->data + start, '.', out->len - start) == NULL)
		return;
	while (out->data[out->len - 1] == '0')
		out->len--;
	if (out->data[out->len - 1] == '.')
		out->len--;
	if (out->len - start == 2 && memcmp(out->data + start, "-0", 2) == 0) {
		out->data[start] = '0';
		out->len--;
	}
	out->data[out->len] = '\0';
}
