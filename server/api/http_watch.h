/* SPDX-License-Identifier: Apache-2.0 */
/* http_watch.h - ends connections whose request does not become whole in time: who sends a byte now
 * and then holds a connection for as long as he likes otherwise. */
#ifndef SERVER_HTTP_WATCH_H
#define SERVER_HTTP_WATCH_H

#include <stdint.h>

#include "common/err.h"

struct http_watch;
struct http_watch_entry;

/* Starts a thread. */
int http_watch_start(struct http_watch **out, struct err *err);
void http_watch_stop(struct http_watch *watch); /* no connection may be left; NULL is allowed */

/* A connection is there; its request must be whole in limit_ms. */
struct http_watch_entry *http_watch_open(struct http_watch *watch, int fd, int64_t limit_ms);
/* From now on it has so much time. */
void http_watch_extend(struct http_watch *watch, struct http_watch_entry *entry, int64_t limit_ms);
/* The descriptor is about to be closed; frees the entry. */
void http_watch_close(struct http_watch *watch, struct http_watch_entry *entry);

#endif
