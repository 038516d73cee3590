/* SPDX-License-Identifier: Apache-2.0 */
/* mqtt.h - one MQTT connection: v5 with fall-back to 3.1.1, TLS, reconnecting with jitter. */
#ifndef COMMON_MQTT_H
#define COMMON_MQTT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/conf.h"
#include "common/err.h"

struct mqtt;

/* The "mqtt:" section of both daemons. */
struct mqtt_config {
	const struct conf_node *node;
	const char *url; /* tcp://host:port or tls://host:port */
	const char *client_id;
	const char *username, *password_file;
	const char *ca_file, *cert_file, *key_file;
	int64_t keep_alive_ms;
};
extern const struct conf_key mqtt_config_keys[]; /* a table for conf.h */
/* Checks what a table cannot: the URL's form, files only with tls. Adds to errors. */
void mqtt_config_check(const struct mqtt_config *config, struct conf_errors *errors);

/* All are called on the library's own thread, one at a time in the whole process, and must not
 * block: they copy into a mailbox and return. */
struct mqtt_events {
	void (*connected)(void *arg);
	void (*lost)(void *arg); /* the connection ended; the module connects again by itself */
	void (*message)(const char *topic, const void *payload, size_t len, bool is_retained,
			void *arg);
	void (*delivered)(int64_t token, void *arg); /* the broker's PUBACK */
	void *arg;
};

struct mqtt_will {
	const char *topic, *payload; /* retained, QoS 1; copied */
};

/* Starts connecting in the background, for ever, 1 s to 60 s apart with jitter. Each connection is
 * a clean session. client_id is config's or, if that is NULL, the one given. will may be NULL. */
int mqtt_start(struct mqtt **out, const struct mqtt_config *config, const char *client_id,
	       const struct mqtt_will *will, const struct mqtt_events *events, struct err *err);
/* Publishes nothing more, disconnects (waiting at most 2 s for what is under way), frees. No event
 * is called after it returns. NULL is allowed. */
void mqtt_stop(struct mqtt *mqtt);

/* Subscriptions are kept and renewed at each connection, before connected() is called. */
int mqtt_subscribe(struct mqtt *mqtt, const char *filter, struct err *err);

/* QoS 1. Copies. -ENOTCONN without connection, -EAGAIN if too much is in flight. token (may be
 * NULL) comes back by delivered(). Works from any thread, also from inside an event. */
int mqtt_publish(struct mqtt *mqtt, const char *topic, const void *payload, size_t len,
		 bool is_retained, int64_t *token, struct err *err);

bool mqtt_is_connected(const struct mqtt *mqtt);
/* 5 or 4 (3.1.1); 0 if not connected. */
int mqtt_version(const struct mqtt *mqtt);

#endif
