/* SPDX-License-Identifier: Apache-2.0 */
/* running.h - the parts of a running agent: begun together, changed one by one, ended together. */
#ifndef AGENT_RUNNING_H
#define AGENT_RUNNING_H

#include <stdint.h>

#include "agent/config/config.h"
#include "agent/control/control.h"
#include "agent/control/exporter.h"
#include "agent/control/service.h"
#include "common/mailbox.h"

struct running {
	struct agent_config *config; /* shared */
	struct mailbox *cycles;
	struct forwarder *forwarder;
	struct poller *poller;
	struct control *control;
	struct exporter *exporter; /* NULL: no metrics */
	struct service service;    /* for timers */
	bool is_broken;            /* a change failed, and so did going back: nothing delivers */
};

/* Shares config. */
int running_start(struct running *running, struct agent_config *config, const char *version,
		  struct err *err);
/* Goes over to another configuration: what is alike in both goes on undisturbed, a bus without
 * missing a slot, the spool's epoch as it is. All or nothing. */
int running_change(struct running *running, struct agent_config *config, struct err *err);
/* The server has flush_ms to keep what waits. Also after a failed start. */
void running_stop(struct running *running, int64_t flush_ms);

#endif
