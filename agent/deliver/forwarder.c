/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/deliver/forwarder.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "agent/deliver/untimed.h"
#include "agent/poll/poller.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/telemetry.h"

enum {
	PENDING_MAX = 8, /* batches appended in one transaction */
	LINGER_MS = 100, /* for cycles of the same moment, so that they share an fsync */
	RETRY_MS = 5000, /* after a failed append */
	FLUSH_MS = 1000, /* a mark reaches the disk after so long at the latest */
	UNTIMED_MAX = 64 * 1024 * 1024, /* bytes of readings whose time is not known yet */
};

struct forwarder {
	char *region_path;
	struct agent_config *config;
	struct mailbox *cycles;
	struct spool *spool;
	struct uplink *uplink;
	pthread_t thread;
	bool is_started;
	int64_t flush_ms; /* set before is_stopping */
	atomic_bool is_stopping;
	/* the thread's own: */
	struct buf bodies[PENDING_MAX];
	struct spool_entry pending[PENDING_MAX];
	size_t n_pending;
	struct spool_gap gap; /* dropped although they were never in the spool */
	int64_t n_dropped;
	struct untimed *untimed;
	int64_t retry_ms, flushed_ms;
	bool is_failing, is_untimed_failing;
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

/* Their time is not known yet: they go to the disk by themselves. */
static void set_aside(struct forwarder *f, const struct cycle *cycle)
{
	struct err err = {0};
	bool was_failing = f->is_untimed_failing;

	f->is_untimed_failing = untimed_add(f->untimed, &cycle->lines, cycle->n_lines, &err) < 0;
	if (f->is_untimed_failing && !was_failing)
		log_error("forwarder", "readings without a trusted time are lost: %s", err.text);
	else if (untimed_lines(f->untimed) == cycle->n_lines)
		log_warn("forwarder", "the clock is not trusted yet (before 2024, or not set since "
				      "the machine started): readings wait for the right time");
}

/* Waits for cycles until deadline_ms and takes all that come within LINGER_MS of the first. */
static void collect(struct forwarder *f, int64_t deadline_ms)
{
	struct cycle *cycle;

	while (f->n_pending < PENDING_MAX &&
	       (cycle = mailbox_take(f->cycles, deadline_ms)) != NULL) {
		if (cycle->is_untimed) {
			set_aside(f, cycle);
		} else {
			bool is_added = add_cycle(f, cycle);

			assert(is_added); /* there was room for a batch more */
		}
		cycle_destroy(cycle);
		if (f->n_pending == 1 && !f->is_failing)
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

/* What was dropped is told by a batch of its own before the rest. Returns how many entries. */
static size_t add_gap(struct forwarder *f, struct buf *line, struct spool_entry *entries)
{
	size_t n = 0;

	if (f->gap.batches > 0) {
		telemetry_write_gap(line, f->gap.from_ms, f->gap.to_ms, f->gap.batches,
				    f->gap.to_ms);
		entries[n++] = (struct spool_entry){line->data, line->len, 1, f->gap.to_ms};
	}
	for (size_t i = 0; i < f->n_pending; i++)
		entries[n++] = f->pending[i];
	return n;
}

static int append(struct forwarder *f, struct err *err)
{
	struct spool_entry entries[PENDING_MAX + 1];
	struct buf line = {0};
	int64_t start_us = clock_mono_us();
	size_t n = add_gap(f, &line, entries);
	int r = spool_append(f->spool, entries, n, clock_utc_ms(), err);

	if (r == -ENOSPC || r == -EUCLEAN) {
		r = r == -ENOSPC ? spool_shed(f->spool, err) : recover(f, err);
		if (r == 0)
			r = spool_append(f->spool, entries, n, clock_utc_ms(), err);
	}
	buf_fini(&line);
	f->state.append_us = clock_mono_us() - start_us;
	if (r == 0)
		f->gap = (struct spool_gap){0};
	return r;
}

static void note_gap(struct forwarder *f, int64_t from_ms, int64_t to_ms, int64_t batches)
{
	if (f->gap.batches == 0 || from_ms < f->gap.from_ms)
		f->gap.from_ms = from_ms;
	if (to_ms > f->gap.to_ms)
		f->gap.to_ms = to_ms;
	f->gap.batches += batches;
}

/* The buses go on: the newest readings are kept in memory as long as there is room. */
static void drop_oldest(struct forwarder *f)
{
	if (f->gap.batches == 0)
		log_error("forwarder", "the spool takes nothing and memory is full: the oldest of "
				       "the readings that it has not taken are dropped");
	note_gap(f, f->pending[0].time_ms, f->pending[0].time_ms, 1);
	f->n_dropped++;
	buf_fini(&f->bodies[0]);
	f->n_pending--;
	for (size_t i = 0; i < f->n_pending; i++) {
		f->bodies[i] = f->bodies[i + 1];
		f->pending[i] = f->pending[i + 1];
	}
	f->bodies[f->n_pending] = (struct buf){0};
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
			log_error("forwarder",
				  "readings cannot be stored and stay in memory for now: %s",
				  err.text);
		f->is_failing = true;
		return;
	}
	if (f->is_failing)
		log_info("forwarder",
			 "readings are stored again after %" PRId64 " failures; %" PRId64
			 " batches were dropped since the start",
			 f->state.append_failures, f->n_dropped);
	f->is_failing = false;
	f->state.appends++;
	f->flushed_ms = clock_mono_ms();
	clear_pending(f);
}

/* ---- readings whose time has become known ---- */

static int date_some(struct forwarder *f, int64_t offset_ms, int64_t *n_lines, struct err *err)
{
	struct untimed_chunk chunk = {.n_lines = 0};
	int r = untimed_next(f->untimed, offset_ms, SPOOL_BODY_MAX, &chunk, err);
	struct spool_entry entry = {chunk.lines.data, chunk.lines.len, chunk.n_lines,
				    chunk.newest_ms};

	if (r == 0 && chunk.n_lines > 0)
		r = spool_append(f->spool, &entry, 1, clock_utc_ms(), err);
	*n_lines = chunk.n_lines;
	buf_fini(&chunk.lines);
	return r;
}

static void date_all(struct forwarder *f)
{
	int64_t offset_ms = clock_utc_ms() - clock_mono_ms(), n, n_all = 0;
	int64_t newest_ms = spool_state(f->spool)->newest_ms;
	struct err err;
	int r = 0;

	do
		r = date_some(f, offset_ms, &n, &err);
	while (r == 0 && (n_all += n, n > 0));
	if (r < 0) {
		log_error("forwarder", "readings cannot be dated: %s", err.text);
		untimed_rewind(f->untimed);
		f->retry_ms = clock_mono_ms() + RETRY_MS;
		return;
	}
	if (untimed_lost(f->untimed) > 0)
		note_gap(f, newest_ms, clock_utc_ms(), untimed_lost(f->untimed));
	log_info("forwarder",
		 "the clock is right now: %" PRId64 " lines got their time; %" PRId64 " were lost",
		 n_all, untimed_lost(f->untimed));
	untimed_empty(f->untimed);
}

static void follow_clock(struct forwarder *f)
{
	if ((untimed_lines(f->untimed) > 0 || untimed_lost(f->untimed) > 0) &&
	    clock_mono_ms() >= f->retry_ms && clock_is_trusted())
		date_all(f);
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
	f->state.spool.dropped += f->n_dropped;
	f->state.untimed = untimed_lines(f->untimed);
	f->state.is_storing = !f->is_failing;
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
		if (!atomic_load(&f->is_stopping))
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

	while (!atomic_load(&f->is_stopping) || (mailbox_count(f->cycles) > 0 && !f->is_failing)) {
		if (f->n_pending == PENDING_MAX)
			drop_oldest(f);
		collect(f, deadline_ms);
		follow_clock(f);
		store(f);
		deadline_ms = work(f, 0);
		flush_marks(f);
		exchange(f);
	}
	f->retry_ms = 0;
	follow_clock(f);
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

int forwarder_start(struct forwarder **out, struct agent_config *config, struct mailbox *cycles,
		    const char *version, struct err *err)
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

	options.region_path = f->region_path = xasprintf("%s.region", config->spool.path);
	f->config = agent_config_share(config);
	f->cycles = cycles;
	(void)pthread_mutex_init(&f->lock, NULL); /* cannot fail with default attributes */
	r = spool_open(&f->spool, config->spool.path, &limits, clock_utc_ms(), err);
	options.spool = f->spool;
	if (r == 0)
		r = untimed_open(&f->untimed, config->spool.path, UNTIMED_MAX, err);
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
		atomic_store(&forwarder->is_stopping, true);
		mailbox_wake(forwarder->cycles);
		(void)pthread_join(forwarder->thread, NULL); /* cannot fail: joined once */
	}
	uplink_stop(forwarder->uplink);
	untimed_close(forwarder->untimed);
	spool_close(forwarder->spool);
	clear_pending(forwarder);
	agent_config_destroy(forwarder->config);
	buf_fini(&forwarder->health);
	(void)pthread_mutex_destroy(&forwarder->lock);
	free(forwarder->region_path);
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
