/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/bus/bus_lock.h"

#include <errno.h>
#include <netdb.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/un.h>
#include <unistd.h>

int bus_lock_refuse(const char *what, struct err *err)
{
	return err_set(err, -EBUSY,
		       "%s is in use by another program, a running nenghao-agent "
		       "or one of its commands",
		       what);
}

static int refuse(const char *what, int code, struct err *err)
{
	if (code != -EWOULDBLOCK && code != -EADDRINUSE)
		return err_set(err, code, "%s cannot be locked: %s", what, err_name(code));
	return bus_lock_refuse(what, err);
}

int bus_lock_device(int fd, const char *device, struct err *err)
{
	return flock(fd, LOCK_EX | LOCK_NB) == 0 ? 0 : refuse(device, -errno, err);
}

int bus_lock_endpoint(const struct sockaddr *address, socklen_t len, int *out, struct err *err)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	char host[64], port[8], what[80];
	int fd, n;

	if (getnameinfo(address, len, host, sizeof host, port, sizeof port,
			NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		return err_set(err, -EINVAL, "the address cannot be written down");
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_set(err, -errno, "cannot open a socket: %s", err_name(-errno));
	(void)snprintf(what, sizeof what, "%s:%s", host, port);
	/* An abstract name, without a file: it vanishes with the process, however that ends. */
	n = snprintf(name.sun_path + 1, sizeof name.sun_path - 1, "nenghao-line/%s", what);
	if (bind(fd, (const struct sockaddr *)&name,
		 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n)) != 0) {
		int code = -errno;

		(void)close(fd); /* holds nothing */
		return refuse(what, code, err);
	}
	*out = fd;
	return 0;
}
