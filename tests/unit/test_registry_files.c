/* SPDX-License-Identifier: Apache-2.0 */
/* The registry as a folder of files. */
#include "server/registry/registry.h"

#include <stdarg.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#include "tests/unit/scratch.h"

enum { OFFSET_MS = 8 * HOUR_MS };

static struct registry *load(const char *dir)
{
	struct conf_errors errors = {0};
	struct registry *registry = NULL;

	if (registry_load(&registry, dir, "config/regions.yaml", OFFSET_MS, &errors) != 0)
		fail_msg("%s", errors.text.data);
	conf_errors_fini(&errors);
	return registry;
}

/* A registry of one institution "i1" whose file ends with the given text. */
static struct registry *one(const char *rest)
{
	struct scratch scratch;
	struct registry *registry;
	char *text = xasprintf("id: i1\nname: 馆\ntype: culture\nregion: \"370102\"\n%s", rest);

	scratch_init(&scratch);
	scratch_write(&scratch, "institutions/i1.yaml", text);
	registry = load(scratch.folder);
	scratch_fini(&scratch);
	free(text);
	return registry;
}

static void the_version_changes_with_a_byte(void **state)
{
	struct registry *a = one(""), *b = one(""), *c = one("# note\n");

	(void)state;
	assert_int_equal(a->version, b->version);
	assert_int_not_equal(a->version, c->version);
	registry_release(a);
	registry_release(b);
	registry_release(c);
}

static const struct {
	const char *name, *file, *expected;
} odd_files[] = {
	{"an ending in short", "institutions/i2.yml", "must end in .yaml"},
	{"a folder below", "institutions/more", "is a folder"},

};

static void odd_files_are_named(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof odd_files / sizeof *odd_files; i++) {
		struct conf_errors errors = {0};
		struct registry *registry = NULL;
		struct scratch scratch;
		char *inside = xasprintf("%s/x", odd_files[i].file);

		scratch_init(&scratch);
		scratch_write(&scratch, "institutions/notes.txt", "not read\n");
		scratch_write(&scratch, "institutions/.i3.yaml.swp", "not read\n");
		if (strchr(odd_files[i].file, '.') != NULL)
			scratch_write(&scratch, odd_files[i].file, "");
		else
			scratch_write(&scratch, inside, "");
		assert_true(registry_load(&registry, scratch.folder, NULL, 0, &errors) < 0);
		if (errors.count != 1 || strstr(errors.text.data, odd_files[i].expected) == NULL)
			fail_msg("%s: %s", odd_files[i].name, errors.text.data);
		conf_errors_fini(&errors);
		scratch_fini(&scratch);
		free(inside);
	}
}

static void a_folder_that_is_not_there_is_named(void **state)
{
	struct conf_errors errors = {0};
	struct registry *registry = NULL;

	(void)state;
	assert_true(registry_load(&registry, "/none", NULL, 0, &errors) < 0);
	assert_non_null(strstr(errors.text.data, "/none/institutions"));
	conf_errors_fini(&errors);
}

static void all_mistakes_of_all_files_are_named(void **state)
{
	struct conf_errors errors = {0};
	struct registry *registry = NULL;
	struct scratch scratch;

	(void)state;
	scratch_init(&scratch);
	scratch_write(&scratch, "institutions/a.yaml",
		      "id: a\nname: A\ntype: x\nregion: \"370102\"\n");
	scratch_write(&scratch, "institutions/a-b.yaml", "id: a-b\nname: B\ntype: culture\n");
	scratch_write(&scratch, "institutions/c.yaml",
		      "id: c\nname: C\ntype: culture\nregion: \"1\"\nuscc: X\nto: 0001-01-01\n");
	assert_true(registry_load(&registry, scratch.folder, NULL, 0, &errors) < 0);
	assert_int_equal(errors.count, 5);
	assert_null(registry);
	conf_errors_fini(&errors);
	scratch_fini(&scratch);
}

static void ids_are_found_by_whole_words(void **state)
{
	static const char *const ids[] = {"a", "a-b", "a-b-c", "b"};
	struct scratch scratch;
	struct registry *registry;

	(void)state;
	scratch_init(&scratch);
	for (size_t i = 0; i < 4; i++) {
		char *file = xasprintf("institutions/%s.yaml", ids[i]);
		char *text =
			xasprintf("id: %s\nname: n\ntype: sport\nregion: \"370102\"\n", ids[i]);

		scratch_write(&scratch, file, text);
		free(file);
		free(text);
	}
	registry = load(scratch.folder);
	for (uint32_t i = 0; i < 4; i++)
		assert_int_equal(registry_find_institution(registry, ids[i], strlen(ids[i])), i);
	assert_int_equal(registry_find_institution(registry, "a-b-c", 3), 1);
	assert_int_equal(registry_find_institution(registry, "a-", 2), REGISTRY_NONE);
	assert_int_equal(registry_find_institution(registry, "", 0), REGISTRY_NONE);
	assert_int_equal(registry_find_meter(registry, "a", 1), REGISTRY_NONE);
	registry_release(registry);
	scratch_fini(&scratch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_version_changes_with_a_byte),
		cmocka_unit_test(odd_files_are_named),
		cmocka_unit_test(a_folder_that_is_not_there_is_named),
		cmocka_unit_test(all_mistakes_of_all_files_are_named),
		cmocka_unit_test(ids_are_found_by_whole_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
