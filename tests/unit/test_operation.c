/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/decimal.h"
#include "server/figures/operation.h"

#define ALL LOAD_ALL_HOURS

/* 2 kWh in each hour of the night, 8 kWh in the others. */
static struct load_day a_day(void)
{
	struct load_day load = {
		.known = ALL, .has_peak = true, .peak = 20 * MICRO, .peak_at_ms = 7};

	for (int h = 0; h < DERIVED_HOURS; h++)
		load.hours[h] = (h < OPERATION_NIGHT_HOURS ? 2 : 8) * (int64_t)MICRO;
	return load;
}

static void two_prices(int64_t prices[24])
{
	for (int h = 0; h < 24; h++)
		prices[h] = h < 8 ? 400000 : 900000; /* 0.4 and 0.9 yuan */
}

static void a_day_by_hand(void **state)
{
	const struct load_day load = a_day();
	struct operation of = {0};
	int64_t prices[24];

	(void)state;
	two_prices(prices);
	operation_add(&of, &(struct operation_day){&load, ALL, false, prices});
	assert_int_equal(of.energy, (5 * 2 + 19 * 8) * MICRO);    /* 162 kWh */
	assert_int_equal(operation_base_energy(&of), 48 * MICRO); /* 2 kW x 24 h */
	/* 10 x 0.4 + 24 x 0.4 + 128 x 0.9 */
	assert_int_equal(of.cost, 128800000);
	/* 2 kW x (8 x 0.4 + 16 x 0.9) */
	assert_int_equal(operation_base_cost(&of), 35200000);
	assert_int_equal(of.free_hours, 0);
	assert_int_equal(of.lowest, 2 * MICRO);
}

static void what_is_not_known_does_not_count(void **state)
{
	struct load_day load = a_day();
	struct operation of = {0};

	(void)state;
	load.hours[2] = load.hours[20] = 0;
	load.known = ALL & ~(UINT32_C(1) << 2 | UINT32_C(1) << 20);
	operation_add(&of, &(struct operation_day){&load, ALL, true, NULL});
	assert_int_equal(of.hours, 22);
	assert_int_equal(of.night_hours, 4);
	assert_int_equal(operation_base_energy(&of), 44 * MICRO);
	assert_int_equal(of.free_energy, (4 * 2 + 18 * 8) * MICRO);
	assert_int_equal(of.nights, 0); /* with a gap its lowest hour is not known */
	assert_int_equal(of.cost, 0);
	assert_int_equal(operation_base_cost(&of), 0);
}

static void hours_outside_do_not_count(void **state)
{
	const struct load_day load = a_day();
	struct operation of = {0};

	(void)state;
	operation_add(&of, &(struct operation_day){&load, 0x3ff, false, NULL}); /* until ten */
	assert_int_equal(of.energy, (5 * 2 + 5 * 8) * MICRO);
}

static void the_highest_day_is_the_peak(void **state)
{
	struct load_day load = a_day();
	struct operation of = {0};

	(void)state;
	for (int i = 0; i < 3; i++) {
		load.peak = (i == 1 ? 30 : 20) * (int64_t)MICRO;
		load.peak_at_ms = i;
		operation_add(&of, &(struct operation_day){&load, ALL, false, NULL});
	}
	assert_int_equal(of.peak, 30 * MICRO);
	assert_int_equal(of.peak_at_ms, 1);
	assert_int_equal(of.peak_days, 3);
}

/* 0.2 m3 in the night's lowest hour of 0.36 on average: more than a tenth. */
static void water_that_never_rests_leaks(void **state)
{
	static const struct {
		const char *name;
		int nights;
		int64_t lowest;
		bool leaks;
	} cases[] = {
		{"every night", 7, 200000, true},
		{"too few nights", 6, 200000, false},
		{"one quiet hour in a week", 7, 0, false},
		{"a drop, as a meter's step is", 7, 20000, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct operation of = {0};

		for (int n = 0; n < cases[i].nights; n++) {
			struct load_day load = a_day();

			for (int h = 0; h < DERIVED_HOURS; h++)
				load.hours[h] = 360000;
			load.hours[3] = n == 0 ? cases[i].lowest : 200000;
			operation_add(&of, &(struct operation_day){&load, ALL, false, NULL});
		}
		if (operation_leaks(&of) != cases[i].leaks)
			fail_msg("%s", cases[i].name);
	}
	assert_false(operation_leaks(&(struct operation){0}));
}

static bool is_same(const struct operation *a, const struct operation *b)
{
	struct buf x = {0}, y = {0};
	bool is = operation_write(a, &x) == operation_write(b, &y) && x.len == y.len &&
		  (x.len == 0 || memcmp(x.data, y.data, x.len) == 0);

	buf_fini(&x);
	buf_fini(&y);
	return is;
}

/* What two servers have to agree on: parts put together, each through its text, are the whole. */
static void parts_put_together_are_the_whole(void **state)
{
	struct operation whole = {.fees = 2, .has_tariff = true}, sum = {0};
	struct load_day load = a_day();
	int64_t prices[24];

	(void)state;
	two_prices(prices);
	for (int day = 0; day < 9; day++) {
		struct operation part = {.fees = day < 2, .has_tariff = true}, read;
		const struct operation_day of = {&load, ALL, day % 3 == 0,
						 day == 4 ? NULL : prices};
		struct buf text = {0};

		load.has_peak = day != 1;
		load.peak = (day * 7 % 5) * (int64_t)MICRO;
		load.peak_at_ms = 1000 + day;
		load.hours[3] = (11 - day) * (int64_t)MICRO;
		load.hours[day] = day != 6 ? -day : 0;
		load.known = day != 6 ? ALL : ALL & ~(UINT32_C(1) << 6);
		operation_add(&whole, &of);
		operation_add(&part, &of);
		assert_true(operation_write(&part, &text));
		assert_true(operation_read(&read, text.data));
		operation_merge(&sum, &read);
		buf_fini(&text);
	}
	assert_true(is_same(&sum, &whole));
	assert_int_equal(sum.peak_at_ms, whole.peak_at_ms);
	assert_int_equal(operation_base_cost(&sum), operation_base_cost(&whole));
}

static void what_is_no_load_is_refused(void **state)
{
	static const char *const texts[] = {"",
					    "{",
					    "{}",
					    "{\"hours\":}",
					    "{\"hours\":1}x",
					    "{\"hours\":-1}",
					    "{\"nights\":7}",
					    "{\"night_energy\":1,\"hours\":1}",
					    "{\"energy\":9223372036854775807,\"hours\":1}",
					    "{\"hours\":1,\"tariffs\":1}"};
	struct operation of = {0};
	struct buf text = {0};

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		if (operation_read(&of, texts[i]))
			fail_msg("%s", texts[i]);
	assert_false(operation_read(&of, NULL));
	assert_false(operation_write(&(struct operation){.has_tariff = true}, &text));
	assert_int_equal(text.len, 0);
	assert_true(operation_read(&of, "{\"hours\":1,\"tariff\":1}"));
	assert_true(of.has_tariff);
	assert_int_equal(of.hours, 1);
}

/* Hour by hour, as the definition says. */
static void add_slowly(struct operation *of, const struct operation_day *day)
{
	for (int h = 0; h < DERIVED_HOURS; h++) {
		int64_t value = day->load->hours[h];

		if ((day->hours & day->load->known & UINT32_C(1) << h) == 0)
			continue;
		of->energy += value;
		of->hours++;
		of->night_energy += h < OPERATION_NIGHT_HOURS ? value : 0;
		of->night_hours += h < OPERATION_NIGHT_HOURS;
		of->free_energy += day->is_free ? value : 0;
		of->free_hours += day->is_free;
		if (day->prices == NULL || day->prices[h] == MICRO_NONE)
			continue;
		of->cost += scale_int64(value, day->prices[h], MICRO);
		of->priced_energy += value;
		of->prices += day->prices[h];
	}
}

/* Odd amounts and prices, gaps and borders: each hour's money is rounded by itself. */
static void sums_are_those_of_the_hours(void **state)
{
	struct operation fast = {0}, slow = {0};
	uint64_t seed = 1;

	(void)state;
	for (int n = 0; n < 3000; n++) {
		struct load_day load = {.day = n};
		int64_t prices[DERIVED_HOURS];
		uint32_t masks[2];

		for (int h = 0; h < DERIVED_HOURS; h++) {
			seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
			load.hours[h] = (int64_t)(seed >> 33) - (n % 7 == 0 ? 1000000000 : 0);
			prices[h] = n % 5 == 0 && h % 4 == 0 ? MICRO_NONE
							     : (int64_t)(seed >> 40) % 1500000;
		}
		masks[0] = n % 3 == 0 ? (uint32_t)(seed >> 40) & ALL : ALL;
		masks[1] = n % 11 == 0 ? (uint32_t)(seed >> 20) & ALL : ALL;
		load.known = masks[0];
		const struct operation_day day = {&load, masks[1], n % 4 == 0,
						  n % 9 == 0 ? NULL : prices};

		operation_add(&fast, &day);
		add_slowly(&slow, &day);
	}
	slow.nights = fast.nights;
	slow.night_minima = fast.night_minima;
	slow.lowest = fast.lowest;
	assert_memory_equal(&fast, &slow, sizeof fast);
	assert_true(fast.cost != 0 && fast.free_hours > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_day_by_hand),
		cmocka_unit_test(what_is_not_known_does_not_count),
		cmocka_unit_test(hours_outside_do_not_count),
		cmocka_unit_test(the_highest_day_is_the_peak),
		cmocka_unit_test(water_that_never_rests_leaks),
		cmocka_unit_test(parts_put_together_are_the_whole),
		cmocka_unit_test(what_is_no_load_is_refused),
		cmocka_unit_test(sums_are_those_of_the_hours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
