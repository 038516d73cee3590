/* SPDX-License-Identifier: Apache-2.0 */
/* What is remembered of figures is what would be computed, whatever came between. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/campus.h"

#include "server/figures/figures.h"

enum { STEPS = 40, N_PERIODS = 8, FIRST_YEAR = 2025, N_MONTHS = 16 };

static const char school_yaml[] =
	"id: 370102-0002\nname: 第一小学\ntype: education\nregion: \"370102\"\n"
	"headcount: [{from: 2020-01-01, persons: %d}]\n"
	"supply: {electricity: online}\n"
	"meters:\n"
	"  - {id: s01, carrier: electricity, item: \"01000\", role: main,\n"
	"     quantity: active_energy_import_kwh, interval: 15m, expected_year: 87600,\n"
	"     lives: [{serial: s, from: 2024-01-01, ratio: 1}]}\n";

/* Two offices in one building: one of them has no meter of its own. */
static const char site_yaml[] = "id: 370102-S001\nname: 综合办公楼\nregion: \"370102\"\n"
				"supply: {electricity: online, natural_gas: bill}\n"
				"meters:\n"
				"  - {id: b01, carrier: electricity, item: \"01000\", role: main,\n"
				"     quantity: active_energy_import_kwh, interval: 15m,\n"
				"     lives: [{serial: t, from: 2024-01-01, ratio: 1}]}\n"
				"occupants:\n"
				"  - {institution: 370102-0001, from: 2024-01-01, m2: 6000}\n"
				"  - {institution: 370102-0002, from: 2024-01-01, m2: 4000}\n";

static void add_value(struct buf *out, const struct kpi_value *value)
{
	buf_printf(out, " %u/%u/%lld/%lld", value->crowd.n, value->crowd.gap_n,
		   (long long)value->crowd.largest, (long long)value->crowd.gap_largest);
	buf_printf(out, " %d/%lld/%lld/%lld/%d/%lld", value->has_value,
		   (long long)(value->has_value ? value->value : value->partial),
		   (long long)value->coverage, (long long)value->estimated, value->has_previous,
		   (long long)(value->has_previous ? value->previous : 0));
}

static int print_all(const struct figures_row *row, void *arg)
{
	buf_printf(arg, "%s %s %u/%u", row->key_name, row->key, row->reporting, row->institutions);
	for (int kpi = 0; kpi < N_KPIS; kpi++)
		if (row->kpis[kpi].applies)
			add_value(arg, &row->kpis[kpi]);
	buf_add_text(arg, "\n");
	return 0;
}

/* A year, two months, a quarter; and what is running, with the twelve months before. */
static char *ask(const struct figures *figures, int which)
{
	int year = civil_date_of(civil_day_of_utc(figures->now_ms, CAMPUS_OFFSET_MS)).year;
	const struct {
		int year, number;
		enum figures_period_kind kind;
	} periods[N_PERIODS] = {{2025, 0, PERIOD_YEAR},    {2025, 6, PERIOD_MONTH},
				{2025, 12, PERIOD_MONTH},  {2025, 3, PERIOD_QUARTER},
				{year, 0, PERIOD_YEAR},    {year, 0, PERIOD_MONTH},
				{year, 0, PERIOD_QUARTER}, {year, 0, PERIOD_ROLLING12}};
	struct figures_question question = {
		.region = region_find(figures->registry->regions, "370100", 6), .by = GROUP_TYPE};
	struct buf out = {0};
	struct err err = {""};

	campus_check(figures_period(figures, periods[which].year, periods[which].kind,
				    periods[which].number, &question.period, &err),
		     &err);
	campus_check(figures_kpis(figures, &question, print_all, &out, &err), &err);
	return buf_take(&out);
}

static void compare(const struct figures *figures, int step)
{
	struct figures without = *figures;

	without.cache = NULL;
	for (int which = 0; which < N_PERIODS; which++) {
		char *remembered = ask(figures, which), *computed = ask(&without, which);

		if (strcmp(remembered, computed) != 0)
			fail_msg("step %d, period %d:\n%s\n%s", step, which, remembered, computed);
		free(remembered);
		free(computed);
	}
}

static void month_of(int n, char first[CIVIL_TEXT_MAX], char end[CIVIL_TEXT_MAX])
{
	civil_day from = civil_add_months(civil_day_of((struct civil_date){FIRST_YEAR, 1, 1}), n);

	(void)civil_print_day(from, first);
	(void)civil_print_day(civil_next_month(from), end);
}

static void feed(struct campus *campus, const char *from, const char *to)
{
	static const char *const meters[] = {"e01", "e02", "s01", "b01"};

	campus_feed(campus, meters[random() % 4], from, to, MICRO);
}

static void bill(struct campus *campus, const char *from, const char *to)
{
	struct bill gas = {.institution = random() % 2 == 0 ? "370102-0001" : "370102-S001",
			   .carrier = CARRIER_NATURAL_GAS,
			   .days = {campus_day(from), campus_day(to)},
			   .quantity = (1000 + random() % 1000) * MICRO,
			   .fee = MICRO_NONE,
			   .is_confirmed = true,
			   .account = "",
			   .note = "",
			   .entered_by = "test"};
	struct err err = {""};
	struct bill_result result;

	campus_check(bill_add(campus->ledger, campus->registry, &gas, &result, &err), &err);
}

static void change_registry(struct campus *campus)
{
	char *yaml = xasprintf(school_yaml, (int)(100 + random() % 1000));

	campus_write(campus, "registry/institutions/370102-0002.yaml", yaml);
	campus_reload(campus);
	free(yaml);
}

/* At noon of the day the register read what it would at a steady pace, and a bit. */
static void edit(struct campus *campus, const char *day)
{
	int64_t value = ((int64_t)(campus_day(day) - 20000) * 96 + 48 + random() % 10) * MICRO;

	if (campus_ask(campus, "SELECT count(*) FROM derived_name WHERE name = 's01'") > 0)
		(void)campus_edit(campus, "s01",
				  (struct edit_effect){.kind = EDIT_SET,
						       .time_ms = campus_time(day) + DAY_MS / 2,
						       .value = value,
						       .first = MICRO_NONE});
}

static void do_something(struct campus *campus)
{
	char from[CIVIL_TEXT_MAX], to[CIVIL_TEXT_MAX];

	month_of((int)(random() % N_MONTHS), from, to);
	switch (random() % 8) {
	case 0:
	case 1:
		bill(campus, from, to);
		break;
	case 2:
		change_registry(campus);
		break;
	case 3:
		edit(campus, from);
		break;
	default:
		feed(campus, from, to);
	}
}

static void init(struct campus *campus)
{
	char *school = xasprintf(school_yaml, 1000);

	campus_init(campus, campus_archive);
	campus_write(campus, "registry/institutions/370102-0002.yaml", school);
	campus_write_site(campus, "370102-S001", site_yaml);
	campus_reload(campus);
	free(school);
}

/* Hours pass, or days. Within an hour a silence is remembered as it was first found. */
static void let_time_pass(struct figures *figures)
{
	figures->now_ms += HOUR_MS;
	figures->now_ms += random() % 2 == 0 ? random() % (2 * HOUR_MS)
					     : random() % 8 * (int64_t)DAY_MS + random() % DAY_MS;
}

static void walk(unsigned seed, const char *start)
{
	struct factors *factors = campus_factors();
	struct campus campus;

	init(&campus);
	struct figures figures = {.ledger = campus.ledger,
				  .factors = factors,
				  .now_ms = campus_time(start),
				  .min_coverage = 10000,
				  .cache = figures_cache_create()};
	srandom(seed);
	for (int step = 0; step < STEPS; step++) {
		do_something(&campus);
		figures.registry = campus.registry;
		figures.basis = random() % 8 == 0 ? BASIS_EQUIVALENT : BASIS_CALORIFIC;
		if (step % 3 == 0) /* what has come is not computed yet */
			compare(&figures, step);
		campus_derive(&campus);
		compare(&figures, step);
		let_time_pass(&figures);
		compare(&figures, step);
	}
	figures_cache_destroy(figures.cache);
	campus_fini(&campus);
	factors_release(factors);
}

static void what_is_remembered_is_what_would_be_computed(void **state)
{
	(void)state;
	walk(4, "2026-03-02");
}

static void so_it_is_when_the_year_turns(void **state)
{
	(void)state;
	walk(7, "2025-12-05T20:10:00+08:00");
}

/* Rows that vanish without a word show what is read again. */
static void what_comes_live_leaves_the_past_as_it_is_remembered(void **state)
{
	struct factors *factors = campus_factors();
	struct campus campus;
	struct err err = {""};

	(void)state;
	init(&campus);
	campus_feed(&campus, "s01", "2025-01-01", "2026-05-01", MICRO);
	campus_derive(&campus);
	struct figures figures = {.ledger = campus.ledger,
				  .registry = campus.registry,
				  .factors = factors,
				  .now_ms = campus_time("2026-05-02"),
				  .min_coverage = 10000,
				  .cache = figures_cache_create()};
	char *year = ask(&figures, 0), *running = ask(&figures, 6);
	campus_check(db_execute(ledger_db(campus.ledger), "DELETE FROM institution_month", &err),
		     &err);
	campus_feed(&campus, "s01", "2026-05-01", "2026-05-02", 2 * MICRO);
	campus_derive(&campus);
	char *year_then = ask(&figures, 0), *running_then = ask(&figures, 6);
	assert_string_equal(year_then, year);
	assert_string_not_equal(running_then, running);
	campus_feed(&campus, "s01", "2025-12-30", "2025-12-31", 2 * MICRO);
	campus_derive(&campus);
	char *year_read = ask(&figures, 0);
	assert_string_not_equal(year_read, year);
	char *texts[] = {year, running, year_then, running_then, year_read};
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		free(texts[i]);
	figures_cache_destroy(figures.cache);
	campus_fini(&campus);
	factors_release(factors);
}

/* The same of the closed months of a year that goes on, an hour later. */
static void what_is_closed_of_a_running_year_is_not_read_again(void **state)
{
	struct factors *factors = campus_factors();
	struct campus campus;
	struct err err = {""};

	(void)state;
	init(&campus);
	campus_feed(&campus, "s01", "2025-01-01", "2026-05-01", MICRO);
	campus_derive(&campus);
	struct figures figures = {.ledger = campus.ledger,
				  .registry = campus.registry,
				  .factors = factors,
				  .now_ms = campus_time("2026-05-10"),
				  .min_coverage = 10000,
				  .cache = figures_cache_create()};
	char *before = ask(&figures, 4);
	campus_check(db_execute(ledger_db(campus.ledger), "DELETE FROM institution_month", &err),
		     &err);
	figures.now_ms += HOUR_MS / 2;
	char *then = ask(&figures, 4);
	figures_cache_destroy(figures.cache);
	figures.cache = figures_cache_create();
	char *read = ask(&figures, 4);
	assert_string_not_equal(read, then);
	char *texts[] = {before, then, read};
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		free(texts[i]);
	figures_cache_destroy(figures.cache);
	campus_fini(&campus);
	factors_release(factors);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_remembered_is_what_would_be_computed),
		cmocka_unit_test(so_it_is_when_the_year_turns),
		cmocka_unit_test(what_comes_live_leaves_the_past_as_it_is_remembered),
		cmocka_unit_test(what_is_closed_of_a_running_year_is_not_read_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
