/* SPDX-License-Identifier: Apache-2.0 */
/* main.c - nenghao-agent: meters are polled into a mailbox, the forwarder spools and delivers. */
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>

#include "agent/command/commands.h"
#include "agent/command/phrases.h"
#include "agent/config/config.h"
#include "agent/control/running.h"
#include "common/cli.h"
#include "common/log.h"
#include "common/loop.h"

enum { FLUSH_MS = 2000, HEALTH_MS = 5000, CLOCK_MS = 1000 };

struct agent {
	struct loop *loop;
	struct running running;
	const char *config_path;
};

/* Each line by itself: a message has its limits. */
static void log_lines(void (*say)(const char *, const char *, ...), const struct conf_errors *lines)
{
	const char *at = lines->text.data;

	while (at != NULL && *at != '\0') {
		size_t len = strcspn(at, "\n");

		say("config", "%.*s", (int)len, at);
		at += len + (at[len] == '\n');
	}
}

/* NULL: it has mistakes, which have been logged. Warnings have too. */
static struct agent_config *load(const char *path)
{
	struct agent_config *config = NULL;
	struct conf_errors errors = {0};

	if (agent_config_load(&config, path, &errors) < 0) {
		log_lines(log_error, &errors);
	} else {
		log_lines(log_warn, &config->warnings);
		agent_config_forget_file(config);
	}
	conf_errors_fini(&errors);
	return config;
}

static void reload(void *arg)
{
	struct agent *agent = arg;
	struct agent_config *config;
	struct err err;

	notify_reloading();
	config = load(agent->config_path);
	if (config == NULL)
		log_error("main", "the configuration has mistakes; the old one stays");
	else if (running_change(&agent->running, config, &err) < 0)
		log_error("main", "the new configuration does not start, the old one stays: %s",
			  err.text);
	else
		log_info("main", "the configuration %s was read anew", agent->config_path);
	agent_config_destroy(config);
	if (agent->running.is_broken)
		loop_stop(agent->loop);
	notify_ready("running");
}

static int add_timers(struct agent *agent, struct err *err)
{
	struct service *service = &agent->running.service;
	int64_t watchdog_ms = notify_watchdog_period_ms();
	int r = loop_add_timer(agent->loop, HEALTH_MS, service_publish_health, service, err);

	if (r == 0)
		r = loop_add_timer(agent->loop, CLOCK_MS, service_watch_clock, service, err);
	if (r == 0 && watchdog_ms > 0)
		r = loop_add_timer(agent->loop, watchdog_ms, service_feed_watchdog, service, err);
	return r;
}

static int run(struct agent *agent, struct agent_config *config, struct err *err)
{
	int r = loop_create(&agent->loop, err);

	if (r < 0)
		return r;
	r = running_start(&agent->running, config, VERSION, err);
	if (r == 0)
		r = add_timers(agent, err);
	if (r == 0) {
		loop_on_hangup(agent->loop, reload, agent);
		log_info("main", "nenghao-agent %s runs as %s", VERSION, config->agent_id);
		notify_ready("running");
		(void)loop_run(agent->loop); /* which signal ended it does not matter */
		notify_stopping();
		if (agent->running.is_broken)
			r = err_set(err, -EIO, "nothing is left that delivers");
	}
	running_stop(&agent->running, r == 0 ? FLUSH_MS : 0);
	loop_destroy(agent->loop);
	return r;
}

/* Dozens of threads that wait most of the time: one arena instead of one for each, and buffers of
 * batches go back to the system at once. Saves a quarter of the memory with 40 buses. */
static void save_memory(void)
{
	/* NOLINTBEGIN(concurrency-mt-unsafe): before any thread exists; it only saves memory */
	(void)mallopt(M_ARENA_MAX, 1);
	(void)mallopt(M_MMAP_THRESHOLD, 64 * 1024);
	/* NOLINTEND(concurrency-mt-unsafe) */
}

static int command_run(const struct cli *cli)
{
	struct agent agent = {.config_path = cli->config};
	struct agent_config *config;
	struct err err;
	int r;

	phrase_forget(); /* a log is in one language */
	save_memory();
	config = load(cli->config);
	if (config == NULL)
		return EXIT_CONFIG;
	r = run(&agent, config, &err);
	if (r < 0)
		log_error("main", "%s", err.text);
	agent_config_destroy(config);
	return r < 0 ? EXIT_FAILED : EXIT_OK;
}

static const struct cli_command commands[] = {
	{"run", "", "poll the meters and deliver what they say, until SIGTERM", 0, 0, NULL,
	 command_run},
	{"check", "", "check the configuration, the profiles and the load of each bus", 0, 0,
	 command_check_options, command_check},
	{"plan", "", "show the requests by which each bus is read", 0, 0, command_plan_options,
	 command_plan},
	{"status", "", "show how the running agent is", 0, 0, NULL, command_status},
	{"read", "[METER]", "read a meter now; with --tcp or --rtu without configuration", 0, 1,
	 command_read_options, command_read},
	{"scan", "", "find out who is on a line, and print it as configuration", 0, 0,
	 command_scan_options, command_scan},
	{"probe", "", "find the register that shows what the meter's display shows", 0, 0,
	 command_probe_options, command_probe},
	{"linetest", "", "measure errors and answer times of a line", 0, 0,
	 command_linetest_options, command_linetest},
	{"trace", "[METER]", "show the frames from and to a meter", 0, 1, command_trace_options,
	 command_trace},
	{"spool", "", "show what waits on disk to be delivered", 0, 0, NULL, command_spool},
	{0},
};

int main(int argc, char **argv)
{
	static const struct cli_program program = {
		.name = "nenghao-agent",
		.summary = "reads energy meters and delivers their readings by MQTT",
		.default_config = "/etc/nenghao/agent.yaml",
		.version = VERSION,
		.examples = "  nenghao-agent check -c agent.yaml\n"
			    "  nenghao-agent read 370102-0001-e01 --json\n"
			    "  nenghao-agent status\n"
			    "  nenghao-agent scan --rtu /dev/ttyUSB0:9600:8N1 --bauds 9600,2400\n"
			    "  nenghao-agent scan --tcp 192.0.2.10:502 --units 1-20\n"
			    "  nenghao-agent probe --bus riser-1 --unit 7 --display 12345.67\n"
			    "  nenghao-agent probe --bus riser-1 --unit 7 --again 12350.10\n"
			    "  nenghao-agent read 370102-0001-e01 --watch\n"
			    "  nenghao-agent linetest --bus riser-1 --unit 7\n"
			    "  nenghao-agent trace 370102-0001-e01 --seconds 30\n",
		.commands = commands,
	};

	phrases_learn();
	return cli_main(&program, argc, argv);
}
