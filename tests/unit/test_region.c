/* SPDX-License-Identifier: Apache-2.0 */
#include "server/registry/region.h"

#include <stdarg.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

/* A tree of a text and codes; NULL if the text has a mistake. */
static struct region_tree *plant(struct arena *arena, const char *yaml, const char *const *codes,
				 size_t n)
{
	struct conf_errors errors = {0};
	const struct conf_node *root = NULL;
	struct region_tree *tree;

	assert_int_equal(conf_parse(arena, "regions.yaml", yaml, strlen(yaml), &root, &errors), 0);
	tree = region_tree_create(arena, root, codes, n, &errors);
	if (errors.count > 0)
		fail_msg("%s", errors.text.data);
	conf_errors_fini(&errors);
	return tree;
}

static uint32_t find(const struct region_tree *tree, const char *code)
{
	return region_find(tree, code, strlen(code));
}

static const char *parent_of(const struct region_tree *tree, const char *code)
{
	uint32_t at = find(tree, code);

	assert_true(at < tree->n);
	return tree->regions[at].parent == UINT32_MAX
		       ? "root"
		       : tree->regions[tree->regions[at].parent].code;
}

static const struct {
	const char *name, *code, *parent;
	int level;
} prefixes[] = {
	{"a province is a root", "370000", "root", 1},
	{"a city is below its province", "370100", "370000", 2},
	{"a county is below its city", "370102", "370100", 3},
	{"a township is below its county", "370103001", "370103", 4},
	{"a listed zone is below its parent", "JNGX01", "370100", 4},
	{"a listed county may stand elsewhere", "370181", "370000", 3},
};

static void parents_follow_from_digits(void **state)
{
	static const char *const codes[] = {"370102", "370103001", "370181"};
	struct arena *arena = arena_create();
	const struct region_tree *tree =
		plant(arena,
		      "- {code: JNGX01, name: 高新区, parent: \"370100\"}\n"
		      "- {code: \"370181\", name: 直管, parent: \"370000\"}\n",
		      codes, 3);

	(void)state;
	for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
		uint32_t at = find(tree, prefixes[i].code);

		if (at >= tree->n ||
		    strcmp(parent_of(tree, prefixes[i].code), prefixes[i].parent) ||
		    tree->regions[at].level != prefixes[i].level)
			fail_msg("%s", prefixes[i].name);
	}
	assert_int_equal(tree->n, 7);
	assert_string_equal(tree->regions[find(tree, "JNGX01")].name, "高新区");
	assert_string_equal(tree->regions[find(tree, "370100")].name, "370100");
	arena_destroy(arena);
}

static void short_codes_are_found(void **state)
{
	static const char *const codes[] = {"370102"};
	struct arena *arena = arena_create();
	const struct region_tree *tree = plant(arena, "", codes, 1);

	(void)state;
	assert_int_equal(find(tree, "37"), find(tree, "370000"));
	assert_int_equal(find(tree, "3701"), find(tree, "370100"));
	assert_true(find(tree, "370100") < tree->n);
	assert_int_equal(find(tree, "38"), UINT32_MAX);
	assert_int_equal(find(tree, ""), UINT32_MAX);
	assert_int_equal(find(tree, "370"), UINT32_MAX);
	assert_int_equal(find(tree, "3701020000000"), UINT32_MAX);
	assert_int_equal(region_find(tree, "3701\0002", 6), UINT32_MAX);
	arena_destroy(arena);
}

/* Is a an ancestor of, or equal to, b: by walking. */
static bool is_above(const struct region_tree *tree, uint32_t a, uint32_t b)
{
	while (b != a && b != UINT32_MAX)
		b = tree->regions[b].parent;
	return b == a;
}

static void subtrees_are_ranges(void **state)
{
	static const char *const codes[] = {"370102", "370103",    "370202",
					    "110101", "370103001", "370103002"};
	struct arena *arena = arena_create();
	const struct region_tree *tree =
		plant(arena, "- {code: ZONE01, name: z, parent: \"370103\"}\n", codes, 6);

	(void)state;
	for (uint32_t a = 0; a < tree->n; a++)
		for (uint32_t b = 0; b < tree->n; b++)
			assert_int_equal(region_is_within(tree, b, a), is_above(tree, a, b));
	assert_false(region_is_within(tree, UINT32_MAX, 0));
	assert_false(region_is_within(tree, 0, UINT32_MAX));
	arena_destroy(arena);
}

static void children_stand_together(void **state)
{
	static const char *const codes[] = {"370103", "370102", "370202"};
	struct arena *arena = arena_create();
	const struct region_tree *tree = plant(arena, "", codes, 3);
	const struct region *city = &tree->regions[find(tree, "370100")];

	(void)state;
	assert_int_equal(city->n_children, 2);
	assert_string_equal(tree->regions[tree->children[city->first_child]].code, "370102");
	assert_string_equal(tree->regions[tree->children[city->first_child + 1]].code, "370103");
	arena_destroy(arena);
}

static void a_region_may_move(void **state)
{
	static const char yaml[] =
		"- {code: \"371202\", name: 莱城区, parent: \"371200\", to: 2019-01-01}\n"
		"- {code: \"371202\", name: 莱芜区, parent: \"370100\", from: 2019-01-01}\n";
	struct arena *arena = arena_create();
	const struct region_tree *tree = plant(arena, yaml, NULL, 0);
	uint32_t region = find(tree, "371202");
	civil_day moved = civil_day_of((struct civil_date){2019, 1, 1});

	(void)state;
	assert_string_equal(parent_of(tree, "371202"), "370100");
	assert_string_equal(tree->regions[region].name, "莱芜区");
	assert_int_equal(tree->regions[region].n_history, 2);
	assert_int_equal(region_parent_on(tree, region, moved), find(tree, "370100"));
	assert_int_equal(region_parent_on(tree, region, moved - 1), find(tree, "371200"));
	assert_int_equal(region_parent_on(tree, find(tree, "370100"), moved), find(tree, "37"));
	arena_destroy(arena);
}

static const struct {
	const char *name, *code;
	bool is_valid, is_local;
} forms[] = {
	{"a county", "370102", true, false},
	{"a township", "370102001", true, false},
	{"a local code", "JNGX01", true, true},
	{"seven digits are local", "3701021", true, true},
	{"eleven characters", "ABCDEFGHIJK", true, true},
	{"twelve characters", "370102001001", false, false},
	{"five characters", "37010", false, false},
	{"a city in short", "3701", false, false},
	{"a hyphen", "370-02", false, false},
	{"Chinese", "济南", false, false},
	{"nothing", "", false, false},
};

static void codes_have_a_form(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
		size_t len = strlen(forms[i].code);

		if (region_code_is_valid(forms[i].code, len) != forms[i].is_valid ||
		    region_code_is_local(forms[i].code, len) != forms[i].is_local)
			fail_msg("%s", forms[i].name);
	}
}

static void a_circle_is_cut(void **state)
{
	static const char yaml[] = "- {code: AAAAAA, name: a, parent: BBBBBB}\n"
				   "- {code: BBBBBB, name: b, parent: CCCCCC}\n"
				   "- {code: CCCCCC, name: c, parent: BBBBBB}\n";
	struct arena *arena = arena_create();
	struct conf_errors errors = {0};
	const struct conf_node *root = NULL;
	const struct region_tree *tree;

	(void)state;
	assert_int_equal(conf_parse(arena, "r", yaml, strlen(yaml), &root, &errors), 0);
	tree = region_tree_create(arena, root, NULL, 0, &errors);
	assert_true(errors.count > 0);
	for (uint32_t i = 0; i < tree->n; i++)
		assert_true(region_is_within(tree, i, i));
	conf_errors_fini(&errors);
	arena_destroy(arena);
}

static void the_shipped_divisions_are_right(void **state)
{
	struct arena *arena = arena_create();
	struct conf_errors errors = {0};
	const struct conf_node *root = NULL;
	const struct region_tree *tree;

	(void)state;
	assert_int_equal(conf_load(arena, "config/regions.yaml", &root, &errors), 0);
	tree = region_tree_create(arena, root, NULL, 0, &errors);
	assert_int_equal(errors.count, 0);
	assert_int_equal(tree->n, 34 + 16 + 12);
	assert_int_equal(tree->regions[find(tree, "37")].n_children, 16);
	assert_int_equal(tree->regions[find(tree, "3701")].n_children, 12);
	assert_string_equal(tree->regions[find(tree, "370102")].name, "历下区");
	arena_destroy(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parents_follow_from_digits),
		cmocka_unit_test(short_codes_are_found),
		cmocka_unit_test(subtrees_are_ranges),
		cmocka_unit_test(children_stand_together),
		cmocka_unit_test(a_region_may_move),
		cmocka_unit_test(codes_have_a_form),
		cmocka_unit_test(a_circle_is_cut),
		cmocka_unit_test(the_shipped_divisions_are_right),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
