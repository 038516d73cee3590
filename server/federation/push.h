/* SPDX-License-Identifier: Apache-2.0 */
/* push.h - delivers the feed to the upper server, one request at a time. */
#ifndef SERVER_PUSH_H
#define SERVER_PUSH_H

#include <stdint.h>

#include "common/err.h"
#include "server/registry/registry.h"

struct push;

struct push_options {
	const char *ledger_path;
	const char *source; /* code of this server's region */
	const char *url;    /* of the upper server, without a path's end */
	const char *token, *ca_file;
	const char *server, *place; /* of delivery.h */
};

int push_open(struct push **out, const struct push_options *options, struct err *err);
void push_close(struct push *push);     /* NULL is allowed */
void push_interrupt(struct push *push); /* from another thread; NULL is allowed */

struct push_result {
	civil_day days_from; /* given by the caller */
	int64_t waiting;     /* what has not gone yet */
	int64_t rows, refused, generation;
};

/* Sends the next lot, or, where nothing is left, an empty one that says so. -EACCES: the upper
 * server takes them from another server; an event says so until it takes ours. */
int push_step(struct push *push, struct push_result *result, struct err *err);

#endif
