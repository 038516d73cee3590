/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/deliver/uplink.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "agent/deliver/former.h"
#include "agent/deliver/health.h"
#include "agent/deliver/window.h"
#include "common/civil.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/telemetry.h"

enum {
	EVENTS_MAX = 1024,
	SENDS_AT_ONCE = 32, /* then the caller may append what has been read meanwhile */
	AGAIN_MS = 20,      /* MQTT has too much in flight */
	STATUS_MS = 60000,
	STATUS_SOON_MS = 5000,
	TICK_MS = 1000, /* the connection is looked at so often, should an event have been lost */
};

enum event_kind { EVENT_LOST, EVENT_CONNECTED, EVENT_ACK, EVENT_DELIVERED };

struct event {
	enum event_kind kind;
	struct telemetry_ack ack;
	int64_t token;
};

struct uplink {
	struct uplink_options options;
	struct mqtt *mqtt;
	struct mailbox *events;
	struct window window;
	int64_t base; /* seq = id - base */
	char data_topic[TELEMETRY_TOPIC_MAX], ack_topic[TELEMETRY_TOPIC_MAX],
		status_topic[TELEMETRY_TOPIC_MAX];
	char former_topic[TELEMETRY_TOPIC_MAX]; /* status under another region; "": none */
	bool is_former_cleared;                 /* was taken away once */
	struct {
		int64_t token;
		bool is_delivered;
	} tokens[WINDOW_MAX]; /* by seq, for is_broker_delivery */
	struct buf payload;   /* kept for its memory */
	int64_t blocked_ms;   /* nothing is sent before */
	int64_t agreed_ms;    /* when MQTT and window last agreed on the connection */
	bool is_status_due, is_status_wanted; /* at once; when STATUS_SOON_MS have passed */
	int64_t status_ms;                    /* when it was last published */
	struct buf health;
	uint64_t health_digest;
	int64_t last_ack_ms;
	struct uplink_state counters;
};

/* ---- on MQTT's thread ---- */

static void put(struct uplink *uplink, const struct event *event)
{
	struct event *copy = xcalloc(1, sizeof *copy);

	*copy = *event;
	if (!mailbox_try_put(uplink->events, copy))
		free(copy); /* an ack or the connection's state comes again */
	mailbox_wake(uplink->options.wake);
}

static void on_connected(void *arg)
{
	put(arg, &(struct event){.kind = EVENT_CONNECTED});
}

static void on_lost(void *arg)
{
	put(arg, &(struct event){.kind = EVENT_LOST});
}

static void on_message(const char *topic, const void *payload, size_t len, bool is_retained,
		       void *arg)
{
	struct event event = {.kind = EVENT_ACK};
	struct err err;

	(void)is_retained; /* an old one is of another epoch */
	if (telemetry_parse_ack(payload, len, &event.ack, &err) < 0)
		log_debug("uplink", "a message on %s is no acknowledgement: %s", topic, err.text);
	else
		put(arg, &event);
}

static void on_delivered(int64_t token, void *arg)
{
	struct uplink *uplink = arg;

	if (uplink->options.is_broker_delivery)
		put(uplink, &(struct event){.kind = EVENT_DELIVERED, .token = token});
}

/* ---- status ---- */

static int64_t max64(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static void publish_status(struct uplink *uplink, const char *state, int64_t now_ms)
{
	const struct uplink_options *options = &uplink->options;
	struct health_agent agent = {.state = state,
				     .version = options->version,
				     .id = options->agent_id,
				     .region = options->region,
				     .is_clock_trusted = clock_is_trusted()};
	struct uplink_state now;
	struct buf text = {0};

	uplink_state(uplink, &now);
	health_write_status(&text, &agent, spool_state(options->spool), &now, &uplink->health);
	if (mqtt_publish(uplink->mqtt, uplink->status_topic, text.data, text.len, true, NULL,
			 NULL) == 0) {
		uplink->is_status_due = uplink->is_status_wanted = false;
		uplink->status_ms = now_ms;
	} else {
		uplink->blocked_ms = now_ms + AGAIN_MS;
	}
	buf_fini(&text);
}

/* Takes the status away that stands at the broker under a former region, for nobody would ever
 * correct it; again with the next status, in case that the first time got lost. */
static void clear_former(struct uplink *uplink)
{
	const struct uplink_options *options = &uplink->options;
	bool was_cleared = uplink->is_former_cleared;
	struct err err;

	if (uplink->former_topic[0] == '\0' ||
	    mqtt_publish(uplink->mqtt, uplink->former_topic, "", 0, true, NULL, NULL) != 0)
		return;
	uplink->is_former_cleared = true;
	if (!was_cleared)
		return;
	uplink->former_topic[0] = '\0';
	if (former_settle(options->region_path, options->region, &err) < 0)
		log_warn("uplink", "the region could not be noted: %s", err.text);
}

static void keep_status(struct uplink *uplink, int64_t now_ms)
{
	int64_t age_ms = now_ms - uplink->status_ms;

	if (!uplink->window.is_open)
		return;
	if (uplink->is_status_due || age_ms >= STATUS_MS ||
	    (uplink->is_status_wanted && age_ms >= STATUS_SOON_MS)) {
		publish_status(uplink, "online", now_ms);
		clear_former(uplink);
	}
}

void uplink_take_health(struct uplink *uplink, struct buf *members, uint64_t digest)
{
	buf_fini(&uplink->health);
	uplink->health = *members;
	*members = (struct buf){0};
	if (digest != uplink->health_digest)
		uplink->is_status_wanted = true;
	uplink->health_digest = digest;
}

/* ---- what happens ---- */

void uplink_begin_epoch(struct uplink *uplink)
{
	const struct spool_state *spool = spool_state(uplink->options.spool);
	int64_t now_ms = clock_mono_ms();
	struct err err;

	if (spool_begin_epoch(uplink->options.spool, clock_utc_ms(), &err) < 0)
		log_warn("uplink", "the epoch could not be stored: %s", err.text);
	uplink->base = spool->done;
	uplink->window.until_ms = spool->until_ms;
	window_begin(&uplink->window, spool->epoch, spool->last - uplink->base, now_ms);
	if (uplink->options.is_broker_delivery)
		uplink->window.waits_for_ack = false;
	uplink->is_status_due = true;
	log_info("uplink", "epoch %" PRId64 " begins with %" PRId64 " waiting batches",
		 spool->epoch, spool->last - spool->done);
}

static void follow_spool(struct uplink *uplink)
{
	const struct spool_state *spool = spool_state(uplink->options.spool);

	window_set_range(&uplink->window, spool->done + 1 - uplink->base,
			 spool->last - uplink->base);
}

static void requeue(struct uplink *uplink, int64_t until_ms)
{
	char until[CIVIL_TEXT_MAX];
	int64_t n = spool_requeue(uplink->options.spool, until_ms);

	civil_print_time(until_ms, 0, until);
	log_warn("uplink",
		 "the server knows nothing newer than %s although it had confirmed more: %" PRId64
		 " delivered batches are sent again",
		 until_ms > 0 ? until : "the beginning", n);
	uplink->counters.histories_lost++;
	uplink_begin_epoch(uplink);
}

static void obey(struct uplink *uplink, const struct telemetry_ack *ack, int64_t now_ms)
{
	const struct spool_state *spool = spool_state(uplink->options.spool);
	int64_t id;

	switch (window_ack(&uplink->window, ack, now_ms)) {
	case WINDOW_IGNORED:
		uplink->counters.ignored++;
		return;
	case WINDOW_INVALID:
		uplink->counters.invalid++;
		log_debug("uplink",
			  "an acknowledgement claims seen %" PRId64 ", kept %" PRId64
			  ", but only %" PRId64 " batches were sent",
			  ack->seen, ack->kept, uplink->window.sent);
		return;
	case WINDOW_HISTORY_LOST:
		requeue(uplink, ack->until_ms);
		return;
	case WINDOW_OBEYED:
		break;
	}
	uplink->counters.acks++;
	uplink->last_ack_ms = now_ms;
	id = max64(uplink->base + uplink->window.kept, spool->done);
	if (id > spool->done || ack->until_ms != spool->until_ms) {
		spool_mark(uplink->options.spool, id, ack->until_ms);
		follow_spool(uplink);
	}
}

/* The broker's receipts become acknowledgements up to the first that is missing. */
static void note_delivery(struct uplink *uplink, int64_t token, int64_t now_ms)
{
	struct window *w = &uplink->window;
	int64_t seq = w->next - window_under_way(w), first = seq;

	for (int64_t i = first; i < w->next; i++)
		if (uplink->tokens[i % WINDOW_MAX].token == token)
			uplink->tokens[i % WINDOW_MAX].is_delivered = true;
	while (seq < w->next && uplink->tokens[seq % WINDOW_MAX].is_delivered)
		seq++;
	if (seq > first) {
		struct telemetry_ack ack = {w->epoch, seq - 1, seq - 1, w->until_ms};

		obey(uplink, &ack, now_ms);
	}
}

static void follow_connection(struct uplink *uplink, bool is_connected, int64_t now_ms)
{
	if (!is_connected) {
		window_close(&uplink->window);
		return;
	}
	uplink->counters.connections++;
	uplink->is_status_due = true;
	uplink->blocked_ms = 0;
	window_open(&uplink->window, !uplink->options.is_broker_delivery, now_ms);
}

/* Events tell at once; should one have been lost, this tells a little later. */
static void check_connection(struct uplink *uplink, int64_t now_ms)
{
	if (mqtt_is_connected(uplink->mqtt) == uplink->window.is_open) {
		uplink->agreed_ms = now_ms;
	} else if (now_ms - uplink->agreed_ms > 3 * TICK_MS) {
		follow_connection(uplink, !uplink->window.is_open, now_ms);
		uplink->agreed_ms = now_ms;
	}
}

static void handle(struct uplink *uplink, const struct event *event, int64_t now_ms)
{
	switch (event->kind) {
	case EVENT_CONNECTED:
	case EVENT_LOST:
		follow_connection(uplink, event->kind == EVENT_CONNECTED, now_ms);
		break;
	case EVENT_ACK:
		obey(uplink, &event->ack, now_ms);
		break;
	case EVENT_DELIVERED:
		note_delivery(uplink, event->token, now_ms);
		break;
	}
}

/* ---- sending ---- */

static int write_payload(struct uplink *uplink, int64_t seq, struct err *err)
{
	struct spool *spool = uplink->options.spool;
	const struct spool_gap *gap = &spool_state(spool)->gap;
	bool has_gap = gap->batches > 0 && seq == uplink->window.oldest;
	struct telemetry_header header = {
		.epoch = uplink->window.epoch,
		.seq = seq,
		.oldest = uplink->window.oldest,
	};
	struct spool_entry entry;
	struct buf body = {0};
	int r = spool_read(spool, uplink->base + seq, &body, &entry, err);

	if (r == 0) {
		memcpy(header.agent, uplink->options.agent_id, strlen(uplink->options.agent_id));
		header.lines = entry.n_lines + has_gap;
		header.time_ms = entry.time_ms;
		buf_clear(&uplink->payload);
		telemetry_write_header(&uplink->payload, &header);
		if (has_gap)
			telemetry_write_gap(&uplink->payload, gap->from_ms, gap->to_ms,
					    gap->batches, entry.time_ms);
		buf_add(&uplink->payload, body.data, body.len);
		assert(uplink->payload.len <= TELEMETRY_BATCH_MAX);
	}
	buf_fini(&body);
	return r;
}

static int send_batches(struct uplink *uplink, int64_t now_ms, struct err *err)
{
	for (int i = 0; i < SENDS_AT_ONCE && now_ms >= uplink->blocked_ms; i++) {
		int64_t seq = window_next(&uplink->window, now_ms), token;
		int r = seq > 0 ? write_payload(uplink, seq, err) : 0;

		if (seq == 0 || r < 0)
			return r;
		/* -EAGAIN and -ENOTCONN pass; others show in the connection's own messages. */
		if (mqtt_publish(uplink->mqtt, uplink->data_topic, uplink->payload.data,
				 uplink->payload.len, false, &token, NULL) < 0) {
			uplink->blocked_ms = now_ms + AGAIN_MS;
			return 0;
		}
		uplink->tokens[seq % WINDOW_MAX].token = token;
		uplink->tokens[seq % WINDOW_MAX].is_delivered = false;
		window_sent(&uplink->window, (int64_t)uplink->payload.len, now_ms);
	}
	return 0;
}

static int64_t next_deadline(struct uplink *uplink, int64_t now_ms)
{
	int64_t deadline_ms = now_ms + TICK_MS;

	if (window_deadline(&uplink->window) < deadline_ms)
		deadline_ms = window_deadline(&uplink->window);
	if (window_next(&uplink->window, now_ms) > 0 || uplink->is_status_due)
		deadline_ms = uplink->window.is_open ? uplink->blocked_ms : deadline_ms;
	return max64(deadline_ms, now_ms);
}

int uplink_work(struct uplink *uplink, int64_t wait_ms, int64_t *deadline_ms, struct err *err)
{
	struct event *event = mailbox_take(uplink->events, wait_ms);
	int64_t now_ms = clock_mono_ms();
	int r;

	for (; event != NULL; event = mailbox_take(uplink->events, 0)) {
		handle(uplink, event, now_ms);
		free(event);
	}
	check_connection(uplink, now_ms);
	follow_spool(uplink);
	keep_status(uplink, now_ms);
	r = send_batches(uplink, now_ms, err);
	*deadline_ms = next_deadline(uplink, now_ms);
	return r;
}

bool uplink_is_flushed(const struct uplink *uplink)
{
	const struct spool_state *spool = spool_state(uplink->options.spool);

	return !uplink->window.is_open || spool->done == spool->last;
}

void uplink_state(const struct uplink *uplink, struct uplink_state *out)
{
	const struct window *w = &uplink->window;

	*out = uplink->counters;
	out->is_connected = w->is_open;
	out->mqtt_version = mqtt_version(uplink->mqtt);
	mqtt_trouble(uplink->mqtt, out->trouble);
	out->sent = w->sent;
	out->seen = w->seen;
	out->kept = w->kept;
	out->under_way = window_under_way(w);
	out->resends = w->resends;
	out->ack_age_ms = uplink->last_ack_ms > 0 ? clock_mono_ms() - uplink->last_ack_ms : -1;
}

/* ---- life ---- */

static int connect_mqtt(struct uplink *uplink, struct err *err)
{
	const struct uplink_options *options = &uplink->options;
	const struct mqtt_events events = {on_connected, on_lost, on_message,
					   on_delivered, NULL,    uplink};
	const struct mqtt_will will = {uplink->status_topic, "{\"state\":\"offline\"}"};
	char *client_id = xasprintf("nenghao-%s", options->agent_id);
	int r = mqtt_start(&uplink->mqtt, options->mqtt, client_id, &will, &events, err);

	free(client_id);
	if (r == 0 && !options->is_broker_delivery)
		r = mqtt_subscribe(uplink->mqtt, uplink->ack_topic, err);
	return r;
}

/* Under which region did it publish before? */
static void look_back(struct uplink *uplink)
{
	const struct uplink_options *options = &uplink->options;
	char region[FORMER_REGION_MAX];
	struct err err;

	if (options->region_path == NULL)
		return;
	former_region(options->region_path, options->region, region);
	if (region[0] == '\0') {
		if (former_settle(options->region_path, options->region, &err) < 0)
			log_warn("uplink", "the region could not be noted: %s", err.text);
		return;
	}
	log_info("uplink", "the region was %s and is %s now", region, options->region);
	telemetry_topic(uplink->former_topic, region, options->agent_id, TOPIC_STATUS);
}

int uplink_start(struct uplink **out, const struct uplink_options *options, struct err *err)
{
	struct uplink *uplink = xcalloc(1, sizeof *uplink);
	int r;

	uplink->options = *options;
	uplink->events = mailbox_create(EVENTS_MAX);
	uplink->counters.started_ms = clock_utc_ms();
	telemetry_topic(uplink->data_topic, options->region, options->agent_id, TOPIC_DATA);
	telemetry_topic(uplink->ack_topic, options->region, options->agent_id, TOPIC_ACK);
	telemetry_topic(uplink->status_topic, options->region, options->agent_id, TOPIC_STATUS);
	look_back(uplink);
	uplink_begin_epoch(uplink);
	r = connect_mqtt(uplink, err);
	if (r < 0) {
		uplink_stop(uplink);
		return r;
	}
	*out = uplink;
	return 0;
}

void uplink_stop(struct uplink *uplink)
{
	if (uplink == NULL)
		return;
	if (uplink->mqtt != NULL && mqtt_is_connected(uplink->mqtt))
		publish_status(uplink, "offline", clock_mono_ms());
	mqtt_stop(uplink->mqtt);
	mailbox_destroy(uplink->events, free);
	buf_fini(&uplink->payload);
	buf_fini(&uplink->health);
	free(uplink);
}
