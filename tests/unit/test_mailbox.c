/* SPDX-License-Identifier: Apache-2.0 */
/* test_mailbox.c - a bounded queue between threads loses nothing and wakes who waits. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/mailbox.h"

enum { CAPACITY = 4, PRODUCERS = 3, ITEMS = 5000, LONG_MS = 20000 };

static int numbers[ITEMS];
static int n_dropped;

static void count_dropped(void *item)
{
	(void)item;
	n_dropped++;
}

static void test_first_in_first_out(void **state)
{
	struct mailbox *box = mailbox_create(CAPACITY);

	(void)state;
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 3; i++)
			assert_true(mailbox_try_put(box, &numbers[i]));
		assert_int_equal(mailbox_count(box), 3);
		for (int i = 0; i < 3; i++)
			assert_ptr_equal(mailbox_take(box, 0), &numbers[i]);
	}
	assert_null(mailbox_take(box, 0));
	mailbox_destroy(box, NULL);
}

static void test_full_keeps_the_item_out(void **state)
{
	struct mailbox *box = mailbox_create(CAPACITY);

	(void)state;
	for (int i = 0; i < CAPACITY; i++)
		assert_true(mailbox_try_put(box, &numbers[i]));
	assert_false(mailbox_try_put(box, &numbers[9]));
	assert_false(mailbox_put(box, &numbers[9], clock_mono_ms() + 20));
	assert_ptr_equal(mailbox_take(box, 0), &numbers[0]);
	assert_true(mailbox_try_put(box, &numbers[9]));
	n_dropped = 0;
	mailbox_destroy(box, count_dropped);
	assert_int_equal(n_dropped, CAPACITY);
}

static void test_take_waits_until_its_time(void **state)
{
	struct mailbox *box = mailbox_create(CAPACITY);
	int64_t start = clock_mono_ms();

	(void)state;
	assert_null(mailbox_take(box, start + 30));
	assert_true(clock_mono_ms() >= start + 30);
	mailbox_destroy(box, NULL);
	mailbox_destroy(NULL, NULL);
}

static void test_closed_gives_the_rest(void **state)
{
	struct mailbox *box = mailbox_create(CAPACITY);

	(void)state;
	assert_true(mailbox_try_put(box, &numbers[0]));
	assert_false(mailbox_is_closed(box));
	mailbox_close(box);
	assert_true(mailbox_is_closed(box));
	assert_false(mailbox_put(box, &numbers[1], clock_mono_ms() + LONG_MS));
	assert_ptr_equal(mailbox_take(box, clock_mono_ms() + LONG_MS), &numbers[0]);
	assert_null(mailbox_take(box, clock_mono_ms() + LONG_MS));
	mailbox_destroy(box, NULL);
}

static void test_wake_before_take(void **state)
{
	struct mailbox *box = mailbox_create(CAPACITY);
	int64_t start = clock_mono_ms();

	(void)state;
	mailbox_wake(box);
	assert_null(mailbox_take(box, start + LONG_MS));
	assert_true(clock_mono_ms() < start + LONG_MS);
	mailbox_destroy(box, NULL);
}

/* Takes one item or gives up after a long time. */
static void *take_one(void *arg)
{
	return mailbox_take(arg, clock_mono_ms() + LONG_MS);
}

static void *put_one(void *arg)
{
	return mailbox_put(arg, &numbers[7], clock_mono_ms() + LONG_MS) ? &numbers[7] : NULL;
}

static void *result_of(pthread_t thread)
{
	void *result = NULL;

	assert_int_equal(pthread_join(thread, &result), 0);
	return result;
}

static void test_who_waits_is_woken(void **state)
{
	struct mailbox *box = mailbox_create(1);
	int64_t start = clock_mono_ms();
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, take_one, box), 0);
	assert_true(mailbox_put(box, &numbers[3], start + LONG_MS));
	assert_ptr_equal(result_of(thread), &numbers[3]);

	assert_true(mailbox_try_put(box, &numbers[4]));
	assert_int_equal(pthread_create(&thread, NULL, put_one, box), 0);
	assert_ptr_equal(mailbox_take(box, start + LONG_MS), &numbers[4]);
	assert_ptr_equal(result_of(thread), &numbers[7]);
	assert_ptr_equal(mailbox_take(box, 0), &numbers[7]);

	assert_int_equal(pthread_create(&thread, NULL, take_one, box), 0);
	mailbox_close(box);
	assert_null(result_of(thread));
	assert_true(clock_mono_ms() < start + LONG_MS);
	mailbox_destroy(box, NULL);
}

static void *produce(void *arg)
{
	for (int i = 0; i < ITEMS; i++)
		if (!mailbox_put(arg, &numbers[i], clock_mono_ms() + LONG_MS))
			return NULL;
	return arg;
}

static void test_many_producers_lose_nothing(void **state)
{
	struct mailbox *box = mailbox_create(CAPACITY);
	pthread_t threads[PRODUCERS];
	int64_t sum = 0;

	(void)state;
	for (int i = 0; i < PRODUCERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, produce, box), 0);
	for (int i = 0; i < PRODUCERS * ITEMS; i++) {
		int *number = mailbox_take(box, clock_mono_ms() + LONG_MS);

		assert_non_null(number);
		sum += number - numbers;
	}
	for (int i = 0; i < PRODUCERS; i++)
		assert_ptr_equal(result_of(threads[i]), box);
	assert_true(sum == (int64_t)PRODUCERS * ITEMS * (ITEMS - 1) / 2);
	assert_int_equal(mailbox_count(box), 0);
	mailbox_destroy(box, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first_in_first_out),
		cmocka_unit_test(test_full_keeps_the_item_out),
		cmocka_unit_test(test_take_waits_until_its_time),
		cmocka_unit_test(test_closed_gives_the_rest),
		cmocka_unit_test(test_wake_before_take),
		cmocka_unit_test(test_who_waits_is_woken),
		cmocka_unit_test(test_many_producers_lose_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
