/* SPDX-License-Identifier: Apache-2.0 */
/* config_internal.h - what the files of config share with each other and with nobody else. */
#ifndef AGENT_CONFIG_INTERNAL_H
#define AGENT_CONFIG_INTERNAL_H

#include "agent/config/config.h"

enum { UTILISATION_MAX_PERCENT = 80 }; /* of a serial line: the rest is for faults and probes */

extern const struct conf_key agent_config_keys[]; /* fills struct agent_config */
extern const char agent_config_parities[];        /* by agent_serial.parity */

/* Checks what tables cannot, loads the profiles, completes what depends on other keys. */
void agent_config_check(struct agent_config *config, struct conf_errors *errors);
/* Fills config->warnings: a device that renumbers, a poll faster than the meter. */
void agent_config_warn(struct agent_config *config);
/* config_listen.c: what a gateway that dials in is known by; and that no two are known by the same.
 */
void agent_config_check_listen(struct agent_bus *bus, struct conf_errors *errors);
bool agent_config_is_address(const char *text); /* numeric, IPv4 or IPv6 */
void agent_config_check_listeners(const struct agent_config *config, struct conf_errors *errors);
/* The profile of a meter, loaded once; NULL with the reason in errors. */
const struct profile *agent_config_profile(struct agent_config *config,
					   const struct agent_meter *meter,
					   struct conf_errors *errors);

#endif
