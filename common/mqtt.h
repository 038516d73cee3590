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
	const char *url; /* tcp://host[:1883] or tls://host[:8883] */
	const char *client_id;
	const char *username, *password_file;
	const char *ca_file, *cert_file, *key_file;
	int64_t keep_alive_ms;
	int version; /* index into mqtt_versions */
};
enum mqtt_version { MQTT_VERSION_AUTO, MQTT_VERSION_5, MQTT_VERSION_3_1_1 };
extern const char *const mqtt_versions[];

/* The rows of a conf table for a struct mqtt_config that is a member of a struct (owner); they must
 * come first in the table (the first one keeps the node). A section with keys of its own:
 *   struct server_mqtt { struct mqtt_config broker; struct conf_list regions; };
 *   static const struct conf_key keys[] = { MQTT_CONFIG_KEYS(struct server_mqtt, broker),
 *           {.name = "regions", ...}, {0} }; */
/* clang-format off */
/* NOLINTBEGIN(bugprone-macro-parentheses): a member cannot stand in parentheses */
#define MQTT_CONFIG_TEXT(owner, field, key, words) \
	{.name = (key), .type = CONF_STRING, .offset = offsetof(owner, field), .help = (words)}
#define MQTT_CONFIG_KEYS(owner, member) \
	{.name = "", .type = CONF_NODE, .offset = offsetof(owner, member.node)}, \
	{.name = "url", .type = CONF_STRING, .offset = offsetof(owner, member.url), \
	 .is_required = true, .help = "the broker, tcp://host:1883 or tls://host:8883"}, \
	MQTT_CONFIG_TEXT(owner, member.client_id, "client_id", \
			 "name at the broker, each only once; default: made from the id"), \
	MQTT_CONFIG_TEXT(owner, member.username, "username", "user at the broker"), \
	MQTT_CONFIG_TEXT(owner, member.password_file, "password_file", \
			 "its first line is the password; read anew at each connection"), \
	MQTT_CONFIG_TEXT(owner, member.ca_file, "ca_file", \
			 "PEM certificates that tls:// trusts; default: the system's"), \
	MQTT_CONFIG_TEXT(owner, member.cert_file, "cert_file", "PEM client certificate"), \
	MQTT_CONFIG_TEXT(owner, member.key_file, "key_file", "PEM key of cert_file"), \
	{.name = "keep_alive", .type = CONF_DURATION, \
	 .offset = offsetof(owner, member.keep_alive_ms), .min = 5000, .max = 3600000, \
	 .fallback = "30s", .help = "how often an idle connection is tested"}, \
	{.name = "version", .type = CONF_CHOICE, .offset = offsetof(owner, member.version), \
	 .choices = mqtt_versions, .fallback = "auto", \
	 .help = "MQTT version; auto: 5, and 3.1.1 if the broker does not know 5"}
/* NOLINTEND(bugprone-macro-parentheses) */
/* clang-format on */

/* The table for a struct mqtt_config alone. */
extern const struct conf_key mqtt_config_keys[];
/* Checks what a table cannot: the URL's form, files only with tls. Adds to errors. */
void mqtt_config_check(const struct mqtt_config *config, struct conf_errors *errors);

/* All are called on the library's own thread, one at a time in the whole process, and must not
 * block: they copy into a mailbox and return. */
struct mqtt_events {
	void (*connected)(void *arg);
	void (*lost)(void *arg); /* the connection ended, what was under way is not delivered
				    any more; the module connects again by itself */
	void (*message)(const char *topic, const void *payload, size_t len, bool is_retained,
			void *arg);
	void (*delivered)(int64_t token, void *arg); /* the broker's PUBACK */
	void (*listening)(void *arg);                /* mqtt_listen is in force */
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
 * is called after it returns. Not from inside an event. NULL is allowed. */
void mqtt_stop(struct mqtt *mqtt);

/* Subscriptions are kept and renewed at each connection, before connected() is called. */
int mqtt_subscribe(struct mqtt *mqtt, const char *filter, struct err *err);

/* The same for two filters and this connection alone: listening() tells. Without connection it does
 * nothing. Also from inside an event. */
void mqtt_listen(struct mqtt *mqtt, const char *const filters[2]);

/* QoS 1. Copies. -ENOTCONN without connection, -EAGAIN if too much is in flight (1000), -EINVAL for
 * a topic that is no UTF-8. token (may be NULL) comes back by delivered(), perhaps before this
 * returns; no two are alike. Works from any thread, also from inside an event. */
int mqtt_publish(struct mqtt *mqtt, const char *topic, const void *payload, size_t len,
		 bool is_retained, int64_t *token, struct err *err);

/* Two programs with one client id take the connection from each other in turn: each connects
 * without trouble and is thrown out within seconds. From now on: after a few such sessions in a row
 * wait pause_ms, and twice as long each time it goes on, at most 32 times. The other one, whose
 * connection was there before, keeps it. */
void mqtt_yield(struct mqtt *mqtt, int64_t pause_ms);
/* That has happened a short while ago (some pauses). Only after mqtt_yield. */
bool mqtt_is_displaced(const struct mqtt *mqtt);

enum { MQTT_TROUBLE_MAX = 200 };
/* Why the last attempt failed or the last connection ended; "" while it is connected. */
void mqtt_trouble(struct mqtt *mqtt, char text[MQTT_TROUBLE_MAX]);
bool mqtt_is_connected(const struct mqtt *mqtt);
/* 5 or 4 (3.1.1); 0 if not connected. */
int mqtt_version(const struct mqtt *mqtt);

#endif
