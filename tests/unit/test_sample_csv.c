/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <math.h>
#include <string.h>

#include "server/weather/sample_csv.h"

enum { OFFSET_MS = 8 * HOUR_MS };

static const struct {
	const char *name, *text;
	size_t n;
	double sum; /* of what is known */
	const char *words;
} cases[] = {
	{"a value and a missing one", "ts,kwh\n2026-01-01,1.5\n2026-01-02,\n", 2, 1.5, NULL},
	{"a byte order mark, CRLF, blanks, no last line end",
	 "\xEF\xBB\xBFts,kwh\r\n2026-01-01 , 1.5\r\n\r\n2026-01-02,2", 2, 3.5, NULL},
	{"a head alone", "ts,kwh\n", 0, 0, NULL},
	{"not in order", "ts,kwh\n2026-01-02,2\n2026-01-01,1\n", 2, 3, NULL},
	{"of equal times the first", "ts,kwh\n2026-01-01,2\n2025-12-31T16:00:00Z,1\n", 1, 2, NULL},
	{"exponents", "ts,kwh\n2026-01-01,1.2e+1\n", 1, 12, NULL},
	{"words for a missing one", "ts,kwh\n2026-01-01,NaN\n2026-01-02,null\n2026-01-03,4\n", 3, 4,
	 NULL},
	{"quotes", "\"ts\",\"kwh\"\n\"2026-01-01\",\"1.5\"\n", 1, 1.5, NULL},
	{"an open quote", "ts,kwh\n2026-01-01,\"1.5\n", 0, 0, "line 2: a quote is not closed"},
	{"a number of 64 digits",
	 "ts,kwh\n2026-01-01,0000000000000000000000000000000000000000000000000000000000000001\n", 0,
	 0, "line 2: a number this long is none"},
	{"nothing", "", 0, 0, "is empty"},
	{"another head", "date;kwh\n", 0, 0, "line 1: the first column"},
	{"no time", "ts,kwh\nyesterday,1\n", 0, 0, "line 2: 'yesterday' is not a time"},
	{"no number", "ts,kwh\n2026-01-01,12k\n", 0, 0, "line 2: '12k' is not a number"},
	{"hexadecimal", "ts,kwh\n2026-01-01,0x10\n", 0, 0, "is not a number"},
	{"infinity", "ts,kwh\n2026-01-01,1e999\n", 0, 0, "is not within"},
	{"two signs", "ts,kwh\n2026-01-01,--1\n", 0, 0, "is not a number"},
	{"a flag that is none", "ts,kwh,estimated\n2026-01-01,1,maybe\n", 0, 0, "estimated is 0"},
};

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct sample_csv csv = {0};
		struct err err = {""};
		int rc = sample_csv_parse(cases[i].text, strlen(cases[i].text), OFFSET_MS,
					  &sample_csv_use, &csv, &err);
		double sum = 0;

		for (size_t k = 0; k < csv.n; k++)
			sum += isnan(csv.samples[k].value) ? 0 : csv.samples[k].value;
		if (rc != (cases[i].words == NULL ? 0 : -EINVAL) || csv.n != cases[i].n ||
		    sum != cases[i].sum ||
		    (cases[i].words != NULL && strstr(err.text, cases[i].words) == NULL))
			fail_msg("%s: %d, %zu rows, '%s'", cases[i].name, rc, csv.n, err.text);
		sample_csv_fini(&csv);
	}
}

static void test_a_missing_value_code_is_no_temperature(void **state)
{
	static const char text[] = "ts,temp_c\n2026-01-01,9999\n";
	struct sample_csv csv = {0};
	struct err err = {""};

	(void)state;
	assert_int_equal(
		sample_csv_parse(text, sizeof text - 1, 0, &sample_csv_celsius, &csv, &err),
		-EINVAL);
	assert_string_equal(err.text, "line 2: 9999 is not within -90 to 70");
}

static void test_flags(void **state)
{
	static const char text[] = "ts,kwh,estimated\n2026-01-01,1,1\n2026-02-01,2,0\n2026-03-01,,";
	struct sample_csv csv = {0};

	(void)state;
	assert_int_equal(sample_csv_parse(text, sizeof text - 1, 0, &sample_csv_use, &csv, NULL),
			 0);
	assert_int_equal(csv.n, 3);
	assert_true(csv.samples[0].is_estimated && !csv.samples[1].is_estimated);
	sample_csv_fini(&csv);
}

static void test_samples_of_a_day(void **state)
{
	static const struct {
		int64_t step_ms;
		int expected;
	} steps[] = {{DAY_MS, 1},
		     {HOUR_MS, 24},
		     {HOUR_MS / 2, 48},
		     {HOUR_MS / 4, 96},
		     {3LL * HOUR_MS, 1}};

	(void)state;
	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
		struct sample samples[100] = {0};
		struct sample_csv csv = {samples, 100};

		for (int64_t k = 0; k < 100; k++)
			samples[k].start_ms = k * steps[i].step_ms;
		assert_int_equal(sample_csv_per_day(&csv), steps[i].expected);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_a_missing_value_code_is_no_temperature),
		cmocka_unit_test(test_flags),
		cmocka_unit_test(test_samples_of_a_day),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
