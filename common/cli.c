/* SPDX-License-Identifier: Apache-2.0 */
#include "common/cli.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/columns.h"
#include "common/conf.h"
#include "common/phrase.h"

enum { MAX_NAMES = 64, MAX_OPTIONS = 32, HELP_COLUMN = 28 };

/* A command line while it is read. */
struct parsing {
	struct cli cli;
	int argc, at;
	char **argv;
	const char **words; /* what is no option: the command, then its arguments */
	int n_words;
	bool wants_help, wants_version;
};

static void say(const struct cli_program *program, const char *what, const char *word,
		const char *more)
{
	(void)fprintf(stderr, "%s: %s '%s'%s\n", program->name, phrase_say(what), word,
		      phrase_say(more));
}

static int point_to_help(const struct cli_program *program, const struct cli_command *command)
{
	(void)fprintf(stderr, phrase_say("Try '%s%s%s --help'.\n"), program->name,
		      command != NULL ? " " : "", command != NULL ? command->name : "");
	return EXIT_USAGE;
}

/* ---- help ---- */

static void print_row(const char *left, const char *right)
{
	struct buf out = {0};

	buf_printf(&out, "  %-*s ", HELP_COLUMN, left);
	if (strlen(left) >= HELP_COLUMN)
		buf_printf(&out, "\n  %*s ", HELP_COLUMN, "");
	columns_wrap(&out, phrase_say(right), HELP_COLUMN + 3, HELP_COLUMN + 3);
	(void)printf("%s\n", out.data);
	buf_fini(&out);
}

static void print_wrapped(const char *text)
{
	struct buf out = {0};

	columns_wrap(&out, text, 0, 0);
	(void)fputs(out.data, stdout);
	buf_fini(&out);
}

static void print_global_options(const struct cli_program *program)
{
	char right[256];

	(void)snprintf(right, sizeof right, phrase_say("configuration file (default %s)"),
		       program->default_config);
	print_row("-c, --config FILE", right);
	print_row("--json", "print JSON");
	print_row("--help", "show this help, or that of a command");
	print_row("--version", "show the version");
}

static void print_program_help(const struct cli_program *program)
{
	char left[128];

	(void)printf("%s - %s\n\n", program->name, phrase_say(program->summary));
	(void)printf(phrase_say("Usage: %s [-c FILE] COMMAND [ARGUMENTS] [OPTIONS]\n\nCommands:\n"),
		     program->name);
	for (const struct cli_command *c = program->commands; c->name != NULL; c++) {
		(void)snprintf(left, sizeof left, "%s%s%s", c->name,
			       c->arguments != NULL ? " " : "",
			       c->arguments != NULL ? c->arguments : "");
		print_row(left, c->help);
	}
	(void)fputs(phrase_say("\nOptions:\n"), stdout);
	print_global_options(program);
	if (program->examples != NULL)
		(void)printf("%s%s", phrase_say("\nExamples:\n"), program->examples);
}

/* The program's examples that show this command. */
static void print_command_examples(const struct cli_program *program,
				   const struct cli_command *command)
{
	const char *line = program->examples != NULL ? program->examples : "";
	char word[64];
	bool is_first = true;

	(void)snprintf(word, sizeof word, " %s", command->name);
	while (*line != '\0') {
		size_t len = strcspn(line, "\n"), n = strlen(word);
		const char *hit = memmem(line, len, word, n);

		if (hit != NULL && (hit + n == line + len || hit[n] == ' ')) {
			(void)printf("%s%.*s\n", is_first ? phrase_say("\nExamples:\n") : "",
				     (int)len, line);
			is_first = false;
		}
		line += len + (line[len] == '\n');
	}
}

static void print_command_help(const struct cli_program *program, const struct cli_command *command)
{
	const char *arguments = command->arguments != NULL ? command->arguments : "";
	const struct cli_option *option = command->options;
	char left[128];
	struct buf head = {0};

	buf_printf(&head, "%s %s - %s\n\n", program->name, command->name,
		   phrase_say(command->help));
	buf_printf(&head, phrase_say("Usage: %s [-c FILE] %s%s%s [OPTIONS]\n"), program->name,
		   command->name, *arguments != '\0' ? " " : "", arguments);
	print_wrapped(head.data);
	buf_fini(&head);
	(void)fputs(phrase_say("\nOptions:\n"), stdout);
	for (; option != NULL && option->name != NULL; option++) {
		bool has_value = option->kind == CLI_VALUE;

		(void)snprintf(left, sizeof left, "--%s%s%s", option->name, has_value ? " " : "",
			       has_value ? option->value_name : "");
		print_row(left, option->help);
	}
	print_global_options(program);
	print_command_examples(program, command);
}

/* ---- reading ---- */

static const struct cli_command *find_command(const struct cli_program *program, const char *name)
{
	for (const struct cli_command *c = program->commands; c->name != NULL; c++)
		if (strcmp(c->name, name) == 0)
			return c;
	return NULL;
}

static int refuse_command(const struct cli_program *program, const char *word)
{
	const char *names[MAX_NAMES];
	size_t n = 0;
	char hint[96];

	for (const struct cli_command *c = program->commands; c->name != NULL; c++) {
		assert(n < MAX_NAMES);
		names[n++] = c->name;
	}
	say(program, "unknown command", word, conf_nearest(word, names, n, hint));
	return point_to_help(program, NULL);
}

static int refuse_option(const struct parsing *p, const char *word)
{
	static const char *const globals[] = {"--config", "--json", "--help", "--version"};
	const struct cli_option *option = p->cli.command != NULL ? p->cli.command->options : NULL;
	char texts[MAX_OPTIONS][64], bare[64], hint[96];
	const char *names[MAX_OPTIONS + 4];
	size_t n = 0;

	(void)snprintf(bare, sizeof bare, "%.*s", (int)strcspn(word, "="), word);
	for (; option != NULL && option->name != NULL; option++, n++) {
		(void)snprintf(texts[n], sizeof texts[n], "--%s", option->name);
		names[n] = texts[n];
	}
	for (size_t i = 0; i < sizeof globals / sizeof *globals; i++)
		names[n++] = globals[i];
	say(p->cli.program, "unknown option", bare, conf_nearest(bare, names, n, hint));
	return point_to_help(p->cli.program, p->cli.command);
}

static const struct cli_option *find_option(const struct cli_command *command, const char *name,
					    size_t len)
{
	const struct cli_option *option = command != NULL ? command->options : NULL;

	for (; option != NULL && option->name != NULL; option++)
		if (strlen(option->name) == len && memcmp(option->name, name, len) == 0)
			return option;
	return NULL;
}

static const char **value_slot(struct cli *cli, const struct cli_option *option)
{
	ptrdiff_t i;

	assert(cli->command != NULL);
	i = option - cli->command->options;
	assert(i < MAX_OPTIONS);
	return &cli->values[i];
}

/* The value behind '=', or the next word; NULL if there is none. */
static const char *take_value(struct parsing *p, const char *equals)
{
	if (equals != NULL)
		return equals + 1;
	return p->at + 1 < p->argc ? p->argv[++p->at] : NULL;
}

static int refuse_value(const struct parsing *p, const char *option, bool needs_one)
{
	say(p->cli.program, "option", option, needs_one ? " needs a value" : " takes no value");
	return point_to_help(p->cli.program, p->cli.command);
}

static int read_config(struct parsing *p, const char *word, const char *value)
{
	if (value == NULL || *value == '\0')
		return refuse_value(p, word, true);
	p->cli.config = value;
	return EXIT_OK;
}

static bool is_word(const char *name, size_t len, const char *word)
{
	return strlen(word) == len && memcmp(name, word, len) == 0;
}

/* True if it was one of the options without value that every command has. */
static bool read_global_flag(struct parsing *p, const char *name, size_t len)
{
	bool *flag = is_word(name, len, "json")      ? &p->cli.is_json
		     : is_word(name, len, "help")    ? &p->wants_help
		     : is_word(name, len, "version") ? &p->wants_version
						     : NULL;

	if (flag != NULL)
		*flag = true;
	return flag != NULL;
}

static int read_long(struct parsing *p, const char *word)
{
	const char *name = word + 2, *equals = strchr(name, '='), *value;
	size_t len = equals != NULL ? (size_t)(equals - name) : strlen(name);
	const struct cli_option *option = find_option(p->cli.command, name, len);

	if (is_word(name, len, "config"))
		return read_config(p, word, take_value(p, equals));
	if (option == NULL && equals == NULL && read_global_flag(p, name, len))
		return EXIT_OK;
	if (option == NULL)
		return refuse_option(p, word);
	if (option->kind == CLI_FLAG && equals != NULL)
		return refuse_value(p, word, false);
	value = option->kind == CLI_FLAG ? "" : take_value(p, equals);
	if (value == NULL)
		return refuse_value(p, word, true);
	*value_slot(&p->cli, option) = value;
	return EXIT_OK;
}

static int read_word(struct parsing *p, const char *word)
{
	if (p->cli.command == NULL) {
		p->cli.command = find_command(p->cli.program, word);
		return p->cli.command != NULL ? EXIT_OK : refuse_command(p->cli.program, word);
	}
	p->words[p->n_words++] = word;
	return EXIT_OK;
}

static int read_one(struct parsing *p, const char *word, bool is_literal)
{
	if (is_literal || word[0] != '-' || word[1] == '\0')
		return read_word(p, word);
	if (word[1] == '-')
		return read_long(p, word);
	if (word[1] == 'c')
		return read_config(p, "-c", word[2] != '\0' ? word + 2 : take_value(p, NULL));
	if (strcmp(word, "-h") == 0) {
		p->wants_help = true;
		return EXIT_OK;
	}
	/* -5 may be an argument; no option of ours is a digit. */
	if (word[1] >= '0' && word[1] <= '9')
		return read_word(p, word);
	return refuse_option(p, word);
}

static int read_all(struct parsing *p)
{
	bool is_literal = false;
	int status = EXIT_OK;

	for (p->at = 1; p->at < p->argc && status == EXIT_OK; p->at++) {
		const char *word = p->argv[p->at];

		if (!is_literal && strcmp(word, "--") == 0)
			is_literal = true;
		else
			status = read_one(p, word, is_literal);
	}
	return status;
}

static int check_arguments(const struct parsing *p)
{
	const struct cli_command *command = p->cli.command;
	const char *arguments = command->arguments != NULL ? command->arguments : "";
	bool is_few = p->n_words < command->min_arguments;

	if (!is_few && (command->max_arguments < 0 || p->n_words <= command->max_arguments))
		return EXIT_OK;
	(void)fprintf(stderr,
		      is_few ? phrase_say("%s: too few arguments; usage: %s %s%s%s\n")
			     : phrase_say("%s: too many arguments; usage: %s %s%s%s\n"),
		      p->cli.program->name, p->cli.program->name, command->name,
		      *arguments != '\0' ? " " : "", arguments);
	return point_to_help(p->cli.program, command);
}

static int run(struct parsing *p)
{
	const struct cli_program *program = p->cli.program;
	int status = read_all(p);

	if (status != EXIT_OK)
		return status;
	if (p->wants_version) {
		(void)printf("%s %s\n", program->name, program->version);
		return EXIT_OK;
	}
	if (p->wants_help && p->cli.command != NULL)
		print_command_help(program, p->cli.command);
	else if (p->wants_help)
		print_program_help(program);
	if (p->wants_help)
		return EXIT_OK;
	if (p->cli.command == NULL) {
		(void)fprintf(stderr, phrase_say("%s: a command is missing\n"), program->name);
		return point_to_help(program, NULL);
	}
	status = check_arguments(p);
	if (status != EXIT_OK)
		return status;
	p->cli.arguments = p->words;
	p->cli.n_arguments = p->n_words;
	return p->cli.command->run(&p->cli);
}

/* Output that was lost (a full disk behind '>') is a failure. */
static int check_output(const struct cli_program *program, int status)
{
	if (fflush(stdout) == 0 && ferror(stdout) == 0)
		return status;
	(void)fprintf(stderr, phrase_say("%s: the output could not be written\n"), program->name);
	return status == EXIT_OK ? EXIT_FAILED : status;
}

int cli_main(const struct cli_program *program, int argc, char **argv)
{
	struct parsing p = {.cli = {.program = program, .config = program->default_config},
			    .argc = argc,
			    .argv = argv};
	int status;

	p.words = xcalloc((size_t)argc + 1, sizeof *p.words);
	status = run(&p);
	free(p.words);
	return check_output(program, status);
}

const char *cli_value(const struct cli *cli, const char *name)
{
	const struct cli_option *option = find_option(cli->command, name, strlen(name));

	assert(option != NULL); /* asking for what the command does not have is a bug */
	return cli->values[option - cli->command->options];
}
