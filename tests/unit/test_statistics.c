/* SPDX-License-Identifier: Apache-2.0 */
/* Statistical reports: filled from meters and bills, explained, held against each other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/statistics/notice.h"
#include "server/statistics/reconcile.h"
#include "server/statistics/report.h"
#include "tests/unit/campus.h"

/* ---- a building with meters till the end of March, bills from April on ---- */

static const char building[] =
	"id: 370102-0001\nname: 历下区档案馆\ntype: culture\nregion: \"370102\"\n"
	"headcount: [{from: 2020-01-01, persons: 100}, {from: 2026-07-02, persons: 200}]\n"
	"supply:\n  electricity: [{from: 2020-01-01, to: 2026-04-01, how: online}, "
	"{from: 2026-04-01, how: bill}]\n"
	"accounts: [{number: \"77\", carrier: electricity, meters: [main]}]\n"
	"buildings: [{id: b, name: b, area: [{from: 2012-06-01, m2: 5000}]}]\n"
	"meters:\n"
	"  - {id: main, building: b, carrier: electricity, item: \"01000\", role: main, quantity: "
	"active_energy_import_kwh, interval: 1h, lives: [{serial: a, from: 2020-01-01, ratio: "
	"1}]}\n"
	"  - {id: room, building: b, carrier: electricity, item: \"01D00\", role: sub, parent: "
	"main, "
	"form: datacentre, quantity: active_energy_import_kwh, interval: 1h, lives: [{serial: b, "
	"from: 2020-01-01, ratio: 1}]}\n"
	"  - {id: heat, building: b, carrier: electricity, item: \"01B00\", role: sub, parent: "
	"main, form: heating, quantity: active_energy_import_kwh, interval: 1h, lives: [{serial: "
	"c, from: 2020-01-01, ratio: 1}]}\n";

static struct forms *forms;

static struct figures figures_of(struct campus *campus, struct derived *derived, const char *now)
{
	return (struct figures){.ledger = campus->ledger,
				.derived = derived,
				.registry = campus->registry,
				.now_ms = campus_time(now),
				.min_coverage = 900000};
}

static void add_bill(struct campus *campus, const char *from, const char *to, const char *period,
		     int64_t kwh)
{
	struct bill bill = {.institution = "370102-0001",
			    .carrier = CARRIER_ELECTRICITY,
			    .days = {campus_day(from), campus_day(to)},
			    .quantity = kwh * MICRO,
			    .fee = kwh * MICRO / 2,
			    .account = "77",
			    .is_confirmed = true,
			    .entered_by = "x"};
	struct bill_result result;
	struct err err = {""};

	memcpy(bill.period, period, 8);
	campus_check(bill_add(campus->ledger, campus->registry, &bill, &result, &err), &err);
}

static void set_up(struct campus *campus, struct derived **derived)
{
	struct err err = {""};

	campus_init(campus, building);
	/* 1 kWh an hour in the building, a quarter of it in the room, from January to June. */
	campus_steady(campus, "main", "active_energy_import_kwh",
		      (struct reading){campus_time("2026-01-01"), 0}, HOUR_MS, MICRO, 181 * 24);
	campus_steady(campus, "room", "active_energy_import_kwh",
		      (struct reading){campus_time("2026-01-01"), 0}, HOUR_MS, MICRO / 4, 181 * 24);
	campus_steady(campus, "heat", "active_energy_import_kwh",
		      (struct reading){campus_time("2026-01-01"), 0}, HOUR_MS, MICRO / 8, 181 * 24);
	add_bill(campus, "2026-03-01", "2026-04-01", "2026-03",
		 745); /* metered then: checks only */
	add_bill(campus, "2026-04-01", "2026-06-01", "2026-06", 1500); /* two months */
	add_bill(campus, "2026-06-01", "2026-07-01", "2026-07", 700);
	campus_derive(campus);
	campus_check(derived_open(derived, campus->ledger, &err), &err);
}

static struct fill_value value_of(const struct report *report, const char *code)
{
	return report->cells[form_find_line(report->schema, code)].now;
}

static const struct {
	const char *name, *code;
	int quarter;
	bool applies, is_known, is_partial;
	int64_t value; /* 10^-2 */
} fills[] = {
	{"meters while they count", "201", 1, true, true, false, 90 * 24 * 100},
	{"bills by accounting month", "201", 2, true, true, false, 150000},
	{"what is billed later is of the later quarter; the rest is missing", "201", 3, true, true,
	 true, 70000},
	{"the fee of a month that is metered counts", "202", 1, true, true, false, 37250},
	{"the room", "303", 1, true, true, false, 90 * 6 * 100},
	{"the room while the building is billed", "303", 2, true, true, false, 91 * 6 * 100},
	{"what heats", "403", 1, true, true, false, 90 * 3 * 100},
	{"what heats while the building is billed", "403", 2, true, true, false, 91 * 3 * 100},
	{"nothing of the kind is supplied", "221", 1, false, false, false, 0},
	{"persons by days", "112", 3, true, true, false, 19900},
	{"area", "113", 1, true, true, false, 500000},
	{"no PV", "203", 1, false, false, false, 0},
};

static void test_fill(void **state)
{
	struct campus campus;
	struct derived *derived;
	struct err err = {""};

	(void)state;
	set_up(&campus, &derived);
	struct figures figures = figures_of(&campus, derived, "2026-11-24");
	for (size_t i = 0; i < sizeof fills / sizeof *fills; i++) {
		struct fill fill = {&figures, forms_of_year(forms, 2026),
				    fill_period(2026, fills[i].quarter)};
		struct report report;
		struct fill_value value;

		campus_check(report_load(&report, &fill, 0, false, &err), &err);
		value = value_of(&report, fills[i].code);
		if (value.applies != fills[i].applies || value.is_known != fills[i].is_known ||
		    value.is_partial != fills[i].is_partial ||
		    value.value != fills[i].value * 10000)
			fail_msg("%s: %d %d %d %lld %s", fills[i].name, value.applies,
				 value.is_known, value.is_partial, (long long)value.value,
				 value.missing);
		report_fini(&report);
	}
	derived_close(derived);
	campus_fini(&campus);
}

static void test_a_use_that_is_billed_and_metered_counts_once(void **state)
{
	static const int64_t expected[] = {90 * 3 * (int64_t)MICRO, 50 * (int64_t)MICRO};
	struct bill bill = {.institution = "370102-0001",
			    .carrier = CARRIER_ELECTRICITY,
			    .use = USE_HEATING,
			    .days = {campus_day("2026-04-01"), campus_day("2026-05-01")},
			    .period = "2026-04",
			    .quantity = 50 * (int64_t)MICRO,
			    .fee = MICRO_NONE,
			    .is_confirmed = true,
			    .entered_by = "x"};
	struct campus campus;
	struct derived *derived;
	struct bill_result result;
	struct err err = {""};

	(void)state;
	set_up(&campus, &derived);
	struct figures figures = figures_of(&campus, derived, "2026-11-24");
	campus_check(bill_add(campus.ledger, campus.registry, &bill, &result, &err), &err);
	for (int quarter = 1; quarter <= 2; quarter++) {
		struct fill fill = {&figures, forms_of_year(forms, 2026),
				    fill_period(2026, quarter)};
		struct report report;

		campus_check(report_load(&report, &fill, 0, false, &err), &err);
		assert_int_equal(value_of(&report, "403").value, expected[quarter - 1]);
		report_fini(&report);
	}
	derived_close(derived);
	campus_fini(&campus);
}

/* ---- drafts on changes ---- */

/* A degree colder than 2025 in the first quarter; 2025 was 8 degrees. */
static void write_weather(const struct campus *campus)
{
	char *path = xasprintf("%s/registry/weather", campus->folder);
	struct buf text = {0};
	char day[CIVIL_TEXT_MAX];

	assert_int_equal(mkdir(path, 0700), 0);
	buf_add_text(&text, "ts,temp_c\n");
	for (civil_day at = campus_day("2025-01-01"); at < campus_day("2026-04-01"); at++) {
		(void)civil_print_day(at, day);
		buf_printf(&text, "%s,%d\n", day, at < campus_day("2026-01-01") ? 8 : 7);
	}
	campus_write(campus, "registry/weather/370102.csv", text.data);
	buf_fini(&text);
	free(path);
}

static void keep_heat(const struct change_note *note, void *arg)
{
	if (note->line == ((struct change_note *)arg)->line)
		*(struct change_note *)arg = *note;
}

static size_t line_of(const struct form_schema *schema, const char *code)
{
	for (size_t i = 0; i < schema->n_lines; i++)
		if (strcmp(schema->lines[i].code, code) == 0)
			return i;
	fail_msg("no line %s", code);
	return 0;
}

static void add_heat(struct campus *campus, const char *period, const char *from, int64_t gj)
{
	struct bill bill = {.institution = "370102-0001",
			    .carrier = CARRIER_HEAT,
			    .days = {campus_day(from), campus_day(from) + 90},
			    .quantity = gj * MICRO,
			    .fee = MICRO_NONE,
			    .first = MICRO_NONE,
			    .last = MICRO_NONE,
			    .is_confirmed = true,
			    .entered_by = "x"};
	struct bill_result result;
	struct err err = {""};

	memcpy(bill.period, period, 8);
	campus_check(bill_add(campus->ledger, campus->registry, &bill, &result, &err), &err);
}

static void draft(struct campus *campus, struct derived *derived, const char *now,
		  struct change_note *note)
{
	struct figures figures = figures_of(campus, derived, now);
	struct fill fill = {&figures, forms_of_year(forms, 2026), fill_period(2026, 1)};
	struct report report;
	struct err err = {""};

	*note = (struct change_note){.line = line_of(fill.schema, "261")};
	campus_check(report_load(&report, &fill, 0, true, &err), &err);
	campus_check(change_note_list(&fill, &report, keep_heat, note, &err), &err);
	report_fini(&report);
}

static void test_weather_is_a_reason(void **state)
{
	struct change_note note;
	struct campus campus;
	struct derived *derived;
	struct err err = {""};

	(void)state;
	campus_init(&campus, "id: 370102-0001\nname: 馆\ntype: culture\nregion: \"370102\"\n"
			     "supply: {heat: bill}\n");
	add_heat(&campus, "2025-03", "2025-01-01", 100);
	add_heat(&campus, "2026-03", "2026-01-01", 130);
	campus_derive(&campus);
	campus_check(derived_open(&derived, campus.ledger, &err), &err);
	draft(&campus, derived, "2026-11-24", &note);
	if (strstr(note.text, "请补充采暖") == NULL)
		fail_msg("%s", note.text);
	write_weather(&campus);
	campus_reload(&campus);
	draft(&campus, derived, "2026-11-24", &note);
	if (strstr(note.text, "采暖度日数（HDD18）由 900℃·d 变为 990℃·d（增长 10.0%）；") == NULL)
		fail_msg("%s", note.text);
	assert_null(strstr(note.text, "请补充采暖"));
	assert_null(strstr(note.text, "CDD26"));
	assert_null(strstr(note.text, "尚未结束"));
	draft(&campus, derived, "2026-03-01", &note);
	if (strstr(note.text, "本期尚未结束（截至 2026年2月28日）") == NULL)
		fail_msg("%s", note.text);
	if (strstr(note.text, "900℃·d") != NULL)
		fail_msg("degree days of all of the quarter: %s", note.text);
	derived_close(derived);
	campus_fini(&campus);
}

/* ---- bills against meters ---- */

static void add_row(const struct reconciliation *row, void *arg)
{
	buf_printf(arg, "%s %lld %lld %s;", row->account, (long long)(row->billed / MICRO),
		   (long long)(row->metered / MICRO), reconcile_verdict_names[row->verdict]);
}

static void test_reconciliation(void **state)
{
	struct bill back = {.institution = "370102-0001",
			    .carrier = CARRIER_ELECTRICITY,
			    .days = {campus_day("2026-10-01"), campus_day("2026-10-02")},
			    .period = "2026-10",
			    .quantity = -100 * (int64_t)MICRO,
			    .fee = MICRO_NONE,
			    .adjusts = 1,
			    .entered_by = "x"};
	struct bill_result result;
	struct campus campus;
	struct derived *derived;
	struct buf rows = {0};
	struct err err = {""};

	(void)state;
	set_up(&campus, &derived);
	struct figures figures = figures_of(&campus, derived, "2026-11-24");
	add_bill(&campus, "2026-07-01", "2026-08-01", "2026-07", 700);
	campus_check(reconcile(&figures, 0,
			       (struct span){campus_day("2026-01-01"), campus_day("2027-01-01")},
			       add_row, &rows, &err),
		     &err);
	assert_string_equal(rows.data, "77 745 744 agrees;77 1500 1464 close;77 700 720 close;"
				       "77 700 0 incomplete;");
	/* What is given back counts, whether or not its own days are asked for. */
	campus_check(bill_add(campus.ledger, campus.registry, &back, &result, &err), &err);
	buf_clear(&rows);
	campus_check(reconcile(&figures, 0,
			       (struct span){campus_day("2026-03-01"), campus_day("2026-04-01")},
			       add_row, &rows, &err),
		     &err);
	assert_string_equal(rows.data, "77 645 744 differs;");
	buf_fini(&rows);
	derived_close(derived);
	campus_fini(&campus);
}

static void test_verdicts(void **state)
{
	static const struct {
		int64_t billed, metered;
		enum reconcile_verdict verdict;
	} cases[] = {{100, 98, RECONCILE_AGREES},     {100, 102, RECONCILE_AGREES},
		     {1000, 979, RECONCILE_CLOSE},    {100, 105, RECONCILE_CLOSE},
		     {1000, 1051, RECONCILE_DIFFERS}, {0, 1, RECONCILE_DIFFERS},
		     {0, 0, RECONCILE_AGREES},        {INT64_MAX, -INT64_MAX, RECONCILE_DIFFERS}};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_int_equal(reconcile_judge(cases[i].billed, cases[i].metered),
				 cases[i].verdict);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fill),
		cmocka_unit_test(test_weather_is_a_reason),
		cmocka_unit_test(test_reconciliation),
		cmocka_unit_test(test_verdicts),
		cmocka_unit_test(test_a_use_that_is_billed_and_metered_counts_once),
	};
	struct conf_errors errors = {0};
	int failed;

	if (forms_load(&forms, "config/statistics", &errors) < 0) {
		(void)fputs(errors.text.data, stderr);
		return 1;
	}
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	forms_destroy(forms);
	return failed;
}
