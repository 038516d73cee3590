/* SPDX-License-Identifier: Apache-2.0 */
/* A forgotten ratio is told, with the meter that is the likely cause, until it is put right. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/campus.h"

#include "server/ledger/event.h"

#define KWH "active_energy_import_kwh"

static char *institution(const char *ratio, const char *more)
{
	return xasprintf("id: 370102-0001\nname: a\ntype: government\nregion: \"370102\"\nmeters:\n"
			 "  - {id: e01, carrier: electricity, role: main, quantity: " KWH
			 ", interval: 1h, lives: [{from: 2025-01-01, ratio: %s}]}\n"
			 "  - {id: e02, carrier: electricity, role: sub, quantity: " KWH
			 ", interval: 1h, lives: [{from: 2025-01-01, ratio: 1}]}\n"
			 "  - {id: e03, carrier: electricity, role: sub, quantity: " KWH
			 ", interval: 1h, lives: [{from: 2025-01-01, ratio: 1}]}\n%s",
			 ratio, more);
}

/* Three days: e01 shows 2.5 kWh an hour behind 200/5, e02 60 and e03 30 directly. */
static void feed(struct campus *campus)
{
	const struct reading start = {campus_time("2026-03-01"), 0};

	campus_steady(campus, "e01", KWH, start, HOUR_MS, 2500000, 72);
	campus_steady(campus, "e02", KWH, start, HOUR_MS, 60 * (int64_t)MICRO, 72);
	campus_steady(campus, "e03", KWH, start, HOUR_MS, 30 * (int64_t)MICRO, 72);
}

static int print_event(const struct event_row *row, void *arg)
{
	struct buf *out = arg;

	buf_printf(out, "%s %lld %s\n", event_kinds[row->event.kind].name,
		   (long long)row->event.value, row->event.text);
	return 0;
}

static void check_open(struct campus *campus, const char *expected)
{
	struct buf text = {0};
	struct err err = {""};

	campus_check(event_each_open(campus->ledger, "e01", print_event, &text, &err), &err);
	assert_string_equal(text.len > 0 ? text.data : "", expected);
	buf_fini(&text);
}

static void change(struct campus *campus, const char *ratio, const char *more)
{
	char *yaml = institution(ratio, more);

	campus_register(campus, yaml);
	free(yaml);
	campus_derive(campus);
}

static void a_forgotten_ratio_is_told_until_it_is_right(void **state)
{
	char *yaml = institution("1", "");
	struct campus campus;

	(void)state;
	campus_init(&campus, yaml);
	free(yaml);
	feed(&campus);
	campus_derive(&campus);
	check_open(
		&campus,
		"balance 40 On 2026-03-03 the sub-meters of 'e01' counted 2160 kWh, it counted 60 "
		"kWh. They agree if 'e01' counts 40 times more. Its ratio in the registry is 1: a "
		"transformer such as 200/5 is probably forgotten.\n");
	change(&campus, "200/5", "");
	check_open(&campus, "");
	/* 75 kWh above, 90 below */
	change(&campus, "30", "");
	check_open(&campus,
		   "negative_rest 0 On 2026-03-03 the sub-meters of 'e01' counted 2160 kWh, it "
		   "counted 1800 kWh. No ratio explains it: check the wiring, what is connected "
		   "below it, and the parents in the registry.\n");
	change(&campus, "600/5", "");
	check_open(&campus, "");
	campus_fini(&campus);
}

#define PV(parent)                                                                   \
	"  - {id: pv, carrier: electricity, role: generation, quantity: " KWH parent \
	", interval: 1h, lives: [{from: 2025-01-01, ratio: 1}]}\n"
#define SECOND                                                           \
	"  - {id: e04, carrier: electricity, role: main, quantity: " KWH \
	", interval: 1h, lives: [{from: 2025-01-01, ratio: 1}]}\n"

/* 60 above, 2160 below: 40 x 52.5 + 96. */
static void own_generation_hides_no_forgotten_ratio(void **state)
{
	char *yaml = institution("1", PV(""));
	const struct reading start = {campus_time("2026-03-01"), 0};
	struct campus campus;

	(void)state;
	campus_init(&campus, yaml);
	free(yaml);
	feed(&campus);
	campus_derive(&campus);
	check_open(&campus, ""); /* nobody knows what came in */
	campus_steady(&campus, "pv", KWH, start, HOUR_MS, 4 * (int64_t)MICRO, 72);
	campus_derive(&campus);
	check_open(&campus,
		   "balance 40 On 2026-03-03 the sub-meters of 'e01' counted 2160 kWh, it counted "
		   "60 kWh, and own generation less export brought 96 kWh. They agree if 'e01' "
		   "counts 40 times more. Its ratio in the registry is 1: a transformer such as "
		   "200/5 is probably forgotten.\n");
	/* 34.4 x 60 + 96 = 2160 */
	change(&campus, "34.4", PV(""));
	check_open(&campus, "");
	change(&campus, "1", SECOND PV(", parent: e01"));
	check_open(&campus, "");
	campus_fini(&campus);
}

/* A day that a sub-meter did not close says nothing. */
static void a_day_with_a_hole_is_not_judged(void **state)
{
	char *yaml = institution("1", "");
	struct campus campus;

	(void)state;
	campus_init(&campus, yaml);
	free(yaml);
	campus_steady(&campus, "e01", KWH, (struct reading){campus_time("2026-03-01"), 0}, HOUR_MS,
		      2500000, 24);
	campus_steady(&campus, "e02", KWH, (struct reading){campus_time("2026-03-01"), 0}, HOUR_MS,
		      60 * (int64_t)MICRO, 24);
	campus_steady(&campus, "e03", KWH, (struct reading){campus_time("2026-03-01"), 0}, HOUR_MS,
		      30 * (int64_t)MICRO, 12);
	campus_derive(&campus);
	check_open(&campus, "");
	campus_fini(&campus);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_forgotten_ratio_is_told_until_it_is_right),
		cmocka_unit_test(own_generation_hides_no_forgotten_ratio),
		cmocka_unit_test(a_day_with_a_hole_is_not_judged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
