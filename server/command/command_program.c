/* SPDX-License-Identifier: Apache-2.0 */
/* All commands of nenghao-server, and what its help says. */
#include <string.h>

#include "server/command/commands.h"

enum { N_COMMANDS_MAX = 32 };

/* The first is the program's own. */
static const struct cli_command commands[N_COMMANDS_MAX] = {
	{"run", "", "keep the ledger, derive the figures, answer HTTP, until SIGTERM", 0, 0, NULL,
	 NULL},
	{"check", "", "check configuration, registry and factors", 0, 0, server_check_options,
	 server_command_check},
	{"status", "", "show agents, dead letters and queues", 0, 0, NULL, server_command_status},
	{"import", "FILE.lp|FILE.csv|FILE.xlsx", "take in past readings, bills, filled-in reports",
	 1, 1, server_import_options, server_command_import},
	{"report", "statistics|reminders|changes|reconciliation [YEAR]",
	 "statistics forms and their sums, who is late, what changed, bills against meters", 1, 2,
	 server_report_options, server_command_report},
	{"edit", "void|set|reset|accept|revoke N|list",
	 "correct readings, with who, when and why; see docs/ledger.md", 1, 2, server_edit_options,
	 server_command_edit},
	{"event", "list|acknowledge N",
	 "what happened to meters and agents, and who looks after it", 1, 2, server_event_options,
	 server_command_event},
	{"alarm", "list|retry|test RECEIVER",
	 "what waits for the receivers of alarms, and why; try it now; is one reached", 1, 2,
	 server_alarm_options, server_command_alarm},
	{"recompute", "", "compute the figures again", 0, 0, server_recompute_options,
	 server_command_recompute},
	{"registry", "diff DIR|fill DIR",
	 "which figures the registry in DIR would move; or fill DIR from tables", 2, 2, NULL,
	 server_command_registry},
	{"baseline", "list|show ID|fit ID|account ID|case CASE.json",
	 "savings against weather-adjusted baselines, accounts of contracts", 1, 2,
	 server_baseline_options, server_command_baseline},
	{"backup", "FILE", "copy the ledger, also beside a running server", 1, 1, NULL,
	 server_command_backup},
	{"restore", "FILE", "put such a copy in the ledger's place; the server must not run", 1, 1,
	 NULL, server_command_restore},
	{"takeover", "BACKUP", "take a region over from another server; this one must not run", 1,
	 1, server_takeover_options, server_command_takeover},
	{"audit", "", "show who asked the API for what", 0, 0, server_audit_options,
	 server_command_audit},
	{"token", "add NAME|list|revoke NAME", "who may ask the API", 1, 2, server_token_options,
	 server_command_token},
	{0},
};

int command_program(int argc, char **argv, const char *version, cli_fn run)
{
	struct cli_command all[N_COMMANDS_MAX];
	const struct cli_program program = {
		.name = "nenghao-server",
		.summary = "keeps the energy ledger of a region's public institutions",
		.default_config = "/etc/nenghao/server.yaml",
		.version = version,
		.examples = "  nenghao-server check -c server.yaml\n"
			    "  nenghao-server import history.lp\n"
			    "  nenghao-server report statistics 2025 --region 370102 --format xlsx "
			    "--output 2025.xlsx\n"
			    "  nenghao-server token add bureau --region 3701 --grade L2\n"
			    "  nenghao-server edit reset --meter 370102-0001-e01 --at "
			    "2026-03-01T10:05:00+08:00 --last 5012.3 --why \"reset by hand\"\n"
			    "  nenghao-server recompute --from 2026-01-01\n"
			    "  nenghao-server backup /var/backups/nenghao-ledger.db\n",
		.commands = all,
	};

	memcpy(all, commands, sizeof all);
	all[0].run = run;
	return cli_main(&program, argc, argv);
}
