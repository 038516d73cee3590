/* SPDX-License-Identifier: Apache-2.0 */
/* conf_internal.h - what the files of conf share with each other and with nobody else. */
#ifndef COMMON_CONF_INTERNAL_H
#define COMMON_CONF_INTERNAL_H

#include "common/conf.h"

enum { CONF_SHOWN_MAX = 60 }; /* bytes of a foreign text that a message repeats */

/* Adds 'text' in single quotes, cut to CONF_SHOWN_MAX, control characters as '?'. */
void conf_add_quoted(struct buf *out, const char *text, size_t len);

/* A number of this type as it is written in a file: 900000 as CONF_DURATION is "15m". */
void conf_add_number(struct buf *out, enum conf_type type, int64_t value);

/* "a whole number", "a duration such as 500ms, 60s, 15m, 24h or 60d" */
const char *conf_type_words(enum conf_type type);

/* True if a table may be filled from nothing: no key of it is required. */
bool conf_is_optional_table(const struct conf_key *table);

static inline bool conf_has_limits(const struct conf_key *key)
{
	return key->min != 0 || key->max != 0;
}

#endif
