/* SPDX-License-Identifier: Apache-2.0 */
/* form_internal.h - what form.c and form_keys.c share: a file as it is written. */
#ifndef SERVER_FORM_INTERNAL_H
#define SERVER_FORM_INTERNAL_H

#include "server/statistics/form.h"

struct file_line {
	const struct conf_node *node;
	const char *code, *name, *unit, *note, *source, *at_most;
	int64_t decimals, max_change, max_per_person, max_per_area;
	int text;
	bool is_words, is_not_summed, is_required, is_yearly;
};
struct file_form {
	const struct conf_node *node;
	const char *id, *name, *number;
	struct conf_list lines;
};
struct file_schema {
	const struct conf_node *node;
	const char *id, *name, *source;
	bool is_verified;
	int64_t from, due_month, due_day, due_days;
	struct conf_list forms;
};

extern const struct conf_key form_schema_keys[]; /* struct file_schema */

#endif
