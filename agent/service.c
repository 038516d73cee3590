/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/service.h"

#include <errno.h>
#include <stdlib.h>

#include "agent/health.h"
#include "common/log.h"
#include "common/loop.h"

enum { READ_TIMEOUT_MS = 10000 };

static int answer_status(const json_t *request, struct buf *answer, void *arg, struct err *err)
{
	const struct service *service = arg;
	const struct agent_config *config = service->config;
	struct health_agent agent = {"online", service->version, config->agent_id, config->region};
	struct forwarder_state state;
	struct buf members = {0};

	(void)request; /* has no further members */
	(void)err;
	forwarder_state(service->forwarder, &state);
	(void)health_write_meters(&members, service->poller); /* the digest is for the broker */
	health_write_status(answer, &agent, &state.spool, &state.uplink, &members);
	buf_fini(&members);
	return 0;
}

static int answer_read(const json_t *request, struct buf *answer, void *arg, struct err *err)
{
	const struct service *service = arg;
	const char *meter = json_string_value(json_object_get(request, "meter"));
	char *json;
	int r;

	if (meter == NULL)
		return err_set(err, -EINVAL,
			       "which meter? {\"command\":\"read\",\"meter\":\"...\"}");
	r = poller_read_now(service->poller, meter, READ_TIMEOUT_MS, &json, err);
	if (r < 0)
		return r;
	buf_add_text(answer, json);
	free(json);
	return 0;
}

const struct control_handler service_handlers[] = {
	{"status", answer_status},
	{"read", answer_read},
	{NULL, NULL},
};

void service_publish_health(void *arg)
{
	struct service *service = arg;
	struct buf members = {0};
	uint64_t digest = health_write_meters(&members, service->poller);

	forwarder_take_health(service->forwarder, &members, digest);
}

void service_feed_watchdog(void *arg)
{
	struct service *service = arg;
	int64_t progress = poller_progress(service->poller);
	struct forwarder_state state;

	forwarder_state(service->forwarder, &state);
	if (state.turns != service->turns && progress != service->progress)
		notify_watchdog();
	else
		log_error("service", "the %s has not moved since the last look",
			  state.turns == service->turns ? "forwarder" : "poller");
	service->turns = state.turns;
	service->progress = progress;
}
