/* SPDX-License-Identifier: Apache-2.0 */
/* model.h - which profile fits a device that answers: judged by what its telling registers hold. */
#ifndef AGENT_MODEL_H
#define AGENT_MODEL_H

#include <stdint.h>

#include "agent/commission/commission.h"

struct models;

/* All profiles in the configuration's folders; those with mistakes are left out. Never NULL. */
struct models *models_load(const struct agent_config *config);
void models_destroy(struct models *models); /* NULL is allowed */

enum { MODEL_BEST_MAX = 4 };

struct model_guess {
	const char *ids[MODEL_BEST_MAX]; /* the best, and others that fit as well; borrowed */
	size_t n;
};

/* Asks the device; what it refuses or garbles counts against a profile. */
void models_guess(const struct models *models, struct commission *c, const struct bus_request *like,
		  struct model_guess *out);

#endif
