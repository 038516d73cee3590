/* SPDX-License-Identifier: Apache-2.0 */
#include "server/tsdb/tsdb.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "server/tsdb/tsdb_private.h"

enum {
	RETRY_FIRST_MS = 1000,
	RETRY_LAST_MS = 30 * 1000,
	IDLE_MS = 1000,
	PROCESS_ASK_MS = 5000,
	EXPORT_LINES = TSDB_CHUNK_LINES,
};

struct tsdb_chunk *tsdb_chunk_create(int64_t number, size_t n_lines, bool is_ordered,
				     struct buf *take_text)
{
	struct tsdb_chunk *chunk = xcalloc(1, sizeof *chunk);

	atomic_init(&chunk->references, 1);
	chunk->number = number;
	chunk->n_lines = n_lines;
	chunk->is_ordered = is_ordered;
	chunk->text = *take_text;
	memset(take_text, 0, sizeof *take_text);
	return chunk;
}

void tsdb_chunk_release(struct tsdb_chunk *chunk)
{
	if (!chunk || atomic_fetch_sub(&chunk->references, 1) > 1)
		return;
	buf_fini(&chunk->text);
	free(chunk);
}

/* ---- the thread ---- */

void tsdb_wait(struct tsdb *tsdb, int64_t mono_ms, bool for_work)
{
	struct timespec at = {.tv_sec = mono_ms / 1000, .tv_nsec = mono_ms % 1000 * 1000000};
	int rc = 0;

	(void)pthread_mutex_lock(&tsdb->lock);
	while (rc == 0 && !atomic_load(&tsdb->is_stopping) && !(for_work && tsdb->has_news))
		rc = pthread_cond_timedwait(&tsdb->changed, &tsdb->lock, &at);
	(void)pthread_mutex_unlock(&tsdb->lock);
}

static void set_state(struct tsdb *tsdb, int rc, size_t n_lines, const struct err *err)
{
	bool was_failing;

	(void)pthread_mutex_lock(&tsdb->lock);
	was_failing = tsdb->is_failing;
	tsdb->is_failing = rc < 0;
	tsdb->state.is_up = rc == 0;
	tsdb->state.failures += rc < 0;
	tsdb->state.lines += (int64_t)n_lines;
	(void)snprintf(tsdb->state.trouble, sizeof tsdb->state.trouble, "%.255s",
		       rc < 0 ? err->text : "");
	(void)pthread_mutex_unlock(&tsdb->lock);
	if (rc < 0 && !was_failing)
		log_warn("tsdb", "%s does not take lines (%s); they are queued", tsdb->config.name,
			 err->text);
	if (rc == 0 && was_failing)
		log_info("tsdb", "%s takes lines again", tsdb->config.name);
}

/* An acceptance is only worth something together with the process that gave it. */
static int ask_process(struct tsdb *tsdb, bool is_fresh, struct err *err)
{
	int64_t now = clock_mono_ms(), pause = tsdb->config.durable_after_ms / 4, process;

	if (tsdb->config.durable_after_ms == 0)
		return 0;
	if (pause > PROCESS_ASK_MS)
		pause = PROCESS_ASK_MS;
	if (tsdb->process > 0 && !is_fresh && now - tsdb->process_asked_mono_ms < pause)
		return 0;
	process = tsdb_write_process(tsdb, err);
	if (process < 0)
		return (int)process;
	(void)pthread_mutex_lock(&tsdb->lock);
	tsdb->process = process;
	(void)pthread_mutex_unlock(&tsdb->lock);
	tsdb->process_asked_mono_ms = now;
	return 0;
}

static size_t lines_in(const struct buf *text)
{
	size_t n = 0;

	for (size_t i = 0; i < text->len; i++)
		n += text->data[i] == '\n';
	return n;
}

/* 1: something was written. 0: nothing to do. */
static int write_memory(struct tsdb *tsdb, struct err *err)
{
	struct tsdb_sender *sender = &tsdb->senders[0];
	struct tsdb_parcel parcel;
	int rc;

	if (!tsdb_queue_take(sender, &parcel))
		return 0;
	rc = tsdb_write_lines(sender, parcel.text, parcel.len, err);
	tsdb_queue_sent(sender, &parcel, rc == 0);
	if (rc == 0)
		set_state(tsdb, 0, parcel.n_lines, NULL);
	return rc < 0 ? rc : 1;
}

static int write_row(struct tsdb *tsdb, struct buf *text, struct err *err)
{
	int64_t row = 0;
	int rc;

	buf_clear(text);
	rc = tsdb_queue_read_row(tsdb, text, &row, err);
	if (rc == -EUCLEAN && row > 0) { /* better to lose a row's series than to stand still */
		log_error("tsdb", "%s: %s; it is dropped", tsdb->config.name, err->text);
		tsdb_queue_row_done(tsdb, row);
		tsdb->read_row = row;
		return 1;
	}
	if (rc <= 0)
		return rc;
	if (!tsdb_queue_row_is_accepted(tsdb, row)) {
		rc = tsdb_write_lines(&tsdb->senders[0], text->data, text->len, err);
		if (rc < 0)
			return rc;
		set_state(tsdb, 0, lines_in(text), NULL);
	}
	tsdb->read_row = row;
	if (tsdb->config.durable_after_ms == 0)
		tsdb_queue_row_done(tsdb, row);
	else
		tsdb_pendings_add(&tsdb->rows, row, tsdb->process);
	return 1;
}

static int believe(struct tsdb *tsdb, struct err *err)
{
	int rc = 0;

	if (tsdb->config.durable_after_ms == 0)
		return 0;
	if (tsdb_queue_is_waiting(tsdb))
		rc = ask_process(tsdb, false, err);
	if (rc == 0 && tsdb_queue_settle(tsdb, tsdb->process_asked_mono_ms, tsdb->process)) {
		log_warn("tsdb", "%s was started anew; what it had not kept is sent again",
			 tsdb->config.name);
		(void)pthread_mutex_lock(&tsdb->lock);
		tsdb->state.lost_restarts++;
		(void)pthread_mutex_unlock(&tsdb->lock);
		memset(tsdb->kept, 0, sizeof tsdb->kept);
	}
	return rc;
}

/* Where at most max_lines lines end. */
static size_t piece_len(const char *text, size_t len, size_t max_lines)
{
	const char *at = text, *end = text + len;

	for (size_t n = 0; n < max_lines && at < end; n++) {
		const char *feed = memchr(at, '\n', (size_t)(end - at));

		at = feed ? feed + 1 : end;
	}
	return (size_t)(at - text);
}

/* One change of the ledger may touch years of rows. Live lines go between its pieces. */
static int write_pieces(struct tsdb *tsdb, const struct buf *lines, struct err *err)
{
	int rc = 0;

	for (size_t at = 0, len; at < lines->len && rc >= 0; at += len) {
		len = piece_len(lines->data + at, lines->len - at, TSDB_CHUNK_LINES);
		if (atomic_load(&tsdb->is_stopping))
			rc = err_set(err, -EINTR, "stopping");
		if (rc >= 0)
			rc = tsdb_write_lines(&tsdb->senders[0], lines->data + at, len, err);
		if (rc >= 0)
			rc = believe(tsdb, err);
		if (rc >= 0)
			rc = write_memory(tsdb, err);
	}
	return rc < 0 ? rc : 0;
}

static int write_export(struct tsdb *tsdb, const struct tsdb_export *export, struct err *err)
{
	int64_t process = tsdb->process; /* of the first piece */
	int rc = tsdb_delete(tsdb, export, err);

	if (rc == 0)
		rc = write_pieces(tsdb, &export->lines, err);
	if (rc < 0)
		return rc;
	set_state(tsdb, 0, export->n_lines, NULL);
	tsdb->cursor_read = export->next;
	memcpy(tsdb->kept, export->kept, sizeof tsdb->kept);
	if (tsdb->config.durable_after_ms > 0) {
		tsdb_pendings_add(&tsdb->cursors, export->next, process);
		return 1;
	}
	(void)pthread_mutex_lock(&tsdb->lock);
	tsdb->cursor_durable = export->next;
	(void)pthread_mutex_unlock(&tsdb->lock);
	return 1;
}

/* The registry of an answer was in force all the time that it was made: else it may have seen what
 * the next one had done to the ledger already, such as a mark to remove the old one's series. */
static bool is_in_force(struct tsdb *tsdb, const struct registry *registry)
{
	bool is_it;

	(void)pthread_mutex_lock(&tsdb->lock);
	is_it = tsdb->registry == registry;
	(void)pthread_mutex_unlock(&tsdb->lock);
	return is_it;
}

/* Derived series fill the time when nothing waits or is under way: what was queued was made with no
 * newer registry than the one asked for here, so what is derived is written last. */
static int write_derived(struct tsdb *tsdb, struct err *err)
{
	struct tsdb_question question = {
		.reader = tsdb->reader, .cursor = tsdb->cursor_read, .max_lines = EXPORT_LINES};
	struct tsdb_export export = {.next = tsdb->cursor_read};
	struct registry *registry = NULL;
	int rc = 0;

	(void)pthread_mutex_lock(&tsdb->lock);
	if (tsdb->registry && tsdb_queue_is_idle(tsdb))
		registry = registry_hold(tsdb->registry);
	(void)pthread_mutex_unlock(&tsdb->lock);
	question.registry = registry;
	memcpy(export.kept, tsdb->kept, sizeof export.kept);
	if (tsdb->options.source && registry)
		rc = tsdb->options.source(&question, &export, tsdb->options.source_arg, err);
	if (rc == 0 && registry && !is_in_force(tsdb, registry))
		rc = 1; /* asked again at once */
	if (rc == 0 &&
	    (export.next != tsdb->cursor_read || export.n_lines > 0 || export.n_deletions > 0))
		rc = write_export(tsdb, &export, err);
	tsdb_export_fini(&export);
	registry_release(registry);
	return rc;
}

/* Live lines and the backlog in the file take turns. */
static int write_something(struct tsdb *tsdb, struct buf *text, struct err *err)
{
	int rc;

	(void)pthread_mutex_lock(&tsdb->lock);
	tsdb->has_news = false;
	(void)pthread_mutex_unlock(&tsdb->lock);
	rc = tsdb->take_row_next ? write_row(tsdb, text, err) : write_memory(tsdb, err);
	tsdb->take_row_next = !tsdb->take_row_next;
	if (rc == 0)
		rc = tsdb->take_row_next ? write_row(tsdb, text, err) : write_memory(tsdb, err);
	if (rc == 0)
		rc = write_derived(tsdb, err);
	return rc;
}

static void set_ready(struct tsdb *tsdb, bool is_ready)
{
	(void)pthread_mutex_lock(&tsdb->lock);
	tsdb->is_ready = is_ready;
	(void)pthread_cond_broadcast(&tsdb->changed);
	(void)pthread_mutex_unlock(&tsdb->lock);
}

static int work(struct tsdb *tsdb, struct buf *text, struct err *err)
{
	int rc = 0;

	if (!tsdb->is_ready) { /* nobody else writes it */
		rc = tsdb_write_prepare(tsdb, err);
		if (rc == 0)
			rc = ask_process(tsdb, true, err);
		if (rc == 0) {
			set_state(tsdb, 0, 0, NULL);
			set_ready(tsdb, true);
		}
	}
	if (rc == 0)
		rc = ask_process(tsdb, false, err);
	if (rc == 0)
		rc = believe(tsdb, err);
	return rc == 0 ? write_something(tsdb, text, err) : rc;
}

void *tsdb_run(void *arg)
{
	struct tsdb *tsdb = arg;
	int64_t retry_ms = RETRY_FIRST_MS;
	struct buf text = {0};

	while (!atomic_load(&tsdb->is_stopping)) {
		struct err err = {""};
		int rc = work(tsdb, &text, &err);

		if (rc < 0 && !atomic_load(&tsdb->is_stopping)) {
			set_state(tsdb, rc, 0, &err);
			set_ready(tsdb, false); /* it may come back without its database */
			tsdb_wait(tsdb, clock_mono_ms() + retry_ms, false);
			retry_ms = retry_ms * 2 < RETRY_LAST_MS ? retry_ms * 2 : RETRY_LAST_MS;
			continue;
		}
		retry_ms = RETRY_FIRST_MS;
		if (rc == 0)
			tsdb_delete_tell(tsdb);
		if (rc == 0)
			tsdb_wait(tsdb, clock_mono_ms() + IDLE_MS, true);
	}
	buf_fini(&text);
	return NULL;
}

/* ---- life ---- */

static void init_lock(struct tsdb *tsdb)
{
	pthread_condattr_t attr;

	(void)pthread_mutex_init(&tsdb->lock, NULL); /* these cannot fail with these attributes */
	(void)pthread_condattr_init(&attr);
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&tsdb->changed, &attr);
	(void)pthread_condattr_destroy(&attr);
}

static void destroy(struct tsdb *tsdb)
{
	db_finalize(tsdb->next_row);
	ledger_close(tsdb->reader);
	tsdb_sender_close(tsdb);
	tsdb_queue_close(tsdb);
	registry_release(tsdb->registry);
	(void)pthread_cond_destroy(&tsdb->changed);
	(void)pthread_mutex_destroy(&tsdb->lock);
	free(tsdb->write_url);
	free(tsdb->password);
	free(tsdb->token);
	free(tsdb);
}

int tsdb_start(struct tsdb **out, const struct tsdb_options *options, struct ledger *ledger,
	       struct err *err)
{
	struct tsdb *tsdb = xcalloc(1, sizeof *tsdb);
	int rc;

	tsdb->options = *options;
	tsdb->config = *options->config;
	if (tsdb->config.kind != TSDB_VICTORIAMETRICS)
		tsdb->config.durable_after_ms = 0;
	tsdb->write_url = tsdb_write_url(&tsdb->config);
	tsdb->last_next = &tsdb->first;
	init_lock(tsdb);
	rc = tsdb_queue_open(tsdb, ledger, err);
	if (rc == 0)
		rc = ledger_open_reader(&tsdb->reader, ledger_path(ledger), err);
	if (rc == 0)
		rc = tsdb_sender_open(tsdb, err);
	if (rc == 0)
		rc = tsdb_sender_start(tsdb);
	if (rc < 0) {
		tsdb_stop(tsdb);
		return err_prefix(err, rc, "database '%s'", options->config->name);
	}
	*out = tsdb;
	return 0;
}

void tsdb_stop(struct tsdb *tsdb)
{
	if (!tsdb)
		return;
	(void)pthread_mutex_lock(&tsdb->lock);
	atomic_store(&tsdb->is_stopping, true);
	(void)pthread_cond_broadcast(&tsdb->changed);
	(void)pthread_mutex_unlock(&tsdb->lock);
	tsdb_sender_stop(tsdb);
	destroy(tsdb);
}

void tsdb_set_registry(struct tsdb *tsdb, struct registry *registry)
{
	struct registry *old;

	(void)pthread_mutex_lock(&tsdb->lock);
	old = tsdb->registry;
	tsdb->registry = registry_hold(registry);
	(void)pthread_mutex_unlock(&tsdb->lock);
	registry_release(old);
}

const char *tsdb_name(const struct tsdb *tsdb)
{
	return tsdb->config.name;
}

void tsdb_get_state(struct tsdb *tsdb, struct tsdb_state *out)
{
	(void)pthread_mutex_lock(&tsdb->lock);
	*out = tsdb->state;
	out->queued_bytes = tsdb->memory_bytes;
	out->queued_chunks = tsdb->n_entries;
	out->disk_chunks = tsdb->disk_chunks;
	out->disk_bytes = tsdb->disk_bytes;
	out->cursor = tsdb->cursor_durable;
	(void)pthread_mutex_unlock(&tsdb->lock);
}
