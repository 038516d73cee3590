/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server/ledger/series.h"

#define DAY   20000
#define START ((int64_t)DAY * DAY_MS)

/* clang-format off */
static const struct {
	const char *phrase;
	size_t n;
	struct reading readings[4];
	size_t len;
	unsigned char bytes[32];
} encodings[] = {
	{ "nothing", 0, {{0, 0}}, 0, {0} },
	{ "the day's first millisecond, zero", 1, {{START, 0}}, 2, {0, 0} },
	{ "a value", 1, {{START + 1, 64}}, 3, {1, 0x80, 1} },
	{ "a negative value", 1, {{START + 1, -1}}, 2, {1, 1} },
	{ "a second reading is a difference", 2, {{START + 5, 100}, {START + 6, 99}}, 5,
	  {5, 0xc8, 1, 1, 1} },
	{ "the last millisecond", 1, {{START + DAY_MS - 1, 0}}, 5, {0xff, 0xb7, 0x99, 0x29, 0} },
	{ "largest after smallest wraps", 2, {{START, INT64_MIN}, {START + 1, INT64_MAX}}, 13,
	  {0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 1, 1} },
};

static const struct {
	const char *phrase;
	size_t len;
	unsigned char bytes[24];
} damages[] = {
	{ "a time without a value", 1, {5} },
	{ "a number cut short", 2, {5, 0x80} },
	{ "two readings at the same time", 4, {5, 0, 0, 2} },
	{ "a time behind the day's end", 5, {0x80, 0xb8, 0x99, 0x29, 0} },
	{ "a sum of times behind the day's end", 7, {1, 0, 0xff, 0xb7, 0x99, 0x29, 0} },
	{ "a number not in its shortest spelling", 3, {0x85, 0, 0} },
	{ "a number of more than 64 bits", 11,
	  {0, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 2} },
};

static const struct {
	const char *phrase;
	size_t n_a, n_b, n;
	struct reading a[3], b[3], out[6];
	size_t added, conflicts, raised;
} unions[] = {
	{ "into nothing", 0, 2, 2, {{0, 0}}, {{1, 5}, {2, 6}}, {{1, 5}, {2, 6}}, 2, 0, 0 },
	{ "nothing new", 2, 2, 2, {{1, 5}, {2, 6}}, {{1, 5}, {2, 6}}, {{1, 5}, {2, 6}}, 0, 0, 0 },
	{ "between", 2, 1, 3, {{1, 5}, {3, 6}}, {{2, 9}}, {{1, 5}, {2, 9}, {3, 6}}, 1, 0, 0 },
	{ "larger value of a time replaces", 1, 1, 1, {{1, 5}}, {{1, 6}}, {{1, 6}}, 0, 1, 1 },
	{ "smaller value of a time goes", 1, 1, 1, {{1, 6}}, {{1, 5}}, {{1, 6}}, 0, 1, 0 },
	{ "new time told twice", 0, 2, 1, {{0, 0}}, {{1, 5}, {1, 7}}, {{1, 7}}, 1, 1, 1 },
	{ "before and behind", 1, 2, 3, {{5, 1}}, {{4, 1}, {6, 1}}, {{4, 1}, {5, 1}, {6, 1}}, 2, 0, 0 },
};
/* clang-format on */

static void writes_the_documented_bytes_and_reads_them(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof encodings / sizeof *encodings; i++) {
		struct reading out[16];
		struct buf bytes = {0};
		size_t n = 99;

		series_encode(DAY, encodings[i].readings, encodings[i].n, &bytes);
		if (bytes.len != encodings[i].len ||
		    (bytes.len > 0 && memcmp(bytes.data, encodings[i].bytes, bytes.len) != 0))
			fail_msg("%s: other bytes", encodings[i].phrase);
		if (series_decode(DAY, bytes.data, bytes.len, out, &n) != 0 ||
		    n != encodings[i].n || memcmp(out, encodings[i].readings, n * sizeof *out) != 0)
			fail_msg("%s: does not read back", encodings[i].phrase);
		buf_fini(&bytes);
	}
}

static void refuses_damaged_bytes(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
		struct reading out[16];
		size_t n;

		if (series_decode(DAY, damages[i].bytes, damages[i].len, out, &n) == 0)
			fail_msg("%s: accepted", damages[i].phrase);
	}
}

static void merges_as_a_set(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof unions / sizeof *unions; i++) {
		struct reading out[6];
		struct series_merged m =
			series_merge(unions[i].a, unions[i].n_a, unions[i].b, unions[i].n_b, out);

		if (m.n != unions[i].n || memcmp(out, unions[i].out, m.n * sizeof *out) != 0)
			fail_msg("%s: other set", unions[i].phrase);
		if (m.added != unions[i].added || m.conflicts != unions[i].conflicts ||
		    m.raised != unions[i].raised)
			fail_msg("%s: other counts", unions[i].phrase);
	}
}

static void day_of_a_time_before_1970(void **state)
{
	(void)state;
	assert_int_equal(series_day_of(-1), -1);
	assert_int_equal(series_day_of(-(int64_t)DAY_MS), -1);
	assert_int_equal(series_day_of(-(int64_t)DAY_MS - 1), -2);
	assert_int_equal(series_day_of(START + DAY_MS - 1), DAY);
	assert_true(series_day_start(DAY) == START);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_the_documented_bytes_and_reads_them),
		cmocka_unit_test(refuses_damaged_bytes),
		cmocka_unit_test(merges_as_a_set),
		cmocka_unit_test(day_of_a_time_before_1970),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
