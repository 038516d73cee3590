/* SPDX-License-Identifier: Apache-2.0 */
/* config_internal.h - what config.c and config_keys.c share. */
#ifndef SERVER_CONFIG_INTERNAL_H
#define SERVER_CONFIG_INTERNAL_H

#include "server/config/config.h"

/* The file as a whole; what only its checks need is not part of the config. */
struct server_config_file {
	struct server_config config; /* first: a pointer to it is one to the file */
	const struct conf_node *upstream;
};

extern const struct conf_key server_config_keys[];

/* config_alarm.c */
extern const struct conf_key server_alarm_keys[];
void server_alarm_check(struct server_config *config, struct conf_errors *errors);
/* What is wrong with an http(s) URL, or NULL. */
const char *server_judge_url(const char *url);

#endif
