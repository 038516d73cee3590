/* SPDX-License-Identifier: Apache-2.0 */
/* main.c - nenghao-agent: meters are polled into a mailbox, the forwarder spools and delivers. */
#include <malloc.h>
#include <stdio.h>

#include "agent/command/commands.h"
#include "agent/config/config.h"
#include "agent/control/control.h"
#include "agent/control/service.h"
#include "agent/deliver/forwarder.h"
#include "agent/poll/poller.h"
#include "common/cli.h"
#include "common/log.h"
#include "common/loop.h"
#include "common/mailbox.h"

enum { CYCLES_MAX = 64, FLUSH_MS = 2000, HEALTH_MS = 5000 };

struct agent {
	struct agent_config *config;
	struct loop *loop;
	struct mailbox *cycles;
	struct forwarder *forwarder;
	struct poller *poller;
	struct control *control;
	struct service service;
	const char *config_path;
	bool is_broken; /* a reload left nothing that runs */
};

static void stop(struct agent *agent, int64_t flush_ms)
{
	control_stop(agent->control);
	poller_stop(agent->poller);
	forwarder_stop(agent->forwarder, flush_ms);
	mailbox_destroy(agent->cycles, cycle_destroy);
	agent->control = NULL;
	agent->poller = NULL;
	agent->forwarder = NULL;
	agent->cycles = NULL;
}

static int start(struct agent *agent, struct err *err)
{
	const struct agent_config *config = agent->config;
	int r;

	log_set_level(config->log_level);
	agent->cycles = mailbox_create(CYCLES_MAX);
	r = forwarder_start(&agent->forwarder, config, agent->cycles, VERSION, err);
	if (r == 0)
		r = poller_start(&agent->poller, config, agent->cycles, err);
	agent->service = (struct service){config, VERSION, agent->forwarder, agent->poller, -1, -1};
	if (r == 0)
		r = control_start(&agent->control, config->control_socket, service_handlers,
				  &agent->service, err);
	if (r < 0)
		stop(agent, 0);
	return r;
}

/* All or nothing: everything is built anew from the new file, or the old keeps running. */
static void reload(void *arg)
{
	struct agent *agent = arg;
	struct agent_config *old = agent->config, *new;
	struct conf_errors errors = {0};
	struct err err;

	if (agent_config_load(&new, agent->config_path, &errors) < 0) {
		log_error("main", "the new configuration has %zu mistakes; the old one stays:\n%s",
			  errors.count, errors.text.data);
		conf_errors_fini(&errors);
		return;
	}
	notify_reloading();
	stop(agent, 0);
	agent->config = new;
	if (start(agent, &err) < 0) {
		log_error("main", "the new configuration does not start: %s; back to the old one",
			  err.text);
		agent->config = old;
		old = new;
		if (start(agent, &err) < 0) {
			log_error("main", "the old one does not start either: %s", err.text);
			agent->is_broken = true;
			loop_stop(agent->loop);
		}
	} else {
		log_info("main", "the configuration %s was read anew", agent->config_path);
	}
	agent_config_destroy(old);
	conf_errors_fini(&errors);
	notify_ready("running");
}

static void publish_health(void *arg)
{
	service_publish_health(&((struct agent *)arg)->service);
}

static void feed_watchdog(void *arg)
{
	service_feed_watchdog(&((struct agent *)arg)->service);
}

static int run(struct agent *agent, struct err *err)
{
	int64_t watchdog_ms = notify_watchdog_period_ms();
	int r = loop_create(&agent->loop, err);

	if (r == 0)
		r = start(agent, err);
	if (r == 0)
		r = loop_add_timer(agent->loop, HEALTH_MS, publish_health, agent, err);
	if (r == 0 && watchdog_ms > 0)
		r = loop_add_timer(agent->loop, watchdog_ms, feed_watchdog, agent, err);
	if (r == 0) {
		loop_on_hangup(agent->loop, reload, agent);
		log_info("main", "nenghao-agent %s runs as %s", VERSION, agent->config->agent_id);
		notify_ready("running");
		(void)loop_run(agent->loop); /* which signal ended it does not matter */
		notify_stopping();
		stop(agent, FLUSH_MS);
	}
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
	struct conf_errors errors = {0};
	int status = EXIT_CONFIG;
	struct err err;

	save_memory();
	if (agent_config_load(&agent.config, cli->config, &errors) < 0) {
		(void)fputs(errors.text.data, stderr);
	} else if (run(&agent, &err) < 0) {
		log_error("main", "%s", err.text);
		status = EXIT_FAILED;
	} else {
		status = agent.is_broken ? EXIT_FAILED : EXIT_OK;
	}
	agent_config_destroy(agent.config);
	conf_errors_fini(&errors);
	return status;
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
	{"trace", "METER", "show the frames from and to a meter", 1, 1, command_trace_options,
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

	return cli_main(&program, argc, argv);
}
