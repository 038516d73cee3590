/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/rollup/rollup.h"

enum { MAX = 4 };

struct rollup_case {
	const char *name;
	size_t n;
	struct interval intervals[MAX];
	int64_t from_ms, to_ms;
	struct amount expected;
};

/* clang-format off */
#define CLOSE(from, to, energy) {(from), (to), (energy), INTERVAL_CLOSE, CAUSE_NONE, NULL}
#define GAP(from, to, energy) {(from), (to), (energy), INTERVAL_GAP, CAUSE_NONE, NULL}
#define HOLE(from, to) {(from), (to), 0, INTERVAL_HOLE, CAUSE_DROP, NULL}

static const struct rollup_case cases[] = {
	{"nothing is not zero", 0, {{0}}, 0, 100, {false, 0, 0, 0, 0}},
	{"a hole is nothing", 1, {HOLE(0, 100)}, 0, 100, {false, 0, 0, 0, 0}},
	{"no consumption is a known zero", 1, {CLOSE(0, 100, 0)}, 0, 100, {true, 0, 0, 100, 100}},
	{"close across a border is interpolated, not estimated", 1, {CLOSE(50, 150, 10)}, 0, 100, {true, 5, 0, 50, 50}},
	{"a gap inside is exact", 1, {GAP(10, 90, 7)}, 0, 100, {true, 7, 0, 0, 80}},
	{"a gap that ends at the border is exact", 1, {GAP(10, 100, 7)}, 0, 100, {true, 7, 0, 0, 90}},
	{"a gap across the border is estimated", 1, {GAP(50, 150, 10)}, 0, 100, {true, 5, 5, 0, 50}},
	{"only what crosses is estimated", 2, {GAP(-50, 50, 10), GAP(50, 100, 4)}, 0, 100, {true, 9, 5, 0, 100}},
	{"a gap over both borders", 1, {GAP(-100, 200, 9)}, 0, 100, {true, 3, 3, 0, 100}},
	{"shares round down", 1, {CLOSE(0, 3, 2)}, 0, 1, {true, 0, 0, 1, 1}},
	{"and the rest is in the next", 1, {CLOSE(0, 3, 2)}, 1, 3, {true, 2, 0, 2, 2}},
	{"close, hole, gap", 3, {CLOSE(0, 20, 4), HOLE(20, 50), GAP(50, 120, 7)}, 0, 100, {true, 9, 5, 20, 70}},
	{"large energies", 1, {CLOSE(0, INT64_C(4000000000000), INT64_MAX)}, 0, INT64_C(2000000000000),
	 {true, INT64_MAX / 2, 0, INT64_C(2000000000000), INT64_C(2000000000000)}},
	{"before and after do not count", 2, {CLOSE(-10, 0, 5), CLOSE(100, 110, 5)}, 0, 100, {false, 0, 0, 0, 0}},
};
/* clang-format on */

static void check_amount(const char *name, const struct amount *got, const struct amount *expected)
{
	if (got->is_known != expected->is_known || got->value != expected->value ||
	    got->estimated != expected->estimated || got->covered_ms != expected->covered_ms ||
	    got->closed_ms != expected->closed_ms)
		fail_msg("%s: known %d value %lld estimated %lld covered %lld closed %lld", name,
			 got->is_known, (long long)got->value, (long long)got->estimated,
			 (long long)got->covered_ms, (long long)got->closed_ms);
}

static void test_periods(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const struct rollup_case *c = &cases[i];
		struct amount got = rollup_period(c->intervals, c->n, c->from_ms, c->to_ms), one;

		check_amount(c->name, &got, &c->expected);
		rollup_periods(c->intervals, c->n, c->from_ms, c->to_ms - c->from_ms, &one, 1);
		check_amount(c->name, &one, &c->expected);
	}
}

/* Whatever the partition, its parts add up to the whole, and all at once is the same as one by one.
 */
static void test_parts_add_up(void **state)
{
	struct interval intervals[50];
	int64_t t = 0, whole = 0;
	uint32_t random = 7;

	(void)state;
	for (size_t i = 0; i < 50; i++) {
		random = random * 1664525 + 1013904223;
		int64_t length = 1 + (random >> 8) % 1000;

		intervals[i] = (struct interval){.from_ms = t,
						 .to_ms = t + length,
						 .energy = (random >> 4) % 100000,
						 .kind = (enum interval_kind)(random % 2)};
		whole += intervals[i].energy;
		t += length;
	}
	for (int64_t step = 1; step < 3000; step = step * 2 + 1) {
		struct amount parts[60000];
		size_t n = (size_t)(t / step + 1);
		int64_t sum = 0;

		rollup_periods(intervals, 50, 0, step, parts, n);
		for (size_t k = 0; k < n; k++) {
			struct amount one = rollup_period(intervals, 50, (int64_t)k * step,
							  (int64_t)(k + 1) * step);

			check_amount("one by one", &parts[k], &one);
			sum += parts[k].value;
		}
		assert_int_equal(sum, whole);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_periods),
		cmocka_unit_test(test_parts_add_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
