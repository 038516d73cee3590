/* SPDX-License-Identifier: Apache-2.0 */
/* Reduced readings say what all of them said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <sys/wait.h>

#include "common/clock.h"
#include "server/rollup/reduce.h"
#include "tests/unit/pace_campus.h"

/* ---- which stay ---- */

/* Readings of one hour at these seconds, with values; what stays as letters. */
static const struct {
	const char *name;
	int seconds[40], values[40]; /* end with -1 */
	int near;                    /* second; -1: none */
	const char *stays;           /* k: kept, -: gone */
} choices[] = {
	{"first and last", {0, 60, 120, 180, -1}, {1, 2, 3, 4, -1}, -1, "k--k"},
	{"each hour's", {3480, 3540, 3600, 3660, 3720, -1}, {1, 2, 3, 4, 5, -1}, -1, "kkk-k"},
	{"alone", {60, -1}, {1, -1}, -1, "k"},
	{"two in a second", {0, 60, 60, 120, 180, -1}, {1, 2, 3, 4, 5, -1}, -1, "kkk-k"},
	{"two beside a gap",
	 {0, 60, 120, 180, 240, 600, 660, 720, 780, 840, -1},
	 {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, -1},
	 -1,
	 "k--kkkk--k"},
	{"around a fall", {0, 60, 120, 180, 240, -1}, {1, 2, 0, 1, 2, -1}, -1, "kkkkk"},
	{"sixteen beside an edit",
	 {0,    60,   120,  180,  240,  300,  360,  420,  480,  540,  600,  660,  720,
	  780,  840,  900,  960,  1020, 1080, 1140, 1200, 1260, 1320, 1380, 1440, 1500,
	  1560, 1620, 1680, 1740, 1800, 1860, 1920, 1980, 2040, 2100, 2160, 2220, -1},
	 {0},
	 1150,
	 "k---kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk-k"},
};

static void test_choices(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof choices / sizeof *choices; i++) {
		struct reading readings[40];
		struct span_ms near = {choices[i].near * 1000, choices[i].near * 1000};
		struct reduce_input input = {.readings = readings,
					     .day = {0, DAY_MS},
					     .near = &near,
					     .n_near = choices[i].near >= 0};
		bool keep[40];
		char got[41] = "";

		for (; choices[i].seconds[input.n] >= 0; input.n++)
			readings[input.n] = (struct reading){choices[i].seconds[input.n] * 1000 +
								     (int64_t)input.n,
							     choices[i].values[input.n]};
		size_t gone = reduce_choose(&input, keep), dashes = 0;
		for (size_t k = 0; k < input.n; k++)
			got[k] = keep[k] ? 'k' : '-';
		if (strcmp(got, choices[i].stays) != 0)
			fail_msg("%s: %s", choices[i].name, got);
		for (size_t k = 0; k < input.n; k++)
			dashes += !keep[k];
		assert_int_equal(gone, dashes);
	}
}

/* ---- in the ledger ---- */

enum { STEADY_DAYS = 20 };

static void feed_steady(struct campus *campus)
{
	static const char *const names[] = {"e01", "e02", "e09"};
	int64_t start = campus_time("2026-03-06T00:00:00.250+08:00");
	struct reading *readings = xcalloc(STEADY_DAYS * (size_t)1440, sizeof *readings);

	for (int d = 0; d < 3; d++) {
		int64_t value = 20 * (int64_t)MICRO;

		for (int i = 0; i < STEADY_DAYS * 1440; i++) {
			readings[i] = (struct reading){start + i * (int64_t)PACE_MINUTE_MS, value};
			value += random_below(50000);
		}
		campus_merge(campus, names[d], PACE_KWH, readings, STEADY_DAYS * (size_t)1440);
	}
	for (int i = 0; i < STEADY_DAYS * 1440; i++)
		readings[i].value = random_below(30) * (int64_t)MICRO;
	campus_merge(campus, "e01", "temperature_c", readings, STEADY_DAYS * (size_t)1440);
	free(readings);
	campus_derive(campus);
}

static void open_steady(struct campus *campus)
{
	char *yaml = pace_yaml("1", "60s");

	random_state = 7;
	campus_init(campus, yaml);
	free(yaml);
	feed_steady(campus);
}

static void reduce_all(struct campus *campus)
{
	struct derive_reduced sum = {0};

	pace_reduce(campus, campus_time("2026-06-01"), &sum);
}

static int64_t count_kept(struct campus *campus, const char *quantity)
{
	char *sql = xasprintf("SELECT sum(n) FROM register_day JOIN register ON id = register_id "
			      "WHERE quantity = '%s'",
			      quantity);
	int64_t n = campus_ask(campus, sql);

	free(sql);
	return n;
}

static void test_two_an_hour_stay(void **state)
{
	struct campus campus;

	(void)state;
	open_steady(&campus);
	int64_t bytes =
		campus_ask(&campus, "SELECT sum(length(data)) FROM register_day JOIN "
				    "register ON id = register_id WHERE quantity = '" PACE_KWH "'");
	reduce_all(&campus);
	assert_int_equal(count_kept(&campus, PACE_KWH), 3 * STEADY_DAYS * 48);
	assert_int_equal(count_kept(&campus, "temperature_c"), STEADY_DAYS * 1440);
	assert_true(campus_ask(&campus,
			       "SELECT sum(length(data) + length(sightings)) FROM register_day "
			       "JOIN register ON id = register_id WHERE quantity = '" PACE_KWH
			       "'") *
			    10 <
		    bytes);
	campus_fini(&campus);
}

/* The highest quarter of an hour cannot be made from what stays, and is not. */
static void test_peaks_stay(void **state)
{
	struct campus campus;

	(void)state;
	open_steady(&campus);
	char *before = campus_dump(&campus);
	int n = campus_count_peaks(&campus);
	assert_true(n >= 2 * STEADY_DAYS); /* the institution's and its account's */
	reduce_all(&campus);
	pace_from_scratch(&campus);
	char *after = campus_dump(&campus);
	campus_compare_dumps(after, before, 0);
	int64_t sum = campus_ask(&campus, "SELECT sum(value) FROM meter_month JOIN derived_name n "
					  "USING(id) WHERE name = 'e02'");
	char *yaml = pace_yaml("3", "60s"); /* corrected: exact, for the registers are there */
	campus_register(&campus, yaml);
	campus_derive(&campus);
	assert_int_equal(campus_ask(&campus, "SELECT sum(value) FROM meter_month JOIN derived_name "
					     "n USING(id) WHERE name = 'e02'"),
			 3 * sum);
	assert_int_equal(campus_count_peaks(&campus), n);
	free(yaml);
	free(before);
	free(after);
	campus_fini(&campus);
}

/* A reading of e02 between two that stayed. */
static struct reading between(struct campus *campus)
{
	int64_t t = campus_time("2026-03-08T03:20:30+08:00"), id = 0;
	struct reading *around = NULL, found;
	struct err err = {""};
	size_t n = 0;

	campus_check(
		ledger_register_id(campus->ledger, "e02", 3, PACE_KWH, strlen(PACE_KWH), &id, &err),
		&err);
	campus_check(ledger_readings(campus->ledger, id, t, t + 1, &around, &n, &err), &err);
	assert_int_equal(n, 2);
	found = (struct reading){t, around[0].value / 2 + around[1].value / 2};
	free(around);
	return found;
}

static void test_what_comes_again_changes_nothing(void **state)
{
	struct campus campus;

	(void)state;
	open_steady(&campus);
	char *before = campus_dump(&campus);
	reduce_all(&campus);
	int64_t n = count_kept(&campus, PACE_KWH);
	random_state = 7;
	feed_steady(&campus);
	assert_int_equal(count_kept(&campus, PACE_KWH), n);
	assert_int_equal(campus_ask(&campus, "SELECT count(*) FROM reduce_again"), 0);
	/* What is late and new is looked at once more. */
	const struct reading late = between(&campus);
	campus_merge(&campus, "e02", PACE_KWH, &late, 1);
	assert_int_equal(count_kept(&campus, PACE_KWH), n + 1);
	assert_int_equal(campus_ask(&campus, "SELECT count(*) FROM reduce_again"), 1);
	reduce_all(&campus);
	assert_int_equal(count_kept(&campus, PACE_KWH), n);
	assert_int_equal(campus_ask(&campus, "SELECT count(*) FROM reduce_again"), 0);
	pace_from_scratch(&campus);
	char *after = campus_dump(&campus);
	campus_compare_dumps(after, before, 0);
	free(before);
	free(after);
	campus_fini(&campus);
}

/* As takeover and registry diff copy a register. */
static void copy_register(struct campus *from, struct campus *to, const char *device,
			  const char *quantity)
{
	const int64_t always[2] = {INT64_MIN, INT64_MAX};
	struct ledger_sight sight = {0};
	int64_t source = 0, target = 0;
	struct err err = {""};

	campus_check(ledger_register_id(from->ledger, device, strlen(device), quantity,
					strlen(quantity), &source, &err),
		     &err);
	campus_check(ledger_sight(from->ledger, source, always, 0, &sight, &err), &err);
	campus_merge(to, device, quantity, sight.readings, sight.n);
	campus_check(ledger_begin(to->ledger, &err), &err);
	campus_check(ledger_register_id(to->ledger, device, strlen(device), quantity,
					strlen(quantity), &target, &err),
		     &err);
	for (int twice = 0; twice < 2; twice++)
		campus_check(ledger_add_sightings(to->ledger, target, sight.sightings,
						  sight.n_sightings, &err),
			     &err);
	campus_check(ledger_commit(to->ledger, &err), &err);
	ledger_sight_fini(&sight);
}

static void test_a_copy_says_the_same(void **state)
{
	char *yaml = pace_yaml("1", "60s");
	struct campus campus, copy;

	(void)state;
	open_steady(&campus);
	reduce_all(&campus);
	campus_init(&copy, yaml);
	free(yaml);
	copy_register(&campus, &copy, "e01", PACE_KWH);
	copy_register(&campus, &copy, "e02", PACE_KWH);
	campus_derive(&copy);
	char *expected = pace_figures(&campus), *got = pace_figures(&copy);
	campus_compare_dumps(got, expected, 0);
	free(expected);
	free(got);
	campus_fini(&campus);
	campus_fini(&copy);
}

/* ---- killed ---- */

static void reduce_as_child(const char *path, struct registry *registry)
{
	struct derive_reduced sum = {0};
	struct ledger *ledger = NULL;
	struct derive *derive = NULL;
	bool more = true;
	int rc = ledger_open(&ledger, path, NULL);

	if (rc == 0)
		rc = derive_open(&derive, ledger, NULL);
	if (rc == 0)
		rc = derive_set_registry(derive, registry, NULL);
	while (rc == 0 && more)
		rc = derive_reduce(derive, campus_time("2026-06-01"), &sum, &more, NULL);
	_exit(rc == 0 ? 0 : 1);
}

/* True when it was not killed before it was through. */
static bool reduce_and_kill(const struct campus *campus, int64_t after_us)
{
	pid_t child = fork();
	int status;

	assert_true(child >= 0);
	if (child == 0)
		reduce_as_child(campus->path, campus->registry);
	clock_sleep_until(clock_mono_ms() + after_us / 1000);
	(void)kill(child, SIGKILL);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
	return WIFEXITED(status);
}

static void test_killed_at_any_moment(void **state)
{
	struct campus campus;
	struct err err = {""};
	int64_t after_us = 1000;

	(void)state;
	open_steady(&campus);
	char *before = campus_dump(&campus);
	derive_close(campus.derive);
	ledger_close(campus.ledger);
	while (!reduce_and_kill(&campus, after_us))
		after_us += after_us / 8 + 1000;
	campus_check(ledger_open(&campus.ledger, campus.path, &err), &err);
	campus_check(derive_open(&campus.derive, campus.ledger, &err), &err);
	campus_reload(&campus);
	pace_from_scratch(&campus);
	assert_int_equal(count_kept(&campus, PACE_KWH), 3 * STEADY_DAYS * 48);
	char *after = campus_dump(&campus);
	campus_compare_dumps(after, before, 0);
	free(before);
	free(after);
	campus_fini(&campus);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_choices),
		cmocka_unit_test(test_two_an_hour_stay),
		cmocka_unit_test(test_peaks_stay),
		cmocka_unit_test(test_what_comes_again_changes_nothing),
		cmocka_unit_test(test_a_copy_says_the_same),
		cmocka_unit_test(test_killed_at_any_moment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
