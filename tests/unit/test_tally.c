/* SPDX-License-Identifier: Apache-2.0 */
/* Readings that were due, came, and came late. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/campus.h"

#include "server/figures/figures.h"

enum { MINUTE = 60 * 1000, Q = 15 * MINUTE, H = 60 * MINUTE };

/* Minutes since the epoch: readings, late times, where the meter lives. */
struct tally_case {
	const char *name;
	int64_t interval, now, from, to;
	int64_t readings[8], late[8]; /* end with -1 */
	int64_t alive[4];             /* pairs */
	struct tally expected;
};

static const struct tally_case cases[] = {
	{"all came in time", 15, 600, 60, 120, {60, 76, 90, 119, -1}, {-1}, {0, 600}, {4, 4, 0}},
	{"one is missing", 15, 600, 60, 120, {60, 90, 119, -1}, {-1}, {0, 600}, {4, 3, 0}},
	{"two in a slot are one", 15, 600, 60, 120, {60, 61, 90, -1}, {-1}, {0, 600}, {4, 2, 0}},
	{"one came late", 15, 600, 60, 120, {60, 76, 90, 119, -1}, {76, -1}, {0, 600}, {4, 4, 1}},
	{"a slot with a timely one is not late",
	 15,
	 600,
	 60,
	 120,
	 {60, 76, 77, -1},
	 {76, -1},
	 {0, 600},
	 {4, 2, 0}},
	{"nothing came", 15, 600, 60, 120, {-1}, {-1}, {0, 600}, {4, 0, 0}},
	{"a slot under way is not due",
	 15,
	 119,
	 60,
	 120,
	 {60, 76, 90, 110, -1},
	 {-1},
	 {0, 600},
	 {3, 3, 0}},
	{"before the meter lived nothing is due",
	 15,
	 600,
	 60,
	 120,
	 {105, -1},
	 {-1},
	 {91, 600},
	 {1, 1, 0}},
	{"between two lives nothing is due",
	 15,
	 600,
	 60,
	 120,
	 {-1},
	 {-1},
	 {0, 70, 100, 600},
	 {2, 0, 0}},
	{"a slot belongs to where it starts",
	 40,
	 600,
	 60,
	 120,
	 {79, 119, 121, -1},
	 {-1},
	 {0, 600},
	 {1, 1, 0}},
	{"longer than the period", 240, 600, 60, 120, {130, -1}, {-1}, {0, 600}, {0, 0, 0}},
	{"an hour with the day's slot",
	 1440,
	 3000,
	 960,
	 1020,
	 {1500, -1},
	 {-1},
	 {0, 3000},
	 {1, 1, 0}},
};

static size_t length(const int64_t *list, int64_t end)
{
	size_t n = 0;

	while (n < 8 && list[n] != end)
		n++;
	return n;
}

static void test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const struct tally_case *c = &cases[i];
		struct reading readings[8];
		struct span_ms alive[2];
		int64_t late[8];
		struct tally_input input = {.interval_ms = c->interval * MINUTE,
					    .offset_ms = CAMPUS_OFFSET_MS,
					    .alive = alive,
					    .n_alive = c->alive[3] > 0 ? 2 : 1,
					    .readings = readings,
					    .n_readings = length(c->readings, -1),
					    .late = late,
					    .n_late = length(c->late, -1),
					    .now_ms = c->now * MINUTE};
		struct tally got;

		for (size_t k = 0; k < 8; k++) {
			readings[k] = (struct reading){c->readings[k] * MINUTE, 0};
			late[k] = c->late[k] * MINUTE;
		}
		for (size_t k = 0; k < 2; k++)
			alive[k] = (struct span_ms){c->alive[2 * k] * MINUTE,
						    c->alive[2 * k + 1] * MINUTE};
		got = tally_period(&input, c->from * MINUTE, c->to * MINUTE);
		if (got.due != c->expected.due || got.came != c->expected.came ||
		    got.late != c->expected.late)
			fail_msg("%s: due %lld came %lld late %lld", c->name, (long long)got.due,
				 (long long)got.came, (long long)got.late);
	}
}

/* ---- in the ledger ---- */

static void print(const struct figures_tally *found, void *arg)
{
	buf_printf(arg, "%lld/%lld/%lld ", (long long)found->tally.due,
		   (long long)found->tally.came, (long long)found->tally.late);
}

static char *tally_of(struct campus *campus, const char *meter, enum figures_interval interval,
		      const char *now)
{
	struct ledger *reader;
	struct figures figures = {
		.ledger = campus->ledger, .registry = campus->registry, .now_ms = campus_time(now)};
	struct figures_span span = {campus_time("2026-03-01"), campus_time(now), interval};
	uint32_t index = registry_find_meter(campus->registry, meter, strlen(meter));
	struct buf out = {0};
	struct err err = {""};

	campus_check(ledger_open_reader(&reader, campus->path, &err), &err);
	figures.ledger = reader;
	campus_check(figures_meter_tally(&figures, index, &span, print, &out, &err), &err);
	ledger_close(reader);
	return out.len > 0 ? buf_take(&out) : xstrdup("");
}

static void check_tally(struct campus *campus, enum figures_interval interval, const char *expected)
{
	char *got = tally_of(campus, "e02", interval, "2026-03-01T04:50:00+08:00");

	assert_string_equal(got, expected);
	free(got);
}

/* 01:00-02:00 comes at 02:00 and is late; 02:00-03:00 never comes; repeats and neighbours of the
 * late ones change nothing. */
static void test_late_is_what_was_not_there_in_time(void **state)
{
	char *yaml = campus_yaml(40, "tenant", "");
	int64_t t0 = campus_time("2026-03-01");
	struct campus campus;
	char *virtual;

	(void)state;
	campus_init(&campus, yaml);
	free(yaml);
	check_tally(&campus, FIGURES_HOUR, "4/0/0 4/0/0 4/0/0 4/0/0 3/0/0 ");
	campus_feed(&campus, "e02", "2026-03-01", "2026-03-01", 10); /* 00:00 alone */
	campus_steady(&campus, "e02", "active_energy_import_kwh", (struct reading){t0 + Q, 900000},
		      Q, 10, 2);
	ledger_set_late_before(campus.ledger, t0 + 2 * H); /* as at 02:10 */
	campus_steady(&campus, "e02", "active_energy_import_kwh", (struct reading){t0 + H, 900100},
		      Q, 10, 3);
	ledger_set_late_before(campus.ledger, t0 + 3 * H);
	campus_steady(&campus, "e02", "active_energy_import_kwh", (struct reading){t0 + H, 900100},
		      Q, 10, 3);
	campus_steady(&campus, "e02", "active_energy_import_kwh",
		      (struct reading){t0 + 3 * H, 900300}, Q, 10, 6);
	check_tally(&campus, FIGURES_HOUR, "4/4/0 4/4/4 4/0/0 4/4/0 3/3/0 ");
	check_tally(&campus, FIGURES_DAY, "19/15/4 ");
	check_tally(&campus, FIGURES_MONTH, "19/15/4 ");
	/* A timely set of one slot, then the other of it comes late. */
	campus_steady(&campus, "e02", "active_energy_import_kwh",
		      (struct reading){t0 + 2 * H + 5 * MINUTE, 900200}, Q, 10, 0);
	check_tally(&campus, FIGURES_HOUR, "4/4/0 4/4/4 4/1/1 4/4/0 3/3/0 ");
	virtual = tally_of(&campus, "v01", FIGURES_DAY, "2026-03-02");
	assert_string_equal(virtual, "");
	free(virtual);
	campus_fini(&campus);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_late_is_what_was_not_there_in_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
