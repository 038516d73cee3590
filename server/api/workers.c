/* SPDX-License-Identifier: Apache-2.0 */
#include "server/api/workers.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "common/mem.h"

/* Whoever asks for little goes first where the processor is short. */
enum { NICE = 5 };

struct workers {
	struct workers_options options;
	pthread_mutex_t lock; /* guards everything below, and the jobs in the list */
	pthread_cond_t changed;
	struct workers_job *first; /* running and waiting, the oldest first */
	size_t n_admitted;         /* and not yet put */
	size_t n_running, n_waiting;
	uint64_t turn; /* of the jobs that were begun, the highest */
	bool is_stopping;
	size_t n_threads; /* started; of the thread that starts and stops */
	pthread_t *threads;
};

static bool has_question(const struct workers_job *job)
{
	static const uint8_t none[DIGEST_BYTES];

	return memcmp(job->question, none, sizeof none) != 0;
}

static bool is_same_question(const struct workers_job *a, const struct workers_job *b)
{
	return has_question(a) && memcmp(a->question, b->question, sizeof a->question) == 0;
}

static bool is_being_answered(const struct workers *workers, const struct workers_job *job)
{
	for (const struct workers_job *at = workers->first; at != NULL; at = at->next)
		if (at->is_running && is_same_question(at, job))
			return true;
	return false;
}

static size_t running_of(const struct workers *workers, int64_t owner)
{
	size_t n = 0;

	for (const struct workers_job *at = workers->first; at != NULL; at = at->next)
		n += at->is_running && at->owner == owner;
	return n;
}

/* Of the owner of whom the fewest run, the one whose turn it is; of several the oldest. */
static struct workers_job *choose(const struct workers *workers)
{
	struct workers_job *best = NULL;
	size_t fewest = SIZE_MAX;

	for (struct workers_job *at = workers->first; at != NULL; at = at->next) {
		size_t n;

		if (at->is_running || (!workers->is_stopping && is_being_answered(workers, at)))
			continue;
		n = running_of(workers, at->owner);
		if (best == NULL || n < fewest || (n == fewest && at->turn < best->turn)) {
			fewest = n;
			best = at;
		}
	}
	return best;
}

static void take_out(struct workers *workers, const struct workers_job *job)
{
	struct workers_job **at = &workers->first;

	while (*at != job)
		at = &(*at)->next;
	*at = job->next;
}

/* After the owner's others, but beside the first of everybody else: who asks for one thing waits
 * for no more than one of each of those who ask for many. A repeat goes with what it repeats. */
static uint64_t turn_of(const struct workers *workers, const struct workers_job *job)
{
	uint64_t last = workers->turn;

	for (const struct workers_job *at = workers->first; at != NULL; at = at->next) {
		if (is_same_question(at, job))
			return at->turn;
		if (at->owner == job->owner && at->turn > last)
			last = at->turn;
	}
	return last + 1;
}

/* The list keeps a stand-in of a job that runs: running may free the job at any time. */
static void run_one(struct workers *workers, struct workers_job *job)
{
	struct workers_job stand_in = *job;
	struct workers_job **at = &workers->first;
	bool is_stopping = workers->is_stopping;

	while (*at != job)
		at = &(*at)->next;
	*at = &stand_in;
	stand_in.is_running = true;
	if (job->turn > workers->turn)
		workers->turn = job->turn;
	workers->n_waiting--;
	workers->n_running++;
	(void)pthread_mutex_unlock(&workers->lock);
	job->run(job, is_stopping);
	(void)pthread_mutex_lock(&workers->lock);
	take_out(workers, &stand_in);
	workers->n_running--;
	(void)pthread_cond_broadcast(&workers->changed);
}

static void *work(void *arg)
{
	struct workers *workers = arg;

	/* Of this thread alone on Linux. Where it is not allowed all are equal. */
	(void)setpriority(PRIO_PROCESS, 0, NICE);
	(void)pthread_mutex_lock(&workers->lock);
	while (!workers->is_stopping || workers->n_admitted > 0 || workers->n_waiting > 0) {
		struct workers_job *job = choose(workers);

		if (job != NULL)
			run_one(workers, job);
		else
			(void)pthread_cond_wait(&workers->changed, &workers->lock);
	}
	(void)pthread_mutex_unlock(&workers->lock);
	return NULL;
}

int workers_start(struct workers **out, const struct workers_options *options, struct err *err)
{
	struct workers *workers = xcalloc(1, sizeof *workers);

	workers->options = *options;
	workers->threads = xcalloc(options->n_threads, sizeof *workers->threads);
	(void)pthread_mutex_init(&workers->lock, NULL); /* cannot fail without attributes */
	(void)pthread_cond_init(&workers->changed, NULL);
	while (workers->n_threads < options->n_threads) {
		int rc =
			-pthread_create(&workers->threads[workers->n_threads], NULL, work, workers);

		if (rc < 0) {
			workers_destroy(workers);
			return err_set(err, rc, "cannot start a thread: %s", err_name(rc));
		}
		workers->n_threads++;
	}
	*out = workers;
	return 0;
}

void workers_stop(struct workers *workers)
{
	if (workers == NULL)
		return;
	(void)pthread_mutex_lock(&workers->lock);
	workers->is_stopping = true;
	(void)pthread_cond_broadcast(&workers->changed);
	(void)pthread_mutex_unlock(&workers->lock);
	while (workers->n_threads > 0)
		(void)pthread_join(workers->threads[--workers->n_threads], NULL);
}

void workers_destroy(struct workers *workers)
{
	if (workers == NULL)
		return;
	workers_stop(workers);
	assert(workers->first == NULL);
	(void)pthread_cond_destroy(&workers->changed);
	(void)pthread_mutex_destroy(&workers->lock);
	free(workers->threads);
	free(workers);
}

static size_t counted_of(const struct workers *workers, int64_t owner)
{
	size_t n = 0;

	for (const struct workers_job *at = workers->first; at != NULL; at = at->next)
		n += !at->is_sharing && at->owner == owner;
	return n;
}

static bool is_asked_already(const struct workers *workers, const struct workers_job *job)
{
	for (const struct workers_job *at = workers->first; at != NULL; at = at->next)
		if (is_same_question(at, job))
			return true;
	return false;
}

static enum workers_verdict judge(const struct workers *workers, const struct workers_job *job)
{
	if (workers->is_stopping)
		return WORKERS_STOP;
	if (workers->n_waiting + workers->n_admitted >= workers->options.waiting)
		return WORKERS_ARE_BUSY;
	if (!job->is_sharing && counted_of(workers, job->owner) >= workers->options.per_owner)
		return WORKERS_OWNER_HAS_MANY;
	return WORKERS_ADMIT;
}

enum workers_verdict workers_admit(struct workers *workers, struct workers_job *job)
{
	enum workers_verdict verdict;

	(void)pthread_mutex_lock(&workers->lock);
	job->is_sharing = is_asked_already(workers, job);
	verdict = judge(workers, job);
	workers->n_admitted += verdict == WORKERS_ADMIT;
	(void)pthread_mutex_unlock(&workers->lock);
	return verdict;
}

void workers_put(struct workers *workers, struct workers_job *job)
{
	struct workers_job **at = &workers->first;

	(void)pthread_mutex_lock(&workers->lock);
	job->turn = turn_of(workers, job);
	while (*at != NULL)
		at = &(*at)->next;
	job->next = NULL;
	*at = job;
	workers->n_admitted--;
	workers->n_waiting++;
	(void)pthread_cond_broadcast(&workers->changed);
	(void)pthread_mutex_unlock(&workers->lock);
}

void workers_count(struct workers *workers, size_t *running, size_t *waiting)
{
	(void)pthread_mutex_lock(&workers->lock);
	*running = workers->n_running;
	*waiting = workers->n_waiting;
	(void)pthread_mutex_unlock(&workers->lock);
}
