/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "server/rollup/total.h"

enum { MAX = 7, NONE = -1 };

struct small_meter {
	enum meter_role role;
	enum meter_scope scope;
	const char *item;
	int parent;
	bool is_export;
};

struct total_case {
	const char *name;
	size_t n;
	struct small_meter meters[MAX];
	const char *expected; /* "total +0 -1; 01A +2" */
};

/* clang-format off */
static const struct total_case cases[] = {
	{"no meters", 0, {{0}}, ""},
	{"two mains", 2, {{ROLE_MAIN, SCOPE_OWN, "01000", NONE, false}, {ROLE_MAIN, SCOPE_OWN, "01000", NONE, false}},
	 "total +0 +1"},
	{"a tenant below the main", 2, {{ROLE_MAIN, SCOPE_OWN, "", NONE, false}, {ROLE_SUB, SCOPE_TENANT, "", 0, false}},
	 "total +0 -1; non_own +1"},
	{"only the outermost of nested other scopes", 3,
	 {{ROLE_MAIN, SCOPE_OWN, "", NONE, false}, {ROLE_SUB, SCOPE_TENANT, "", 0, false}, {ROLE_SUB, SCOPE_EV_PUBLIC, "", 1, false}},
	 "total +0 -1; non_own +1"},
	{"an own meter below a tenant is the tenant's", 3,
	 {{ROLE_MAIN, SCOPE_OWN, "", NONE, false}, {ROLE_SUB, SCOPE_TENANT, "", 0, false}, {ROLE_SUB, SCOPE_OWN, "01A00", 1, false}},
	 "total +0 -1; non_own +1"},
	{"a main that is all a tenant's cancels out", 1, {{ROLE_MAIN, SCOPE_DORMITORY, "", NONE, false}},
	 "total +0 -0; non_own +0"},
	{"export is an account of its own", 2, {{ROLE_MAIN, SCOPE_OWN, "", NONE, false}, {ROLE_MAIN, SCOPE_OWN, "", NONE, true}},
	 "total +0; export +1"},
	{"generation is not in the total", 2, {{ROLE_MAIN, SCOPE_OWN, "", NONE, false}, {ROLE_GENERATION, SCOPE_OWN, "", NONE, false}},
	 "total +0; generation +1"},
	{"parts by the first three characters", 4,
	 {{ROLE_MAIN, SCOPE_OWN, "01000", NONE, false}, {ROLE_SUB, SCOPE_OWN, "01A10", 0, false},
	  {ROLE_SUB, SCOPE_OWN, "01A20", 0, false}, {ROLE_SUB, SCOPE_OWN, "01B00", 0, false}},
	 "total +0; 01A +1 +2; 01B +3"},
	{"the same part below itself counts once", 3,
	 {{ROLE_MAIN, SCOPE_OWN, "01000", NONE, false}, {ROLE_SUB, SCOPE_OWN, "01A00", 0, false}, {ROLE_SUB, SCOPE_OWN, "01A10", 1, false}},
	 "total +0; 01A +1"},
	{"another part below a part is taken out of it", 3,
	 {{ROLE_MAIN, SCOPE_OWN, "01000", NONE, false}, {ROLE_SUB, SCOPE_OWN, "01D00", 0, false}, {ROLE_SUB, SCOPE_OWN, "01B00", 1, false}},
	 "total +0; 01B +2; 01D +1 -2"},
	{"a tenant below a part is taken out of it", 3,
	 {{ROLE_MAIN, SCOPE_OWN, "01000", NONE, false}, {ROLE_SUB, SCOPE_OWN, "01A00", 0, false}, {ROLE_SUB, SCOPE_TENANT, "01A00", 1, false}},
	 "total +0 -2; non_own +2; 01A +1 -2"},
	{"a floor's sub total is no part, what is below it is", 3,
	 {{ROLE_MAIN, SCOPE_OWN, "01000", NONE, false}, {ROLE_SUB, SCOPE_OWN, "01000", 0, false}, {ROLE_SUB, SCOPE_OWN, "01C00", 1, false}},
	 "total +0; 01C +2"},
};
/* clang-format on */

static void print_plan(const struct total_plan *plan, char *out, size_t size)
{
	size_t len = 0;

	out[0] = '\0';
	for (size_t i = 0; i < plan->n_items; i++) {
		len += (size_t)snprintf(out + len, size - len, "%s%s", i > 0 ? "; " : "",
					plan->items[i].name);
		for (size_t k = 0; k < plan->items[i].n_terms; k++)
			len += (size_t)snprintf(out + len, size - len, " %c%u",
						plan->items[i].terms[k].sign > 0 ? '+' : '-',
						plan->items[i].terms[k].meter);
	}
}

static void test_plans(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const struct total_case *c = &cases[i];
		struct registry_meter meters[MAX] = {0};
		struct registry_institution institution = {.n_meters = (uint32_t)c->n};
		struct registry registry = {.institutions = &institution,
					    .n_institutions = 1,
					    .meters = meters,
					    .n_meters = c->n};
		struct total_plan plan;
		char text[256];

		for (size_t m = 0; m < c->n; m++) {
			meters[m].role = c->meters[m].role;
			meters[m].scope = c->meters[m].scope;
			strncpy(meters[m].item, c->meters[m].item, sizeof meters[m].item - 1);
			meters[m].parent = c->meters[m].parent == NONE
						   ? REGISTRY_NONE
						   : (uint32_t)c->meters[m].parent;
			meters[m].is_export = c->meters[m].is_export;
		}
		total_plan_init(&plan, &registry, 0, CARRIER_ELECTRICITY);
		print_plan(&plan, text, sizeof text);
		if (strcmp(text, c->expected) != 0)
			fail_msg("%s: %s", c->name, text);
		total_plan_fini(&plan);
		total_plan_init(&plan, &registry, 0, CARRIER_WATER);
		assert_int_equal(plan.n_items, 0);
		total_plan_fini(&plan);
	}
}

static void test_sums(void **state)
{
	const struct amount main_part = {true, 100, 10, 0, 0}, tenant = {true, 30, 5, 0, 0},
			    nothing = {0};
	struct amount sum = {0};

	(void)state;
	total_add(&sum, &main_part, 1);
	total_add(&sum, &tenant, -1);
	total_add(&sum, &nothing, 1);
	total_finish(&sum);
	assert_true(sum.is_known);
	assert_int_equal(sum.value, 70);
	assert_int_equal(sum.estimated, 15);
	/* What is deducted from nothing known is no figure. */
	sum = (struct amount){0};
	total_add(&sum, &nothing, 1);
	total_add(&sum, &tenant, -1);
	total_finish(&sum);
	assert_false(sum.is_known);
	assert_int_equal(sum.value, 0);
}

static void test_formula(void **state)
{
	const struct formula_term terms[] = {{0, 1, 1}, {1, -1, 3}};
	struct amount amounts[] = {{true, 100, 0, 3600, 3600}, {true, 50, 6, 1800, 2000}};
	struct amount got = total_formula(terms, 2, amounts);

	(void)state;
	assert_true(got.is_known);
	assert_int_equal(got.value, 100 - 17); /* 16.67 rounded */
	assert_int_equal(got.estimated, 2);
	assert_int_equal(got.covered_ms, 1800);
	assert_int_equal(got.closed_ms, 2000);
	amounts[1].is_known = false;
	assert_false(total_formula(terms, 2, amounts).is_known);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plans),
		cmocka_unit_test(test_sums),
		cmocka_unit_test(test_formula),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
