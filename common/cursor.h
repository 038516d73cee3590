/* SPDX-License-Identifier: Apache-2.0 */
/* cursor.h - steps through one line of a batch and says where and why it is wrong. */
#ifndef COMMON_CURSOR_H
#define COMMON_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/telemetry.h"

struct cursor {
	const char *start, *at, *end; /* of the line; end: its line feed or the payload's end */
	size_t line_number;
	enum telemetry_reason reason; /* of the failure */
	struct err *err;
};

/* All below return 0 or, with reason and words, -EINVAL; then at is where the mistake is. */

/* Refuses the line at the cursor. If the byte there is one that no line may hold, that is the
 * reason instead. */
__attribute__((format(printf, 3, 4))) int
cursor_fail(struct cursor *cursor, enum telemetry_reason reason, const char *format, ...);

bool cursor_starts_with(const struct cursor *cursor, const char *word, size_t len);
int cursor_expect(struct cursor *cursor, const char *word); /* steps over a word */

int cursor_read_name(struct cursor *cursor, struct slice *name); /* of a field, and its '=' */
int cursor_read_value(struct cursor *cursor, struct telemetry_field *field);
int cursor_read_id(struct cursor *cursor, struct slice *id);   /* up to a blank */
int cursor_read_time(struct cursor *cursor, int64_t *time_ms); /* to the end of the line */

bool cursor_time_is_valid(int64_t time_ms); /* UTC ms from 2000 to 2100 */

/* 64 bits, one spelling: no plus, no superfluous zero. */
bool cursor_parse_integer(struct slice digits, int64_t *value);

#endif
