/* SPDX-License-Identifier: Apache-2.0 */
/* nenghao-sim: a campus of simulated meters, for demonstration, tests and training. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cli.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/loop.h"
#include "common/mem.h"
#include "sim/account.h"
#include "sim/campus.h"
#include "sim/history.h"
#include "sim/server.h"

#ifndef VERSION
#define VERSION "unknown"
#endif

static int fail(const struct err *err)
{
	log_error("main", "%s", err->text);
	return EXIT_FAILED;
}

/* EXIT_OK or EXIT_CONFIG; the mistakes are printed as they are. */
static int load(const struct cli *cli, struct campus **out)
{
	struct conf_errors errors = {0};
	int code = campus_load(out, cli->config, clock_utc_ms(), &errors);

	if (errors.count > 0)
		(void)fputs(errors.text.data, stderr);
	else if (code != 0)
		(void)fprintf(stderr, "%s: %s\n", cli->config, err_name(code));
	conf_errors_fini(&errors);
	return code == 0 ? EXIT_OK : EXIT_CONFIG;
}

/* A time of an option, "now" too. EXIT_OK or EXIT_USAGE. */
static int read_time(const struct cli *cli, const struct campus *campus, const char *name,
		     int64_t *out)
{
	const char *text = cli_value(cli, name);

	if (text == NULL)
		return EXIT_OK;
	if (strcmp(text, "now") == 0)
		*out = clock_utc_ms();
	else if (civil_parse_time(text, strlen(text), campus->offset_ms, out) != 0) {
		(void)fprintf(stderr,
			      "nenghao-sim: --%s must be now, a date or a time such as "
			      "2026-11-24T10:00:00+08:00, not '%s'\n",
			      name, text);
		return EXIT_USAGE;
	}
	return EXIT_OK;
}

/* Is the meter in the list of --meters? */
static bool is_chosen(const struct cli *cli, const struct campus_meter *meter)
{
	const char *list = cli_value(cli, "meters");
	size_t len = strlen(meter->id);

	for (const char *at = list; at != NULL; at = strchr(at, ',')) {
		at += *at == ',' ? 1 : 0;
		if (strncmp(at, meter->id, len) == 0 && (at[len] == ',' || at[len] == '\0'))
			return true;
	}
	return list == NULL;
}

/* All names of --meters must be meters. */
static int check_chosen(const struct cli *cli, const struct campus *campus)
{
	const char *list = cli_value(cli, "meters");
	int status = EXIT_OK;

	while (list != NULL && *list != '\0') {
		size_t len = strcspn(list, ",");
		char *id = xstrndup(list, len);

		if (campus_find(campus, id) == NULL) {
			(void)fprintf(stderr, "nenghao-sim: there is no meter '%s'\n", id);
			status = EXIT_USAGE;
		}
		free(id);
		list += len + (list[len] == ',' ? 1 : 0);
	}
	return status;
}

/* ---- run ---- */

struct run {
	const struct cli *cli;
	struct campus *campus;
	struct server *server;
};

static void on_ready(int fd, void *arg)
{
	(void)fd;
	server_handle(arg);
}

static void on_hangup(void *arg)
{
	struct run *run = arg;
	struct campus *fresh = NULL;
	struct err err;

	if (load(run->cli, &fresh) != EXIT_OK) {
		log_warn("main", "the file has mistakes: the meters stay as they were");
		return;
	}
	if (server_reload(run->server, fresh, &err) != 0) {
		log_warn("main", "%s: the meters stay as they were", err.text);
		campus_destroy(fresh);
		return;
	}
	campus_destroy(run->campus);
	run->campus = fresh;
	log_info("main", "%zu meters from the file read anew", fresh->n_meters);
}

/* Complete or not at all, so that whoever waits for the file can read it. */
static int write_where(const struct server *server, const char *path, struct err *err)
{
	char *draft = xasprintf("%s.new", path);
	struct buf text = {0};
	FILE *file = fopen(draft, "we");
	int code = file == NULL ? -errno : 0;

	server_where(server, &text);
	buf_add_char(&text, '\n');
	if (code == 0 && fwrite(text.data, 1, text.len, file) != text.len)
		code = -EIO;
	if (file != NULL && fclose(file) != 0)
		code = -errno;
	if (code == 0 && rename(draft, path) != 0)
		code = -errno;
	if (code != 0)
		(void)err_set(err, code, "cannot write '%s': %s", path, err_name(code));
	buf_fini(&text);
	free(draft);
	return code;
}

static int serve(struct run *run, struct err *err)
{
	const char *folder = cli_value(run->cli, "dir"), *where = cli_value(run->cli, "where");
	struct loop *loop = NULL;
	int64_t answered, silent;
	int code = loop_create(&loop, err);

	if (code == 0)
		code = server_create(&run->server, run->campus, folder != NULL ? folder : ".", err);
	if (code == 0)
		code = loop_add_fd(loop, server_fd(run->server), on_ready, run->server, err);
	if (code == 0 && where != NULL)
		code = write_where(run->server, where, err);
	if (code == 0) {
		loop_on_hangup(loop, on_hangup, run);
		log_info("main", "%zu meters of '%s' answer on %zu buses", run->campus->n_meters,
			 run->campus->name, run->campus->buses.count);
		notify_ready("meters answer");
		(void)loop_run(loop);
		server_counts(run->server, &answered, &silent);
		log_info("main", "ends after %lld answers; %lld requests had none",
			 (long long)answered, (long long)silent);
	}
	server_destroy(run->server);
	loop_destroy(loop);
	return code;
}

static int command_run(const struct cli *cli)
{
	struct run run = {.cli = cli};
	struct err err;
	int status = load(cli, &run.campus);

	if (status != EXIT_OK)
		return status;
	if (serve(&run, &err) != 0)
		status = fail(&err);
	campus_destroy(run.campus);
	return status;
}

/* ---- history ---- */

static int read_interval(const struct cli *cli, int64_t *out)
{
	static const struct conf_key key = {
		.type = CONF_DURATION, .min = 1000, .max = 31 * (int64_t)DAY_MS};
	const char *text = cli_value(cli, "interval");
	struct conf_node node = {.shape = CONF_IS_SCALAR, .file = "--interval", .text = text};
	struct conf_errors errors = {0};
	struct arena *arena;
	int code;

	if (text == NULL)
		return EXIT_OK;
	arena = arena_create();
	node.len = strlen(text);
	code = conf_scalar(arena, &node, &key, out, &errors);
	if (code != 0)
		(void)fprintf(stderr, "nenghao-sim: %s", errors.text.data);
	conf_errors_fini(&errors);
	arena_destroy(arena);
	return code == 0 ? EXIT_OK : EXIT_USAGE;
}

static int write_history(const struct cli *cli, struct campus *campus)
{
	struct history_span span = {
		.from_ms = civil_day_start_utc(campus->start, campus->offset_ms),
		.to_ms = clock_utc_ms(),
		.interval_ms = 15 * 60 * 1000,
		.has_gauges = cli_value(cli, "all") != NULL,
	};
	int64_t n_lines = 0, began_ms = clock_mono_ms();
	struct err err;

	if (read_time(cli, campus, "from", &span.from_ms) != EXIT_OK ||
	    read_time(cli, campus, "to", &span.to_ms) != EXIT_OK ||
	    read_interval(cli, &span.interval_ms) != EXIT_OK ||
	    check_chosen(cli, campus) != EXIT_OK)
		return EXIT_USAGE;
	for (size_t i = 0; i < campus->n_meters; i++)
		if (is_chosen(cli, campus->meters[i]) &&
		    history_write(campus, campus->meters[i], &span, STDOUT_FILENO, &n_lines,
				  &err) != 0)
			return fail(&err);
	log_info("main", "%lld lines in %lld ms", (long long)n_lines,
		 (long long)(clock_mono_ms() - began_ms));
	return EXIT_OK;
}

static int command_history(const struct cli *cli)
{
	struct campus *campus = NULL;
	int status = load(cli, &campus);

	if (status == EXIT_OK)
		status = write_history(cli, campus);
	campus_destroy(campus);
	return status;
}

/* ---- account ---- */

static int print_account(const struct cli *cli, struct campus *campus,
			 const struct account_span *span, struct buf *out, struct err *err)
{
	struct json_writer json = {.out = out};
	char text[CIVIL_TEXT_MAX];
	int code = 0;

	if (!cli->is_json) {
		account_row(NULL, span, out);
		for (size_t i = 0; i < campus->n_meters; i++)
			if (is_chosen(cli, campus->meters[i]))
				account_row(campus->meters[i], span, out);
		return 0;
	}
	json_begin_object(&json, NULL);
	(void)civil_print_time(span->from_ms, campus->offset_ms, text);
	json_add_string(&json, "from", text);
	(void)civil_print_time(span->to_ms, campus->offset_ms, text);
	json_add_string(&json, "at", text);
	json_begin_array(&json, "meters");
	for (size_t i = 0; i < campus->n_meters && code == 0; i++)
		if (is_chosen(cli, campus->meters[i]))
			code = account_json(campus, campus->meters[i], span, &json, err);
	json_end_array(&json);
	json_end_object(&json);
	buf_add_char(out, '\n');
	return code;
}

static int account(const struct cli *cli, struct campus *campus)
{
	struct account_span span = {
		.from_ms = civil_day_start_utc(campus->start, campus->offset_ms),
		.to_ms = clock_utc_ms(),
		.has_hours = cli_value(cli, "hours") != NULL,
	};
	struct buf out = {0};
	struct err err;
	int status = EXIT_OK;

	if (read_time(cli, campus, "from", &span.from_ms) != EXIT_OK ||
	    read_time(cli, campus, "at", &span.to_ms) != EXIT_OK ||
	    check_chosen(cli, campus) != EXIT_OK)
		return EXIT_USAGE;
	if (print_account(cli, campus, &span, &out, &err) != 0)
		status = fail(&err);
	else if (fwrite(out.data, 1, out.len, stdout) != out.len || fflush(stdout) != 0)
		status = EXIT_FAILED;
	buf_fini(&out);
	return status;
}

static int command_account(const struct cli *cli)
{
	struct campus *campus = NULL;
	int status = load(cli, &campus);

	if (status == EXIT_OK)
		status = account(cli, campus);
	campus_destroy(campus);
	return status;
}

/* ---- weather ---- */

static int write_weather(const struct cli *cli, const struct campus *campus)
{
	int64_t from_ms = civil_day_start_utc(campus->start, campus->offset_ms);
	int64_t to_ms = clock_utc_ms();
	struct buf out = {0};
	char text[CIVIL_TEXT_MAX];
	int status = EXIT_OK;

	if (read_time(cli, campus, "from", &from_ms) != EXIT_OK ||
	    read_time(cli, campus, "to", &to_ms) != EXIT_OK)
		return EXIT_USAGE;
	buf_add_text(&out, "ts,temp_c\n");
	for (int64_t ms = (from_ms + HOUR_MS - 1) / HOUR_MS * HOUR_MS; ms < to_ms; ms += HOUR_MS) {
		(void)civil_print_time(ms, campus->offset_ms, text);
		buf_printf(&out, "%s,%.2f\n", text,
			   world_temperature_c(campus->world, ms + HOUR_MS / 2));
	}
	if (fwrite(out.data, 1, out.len, stdout) != out.len || fflush(stdout) != 0)
		status = EXIT_FAILED;
	buf_fini(&out);
	return status;
}

static int command_weather(const struct cli *cli)
{
	struct campus *campus = NULL;
	int status = load(cli, &campus);

	if (status == EXIT_OK)
		status = write_weather(cli, campus);
	campus_destroy(campus);
	return status;
}

/* ---- check ---- */

static int command_check(const struct cli *cli)
{
	struct campus *campus = NULL;
	struct buf reference = {0};
	int status;

	if (cli_value(cli, "keys") != NULL) {
		campus_reference(&reference);
		(void)fputs(reference.data, stdout);
		buf_fini(&reference);
		return EXIT_OK;
	}
	status = load(cli, &campus);
	if (status == EXIT_OK)
		(void)printf("%s: %zu meters on %zu buses\n", cli->config, campus->n_meters,
			     campus->buses.count);
	campus_destroy(campus);
	return status;
}

static const struct cli_option RUN_OPTIONS[] = {
	{"dir", CLI_VALUE, "FOLDER", "where links to pseudo-terminals are made (default .)"},
	{"where", CLI_VALUE, "FILE", "write ports and devices there as JSON once all is ready"},
	{0},
};
static const struct cli_option HISTORY_OPTIONS[] = {
	{"from", CLI_VALUE, "TIME", "first poll (default: the start of the campus)"},
	{"to", CLI_VALUE, "TIME", "polls before this time (default: now)"},
	{"interval", CLI_VALUE, "TIME", "between two polls (default 15m)"},
	{"meters", CLI_VALUE, "ID,ID", "only these"},
	{"all", CLI_FLAG, NULL, "also power, voltages and the like"},
	{0},
};
static const struct cli_option ACCOUNT_OPTIONS[] = {
	{"from", CLI_VALUE, "TIME", "count from here (default: the start of the campus)"},
	{"at", CLI_VALUE, "TIME", "up to here (default: now)"},
	{"meters", CLI_VALUE, "ID,ID", "only these"},
	{"hours", CLI_FLAG, NULL, "also hour by hour (with --json)"},
	{0},
};
static const struct cli_option WEATHER_OPTIONS[] = {
	{"from", CLI_VALUE, "TIME", "first hour (default: the start of the campus)"},
	{"to", CLI_VALUE, "TIME", "hours before this time (default: now)"},
	{0},
};
static const struct cli_option CHECK_OPTIONS[] = {
	{"keys", CLI_FLAG, NULL, "print all keys of the file with their meaning"},
	{0},
};

static const struct cli_command COMMANDS[] = {
	{"run", "", "answer Modbus requests until SIGTERM; SIGHUP reads the file anew", 0, 0,
	 RUN_OPTIONS, command_run},
	{"history", "", "write past readings as line protocol, meter by meter", 0, 0,
	 HISTORY_OPTIONS, command_history},
	{"account", "", "tell the true amounts, to hold other figures against", 0, 0,
	 ACCOUNT_OPTIONS, command_account},
	{"weather", "", "write the outdoor temperature of every hour as CSV", 0, 0, WEATHER_OPTIONS,
	 command_weather},
	{"check", "", "check the file", 0, 0, CHECK_OPTIONS, command_check},
	{0},
};

int main(int argc, char **argv)
{
	static const struct cli_program program = {
		.name = "nenghao-sim",
		.summary = "a campus of simulated meters",
		.default_config = "/etc/nenghao/campus.yaml",
		.version = VERSION,
		.examples = "  nenghao-sim run -c campus.yaml --where where.json\n"
			    "  nenghao-sim history -c campus.yaml --from 2025-10-24 --to now "
			    "--interval 15m > history.lp\n"
			    "  nenghao-sim account -c campus.yaml --from 2026-11-01 --at now "
			    "--hours --json\n",
		.commands = COMMANDS,
	};

	return cli_main(&program, argc, argv);
}
