/* SPDX-License-Identifier: Apache-2.0 */
/* trial.h - a meter model against frames of its device: checked, and recorded for later checks. */
#ifndef AGENT_TRIAL_H
#define AGENT_TRIAL_H

#include <jansson.h>

#include "agent/config/config.h"
#include "common/buf.h"

/* Decodes the frames of the profile's tests; what they give otherwise than a test says is added to
 * errors. */
void trial_run(const struct profile *profile, struct conf_errors *errors);

/* The reading that reading_write_json wrote as a test to be put into the profile's file: the frames
 * as they go over a serial line, and what they gave. json: of which reading was parsed. */
void trial_write(const struct agent_meter *meter, const json_t *reading, const char *json,
		 struct buf *out);

#endif
