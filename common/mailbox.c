/* SPDX-License-Identifier: Apache-2.0 */
#include "common/mailbox.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "common/mem.h"

struct mailbox {
	pthread_mutex_t lock; /* guards all below */
	pthread_cond_t not_empty, not_full;
	size_t capacity, head, count;
	bool is_closed, is_woken;
	void *items[];
};

struct mailbox *mailbox_create(size_t capacity)
{
	struct mailbox *box = xcalloc(1, sizeof *box + capacity * sizeof(void *));
	pthread_condattr_t attr;

	box->capacity = capacity;
	(void)pthread_mutex_init(&box->lock, NULL); /* these cannot fail with default attributes */
	(void)pthread_condattr_init(&attr);
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&box->not_empty, &attr);
	(void)pthread_cond_init(&box->not_full, &attr);
	(void)pthread_condattr_destroy(&attr);
	return box;
}

void mailbox_destroy(struct mailbox *box, void (*drop)(void *item))
{
	if (box == NULL)
		return;
	for (size_t i = 0; i < box->count && drop != NULL; i++)
		drop(box->items[(box->head + i) % box->capacity]);
	(void)pthread_cond_destroy(&box->not_full);
	(void)pthread_cond_destroy(&box->not_empty);
	(void)pthread_mutex_destroy(&box->lock);
	free(box);
}

/* True while it is worth waiting on. */
static bool wait_until(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t mono_ms)
{
	struct timespec t = {.tv_sec = mono_ms / 1000, .tv_nsec = mono_ms % 1000 * 1000000};

	return mono_ms > 0 && pthread_cond_timedwait(cond, lock, &t) == 0;
}

bool mailbox_put(struct mailbox *box, void *item, int64_t deadline_mono_ms)
{
	bool is_put = false;

	(void)pthread_mutex_lock(&box->lock);
	while (!box->is_closed && box->count == box->capacity &&
	       wait_until(&box->not_full, &box->lock, deadline_mono_ms))
		;
	if (!box->is_closed && box->count < box->capacity) {
		box->items[(box->head + box->count++) % box->capacity] = item;
		(void)pthread_cond_signal(&box->not_empty);
		is_put = true;
	}
	(void)pthread_mutex_unlock(&box->lock);
	return is_put;
}

bool mailbox_try_put(struct mailbox *box, void *item)
{
	return mailbox_put(box, item, 0);
}

void *mailbox_take(struct mailbox *box, int64_t deadline_mono_ms)
{
	void *item = NULL;

	(void)pthread_mutex_lock(&box->lock);
	while (box->count == 0 && !box->is_closed && !box->is_woken &&
	       wait_until(&box->not_empty, &box->lock, deadline_mono_ms))
		;
	box->is_woken = false;
	if (box->count > 0) {
		item = box->items[box->head];
		box->head = (box->head + 1) % box->capacity;
		box->count--;
		(void)pthread_cond_signal(&box->not_full);
	}
	(void)pthread_mutex_unlock(&box->lock);
	return item;
}

size_t mailbox_count(struct mailbox *box)
{
	size_t count;

	(void)pthread_mutex_lock(&box->lock);
	count = box->count;
	(void)pthread_mutex_unlock(&box->lock);
	return count;
}

void mailbox_close(struct mailbox *box)
{
	(void)pthread_mutex_lock(&box->lock);
	box->is_closed = true;
	(void)pthread_cond_broadcast(&box->not_empty);
	(void)pthread_cond_broadcast(&box->not_full);
	(void)pthread_mutex_unlock(&box->lock);
}

bool mailbox_is_closed(struct mailbox *box)
{
	bool is_closed;

	(void)pthread_mutex_lock(&box->lock);
	is_closed = box->is_closed;
	(void)pthread_mutex_unlock(&box->lock);
	return is_closed;
}

void mailbox_wake(struct mailbox *box)
{
	(void)pthread_mutex_lock(&box->lock);
	box->is_woken = true;
	(void)pthread_cond_broadcast(&box->not_empty);
	(void)pthread_mutex_unlock(&box->lock);
}
