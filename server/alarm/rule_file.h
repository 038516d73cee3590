/* SPDX-License-Identifier: Apache-2.0 */
/* rule_file.h - a file of rules as its keys say; what rule.c and rule_keys.c share. */
#ifndef SERVER_ALARM_RULE_FILE_H
#define SERVER_ALARM_RULE_FILE_H

#include "server/alarm/rule.h"

struct file_words {
	const char *zh, *en;
};
struct file_rule {
	const struct conf_node *node, *raise, *clear, *floor;
	const char *id, *carrier;
	int watch, severity;
	bool is_enabled;
	int64_t raise_after, clear_after;
	struct conf_list types, kinds;
	struct file_words title, text;
};
struct file_rules {
	struct conf_list rules;
};

extern const struct conf_key alarm_file_keys[];
/* Names of the watches, NULL-terminated, once they are filled in. */
extern const char *alarm_file_watches[N_ALARM_WATCHES + 1];
void alarm_file_name_watches(void);

#endif
