/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/plan/plan.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

enum { SPANS_MAX = 8 };

static const struct plan_cost line_9600 = {23000, 2084}, network = {5000, 1};

struct plan_case {
	const char *name;
	struct plan_rules rules;
	const struct plan_cost *cost;
	size_t n_wanted, n_reads;
	struct plan_span wanted[SPANS_MAX], reads[SPANS_MAX];
};

static const struct plan_range all[] = {{3, 0, 65535}, {4, 0, 65535}};
static const struct plan_range pieces[] = {{3, 0, 5}, {3, 10, 20}};
#define EVERYWHERE .readable = all, .n_readable = 2

/* clang-format off */
static const struct plan_case plan_cases[] = {
	{"nothing wanted, nothing read", {125, false, EVERYWHERE}, &line_9600, 0, 0, {{0}}, {{0}}},
	{"one span is one read", {125, false, EVERYWHERE}, &line_9600, 1, 1,
		{{4, false, 52, 2}}, {{4, false, 52, 2}}},
	{"neighbours share a read, whatever their order", {125, false, EVERYWHERE}, &line_9600, 3, 1,
		{{4, false, 4, 2}, {4, false, 0, 2}, {4, false, 2, 2}}, {{4, false, 0, 6}}},
	{"a hole of eleven registers is cheaper to read at 9600 baud", {125, false, EVERYWHERE}, &line_9600, 2, 1,
		{{4, false, 0, 2}, {4, false, 13, 2}}, {{4, false, 0, 15}}},
	{"a hole of twelve registers costs more than a request at 9600 baud", {125, false, EVERYWHERE}, &line_9600, 2, 2,
		{{4, false, 0, 2}, {4, false, 14, 2}}, {{4, false, 0, 2}, {4, false, 14, 2}}},
	{"on a network any hole within the limit is bridged", {125, false, EVERYWHERE}, &network, 2, 1,
		{{4, false, 0, 2}, {4, false, 123, 2}}, {{4, false, 0, 125}}},
	{"no read is longer than the meter allows", {124, false, EVERYWHERE}, &network, 2, 2,
		{{4, false, 0, 2}, {4, false, 123, 2}}, {{4, false, 0, 2}, {4, false, 123, 2}}},
	{"functions are never mixed", {125, false, EVERYWHERE}, &network, 2, 2,
		{{4, false, 0, 2}, {3, false, 2, 2}}, {{3, false, 2, 2}, {4, false, 0, 2}}},
	{"a hole is only bridged where it is readable", {125, false, pieces, 2}, &network, 3, 2,
		{{3, false, 0, 1}, {3, false, 5, 1}, {3, false, 10, 1}}, {{3, false, 0, 6}, {3, false, 10, 1}}},
	{"a span outside of what is known to be readable stands alone", {125, false, pieces, 2}, &network, 2, 2,
		{{3, false, 5, 1}, {3, false, 6, 1}}, {{3, false, 5, 1}, {3, false, 6, 1}}},
	{"even meters get even addresses and counts", {125, true, EVERYWHERE}, &network, 1, 1,
		{{4, false, 3, 2}}, {{4, false, 2, 4}}},
	{"what lies inside another span costs nothing", {125, false, EVERYWHERE}, &line_9600, 3, 1,
		{{3, false, 2, 5}, {3, false, 3, 1}, {3, false, 2, 5}}, {{3, false, 2, 5}}},
	{"overlapping spans share a read", {125, false, EVERYWHERE}, &line_9600, 2, 1,
		{{3, false, 2, 21}, {3, false, 4, 21}}, {{3, false, 2, 23}}},
	{"a span that wants to be alone is", {125, false, EVERYWHERE}, &network, 3, 2,
		{{4, false, 10, 2}, {4, true, 11, 1}, {4, false, 12, 2}}, {{4, false, 10, 4}, {4, false, 11, 1}}},
	{"the last register can be read", {125, false, EVERYWHERE}, &network, 2, 1,
		{{3, false, 65535, 1}, {3, false, 65530, 1}}, {{3, false, 65530, 6}}},
	/* Greedy would take 0-9 and then has to pay for 10 alone: the split in the middle is better. */
	{"the split is where the hole is", {10, false, EVERYWHERE}, &line_9600, 3, 2,
		{{4, false, 0, 2}, {4, false, 7, 2}, {4, false, 9, 2}}, {{4, false, 0, 2}, {4, false, 7, 4}}},
};
/* clang-format on */

static void reads_are_as_planned(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof plan_cases / sizeof *plan_cases; i++) {
		const struct plan_case *c = &plan_cases[i];
		struct plan_span reads[SPANS_MAX];
		size_t n = plan_reads(c->wanted, c->n_wanted, &c->rules, *c->cost, reads);

		if (n != c->n_reads || memcmp(reads, c->reads, n * sizeof *reads) != 0)
			fail_msg("%s: %zu reads, first %d+%d", c->name, n,
				 n ? reads[0].address : -1, n ? reads[0].count : -1);
	}
}

/* ---- against brute force ---- */

static uint64_t seed = 20261124;

static uint32_t pick(uint32_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 33) % below;
}

static bool is_readable(const struct plan_rules *rules, uint8_t function, uint32_t first,
			uint32_t last)
{
	for (size_t i = 0; i < rules->n_readable; i++)
		if (rules->readable[i].function == function && rules->readable[i].first <= first &&
		    rules->readable[i].last >= last)
			return true;
	return false;
}

/* What the groups cost; -1 if a group breaks the rules. */
static int64_t price(const struct plan_span *spans, size_t n, const int *group, int n_groups,
		     const struct plan_rules *rules, struct plan_cost cost)
{
	int64_t us = 0;

	for (int g = 0; g < n_groups; g++) {
		uint32_t first = UINT32_MAX, end = 0, members = 0, longest = 0;
		uint8_t function = 0;

		for (size_t i = 0; i < n; i++) {
			if (group[i] != g)
				continue;
			if (members++ > 0 && spans[i].function != function)
				return -1;
			function = spans[i].function;
			if (spans[i].count > longest)
				longest = spans[i].count;
			if (spans[i].address < first)
				first = spans[i].address;
			if ((uint32_t)spans[i].address + spans[i].count > end)
				end = (uint32_t)spans[i].address + spans[i].count;
		}
		if (end - first == longest)
			members = 1; /* one of them covers the others */
		if (rules->is_even) {
			first &= ~1U;
			end += end & 1U;
		}
		if (end - first > rules->max_registers)
			return -1;
		if (members > 1 && !is_readable(rules, function, first, end - 1))
			return -1;
		us += cost.request_us + cost.register_us * (end - first);
	}
	return us;
}

struct search {
	const struct plan_span *spans;
	size_t n;
	const struct plan_rules *rules;
	struct plan_cost cost;
	int group[6];
	int64_t best;
};

/* All ways to put n spans into groups, neighbours or not. */
static void try_all(struct search *s, size_t i, int n_groups)
{
	if (i == s->n) {
		int64_t us = price(s->spans, s->n, s->group, n_groups, s->rules, s->cost);

		if (us >= 0 && (s->best < 0 || us < s->best))
			s->best = us;
		return;
	}
	for (int g = 0; g <= n_groups; g++) {
		s->group[i] = g;
		try_all(s, i + 1, g == n_groups ? n_groups + 1 : n_groups);
	}
}

static bool is_inside(const struct plan_span *span, const struct plan_span *reads, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (reads[i].function == span->function && reads[i].address <= span->address &&
		    (uint32_t)reads[i].address + reads[i].count >=
			    (uint32_t)span->address + span->count)
			return true;
	return false;
}

static void no_grouping_costs_less(void **state)
{
	(void)state;
	for (int round = 0; round < 60000; round++) {
		struct plan_range readable[12];
		struct plan_span wanted[6], reads[6];
		struct plan_cost cost = {1 + pick(20), 1 + pick(3)};
		struct plan_rules rules = {(uint16_t)(6 + pick(12)), pick(4) == 0, readable, 0};
		size_t n = 1 + pick(6), n_reads, n_readable = 0;
		struct search search = {wanted, n, &rules, cost, {0}, -1};

		for (size_t i = 0; i < n; i++) {
			wanted[i] = (struct plan_span){(uint8_t)(3 + (pick(5) == 0)), false,
						       (uint16_t)pick(30), (uint16_t)(1 + pick(4))};
			readable[n_readable++] = (struct plan_range){
				wanted[i].function, wanted[i].address,
				(uint16_t)(wanted[i].address + wanted[i].count - 1)};
		}
		for (uint32_t i = pick(6); i > 0; i--, n_readable++) {
			readable[n_readable] = (struct plan_range){(uint8_t)(3 + (pick(5) == 0)),
								   (uint16_t)pick(30), 0};
			readable[n_readable].last =
				(uint16_t)(readable[n_readable].first + pick(12));
		}
		rules.n_readable = plan_merge_ranges(readable, n_readable);
		try_all(&search, 0, 0);
		n_reads = plan_reads(wanted, n, &rules, cost, reads);
		assert_int_equal(plan_time_us(reads, n_reads, cost), search.best);
		for (size_t i = 0; i < n; i++)
			assert_true(is_inside(&wanted[i], reads, n_reads));
		for (size_t i = 0; i < n_reads; i++)
			assert_true(reads[i].count <= rules.max_registers);
	}
}

static void bus_time_follows_the_line(void **state)
{
	struct plan_cost slow = plan_cost_rtu(9600, 11, 20000, 0);
	struct plan_cost fast = plan_cost_rtu(115200, 10, 0, 0);
	/* The job of 20 values in 3 requests: registers 0-17, 52-75, 342-349. */
	const struct plan_span reads[] = {
		{4, false, 0, 18}, {4, false, 52, 24}, {4, false, 342, 8}};

	(void)state;
	assert_in_range(slow.request_us, 42900, 42930);
	assert_in_range(slow.register_us, 2291, 2292);
	assert_in_range(plan_time_us(reads, 3, slow), 243000, 247500);
	assert_int_equal(fast.request_us, 1129 + 3500);
}

static void ranges_are_merged(void **state)
{
	struct plan_range r[] = {{4, 10, 12}, {3, 5, 9}, {3, 0, 4}, {4, 11, 20}, {3, 65535, 65535}};

	(void)state;
	assert_int_equal(plan_merge_ranges(r, 5), 3);
	assert_int_equal(r[0].first, 0);
	assert_int_equal(r[0].last, 9);
	assert_int_equal(r[1].first, 65535);
	assert_int_equal(r[2].last, 20);
	assert_int_equal(plan_merge_ranges(r, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_are_as_planned),
		cmocka_unit_test(no_grouping_costs_less),
		cmocka_unit_test(bus_time_follows_the_line),
		cmocka_unit_test(ranges_are_merged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
