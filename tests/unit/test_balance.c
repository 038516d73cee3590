/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/rollup/balance.h"

#define KWH    1000000LL
#define PARENT BALANCE_PARENT
#define NONE            \
	{               \
		0, 1, 1 \
	}

struct balance_case {
	const char *name;
	struct balance_meter parent;
	size_t n;
	struct balance_meter subs[3];
	enum balance_verdict verdict;
	size_t meter;
	int64_t factor;
	bool is_too_low;
	struct balance_meter fed;
};

/* clang-format off */
static const struct balance_case cases[] = {
	{"a usual rest", {1000 * KWH, 40, 1}, 2, {{500 * KWH, 20, 1}, {300 * KWH, 20, 1}}, BALANCE_FITS, 0, 0, false, NONE},
	{"a rest of most of it", {1000 * KWH, 40, 1}, 1, {{70 * KWH, 1, 1}}, BALANCE_FITS, 0, 0, false, NONE},
	{"class 1 meters that disagree by 1 %", {1000 * KWH, 40, 1}, 1, {{1010 * KWH, 1, 1}}, BALANCE_FITS, 0, 0, false, NONE},
	{"a whole number of kWh at night", {4 * KWH, 1, 1}, 2, {{3 * KWH, 1, 1}, {2 * KWH, 1, 1}}, BALANCE_FITS, 0, 0, false, NONE},
	{"nothing is used", {0, 1, 1}, 1, {{0, 1, 1}}, BALANCE_FITS, 0, 0, false, NONE},
	{"no subs", {5 * KWH, 1, 1}, 0, {{0}}, BALANCE_FITS, 0, 0, false, NONE},
	/* 120 x 40 = 4800 */
	{"the parent's 200/5 is forgotten", {120 * KWH, 1, 1}, 2, {{2700 * KWH, 20, 1}, {2000 * KWH, 20, 1}}, BALANCE_SUSPECT, PARENT, 40, true, NONE},
	{"the parent is short by ten", {120 * KWH, 4, 1}, 1, {{1100 * KWH, 1, 1}}, BALANCE_SUSPECT, PARENT, 10, true, NONE},
	{"a sub's ratio of 30 is applied twice", {1000 * KWH, 40, 1}, 2, {{500 * KWH, 20, 1}, {12000 * KWH, 30, 1}}, BALANCE_SUSPECT, 1, 30, false, NONE},
	{"a sub counts a hundredfold", {1000 * KWH, 40, 1}, 2, {{500 * KWH, 20, 1}, {45000 * KWH, 20, 1}}, BALANCE_SUSPECT, 1, 100, false, NONE},
	{"a sub without ratio lacks ten", {1000 * KWH, 40, 1}, 2, {{500 * KWH, 20, 1}, {50 * KWH, 1, 1}}, BALANCE_SUSPECT, 1, 10, true, NONE},
	{"a sub with a ratio may be small", {1000 * KWH, 40, 1}, 2, {{500 * KWH, 20, 1}, {50 * KWH, 2, 1}}, BALANCE_FITS, 0, 0, false, NONE},
	{"too much by a third: wiring, not a ratio", {1000 * KWH, 40, 1}, 2, {{700 * KWH, 20, 1}, {650 * KWH, 30, 1}}, BALANCE_NEGATIVE, 0, 0, false, NONE},
	{"the parent stands still", {0, 40, 1}, 1, {{50 * KWH, 1, 1}}, BALANCE_NEGATIVE, 0, 0, false, NONE},
	{"a formula's negative part", {10 * KWH, 1, 1}, 1, {{-5 * KWH, 1, 1}}, BALANCE_FITS, 0, 0, false, NONE},
	{"numbers near the end of 64 bits", {INT64_MAX / 2, 2, 1}, 2, {{INT64_MAX / 2, 2, 1}, {INT64_MAX / 3, 2, 1}}, BALANCE_NEGATIVE, 0, 0, false, NONE},
	{"own generation is above as well", {100 * KWH, 40, 1}, 1, {{400 * KWH, 1, 1}}, BALANCE_FITS, 0, 0, false, {350 * KWH, 1, 1}},
	{"the parent's 200/5 is forgotten beside own generation", {20 * KWH, 1, 1}, 1, {{1050 * KWH, 1, 1}}, BALANCE_SUSPECT, PARENT, 40, true, {300 * KWH, 1, 1}},
	{"generation lacks its 200/5", {100 * KWH, 40, 1}, 1, {{450 * KWH, 4, 1}}, BALANCE_SUSPECT, BALANCE_FED, 40, true, {10 * KWH, 1, 1}},
	{"of several generators none", {100 * KWH, 40, 1}, 1, {{450 * KWH, 4, 1}}, BALANCE_NEGATIVE, 0, 0, false, {10 * KWH, 0, 0}},
	{"more export than generation", {500 * KWH, 40, 1}, 1, {{450 * KWH, 4, 1}}, BALANCE_NEGATIVE, 0, 0, false, {-100 * KWH, 0, 0}},
	{"a sub's ratio of 30 beside own generation", {400 * KWH, 40, 1}, 2, {{500 * KWH, 20, 1}, {12000 * KWH, 30, 1}}, BALANCE_SUSPECT, 1, 30, false, {600 * KWH, 1, 1}},
};
/* clang-format on */

static void balances_are_judged(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const struct balance_case *c = &cases[i];
		struct balance got = balance_judge(c->parent, c->fed, c->subs, c->n);

		if (got.verdict != c->verdict || got.meter != c->meter || got.factor != c->factor ||
		    got.is_too_low != c->is_too_low)
			fail_msg("%s: verdict %d meter %zu factor %lld low %d", c->name,
				 (int)got.verdict, got.meter, (long long)got.factor,
				 got.is_too_low);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(balances_are_judged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
