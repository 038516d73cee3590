/* SPDX-License-Identifier: Apache-2.0 */
#include "server/api/http_watch.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "common/clock.h"
#include "common/mailbox.h"
#include "common/mem.h"

enum { PERIOD_MS = 1000 };

struct http_watch_entry {
	struct http_watch_entry *before, *after; /* in the list of all */
	int fd;
	int64_t deadline_ms; /* monotonic */
};

struct http_watch {
	pthread_mutex_t lock; /* guards the list and its entries */
	struct http_watch_entry *first;
	struct mailbox *stop; /* closed: the thread ends */
	pthread_t thread;
};

/* Ends both directions; whoever waits for the connection sees its end and closes it. */
static void end_late(struct http_watch *watch, int64_t now_ms)
{
	(void)pthread_mutex_lock(&watch->lock);
	for (struct http_watch_entry *at = watch->first; at != NULL; at = at->after)
		if (at->deadline_ms <= now_ms) {
			(void)shutdown(at->fd, SHUT_RDWR); /* it may be over already */
			at->deadline_ms = INT64_MAX;
		}
	(void)pthread_mutex_unlock(&watch->lock);
}

static void *run(void *arg)
{
	struct http_watch *watch = arg;

	while (!mailbox_is_closed(watch->stop)) {
		(void)mailbox_take(watch->stop, clock_mono_ms() + PERIOD_MS); /* never any */
		end_late(watch, clock_mono_ms());
	}
	return NULL;
}

int http_watch_start(struct http_watch **out, struct err *err)
{
	struct http_watch *watch = xcalloc(1, sizeof *watch);
	int rc;

	watch->stop = mailbox_create(1);
	(void)pthread_mutex_init(&watch->lock, NULL); /* cannot fail without attributes */
	rc = -pthread_create(&watch->thread, NULL, run, watch);
	if (rc < 0) {
		mailbox_destroy(watch->stop, NULL);
		free(watch);
		return err_set(err, rc, "cannot start a thread: %s", err_name(rc));
	}
	*out = watch;
	return 0;
}

void http_watch_stop(struct http_watch *watch)
{
	if (watch == NULL)
		return;
	mailbox_close(watch->stop);
	(void)pthread_join(watch->thread, NULL); /* it was created */
	mailbox_destroy(watch->stop, NULL);
	(void)pthread_mutex_destroy(&watch->lock);
	free(watch);
}

struct http_watch_entry *http_watch_open(struct http_watch *watch, int fd, int64_t limit_ms)
{
	struct http_watch_entry *entry = xcalloc(1, sizeof *entry);

	entry->fd = fd;
	entry->deadline_ms = clock_mono_ms() + limit_ms;
	(void)pthread_mutex_lock(&watch->lock);
	entry->after = watch->first;
	if (entry->after != NULL)
		entry->after->before = entry;
	watch->first = entry;
	(void)pthread_mutex_unlock(&watch->lock);
	return entry;
}

void http_watch_extend(struct http_watch *watch, struct http_watch_entry *entry, int64_t limit_ms)
{
	(void)pthread_mutex_lock(&watch->lock);
	entry->deadline_ms = clock_mono_ms() + limit_ms;
	(void)pthread_mutex_unlock(&watch->lock);
}

void http_watch_close(struct http_watch *watch, struct http_watch_entry *entry)
{
	(void)pthread_mutex_lock(&watch->lock);
	if (entry->before != NULL)
		entry->before->after = entry->after;
	else
		watch->first = entry->after;
	if (entry->after != NULL)
		entry->after->before = entry->before;
	(void)pthread_mutex_unlock(&watch->lock);
	free(entry);
}
