/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/bus/bus.h"

#include <string.h>

static const char *const names[BUS_N_OUTCOMES] = {
	[BUS_OK] = "ok",
	[BUS_TIMEOUT] = "timeout",
	[BUS_EXCEPTION] = "exception",
	[BUS_CRC] = "crc",
	[BUS_GARBLED] = "garbled",
	[BUS_WRONG_UNIT] = "wrong_unit",
	[BUS_LINK_DOWN] = "link_down",
};

const char *bus_outcome_name(enum bus_outcome outcome)
{
	return names[outcome];
}

int bus_outcome_of(const char *name)
{
	for (int i = 0; i < BUS_N_OUTCOMES; i++)
		if (strcmp(names[i], name) == 0)
			return i;
	return -1;
}
