/* SPDX-License-Identifier: Apache-2.0 */
/* commands.h - the subcommands of nenghao-agent that are not "run". */
#ifndef AGENT_COMMANDS_H
#define AGENT_COMMANDS_H

#include "common/cli.h"

/* Each returns an exit status; their options end with name == NULL. */
int command_check(const struct cli *cli);    /* mistakes and warnings, or what is in force */
int command_plan(const struct cli *cli);     /* the requests of each bus and their time */
int command_read(const struct cli *cli);     /* one meter, now; through the running agent if any */
int command_status(const struct cli *cli);   /* how the running agent is */
int command_scan(const struct cli *cli);     /* who is on a line */
int command_probe(const struct cli *cli);    /* which register shows what the display shows */
int command_linetest(const struct cli *cli); /* errors and round trips of a line */
int command_trace(const struct cli *cli);    /* frames of a meter, live */
int command_spool(const struct cli *cli);    /* what waits on disk */

extern const struct cli_option command_check_options[], command_plan_options[],
	command_read_options[], command_scan_options[], command_probe_options[],
	command_linetest_options[], command_trace_options[];

#endif
