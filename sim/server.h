/* SPDX-License-Identifier: Apache-2.0 */
/* server.h - the buses of a campus open to Modbus masters: TCP ports and pseudo-terminals. */
#ifndef SIM_SERVER_H
#define SIM_SERVER_H

#include "common/buf.h"
#include "common/err.h"
#include "sim/campus.h"

struct server;

/* Opens all. Borrows the campus until it is destroyed or reloaded. Links to pseudo-terminals whose
 * path is relative are made in folder. */
int server_create(struct server **out, const struct campus *campus, const char *folder,
		  struct err *err);
void server_destroy(struct server *server); /* NULL is allowed */

/* When this descriptor is readable, server_handle has something to do; it does not block. */
int server_fd(const struct server *server);
void server_handle(struct server *server);

/* Another campus with the same buses takes the place of the first; clients stay connected. On
 * failure the first stays. */
int server_reload(struct server *server, const struct campus *campus, struct err *err);

/* Where the buses are, as JSON: {"pid": ..., "buses": [{"name", "kind", "host", "port"} or
 * {"name", "kind", "device", "link"}]}. */
void server_where(const struct server *server, struct buf *out);
/* Requests answered and left without an answer. */
void server_counts(const struct server *server, int64_t *answered, int64_t *silent);

#endif
