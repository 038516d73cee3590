/* SPDX-License-Identifier: Apache-2.0 */
/* service.h - what a running agent does for those who look after it: answers, health, watchdog. */
#ifndef AGENT_SERVICE_H
#define AGENT_SERVICE_H

#include <stdint.h>

#include "agent/config/config.h"
#include "agent/control/control.h"
#include "agent/deliver/forwarder.h"
#include "agent/poll/poller.h"
#include "common/err.h"

/* The running parts, borrowed; the caller fills it. */
struct service {
	const struct agent_config *config;
	const char *version;
	struct forwarder *forwarder;
	struct poller *poller;
	int64_t turns, progress; /* as the watchdog last saw them */
};

/* For control_start, with struct service * as arg: status, read, request, trace, spool. */
extern const struct control_handler service_handlers[];

/* Timers of the main loop; arg is struct service *. */
void service_publish_health(void *arg);
void service_feed_watchdog(void *arg); /* only if both threads have moved since the last call */

#endif
