/* SPDX-License-Identifier: Apache-2.0 */
/* fake_tsdb.h - a database on the loopback that answers as it is told and remembers what it took.
 */
#ifndef TESTS_UNIT_FAKE_TSDB_H
#define TESTS_UNIT_FAKE_TSDB_H

#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/buf.h"

struct fake_tsdb {
	int fd;
	char url[64];
	pthread_t thread;
	pthread_mutex_t lock; /* guards all below */
	int status;           /* the answer to a write; 0: hang up without one */
	const char *poison;   /* a body with this text is answered 400 */
	int64_t started;      /* process_start_time_seconds; 0: no metrics */
	struct buf taken;     /* all bodies of writes answered 2xx */
	struct buf targets;   /* "METHOD target\n" of all requests */
	struct buf queries;   /* bodies of /query */
	bool is_stopping;
};

/* Reads one request. False: the peer has closed. */
static inline bool fake_tsdb_read(int fd, struct buf *request, size_t *head)
{
	char bytes[65536];
	size_t want = 0;

	buf_clear(request);
	while (want == 0 || request->len < want) {
		ssize_t n = recv(fd, bytes, sizeof bytes, 0);
		const char *end, *length;

		if (n <= 0)
			return false;
		buf_add(request, bytes, (size_t)n);
		end = want == 0 ? strstr(request->data, "\r\n\r\n") : NULL;
		if (!end)
			continue;
		*head = (size_t)(end - request->data) + 4;
		length = strcasestr(request->data, "\r\nContent-Length:");
		want = *head + (length && length < end ? strtoul(length + 17, NULL, 10) : 0);
	}
	return true;
}

/* Under the lock. */
static inline int fake_tsdb_judge(struct fake_tsdb *fake, const struct buf *request, size_t head,
				  struct buf *body)
{
	size_t target = strcspn(request->data, " ") + 1;

	buf_add(&fake->targets, request->data, target + strcspn(request->data + target, " "));
	buf_add_char(&fake->targets, '\n');
	if (strncmp(request->data, "GET /metrics", 12) == 0) {
		buf_printf(body, "process_start_time_seconds %lld\n", (long long)fake->started);
		return fake->started > 0 ? 200 : 404;
	}
	if (strncmp(request->data, "POST /query", 11) == 0) {
		buf_add(&fake->queries, request->data + head, request->len - head);
		buf_add_char(&fake->queries, '\n');
		return 200;
	}
	if (fake->poison && strstr(request->data + head, fake->poison))
		return 400;
	if (fake->status >= 200 && fake->status < 300)
		buf_add(&fake->taken, request->data + head, request->len - head);
	return fake->status;
}

static inline void fake_tsdb_serve(struct fake_tsdb *fake, int fd)
{
	struct buf request = {0}, body = {0}, answer = {0};
	size_t head = 0;

	while (fake_tsdb_read(fd, &request, &head)) {
		int status;

		buf_clear(&body);
		buf_clear(&answer);
		(void)pthread_mutex_lock(&fake->lock);
		status = fake_tsdb_judge(fake, &request, head, &body);
		(void)pthread_mutex_unlock(&fake->lock);
		if (status == 0)
			break;
		if (status == 204)
			buf_add_text(&answer, "HTTP/1.1 204 No Content\r\n\r\n");
		else
			buf_printf(&answer, "HTTP/1.1 %d Told\r\nContent-Length: %zu\r\n\r\n%s",
				   status, body.len, body.len > 0 ? body.data : "");
		if (send(fd, answer.data, answer.len, MSG_NOSIGNAL) < 0)
			break;
	}
	buf_fini(&request);
	buf_fini(&body);
	buf_fini(&answer);
	(void)close(fd);
}

static inline void *fake_tsdb_run(void *arg)
{
	struct fake_tsdb *fake = arg;

	for (;;) {
		int fd = accept(fake->fd, NULL, NULL);
		bool is_stopping;

		(void)pthread_mutex_lock(&fake->lock);
		is_stopping = fake->is_stopping;
		(void)pthread_mutex_unlock(&fake->lock);
		if (fd < 0 || is_stopping) {
			if (fd >= 0)
				(void)close(fd);
			return NULL;
		}
		fake_tsdb_serve(fake, fd);
	}
}

static inline void fake_tsdb_start(struct fake_tsdb *fake)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof address;

	*fake = (struct fake_tsdb){.status = 204, .fd = socket(AF_INET, SOCK_STREAM, 0)};
	assert_true(fake->fd >= 0);
	assert_int_equal(bind(fake->fd, (struct sockaddr *)&address, sizeof address), 0);
	assert_int_equal(listen(fake->fd, 8), 0);
	assert_int_equal(getsockname(fake->fd, (struct sockaddr *)&address, &len), 0);
	(void)snprintf(fake->url, sizeof fake->url, "http://127.0.0.1:%d", ntohs(address.sin_port));
	(void)pthread_mutex_init(&fake->lock, NULL);
	assert_int_equal(pthread_create(&fake->thread, NULL, fake_tsdb_run, fake), 0);
}

/* After its clients have gone. */
static inline void fake_tsdb_stop(struct fake_tsdb *fake)
{
	(void)pthread_mutex_lock(&fake->lock);
	fake->is_stopping = true;
	(void)pthread_mutex_unlock(&fake->lock);
	(void)shutdown(fake->fd, SHUT_RDWR);
	(void)pthread_join(fake->thread, NULL);
	(void)close(fake->fd);
	(void)pthread_mutex_destroy(&fake->lock);
	buf_fini(&fake->taken);
	buf_fini(&fake->targets);
	buf_fini(&fake->queries);
}

static inline void fake_tsdb_set(struct fake_tsdb *fake, int status, const char *poison,
				 int64_t started)
{
	(void)pthread_mutex_lock(&fake->lock);
	fake->status = status;
	fake->poison = poison;
	fake->started = started;
	(void)pthread_mutex_unlock(&fake->lock);
}

/* How often a text was taken. */
static inline int fake_tsdb_count(struct fake_tsdb *fake, const char *text)
{
	int n = 0;

	(void)pthread_mutex_lock(&fake->lock);
	for (const char *at = fake->taken.data; at && (at = strstr(at, text)); at++)
		n++;
	(void)pthread_mutex_unlock(&fake->lock);
	return n;
}

#endif
