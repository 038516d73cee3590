/* SPDX-License-Identifier: Apache-2.0 */
/* nenghao-server baseline */
#include <stdio.h>
#include <string.h>

#include "server/baseline/baseline_case.h"
#include "server/command/commands.h"

static int usage(void)
{
	(void)fprintf(stderr, "nenghao-server: baseline takes case CASE.json\n");
	return EXIT_USAGE;
}

static int compute_case(const char *path)
{
	struct baseline_result result;
	struct baseline_data data;
	struct baseline_input input;
	struct buf out = {0};
	struct err err = {""};

	if (baseline_data_load(path, &data, &err) < 0)
		return command_failed(&err);
	input = baseline_data_input(&data);
	baseline_compute(&input, &result);
	baseline_case_print(&data.settings, &result, &out);
	(void)puts(out.data);
	buf_fini(&out);
	baseline_result_fini(&result);
	baseline_data_fini(&data);
	return EXIT_OK;
}

int server_command_baseline(const struct cli *cli)
{
	if (cli->n_arguments == 2 && strcmp(cli->arguments[0], "case") == 0)
		return compute_case(cli->arguments[1]);
	return usage();
}
