/* SPDX-License-Identifier: Apache-2.0 */
#include "server/rollup/touched.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>

#include <cmocka.h>

enum { MONTHS = 12, CHANGES = 40, ROUNDS = 200 };

static void what_a_later_change_covers_is_not_kept(void **state)
{
	struct touched touched = {0};

	(void)state;
	assert_int_equal(touched_change(&touched, 100), 0);
	touched_add(&touched, 100, 5);
	touched_add(&touched, 50, 3);
	assert_int_equal(touched.n, 2);
	assert_int_equal(touched_change(&touched, 49), 0);
	assert_int_equal(touched_change(&touched, 50), 3);
	assert_int_equal(touched_change(&touched, 99), 3);
	assert_int_equal(touched_change(&touched, 100), 5);
	touched_add(&touched, 60, 4);
	assert_int_equal(touched.n, 3);
	touched_add(&touched, TOUCHED_ALL, 6);
	assert_int_equal(touched.n, 1);
	assert_int_equal(touched_change(&touched, TOUCHED_ALL), 6);
	touched_fini(&touched);
}

/* Whatever the order in which changes become known. */
static void it_equals_the_newest_of_all_that_reach_a_month(void **state)
{
	(void)state;
	srandom(1);
	for (int round = 0; round < ROUNDS; round++) {
		struct touched touched = {0};
		int64_t newest[MONTHS] = {0};

		for (int i = 0; i < CHANGES; i++) {
			int month = (int)(random() % MONTHS);
			int64_t change = 1 + random() % CHANGES;

			touched_add(&touched, month, change);
			for (int m = month; m < MONTHS; m++)
				newest[m] = change > newest[m] ? change : newest[m];
			for (int m = 0; m < MONTHS; m++)
				assert_int_equal(touched_change(&touched, m), newest[m]);
		}
		assert_true(touched.n <= MONTHS);
		touched_fini(&touched);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_later_change_covers_is_not_kept),
		cmocka_unit_test(it_equals_the_newest_of_all_that_reach_a_month),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
