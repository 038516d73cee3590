/* SPDX-License-Identifier: Apache-2.0 */
/* dial_in.h - waits for gateways that dial in, and tells them apart by how they register.
 *
 * One thread for all ports; a bus has a seat, and finds there the connection of its gateway. */
#ifndef AGENT_DIAL_IN_H
#define AGENT_DIAL_IN_H

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

enum { DIAL_IN_BYTES_MAX = 64 };

struct dial_in_bytes {
	uint8_t bytes[DIAL_IN_BYTES_MAX];
	size_t len; /* 0: none */
};

struct dial_in_place {
	const char *address; /* of ours, numeric */
	int port;
	struct dial_in_bytes registration; /* what it sends first */
	struct dial_in_bytes heartbeat;    /* what it sends now and then; so may its registration */
	const char *source;                /* its own numeric address; NULL: any */
};

/* How what a gateway has sent so far, and where it comes from, fits a place. */
enum dial_in_fit {
	DIAL_IN_FITS_NOT,
	DIAL_IN_MAY_FIT,        /* if the rest comes */
	DIAL_IN_FITS_BY_SOURCE, /* where no registration is wanted */
	DIAL_IN_FITS,
};
enum dial_in_fit dial_in_fits(const struct dial_in_place *place, const char *source,
			      const uint8_t *bytes, size_t n);

struct dial_in;
struct dial_in_seat;

struct dial_in *dial_in_create(void);
/* All seats have been left. NULL is allowed. */
void dial_in_destroy(struct dial_in *dial_in);

/* Listens at the place's port from now on, if that can be had. Seats at one port differ by
 * registration or source. Copies the place. From any thread, like all below. */
struct dial_in_seat *dial_in_join(struct dial_in *dial_in, const struct dial_in_place *place);
void dial_in_leave(struct dial_in_seat *seat);

/* The newest connection of the gateway, once: it becomes the caller's, and replaces an earlier one.
 * -ENOTCONN: none is new. Another negative errno: the port cannot be had; tried again each time. */
int dial_in_take(struct dial_in_seat *seat, int *fd, struct err *err);

#endif
