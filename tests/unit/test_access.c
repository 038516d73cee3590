/* SPDX-License-Identifier: Apache-2.0 */
#include "server/api/access.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Two counties of a city; the institutions are sorted by id as in a real registry. */
enum { SCHOOL, CLINIC, HIDDEN, OTHER_SCHOOL, N_INSTITUTIONS };

struct world {
	struct arena *arena;
	struct registry registry;
	struct registry_institution institutions[N_INSTITUTIONS];
};

static uint32_t region(const struct world *world, const char *code)
{
	return region_find(world->registry.regions, code, strlen(code));
}

static int set_up(void **state)
{
	static const char *const codes[] = {"370102", "370103", "370200"};
	struct world *world = xcalloc(1, sizeof *world);
	struct conf_errors errors = {0};

	world->arena = arena_create();
	world->registry.regions = region_tree_create(world->arena, NULL, codes, 3, &errors);
	assert_non_null(world->registry.regions);
	world->registry.institutions = world->institutions;
	world->registry.n_institutions = N_INSTITUTIONS;
	world->institutions[SCHOOL] =
		(struct registry_institution){.id = "370102-0001", .department = "education"};
	world->institutions[CLINIC] =
		(struct registry_institution){.id = "370102-0002", .department = "health"};
	world->institutions[HIDDEN] =
		(struct registry_institution){.id = "370102-0003", .is_sensitive = true};
	world->institutions[OTHER_SCHOOL] =
		(struct registry_institution){.id = "370103-0001", .department = "education"};
	for (int i = 0; i < N_INSTITUTIONS; i++)
		world->institutions[i].region =
			region(world, i == OTHER_SCHOOL ? "370103" : "370102");
	*state = world;
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;

	arena_destroy(world->arena);
	free(world);
	return 0;
}

/* Scopes in short: "r370100 deducation i370102-0001". */
static struct grant make(const char *scopes, enum token_role role, int grade)
{
	struct grant grant = {.role = role, .grade = grade};

	while (*scopes != '\0') {
		size_t len = strcspn(scopes, " ");
		enum grant_kind kind = *scopes == 'r'   ? GRANT_REGION
				       : *scopes == 'd' ? GRANT_DEPARTMENT
							: GRANT_INSTITUTION;

		assert_int_equal(grant_add(&grant, kind, scopes + 1, len - 1), 0);
		scopes += len + (scopes[len] == ' ');
	}
	return grant;
}

/* covered: a letter for each institution, or '-'. */
static const struct {
	const char *phrase, *scopes;
	enum token_role role;
	int grade, wanted;
	const char *covered;
} cases[] = {
	{"a city covers its counties", "r370100", ROLE_VIEWER, 2, 0, "SC-O"},
	{"a county covers itself", "r370103", ROLE_VIEWER, 4, 0, "---O"},
	{"another city covers nothing here", "r370200", ROLE_ADMIN, 4, 0, "----"},
	{"an unknown region covers nothing", "r999999", ROLE_ADMIN, 4, 0, "----"},
	{"two regions cover both", "r370102 r370103", ROLE_VIEWER, 2, 0, "SC-O"},
	{"L4 covers the sensitive one", "r370100", ROLE_VIEWER, 4, 0, "SCHO"},
	{"its own officer sees the sensitive one", "i370102-0003", ROLE_VIEWER, 2, 0, "--H-"},
	{"a line of a region", "r370100 deducation", ROLE_VIEWER, 2, 0, "S--O"},
	{"two lines", "r370102 deducation dhealth", ROLE_VIEWER, 2, 0, "SC--"},
	{"a line does not narrow who is named", "r370103 dhealth i370102-0001", ROLE_VIEWER, 2, 0,
	 "S---"},
	{"L2 does not reach L3", "r370100", ROLE_VIEWER, 2, 3, "----"},
	{"L3 does", "r370100", ROLE_VIEWER, 3, 3, "SC-O"},
	{"a reporter reaches L3 at its own", "i370102-0001", ROLE_REPORTER, 2, 3, "S---"},
	{"a reporter does not reach L4", "i370102-0001", ROLE_REPORTER, 2, 4, "----"},
	{"a region is not a reporter's own", "r370102", ROLE_REPORTER, 2, 3, "----"},
	{"a viewer does not reach L3 at its own", "i370102-0001", ROLE_VIEWER, 2, 3, "----"},
	{"nothing is covered by nothing", "", ROLE_ADMIN, 4, 0, "----"},
};

static void grants_cover(void **state)
{
	const struct world *world = *state;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct grant grant = make(cases[i].scopes, cases[i].role, cases[i].grade);
		char covered[N_INSTITUTIONS + 1] = "----";
		struct access access;

		access_init(&access, &grant, &world->registry);
		for (uint32_t k = 0; k < N_INSTITUTIONS; k++)
			if (access_allows(&access, &(struct access_object){ACCESS_TO_INSTITUTION, k,
									   cases[i].wanted}))
				covered[k] = "SCHO"[k];
		if (strcmp(covered, cases[i].covered) != 0)
			fail_msg("%s: %s, not %s", cases[i].phrase, covered, cases[i].covered);
	}
}

static bool may(const struct world *world, const struct grant *grant, enum access_kind kind,
		const char *code)
{
	struct access access;
	struct access_object object = {kind, code != NULL ? region(world, code) : 0, 2};

	access_init(&access, grant, &world->registry);
	return access_allows(&access, &object);
}

static void regions_and_the_server(void **state)
{
	const struct world *world = *state;
	struct grant line = make("r370102 deducation", ROLE_VIEWER, 2);
	struct grant admin = make("r370102", ROLE_ADMIN, 2);
	struct grant low = make("r370102", ROLE_ADMIN, 1);

	assert_true(may(world, &line, ACCESS_TO_REGION, "370102"));
	assert_false(may(world, &line, ACCESS_TO_WHOLE_REGION, "370102"));
	assert_false(may(world, &line, ACCESS_TO_REGION, "370103"));
	assert_false(may(world, &line, ACCESS_TO_REGION, "370100"));
	assert_true(may(world, &admin, ACCESS_TO_WHOLE_REGION, "370102"));
	assert_false(may(world, &line, ACCESS_TO_SERVER, NULL));
	assert_true(may(world, &admin, ACCESS_TO_SERVER, NULL));
	assert_false(may(world, &low, ACCESS_TO_SERVER, NULL));
	assert_false(may(world, &low, ACCESS_TO_REGION, "370102"));
}

static void a_grant_has_room_for_sixteen(void **state)
{
	struct grant grant = {.grade = 2};
	char value[GRANT_VALUE_MAX + 2];

	(void)state;
	memset(value, 'x', sizeof value);
	assert_int_equal(grant_add(&grant, GRANT_DEPARTMENT, value, sizeof value), -ENOSPC);
	for (int i = 0; i < GRANT_SCOPES_MAX; i++)
		assert_int_equal(grant_add(&grant, GRANT_DEPARTMENT, value, GRANT_VALUE_MAX), 0);
	assert_int_equal(grant_add(&grant, GRANT_DEPARTMENT, "x", 1), -ENOSPC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(grants_cover, set_up, tear_down),
		cmocka_unit_test_setup_teardown(regions_and_the_server, set_up, tear_down),
		cmocka_unit_test(a_grant_has_room_for_sixteen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
