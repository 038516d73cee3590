/* SPDX-License-Identifier: Apache-2.0 */
/* mqtt_help.h - what tests of mqtt need: a real broker, what was seen, what was logged. */
#ifndef TESTS_UNIT_MQTT_HELP_H
#define TESTS_UNIT_MQTT_HELP_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/mqtt.h"

enum { MQTT_PATIENCE_MS = 20000, MQTT_MAX_SEEN = 64 };

/* mosquitto on a free port of the loopback. Everybody may connect without a name; user "anna" has
 * the password "geheim". */
struct mqtt_broker {
	char folder[64], config[96], url[64];
	int port;
	pid_t pid;
};
extern struct mqtt_broker mqtt_help_broker;

void mqtt_help_set_up_broker(void); /* writes its configuration */
void mqtt_help_need_broker(void);   /* starts it; skips the test if it is not installed */
void mqtt_help_start_broker(void);  /* again */
void mqtt_help_kill_broker(int signal);
void mqtt_help_tear_down_broker(void);
/* A file only for us in the broker's folder. */
void mqtt_help_write_file(const char *name, const char *text, char *path, size_t size);
int mqtt_help_connect_port(int port); /* a socket, or -1 */

/* What a connection has told; the counters under the lock. */
struct mqtt_seen {
	pthread_mutex_t lock;
	struct mqtt *mqtt;
	int n_connected, n_lost, n_messages, n_delivered;
	int64_t last_delivered;
	bool echoes; /* publishes to t/echo when connected */
	struct {
		char topic[64], payload[64];
		bool is_retained;
	} messages[MQTT_MAX_SEEN];
};
struct mqtt_config mqtt_help_config(const char *url);
void mqtt_help_start(struct mqtt_seen *seen, const struct mqtt_config *config,
		     const char *client_id, const struct mqtt_will *will);
void mqtt_help_stop(struct mqtt_seen *seen);
void mqtt_help_wait_for(struct mqtt_seen *seen, const int *counter, int count);

void mqtt_help_capture_log(void);
bool mqtt_help_is_logged(const char *words);
void mqtt_help_wait_for_log(const char *words);
void mqtt_help_release_log(void);

#endif
