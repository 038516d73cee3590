/* SPDX-License-Identifier: Apache-2.0 */
/* receiver.h - the broker's side of the server: batches and status in, acks out, as long as no
 * other server serves one of its regions. */
#ifndef SERVER_RECEIVER_H
#define SERVER_RECEIVER_H

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"
#include "common/mqtt.h"
#include "server/ingest/claim.h"
#include "server/ingest/ingest.h"

struct receiver;

struct receiver_options {
	const struct mqtt_config *config;
	const char *client_id;  /* if config has none */
	struct claim_self self; /* name is set by the receiver, the rest is borrowed */
	int64_t offset_ms;      /* of the zone, for words */
};

/* Order of life: receiver_create, ingest_start (publishing by receiver_publish), receiver_start;
 * then ingest_stop, receiver_stop, ingest_destroy, receiver_destroy. */
struct receiver *receiver_create(void);
void receiver_destroy(struct receiver *receiver); /* NULL is allowed */

/* Connects in the background and hands what comes to the ingest. */
int receiver_start(struct receiver *receiver, const struct receiver_options *options,
		   struct ingest *ingest, struct err *err);
void receiver_tick(struct receiver *receiver); /* about each second, from any one thread */
void receiver_stop(struct receiver *receiver);

/* An agents_publish_fn; arg is the receiver. */
int receiver_publish(const char *topic, const void *payload, size_t len, void *arg);
/* And what agents say is heard, unless another server stands against it. */
bool receiver_is_connected(const struct receiver *receiver);
/* Another server connects under this one's name at the broker. */
bool receiver_is_displaced(const struct receiver *receiver);

/* What there is to know of other servers, for people and for events. */
enum { RECEIVER_WORDS_MAX = 1200 };
struct receiver_rival {
	enum claim_phase phase;
	bool is_unprotected;              /* the broker hands on no claims */
	char refused[RECEIVER_WORDS_MAX]; /* why this server takes nothing; "" if it does */
	char asked[RECEIVER_WORDS_MAX];   /* who asked for its region in the last hour; or "" */
	char refused_by[CLAIM_TEXT_MAX], refused_region[CLAIM_TEXT_MAX];
	char asked_by[CLAIM_TEXT_MAX], asked_region[CLAIM_TEXT_MAX];
	unsigned n_asked;
};
void receiver_get_rival(struct receiver *receiver, struct receiver_rival *out);

#endif
