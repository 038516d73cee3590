/* SPDX-License-Identifier: Apache-2.0 */
/* Believing a database whose yes counts only while its process lives on. */
#include <string.h>

#include "server/tsdb/tsdb_private.h"

/* Under the lock. */
static bool settle_memory(struct tsdb *tsdb, int64_t before_mono_ms, int64_t process)
{
	struct tsdb_entry **at = &tsdb->first;
	bool is_lost = false;

	while (*at) {
		struct tsdb_entry *entry = *at;

		if (entry->place == TSDB_ACCEPTED && entry->process != process) {
			entry->place = TSDB_QUEUED;
			is_lost = true;
		}
		if (entry->place == TSDB_ACCEPTED && entry->accepted_mono_ms <= before_mono_ms) {
			tsdb_queue_unlink(tsdb, at);
			continue;
		}
		at = &entry->next;
	}
	return is_lost;
}

/* Takes out what is believed, oldest first. False: an item was accepted by another process. */
static bool settle_pending(struct tsdb_pendings *pendings, int64_t before_mono_ms, int64_t process,
			   struct tsdb_pending *out)
{
	out->value = 0;
	if (pendings->n == 0 || pendings->items[0].accepted_mono_ms > before_mono_ms)
		return true;
	if (pendings->items[0].process != process)
		return false;
	*out = pendings->items[0];
	pendings->n--;
	memmove(pendings->items, pendings->items + 1, pendings->n * sizeof *pendings->items);
	return true;
}

static bool is_of_other_process(const struct tsdb_pendings *pendings, int64_t process)
{
	for (size_t i = 0; i < pendings->n; i++)
		if (pendings->items[i].process != process)
			return true;
	return false;
}

static bool settle_rows(struct tsdb *tsdb, int64_t before_mono_ms, int64_t process)
{
	struct tsdb_pending pending;

	if (is_of_other_process(&tsdb->rows, process)) {
		tsdb->read_row = tsdb->rows.items[0].value - 1;
		tsdb->rows.n = 0;
		return true;
	}
	while (settle_pending(&tsdb->rows, before_mono_ms, process, &pending) && pending.value > 0)
		tsdb_queue_row_done(tsdb, pending.value);
	return false;
}

static bool settle_cursors(struct tsdb *tsdb, int64_t before_mono_ms, int64_t process)
{
	struct tsdb_pending pending;

	if (is_of_other_process(&tsdb->cursors, process)) {
		tsdb->cursors.n = 0;
		(void)pthread_mutex_lock(&tsdb->lock);
		tsdb->cursor_read = tsdb->cursor_durable;
		(void)pthread_mutex_unlock(&tsdb->lock);
		return true;
	}
	while (settle_pending(&tsdb->cursors, before_mono_ms, process, &pending) &&
	       pending.value > 0) {
		(void)pthread_mutex_lock(&tsdb->lock);
		tsdb->cursor_durable = pending.value;
		(void)pthread_mutex_unlock(&tsdb->lock);
	}
	return false;
}

bool tsdb_queue_settle(struct tsdb *tsdb, int64_t now_mono_ms, int64_t process)
{
	int64_t before = now_mono_ms - tsdb->config.durable_after_ms;
	bool is_lost;

	(void)pthread_mutex_lock(&tsdb->lock);
	is_lost = settle_memory(tsdb, before, process);
	(void)pthread_mutex_unlock(&tsdb->lock);
	is_lost |= settle_rows(tsdb, before, process);
	is_lost |= settle_cursors(tsdb, before, process);
	return is_lost;
}

bool tsdb_queue_is_waiting(struct tsdb *tsdb)
{
	bool is_waiting = tsdb->rows.n > 0 || tsdb->cursors.n > 0;

	(void)pthread_mutex_lock(&tsdb->lock);
	for (const struct tsdb_entry *entry = tsdb->first; entry && !is_waiting;
	     entry = entry->next)
		is_waiting = entry->place == TSDB_ACCEPTED;
	(void)pthread_mutex_unlock(&tsdb->lock);
	return is_waiting;
}
