/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "agent/command/commands.h"
#include "agent/config/config.h"
#include "agent/control/control.h"
#include "agent/deliver/health.h"
#include "agent/deliver/spool.h"
#include "common/civil.h"
#include "common/clock.h"

enum { STATUS_TIMEOUT_MS = 5000 };

/* What is known without a running agent. */
static void show_spool(const struct agent_config *config)
{
	struct spool_state spool;
	char oldest[CIVIL_TEXT_MAX];
	struct err err;
	int r = spool_peek(config->spool.path, &spool, &err);

	if (r < 0) {
		(void)fprintf(stderr, "The spool %s cannot be read: %s.\n", config->spool.path,
			      r == -ENOENT ? "there is none yet" : err.text);
		return;
	}
	(void)civil_print_time(spool.oldest_ms, 0, oldest);
	(void)fprintf(stderr,
		      "The spool %s holds %" PRId64 " batches, of which %" PRId64 " wait%s%s.\n",
		      config->spool.path, spool.last + 1 - spool.first, spool.last - spool.done,
		      spool.oldest_ms > 0 ? ", the oldest since " : "",
		      spool.oldest_ms > 0 ? oldest : "");
}

static int show(const struct agent_config *config, bool is_json)
{
	struct buf answer = {0}, text = {0};
	struct err err;
	int r = control_request(config->control_socket, "{\"command\":\"status\"}",
				STATUS_TIMEOUT_MS, &answer, &err);

	if (r == -ENOENT || r == -ECONNREFUSED) {
		(void)fprintf(stderr, "No nenghao-agent is running (nobody listens at %s).\n",
			      config->control_socket);
		show_spool(config);
	} else if (r < 0) {
		(void)fprintf(stderr, "%s\n", err.text);
	} else if (!is_json && health_print(&text, answer.data, clock_utc_ms()) < 0) {
		r = -EPROTO;
		(void)fprintf(stderr, "The agent answered: %s\n", answer.data);
	} else {
		(void)printf("%s%s", is_json ? answer.data : text.data, is_json ? "\n" : "");
	}
	buf_fini(&answer);
	buf_fini(&text);
	return r < 0 ? EXIT_FAILED : EXIT_OK;
}

int command_status(const struct cli *cli)
{
	struct agent_config *config;
	struct conf_errors errors = {0};
	int status = EXIT_CONFIG;

	if (agent_config_load(&config, cli->config, &errors) == 0) {
		status = show(config, cli->is_json);
		agent_config_destroy(config);
	} else {
		(void)fputs(errors.text.data, stderr);
	}
	conf_errors_fini(&errors);
	return status;
}
