/* SPDX-License-Identifier: Apache-2.0 */
/* json_writer.h - writes JSON text as it goes, with numbers as exact decimals. */
#ifndef COMMON_JSON_WRITER_H
#define COMMON_JSON_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"

enum { JSON_DEPTH_MAX = 32 };

/* The names keep clear of jansson, which some programs link too.
 *
 * A zeroed writer with out set is ready. key: NULL inside of an array or at the top. Wrong nesting
 * is a bug and asserts. */
struct json_writer {
	struct buf *out;
	int depth;
	bool is_array[JSON_DEPTH_MAX];
	bool has_items[JSON_DEPTH_MAX];
};

void json_begin_object(struct json_writer *json, const char *key);
void json_end_object(struct json_writer *json);
void json_begin_array(struct json_writer *json, const char *key);
void json_end_array(struct json_writer *json);

void json_add_string(struct json_writer *json, const char *key, const char *text); /* NULL: null */
void json_add_string_n(struct json_writer *json, const char *key, const char *text, size_t len);
void json_add_int(struct json_writer *json, const char *key, int64_t value);
void json_add_bool(struct json_writer *json, const char *key, bool value);
void json_add_null(struct json_writer *json, const char *key);
/* A number that is text already, as decimal_print gives it. */
void json_add_number(struct json_writer *json, const char *key, const char *number, size_t len);
/* 10^-6 units as an exact decimal number: 41200000 -> 41.2 */
void json_add_micro(struct json_writer *json, const char *key, int64_t micro);
/* At most `decimals` digits after the point; nan and infinity: null. */
void json_add_real(struct json_writer *json, const char *key, double value, int decimals);

#endif
