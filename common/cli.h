/* SPDX-License-Identifier: Apache-2.0 */
/* cli.h - the common part of all command lines: -c FILE, --json, --help, --version, subcommands. */
#ifndef COMMON_CLI_H
#define COMMON_CLI_H

#include <stdbool.h>
#include <stddef.h>

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_CONFIG = 78 };

enum cli_kind { CLI_FLAG, CLI_VALUE };

/* An option of a subcommand. */
struct cli_option {
	const char *name; /* "region" for --region */
	enum cli_kind kind;
	const char *value_name; /* for the help: "CODE" */
	const char *help;
};

struct cli;

typedef int (*cli_fn)(const struct cli *cli); /* returns an exit status */

struct cli_command {
	const char *name;
	const char *arguments;            /* for the help: "METER" or "[NAME]" */
	const char *help;                 /* one line */
	int min_arguments, max_arguments; /* max -1: any number */
	const struct cli_option *options; /* ends with name == NULL; may be NULL */
	cli_fn run;
};

struct cli_program {
	const char *name;           /* nenghao-agent */
	const char *summary;        /* one line */
	const char *default_config; /* /etc/nenghao/agent.yaml */
	const char *version;
	const char *examples;               /* lines for --help */
	const struct cli_command *commands; /* ends with name == NULL */
};

struct cli {
	const struct cli_program *program;
	const struct cli_command *command;
	const char *config; /* -c FILE or the default */
	bool is_json;       /* --json */
	int n_arguments;
	const char *const *arguments;
	/* private: */
	const char *values[32];
};

/* Parses, prints help, version or what is wrong with the usage (with the nearest known name), or
 * runs the command. Global options may stand before or behind the command's name.
 * Returns the exit status. */
int cli_main(const struct cli_program *program, int argc, char **argv);

/* The value of an option, "" for a given flag, NULL if it was not given. */
const char *cli_value(const struct cli *cli, const char *name);

#endif
