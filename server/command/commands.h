/* SPDX-License-Identifier: Apache-2.0 */
/* commands.h - what the commands of nenghao-server do. Each returns an exit status. */
#ifndef SERVER_COMMANDS_H
#define SERVER_COMMANDS_H

#include "common/cli.h"
#include "server/config/config.h"
#include "server/ledger/ledger.h"

/* check: judges configuration, registry and factors, without network, device or ledger. */
extern const struct cli_option server_check_options[];
int server_command_check(const struct cli *cli);

/* token add NAME | list | revoke NAME. The new token stands alone on the last line. */
extern const struct cli_option server_token_options[];
int server_command_token(const struct cli *cli);

/* report statistics|reminders|changes|reconciliation [YEAR]: what officers send. */
extern const struct cli_option server_report_options[];
int server_command_report(const struct cli *cli);

/* import FILE.lp|FILE.csv|FILE.xlsx: past readings, bills, reports that come back, with a verdict
 * for what is refused. */
extern const struct cli_option server_import_options[];
int server_command_import(const struct cli *cli);

/* alarm list | test RECEIVER: what waits for receivers, and whether one is reached. */
extern const struct cli_option server_alarm_options[];
int server_command_alarm(const struct cli *cli);

/* recompute --from DAY: the roll-ups are computed again; beside a running server by that one. */
extern const struct cli_option server_recompute_options[];
int server_command_recompute(const struct cli *cli);

/* edit void|set|reset|accept|revoke|list: corrections of readings; effective in a running server.
 */
extern const struct cli_option server_edit_options[];
int server_command_edit(const struct cli *cli);

/* event list|acknowledge N: what happened to meters and agents, and who looks after it. */
extern const struct cli_option server_event_options[];
int server_command_event(const struct cli *cli);

/* audit: who asked the API for what. */
extern const struct cli_option server_audit_options[];
int server_command_audit(const struct cli *cli);

/* status: what the ledger says of agents, dead letters, queues. */
int server_command_status(const struct cli *cli);

/* backup FILE: a consistent copy beside a running server. restore FILE: such a copy in the place of
 * the ledger, while no server runs; the replaced one is kept beside it. */
int server_command_backup(const struct cli *cli);
int server_command_restore(const struct cli *cli);

/* takeover BACKUP --region CODE: a region from another server, while this one does not run. */
extern const struct cli_option server_takeover_options[];
int server_command_takeover(const struct cli *cli);

/* registry diff DIR: which figures the registry in DIR would move. registry fill DIR: files from
 * institutions.csv and meters.csv. */
int server_command_registry(const struct cli *cli);

/* baseline list: what the registry declares. show, fit, account ID: what was saved, the model, the
 * account of the contract. case CASE.json: savings from files alone, without configuration or
 * server. */
extern const struct cli_option server_baseline_options[];
int server_command_baseline(const struct cli *cli);

/* The program: its commands with `run`, which only main.c knows. */
int command_program(int argc, char **argv, const char *version, cli_fn run);

/* ---- what they share (command.c) ---- */
/* Reads the configuration; prints its mistakes. EXIT_OK, or EXIT_CONFIG. */
int command_config(const struct cli *cli, struct server_config **out);
/* Reads the registry of a configuration; prints its mistakes. EXIT_OK, or EXIT_CONFIG. */
struct registry;
int command_registry(const struct server_config *config, struct registry **out);
/* The same of another folder. */
int command_registry_of(const struct server_config *config, const char *folder,
			struct registry **out);
/* Reads the factors of a configuration; prints its mistakes. EXIT_OK, or EXIT_CONFIG. */
struct factors;
int command_factors(const struct server_config *config, struct factors **out);
/* Reads the forms of a configuration; prints its mistakes. EXIT_OK, or EXIT_CONFIG. */
struct forms;
int command_forms(const struct server_config *config, struct forms **out);
/* "nenghao-server: words" on stderr; returns EXIT_FAILED. */
int command_failed(const struct err *err);
/* Who orders it: --by, else who is logged in; NULL if that is not known. */
const char *command_who(const struct cli *cli);

#endif
