/* SPDX-License-Identifier: Apache-2.0 */
/* What the administrative commands share. */
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "server/command/commands.h"
#include "server/factors/factors.h"
#include "server/federation/cards.h"
#include "server/statistics/form.h"

static int report(struct conf_errors *errors, int rc)
{
	if (rc < 0)
		(void)fwrite(errors->text.data, 1, errors->text.len, stderr);
	conf_errors_fini(errors);
	return rc < 0 ? EXIT_CONFIG : EXIT_OK;
}

int command_config(const struct cli *cli, struct server_config **out)
{
	struct conf_errors errors = {0};

	return report(&errors, server_config_load(out, cli->config, &errors));
}

int command_registry_of(const struct server_config *config, const char *folder,
			struct registry **out)
{
	struct conf_errors errors = {0};

	return report(&errors,
		      registry_load(out, folder, config->regions, config->offset_ms, &errors));
}

int command_registry(const struct server_config *config, struct registry **out)
{
	struct conf_errors errors = {0};

	return report(&errors, cards_load_registry(out, config, NULL, &errors));
}

int command_factors(const struct server_config *config, struct factors **out)
{
	struct conf_errors errors = {0};

	return report(&errors, factors_load(out, config->factors, &errors));
}

int command_forms(const struct server_config *config, struct forms **out)
{
	struct conf_errors errors = {0};

	return report(&errors, forms_load(out, config->statistics, &errors));
}

int command_failed(const struct err *err)
{
	(void)fprintf(stderr, "nenghao-server: %s\n", err->text);
	return EXIT_FAILED;
}

const char *command_who(const struct cli *cli)
{
	const char *by = cli_value(cli, "by");
	const char *sudo = getenv("SUDO_USER"); /* NOLINT(concurrency-mt-unsafe): one thread */
	const struct passwd *user;

	if (by != NULL)
		return by;
	if (sudo != NULL && sudo[0] != '\0')
		return sudo;
	user = getpwuid(getuid()); /* NOLINT(concurrency-mt-unsafe): likewise */
	return user != NULL ? user->pw_name : NULL;
}
