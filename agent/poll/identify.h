/* SPDX-License-Identifier: Apache-2.0 */
/* identify.h - is it the device that the profile means, and where does its block begin? */
#ifndef AGENT_IDENTIFY_H
#define AGENT_IDENTIFY_H

#include "agent/poll/ask.h"
#include "common/err.h"

enum identity {
	IDENTITY_RIGHT,
	IDENTITY_SILENT, /* it did not answer; reading->failure says how */
	IDENTITY_WRONG_DEVICE,
	IDENTITY_WRONG_SERIAL,
};

/* Finds the block of a SunSpec device if the meter's base is auto, then compares what the profile
 * and the configuration expect with what the device shows. Sends nothing if nothing is expected.
 * err has the words if it is the wrong one. */
enum identity identify_meter(struct ask_line *line, struct ask_meter *meter,
			     struct reading *reading, struct err *err);

/* "wrong_device", "wrong_serial"; of silence what reading_failure_code says. */
void identify_code(enum identity identity, const struct reading *reading,
		   char code[READING_CODE_MAX]);

#endif
