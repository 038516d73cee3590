/* SPDX-License-Identifier: Apache-2.0 */
/* What a sender takes from the queue in memory for one request, and what becomes of it. */
#include "common/clock.h"
#include "server/tsdb/tsdb_private.h"

size_t tsdb_queue_lines(const struct tsdb *tsdb)
{
	size_t n = 0;

	for (const struct tsdb_entry *entry = tsdb->first; entry; entry = entry->next)
		n += entry->place == TSDB_QUEUED ? entry->chunk->n_lines : 0;
	return n;
}

bool tsdb_queue_is_idle(const struct tsdb *tsdb)
{
	const struct tsdb_entry *entry = tsdb->first;

	while (entry && entry->place != TSDB_QUEUED && entry->place != TSDB_SENDING)
		entry = entry->next;
	return !entry;
}

/* Under the lock. An ordered chunk goes when nothing else is under way, and nothing goes beside it.
 */
static bool may_take(const struct tsdb_sender *sender, const struct tsdb_chunk *chunk,
		     const struct tsdb_parcel *parcel)
{
	const struct tsdb_sender *senders = sender->tsdb->senders;

	if (parcel->n_lines > 0 && (chunk->is_ordered || sender->is_alone ||
				    parcel->n_lines + chunk->n_lines > TSDB_CHUNK_LINES))
		return false;
	for (int i = 0; i < TSDB_SENDERS; i++)
		if (i != sender->number && senders[i].is_sending &&
		    (senders[i].is_alone || chunk->is_ordered))
			return false;
	return true;
}

/* The text of a single chunk is sent from where it lies. */
static void add_to_parcel(struct tsdb_sender *sender, const struct buf *text,
			  struct tsdb_parcel *parcel)
{
	if (parcel->len == 0) {
		parcel->text = text->data;
		parcel->len = text->len;
		return;
	}
	if (parcel->text != sender->joined.data)
		buf_add(&sender->joined, parcel->text, parcel->len);
	buf_add(&sender->joined, text->data, text->len);
	parcel->text = sender->joined.data;
	parcel->len = sender->joined.len;
}

bool tsdb_queue_take(struct tsdb_sender *sender, struct tsdb_parcel *out)
{
	struct tsdb *tsdb = sender->tsdb;

	*out = (struct tsdb_parcel){.text = ""};
	buf_clear(&sender->joined);
	(void)pthread_mutex_lock(&tsdb->lock);
	out->process = tsdb->process;
	for (struct tsdb_entry *entry = tsdb->first; entry; entry = entry->next) {
		if (entry->place != TSDB_QUEUED)
			continue;
		if (!may_take(sender, entry->chunk, out))
			break;
		entry->place = TSDB_SENDING;
		entry->sender = sender->number;
		sender->is_alone = entry->chunk->is_ordered;
		out->n_lines += entry->chunk->n_lines;
		add_to_parcel(sender, &entry->chunk->text, out);
	}
	sender->is_sending = out->n_lines > 0;
	(void)pthread_mutex_unlock(&tsdb->lock);
	return out->n_lines > 0;
}

/* Under the lock. */
static void settle_sent(struct tsdb *tsdb, const struct tsdb_sender *sender,
			const struct tsdb_parcel *parcel, bool is_accepted)
{
	struct tsdb_entry **at = &tsdb->first;
	int64_t now = clock_mono_ms();

	while (*at) {
		struct tsdb_entry *entry = *at;
		bool is_its = entry->place == TSDB_SENDING && entry->sender == sender->number;

		if (is_its && is_accepted && tsdb->config.durable_after_ms == 0) {
			tsdb_queue_unlink(tsdb, at);
			continue;
		}
		if (is_its) {
			entry->place = is_accepted ? TSDB_ACCEPTED : TSDB_QUEUED;
			entry->accepted_mono_ms = now;
			entry->process = parcel->process;
		}
		at = &entry->next;
	}
}

void tsdb_queue_sent(struct tsdb_sender *sender, const struct tsdb_parcel *parcel, bool is_accepted)
{
	struct tsdb *tsdb = sender->tsdb;

	(void)pthread_mutex_lock(&tsdb->lock);
	settle_sent(tsdb, sender, parcel, is_accepted);
	sender->is_sending = sender->is_alone = false;
	/* What another sender must not send beside it, and derived series, may have waited. */
	tsdb->has_news = true;
	(void)pthread_cond_broadcast(&tsdb->changed);
	(void)pthread_mutex_unlock(&tsdb->lock);
}
