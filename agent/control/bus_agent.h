/* SPDX-License-Identifier: Apache-2.0 */
/* bus_agent.h - a bus that a running agent owns: requests go through its socket, in spare time. */
#ifndef AGENT_BUS_AGENT_H
#define AGENT_BUS_AGENT_H

#include <jansson.h>

#include "agent/bus/bus.h"
#include "common/buf.h"

/* For ask_line.bus; its create is this. */
void *bus_agent_create(const char *socket, const char *bus);
extern const struct bus_ops bus_agent;

/* The agent's side of it. -EINVAL: the request is not one. */
int bus_agent_parse(const json_t *object, struct bus_request *request, struct err *err);
void bus_agent_write_reply(struct buf *out, const struct bus_request *request,
			   enum bus_outcome outcome, const struct bus_reply *reply);

#endif
