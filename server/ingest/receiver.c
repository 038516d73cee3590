/* SPDX-License-Identifier: Apache-2.0 */
#include "server/ingest/receiver.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/civil.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"

/* Two servers of one client id must not take the connection from each other in turn: their acks
 * would contradict each other. */
enum { DISPLACED_PAUSE_MS = 60 * 1000, WHO_MAX = 800 };

struct receiver {
	_Atomic(struct mqtt *) mqtt; /* NULL: not started */
	struct ingest *ingest;
	int64_t offset_ms;
	char *topic, *name; /* of the own claim */
	atomic_bool is_serving, is_listening;
	atomic_bool is_barred; /* another server stands against it */
	pthread_mutex_t lock;  /* guards the rest; never held when mqtt is called */
	struct claim claim;
	unsigned owed; /* actions from before the connection was at hand */
};

struct receiver *receiver_create(void)
{
	struct receiver *receiver = xcalloc(1, sizeof(struct receiver));

	(void)pthread_mutex_init(&receiver->lock, NULL); /* cannot fail with default attributes */
	return receiver;
}

void receiver_destroy(struct receiver *receiver)
{
	if (receiver == NULL)
		return;
	(void)pthread_mutex_destroy(&receiver->lock);
	free(receiver->topic);
	free(receiver->name);
	free(receiver);
}

/* ---- words ---- */

/* Which region, and who. */
static void describe(const struct claim_other *other, char out[WHO_MAX])
{
	char here[CLAIM_TEXT_MAX + 64] = "";

	if (strcmp(other->region, other->our_region) != 0)
		(void)snprintf(here, sizeof here, " (it overlaps with %s here)", other->our_region);
	(void)snprintf(out, WHO_MAX, "region %s%s: another server, '%s' (%s),", other->region, here,
		       other->name, other->place);
}

static void tell_refused(const struct receiver *receiver, const struct claim_other *by,
			 struct receiver_rival *out)
{
	char who[WHO_MAX], since[CIVIL_TEXT_MAX];

	describe(by, who);
	(void)civil_print_time(by->since_ms / 1000 * 1000, receiver->offset_ms, since);
	(void)snprintf(out->refused, sizeof out->refused,
		       "%s serves it since %s, and this one takes nothing. Stop one of the two, or "
		       "take the region out of its mqtt.regions; then restart this one",
		       who, since);
	memcpy(out->refused_by, by->server, sizeof out->refused_by);
	memcpy(out->refused_region, by->our_region, sizeof out->refused_region);
}

static void tell_awaited(const struct claim_other *other, struct receiver_rival *out)
{
	char who[WHO_MAX];

	describe(other, who);
	(void)snprintf(out->refused, sizeof out->refused,
		       "%s has claimed it. If it does not answer within %d s, this one serves", who,
		       CLAIM_ANSWER_MS / 1000);
}

static void tell_asked(const struct claim_other *by, struct receiver_rival *out)
{
	char who[WHO_MAX];

	describe(by, who);
	(void)snprintf(out->asked, sizeof out->asked,
		       "%s asked for it and was refused. One of the two is there by mistake: stop "
		       "it, or take the region out of its mqtt.regions",
		       who);
	memcpy(out->asked_by, by->server, sizeof out->asked_by);
	memcpy(out->asked_region, by->our_region, sizeof out->asked_region);
}

void receiver_get_rival(struct receiver *receiver, struct receiver_rival *out)
{
	const struct claim_other *other;
	const struct claim *claim = &receiver->claim;

	memset(out, 0, sizeof *out);
	(void)pthread_mutex_lock(&receiver->lock);
	other = claim_awaited(claim);
	out->phase = claim->phase;
	out->is_unprotected = claim->is_unprotected;
	out->n_asked = claim->n_asked;
	if (claim->phase == CLAIM_REFUSED)
		tell_refused(receiver, &claim->rival, out);
	else if (other != NULL)
		tell_awaited(other, out);
	if (claim->n_asked > 0 && clock_mono_ms() - claim->asked.heard_ms < HOUR_MS)
		tell_asked(&claim->asked, out);
	(void)pthread_mutex_unlock(&receiver->lock);
}

static void tell(struct receiver *receiver, enum claim_phase before, unsigned n_asked_before,
		 bool was_unprotected)
{
	struct receiver_rival now;

	receiver_get_rival(receiver, &now);
	if (now.phase == CLAIM_REFUSED && before != CLAIM_REFUSED)
		log_error("receiver", "%s", now.refused);
	if (now.n_asked != n_asked_before)
		log_error("receiver", "%s", now.asked);
	if (now.is_unprotected && !was_unprotected)
		log_warn(
			"receiver",
			"the broker hands on nothing of %s, perhaps by its ACL: a second server of "
			"the same region would not be found out",
			receiver->topic);
}

/* ---- the claim ---- */

static void act(struct receiver *receiver, struct mqtt *mqtt, unsigned actions)
{
	static const char *const filters[] = {"nenghao/1/+/+/status", "nenghao/1/+/+/data"};
	struct buf question = {0}, claim = {0};
	char gone[sizeof CLAIM_TOPIC + CLAIM_TEXT_MAX];

	(void)pthread_mutex_lock(&receiver->lock);
	claim_write(&receiver->claim, false, &question);
	claim_write(&receiver->claim, true, &claim);
	(void)snprintf(gone, sizeof gone, CLAIM_TOPIC "%s", receiver->claim.gone);
	(void)pthread_mutex_unlock(&receiver->lock);
	/* What cannot be sent now is said anew with the next connection. */
	if (actions & CLAIM_ASK)
		(void)mqtt_publish(mqtt, receiver->topic, question.data, question.len, false, NULL,
				   NULL);
	if (actions & CLAIM_CLEAR)
		(void)mqtt_publish(mqtt, gone, "", 0, true, NULL, NULL);
	if (actions & CLAIM_HOLD)
		(void)mqtt_publish(mqtt, receiver->topic, claim.data, claim.len, true, NULL, NULL);
	/* One filter for all regions: which are served is a question of the tree, not of prefixes.
	 * Status first: retained ones tell of lost history before the next batch does. */
	if (actions & CLAIM_LISTEN)
		mqtt_listen(mqtt, filters);
	if (actions & CLAIM_LEAVE)
		(void)mqtt_publish(mqtt, receiver->topic, "", 0, true, NULL, NULL);
	buf_fini(&question);
	buf_fini(&claim);
}

struct happening {
	enum { CONNECTED, LOST, HEARD, TICK } what;
	const char *topic;
	const void *payload;
	size_t len;
	bool is_retained;
};

static unsigned judge(struct receiver *receiver, const struct happening *it)
{
	const struct claim_time now = {clock_utc_ms(), clock_mono_ms()};
	struct claim *claim = &receiver->claim;

	switch (it->what) {
	case CONNECTED:
		return claim_connected(claim, now);
	case LOST:
		claim_lost(claim);
		return 0;
	case HEARD:
		return claim_heard(claim, it->topic, it->payload, it->len, it->is_retained, now);
	case TICK:
		break;
	}
	return claim_tick(claim, now);
}

static void happen(struct receiver *receiver, const struct happening *it)
{
	struct mqtt *mqtt = atomic_load(&receiver->mqtt);
	enum claim_phase before;
	bool was_unprotected;
	unsigned actions, n_asked;

	(void)pthread_mutex_lock(&receiver->lock);
	before = receiver->claim.phase;
	n_asked = receiver->claim.n_asked;
	was_unprotected = receiver->claim.is_unprotected;
	actions = judge(receiver, it) | receiver->owed;
	receiver->owed = mqtt == NULL ? actions : 0;
	atomic_store(&receiver->is_serving, receiver->claim.phase == CLAIM_SERVING);
	atomic_store(&receiver->is_barred, receiver->claim.phase == CLAIM_REFUSED ||
						   claim_awaited(&receiver->claim) != NULL);
	(void)pthread_mutex_unlock(&receiver->lock);
	if (mqtt != NULL && actions != 0)
		act(receiver, mqtt, actions);
	tell(receiver, before, n_asked, was_unprotected);
}

/* ---- on the library's thread: nothing that waits ---- */

static void on_connected(void *arg)
{
	happen(arg, &(struct happening){.what = CONNECTED});
}

static void on_lost(void *arg)
{
	struct receiver *receiver = arg;

	atomic_store(&receiver->is_listening, false);
	happen(receiver, &(struct happening){.what = LOST});
}

static void on_listening(void *arg)
{
	struct receiver *receiver = arg;

	atomic_store(&receiver->is_listening, true);
}

static void on_message(const char *topic, const void *payload, size_t len, bool is_retained,
		       void *arg)
{
	struct receiver *receiver = arg;

	if (strncmp(topic, CLAIM_TOPIC, strlen(CLAIM_TOPIC)) == 0) {
		happen(receiver, &(struct happening){HEARD, topic, payload, len, is_retained});
		return;
	}
	/* A retained status asks for an ack like a new one. If something is dropped, the agent sees
	 * it by the acks, and the ingest counts it. */
	if (atomic_load(&receiver->is_serving))
		(void)ingest_deliver(receiver->ingest, topic, payload, len);
}

/* ---- life ---- */

void receiver_tick(struct receiver *receiver)
{
	happen(receiver, &(struct happening){.what = TICK});
}

int receiver_start(struct receiver *receiver, const struct receiver_options *options,
		   struct ingest *ingest, struct err *err)
{
	const struct mqtt_config *config = options->config;
	struct mqtt_events events = {.connected = on_connected,
				     .lost = on_lost,
				     .message = on_message,
				     .listening = on_listening,
				     .arg = receiver};
	struct claim_self self = options->self;
	struct mqtt *mqtt;
	int rc;

	receiver->ingest = ingest;
	receiver->offset_ms = options->offset_ms;
	receiver->name =
		xstrdup(config->client_id != NULL ? config->client_id : options->client_id);
	receiver->topic = xasprintf(CLAIM_TOPIC "%s", self.server);
	self.name = receiver->name;
	claim_init(&receiver->claim, &self);
	rc = mqtt_start(&mqtt, config, options->client_id, NULL, &events, err);
	if (rc < 0)
		return rc;
	mqtt_yield(mqtt, DISPLACED_PAUSE_MS);
	rc = mqtt_subscribe(mqtt, CLAIM_FILTER, err);
	if (rc < 0) {
		mqtt_stop(mqtt);
		return rc;
	}
	atomic_store(&receiver->mqtt, mqtt);
	receiver_tick(receiver); /* it may be connected already */
	return 0;
}

/* Who stops lets go at once: another server need not wait for an answer. */
void receiver_stop(struct receiver *receiver)
{
	struct mqtt *mqtt = atomic_exchange(&receiver->mqtt, NULL);

	if (mqtt != NULL && atomic_exchange(&receiver->is_serving, false))
		(void)mqtt_publish(mqtt, receiver->topic, "", 0, true, NULL, NULL);
	mqtt_stop(mqtt);
}

int receiver_publish(const char *topic, const void *payload, size_t len, void *arg)
{
	struct receiver *receiver = arg;
	struct mqtt *mqtt = atomic_load(&receiver->mqtt);

	if (!mqtt || !atomic_load(&receiver->is_serving))
		return -ENOTCONN;
	return mqtt_publish(mqtt, topic, payload, len, false, NULL, NULL);
}

bool receiver_is_connected(const struct receiver *receiver)
{
	const struct mqtt *mqtt = atomic_load(&receiver->mqtt);

	return mqtt && mqtt_is_connected(mqtt) &&
	       (atomic_load(&receiver->is_listening) || atomic_load(&receiver->is_barred));
}

bool receiver_is_displaced(const struct receiver *receiver)
{
	const struct mqtt *mqtt = atomic_load(&receiver->mqtt);

	return mqtt && mqtt_is_displaced(mqtt);
}
