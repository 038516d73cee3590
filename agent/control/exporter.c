/* SPDX-License-Identifier: Apache-2.0 */
/* One route and one reader at a time: these lines cost less of a small gateway than libmicrohttpd,
 * which loads GnuTLS and eight more libraries, 2.8 MiB of memory. */
#include "agent/control/exporter.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/mem.h"

enum { REQUEST_MAX = 4096, PATIENCE_MS = 2000, STACK_BYTES = 128 * 1024, BACKLOG = 8 };

struct exporter {
	int fd;
	pthread_t thread;
	bool is_started;
	exporter_fn fn;
	void *arg;
	pthread_mutex_t lock; /* guards what follows */
	int connection;       /* -1: none */
	bool is_stopping;
};

/* ---- one request ---- */

static void add_answer(struct buf *out, const char *status, const struct buf *body)
{
	buf_printf(out,
		   "HTTP/1.1 %s\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
		   "Content-Length: %zu\r\nConnection: close\r\n\r\n",
		   status, body->len);
	buf_add(out, body->data, body->len);
}

static bool is_get(const char *request, const char *path)
{
	size_t len = strlen(path);

	return strncmp(request, "GET ", 4) == 0 && strncmp(request + 4, path, len) == 0 &&
	       (request[4 + len] == ' ' || request[4 + len] == '?');
}

void exporter_answer(const char *request, exporter_fn fn, void *arg, struct buf *out)
{
	struct buf body = {0};

	if (is_get(request, "/metrics")) {
		fn(&body, arg);
		add_answer(out, "200 OK", &body);
	} else {
		buf_add_text(&body, "Here is only GET /metrics.\n");
		add_answer(out, "404 Not Found", &body);
	}
	buf_fini(&body);
}

/* The head of the request; what follows it is nobody's. False: it does not come. */
static bool receive_head(int fd, char request[REQUEST_MAX])
{
	int64_t until_ms = clock_mono_ms() + PATIENCE_MS;
	size_t len = 0;

	while (len < REQUEST_MAX - 1) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		int64_t left_ms = until_ms - clock_mono_ms();
		ssize_t n;

		if (left_ms <= 0 || poll(&p, 1, (int)left_ms) <= 0)
			return false;
		n = recv(fd, request + len, REQUEST_MAX - 1 - len, 0);
		if (n <= 0)
			return false;
		len += (size_t)n;
		request[len] = '\0';
		if (strstr(request, "\r\n\r\n") != NULL || strstr(request, "\n\n") != NULL)
			return true;
	}
	return false;
}

static void serve(const struct exporter *e, int fd)
{
	struct timeval patience = {.tv_sec = PATIENCE_MS / 1000};
	char request[REQUEST_MAX];
	struct buf answer = {0};
	size_t sent = 0;

	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
	if (receive_head(fd, request))
		exporter_answer(request, e->fn, e->arg, &answer);
	while (sent < answer.len) {
		ssize_t n = send(fd, answer.data + sent, answer.len - sent, MSG_NOSIGNAL);

		if (n <= 0)
			break; /* the reader is gone or asleep: it will ask again */
		sent += (size_t)n;
	}
	buf_fini(&answer);
}

/* ---- the thread ---- */

static bool enter(struct exporter *e, int fd)
{
	bool is_stopping;

	(void)pthread_mutex_lock(&e->lock);
	is_stopping = e->is_stopping;
	e->connection = is_stopping ? -1 : fd;
	(void)pthread_mutex_unlock(&e->lock);
	return !is_stopping;
}

static void *run(void *arg)
{
	struct exporter *e = arg;

	for (;;) {
		int fd = accept4(e->fd, NULL, NULL, SOCK_CLOEXEC);

		if (!enter(e, fd)) {
			if (fd >= 0)
				(void)close(fd); /* nothing was written */
			return NULL;
		}
		if (fd < 0) {
			clock_sleep_until(clock_mono_ms() + 100); /* no descriptors left */
			continue;
		}
		serve(e, fd);
		(void)enter(e, -1);
		(void)close(fd); /* the reader has its answer or is gone */
	}
}

/* ---- life ---- */

static int listen_at(struct exporter *e, const char *address, int port)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
				 .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
	struct addrinfo *to;
	int on = 1, code = 0;
	char service[8];

	(void)snprintf(service, sizeof service, "%d", port);
	if (getaddrinfo(address, service, &hints, &to) != 0)
		return -EADDRNOTAVAIL;
	e->fd = socket(to->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (e->fd < 0 || setsockopt(e->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
	    bind(e->fd, to->ai_addr, to->ai_addrlen) != 0 || listen(e->fd, BACKLOG) != 0)
		code = -errno;
	freeaddrinfo(to);
	return code;
}

int exporter_start(struct exporter **out, const char *address, int port, exporter_fn fn, void *arg,
		   struct err *err)
{
	struct exporter *e = xcalloc(1, sizeof *e);
	pthread_attr_t attributes;
	int code;

	*e = (struct exporter){.fd = -1, .connection = -1, .fn = fn, .arg = arg};
	(void)pthread_mutex_init(&e->lock, NULL); /* cannot fail with default attributes */
	code = listen_at(e, address, port);
	(void)pthread_attr_init(&attributes);
	(void)pthread_attr_setstacksize(&attributes, STACK_BYTES);
	if (code == 0)
		code = -pthread_create(&e->thread, &attributes, run, e);
	(void)pthread_attr_destroy(&attributes);
	e->is_started = code == 0;
	if (code != 0) {
		exporter_stop(e);
		return err_set(err, code, "cannot listen at %s port %d for /metrics: %s", address,
			       port, err_name(code));
	}
	*out = e;
	return 0;
}

void exporter_stop(struct exporter *e)
{
	if (e == NULL)
		return;
	(void)pthread_mutex_lock(&e->lock);
	e->is_stopping = true;
	if (e->connection >= 0)
		(void)shutdown(e->connection, SHUT_RDWR); /* or it just ended */
	(void)pthread_mutex_unlock(&e->lock);
	if (e->fd >= 0)
		(void)shutdown(e->fd, SHUT_RDWR); /* wakes accept4 */
	if (e->is_started)
		(void)pthread_join(e->thread, NULL); /* joined once */
	if (e->fd >= 0)
		(void)close(e->fd); /* nothing was written */
	(void)pthread_mutex_destroy(&e->lock);
	free(e);
}
