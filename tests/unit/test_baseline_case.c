/* SPDX-License-Identifier: Apache-2.0 */
/* Every case under tests/data/mv comes out as the reference implementation has it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <glob.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scratch.h"
#include "server/baseline/baseline_case.h"
#include "server/weather/sample_file.h"

enum { N_CASES = 9, PATH_MAX_LEN = 512 };

struct comparison {
	const char *name;
	bool is_exact; /* the case's residuals are rounding noise */
	size_t n_compared;
};

static bool has(const char *path, const char *word)
{
	return strstr(path, word) != NULL;
}

/* Of fields of rounding noise only the size is told. */
static bool is_noise(const struct comparison *with, const char *path)
{
	return with->is_exact && (has(path, "rmse") || has(path, "nmae") || has(path, "sse"));
}

static bool is_close(const struct comparison *with, const char *path, double expected, double got)
{
	double apart = fabs(expected - got), size = fabs(expected);

	if (is_noise(with, path))
		return !has(path, "cv") || fabs(got) < 1e-9;
	if (has(path, "nmbe") || has(path, "/r2") || has(path, "margin"))
		return apart <= 1e-9;
	if (has(path, "autocorr"))
		return apart <= 1e-8;
	if (has(path, "p_value"))
		return apart <= 1e-12 || apart <= 1e-6 * size;
	return apart <= 1e-8 * size || (with->is_exact && apart <= 1e-6);
}

static void compare(struct comparison *with, const char *path, json_t *expected, const json_t *got);

static void compare_members(struct comparison *with, const char *path, json_t *expected,
			    const json_t *got)
{
	const char *key;
	json_t *value;

	json_object_foreach(expected, key, value)
	{
		char member[PATH_MAX_LEN];

		(void)snprintf(member, sizeof member, "%s/%s", path, key);
		compare(with, member, value, json_object_get(got, key));
	}
}

static void compare_items(struct comparison *with, const char *path, json_t *expected,
			  const json_t *got)
{
	if (json_array_size(got) != json_array_size(expected))
		fail_msg("%s: %s: %zu items", with->name, path, json_array_size(got));
	for (size_t i = 0; i < json_array_size(expected); i++) {
		char item[PATH_MAX_LEN];

		(void)snprintf(item, sizeof item, "%s/%zu", path, i);
		compare(with, item, json_array_get(expected, i), json_array_get(got, i));
	}
}

static bool is_left_out(const struct comparison *with, const char *path, json_t *expected)
{
	return json_is_null(expected) || has(path, "/reference") || has(path, "_note") ||
	       (with->is_exact && (has(path, "/best_of") || has(path, "/candidate")));
}

static void compare(struct comparison *with, const char *path, json_t *expected, const json_t *got)
{
	if (is_left_out(with, path, expected))
		return;
	if (got == NULL)
		fail_msg("%s: %s is missing", with->name, path);
	if (json_is_object(expected)) {
		compare_members(with, path, expected, got);
		return;
	}
	if (json_is_array(expected)) {
		compare_items(with, path, expected, got);
		return;
	}
	with->n_compared++;
	if (json_is_number(expected)) {
		double one = json_number_value(expected), other = json_number_value(got);

		if (!json_is_number(got) || !is_close(with, path, one, other))
			fail_msg("%s: %s: %.17g instead of %.17g", with->name, path, other, one);
	} else if (!json_equal(expected, got)) {
		fail_msg("%s: %s differs", with->name, path);
	}
}

static void compare_period(const char *folder, char *line, const json_t *got)
{
	static const char *const members[] = {"observed", "counterfactual", "avoided"};
	const char *start = strsep(&line, ",");

	assert_string_equal(start, json_string_value(json_object_get(got, "ts")));
	for (size_t i = 0; i < 3; i++) {
		const json_t *value = json_object_get(got, members[i]);
		const char *expected = strsep(&line, ",");

		if (json_is_null(value) != (*expected == '\0') ||
		    (*expected != '\0' &&
		     fabs(strtod(expected, NULL) - json_number_value(value)) > 2e-6))
			fail_msg("%s: %s: %s", folder, start, members[i]);
	}
}

/* The reporting periods, rounded in their file. */
static void compare_periods(const char *folder, const json_t *got)
{
	struct buf text = {0};
	char path[PATH_MAX_LEN + 32];
	char *line, *rest;
	size_t n = 0;

	(void)snprintf(path, sizeof path, "%s/expected_periods.csv.gz", folder);
	assert_int_equal(sample_file_read(path, &text, NULL), 0);
	rest = text.data;
	(void)strsep(&rest, "\n"); /* the head */
	while ((line = strsep(&rest, "\n")) != NULL && *line != '\0')
		compare_period(folder, line, json_array_get(got, n++));
	assert_int_equal(n, json_array_size(got));
	buf_fini(&text);
}

static json_t *compute(const char *path)
{
	struct baseline_result result;
	struct baseline_data data;
	struct baseline_input input;
	struct buf out = {0};
	struct err err = {""};
	json_t *json;

	if (baseline_data_load(path, &data, &err) < 0)
		fail_msg("%s", err.text);
	input = baseline_data_input(&data);
	baseline_compute(&input, &result);
	baseline_case_print(&data.settings, &result, &out);
	json = json_loads(out.data, 0, NULL);
	assert_non_null(json);
	buf_fini(&out);
	baseline_result_fini(&result);
	baseline_data_fini(&data);
	return json;
}

static void check_case(const char *expected_path)
{
	json_t *expected = json_load_file(expected_path, 0, NULL), *got;
	int folder_len = (int)(strrchr(expected_path, '/') - expected_path);
	char folder[PATH_MAX_LEN], path[PATH_MAX_LEN + 32];
	struct comparison with = {.name = folder};

	assert_non_null(expected);
	with.is_exact = json_object_get(expected, "exact_data_note") != NULL;
	(void)snprintf(folder, sizeof folder, "%.*s", folder_len, expected_path);
	(void)snprintf(path, sizeof path, "%s/case.json", folder);
	got = compute(path);
	compare(&with, "", expected, got);
	compare_periods(folder, json_object_get(got, "periods"));
	assert_true(with.n_compared > 100);
	json_decref(expected);
	json_decref(got);
}

static void test_all_cases(void **state)
{
	glob_t found;
	int rc = glob("tests/data/mv/*/expected.json", 0, NULL, /* NOLINT(concurrency-mt-unsafe) */
		      &found);

	(void)state;
	assert_int_equal(rc, 0);
	assert_int_equal(found.gl_pathc, N_CASES);
	for (size_t i = 0; i < found.gl_pathc; i++)
		check_case(found.gl_pathv[i]);
	globfree(&found);
}

/* ---- settings ---- */

static const char settings[] =
	"{\"case\":\"x\",\"method\":\"daily\",\"meter_interval\":\"daily\",\"meter_file\":\"m."
	"csv\","
	"\"temperature_file\":\"t.csv\",\"temperature_interval\":\"daily\",\"tz_offset_min\":480,"
	"\"grid\":{\"unit\":\"C\",\"min\":0,\"max\":32,\"step\":1},"
	"\"baseline_start\":\"2022-01-01T00:00:00+08:00\",\"baseline_end\":\"2023-01-01\","
	"\"reporting_start\":\"2023-01-01\",\"reporting_end\":\"2024-01-01\"}";

static const struct {
	const char *name, *from, *to; /* a text to replace */
	const char *words;            /* in the message; NULL: fine */
} mistakes[] = {
	{"as it is", "x", "y", NULL},
	{"no object", settings, "[]", "JSON object"},
	{"cut short", "}", "", "line 1"},
	{"a method that is none", "\"method\":\"daily\"", "\"method\":\"weekly\"",
	 "method: is to be daily or billing"},
	{"no method", "\"method\":", "\"m\":", "method"},
	{"bills for the daily method", "\"meter_interval\":\"daily\"",
	 "\"meter_interval\":\"billing\"", "meter_interval: billing belongs"},
	{"bills without a cadence", "\"method\":\"daily\",\"meter_interval\":\"daily\"",
	 "\"method\":\"billing\",\"meter_interval\":\"billing\"", "billing_cadence"},
	{"no meter file", "m.csv", "", "meter_file"},
	{"a name with NUL", "m.csv", "m\\u0000", "line 1"},
	{"a step of 0", "\"step\":1", "\"step\":0", "grid"},
	{"a step that makes millions", "\"step\":1", "\"step\":1e-6", "201 points"},
	{"an upside-down grid", "\"max\":32", "\"max\":-1", "grid"},
	{"a grid in kelvin", "\"C\"", "\"K\"", "grid.unit: is to be C or F"},
	{"a date that is none", "2023-01-01\"", "2023-02-30\"", "baseline_end"},
	{"an end before the start", "\"reporting_end\":\"2024", "\"reporting_end\":\"2022",
	 "reporting_end: lies before"},
	{"a century", "\"reporting_end\":\"2024", "\"reporting_end\":\"2124", "three years"},
	{"a zone beyond all", "480", "4800", "tz_offset_min"},
	{"half a minute", "480", "480.5", "tz_offset_min"},
	{"half an hour", "480", "510", "tz_offset_min"},
	{"a grid in 5", "\"C\"", "5", "grid.unit: is to be C or F"},
	{"a screen that lets none through", "\"grid\"", "\"max_p_value\":0,\"grid\"",
	 "max_p_value"},
	{"a screen", "\"grid\"", "\"max_p_value\":0.1,\"grid\"", NULL},
};

static void test_settings(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
		const char *at = strstr(settings, mistakes[i].from);
		struct buf text = {0};
		struct baseline_case read;
		struct err err = {""};
		int rc;

		assert_non_null(at);
		buf_add(&text, settings, (size_t)(at - settings));
		buf_add_text(&text, mistakes[i].to);
		buf_add_text(&text, at + strlen(mistakes[i].from));
		rc = baseline_case_parse(text.data, text.len, &read, &err);
		if (rc != (mistakes[i].words == NULL ? 0 : -EINVAL) ||
		    (mistakes[i].words != NULL && !has(err.text, mistakes[i].words)))
			fail_msg("%s: %d '%s'", mistakes[i].name, rc, err.text);
		buf_fini(&text);
	}
}

/* ---- files ---- */

/* A day of values of 1, so many minutes apart. */
static void write_meter(const struct scratch *scratch, int minutes)
{
	struct buf text = {0};

	buf_add_text(&text, "ts,kwh\n");
	for (int at = 0; at < 24 * 60; at += minutes)
		buf_printf(&text, "2022-01-01T%02d:%02d:00+08:00,1\n", at / 60, at % 60);
	scratch_write(scratch, "m.csv", text.data);
	buf_fini(&text);
}

/* More values a day than stated would be left out of its sum. */
static void test_a_meter_finer_than_stated_is_refused(void **state)
{
	struct baseline_data data;
	struct scratch scratch;
	struct err err = {""};
	char path[PATH_MAX_LEN];

	(void)state;
	scratch_init(&scratch);
	(void)snprintf(path, sizeof path, "%s/case.json", scratch.folder);
	scratch_write(&scratch, "case.json", settings);
	scratch_write(&scratch, "t.csv", "ts,temp_c\n2022-01-01,1\n");
	write_meter(&scratch, 60);
	assert_int_equal(baseline_data_load(path, &data, &err), -EINVAL);
	assert_true(has(err.text,
			"case.json: meter_interval: the meter file has 24 or more values a day"));
	write_meter(&scratch, 24 * 60);
	assert_int_equal(baseline_data_load(path, &data, &err), 0);
	baseline_data_fini(&data);
	scratch_fini(&scratch);
}

static void test_files_that_are_none(void **state)
{
	struct baseline_data data;
	struct err err = {""};

	(void)state;
	assert_int_equal(baseline_data_load("tests", &data, &err), -EISDIR);
	assert_string_equal(err.text, "tests: Is a directory");
	assert_int_equal(baseline_data_load("tests/none", &data, &err), -ENOENT);
	assert_string_equal(err.text, "tests/none: No such file or directory");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_cases),
		cmocka_unit_test(test_settings),
		cmocka_unit_test(test_a_meter_finer_than_stated_is_refused),
		cmocka_unit_test(test_files_that_are_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
