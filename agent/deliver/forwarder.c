/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/deliver/forwarder.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>

#include "agent/poll/poller.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"

enum {
	PENDING_MAX = 8, /* batches appended in one transaction */
	LINGER_MS = 100, /* for cycles of the same moment, so that they share an fsync */
	RETRY_MS = 5000, /* after a failed append */
	FLUSH_MS = 1000, /* a mark reaches the disk after so long at the latest */
};

struct forwarder {
	struct mailbox *cycles;
	struct spool *spool;
	struct uplink *uplink;
	pthread_t thread;
	bool is_started;
	int64_t flush_ms; /* set before cycles is closed */
	/* the thread's own: */
	struct buf bodies[PENDING_MAX];
	struct spool_entry pending[PENDING_MAX];
	size_t n_pending;
	int64_t retry_ms, flushed_ms;
	bool is_failing;
	struct forwarder_state state;
	pthread_mutex_t lock; /* guards what follows */
	struct forwarder_state snapshot;
	struct buf health;
	uint64_t health_digest;
	bool has_health;
};

/* ---- cycles into batches ---- */

/* Cycles are joined to batches as long as they fit. False: no room for it. */
static bool add_cycle(struct forwarder *f, const struct cycle *cycle)
{
	struct spool_entry *entry = f->n_pending > 0 ? &f->pending[f->n_pending - 1] : NULL;
	struct buf *body = f->n_pending > 0 ? &f->bodies[f->n_pending - 1] : NULL;

	if (entry == NULL || body->len + cycle->lines.len > SPOOL_BODY_MAX) {
		if (f->n_pending == PENDING_MAX)
			return false;
		entry = &f->pending[f->n_pending];
		body = &f->bodies[f->n_pending++];
		*entry = (struct spool_entry){0};
	}
	buf_add(body, cycle->lines.data, cycle->lines.len);
	entry->body = body->data;
	entry->len = body->len;
	entry->n_lines += cycle->n_lines;
	if (cycle->time_ms > entry->time_ms)
		entry->time_ms = cycle->time_ms;
	return true;
}

/* Waits for cycles until deadline_ms and takes all that come within LINGER_MS of the first. */
static void collect(struct forwarder *f, int64_t deadline_ms)
{
	struct cycle *cycle;

	while (f->n_pending < PENDING_MAX &&
	       (cycle = mailbox_take(f->cycles, deadline_ms)) != NULL) {
		bool is_added = add_cycle(f, cycle);

		assert(is_added); /* there was room for a batch more */
		cycle_destroy(cycle);
		if (f->n_pending == 1)
			deadline_ms = clock_mono_ms() + LINGER_MS;
	}
}

/* ---- into the spool ---- */

static void clear_pending(struct forwarder *f)
{
	for (size_t i = 0; i < f->n_pending; i++)
		buf_fini(&f->bodies[i]);
	f->n_pending = 0;
}

static int recover(struct forwarder *f, struct err *err)
{
	int r = spool_recover(f->spool, clock_utc_ms(), err);

	if (r == 0)
		uplink_begin_epoch(f->uplink);
	return r;
}

static int append(struct forwarder *f, struct err *err)
{
	int64_t start_us = clock_mono_us();
	int r = spool_append(f->spool, f->pending, f->n_pending, clock_utc_ms(), err);

	if (r == -ENOSPC)
		r = spool_shed(f->spool, err);
	else if (r == -EUCLEAN)
		r = recover(f, err);
	else
		goto done;
	if (r == 0)
		r = spool_append(f->spool, f->pending, f->n_pending, clock_utc_ms(), err);
done:
	f->state.append_us = clock_mono_us() - start_us;
	return r;
}

static void store(struct forwarder *f)
{
	struct err err = {0};

	if (f->n_pending == 0 || clock_mono_ms() < f->retry_ms)
		return;
	if (append(f, &err) < 0) {
		f->state.append_failures++;
		f->retry_ms = clock_mono_ms() + RETRY_MS;
		if (!f->is_failing)
			log_error("forwarder", "readings cannot be stored, the buses will wait: %s",
				  err.text);
		f->is_failing = true;
		return;
	}
	if (f->is_failing)
		log_info("forwarder", "readings are stored again after %" PRId64 " failures",
			 f->state.append_failures);
	f->is_failing = false;
	f->state.appends++;
	f->flushed_ms = clock_mono_ms();
	clear_pending(f);
}

static void flush_marks(struct forwarder *f)
{
	struct err err;

	if (clock_mono_ms() - f->flushed_ms < FLUSH_MS)
		return;
	f->flushed_ms = clock_mono_ms();
	if (spool_flush(f->spool, &err) < 0)
		log_debug("forwarder", "%s", err.text); /* the next append says it aloud */
}

/* ---- the thread ---- */

static void exchange(struct forwarder *f)
{
	struct buf health = {0};
	uint64_t digest;
	bool has_health;

	f->state.turns++;
	f->state.spool = *spool_state(f->spool);
	uplink_state(f->uplink, &f->state.uplink);
	(void)pthread_mutex_lock(&f->lock);
	f->snapshot = f->state;
	has_health = f->has_health;
	digest = f->health_digest;
	if (has_health) {
		health = f->health;
		f->health = (struct buf){0};
		f->has_health = false;
	}
	(void)pthread_mutex_unlock(&f->lock);
	if (has_health)
		uplink_take_health(f->uplink, &health, digest);
	buf_fini(&health);
}

/* Sends. wait_ms: see uplink_work. Returns when to come back. */
static int64_t work(struct forwarder *f, int64_t wait_ms)
{
	int64_t deadline_ms;
	struct err err = {0};
	int r = uplink_work(f->uplink, wait_ms, &deadline_ms, &err);

	if (r == -EUCLEAN)
		r = recover(f, &err);
	if (r < 0) {
		log_warn("forwarder", "the spool cannot be read: %s", err.text);
		deadline_ms = clock_mono_ms() + RETRY_MS;
		/* Not at once again: the disk has its reasons. */
		if (!mailbox_is_closed(f->cycles))
			clock_sleep_until(clock_mono_ms() + 1000);
	}
	return deadline_ms;
}

static void flush(struct forwarder *f)
{
	int64_t end_ms = clock_mono_ms() + f->flush_ms, deadline_ms = 1;

	while (!uplink_is_flushed(f->uplink) && clock_mono_ms() < end_ms)
		deadline_ms = work(f, deadline_ms < end_ms ? deadline_ms : end_ms);
}

static void *run(void *arg)
{
	struct forwarder *f = arg;
	int64_t deadline_ms = 0;

	while (!mailbox_is_closed(f->cycles) || mailbox_count(f->cycles) > 0) {
		if (!f->is_failing)
			collect(f, deadline_ms);
		else if (mailbox_is_closed(f->cycles))
			break;
		store(f);
		deadline_ms = work(f, f->is_failing ? deadline_ms : 0);
		flush_marks(f);
		exchange(f);
	}
	f->retry_ms = 0;
	store(f);
	flush(f);
	return NULL;
}

/* ---- life ---- */

static int start_thread(struct forwarder *f, struct err *err)
{
	int r = pthread_create(&f->thread, NULL, run, f);

	f->is_started = r == 0;
	return r == 0 ? 0 : err_set(err, -r, "cannot start a thread: %s", err_name(r));
}

int forwarder_start(struct forwarder **out, const struct agent_config *config,
		    struct mailbox *cycles, const char *version, struct err *err)
{
	const struct spool_limits limits = {config->spool.max_size, config->spool.max_age_ms,
					    config->spool.retain_ms};
	struct uplink_options options = {
		.mqtt = &config->mqtt,
		.agent_id = config->agent_id,
		.region = config->region,
		.version = version,
		.is_broker_delivery = config->delivery == DELIVERY_BROKER,
		.wake = cycles,
	};
	struct forwarder *f = xcalloc(1, sizeof *f);
	int r;

	f->cycles = cycles;
	(void)pthread_mutex_init(&f->lock, NULL); /* cannot fail with default attributes */
	r = spool_open(&f->spool, config->spool.path, &limits, clock_utc_ms(), err);
	options.spool = f->spool;
	if (r == 0)
		r = uplink_start(&f->uplink, &options, err);
	if (r == 0) {
		exchange(f);
		r = start_thread(f, err);
	}
	if (r < 0) {
		forwarder_stop(f, 0);
		return r;
	}
	*out = f;
	return 0;
}

void forwarder_stop(struct forwarder *forwarder, int64_t flush_ms)
{
	if (forwarder == NULL)
		return;
	if (forwarder->is_started) {
		forwarder->flush_ms = flush_ms;
		mailbox_close(forwarder->cycles);
		(void)pthread_join(forwarder->thread, NULL); /* cannot fail: joined once */
	}
	uplink_stop(forwarder->uplink);
	spool_close(forwarder->spool);
	clear_pending(forwarder);
	buf_fini(&forwarder->health);
	(void)pthread_mutex_destroy(&forwarder->lock);
	free(forwarder);
}

void forwarder_state(struct forwarder *forwarder, struct forwarder_state *out)
{
	(void)pthread_mutex_lock(&forwarder->lock);
	*out = forwarder->snapshot;
	(void)pthread_mutex_unlock(&forwarder->lock);
}

void forwarder_take_health(struct forwarder *forwarder, struct buf *members, uint64_t digest)
{
	(void)pthread_mutex_lock(&forwarder->lock);
	buf_fini(&forwarder->health);
	forwarder->health = *members;
	*members = (struct buf){0};
	forwarder->health_digest = digest;
	forwarder->has_health = true;
	(void)pthread_mutex_unlock(&forwarder->lock);
}
