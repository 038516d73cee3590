/* SPDX-License-Identifier: Apache-2.0 */
#include "server/catalogue/catalogue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void the_shipped_one_is_sound_and_complete(void **state)
{
	struct conf_errors errors = {0};
	struct catalogue *catalogue = NULL;
	size_t n;

	(void)state;
	if (catalogue_load(&catalogue, NULL, &errors) < 0)
		fail_msg("%s", errors.text.data);
	assert_true(catalogue_entries(catalogue, &n) != NULL && n > 40);
	assert_int_equal(catalogue_grade(catalogue, ITEM_INSTITUTION), 1);
	assert_int_equal(catalogue_grade(catalogue, ITEM_ENERGY), 2);
	assert_int_equal(catalogue_grade(catalogue, ITEM_LOAD), 3);
	assert_int_equal(catalogue_grade(catalogue, ITEM_FEE), 3);
	assert_int_equal(catalogue_grade(catalogue, ITEM_ACCOUNT), 3);
	for (int kpi = 0; kpi < N_KPIS; kpi++)
		assert_true(catalogue_kpi_grade(catalogue, (enum kpi)kpi) >= 2);
	catalogue_release(catalogue);
}

static void a_sum_is_open_when_it_hides_its_parts(void **state)
{
	static const struct {
		const char *phrase;
		int64_t largest;
		uint32_t n;
		int grade;
	} cases[] = {
		{"five, none large", 300000, 5, 1}, {"four", 300000, 4, 2},
		{"one of 80 %", 800000, 9, 1},      {"one of more than 80 %", 800001, 9, 2},
		{"none at all", 0, 0, 2},           {"thousands", 10, 25000, 1},
	};
	struct conf_errors errors = {0};
	struct catalogue *catalogue = NULL;

	(void)state;
	assert_int_equal(catalogue_load(&catalogue, NULL, &errors), 0);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		if (catalogue_sum_grade(catalogue, KPI_ELECTRICITY, cases[i].n, cases[i].largest) !=
		    cases[i].grade)
			fail_msg("%s", cases[i].phrase);
	catalogue_release(catalogue);
}

/* One change of the shipped file, and what is said of it. */
static const struct {
	const char *phrase, *old, *new, *words;
} broken[] = {
	{"an item is missing", "item: load,", "item: laod,", "has no item 'load'"},
	{"an unknown grade", "grade: L3}", "grade: L5}", "grade"},
	{"a code of another form", "code: 0-JG-01-001", "code: JG-01", "form 0-JG-02-001"},
	{"a level that is none", "code: 0-JG-01-001", "code: 5-JG-01-001", "form 0-JG-02-001"},
	{"a code twice", "code: 0-JG-02-001", "code: 0-JG-01-001", "is 'region' already"},
	{"an item twice", "item: uscc,", "item: region,", "'region' is there already"},
	{"open and sensitive", "open: 无条件, grade: L1}", "open: 无条件, grade: L3}",
	 "not open to everybody"},
	{"open and not shared", "share: 不予, open: 不予, grade: L3}",
	 "share: 不予, open: 有条件, grade: L3}", "the public cannot have"},
	{"a sum above its parts", "grade: L2, aggregate: L1}", "grade: L2, aggregate: L3}",
	 "above the grade of one institution"},
	{"an unknown key", "cycle: on_change", "cyrcle: on_change", "did you mean 'cycle'"},
	{"no version", "version: \"2026.1\"", "", "version"},
	{"no English name", ", en: floor area", "", "name.en"},
};

static char *read_shipped(void)
{
	FILE *file = fopen("config/catalogue.yaml", "re");
	char *text = calloc(1, 64 * 1024);

	assert_non_null(file);
	assert_true(fread(text, 1, 64 * 1024 - 1, file) > 1000);
	(void)fclose(file);
	return text;
}

static void mistakes_are_named(void **state)
{
	char *text = read_shipped();
	char path[] = "/tmp/test-catalogue-XXXXXX";
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	(void)close(fd);
	for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
		struct conf_errors errors = {0};
		struct catalogue *catalogue = NULL;
		const char *at = strstr(text, broken[i].old);
		FILE *file = fopen(path, "we");

		if (at == NULL)
			fail_msg("%s: the file has no '%s'", broken[i].phrase, broken[i].old);
		(void)fprintf(file, "%.*s%s%s", (int)(at - text), text, broken[i].new,
			      at + strlen(broken[i].old));
		(void)fclose(file);
		assert_true(catalogue_load(&catalogue, path, &errors) < 0);
		if (strstr(errors.text.data, broken[i].words) == NULL)
			fail_msg("%s: %s", broken[i].phrase, errors.text.data);
		conf_errors_fini(&errors);
	}
	(void)unlink(path);
	free(text);
}

static void another_content_has_another_digest(void **state)
{
	struct conf_errors errors = {0};
	struct catalogue *built_in = NULL, *file = NULL;

	(void)state;
	assert_int_equal(catalogue_load(&built_in, NULL, &errors), 0);
	assert_int_equal(catalogue_load(&file, "config/catalogue.yaml", &errors), 0);
	assert_true(catalogue_digest(built_in) == catalogue_digest(file));
	assert_string_equal(catalogue_version(built_in), catalogue_version(file));
	catalogue_release(built_in);
	catalogue_release(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_shipped_one_is_sound_and_complete),
		cmocka_unit_test(a_sum_is_open_when_it_hides_its_parts),
		cmocka_unit_test(mistakes_are_named),
		cmocka_unit_test(another_content_has_another_digest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
