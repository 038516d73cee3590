/* SPDX-License-Identifier: Apache-2.0 */
/* receiver.h - the broker's side of the server: batches and status in, acks out. */
#ifndef SERVER_RECEIVER_H
#define SERVER_RECEIVER_H

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"
#include "common/mqtt.h"
#include "server/ingest/ingest.h"

struct receiver;

/* Order of life: receiver_create, ingest_start (publishing by receiver_publish), receiver_start;
 * then ingest_stop, receiver_stop, ingest_destroy, receiver_destroy. */
struct receiver *receiver_create(void);
void receiver_destroy(struct receiver *receiver); /* NULL is allowed */

/* Connects in the background and hands what comes to the ingest. client_id: if config has none. */
int receiver_start(struct receiver *receiver, const struct mqtt_config *config,
		   const char *client_id, struct ingest *ingest, struct err *err);
void receiver_stop(struct receiver *receiver);

/* An agents_publish_fn; arg is the receiver. */
int receiver_publish(const char *topic, const void *payload, size_t len, void *arg);
bool receiver_is_connected(const struct receiver *receiver);
/* Another server connects under this one's name at the broker. */
bool receiver_is_displaced(const struct receiver *receiver);

#endif
