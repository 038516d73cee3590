/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/control/service.h"

#include <errno.h>
#include <stdlib.h>

#include "agent/control/agent_metrics.h"
#include "agent/control/bus_agent.h"
#include "agent/deliver/health.h"
#include "agent/deliver/spool_print.h"
#include "common/civil.h"
#include "common/json_writer.h"
#include "common/log.h"
#include "common/loop.h"

enum { READ_TIMEOUT_MS = 10000 };

void service_init(struct service *service, const char *version)
{
	*service = (struct service){.version = version, .turns = -1, .progress = -1};
	(void)pthread_rwlock_init(&service->lock, NULL); /* cannot fail with default attributes */
	(void)clock_watch_jump(&service->watch);
}

void service_fini(struct service *service)
{
	(void)pthread_rwlock_destroy(&service->lock);
}

void service_set(struct service *service, const struct agent_config *config,
		 struct forwarder *forwarder, struct poller *poller)
{
	(void)pthread_rwlock_wrlock(&service->lock);
	service->config = config;
	service->forwarder = forwarder;
	service->poller = poller;
	(void)pthread_rwlock_unlock(&service->lock);
}

static struct health_agent health_of(const struct service *service)
{
	return (struct health_agent){
		.state = "online",
		.version = service->version,
		.id = service->config->agent_id,
		.region = service->config->region,
		.is_clock_trusted = clock_is_trusted(),
		.clock_jumps = service->clock_jumps,
		.last_jump_ms = service->last_jump_ms,
	};
}

static int answer_status(const json_t *request, struct buf *answer, void *arg, struct err *err)
{
	const struct service *service = arg;
	struct health_agent agent = health_of(service);
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

static int answer_request(const json_t *question, struct buf *answer, void *arg, struct err *err)
{
	const struct service *service = arg;
	const char *bus = json_string_value(json_object_get(question, "bus"));
	struct bus_request request;
	struct bus_reply reply = {.exception = 0};
	enum bus_outcome outcome;
	int r = bus != NULL ? bus_agent_parse(question, &request, err)
			    : err_set(err, -EINVAL, "on which bus?");

	if (r == 0)
		r = poller_request_now(service->poller, bus, &request, &outcome, &reply, err);
	if (r == 0)
		bus_agent_write_reply(answer, &request, outcome, &reply);
	return r;
}

static void write_frame(const struct poller_frame *frame, void *arg)
{
	static const char digits[] = "0123456789ABCDEF";
	struct json_writer *json = arg;
	char hex[2 * POLLER_FRAME_MAX + 1];

	for (size_t i = 0; i < frame->len; i++) {
		hex[2 * i] = digits[frame->bytes[i] >> 4];
		hex[2 * i + 1] = digits[frame->bytes[i] & 15];
	}
	json_begin_object(json, NULL);
	json_add_int(json, "at_ms", frame->time_ms);
	json_add_bool(json, "sent", frame->is_sent);
	json_add_string_n(json, "hex", hex, 2U * frame->len);
	json_end_object(json);
}

static int answer_trace(const json_t *question, struct buf *answer, void *arg, struct err *err)
{
	const struct service *service = arg;
	const char *meter = json_string_value(json_object_get(question, "meter"));
	const json_t *after = json_object_get(question, "after");
	struct json_writer json = {.out = answer};
	int64_t position = json_is_integer(after) ? json_integer_value(after) : -1;
	int r;

	if (meter == NULL)
		return err_set(err, -EINVAL, "of which meter?");
	json_begin_object(&json, NULL);
	json_begin_array(&json, "frames");
	r = poller_trace(service->poller, meter, &position, write_frame, &json, err);
	if (r < 0)
		return r;
	json_end_array(&json);
	json_add_int(&json, "next", position);
	json_end_object(&json);
	return 0;
}

static int answer_spool(const json_t *question, struct buf *answer, void *arg, struct err *err)
{
	const struct service *service = arg;
	struct forwarder_state state;

	(void)question; /* has no further members */
	(void)err;
	forwarder_state(service->forwarder, &state);
	spool_print_json(&state.spool, service->config, true, answer);
	return 0;
}

/* The parts stay as they are while an answer is written. */
static int answer(control_fn fn, const json_t *request, struct buf *out, void *arg, struct err *err)
{
	struct service *service = arg;
	int r;

	(void)pthread_rwlock_rdlock(&service->lock);
	r = fn(request, out, arg, err);
	(void)pthread_rwlock_unlock(&service->lock);
	return r;
}

#define DEFINE_HANDLER(name)                                                                \
	static int name(const json_t *request, struct buf *out, void *arg, struct err *err) \
	{                                                                                   \
		return answer(answer_##name, request, out, arg, err);                       \
	}

DEFINE_HANDLER(status)
DEFINE_HANDLER(read)
DEFINE_HANDLER(request)
DEFINE_HANDLER(trace)
DEFINE_HANDLER(spool)

const struct control_handler service_handlers[] = {
	{"status", status}, {"read", read},   {"request", request},
	{"trace", trace},   {"spool", spool}, {NULL, NULL},
};

void service_write_metrics(struct buf *out, void *arg)
{
	struct service *service = arg;
	struct forwarder_state state;

	(void)pthread_rwlock_rdlock(&service->lock);
	forwarder_state(service->forwarder, &state);
	agent_metrics_write(out, service->poller, &state, service->clock_jumps);
	(void)pthread_rwlock_unlock(&service->lock);
}

/* The only writer of the parts is this thread: no lock is needed to look at them. */
void service_publish_health(void *arg)
{
	struct service *service = arg;
	struct buf members = {0};
	uint64_t digest = health_write_meters(&members, service->poller);

	forwarder_take_health(service->forwarder, &members, digest);
}

void service_watch_clock(void *arg)
{
	struct service *service = arg;
	int64_t jump_ms = clock_watch_jump(&service->watch);
	char until[CIVIL_TEXT_MAX];

	if (jump_ms == 0)
		return;
	(void)civil_print_time(service->watch.utc_ms, 0, until);
	log_warn("service",
		 "the wall clock was set %s by %.1f s and shows %s: slots follow it; readings that "
		 "have their time keep it",
		 jump_ms > 0 ? "forward" : "back", (double)llabs(jump_ms) / 1000, until);
	(void)pthread_rwlock_wrlock(&service->lock);
	service->clock_jumps++;
	service->last_jump_ms = jump_ms;
	(void)pthread_rwlock_unlock(&service->lock);
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
