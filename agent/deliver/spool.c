/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/deliver/spool.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/deliver/spool_file.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/telemetry.h"

enum {
	EXPIRE_MAX = 256,  /* batches that one append may let go for their age: bounds its time */
	SHED_BATCHES = 64, /* delivered batches given up at once when the disk is full */
	EPOCH_RANDOM = 1000,
};

struct spool {
	char *path;
	struct spool_limits limits;
	int lock_fd;
	struct spool_file *file; /* NULL after a failed recovery */
	struct spool_state state;
	bool is_dirty; /* state is ahead of the file */
};

/* Words of SQLite that this program's own statements on a whole file cannot cause. */
static bool is_damage(int code)
{
	return code == -EUCLEAN || code == -EINVAL || code == -EEXIST || code == -EROFS;
}

static int lock(struct spool *spool, struct err *err)
{
	char *name = xasprintf("%s.lock", spool->path);
	int r = 0;

	spool->lock_fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (spool->lock_fd < 0)
		r = err_set(
			err, -errno,
			"the spool %s cannot be opened: %s; its folder (spool.path) must be there "
			"and this user's",
			spool->path, err_name(errno));
	else if (flock(spool->lock_fd, LOCK_EX | LOCK_NB) != 0)
		r = err_set(err, -EBUSY, "another nenghao-agent uses the spool %s", spool->path);
	free(name);
	return r;
}

static void add_gap(struct spool_gap *gap, int64_t from_ms, int64_t to_ms, int64_t batches)
{
	if (gap->batches == 0 || from_ms < gap->from_ms)
		gap->from_ms = from_ms;
	if (gap->batches == 0 || to_ms > gap->to_ms)
		gap->to_ms = to_ms;
	gap->batches += batches;
}

/* Ids have no holes: a batch that is not there is damage, though not to SQLite's own structure. */
static int time_of(struct spool *spool, int64_t id, int64_t *time_ms, struct err *err)
{
	int r = spool_file_time(spool->file, id, time_ms, err);

	if (r != -ENOENT)
		return r;
	return err_set(err, -EUCLEAN, "the spool %s lacks batch %" PRId64, spool->path, id);
}

/* ---- letting go ---- */

static int drop_first(struct spool *spool, struct spool_state *next, int64_t time_ms,
		      struct err *err)
{
	int r = spool_file_delete(spool->file, next->first, err);

	if (r < 0)
		return r;
	if (next->first > next->done) {
		add_gap(&next->gap, time_ms, time_ms, 1);
		next->done = next->first;
		next->dropped++;
	}
	next->first++;
	return 0;
}

static int drop_expired(struct spool *spool, struct spool_state *next, int64_t now_ms,
			struct err *err)
{
	for (int i = 0; i < EXPIRE_MAX && next->first <= next->last; i++) {
		bool is_delivered = next->first <= next->done;
		int64_t keep_ms = is_delivered ? spool->limits.retain_ms : spool->limits.max_age_ms;
		int64_t time_ms;
		int r = time_of(spool, next->first, &time_ms, err);

		if (r < 0)
			return r;
		if (time_ms > now_ms - keep_ms)
			return 0;
		r = drop_first(spool, next, time_ms, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int drop_for_room(struct spool *spool, struct spool_state *next, int64_t need,
			 struct err *err)
{
	while (next->first <= next->last) {
		int64_t bytes, time_ms;
		int r = spool_file_bytes(spool->file, &bytes, err);

		if (r < 0)
			return r;
		if (bytes + need <= spool->limits.max_bytes)
			return 0;
		r = time_of(spool, next->first, &time_ms, err);
		if (r < 0)
			return r;
		r = drop_first(spool, next, time_ms, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- transactions: the state in memory changes only after the commit ---- */

static int find_oldest(struct spool *spool, struct spool_state *next, struct err *err)
{
	next->oldest_ms = 0;
	return next->done < next->last ? time_of(spool, next->done + 1, &next->oldest_ms, err) : 0;
}

static int finish(struct spool *spool, struct spool_state *next, struct err *err)
{
	int r = spool_file_store(spool->file, next, err);

	if (r == 0)
		r = find_oldest(spool, next, err);
	if (r == 0)
		r = spool_file_bytes(spool->file, &next->bytes, err);
	if (r == 0)
		r = spool_file_commit(spool->file, err);
	if (r < 0)
		return r;
	spool->state = *next;
	spool->is_dirty = false;
	return 0;
}

static int begin(struct spool *spool, struct err *err)
{
	if (spool->file == NULL)
		return err_set(err, -EUCLEAN, "the spool %s is not open", spool->path);
	return spool_file_begin(spool->file, err);
}

/* One transaction: step changes the file and the copy of the state. */
typedef int (*step_fn)(struct spool *spool, struct spool_state *next, void *arg, struct err *err);

static int transact(struct spool *spool, step_fn step, void *arg, struct err *err)
{
	struct spool_state next = spool->state;
	int r = begin(spool, err);

	if (r < 0)
		return r;
	r = step != NULL ? step(spool, &next, arg, err) : 0;
	if (r == 0)
		r = finish(spool, &next, err);
	if (r < 0)
		spool_file_rollback(spool->file);
	return is_damage(r) ? -EUCLEAN : r;
}

struct append {
	struct spool_entry *entries;
	size_t n;
	int64_t now_ms;
};

/* Distinct times let until tell the batches apart that the server knows. A clock that was set back
 * by more than this is believed. */
static int64_t increasing(int64_t time_ms, int64_t newest_ms)
{
	enum { STEP_MS = 10000 };

	return time_ms <= newest_ms && time_ms > newest_ms - STEP_MS ? newest_ms + 1 : time_ms;
}

static int append(struct spool *spool, struct spool_state *next, void *arg, struct err *err)
{
	const struct append *a = arg;
	int64_t need = 0;
	int r = drop_expired(spool, next, a->now_ms, err);

	for (size_t i = 0; i < a->n; i++)
		need += spool_file_cost(a->entries[i].len);
	if (r == 0)
		r = drop_for_room(spool, next, need, err);
	for (size_t i = 0; i < a->n && r == 0; i++) {
		struct spool_entry *entry = &a->entries[i];

		entry->time_ms = increasing(entry->time_ms, next->newest_ms);
		next->newest_ms = entry->time_ms;
		r = spool_file_insert(spool->file, ++next->last, entry, err);
	}
	return r;
}

int spool_append(struct spool *spool, struct spool_entry *entries, size_t n, int64_t now_ms,
		 struct err *err)
{
	struct append a = {entries, n, now_ms};

	return transact(spool, append, &a, err);
}

static int shed(struct spool *spool, struct spool_state *next, void *arg, struct err *err)
{
	(void)arg;
	for (int i = 0; i < SHED_BATCHES && next->first <= next->done && next->first <= next->last;
	     i++) {
		int r = drop_first(spool, next, 0, err);

		if (r < 0)
			return r;
	}
	return 0;
}

int spool_shed(struct spool *spool, struct err *err)
{
	int r;

	if (spool->file == NULL)
		return -EUCLEAN;
	/* Frees the write-ahead file's pages for the transaction that follows. */
	r = spool_file_checkpoint(spool->file, err);
	return r == 0 ? transact(spool, shed, NULL, err) : r;
}

int spool_flush(struct spool *spool, struct err *err)
{
	return spool->is_dirty ? transact(spool, NULL, NULL, err) : 0;
}

/* ---- delivery ---- */

void spool_mark(struct spool *spool, int64_t id, int64_t until_ms)
{
	struct spool_state *state = &spool->state;

	assert(id <= state->last);
	if (id > state->done) {
		state->done = id;
		state->gap = (struct spool_gap){0}; /* went with the first of them */
		spool->is_dirty = true;
		if (find_oldest(spool, state, NULL) < 0)
			state->oldest_ms = 0; /* for display only; the next transaction tells */
	}
	if (until_ms != state->until_ms)
		spool->is_dirty = true;
	state->until_ms = until_ms;
}

int64_t spool_requeue(struct spool *spool, int64_t until_ms)
{
	struct spool_state *state = &spool->state;
	int64_t id = state->done + 1, n;

	if (spool->file != NULL)
		(void)spool_file_newer(spool->file, until_ms, &id, NULL); /* unreadable: none */
	n = id <= state->done ? state->done + 1 - id : 0;
	state->done -= n;
	state->until_ms = until_ms;
	spool->is_dirty = true;
	return n;
}

int spool_begin_epoch(struct spool *spool, int64_t now_ms, struct err *err)
{
	struct spool_state *state = &spool->state;
	uint32_t random = (uint32_t)now_ms; /* if the system has no better before it is warm */

	(void)!getrandom(&random, sizeof random, GRND_NONBLOCK);
	state->epoch =
		(state->epoch + 1 > now_ms ? state->epoch + 1 : now_ms) + 1 + random % EPOCH_RANDOM;
	spool->is_dirty = true;
	return spool_flush(spool, err);
}

int spool_read(struct spool *spool, int64_t id, struct buf *body, struct spool_entry *out,
	       struct err *err)
{
	size_t start = body->len;
	int r;

	if (spool->file == NULL)
		return err_set(err, -EUCLEAN, "the spool %s is not open", spool->path);
	r = spool_file_read(spool->file, id, body, out, err);
	if (r != -EBADMSG)
		return is_damage(r) || r == -ENOENT ? -EUCLEAN : r;
	log_error("spool", "batch %" PRId64 " of %s is unreadable and goes out as a gap", id,
		  spool->path);
	spool->state.damaged++;
	telemetry_write_gap(body, out->time_ms, out->time_ms, 1, out->time_ms);
	out->n_lines = 1;
	out->body = body->data + start;
	out->len = body->len - start;
	return 0;
}

/* ---- opening and recovering ---- */

static int load(struct spool *spool, struct err *err)
{
	struct spool_state next = spool->state;
	int r = spool_file_open(&spool->file, spool->path, false, err);

	if (r == 0)
		r = spool_file_load(spool->file, &next, err);
	if (r == 0)
		r = find_oldest(spool, &next, err);
	if (r == 0)
		r = spool_file_bytes(spool->file, &next.bytes, err);
	if (r < 0) {
		spool_file_close(spool->file);
		spool->file = NULL;
		return r;
	}
	spool->state = next;
	return 0;
}

/* Takes over the waiting batches of the damaged file that are still whole. Returns how many. */
static int64_t salvage(struct spool *spool, const char *damaged, int64_t done, int64_t now_ms)
{
	struct spool_file *old;
	struct buf body = {0};
	int64_t n = 0;

	if (spool_file_open(&old, damaged, true, NULL) < 0)
		return 0;
	while (spool_file_following(old, &done, NULL) == 0) {
		struct spool_entry entry;

		buf_clear(&body);
		if (spool_file_read(old, done, &body, &entry, NULL) < 0)
			continue;
		if (spool_append(spool, &entry, 1, now_ms, NULL) < 0)
			break;
		n++;
	}
	spool_file_close(old);
	buf_fini(&body);
	return n;
}

/* How many waiting batches a file can hold at most: what a damaged one says need not be true. */
static int64_t plausible(const struct spool *spool, int64_t n_waiting)
{
	enum { SMALLEST_BATCH = 64 };
	int64_t max = spool->limits.max_bytes / SMALLEST_BATCH;

	return n_waiting <= max ? n_waiting : 0;
}

/* What the damaged file held, as far as it is known. */
static void assess(const struct spool *spool, const char *damaged, struct spool_state *old)
{
	struct spool_file *file;

	*old = spool->state;
	if (old->last > 0 || spool_file_open(&file, damaged, true, NULL) < 0)
		return;
	(void)spool_file_load(file, old, NULL); /* unreadable: nothing is known */
	spool_file_close(file);
}

int spool_recover(struct spool *spool, int64_t now_ms, struct err *err)
{
	char *damaged = xasprintf("%s.damaged-%" PRId64, spool->path, now_ms);
	struct spool_state old;
	int64_t n_waiting, n_saved;
	int r;

	spool_file_close(spool->file);
	spool->file = NULL;
	r = spool_file_rename(spool->path, damaged, err);
	if (r == 0) {
		assess(spool, damaged, &old);
		spool->state = (struct spool_state){0};
		r = load(spool, err);
		if (r < 0)
			spool->state = old; /* for the next try */
	}
	if (r == 0) {
		n_waiting = plausible(spool, old.last - old.done);
		n_saved = salvage(spool, damaged, old.done, now_ms);
		spool->state.epoch = old.epoch;
		spool->state.until_ms = old.until_ms;
		spool->state.gap = old.gap;
		spool->state.dropped = old.dropped;
		spool->state.damaged = old.damaged;
		spool->state.moved_aside = old.moved_aside + 1;
		if (n_saved < n_waiting || n_waiting == 0)
			add_gap(&spool->state.gap, old.oldest_ms > 0 ? old.oldest_ms : now_ms,
				now_ms, n_waiting > n_saved ? n_waiting - n_saved : 1);
		spool->is_dirty = true;
		log_error("spool",
			  "the spool %s was damaged: it was moved to %s and %" PRId64
			  " waiting batches were taken over; what is lost is reported as a gap",
			  spool->path, damaged, n_saved);
		r = spool_flush(spool, err);
	}
	free(damaged);
	return r;
}

int spool_open(struct spool **out, const char *path, const struct spool_limits *limits,
	       int64_t now_ms, struct err *err)
{
	struct spool *spool = xcalloc(1, sizeof *spool);
	int r;

	spool->path = xstrdup(path);
	spool->limits = *limits;
	spool->lock_fd = -1;
	r = lock(spool, err);
	if (r == 0) {
		r = load(spool, err);
		if (is_damage(r))
			r = spool_recover(spool, now_ms, err);
	}
	if (r < 0) {
		spool_close(spool);
		return r;
	}
	*out = spool;
	return 0;
}

void spool_close(struct spool *spool)
{
	struct err err;

	if (spool == NULL)
		return;
	if (spool->file != NULL && spool_flush(spool, &err) < 0)
		log_warn("spool", "%s; some batches will be sent again", err.text);
	spool_file_close(spool->file);
	if (spool->lock_fd >= 0)
		(void)close(spool->lock_fd); /* nothing was written to it */
	free(spool->path);
	free(spool);
}

const struct spool_state *spool_state(const struct spool *spool)
{
	return &spool->state;
}

int spool_peek(const char *path, struct spool_state *out, struct err *err)
{
	struct spool_file *file;
	struct spool_state state = {0};
	int r = spool_file_open(&file, path, true, err);

	if (r < 0)
		return r;
	r = spool_file_load(file, &state, err);
	if (r == 0)
		r = spool_file_bytes(file, &state.bytes, err);
	if (r == 0 && state.done < state.last)
		r = spool_file_time(file, state.done + 1, &state.oldest_ms, err);
	spool_file_close(file);
	if (r == 0)
		*out = state;
	return r;
}
