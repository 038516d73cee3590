/* SPDX-License-Identifier: Apache-2.0 */
/* Rows do not depend on the order in which readings, bills and definitions came.
 *
 * NENGHAO_SEEDS=1-200 says which histories; the default is short. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/campus_dump.h"
#include "tests/unit/random.h"

enum { QUARTER_MS = 15 * 60 * 1000 };

#define KWH "active_energy_import_kwh"

/* ---- incremental equals from scratch ---- */

struct part {
	int device;
	struct reading readings[200];
	size_t n;
};

enum { N_DEVICES = 5, MAX_PARTS = 600 };

static const char *const devices[N_DEVICES][2] = {
	{"e01", KWH}, {"e02", KWH}, {"e03", KWH}, {"pv1", KWH}, {"w01", "volume_total_m3"},
};

/* A register on its way through time. */
struct walk {
	int device;
	int64_t t, value;
	bool is_changed;
};

/* The next reading, with gaps, a drop now and then, roll-over and the replacement. */
static struct reading next_reading(struct walk *walk)
{
	walk->t += QUARTER_MS + random_below(3000);
	if (random_below(60) == 0)
		walk->t += random_below(3) * (int64_t)DAY_MS;
	walk->value += random_below(9000000);
	if (walk->device == 4)
		walk->value %= (int64_t)1000 * MICRO;
	if (random_below(200) == 0)
		walk->value -= walk->value / 3;
	if (random_below(100) == 0) /* a spike or a dip */
		return (struct reading){walk->t, random_below(2) ? walk->value * 3 : 0};
	if (walk->device == 0 && !walk->is_changed && walk->t >= campus_time("2026-02-10")) {
		walk->value = (int64_t)11 * MICRO;
		walk->is_changed = true;
	}
	return (struct reading){walk->t, walk->value};
}

static size_t make_parts(struct part *parts, uint32_t seed)
{
	size_t n = 0;

	random_state = seed;
	for (int d = 0; d < N_DEVICES; d++) {
		struct walk walk = {.device = d,
				    .t = campus_time("2026-01-20T05:00:00+08:00"),
				    .value = random_below(1000) * (int64_t)MICRO};
		int64_t end = walk.t + 40 * (int64_t)DAY_MS;

		while (walk.t < end && n < MAX_PARTS) {
			struct part *part = &parts[n++];
			size_t length = 40 + random_below(60);

			part->device = d;
			for (part->n = 0; part->n < length && walk.t < end; part->n++)
				part->readings[part->n] = next_reading(&walk);
		}
	}
	return n;
}

static void merge_part(struct campus *campus, const struct part *part)
{
	campus_merge(campus, devices[part->device][0], devices[part->device][1], part->readings,
		     part->n);
}

/* Lower values for the same times lose as soon as the right ones come. */
static void merge_lower(struct campus *campus, const struct part *part)
{
	struct part *lower = xcalloc(1, sizeof *lower);

	*lower = *part;
	for (size_t i = 0; i < lower->n; i += 1 + random_below(30))
		lower->readings[i].value /= 2;
	merge_part(campus, lower);
	free(lower);
}

/* ---- edits ---- */

enum { N_EDITS = 10 };
struct planned {
	int device;
	struct edit_effect effect;
};

/* Readings set at times of their own, also before the first and after the last, and resets. */
static void make_plan(struct planned *plans)
{
	for (int i = 0; i < N_EDITS; i++) {
		int64_t t = campus_time("2026-01-19") + random_below(44 * 24 * 60) * (int64_t)60000;

		plans[i].device = 1 + i % 3;
		plans[i].effect = (struct edit_effect){
			.kind = (i + i / 3) % 3 == 0 ? EDIT_RESET : EDIT_SET,
			.time_ms = t + 7 + i,
			.value = random_below(2000) * (int64_t)MICRO,
			.first = random_below(2) ? random_below(9) * (int64_t)MICRO : MICRO_NONE};
	}
}

static void do_plan(struct campus *campus, const struct planned *plan)
{
	(void)campus_edit(campus, devices[plan->device][0], plan->effect);
}

/* The first reading of each part of e02 is void in the end. */
static bool is_void(const struct part *part)
{
	return part->device == 1 && part->readings[0].time_ms % 3 == 0;
}

static void do_void(struct campus *campus, const struct part *part)
{
	(void)campus_edit(
		campus, devices[part->device][0],
		(struct edit_effect){EDIT_VOID, part->readings[0].time_ms, MICRO_NONE, MICRO_NONE});
}

static const char new_meter[] =
	"  - {id: e04, building: main, carrier: electricity, item: \"01D00\", role: sub,\n"
	"     parent: e01, source: {meter: e03, quantity: active_energy_import_kwh},\n"
	"     interval: 15m, lives: [{serial: x, from: 2026-02-01, ratio: 2}]}\n";

static char *from_scratch(const struct part *parts, size_t n, const struct planned *plans)
{
	char *yaml = campus_yaml(40, "tenant", "");
	struct campus campus;
	char *text;

	campus_init(&campus, yaml);
	free(yaml);
	for (size_t i = 0; i < n; i++)
		merge_part(&campus, &parts[i]);
	for (size_t i = 0; i < n; i++)
		if (is_void(&parts[i]))
			do_void(&campus, &parts[i]);
	for (int i = 0; i < N_EDITS; i++)
		do_plan(&campus, &plans[i]);
	campus_gas(&campus, "2026-01-25", "2026-02-24", 333333333, USE_NONE);
	campus_derive(&campus);
	text = campus_dump(&campus);
	campus_fini(&campus);
	return text;
}

static void shuffle(struct part *parts, size_t n)
{
	for (size_t i = n - 1; i > 0; i--) {
		size_t k = random_below((uint32_t)i + 1);
		struct part swap = parts[i];

		parts[i] = parts[k];
		parts[k] = swap;
	}
}

/* Parts in any order, some twice, roll-ups in between, a wrong ratio and a meter too many
 * corrected on the way, a bill corrected. */
static char *in_any_order(struct part *parts, size_t n, const struct planned *plans)
{
	int64_t wrongly = 0;
	int done = 0;

	char *wrong = campus_yaml(30, "own", new_meter), *right = campus_yaml(40, "tenant", "");
	char *nearly = campus_yaml(40, "own", "");
	struct campus campus;
	char *text;

	campus_init(&campus, wrong);
	shuffle(parts, n);
	for (size_t i = 0; i < n; i++) {
		if (random_below(6) == 0) {
			merge_lower(&campus, &parts[i]);
			campus_derive(&campus);
		}
		merge_part(&campus, &parts[i]);
		if (random_below(4) == 0)
			merge_part(&campus, &parts[random_below((uint32_t)i + 1)]);
		if (random_below(5) == 0)
			campus_derive(&campus);
		if (is_void(&parts[i]))
			do_void(&campus, &parts[i]);
		if (i % 5 == 4 && done < N_EDITS)
			do_plan(&campus, &plans[done++]);
		if (i == n / 4)
			wrongly = campus_edit(
				&campus, "e02",
				(struct edit_effect){EDIT_SET, campus_time("2026-02-03") + 1,
						     900000 * (int64_t)MICRO, MICRO_NONE});
		if (i == n * 3 / 4)
			campus_take_back(&campus, wrongly);
		if (i == n / 3)
			campus_gas(&campus, "2026-01-25", "2026-02-24", 1000, USE_NONE);
		if (i == n / 2)
			campus_register(&campus, nearly);
		if (i == n * 3 / 5)
			campus_register(&campus, right);
		if (i == n * 2 / 3)
			campus_gas(&campus, "2026-01-25", "2026-02-24", 333333333, USE_NONE);
	}
	while (done < N_EDITS)
		do_plan(&campus, &plans[done++]);
	campus_derive(&campus);
	text = campus_dump(&campus);
	campus_fini(&campus);
	free(wrong);
	free(nearly);
	free(right);
	return text;
}

static void test_order_does_not_matter(void **state)
{
	struct part *parts = xcalloc(MAX_PARTS, sizeof *parts);
	struct random_seeds seeds = random_seeds(6);

	(void)state;
	for (uint32_t seed = seeds.first; seed <= seeds.last; seed++) {
		struct planned plans[N_EDITS];
		size_t n = make_parts(parts, seed);

		make_plan(plans);
		char *expected = from_scratch(parts, n, plans);
		char *got = in_any_order(parts, n, plans);

		assert_true(strlen(expected) > 10000);
		campus_compare_dumps(got, expected, seed);
		free(expected);
		free(got);
	}
	free(parts);
}

/* ---- change numbers ---- */

static void test_recompute_changes_nothing(void **state)
{
	char *yaml = campus_yaml(40, "tenant", "");
	struct campus campus;
	struct err err = {""};
	int64_t before;

	(void)state;
	campus_init(&campus, yaml);
	campus_steady(&campus, "e01", KWH, (struct reading){campus_time("2026-03-01"), 20 * MICRO},
		      QUARTER_MS, 250000, 500);
	campus_derive(&campus);
	before = campus_ask(&campus, "SELECT max(change) FROM meter_day");
	campus_check(derive_mark_from(campus.ledger, campus_day("2026-01-01"), &err), &err);
	campus_derive(&campus);
	assert_int_equal(campus_ask(&campus, "SELECT max(change) FROM meter_day"), before);
	assert_int_equal(campus_ask(&campus, "SELECT count(*) FROM derived_dirty"), 0);
	/* A quarter of an hour more touches one hour of one day. */
	campus_steady(&campus, "e01", KWH,
		      (struct reading){campus_time("2026-03-01") + 501 * (int64_t)QUARTER_MS,
				       20 * MICRO + 501 * 250000},
		      QUARTER_MS, 0, 0);
	campus_derive(&campus);
	assert_int_equal(campus_ask(&campus,
				    "SELECT count(*) FROM meter_day WHERE change > (SELECT "
				    "min(change) FROM meter_day)"),
			 1);
	assert_int_equal(
		campus_ask(&campus, "SELECT hours_changed FROM meter_day ORDER BY change DESC"),
		1 << 5);
	campus_fini(&campus);
	free(yaml);
}

static void test_vanished_rows_leave_tombstones(void **state)
{
	char *with = campus_yaml(40, "tenant", new_meter), *without = campus_yaml(40, "tenant", "");
	struct campus campus;

	(void)state;
	campus_init(&campus, with);
	campus_steady(&campus, "e03", KWH, (struct reading){campus_time("2026-03-01"), 0},
		      QUARTER_MS, 250000, 500);
	campus_derive(&campus);
	assert_int_equal(campus_ask(&campus, "SELECT count(*) FROM meter_day WHERE deleted"), 0);
	campus_register(&campus, without);
	campus_derive(&campus);
	assert_int_equal(campus_ask(&campus, "SELECT count(*) FROM meter_day WHERE deleted"), 6);
	assert_int_equal(campus_ask(&campus, "SELECT count(*) FROM meter_month WHERE deleted"), 1);
	campus_register(&campus, with);
	campus_derive(&campus);
	assert_int_equal(campus_ask(&campus, "SELECT count(*) FROM meter_day WHERE deleted"), 0);
	campus_fini(&campus);
	free(with);
	free(without);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_recompute_changes_nothing),
		cmocka_unit_test(test_vanished_rows_leave_tombstones),
		cmocka_unit_test(test_order_does_not_matter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
