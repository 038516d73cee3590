/* SPDX-License-Identifier: Apache-2.0 */
#include "server/ingest/receiver.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "common/mem.h"

/* Two servers of one region have one client id. They must not take the connection from each other
 * in turn: their acks would contradict each other. */
enum { DISPLACED_PAUSE_MS = 60 * 1000 };

struct receiver {
	_Atomic(struct mqtt *) mqtt; /* NULL: not started */
	struct ingest *ingest;
};

struct receiver *receiver_create(void)
{
	return xcalloc(1, sizeof(struct receiver));
}

void receiver_destroy(struct receiver *receiver)
{
	free(receiver);
}

/* On the library's thread: nothing but a copy into the mailbox. */
static void on_message(const char *topic, const void *payload, size_t len, bool is_retained,
		       void *arg)
{
	struct receiver *receiver = arg;

	(void)is_retained; /* a retained status asks for an ack like a new one */
	/* If it is dropped, the agent sees it by the acks, and the ingest counts it. */
	(void)ingest_deliver(receiver->ingest, topic, payload, len);
}

int receiver_start(struct receiver *receiver, const struct mqtt_config *config,
		   const char *client_id, struct ingest *ingest, struct err *err)
{
	struct mqtt_events events = {.message = on_message, .arg = receiver};
	struct mqtt *mqtt;
	int rc;

	receiver->ingest = ingest;
	rc = mqtt_start(&mqtt, config, client_id, NULL, &events, err);
	if (rc < 0)
		return rc;
	mqtt_yield(mqtt, DISPLACED_PAUSE_MS);
	/* One filter for all regions: which are served is a question of the tree, not of prefixes.
	 * Status first: retained ones tell of lost history before the next batch does. */
	rc = mqtt_subscribe(mqtt, "nenghao/1/+/+/status", err);
	if (rc == 0)
		rc = mqtt_subscribe(mqtt, "nenghao/1/+/+/data", err);
	if (rc < 0) {
		mqtt_stop(mqtt);
		return rc;
	}
	atomic_store(&receiver->mqtt, mqtt);
	return 0;
}

void receiver_stop(struct receiver *receiver)
{
	mqtt_stop(atomic_exchange(&receiver->mqtt, NULL));
}

int receiver_publish(const char *topic, const void *payload, size_t len, void *arg)
{
	struct receiver *receiver = arg;
	struct mqtt *mqtt = atomic_load(&receiver->mqtt);

	if (!mqtt)
		return -ENOTCONN;
	return mqtt_publish(mqtt, topic, payload, len, false, NULL, NULL);
}

bool receiver_is_connected(const struct receiver *receiver)
{
	const struct mqtt *mqtt = atomic_load(&receiver->mqtt);

	return mqtt && mqtt_is_connected(mqtt);
}

bool receiver_is_displaced(const struct receiver *receiver)
{
	const struct mqtt *mqtt = atomic_load(&receiver->mqtt);

	return mqtt && mqtt_is_displaced(mqtt);
}
