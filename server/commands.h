/* SPDX-License-Identifier: Apache-2.0 */
/* commands.h - what the commands of nenghao-server do. Each returns an exit status. */
#ifndef SERVER_COMMANDS_H
#define SERVER_COMMANDS_H

#include "common/cli.h"

/* check: judges configuration, registry and factors, without network, device or ledger. */
extern const struct cli_option server_check_options[];
int server_command_check(const struct cli *cli);

#endif
