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
/* The profile of a meter, loaded once; NULL with the reason in errors. */
const struct profile *agent_config_profile(struct agent_config *config,
					   const struct agent_meter *meter,
					   struct conf_errors *errors);

#endif
