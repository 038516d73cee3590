/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>

#include "agent/command/commands.h"
#include "agent/config/config.h"
#include "agent/config/words.h"
#include "agent/control/control.h"
#include "agent/deliver/spool_print.h"
#include "common/columns.h"

enum { TIMEOUT_MS = 5000 };

/* A running agent knows best; without one the file tells. */
static int ask(const struct agent_config *config, struct buf *json, struct err *err)
{
	struct spool_state state;
	int r = control_request(config->control_socket, "{\"command\":\"spool\"}", TIMEOUT_MS, json,
				err);

	if (r != -ENOENT && r != -ECONNREFUSED)
		return r;
	r = spool_peek(config->spool.path, &state, err);
	if (r == 0)
		spool_print_json(&state, config, false, json);
	return r;
}

int command_spool(const struct cli *cli)
{
	struct agent_config *config = NULL;
	struct conf_errors errors = {0};
	struct buf json = {0}, text = {0};
	struct err err = {0};
	int status = EXIT_FAILED, r;

	if (agent_config_load(&config, cli->config, &errors) != 0) {
		columns_put(stderr, errors.text.data, 4);
		status = EXIT_CONFIG;
	} else if ((r = ask(config, &json, &err)) != 0) {
		if (r == -ENOENT)
			(void)fprintf(stderr, words_say(WORD_SPOOL_NONE), config->spool.path);
		else
			columns_put(stderr, err.text, 4);
	} else if (!cli->is_json && spool_print_text(json.data, &text) != 0) {
		(void)fprintf(stderr, "%s\n", json.data);
	} else {
		if (cli->is_json)
			(void)printf("%s\n", json.data);
		else
			columns_put(stdout, text.data, 4);
		status = EXIT_OK;
	}
	agent_config_destroy(config);
	conf_errors_fini(&errors);
	buf_fini(&json);
	buf_fini(&text);
	return status;
}
