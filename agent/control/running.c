/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/control/running.h"

#include <string.h>

#include "agent/deliver/forwarder.h"
#include "agent/poll/poller.h"
#include "common/log.h"

enum { CYCLES_MAX = 64 };

static int start_exporter(struct running *running, const struct agent_config *config,
			  struct exporter **out, struct err *err)
{
	const struct agent_metrics *metrics = &config->metrics;

	*out = NULL;
	return metrics->port == 0 ? 0
				  : exporter_start(out, metrics->address, (int)metrics->port,
						   service_write_metrics, &running->service, err);
}

static int start_control(struct running *running, const struct agent_config *config,
			 struct control **out, struct err *err)
{
	return control_start(out, config->control_socket, service_handlers, &running->service, err);
}

int running_start(struct running *running, struct agent_config *config, const char *version,
		  struct err *err)
{
	int r;

	*running = (struct running){.config = agent_config_share(config)};
	service_init(&running->service, version);
	log_set_level((enum log_level)config->log_level);
	running->cycles = mailbox_create(CYCLES_MAX);
	r = forwarder_start(&running->forwarder, config, running->cycles, version, err);
	if (r == 0)
		r = poller_start(&running->poller, config, running->cycles, err);
	service_set(&running->service, config, running->forwarder, running->poller);
	if (r == 0)
		r = start_control(running, config, &running->control, err);
	if (r == 0)
		r = start_exporter(running, config, &running->exporter, err);
	return r;
}

void running_stop(struct running *running, int64_t flush_ms)
{
	control_stop(running->control);
	exporter_stop(running->exporter);
	poller_stop(running->poller);
	forwarder_stop(running->forwarder, flush_ms);
	mailbox_destroy(running->cycles, cycle_destroy);
	service_fini(&running->service);
	agent_config_destroy(running->config);
	*running = (struct running){.config = NULL};
}

/* ---- change ---- */

/* What is new of another configuration, beside what is running; NULL: as it was. */
struct news {
	struct control *control;
	struct exporter *exporter;
	bool is_other_control, is_other_exporter;
};

static void drop_news(struct news *news)
{
	control_stop(news->control);
	exporter_stop(news->exporter);
}

static int open_news(struct running *running, const struct agent_config *config, struct news *news,
		     struct err *err)
{
	const struct agent_config *old = running->config;
	int r = 0;

	news->is_other_control = strcmp(old->control_socket, config->control_socket) != 0;
	news->is_other_exporter = old->metrics.port != config->metrics.port ||
				  strcmp(old->metrics.address, config->metrics.address) != 0;
	if (news->is_other_control)
		r = start_control(running, config, &news->control, err);
	/* At another address of the same port both could not be open at once. */
	if (news->is_other_exporter && r == 0 && old->metrics.port == config->metrics.port) {
		exporter_stop(running->exporter);
		running->exporter = NULL;
	}
	if (news->is_other_exporter && r == 0)
		r = start_exporter(running, config, &news->exporter, err);
	if (r < 0)
		drop_news(news);
	return r;
}

static void take_news(struct running *running, struct news *news)
{
	if (news->is_other_control) {
		control_stop(running->control);
		running->control = news->control;
	}
	if (news->is_other_exporter) {
		exporter_stop(running->exporter);
		running->exporter = news->exporter;
	}
}

/* Another broker, spool or name. The buses go on meanwhile, into the mailbox. */
static int change_forwarder(struct running *running, struct agent_config *config, struct err *err)
{
	struct agent_config *old = running->config;
	const char *version = running->service.version;
	struct err again;
	int r;

	if (old->delivery_digest == config->delivery_digest)
		return 0;
	/* Nobody asks it anything while it is not there. */
	(void)pthread_rwlock_wrlock(&running->service.lock);
	forwarder_stop(running->forwarder, 0);
	running->forwarder = NULL;
	r = forwarder_start(&running->forwarder, config, running->cycles, version, err);
	if (r < 0 &&
	    forwarder_start(&running->forwarder, old, running->cycles, version, &again) < 0) {
		log_error("running", "going back to the old spool failed as well: %s", again.text);
		running->is_broken = true;
	}
	running->service.forwarder = running->forwarder;
	(void)pthread_rwlock_unlock(&running->service.lock);
	return r;
}

static int change_poller(struct running *running, struct agent_config *config, struct err *err)
{
	int r;

	(void)pthread_rwlock_wrlock(&running->service.lock);
	r = poller_change(running->poller, config, err);
	(void)pthread_rwlock_unlock(&running->service.lock);
	return r;
}

int running_change(struct running *running, struct agent_config *config, struct err *err)
{
	struct agent_config *old = running->config;
	struct news news = {.control = NULL};
	int r = open_news(running, config, &news, err);

	if (r < 0)
		return r;
	r = change_forwarder(running, config, err);
	if (r == 0) {
		r = change_poller(running, config, err);
		if (r < 0) { /* no threads left: the forwarder goes back */
			running->config = config;
			(void)change_forwarder(running, old, NULL);
			running->config = old;
		}
	}
	if (r < 0) {
		drop_news(&news);
		return r;
	}
	running->config = agent_config_share(config);
	service_set(&running->service, config, running->forwarder, running->poller);
	take_news(running, &news);
	log_set_level((enum log_level)config->log_level);
	agent_config_destroy(old);
	return 0;
}
