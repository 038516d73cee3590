/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "server/ingest/group.h"

/* clang-format off */
static const struct {
	const char *phrase;
	size_t n;
	uint32_t keys[6], order[6];
} groups[] = {
	{ "nothing", 0, {0}, {0} },
	{ "one", 1, {7}, {0} },
	{ "equal keys keep their order", 4, {5, 5, 5, 5}, {0, 1, 2, 3} },
	{ "keys ascend, equal ones keep their order", 6, {2, 1, 2, 1, 2, 1}, {1, 3, 5, 0, 2, 4} },
	{ "keys that differ in all bits", 4, {UINT32_MAX, 0, 1U << 11, 1U << 22}, {1, 2, 3, 0} },
};
/* clang-format on */

static void groups_by_key(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof groups / sizeof *groups; i++) {
		uint32_t order[6], scratch[6];

		group_by_key(groups[i].keys, groups[i].n, order, scratch);
		for (size_t k = 0; k < groups[i].n; k++)
			if (order[k] != groups[i].order[k])
				fail_msg("%s: place %zu", groups[i].phrase, k);
	}
}

static void is_a_stable_sort_of_random_keys(void **state)
{
	enum { N = 3000 };
	static uint32_t keys[N], order[N], scratch[N];
	unsigned seed = 1;

	(void)state;
	for (int round = 0; round < 20; round++) {
		for (int i = 0; i < N; i++)
			keys[i] = (uint32_t)rand_r(&seed) * 3 % (round < 10 ? 50 : UINT32_MAX);
		group_by_key(keys, N, order, scratch);
		for (int i = 1; i < N; i++)
			assert_true(
				keys[order[i - 1]] < keys[order[i]] ||
				(keys[order[i - 1]] == keys[order[i]] && order[i - 1] < order[i]));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(groups_by_key),
		cmocka_unit_test(is_a_stable_sort_of_random_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
