/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs are bounded in all and for each owner, run fairly, equal questions one after the other, and
 * each that was put is run once, whatever happens. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/mem.h"
#include "server/api/workers.h"

enum { MANY = 200 };

static struct {
	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t changed;
	bool is_open; /* jobs wait for it */
	int n_begun, n_run, n_stopped, n_at_once, most_at_once;
	int64_t order[MANY]; /* of owners */
} gate = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void run(struct workers_job *job, bool is_stopping)
{
	(void)pthread_mutex_lock(&gate.lock);
	gate.order[gate.n_begun++] = job->owner;
	gate.n_at_once++;
	gate.most_at_once = gate.n_at_once > gate.most_at_once ? gate.n_at_once : gate.most_at_once;
	(void)pthread_cond_broadcast(&gate.changed);
	while (!gate.is_open && !is_stopping)
		(void)pthread_cond_wait(&gate.changed, &gate.lock);
	gate.n_at_once--;
	gate.n_run++;
	gate.n_stopped += is_stopping;
	(void)pthread_cond_broadcast(&gate.changed);
	(void)pthread_mutex_unlock(&gate.lock);
	free(job);
}

static void set_open(bool is_open)
{
	(void)pthread_mutex_lock(&gate.lock);
	gate.is_open = is_open;
	(void)pthread_cond_broadcast(&gate.changed);
	(void)pthread_mutex_unlock(&gate.lock);
}

static void wait_for(const int *count, int n)
{
	(void)pthread_mutex_lock(&gate.lock);
	while (*count < n)
		(void)pthread_cond_wait(&gate.changed, &gate.lock);
	(void)pthread_mutex_unlock(&gate.lock);
}

static struct workers *start(size_t n_threads, size_t waiting, size_t per_owner)
{
	const struct workers_options options = {n_threads, waiting, per_owner};
	struct workers *workers = NULL;
	struct err err = {""};

	set_open(false);
	gate.n_begun = gate.n_run = gate.n_stopped = gate.n_at_once = gate.most_at_once = 0;
	assert_int_equal(workers_start(&workers, &options, &err), 0);
	return workers;
}

/* question 0: one of its own. */
static enum workers_verdict give(struct workers *workers, int64_t owner, uint8_t question)
{
	struct workers_job *job = xcalloc(1, sizeof *job);
	enum workers_verdict verdict;

	job->owner = owner;
	job->question[3] = question;
	job->run = run;
	verdict = workers_admit(workers, job);
	if (verdict == WORKERS_ADMIT)
		workers_put(workers, job);
	else
		free(job);
	return verdict;
}

static void what_is_too_much_is_refused(void **state)
{
	struct workers *workers = start(1, 3, 2);
	size_t running, waiting;

	(void)state;
	assert_int_equal(give(workers, 1, 0), WORKERS_ADMIT);
	wait_for(&gate.n_begun, 1);
	assert_int_equal(give(workers, 1, 0), WORKERS_ADMIT);
	assert_int_equal(give(workers, 1, 0), WORKERS_OWNER_HAS_MANY);
	assert_int_equal(give(workers, 2, 0), WORKERS_ADMIT);
	assert_int_equal(give(workers, 3, 0), WORKERS_ADMIT);
	assert_int_equal(give(workers, 4, 0), WORKERS_ARE_BUSY);
	workers_count(workers, &running, &waiting);
	assert_int_equal(running, 1);
	assert_int_equal(waiting, 3);
	set_open(true);
	wait_for(&gate.n_run, 4);
	workers_destroy(workers);
	assert_int_equal(gate.n_stopped, 0);
}

static void who_has_none_running_goes_first(void **state)
{
	struct workers *workers = start(2, MANY, MANY);

	(void)state;
	assert_int_equal(give(workers, 1, 0), WORKERS_ADMIT);
	assert_int_equal(give(workers, 1, 0), WORKERS_ADMIT);
	wait_for(&gate.n_begun, 2);
	for (int i = 0; i < 10; i++)
		assert_int_equal(give(workers, 1, 0), WORKERS_ADMIT);
	assert_int_equal(give(workers, 2, 0), WORKERS_ADMIT);
	set_open(true);
	wait_for(&gate.n_run, 13);
	workers_destroy(workers);
	/* One of two ended while the other's owner still ran, or both had ended by then. */
	assert_true(gate.order[2] == 2 || gate.order[3] == 2);
}

/* Owner and question; '0' is one of its own. The first runs when the others come. */
static const struct {
	const char *phrase, *given, *order;
} turns[] = {
	{"in the order they came", "10 20 30", "123"},
	{"who has many lets others in between", "10 10 10 20 30", "11231"},
	{"those with many take turns", "10 10 10 10 20 20", "112121"},
	{"a repeat goes with what it repeats", "11 12 13 20 12", "11211"},
	{"who comes late is not behind all", "10 20 20 20 30", "12322"},
};

static void with_one_thread_owners_take_turns(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof turns / sizeof *turns; i++) {
		struct workers *workers = start(1, MANY, MANY);
		int n = (int)(strlen(turns[i].given) + 1) / 3;

		for (int j = 0; j < n; j++) {
			const char *text = turns[i].given + 3 * j;

			assert_int_equal(give(workers, text[0] - '0', (uint8_t)(text[1] - '0')),
					 WORKERS_ADMIT);
			wait_for(&gate.n_begun, 1);
		}
		set_open(true);
		wait_for(&gate.n_run, n);
		workers_destroy(workers);
		for (int j = 0; j < n; j++)
			if (gate.order[j] != turns[i].order[j] - '0')
				fail_msg("%s: number %d is of %d", turns[i].phrase, j,
					 (int)gate.order[j]);
	}
}

static void one_question_is_answered_once_at_a_time(void **state)
{
	struct workers *workers = start(4, MANY, 2);

	(void)state;
	for (int i = 0; i < 20; i++) /* more than an owner may, but one question */
		assert_int_equal(give(workers, 1, 7), WORKERS_ADMIT);
	wait_for(&gate.n_begun, 1);
	assert_int_equal(give(workers, 2, 8), WORKERS_ADMIT);
	wait_for(&gate.n_begun, 2);
	set_open(true);
	wait_for(&gate.n_run, 21);
	workers_destroy(workers);
	assert_int_equal(gate.order[0], 1);
	assert_int_equal(gate.order[1], 2);
	assert_true(gate.most_at_once <= 2);
}

static void who_waits_at_the_end_is_told(void **state)
{
	struct workers *workers = start(1, MANY, MANY);

	(void)state;
	for (int i = 0; i < MANY / 2; i++)
		assert_int_equal(give(workers, i % 5, 0), WORKERS_ADMIT);
	wait_for(&gate.n_begun, 1);
	set_open(true);
	workers_stop(workers);
	workers_stop(workers);
	assert_int_equal(gate.n_run, MANY / 2);
	assert_int_equal(give(workers, 1, 0), WORKERS_STOP);
	workers_destroy(workers);
	workers_destroy(NULL);
}

static void *give_many(void *arg)
{
	for (int i = 0; i < MANY / 4; i++)
		assert_int_equal(give(arg, i % 7, (uint8_t)(i % 3)), WORKERS_ADMIT);
	return NULL;
}

static void many_may_give_at_once(void **state)
{
	struct workers *workers = start(3, MANY, MANY);
	pthread_t threads[4];

	(void)state;
	set_open(true);
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, give_many, workers), 0);
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	wait_for(&gate.n_run, MANY);
	workers_destroy(workers);
	assert_true(gate.most_at_once <= 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_too_much_is_refused),
		cmocka_unit_test(who_has_none_running_goes_first),
		cmocka_unit_test(with_one_thread_owners_take_turns),
		cmocka_unit_test(one_question_is_answered_once_at_a_time),
		cmocka_unit_test(who_waits_at_the_end_is_told),
		cmocka_unit_test(many_may_give_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
