/* SPDX-License-Identifier: Apache-2.0 */
/* federation.h - a thread that keeps this server's own rows ready for others and delivers them,
 * with those that came from below, to the upper server. docs/federation.md. */
#ifndef SERVER_FEDERATION_H
#define SERVER_FEDERATION_H

#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"
#include "server/config/config.h"
#include "server/factors/factors.h"
#include "server/registry/registry.h"

struct federation;

struct federation_use {
	const struct factors *factors; /* borrowed until federation_stop */
	/* The registry in force, held for the caller. Called from the thread. */
	struct registry *(*registry)(void *arg);
	void *arg;
	const char *server, *place; /* of delivery.h; borrowed for the start */
};

struct federation_state {
	bool is_up;           /* the last delivery was taken */
	bool is_refused;      /* the upper server takes them from another server */
	int64_t delivered_ms; /* when the last one was; 0: none since the start */
	int64_t caught_up_ms; /* when nothing was left behind; 0: not since the start */
	int64_t waiting;      /* rows and cards that have not gone */
	int64_t deliveries, failures, rows, refused, generation;
	char trouble[ERR_TEXT_MAX]; /* why it is not up, or "" */
};

/* Reads the token; starts the thread, if there is an upper server or anything to share. The config
 * is borrowed until federation_stop. */
int federation_start(struct federation **out, const struct server_config *config,
		     const struct federation_use *use, struct err *err);
void federation_stop(struct federation *federation); /* waits; NULL is allowed */
bool federation_has_upstream(const struct federation *federation);
void federation_get_state(struct federation *federation, struct federation_state *out);

/* Prometheus text; what is not well, one sentence a line. NULL is allowed: nothing. */
void federation_write_metrics(struct federation *federation, struct buf *out);
void federation_write_notes(struct federation *federation, struct buf *out);

#endif
