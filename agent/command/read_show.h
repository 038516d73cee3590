/* SPDX-License-Identifier: Apache-2.0 */
/* read_show.h - one reading for the eye: values, raw registers, what the wiring looks like. */
#ifndef AGENT_READ_SHOW_H
#define AGENT_READ_SHOW_H

#include <jansson.h>

#include "agent/config/config.h"
#include "common/buf.h"

struct read_answer {
	const json_t *root;
	const char *json; /* what reading_write_json wrote, of which root was parsed */
	const struct agent_meter *meter;
};

void read_show(const struct read_answer *answer);
/* A meter's life for the registry, to be completed by hand. */
void read_show_life(const struct read_answer *answer);
/* Adds "findings" to the JSON text of a reading. */
void read_show_add_findings(const json_t *root, struct buf *json);

#endif
