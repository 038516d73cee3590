/* SPDX-License-Identifier: Apache-2.0 */
/* Shared buildings: their energy divided to the last digit, by hand and at random. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/campus.h"

#include "server/registry/apportion.h"
#include "server/rollup/derived.h"

#define KWH "active_energy_import_kwh"

static uint64_t seed;

static uint64_t random_below(uint64_t n)
{
	seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (seed >> 33) % n;
}

/* ---- apportionment ---- */

/* clang-format off */
static const struct {
	const char *name;
	int64_t whole, weights[4], expected[4];
} divisions[] = {
	{"what divides evenly", 100, {600, 300, 100, 0}, {60, 30, 10, 0}},
	{"the largest remainder gets the unit that is left", 10, {1, 2, 4, 0}, {1, 3, 6, 0}}, /* 1.43 2.86 5.71 */
	{"of equal remainders the first", 2, {1, 1, 1, 1}, {1, 1, 0, 0}},
	{"a negative amount as its opposite", -10, {1, 2, 4, 0}, {-1, -3, -6, 0}},
	{"nobody to give it to", 10, {0, 0, 0, 0}, {0, 0, 0, 0}},
	{"numbers near the end of 64 bits", INT64_MAX, {INT64_MAX / 2, INT64_MAX / 2, 1, 0},
	 {4611686018427387903, 4611686018427387903, 1, 0}},
};
/* clang-format on */

static void amounts_are_divided(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof divisions / sizeof *divisions; i++) {
		int64_t parts[4];

		apportion(divisions[i].whole, divisions[i].weights, 4, parts);
		if (memcmp(parts, divisions[i].expected, sizeof parts) != 0)
			fail_msg("%s: %lld %lld %lld %lld", divisions[i].name, (long long)parts[0],
				 (long long)parts[1], (long long)parts[2], (long long)parts[3]);
	}
}

static void parts_of_random_amounts_add_up(void **state)
{
	(void)state;
	seed = 7;
	for (int round = 0; round < 20000; round++) {
		int64_t weights[16], parts[16], sum = 0, all = 0;
		int64_t whole = (int64_t)random_below(UINT64_C(1) << 31) *
				(int64_t)random_below(UINT64_C(1) << 31);
		size_t n = 1 + random_below(16);

		for (size_t i = 0; i < n; i++)
			all += weights[i] = (int64_t)random_below(round % 2 == 0 ? 5 : 1000000000);
		apportion(whole, weights, n, parts);
		for (size_t i = 0; i < n; i++) {
			long double exact = all > 0 ? (long double)whole * weights[i] / all : 0;

			sum += parts[i];
			assert_true((long double)parts[i] - exact < 1.001L &&
				    exact - (long double)parts[i] < 1.001L);
		}
		assert_true(sum == (all > 0 ? whole : 0));
	}
}

/* ---- one shared building by hand ---- */

static const char *const names[] = {"370102-0001", "370102-0002", "370102-0003"};

static void write_institution(const struct campus *campus, const char *id, const char *more)
{
	char *file = xasprintf("registry/institutions/%s.yaml", id);
	char *text = xasprintf("id: %s\nname: %s\ntype: government\nregion: \"370102\"\n%s", id, id,
			       more);

	campus_write(campus, file, text);
	free(text);
	free(file);
}

static void init(struct campus *campus)
{
	campus_init(campus, "id: 370102-0001\nname: a\ntype: government\nregion: \"370102\"\n");
	write_institution(campus, names[1], "headcount: [{from: 2020-01-01, persons: 10}]\n");
	write_institution(campus, names[2], "");
}

/* An institution's amount of electricity on a day (or in a month). */
static int64_t value_of(struct campus *campus, enum derived_table table, const char *name,
			const char *item, const char *day)
{
	struct derived_key key = {.day = campus_day(day), .carrier = CARRIER_ELECTRICITY};
	struct derived_name found;
	struct derived_row row = {0};
	struct derived *derived;
	struct err err = {""};
	int64_t sum = 0;
	int rc;

	campus_check(derived_open(&derived, campus->ledger, &err), &err);
	rc = derived_find(derived, DERIVED_INSTITUTION, name, &found, &err);
	strncpy(key.item, item, sizeof key.item - 1);
	key.id = found.id;
	if (rc == 1)
		campus_check(derived_get(derived, table, &key, &row, NULL, &err), &err);
	derived_close(derived);
	for (int h = 0; h < DERIVED_HOURS && row.has_hours; h++)
		sum += row.hours[h].value;
	if (row.has_hours)
		assert_true(sum == row.sum.value);
	return row.sum.value;
}

#define METER(id, role, more)                                                   \
	"  - {id: " id ", carrier: electricity, role: " role ", quantity: " KWH \
	", interval: 1h, " more "lives: [{from: 2025-01-01, ratio: 1}]}\n"

static const char centre_yaml[] =
	"id: centre\nname: 政务中心\nregion: \"370102\"\n"
	"buildings: [{id: tower, name: 主楼, area: [{from: 2012-01-01, m2: 1100}]}]\n"
	"meters:\n" METER("c1", "main", "") METER("c2", "sub", "item: 01A00, ")
		METER("c3", "sub", "item: 01B00, ")
			METER("c4", "sub",
			      "scope: tenant, ") "occupants:\n"
						 "  - {institution: 370102-0001, from: 2026-01-01, "
						 "m2: 600, persons: 20}\n"
						 "  - {institution: 370102-0002, from: 2026-01-01, "
						 "to: 2026-03-02, m2: 300, persons: 9}\n"
						 "  - {institution: 370102-0003, from: 2026-01-01, "
						 "m2: 100, apportion: submeter, meters: [c3]}\n"
						 "  - {name: 银行, from: 2026-03-02, m2: 300, "
						 "scope: tenant}\n";

/* 100.01 kWh an hour in all: c4's tenant 10, c3 20, c2 7 of the others'. */
static void feed_centre(struct campus *campus)
{
	const struct reading start = {campus_time("2026-02-20"), 0};

	campus_steady(campus, "c1", KWH, start, HOUR_MS, 100010000, 24 * 20);
	campus_steady(campus, "c2", KWH, start, HOUR_MS, 7000001, 24 * 20);
	campus_steady(campus, "c3", KWH, start, HOUR_MS, 20000000, 24 * 20);
	campus_steady(campus, "c4", KWH, start, HOUR_MS, 10000000, 24 * 20);
}

/* clang-format off */
static const struct {
	const char *name, *of, *item, *day;
	enum derived_table table;
	int64_t expected;
} centre_rows[] = {
	{"the whole: 24 x (100.01 - 10)", "centre", "total", "2026-03-01", DERIVED_INSTITUTION_DAY, 2160240000},
	/* 24 x (90.01 - 20) = 1680.24, by 600, 300 and 100 of 1000 */
	{"by area", "370102-0001", "total", "2026-03-01", DERIVED_INSTITUTION_DAY, 1008144000},
	{"by area", "370102-0002", "total", "2026-03-01", DERIVED_INSTITUTION_DAY, 504072000},
	{"its own sub-meter, and the rest by area", "370102-0003", "total", "2026-03-01", DERIVED_INSTITUTION_DAY, 648024000},
	{"what comes from shared buildings", "370102-0003", "shared", "2026-03-01", DERIVED_INSTITUTION_DAY, 648024000},
	/* 24 x 7.000001 = 168.000024: 100.8000144, 50.4000072, 16.8000024; the first gets the unit left */
	{"parts are divided alike", "370102-0001", "01A", "2026-03-01", DERIVED_INSTITUTION_DAY, 100800015},
	{"an own sub-meter's item", "370102-0003", "01B", "2026-03-01", DERIVED_INSTITUTION_DAY, 480000000},
	{"nobody else's", "370102-0001", "01B", "2026-03-01", DERIVED_INSTITUTION_DAY, 0},
	{"what no part counts", "370102-0001", "rest", "2026-03-01", DERIVED_INSTITUTION_DAY, 1008144000 - 100800015},
	{"after it left", "370102-0002", "total", "2026-03-02", DERIVED_INSTITUTION_DAY, 0},
	{"its month: a day", "370102-0002", "total", "2026-03-01", DERIVED_INSTITUTION_MONTH, 504072000},
	{"its nine days of February", "370102-0002", "total", "2026-02-01", DERIVED_INSTITUTION_MONTH, 4536648000},
};
/* clang-format on */

static void check_centre(struct campus *campus)
{
	for (size_t i = 0; i < sizeof centre_rows / sizeof *centre_rows; i++) {
		int64_t got = value_of(campus, centre_rows[i].table, centre_rows[i].of,
				       centre_rows[i].item, centre_rows[i].day);

		if (got != centre_rows[i].expected)
			fail_msg("%s: %s is %lld", centre_rows[i].name, centre_rows[i].of,
				 (long long)got);
	}
}

static void a_building_is_divided(void **state)
{
	struct campus campus;

	(void)state;
	init(&campus);
	campus_write_site(&campus, "centre", centre_yaml);
	campus_reload(&campus);
	feed_centre(&campus);
	campus_derive(&campus);
	check_centre(&campus);
	campus_fini(&campus);
}

/* The registry learns of the building after the readings; then the building is given up. */
static void what_the_registry_changes_is_divided_anew(void **state)
{
	struct campus campus;
	char *path;

	(void)state;
	init(&campus);
	feed_centre(&campus);
	campus_derive(&campus);
	assert_int_equal(
		value_of(&campus, DERIVED_INSTITUTION_DAY, names[0], "total", "2026-03-01"), 0);
	campus_write_site(&campus, "centre", centre_yaml);
	campus_reload(&campus);
	campus_derive(&campus);
	check_centre(&campus);
	path = xasprintf("%s/registry/sites/centre.yaml", campus.folder);
	assert_int_equal(remove(path), 0);
	free(path);
	campus_reload(&campus);
	campus_derive(&campus);
	for (size_t i = 0; i < sizeof centre_rows / sizeof *centre_rows; i++)
		assert_int_equal(value_of(&campus, centre_rows[i].table, centre_rows[i].of,
					  centre_rows[i].item, centre_rows[i].day),
				 0);
	campus_fini(&campus);
}

static void area_and_persons_count_for_the_institution(void **state)
{
	const struct registry_institution *it;
	struct campus campus;

	(void)state;
	init(&campus);
	campus_write_site(&campus, "centre", centre_yaml);
	campus_reload(&campus);
	it = &campus.registry->institutions[1];
	/* March: one day of 300 m2 and 9 persons beside its 10 */
	assert_int_equal(registry_area(it, campus_day("2026-03-01"), campus_day("2026-03-02")),
			 300 * (int64_t)MICRO);
	assert_int_equal(registry_area(it, campus_day("2026-03-01"), campus_day("2026-03-11")),
			 30 * (int64_t)MICRO);
	assert_int_equal(registry_headcount(it, campus_day("2026-03-01"), campus_day("2026-03-11")),
			 10900000);
	campus_fini(&campus);
}

/* ---- random buildings ---- */

struct chance {
	struct campus campus;
	struct buf yaml;
	size_t n_meters, n_institutions;
	bool is_m1_own;
};

static void random_meters(struct chance *chance)
{
	static const char *const scopes[] = {"own", "own", "own", "tenant", "ev_public"};
	static const char *const items[] = {"01000", "01A00", "01B10", "01C00"};

	chance->n_meters = 2 + random_below(7);
	buf_add_text(&chance->yaml, "id: centre\nname: c\nregion: \"370102\"\nmeters:\n");
	for (size_t i = 0; i < chance->n_meters; i++) {
		bool is_main = i == 0 || random_below(6) == 0;

		buf_printf(&chance->yaml,
			   "  - {id: m%zu, carrier: electricity, interval: 1h, quantity: " KWH
			   ", lives: [{from: 2025-01-01, ratio: 1}], item: \"%s\", ",
			   i, items[random_below(4)]);
		if (is_main)
			buf_add_text(&chance->yaml, "role: main}\n");
		else {
			const char *scope = scopes[random_below(5)];

			chance->is_m1_own &= i != 1 || strcmp(scope, "own") == 0;
			buf_printf(&chance->yaml, "role: sub, parent: m%zu, scope: %s}\n",
				   (size_t)random_below(i), scope);
		}
	}
}

/* Every institution is there for all of March, some with a sub-meter of their own. */
static void random_occupants(struct chance *chance)
{
	bool by_persons = random_below(2) == 0, is_measured = false;
	int64_t left = MICRO;

	chance->n_institutions = 1 + random_below(3);
	buf_add_text(&chance->yaml, "occupants:\n");
	for (size_t i = 0; i < chance->n_institutions; i++) {
		is_measured = i == 0 && chance->is_m1_own && random_below(2) == 0;
		buf_printf(&chance->yaml, "  - {institution: %s, from: 2026-03-01, ", names[i]);
		if (i > 0 && random_below(3) == 0) {
			int64_t share = 1 + (int64_t)random_below((uint64_t)left / 2);
			char text[DECIMAL_TEXT_MAX];

			left -= share;
			(void)decimal_print_micro(share, text);
			buf_printf(&chance->yaml, "apportion: fixed, share: %s}\n", text);
		} else
			buf_printf(&chance->yaml, "m2: %zu.%zu, persons: %zu, %s: %s%s}\n",
				   (size_t)(1 + random_below(9000)), (size_t)random_below(1000),
				   (size_t)(1 + random_below(300)),
				   is_measured ? "rest" : "apportion",
				   by_persons ? "persons" : "area",
				   is_measured ? ", apportion: submeter, meters: [m1]" : "");
	}
}

static void random_readings(struct chance *chance)
{
	for (size_t m = 0; m < chance->n_meters; m++) {
		char id[32];
		struct reading readings[73];
		size_t n = 0;
		int64_t value = 0;

		(void)snprintf(id, sizeof id, "m%zu", m);
		for (size_t h = 0; h <= 72; h++) {
			value += (int64_t)random_below(100000000);
			if (h > 0 && random_below(5) == 0)
				continue;
			readings[n++] = (struct reading){
				campus_time("2026-03-01") + (int64_t)h * HOUR_MS, value};
		}
		campus_merge(&chance->campus, id, KWH, readings, n);
	}
}

static void check_sums(struct chance *chance, const char *item, const char *day,
		       enum derived_table table)
{
	int64_t sum = 0;

	for (size_t i = 0; i < chance->n_institutions; i++)
		sum += value_of(&chance->campus, table, names[i], item, day);
	if (sum != value_of(&chance->campus, table, "centre", item, day))
		fail_msg("%s of %s does not add up", item, day);
}

static void parts_of_random_buildings_add_up(void **state)
{
	static const char *const items[] = {"total", "01A", "01B", "01C"};
	static const char *const days[] = {"2026-03-01", "2026-03-02", "2026-03-03"};

	(void)state;
	for (uint64_t round = 0; round < 40; round++) {
		struct chance chance = {.is_m1_own = true};

		seed = round + 1;
		init(&chance.campus);
		random_meters(&chance);
		random_occupants(&chance);
		campus_write_site(&chance.campus, "centre", chance.yaml.data);
		campus_reload(&chance.campus);
		random_readings(&chance);
		campus_derive(&chance.campus);
		for (size_t i = 0; i < 4; i++) {
			for (size_t d = 0; d < 3; d++)
				check_sums(&chance, items[i], days[d], DERIVED_INSTITUTION_DAY);
			check_sums(&chance, items[i], "2026-03-01", DERIVED_INSTITUTION_MONTH);
		}
		campus_fini(&chance.campus);
		buf_fini(&chance.yaml);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(amounts_are_divided),
		cmocka_unit_test(parts_of_random_amounts_add_up),
		cmocka_unit_test(a_building_is_divided),
		cmocka_unit_test(what_the_registry_changes_is_divided_anew),
		cmocka_unit_test(area_and_persons_count_for_the_institution),
		cmocka_unit_test(parts_of_random_buildings_add_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
