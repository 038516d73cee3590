/* SPDX-License-Identifier: Apache-2.0 */
/* bus_lock.h - two programs never talk on one line: whoever opens it locks it, on this machine. */
#ifndef AGENT_BUS_LOCK_H
#define AGENT_BUS_LOCK_H

#include <sys/socket.h>

#include "common/err.h"

/* The lock lasts as long as fd is open. -EBUSY: another program has the device. */
int bus_lock_device(int fd, const char *device, struct err *err);

/* -EBUSY and its words: the device or end point has a user. */
int bus_lock_refuse(const char *what, struct err *err);

/* *out is to be kept open as long as the lock is wanted. -EBUSY: another program has it. */
int bus_lock_endpoint(const struct sockaddr *address, socklen_t len, int *out, struct err *err);

#endif
