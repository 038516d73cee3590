/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/civil.h"
#include "server/rollup/spread.h"

#define H(n) ((int64_t)(n)*HOUR_MS)

/* Hour h of the week counts h + 1, in each of four weeks. */
static struct spread_profile rising(void)
{
	struct spread_profile profile = {{0}, {0}};

	for (int64_t hour = 0; hour < 4 * SPREAD_HOURS; hour++)
		spread_add(&profile, hour, 1000 * (hour % SPREAD_HOURS + 1));
	return profile;
}

struct share_case {
	const char *name;
	int64_t from_ms, to_ms, energy, at_ms, expected;
};

/* clang-format off */
static const struct share_case cases[] = {
	/* weights are rounded to a millionth of the largest hour's */
	{"hours 0 and 1 weigh 1 and 2", H(0), H(2), 300, H(1), 99},
	{"a quarter of an hour is even", H(0), H(1), 400, H(1) / 4, 100},
	{"the second half of hour 0, then 1", H(0) + H(1) / 2, H(2), 250, H(1), 49},
	{"weeks later it is the same hour", H(168 * 50), H(168 * 50 + 2), 300, H(168 * 50 + 1), 99},
	{"a whole week back and forth", H(10), H(178), 14196, H(168), 14141},
	{"before 1970", H(-168), H(-166), 300, H(-167), 99},
	{"at its start", H(3), H(5), 7, H(3), 0},
	{"at its end", H(3), H(5), 7, H(5), 7},
	{"the largest energy", H(0), H(168), INT64_MAX, H(168), INT64_MAX},
};
/* clang-format on */

static void test_shares(void **state)
{
	struct spread_profile profile = rising();

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const struct share_case *c = &cases[i];
		struct spread spread;
		int64_t got;

		assert_true(spread_init(&spread, &profile, c->from_ms, c->to_ms));
		got = spread_share(&spread, c->energy, (int64_t[]){c->from_ms, c->to_ms}, c->at_ms);
		if (got != c->expected)
			fail_msg("%s: %lld", c->name, (long long)got);
	}
}

static void test_evenly_where_nothing_is_known(void **state)
{
	struct spread_profile profile = {{0}, {0}}, zeros = {{0}, {0}};
	struct spread spread;

	(void)state;
	assert_false(spread_init(&spread, &profile, H(5), H(7)));
	spread_add(&profile, 5, 100);
	assert_false(spread_init(&spread, &profile, H(5), H(6) + 1));
	assert_true(spread_init(&spread, &profile, H(5), H(6)));
	assert_true(spread_init(&spread, &profile, H(5 + 168), H(6 + 168)));
	assert_false(spread_init(&spread, &profile, H(5), H(5 + 168)));
	spread_add(&zeros, 5, 0);
	spread_add(&zeros, 6, 0);
	assert_false(spread_init(&spread, &zeros, H(5), H(7)));
	spread_add(&zeros, 7, 4);
	assert_false(spread_init(&spread, &zeros, H(5), H(7)));
	assert_true(spread_init(&spread, &zeros, H(5), H(8)));
	assert_int_equal(spread_share(&spread, 9, (int64_t[]){H(5), H(8)}, H(7)), 0);
}

/* Any partition adds up to the whole, and no part is negative. */
static void test_parts_add_up(void **state)
{
	struct spread_profile profile = rising();
	uint32_t dice = 11;

	(void)state;
	for (int round = 0; round < 200; round++) {
		struct spread spread;
		int64_t span[2], energy, last = 0;

		dice = dice * 1664525 + 1013904223;
		span[0] = dice >> 3;
		span[1] = span[0] + 1 + (dice >> 7) * INT64_C(97);
		energy = (int64_t)(dice >> 2) * (round % 2 ? 1 : INT64_C(1000000));
		assert_true(spread_init(&spread, &profile, span[0], span[1]));
		for (int k = 1; k <= 50; k++) {
			int64_t at = span[0] + (span[1] - span[0]) / 50 * k;
			int64_t share = spread_share(&spread, energy, span, k == 50 ? span[1] : at);

			assert_true(share >= last && share <= energy);
			last = share;
		}
		assert_int_equal(last, energy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shares),
		cmocka_unit_test(test_evenly_where_nothing_is_known),
		cmocka_unit_test(test_parts_add_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
