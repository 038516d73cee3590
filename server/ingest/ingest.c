/* SPDX-License-Identifier: Apache-2.0 */
#include "server/ingest/ingest.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/mailbox.h"
#include "common/mem.h"

enum {
	GROUP_READINGS = 20000, /* one commit for so many ... */
	GROUP_MS = 50,          /* ... or for what comes in so long */
	TICK_MS = 200,
	HOOK_MS = 500,
	BEHIND_MS = 200, /* how long a commit's thread waits for a slower database */
	FAILED_MS = 1000,
	SNAPSHOT_MS = 100,
	MAILBOX_ITEMS = 1 << 16,
};

/* Either a registry or a message. */
struct item {
	struct registry *registry;
	size_t topic_len, len;
	char bytes[]; /* topic, NUL, payload */
};

struct ingest {
	struct ingest_options options;
	struct keeper *keeper;
	struct mailbox *mailbox;
	pthread_t thread;
	atomic_bool is_stopping;
	_Atomic int64_t bytes, messages, dropped;

	pthread_mutex_t lock;
	struct ingest_counters snapshot; /* guarded by lock */

	/* the thread's */
	int64_t group_deadline; /* monotonic; 0: nothing waits */
	int64_t hook_at, snapshot_at;
	bool has_more; /* the hook has work left */
	bool is_failing, is_hook_failing;
	int64_t rounds, hook_failures;
	char trouble[256];
};

static void drop_item(void *arg)
{
	struct item *item = arg;

	registry_release(item->registry);
	free(item);
}

/* ---- the thread ---- */

static void take_snapshot(struct ingest *ingest, int64_t now)
{
	struct ingest_counters counters = {
		.messages = atomic_load(&ingest->messages),
		.messages_dropped = atomic_load(&ingest->dropped),
		.mailbox_bytes = atomic_load(&ingest->bytes),
		.mailbox_messages = (int64_t)mailbox_count(ingest->mailbox),
		.rounds = ingest->rounds,
		.hook_failures = ingest->hook_failures,
		.is_failing = ingest->is_failing,
	};

	keeper_get_counters(ingest->keeper, &counters.keeper);
	memcpy(counters.trouble, ingest->trouble, sizeof counters.trouble);
	(void)pthread_mutex_lock(&ingest->lock);
	ingest->snapshot = counters;
	(void)pthread_mutex_unlock(&ingest->lock);
	ingest->snapshot_at = now + SNAPSHOT_MS;
}

static void note_commit(struct ingest *ingest, int rc, const struct err *err)
{
	if (rc < 0 && !ingest->is_failing)
		log_error("ingest", "the ledger takes nothing (%s); the agents keep their readings",
			  err->text);
	if (rc == 0 && ingest->is_failing)
		log_info("ingest", "the ledger takes readings again");
	ingest->is_failing = rc < 0;
	(void)snprintf(ingest->trouble, sizeof ingest->trouble, "%.255s", rc < 0 ? err->text : "");
}

/* The ledger is faster than the databases: a short wait keeps their queue in memory. */
static void wait_for_databases(struct ingest *ingest)
{
	int64_t until = clock_mono_ms() + BEHIND_MS;

	while (keeper_is_behind(ingest->keeper) && clock_mono_ms() < until &&
	       !atomic_load(&ingest->is_stopping))
		clock_sleep_until(clock_mono_ms() + 5);
}

static void commit(struct ingest *ingest)
{
	struct err err = {""};
	int rc = keeper_commit(ingest->keeper, clock_utc_ms(), &err);

	ingest->group_deadline = 0;
	note_commit(ingest, rc, &err);
	if (rc < 0 && !atomic_load(&ingest->is_stopping))
		clock_sleep_until(clock_mono_ms() + FAILED_MS);
	wait_for_databases(ingest);
}

static void note_hook(struct ingest *ingest, int rc, const struct err *err)
{
	if (rc < 0 && !ingest->is_hook_failing)
		log_error("ingest", "roll-ups are behind: %s", err->text);
	if (rc == 0 && ingest->is_hook_failing)
		log_info("ingest", "roll-ups go on");
	ingest->is_hook_failing = rc < 0;
	ingest->hook_failures += rc < 0;
}

/* While messages come, other work gets a third of the time: a backlog must not keep the figures
 * from being made, nor the figures the backlog from coming in. */
static void run_hook(struct ingest *ingest, int64_t now)
{
	struct err err = {""};
	int64_t pause = HOOK_MS;
	bool more = false;
	int rc = 0;

	if (ingest->options.hooks.run)
		rc = ingest->options.hooks.run(&more, ingest->options.hooks.arg, &err);
	note_hook(ingest, rc, &err);
	ingest->has_more = rc == 0 && more;
	if (ingest->has_more)
		pause = 2 * (clock_mono_ms() - now);
	ingest->hook_at = clock_mono_ms() + pause;
}

static void use_registry(struct ingest *ingest, struct registry *registry)
{
	struct err err = {""};
	int rc = keeper_set_registry(ingest->keeper, registry, clock_utc_ms(), &err);

	ingest->group_deadline = 0;
	note_commit(ingest, rc, &err);
	if (ingest->options.hooks.set_registry)
		note_hook(ingest,
			  ingest->options.hooks.set_registry(registry, ingest->options.hooks.arg,
							     &err),
			  &err);
	ingest->has_more = true;
}

static void handle(struct ingest *ingest, struct item *item)
{
	if (item->registry) {
		use_registry(ingest, item->registry);
	} else {
		keeper_take(ingest->keeper, item->bytes, item->bytes + item->topic_len + 1,
			    item->len, clock_utc_ms());
		atomic_fetch_sub(&ingest->bytes, (int64_t)(item->len + item->topic_len));
	}
	drop_item(item);
}

/* When the mailbox need not be waited for any longer. */
static int64_t next_deadline(const struct ingest *ingest, int64_t now)
{
	if (ingest->group_deadline > 0)
		return ingest->group_deadline;
	return ingest->has_more ? 0 : now + TICK_MS;
}

static void go_round(struct ingest *ingest)
{
	int64_t now = clock_mono_ms();
	struct item *item = mailbox_take(ingest->mailbox, next_deadline(ingest, now));

	if (item) {
		handle(ingest, item);
		if (ingest->group_deadline == 0)
			ingest->group_deadline = now + GROUP_MS;
	}
	now = clock_mono_ms();
	if (keeper_waiting(ingest->keeper) >= GROUP_READINGS ||
	    (ingest->group_deadline > 0 && now >= ingest->group_deadline) ||
	    (!item && keeper_wants_commit(ingest->keeper, now)))
		commit(ingest);
	now = clock_mono_ms();
	if (ingest->group_deadline == 0 && (now >= ingest->hook_at || (!item && ingest->has_more)))
		run_hook(ingest, now);
	ingest->rounds++;
	if (now >= ingest->snapshot_at)
		take_snapshot(ingest, now);
}

static void *run(void *arg)
{
	struct ingest *ingest = arg;
	struct err err = {""};

	while (!atomic_load(&ingest->is_stopping))
		go_round(ingest);
	note_commit(ingest, keeper_commit(ingest->keeper, clock_utc_ms(), &err), &err);
	take_snapshot(ingest, clock_mono_ms());
	return NULL;
}

/* ---- life ---- */

int ingest_start(struct ingest **out, const struct ingest_options *options,
		 struct registry *registry, struct err *err)
{
	struct ingest *ingest = xcalloc(1, sizeof *ingest);
	int rc;

	ingest->options = *options;
	ingest->mailbox = mailbox_create(MAILBOX_ITEMS);
	(void)pthread_mutex_init(&ingest->lock, NULL); /* cannot fail with default attributes */
	rc = keeper_open(&ingest->keeper, &options->keeper, registry, err);
	if (rc == 0 && options->hooks.open)
		rc = options->hooks.open(keeper_ledger(ingest->keeper), registry,
					 options->hooks.arg, err);
	if (rc == 0)
		rc = keeper_start(ingest->keeper, err);
	if (rc == 0) {
		take_snapshot(ingest, clock_mono_ms());
		rc = -pthread_create(&ingest->thread, NULL, run, ingest);
	}
	if (rc < 0) {
		ingest_destroy(ingest);
		return rc;
	}
	*out = ingest;
	return 0;
}

void ingest_stop(struct ingest *ingest)
{
	atomic_store(&ingest->is_stopping, true);
	mailbox_close(ingest->mailbox);
	(void)pthread_join(ingest->thread, NULL);
}

void ingest_destroy(struct ingest *ingest)
{
	if (!ingest)
		return;
	if (ingest->options.hooks.close)
		ingest->options.hooks.close(ingest->options.hooks.arg);
	keeper_close(ingest->keeper);
	mailbox_destroy(ingest->mailbox, drop_item);
	(void)pthread_mutex_destroy(&ingest->lock);
	free(ingest);
}

/* ---- from other threads ---- */

static bool put(struct ingest *ingest, struct item *item)
{
	int64_t size = (int64_t)(item->len + item->topic_len);
	int64_t before = atomic_fetch_add(&ingest->bytes, size);

	if (before + size <= (int64_t)ingest->options.mailbox_bytes &&
	    mailbox_try_put(ingest->mailbox, item))
		return true;
	atomic_fetch_sub(&ingest->bytes, size);
	return false;
}

bool ingest_deliver(struct ingest *ingest, const char *topic, const void *payload, size_t len)
{
	size_t topic_len = strlen(topic);
	struct item *item;

	atomic_fetch_add(&ingest->messages, 1);
	item = xcalloc(1, sizeof *item + topic_len + 1 + len);
	item->topic_len = topic_len;
	item->len = len;
	memcpy(item->bytes, topic, topic_len + 1);
	if (len > 0)
		memcpy(item->bytes + topic_len + 1, payload, len);
	if (put(ingest, item))
		return true;
	atomic_fetch_add(&ingest->dropped, 1);
	drop_item(item);
	return false;
}

void ingest_set_registry(struct ingest *ingest, struct registry *registry)
{
	struct item *item = xcalloc(1, sizeof *item);

	item->registry = registry_hold(registry);
	if (!mailbox_put(ingest->mailbox, item, INT64_MAX)) /* full until it is closed */
		drop_item(item);
}

void ingest_get_counters(struct ingest *ingest, struct ingest_counters *out)
{
	(void)pthread_mutex_lock(&ingest->lock);
	*out = ingest->snapshot;
	(void)pthread_mutex_unlock(&ingest->lock);
}

size_t ingest_count_tsdb(const struct ingest *ingest)
{
	return keeper_count_tsdb(ingest->keeper);
}

struct tsdb *ingest_tsdb(const struct ingest *ingest, size_t i)
{
	return keeper_tsdb(ingest->keeper, i);
}
