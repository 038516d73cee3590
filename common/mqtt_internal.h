/* SPDX-License-Identifier: Apache-2.0 */
/* mqtt_internal.h - what the thread that keeps a connection and the callbacks of the library share.
 *
 * The library calls back from its own two threads, always holding its one global lock; ours is
 * taken inside of that. So ours is never held when a function of the library is called. */
#ifndef COMMON_MQTT_INTERNAL_H
#define COMMON_MQTT_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "common/mqtt.h"

enum { MQTT_MAX_IN_FLIGHT = 1000, MQTT_REASON_MAX = 200 };

enum mqtt_phase { MQTT_CONNECTING, MQTT_CONNECTED, MQTT_ENDED };

/* A message; the texts are borrowed. */
struct mqtt_letter {
	const char *topic;
	const void *payload;
	size_t len;
	bool is_retained;
};

/* What the library carries with a message and gives back. */
struct mqtt_parcel {
	struct mqtt *mqtt;
	int64_t token;
	struct mqtt_parcel *next; /* among the free or the waiting ones */
	/* While it waits: */
	char *topic, *payload;
	size_t len;
	bool is_retained;
};

struct mqtt {
	struct mqtt_events events;
	char *log_url, *url; /* as configured; as the library wants it */
	char *client_id, *username, *password_file, *ca_file, *cert_file, *key_file;
	char *will_topic, *will_payload;
	int keep_alive_s;
	enum mqtt_version wanted;
	void *anchor; /* never connects; as long as it is there, the library's threads stay */
	pthread_t thread;

	/* Written by the thread alone, while there is no handle: */
	bool uses_v3;
	int n_failures;
	int64_t logged_at;

	int n_short;                /* sessions in a row that ended at once */
	int64_t displaced_pause_ms; /* the last one */

	atomic_int version;              /* 5, 4, or 0 while not connected */
	_Atomic int64_t yield_ms;        /* 0: connects again at once */
	_Atomic int64_t displaced_until; /* monotonic; 0: never displaced */

	pthread_mutex_t lock; /* guards all below */
	pthread_cond_t changed;
	void *handle; /* changed by the thread alone; NULL between two attempts */
	int n_users;  /* calls that use the handle now */
	enum mqtt_phase phase;
	bool is_stopping, was_v5_refused;
	char reason[MQTT_REASON_MAX];
	char trouble[MQTT_TROUBLE_MAX]; /* guarded by lock: why there is no connection */
	char **filters;
	size_t n_filters, cap_filters;
	int64_t last_token;
	int limit;       /* how many the broker takes at once */
	int n_sent;      /* given to the library, not yet acknowledged */
	int n_in_flight; /* those and the waiting ones */
	bool is_sending; /* somebody is just sending the waiting ones, in their order */
	struct mqtt_parcel parcels[MQTT_MAX_IN_FLIGHT], *free_parcels, *waiting, **waiting_end;
};

void mqtt_lock(struct mqtt *mqtt);
void mqtt_unlock(struct mqtt *mqtt);

/* Ends the attempt or the connection, if that has not happened, and calls lost(). Without lock. */
void mqtt_end(struct mqtt *mqtt, const char *reason, bool was_v5_refused);

/* Both with the lock. The handle for one call into the library, or NULL; then leave it. */
void *mqtt_use_handle(struct mqtt *mqtt);
void mqtt_leave_handle(struct mqtt *mqtt);
/* Forgets all parcels, when there is no handle that could give one back. With the lock. */
void mqtt_reset_parcels(struct mqtt *mqtt);
void mqtt_limit(struct mqtt *mqtt, int limit); /* the broker's receive maximum */
/* The library gives a parcel back. */
void mqtt_finish(struct mqtt_parcel *parcel, bool is_delivered);

/* A handle that is never connected. NULL if the library refuses the url or the client id. */
void *mqtt_link_create(const struct mqtt *mqtt);
void mqtt_link_destroy(void *handle);
/* Begins to connect with a new handle: on_connected or mqtt_end follow. */
void mqtt_link_start(struct mqtt *mqtt);
/* Waits until no call uses the handle, and destroys it: no callback comes any more. */
void mqtt_link_stop(struct mqtt *mqtt);
/* 0: the parcel comes back by mqtt_finish. Else -EINVAL, -EAGAIN, -ENOTCONN. */
int mqtt_link_send(void *handle, struct mqtt_parcel *parcel, const struct mqtt_letter *letter);

#endif
