/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/decimal.h"
#include "server/rollup/load_code.h"

enum { FIRST = 20000 }; /* begins a block */

static struct load_day a_day(civil_day day, int64_t hour)
{
	struct load_day load = {.day = day, .known = LOAD_ALL_HOURS};

	for (int h = 0; h < DERIVED_HOURS; h++)
		load.hours[h] = hour * (h % 3 + 1);
	return load;
}

static bool is_same(const struct load_day *a, const struct load_day *b)
{
	return a->day == b->day && a->known == b->known && a->estimated == b->estimated &&
	       a->has_peak == b->has_peak && a->peak == b->peak && a->peak_at_ms == b->peak_at_ms &&
	       memcmp(a->hours, b->hours, sizeof a->hours) == 0;
}

static struct load_day peak_of(struct load_day load, int64_t peak)
{
	load.has_peak = true;
	load.peak = peak;
	load.peak_at_ms = 1700000000123;
	return load;
}

static struct load_day known_of(struct load_day load, uint32_t known)
{
	load.known = known;
	for (int h = 0; h < DERIVED_HOURS; h++)
		load.hours[h] = (known >> h & 1) != 0 ? load.hours[h] : 0;
	return load;
}

static struct load_day estimated_of(struct load_day load, uint32_t hours)
{
	load.estimated = hours;
	return load;
}

static void put(struct load_block *block, struct load_day load)
{
	assert_int_equal(load_block_put(block, &load), 0);
}

static void expect_days(const struct load_block *block, const struct load_day *days)
{
	struct load_day found;
	size_t at = 0;

	for (int i = 0; i < LOAD_BLOCK_DAYS; i++) {
		assert_int_equal(
			load_block_next(block->data, block->len, load_block_of(FIRST), &at, &found),
			0);
		if (!is_same(&found, &days[i]))
			fail_msg("day %d", i);
	}
	assert_int_equal(at, block->len);
}

static void days_come_back_as_they_were(void **state)
{
	const struct load_day days[] = {
		a_day(FIRST, 0),
		a_day(FIRST + 1, 7),
		peak_of(a_day(FIRST + 2, 12 * (int64_t)MICRO), 90 * (int64_t)MICRO),
		known_of(a_day(FIRST + 3, 250000), 0x00f0ff),
		estimated_of(a_day(FIRST + 4, 5000 * (int64_t)MICRO), 0x800001),
		a_day(FIRST + 5, -3),
		peak_of((struct load_day){.day = FIRST + 6}, -1),
		peak_of(estimated_of(known_of(a_day(FIRST + 7, INT64_MAX / 3), 0xfffffe), 0x2),
			INT64_MAX),
	};
	static const size_t orders[][LOAD_BLOCK_DAYS] = {
		{0, 1, 2, 3, 4, 5, 6, 7}, {7, 6, 5, 4, 3, 2, 1, 0}, {3, 0, 7, 1, 6, 2, 5, 4}};

	(void)state;
	for (size_t o = 0; o < sizeof orders / sizeof *orders; o++) {
		struct load_block block = {.len = 0};

		for (int i = 0; i < LOAD_BLOCK_DAYS; i++)
			put(&block, days[orders[o][i]]);
		expect_days(&block, days);
	}
}

static void a_day_is_replaced_and_taken_out(void **state)
{
	struct load_block block = {.len = 0}, other = {.len = 0};

	(void)state;
	put(&block, a_day(FIRST, 1));
	put(&block, a_day(FIRST + 3, 1));
	put(&block, a_day(FIRST + 5, 1));
	put(&block, peak_of(a_day(FIRST + 3, MICRO), MICRO)); /* longer */
	put(&block, a_day(FIRST + 5, 2));
	put(&block, (struct load_day){.day = FIRST});
	put(&block, (struct load_day){.day = FIRST + 7}); /* is not there */
	put(&other, a_day(FIRST + 5, 2));
	put(&other, peak_of(a_day(FIRST + 3, MICRO), MICRO));
	assert_int_equal(block.len, other.len);
	assert_memory_equal(block.data, other.data, block.len);
	put(&block, (struct load_day){.day = FIRST + 3});
	put(&block, (struct load_day){.day = FIRST + 5});
	assert_int_equal(block.len, 0);
}

static void days_belong_to_blocks(void **state)
{
	static const struct {
		civil_day day;
		int64_t block;
	} cases[] = {{0, 0}, {7, 0}, {8, 1}, {-1, -1}, {-8, -1}, {-9, -2}, {FIRST, FIRST / 8}};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct load_block block = {.len = 0};
		struct load_day load = a_day(cases[i].day, 1), found;
		size_t at = 0;

		assert_int_equal(load_block_of(cases[i].day), cases[i].block);
		put(&block, load);
		assert_int_equal(
			load_block_next(block.data, block.len, cases[i].block, &at, &found), 0);
		assert_int_equal(found.day, cases[i].day);
	}
}

/* Electricity in hours of less than 4,294 kWh, with its peaks: a row stays whole in its page. */
static void a_block_is_short(void **state)
{
	struct load_block block = {.len = 0};

	(void)state;
	for (int i = 0; i < LOAD_BLOCK_DAYS; i++)
		put(&block, peak_of(a_day(FIRST + i, 1400 * (int64_t)MICRO), MICRO));
	assert_in_range(block.len, 1, 950);
}

static void damage_is_noticed(void **state)
{
	static const struct {
		const char *name;
		size_t len;
		unsigned char data[8];
	} cases[] = {
		{"a head alone", 1, {0}},
		{"a flag that there is not", 2, {0x40, 0}},
		{"too wide", 8, {0, 9}},
		{"hours are cut off", 8, {0, 1, 1, 2, 3}},
		{"a mask is cut off", 4, {0x10, 0, 0xff, 0xff}},
		{"a peak is cut off", 8, {0x08, 0, 1, 2, 3}},
	};
	const struct load_day later = a_day(FIRST + 7, 1);

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct load_block block = {.len = cases[i].len};
		struct load_day found;
		size_t at = 0;

		memcpy(block.data, cases[i].data, cases[i].len);
		if (load_block_next(block.data, block.len, 0, &at, &found) == 0)
			fail_msg("read: %s", cases[i].name);
		if (load_block_put(&block, &later) == 0)
			fail_msg("written: %s", cases[i].name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(days_come_back_as_they_were),
		cmocka_unit_test(a_day_is_replaced_and_taken_out),
		cmocka_unit_test(days_belong_to_blocks),
		cmocka_unit_test(a_block_is_short),
		cmocka_unit_test(damage_is_noticed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
