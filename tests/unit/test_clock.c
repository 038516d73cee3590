/* SPDX-License-Identifier: Apache-2.0 */
/* test_clock.c - the real clock, and the bent one of trainings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/clock.h"

/* The bend is read once per process: each case needs its own. Returns its exit status. */
static int run_bent(const char *value, int (*body)(void))
{
	pid_t child = fork();
	int status = 0;

	if (child == 0) {
		(void)close(STDERR_FILENO);
		/* NOLINTNEXTLINE(concurrency-mt-unsafe): the child has one thread */
		(void)setenv("NENGHAO_CLOCK", value, 1);
		_exit(body());
	}
	assert_true(child > 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int check_unbent(void)
{
	int64_t now = (int64_t)time(NULL) * 1000;

	if (clock_is_bent() || clock_utc_ms() < now - 2000 || clock_utc_ms() > now + 2000)
		return 10;
	return clock_real_ms(1500) == 1500 ? 0 : 11;
}

static int check_bent(void)
{
	int64_t mono, utc, at;

	if (!clock_is_bent())
		return 10;
	mono = clock_mono_ms();
	utc = clock_utc_ms();
	/* 60 times as fast since monotonic 0, with some room for a slow machine. */
	if (utc < 1764000000000 + mono * 60 || utc > 1764000000000 + (mono + 5000) * 60)
		return 11;
	if (clock_real_ms(60000) != 1000 || clock_real_ms(1) != 1 || clock_real_ms(0) != 0)
		return 12;
	at = clock_mono_of_utc(utc + 60000);
	return at >= mono + 999 && at <= mono + 6000 ? 0 : 13;
}

static void test_unbent(void **state)
{
	(void)state;
	assert_int_equal(run_bent("", check_unbent), 0);
}

static void test_bent(void **state)
{
	(void)state;
	assert_int_equal(run_bent("1764000000000@0x60", check_bent), 0);
}

static void test_malformed_bend_ends_the_process(void **state)
{
	static const char *const values[] = {"x",
					     "1764000000000",
					     "1764000000000@5",
					     "1764000000000@5x0",
					     "1764000000000@5x100001",
					     "1764000000000@5x60s",
					     "-1@5x60",
					     "1@1x1,",
					     "1@1x1,2",
					     "1@1x1;2@2x1"};

	(void)state;
	for (size_t i = 0; i < sizeof values / sizeof *values; i++)
		if (run_bent(values[i], check_unbent) != 2)
			fail_msg("%s", values[i]);
}

/* Wrong at first, then set right: the second bend holds from a second after the start on. */
static int check_a_clock_that_is_set(void)
{
	struct clock_watch watch = {.is_set = false};
	int64_t until_ms = clock_mono_ms() + 5000, jump_ms = 0;

	if (clock_is_trusted() || clock_watch_jump(&watch) != 0)
		return 10;
	while (jump_ms == 0 && clock_mono_ms() < until_ms)
		jump_ms = clock_watch_jump(&watch);
	/* From 1970 on: the rest is the monotonic time so far. */
	if (jump_ms > 1764000000000 || jump_ms < 1764000000000 - clock_mono_ms() - 60000)
		return 11;
	if (!clock_is_trusted() || clock_utc_ms() < 1764000000000)
		return 12;
	return clock_watch_jump(&watch) == 0 ? 0 : 13;
}

static void test_a_clock_that_is_set(void **state)
{
	char value[96];

	(void)state;
	(void)snprintf(value, sizeof value, "5000@0x1,1764000000000@%lldx1",
		       (long long)clock_mono_ms() + 1000);
	assert_int_equal(run_bent(value, check_a_clock_that_is_set), 0);
}

static int check_trust(void)
{
	return clock_is_trusted() ? 0 : 1;
}

static void test_a_clock_before_2024_is_not_trusted(void **state)
{
	(void)state;
	assert_int_equal(run_bent("0@0x1", check_trust), 1);
	assert_int_equal(run_bent("1704067200000@0x1", check_trust), 0);
}

static void test_monotonic_time(void **state)
{
	int64_t ms = clock_mono_ms(), us = clock_mono_us();

	(void)state;
	assert_true(us / 1000 >= ms && us / 1000 < ms + 5000);
	assert_true(clock_mono_us() >= us);
}

static void test_sleep(void **state)
{
	int64_t start = clock_mono_ms();

	(void)state;
	clock_sleep_until(start - 1000);
	clock_sleep_until(start + 30);
	assert_true(clock_mono_ms() >= start + 30);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unbent),
		cmocka_unit_test(test_bent),
		cmocka_unit_test(test_malformed_bend_ends_the_process),
		cmocka_unit_test(test_a_clock_that_is_set),
		cmocka_unit_test(test_a_clock_before_2024_is_not_trusted),
		cmocka_unit_test(test_monotonic_time),
		cmocka_unit_test(test_sleep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
