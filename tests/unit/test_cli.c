/* SPDX-License-Identifier: Apache-2.0 */
#include "common/cli.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { MAX_WORDS = 10, MAX_OUTPUT = 4096 };

/* What the command saw, as one text: "config json args|args day=value force". */
static char ran[512];

static int run_read(const struct cli *cli)
{
	size_t n =
		(size_t)snprintf(ran, sizeof ran, "%s%s", cli->config, cli->is_json ? " json" : "");
	const char *day = cli_value(cli, "from");

	for (int i = 0; i < cli->n_arguments; i++)
		n += (size_t)snprintf(ran + n, sizeof ran - n, " [%s]", cli->arguments[i]);
	if (day != NULL)
		n += (size_t)snprintf(ran + n, sizeof ran - n, " from=%s", day);
	if (cli_value(cli, "force") != NULL)
		(void)snprintf(ran + n, sizeof ran - n, " force");
	return EXIT_OK;
}

static int run_fail(const struct cli *cli)
{
	(void)cli;
	return EXIT_CONFIG;
}

static const struct cli_option read_options[] = {
	{"from", CLI_VALUE, "DAY", "first day"},
	{"force", CLI_FLAG, NULL, "do not ask"},
	{0},
};
static const struct cli_command commands[] = {
	{"read", "METER...", "read meters", 1, 3, read_options, run_read},
	{"check", NULL, "check the configuration", 0, 0, NULL, run_fail},
	{0},
};
static const struct cli_program program = {
	.name = "prog",
	.summary = "does things",
	.default_config = "/etc/prog.yaml",
	.version = "1.2",
	.examples = "  prog read a\n  prog read b --force\n  prog check\n",
	.commands = commands,
};

/* status, what ran saw, and a part of what is printed to stdout or stderr. */
static const struct {
	const char *name;
	const char *words[MAX_WORDS];
	int status;
	const char *ran, *printed;
} cases[] = {
	{"argument", {"read", "m1"}, 0, "/etc/prog.yaml [m1]", ""},
	{"several arguments", {"read", "m1", "m2", "m3"}, 0, "/etc/prog.yaml [m1] [m2] [m3]", ""},
	{"value in the next word",
	 {"read", "m", "--from", "d"},
	 0,
	 "/etc/prog.yaml [m] from=d",
	 ""},
	{"value behind =", {"read", "m", "--from=d=e"}, 0, "/etc/prog.yaml [m] from=d=e", ""},
	{"empty value behind =", {"read", "m", "--from="}, 0, "/etc/prog.yaml [m] from=", ""},
	{"option before the argument", {"read", "--force", "m"}, 0, "/etc/prog.yaml [m] force", ""},
	{"config before the command", {"-c", "x", "read", "m"}, 0, "x [m]", ""},
	{"config behind the command", {"read", "-c", "x", "m"}, 0, "x [m]", ""},
	{"config without blank", {"-cx", "read", "m"}, 0, "x [m]", ""},
	{"long config", {"--config=x", "read", "m"}, 0, "x [m]", ""},
	{"JSON anywhere", {"--json", "read", "m"}, 0, "/etc/prog.yaml json [m]", ""},
	{"all behind -- is argument", {"read", "--", "--force"}, 0, "/etc/prog.yaml [--force]", ""},
	{"a dash is an argument", {"read", "-"}, 0, "/etc/prog.yaml [-]", ""},
	{"a negative number is an argument", {"read", "-5"}, 0, "/etc/prog.yaml [-5]", ""},
	{"the command's status", {"check"}, 78, "", ""},

	{"no command", {NULL}, 2, "", "prog: a command is missing\nTry 'prog --help'.\n"},
	{"unknown command",
	 {"raed"},
	 2,
	 "",
	 "prog: unknown command 'raed', did you mean 'read'?\nTry 'prog --help'.\n"},
	{"unknown option",
	 {"read", "--form=d"},
	 2,
	 "",
	 "prog: unknown option '--form', did you mean '--from'?\nTry 'prog read --help'.\n"},
	{"unknown short option", {"read", "-x"}, 2, "", "prog: unknown option '-x'\n"},
	{"another command's option",
	 {"check", "--force"},
	 2,
	 "",
	 "prog: unknown option '--force'\nTry 'prog check --help'.\n"},
	{"option without its value",
	 {"read", "m", "--from"},
	 2,
	 "",
	 "prog: option '--from' needs a value\n"},
	{"config without its value",
	 {"read", "m", "-c"},
	 2,
	 "",
	 "prog: option '-c' needs a value\n"},
	{"flag with a value",
	 {"read", "m", "--force=1"},
	 2,
	 "",
	 "prog: option '--force=1' takes no value\n"},
	{"too few arguments",
	 {"read"},
	 2,
	 "",
	 "prog: too few arguments; usage: prog read METER...\n"},
	{"too many arguments",
	 {"check", "x"},
	 2,
	 "",
	 "prog: too many arguments; usage: prog check\n"},

	{"version", {"--version"}, 0, "", "prog 1.2\n"},
	{"help", {"--help"}, 0, "", "  read METER...                read meters\n"},
	{"help names the default file", {"-h"}, 0, "", "(default /etc/prog.yaml)"},
	{"help with examples", {"--help"}, 0, "", "Examples:\n  prog read a\n"},
	{"help of a command",
	 {"read", "--help"},
	 0,
	 "",
	 "Usage: prog [-c FILE] read METER... [OPTIONS]\n"},
	{"help of a command, options",
	 {"--help", "read"},
	 0,
	 "",
	 "  --from DAY                   first day\n"},
	{"help of a command, its examples",
	 {"check", "--help"},
	 0,
	 "",
	 "Examples:\n  prog check\n"},
};

/* Runs with both outputs in a file. */
static int run_captured(const char *const *words, char *output)
{
	char name[] = "prog", *argv[MAX_WORDS + 2] = {name};
	int argc = 1, status, out = dup(STDOUT_FILENO), err = dup(STDERR_FILENO);
	FILE *file = tmpfile();
	ssize_t n;

	assert_true(out >= 0 && err >= 0 && file != NULL);
	for (; argc <= MAX_WORDS && words[argc - 1] != NULL; argc++)
		argv[argc] = strdup(words[argc - 1]);
	(void)fflush(stdout);
	assert_true(dup2(fileno(file), STDOUT_FILENO) >= 0);
	assert_true(dup2(fileno(file), STDERR_FILENO) >= 0);
	status = cli_main(&program, argc, argv);
	(void)fflush(stdout);
	assert_true(dup2(out, STDOUT_FILENO) >= 0);
	assert_true(dup2(err, STDERR_FILENO) >= 0);
	n = pread(fileno(file), output, MAX_OUTPUT - 1, 0);
	output[n > 0 ? n : 0] = '\0';
	(void)close(out);
	(void)close(err);
	(void)fclose(file);
	while (argc > 1)
		free(argv[--argc]);
	return status;
}

static void test_command_lines(void **state)
{
	char output[MAX_OUTPUT];
	int n_wrong = 0;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		int status;

		ran[0] = '\0';
		status = run_captured(cases[i].words, output);
		if (status == cases[i].status && strcmp(ran, cases[i].ran) == 0 &&
		    strstr(output, cases[i].printed) != NULL)
			continue;
		print_error("%s: status %d, ran '%s', printed '%s'\n", cases[i].name, status, ran,
			    output);
		n_wrong++;
	}
	assert_int_equal(n_wrong, 0);
}

static void test_lost_output_is_a_failure(void **state)
{
	char name[] = "prog", help[] = "--help", *argv[] = {name, help, NULL};
	int out = dup(STDOUT_FILENO), err = dup(STDERR_FILENO);
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	int status;

	(void)state;
	if (full < 0)
		skip();
	(void)fflush(stdout);
	assert_true(dup2(full, STDOUT_FILENO) >= 0);
	assert_true(dup2(full, STDERR_FILENO) >= 0);
	status = cli_main(&program, 2, argv);
	assert_true(dup2(out, STDOUT_FILENO) >= 0);
	assert_true(dup2(err, STDERR_FILENO) >= 0);
	clearerr(stdout);
	(void)close(out);
	(void)close(err);
	(void)close(full);
	assert_int_equal(status, EXIT_FAILED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_command_lines),
		cmocka_unit_test(test_lost_output_is_a_failure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
