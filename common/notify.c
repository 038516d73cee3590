/* SPDX-License-Identifier: Apache-2.0 */
/* The datagrams of sd_notify(3), written here: libsystemd for them would bring five more libraries
 * and more than a megabyte into each process. */
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/loop.h"

enum { MESSAGE_MAX = 256 };

static const char *get(const char *name)
{
	return getenv(name); /* NOLINT(concurrency-mt-unsafe): nobody changes the environment */
}

/* Fails only without systemd or when its socket is gone: nobody is left to be told. */
static void send_message(const char *text)
{
	const char *path = get("NOTIFY_SOCKET");
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	size_t len = path != NULL ? strlen(path) : 0;
	int fd;

	if (len < 2 || len >= sizeof to.sun_path || (path[0] != '/' && path[0] != '@'))
		return;
	memcpy(to.sun_path, path, len);
	if (path[0] == '@') /* an abstract name */
		to.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	(void)sendto(fd, text, strlen(text), MSG_NOSIGNAL, (const struct sockaddr *)&to,
		     (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
	(void)close(fd); /* the datagram is out, or will never be */
}

void notify_ready(const char *status)
{
	char text[MESSAGE_MAX];

	(void)snprintf(text, sizeof text, "READY=1\nSTATUS=%s", status);
	send_message(text);
}

/* systemd wants the time of the reload so that an answer to an earlier one does not count. */
void notify_reloading(void)
{
	char text[MESSAGE_MAX];

	(void)snprintf(text, sizeof text, "RELOADING=1\nMONOTONIC_USEC=%" PRId64, clock_mono_us());
	send_message(text);
}

void notify_status(const char *status)
{
	char text[MESSAGE_MAX];

	(void)snprintf(text, sizeof text, "STATUS=%s", status);
	send_message(text);
}

void notify_stopping(void)
{
	send_message("STOPPING=1");
}

void notify_watchdog(void)
{
	send_message("WATCHDOG=1");
}

int64_t notify_watchdog_period_ms(void)
{
	const char *usec = get("WATCHDOG_USEC"), *pid = get("WATCHDOG_PID");
	long long value = usec != NULL ? strtoll(usec, NULL, 10) : 0;

	if (value <= 0 || (pid != NULL && strtoll(pid, NULL, 10) != getpid()))
		return 0;
	return value >= 2000 ? value / 2000 : 1;
}
