/* SPDX-License-Identifier: Apache-2.0 */
/* commission.h - the line that a commissioning command works on: its own, or the running agent's.
 */
#ifndef AGENT_COMMISSION_H
#define AGENT_COMMISSION_H

#include <stdbool.h>
#include <stddef.h>

#include "agent/commission/line.h"
#include "agent/config/config.h"
#include "common/buf.h"
#include "common/cli.h"

#define COMMISSION_OPTIONS                                                                         \
	{"rtu", CLI_VALUE, "DEV:9600:8N1", "a serial line, without configuration"},                \
		{"tcp", CLI_VALUE, "HOST:PORT", "Modbus TCP, without configuration"},              \
		{"bus", CLI_VALUE, "NAME", "a bus of the configuration, also of a running agent"}, \
	{                                                                                          \
		"profiles", CLI_VALUE, "DIR", "with --rtu or --tcp: folder of the models"          \
	}

struct commission {
	struct agent_config *config;
	const struct agent_bus *bus;
	struct line line;
	bool is_open, is_by_agent;
	char where[160]; /* for people: "/dev/ttyUSB0 9600:8N1" */
};

/* Loads the configuration or makes one out of --rtu or --tcp, finds the bus and opens the line,
 * unless a running agent owns it. Returns an exit status; what is wrong has been printed. The tap
 * sees nothing of an agent's line. commission_close is allowed after any result. */
int commission_open(struct commission *c, const struct cli *cli, struct bus_tap tap);
/* The same for a meter: of the configuration, or of --rtu or --tcp with --unit and --profile. */
int commission_open_meter(struct commission *c, const struct cli *cli, struct bus_tap tap,
			  const struct agent_meter **meter);
void commission_close(struct commission *c);

struct bus_settings commission_settings(const struct commission *c);
enum bus_outcome commission_ask(struct commission *c, const struct bus_request *request,
				struct bus_reply *reply);
/* The time-out where the command's --timeout (milliseconds) says nothing; -1: it is none. */
int64_t commission_timeout_ms(const struct commission *c, const struct cli *cli, int64_t fallback);

/* An option that is a number. False, and printed: it is none, or out of range. */
bool commission_number(const struct cli *cli, const char *name, int64_t min, int64_t max,
		       int64_t *value);
/* "9600:8N1"; empty unless the line is serial. */
const char *commission_serial(const struct commission *c, const struct bus_settings *settings,
			      char text[16]);
/* Local minus UTC, at that time, as the system is set; for people. */
int64_t commission_zone_ms(int64_t utc_ms);
/* Is an agent listening at this configuration's socket? */
bool commission_has_agent(const struct agent_config *config);

#endif
