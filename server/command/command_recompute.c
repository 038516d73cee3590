/* SPDX-License-Identifier: Apache-2.0 */
/* nenghao-server recompute */
#include <stdio.h>
#include <string.h>

#include "server/command/commands.h"
#include "server/rollup/derive.h"

const struct cli_option server_recompute_options[] = {
	{"from", CLI_VALUE, "DAY", "from this local day on, such as 2026-01-01"},
	{0},
};

static int mark(const struct server_config *config, civil_day from, struct err *err)
{
	struct ledger *ledger;
	int rc = ledger_open(&ledger, config->ledger_path, err);

	if (rc < 0)
		return rc;
	rc = derive_mark_from(ledger, from, err);
	ledger_close(ledger);
	return rc;
}

int server_command_recompute(const struct cli *cli)
{
	const char *text = cli_value(cli, "from");
	struct server_config *config = NULL;
	struct err err = {""};
	civil_day from;
	int status;

	if (text == NULL || civil_parse_day(text, strlen(text), &from) < 0) {
		(void)fprintf(stderr,
			      "nenghao-server: recompute needs --from DAY, such as 2026-01-01\n");
		return EXIT_USAGE;
	}
	status = command_config(cli, &config);
	if (status == EXIT_OK && mark(config, from, &err) < 0)
		status = command_failed(&err);
	if (status == EXIT_OK)
		(void)printf("All from %s on is marked; the running server computes it now, one "
			     "that does not run when it starts.\n",
			     text);
	server_config_destroy(config);
	return status;
}
