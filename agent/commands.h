/* SPDX-License-Identifier: Apache-2.0 */
/* commands.h - the subcommands of nenghao-agent that are not "run". */
#ifndef AGENT_COMMANDS_H
#define AGENT_COMMANDS_H

#include "common/cli.h"

/* Each returns an exit status; their options end with name == NULL. */
int command_check(const struct cli *cli);  /* mistakes and warnings, or what is in force */
int command_plan(const struct cli *cli);   /* the requests of each bus and their time */
int command_read(const struct cli *cli);   /* one meter, now; through the running agent if any */
int command_status(const struct cli *cli); /* how the running agent is */

extern const struct cli_option command_check_options[], command_plan_options[],
	command_read_options[];

#endif
