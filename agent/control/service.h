/* SPDX-License-Identifier: Apache-2.0 */
/* service.h - what a running agent does for those who look after it: answers, health, watchdog. */
#ifndef AGENT_SERVICE_H
#define AGENT_SERVICE_H

#include <pthread.h>
#include <stdint.h>

#include "agent/config/config.h"
#include "agent/control/control.h"
#include "agent/deliver/forwarder.h"
#include "agent/poll/poller.h"
#include "common/clock.h"
#include "common/err.h"

/* The running parts, borrowed; the caller fills it. */
struct service {
	pthread_rwlock_t lock; /* guards what follows: answers read, a change of the parts writes */
	const struct agent_config *config;
	const char *version;
	struct forwarder *forwarder;
	struct poller *poller;
	/* the main thread's own: */
	int64_t turns, progress; /* as the watchdog last saw them */
	struct clock_watch watch;
	int64_t clock_jumps, last_jump_ms; /* guarded as well */
};

void service_init(struct service *service, const char *version);
void service_fini(struct service *service);
/* Waits until no answer is being written. */
void service_set(struct service *service, const struct agent_config *config,
		 struct forwarder *forwarder, struct poller *poller);

/* For control_start, with struct service * as arg: status, read, request, trace, spool. */
extern const struct control_handler service_handlers[];

/* For exporter_start; arg is struct service *. */
void service_write_metrics(struct buf *out, void *arg);

/* Timers of the main loop; arg is struct service *. */
void service_publish_health(void *arg);
void service_watch_clock(void *arg);   /* says when the wall clock was set */
void service_feed_watchdog(void *arg); /* only if both threads have moved since the last call */

#endif
