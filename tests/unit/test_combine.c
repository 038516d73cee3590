/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/savings/combine.h"

/* Meter 1 is below meter 0, meter 2 is beside them. */
static struct registry_meter meters[] = {
	{.parent = REGISTRY_NONE}, {.parent = 0}, {.parent = REGISTRY_NONE}};
static const struct registry registry = {.meters = meters, .n_meters = 3};

enum { WHOLE = -1, MAX = 4, ALWAYS = 0, EARLY, LATE };
static const struct span reporting[] = {
	[ALWAYS] = {100, DAY_OPEN}, [EARLY] = {100, 200}, [LATE] = {200, DAY_OPEN}};

struct one {
	uint32_t institution;
	int meter, when;
	enum carrier carrier;
	bool is_certifiable;
	int64_t saved;
	double band;
};

/* clang-format off */
static const struct combine_case {
	const char *phrase;
	size_t n;
	struct one ones[MAX];
	bool counted[MAX];
	int64_t saved;
	double band;
	size_t institutions;
} cases[] = {
	{"two institutions: bands by squares", 2,
	 {{1, WHOLE, ALWAYS, CARRIER_ELECTRICITY, true, 100, 3}, {2, WHOLE, ALWAYS, CARRIER_ELECTRICITY, true, 50, 4}},
	 {true, true}, 150, 5, 2},
	{"what is refused is no saving", 2,
	 {{1, WHOLE, ALWAYS, CARRIER_ELECTRICITY, true, 100, 3}, {2, WHOLE, ALWAYS, CARRIER_ELECTRICITY, false, 50, 4}},
	 {true, false}, 100, 3, 1},
	{"more use is a negative saving", 2,
	 {{1, WHOLE, ALWAYS, CARRIER_ELECTRICITY, true, 100, 3}, {2, WHOLE, ALWAYS, CARRIER_ELECTRICITY, true, -150, 4}},
	 {true, true}, -50, 5, 2},
	{"a meter's saving is in its institution's", 2,
	 {{1, 1, ALWAYS, CARRIER_ELECTRICITY, true, 30, 3}, {1, WHOLE, ALWAYS, CARRIER_ELECTRICITY, true, 100, 4}},
	 {false, true}, 100, 4, 1},
	{"in a refused one it is not", 2,
	 {{1, 1, ALWAYS, CARRIER_ELECTRICITY, true, 30, 3}, {1, WHOLE, ALWAYS, CARRIER_ELECTRICITY, false, 100, 4}},
	 {true, false}, 30, 3, 1},
	{"in the meter above it", 3,
	 {{1, 1, ALWAYS, CARRIER_ELECTRICITY, true, 30, 3}, {1, 0, ALWAYS, CARRIER_ELECTRICITY, true, 60, 6}, {1, 2, ALWAYS, CARRIER_ELECTRICITY, true, 20, 8}},
	 {false, true, true}, 80, 10, 1},
	{"of two for the same the first", 2,
	 {{1, WHOLE, ALWAYS, CARRIER_ELECTRICITY, true, 30, 3}, {1, WHOLE, LATE, CARRIER_ELECTRICITY, true, 60, 6}},
	 {true, false}, 30, 3, 1},
	{"one after the other", 2,
	 {{1, WHOLE, EARLY, CARRIER_ELECTRICITY, true, 30, 3}, {1, WHOLE, LATE, CARRIER_ELECTRICITY, true, 60, 4}},
	 {true, true}, 90, 5, 1},
	{"another carrier stands apart", 2,
	 {{1, WHOLE, ALWAYS, CARRIER_HEAT, true, 30, 3}, {1, WHOLE, ALWAYS, CARRIER_ELECTRICITY, true, 60, 6}},
	 {true, true}, 60, 6, 1},
	{"an unknown band makes the sum's unknown", 2,
	 {{1, WHOLE, ALWAYS, CARRIER_ELECTRICITY, true, 100, 3}, {2, WHOLE, ALWAYS, CARRIER_ELECTRICITY, true, 50, NAN}},
	 {true, true}, 150, NAN, 2},
	{"nothing", 0, {{0}}, {false}, 0, 0, 0},
};
/* clang-format on */

static void sums_count_nothing_twice(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const struct combine_case *c = &cases[i];
		struct registry_baseline baselines[MAX] = {0};
		struct combine_entry entries[MAX] = {0};

		for (size_t k = 0; k < c->n; k++) {
			const struct one *one = &c->ones[k];

			baselines[k].institution = one->institution;
			baselines[k].carrier = one->carrier;
			baselines[k].reporting = reporting[one->when];
			baselines[k].meter =
				one->meter == WHOLE ? REGISTRY_NONE : (uint32_t)one->meter;
			entries[k].baseline = &baselines[k];
			entries[k].is_certifiable = one->is_certifiable;
			entries[k].sum = (struct savings_sum){
				.n_used = 1, .saved = one->saved, .band = one->band};
		}
		combine_choose(&registry, entries, c->n);
		struct combine_total total = combine_carrier(entries, c->n, CARRIER_ELECTRICITY);

		for (size_t k = 0; k < c->n; k++)
			if (entries[k].is_counted != c->counted[k])
				fail_msg("%s: entry %zu", c->phrase, k);
		if (total.sum.saved != c->saved || total.n_institutions != c->institutions)
			fail_msg("%s: %lld of %zu", c->phrase, (long long)total.sum.saved,
				 total.n_institutions);
		if (isnan(c->band) ? !isnan(total.sum.band)
				   : fabs(total.sum.band - c->band) > 1e-12)
			fail_msg("%s: band %g", c->phrase, total.sum.band);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sums_count_nothing_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
