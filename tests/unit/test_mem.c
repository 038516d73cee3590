/* SPDX-License-Identifier: Apache-2.0 */
/* test_mem.c - allocation that cannot fail, and arenas. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/mem.h"

static void test_memory_is_zeroed(void **state)
{
	static const char zeros[64];
	char *p = xcalloc(4, 16);

	(void)state;
	assert_memory_equal(p, zeros, sizeof zeros);
	free(p);
	p = xcalloc(0, 0);
	assert_non_null(p);
	free(p);
}

/* Runs in a child whose standard error is closed; tells how it ended. */
static int signal_of(void (*body)(void))
{
	pid_t child = fork();
	int status = 0;

	if (child == 0) {
		(void)close(STDERR_FILENO);
		body();
		_exit(0);
	}
	assert_true(child > 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void ask_for_too_much(void)
{
	free(xrealloc(NULL, SIZE_MAX / 2, 4));
}

static void test_overflow_ends_the_process(void **state)
{
	(void)state;
	assert_int_equal(signal_of(ask_for_too_much), SIGABRT);
}

static void test_texts(void **state)
{
	char *a = xstrdup("meter");
	char *b = xstrndup("meter-17", 5);
	char *c = xasprintf("%s-%d", "meter", 17);
	char *d = xstrdup("");

	(void)state;
	assert_string_equal(a, "meter");
	assert_string_equal(b, "meter");
	assert_string_equal(c, "meter-17");
	assert_string_equal(d, "");
	free(a);
	free(b);
	free(c);
	free(d);
}

static void test_grow_keeps_items(void **state)
{
	size_t cap = 0;
	int *items = NULL;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		items = grow(items, (size_t)i, &cap, sizeof *items);
		assert_true(cap > (size_t)i);
		items[i] = i;
	}
	for (int i = 0; i < 1000; i++)
		assert_int_equal(items[i], i);
	free(items);
}

static void test_arena(void **state)
{
	struct arena *arena = arena_create();
	char *texts[2000];
	char *large;

	(void)state;
	for (int i = 0; i < 2000; i++) {
		uint64_t *number = arena_alloc(arena, sizeof *number);
		char digits[16] = {(char)('a' + i % 26)};

		assert_int_equal((uintptr_t)number % 16, 0);
		assert_true(*number == 0);
		*number = UINT64_MAX;
		texts[i] = arena_strndup(arena, digits, 1);
	}
	large = arena_alloc(arena, 1000000);
	assert_int_equal(large[999999], 0);
	memset(large, 'x', 1000000);
	for (int i = 0; i < 2000; i++)
		assert_true(texts[i][0] == 'a' + i % 26 && texts[i][1] == '\0');
	assert_true(arena_size(arena) >= 1000000 + 2000 * 32);
	assert_true(arena_size(arena) < 2000000);
	arena_destroy(arena);
	arena_destroy(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memory_is_zeroed),
		cmocka_unit_test(test_overflow_ends_the_process),
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_grow_keeps_items),
		cmocka_unit_test(test_arena),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
