/* SPDX-License-Identifier: Apache-2.0 */
/* loop.h - a daemon's main thread: waits for signals, timers and file descriptors. */
#ifndef COMMON_LOOP_H
#define COMMON_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"

struct loop;

typedef void (*loop_fd_fn)(int fd, void *arg);
typedef void (*loop_timer_fn)(void *arg);

/* Blocks SIGTERM, SIGINT and SIGHUP in the calling thread (so: before any other thread exists) and
 * ignores SIGPIPE. */
int loop_create(struct loop **out, struct err *err);
void loop_destroy(struct loop *loop); /* NULL is allowed */

int loop_add_fd(struct loop *loop, int fd, loop_fd_fn fn, void *arg,
		struct err *err); /* readable */
void loop_remove_fd(struct loop *loop, int fd);
/* Calls fn every period of real time until the loop is destroyed. */
int loop_add_timer(struct loop *loop, int64_t period_ms, loop_timer_fn fn, void *arg,
		   struct err *err);
void loop_on_hangup(struct loop *loop, loop_timer_fn fn, void *arg); /* SIGHUP */

/* Runs until SIGTERM, SIGINT or loop_stop. Returns the signal, or 0. */
int loop_run(struct loop *loop);
void loop_stop(struct loop *loop); /* from a callback */

/* systemd: sd_notify. Without systemd all do nothing. */
void notify_ready(const char *status);
void notify_reloading(void);
void notify_status(const char *status);
void notify_stopping(void);
void notify_watchdog(void); /* call only on progress */
/* Half of WatchdogSec, or 0 if there is no watchdog. */
int64_t notify_watchdog_period_ms(void);

#endif
