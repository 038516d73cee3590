/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>

#include "agent/command/commands.h"
#include "agent/command/health_print.h"
#include "agent/config/config.h"
#include "agent/control/control.h"
#include "agent/deliver/spool.h"
#include "common/civil.h"
#include "common/clock.h"
#include "common/columns.h"
#include "common/json_writer.h"
#include "common/phrase.h"

enum { STATUS_TIMEOUT_MS = 5000 };

/* What is known without a running agent. */
static void show_spool(const struct agent_config *config)
{
	struct spool_state spool;
	char oldest[CIVIL_TEXT_MAX];
	struct err err;
	int r = spool_peek(config->spool.path, &spool, &err);

	if (r < 0) {
		(void)fprintf(stderr, phrase_say("The spool %s cannot be read: %s.\n"),
			      config->spool.path,
			      r == -ENOENT ? phrase_say("there is none yet") : err.text);
		return;
	}
	(void)fprintf(stderr, phrase_say("The spool %s holds %lld batches, of which %lld wait.\n"),
		      config->spool.path, (long long)(spool.last + 1 - spool.first),
		      (long long)(spool.last - spool.done));
	if (spool.oldest_ms <= 0)
		return;
	(void)civil_print_time(spool.oldest_ms, 0, oldest);
	(void)fprintf(stderr, phrase_say("The oldest waits since %s.\n"), oldest);
}

static void print_nobody(const char *words)
{
	struct buf out = {0};
	struct json_writer json = {.out = &out};

	json_begin_object(&json, NULL);
	json_add_bool(&json, "running", false);
	json_add_string(&json, "error", words);
	json_end_object(&json);
	(void)printf("%s\n", out.data);
	buf_fini(&out);
}

static int show(const struct agent_config *config, bool is_json)
{
	struct buf answer = {0}, text = {0};
	struct err err;
	int r = control_request(config->control_socket, "{\"command\":\"status\"}",
				STATUS_TIMEOUT_MS, &answer, &err);

	if (r == -ENOENT || r == -ECONNREFUSED)
		(void)err_set(&err, r, "no nenghao-agent is running: nobody listens at %s",
			      config->control_socket);
	else if (r == 0 && (is_json ? health_write_json(&text, answer.data)
				    : health_print(&text, answer.data, clock_utc_ms())) < 0)
		r = err_set(&err, -EPROTO, "the agent answered: %s", answer.data);
	if (r == 0)
		(void)printf("%s%s", text.data, is_json ? "\n" : "");
	else
		columns_put(stderr, err.text, 4);
	if (r < 0 && is_json)
		print_nobody(err.text);
	else if (r == -ENOENT || r == -ECONNREFUSED)
		show_spool(config);
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
		columns_put(stderr, errors.text.data, 4);
	}
	conf_errors_fini(&errors);
	return status;
}
