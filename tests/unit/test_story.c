/* SPDX-License-Identifier: Apache-2.0 */
/* Institutions that merge, split, move and report together: every figure derivable by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/campus.h"

#include "server/figures/figures.h"
#include "server/statistics/fill.h"

#define KWH "active_energy_import_kwh"

/* The archive (10 kWh an hour, 500 m2, 50 persons) and the library (5, 250, 20) become the centre
 * of culture on 1 July 2026 and move into the house of the bureau, which stands empty in part: 20
 * kWh an hour before, 30 after; 1000 m2, of which the bureau keeps 600. */
#define HEAD(id, more)          \
	"id: " id "\nname: " id \
	"\ntype: culture\nregion: \"370102\"\nsupply: {electricity: online}\n" more
#define METER(id)                                                                    \
	"meters:\n  - {id: " id ", carrier: electricity, role: main, quantity: " KWH \
	", interval: 24h,\n     lives: [{from: 2024-12-01, ratio: 1}]}\n"

static const char archive[] =
	HEAD("370102-0001", "to: 2026-07-01\nsuccessors: [{id: 370102-0004}]\n"
			    "headcount: [{from: 2020-01-01, persons: 50}]\n"
			    "buildings: [{id: b, name: b, area: [{from: 2010-01-01, m2: 500}]}]\n")
		METER("a1");
static const char library[] =
	HEAD("370102-0002", "to: 2026-07-01\nsuccessors: [{id: 370102-0004}]\n"
			    "headcount: [{from: 2020-01-01, persons: 20}]\n"
			    "buildings: [{id: b, name: b, area: [{from: 2010-01-01, m2: 250}]}]\n")
		METER("b1");
static const char bureau[] =
	"id: 370102-0003\nname: 370102-0003\ntype: government\nregion: \"370102\"\n"
	"headcount: [{from: 2020-01-01, persons: 100}]\n";
static const char culture[] =
	"id: 370102-0004\nname: 370102-0004\ntype: culture\nregion: \"370102\"\nfrom: 2026-07-01\n";
static const char house[] = "id: house\nname: 机关大楼\nregion: \"370102\"\n" METER(
	"h1") "occupants:\n"
	      "  - {institution: 370102-0003, from: 2012-01-01, to: 2026-07-01, m2: 1000}\n"
	      "  - {institution: 370102-0003, from: 2026-07-01, m2: 600}\n"
	      "  - {institution: 370102-0004, from: 2026-07-01, m2: 400, persons: 70}\n";

static void feed(struct campus *campus, const char *device, const char *from, const char *to,
		 int64_t kwh_a_day)
{
	size_t days = (size_t)(campus_day(to) - campus_day(from));

	/* Registers go on where the time before left them. */
	campus_steady(campus, device, KWH,
		      (struct reading){campus_time(from),
				       (int64_t)(campus_day(from) - 20000) * (int64_t)MICRO * 1000},
		      DAY_MS, kwh_a_day * MICRO, days);
}

static void feed_all(struct campus *campus)
{
	feed(campus, "a1", "2025-01-01", "2026-07-01", 240);
	feed(campus, "b1", "2025-01-01", "2026-07-01", 120);
	feed(campus, "h1", "2025-01-01", "2026-07-01", 480);
	/* The same register goes on faster. */
	campus_steady(campus, "h1", KWH,
		      (struct reading){campus_time("2026-07-01"),
				       (int64_t)(campus_day("2025-01-01") - 20000) * 1000 * MICRO +
					       546LL * 480 * MICRO},
		      DAY_MS, 720 * (int64_t)MICRO, 184);
}

/* ---- what is asked ---- */

struct answer {
	const char *key;
	enum kpi kpi;
	struct kpi_value value;
	uint32_t institutions;
	bool is_found;
};

static int keep_row(const struct figures_row *row, void *arg)
{
	struct answer *answer = arg;

	if (strcmp(row->key, answer->key) != 0 || row->is_own)
		return 0;
	answer->value = row->kpis[answer->kpi];
	answer->institutions = row->institutions;
	answer->is_found = true;
	return 0;
}

struct expectation {
	const char *name, *region;
	enum figures_group by;
	int year;
	const char *key;
	enum kpi kpi;
	int64_t value, previous; /* -1: not there */
	int64_t change;          /* 10^-6 */
	uint32_t institutions;   /* of a group */
};

static void check(struct campus *campus, const struct factors *factors, const struct expectation *e)
{
	struct figures figures = {.ledger = campus->ledger,
				  .registry = campus->registry,
				  .factors = factors,
				  .now_ms = campus_time("2027-02-01"),
				  .min_coverage = 900000};
	struct figures_question question = {
		.region = region_find(campus->registry->regions, e->region, strlen(e->region)),
		.by = e->by};
	struct answer got = {.key = e->key, .kpi = e->kpi};
	struct err err = {""};

	campus_check(figures_period(&figures, e->year, PERIOD_YEAR, 0, &question.period, &err),
		     &err);
	campus_check(figures_kpis(&figures, &question, keep_row, &got, &err), &err);
	if (e->value < 0) {
		if (got.is_found && got.value.has_value)
			fail_msg("%s: is there", e->name);
		return;
	}
	if (!got.is_found || got.value.value != e->value || got.value.previous != e->previous ||
	    got.value.change != e->change || got.institutions != e->institutions)
		fail_msg("%s: found %d value %lld previous %lld change %lld of %u, %s", e->name,
			 got.is_found, (long long)got.value.value, (long long)got.value.previous,
			 (long long)got.value.change, got.institutions, got.value.reason);
}

static void write_file(const struct campus *campus, const char *id, const char *text)
{
	char *name = xasprintf("registry/institutions/%s.yaml", id);

	campus_write(campus, name, text);
	free(name);
}

#define R "370102"
#define M *(int64_t)MICRO

/* clang-format off */
static const struct expectation merged[] = {
	{"2025: the archive", R, GROUP_INSTITUTION, 2025, "370102-0001", KPI_ELECTRICITY, 365 * 240 M, 0, 0, 0},
	{"2025: the bureau has the whole house", R, GROUP_INSTITUTION, 2025, "370102-0003", KPI_ELECTRICITY, 365 * 480 M, 0, 0, 0},
	{"2025: the centre is not there", R, GROUP_INSTITUTION, 2025, "370102-0004", KPI_ELECTRICITY, -1, 0, 0, 0},
	{"2025: all", R, GROUP_NONE, 2025, R, KPI_ELECTRICITY, 365 * 840 M, 0, 0, 3},
	/* 181 days; compared with the same 181 */
	{"2026: the archive's half", R, GROUP_INSTITUTION, 2026, "370102-0001", KPI_ELECTRICITY, 181 * 240 M, 181 * 240 M, 0, 0},
	{"2026: the library's half", R, GROUP_INSTITUTION, 2026, "370102-0002", KPI_ELECTRICITY, 181 * 120 M, 181 * 120 M, 0, 0},
	/* 184 days of 40 % of 720; compared with 184 days of both: 360 */
	{"2026: the centre follows both", R, GROUP_INSTITUTION, 2026, "370102-0004", KPI_ELECTRICITY, 184 * 288 M, 184 * 360 M, -200000, 0},
	/* 181 x 480 + 184 x 60 % of 720 = 166368, before 175200 */
	{"2026: the bureau", R, GROUP_INSTITUTION, 2026, "370102-0003", KPI_ELECTRICITY, 166368 M, 175200 M, -50411, 0},
	/* 43440 + 21720 + 86880 + 132480; before 306600 as 2025 told */
	{"2026: all, once", R, GROUP_NONE, 2026, R, KPI_ELECTRICITY, 284520 M, 365 * 840 M, -72016, 4},
	{"2026: culture", R, GROUP_TYPE, 2026, "culture", KPI_ELECTRICITY, (181 * 360 + 184 * 288) M, 365 * 360 M, -100822, 3},
	/* (500 + 250) x 181 / 365 + 400 x 184 / 365 = 573.561644 m2; before 750 */
	{"2026: culture by area", R, GROUP_TYPE, 2026, "culture", KPI_ELECTRICITY_PER_AREA, 205997038, 175200000, 175782, 3},
	/* 1000 x 181 + 600 x 184 = 291400 days: 798.356164 m2 */
	{"2026: the bureau by area", R, GROUP_INSTITUTION, 2026, "370102-0003", KPI_ELECTRICITY_PER_AREA, 208388195, 175200000, 189430, 0},
	/* persons: 70 x 181 / 365 + 70 x 184 / 365 = 70 all year, and 100 */
	{"2026: all by persons", R, GROUP_NONE, 2026, R, KPI_ELECTRICITY_PER_CAPITA, 1673647059, 1803529412, -72016, 4},
};
/* clang-format on */

/* ---- the forms of the year ---- */

/* The first line whose number is the whole of a source, in 10^-6 of the line's unit. */
static size_t line_of(const struct form_schema *schema, enum form_source_kind kind)
{
	for (size_t i = 0; i < schema->n_lines; i++) {
		const struct form_line *line = &schema->lines[i];

		if (line->n_terms == 1 && schema->sources[line->terms[0].source].kind == kind &&
		    (kind != SOURCE_QUANTITY ||
		     (schema->sources[line->terms[0].source].carrier == CARRIER_ELECTRICITY &&
		      strcmp(schema->sources[line->terms[0].source].item, "total") == 0)))
			return i;
	}
	fail_msg("no line of source %d", (int)kind);
	return 0;
}

static const struct {
	const char *name;
	int year;
	uint32_t institution;
	double kwh, m2; /* -1: no value */
	bool is_partial;
} filed[] = {
	{"2025: the archive", 2025, 0, 365 * 240, 500, false},
	{"2025: the bureau, its house alone", 2025, 2, 365 * 480, 1000, false},
	{"2025: the centre was not there", 2025, 3, -1, -1, false},
	{"2026: the archive until July", 2026, 0, 181 * 240, 500, false},
	{"2026: the library until July", 2026, 1, 181 * 120, 250, false},
	{"2026: the bureau, six tenths of the house from July on", 2026, 2,
	 181 * 480 + 184 * 720 * 0.6, (1000 * 181 + 600 * 184) / 365.0, false},
	{"2026: the centre, four tenths of it", 2026, 3, 184 * 720 * 0.4, 400, false},
};

/* Forms round to the line's decimals, and may be in 万kWh. */
static void check_line(const char *name, const struct form_line *line,
		       const struct fill_value *value, double expected)
{
	double factor =
		(double)line->terms[0].coefficient.num / (double)line->terms[0].coefficient.den;
	int64_t micro = fill_round((int64_t)(expected * factor * MICRO + 0.5), line->decimals);

	if (value->is_known != (expected >= 0) || (expected >= 0 && value->value != micro))
		fail_msg("%s, %s: %lld, not %lld (%s)", name, line->name, (long long)value->value,
			 (long long)micro, value->missing);
}

static void check_forms(struct campus *campus, const struct factors *factors)
{
	struct conf_errors errors = {0};
	struct derived *derived;
	struct forms *forms;
	struct err err = {""};

	if (forms_load(&forms, "config/statistics", &errors) < 0)
		fail_msg("%s", errors.text.data);
	conf_errors_fini(&errors);
	campus_check(derived_open(&derived, campus->ledger, &err), &err);
	struct figures figures = {.ledger = campus->ledger,
				  .derived = derived,
				  .registry = campus->registry,
				  .factors = factors,
				  .now_ms = campus_time("2027-02-01")};
	for (size_t i = 0; i < sizeof filed / sizeof *filed; i++) {
		const struct form_schema *schema = forms_of_year(forms, filed[i].year);
		struct fill_value *values = xcalloc(schema->n_lines, sizeof *values);
		const struct fill fill = {&figures, schema, fill_period(filed[i].year, 0)};
		size_t energy = line_of(schema, SOURCE_QUANTITY);
		size_t area = line_of(schema, SOURCE_AREA);

		campus_check(fill_institution(&fill, filed[i].institution, values, &err), &err);
		check_line(filed[i].name, &schema->lines[energy], &values[energy], filed[i].kwh);
		check_line(filed[i].name, &schema->lines[area], &values[area], filed[i].m2);
		assert_int_equal(values[energy].is_partial, filed[i].is_partial);
		free(values);
	}
	derived_close(derived);
	forms_destroy(forms);
}

static void two_merge_and_move_into_a_third_ones_house(void **state)
{
	struct factors *factors = campus_factors();
	struct campus campus;

	(void)state;
	campus_init(&campus, HEAD("370102-0001", ""));
	write_file(&campus, "370102-0001", archive);
	write_file(&campus, "370102-0002", library);
	write_file(&campus, "370102-0003", bureau);
	write_file(&campus, "370102-0004", culture);
	campus_write_site(&campus, "house", house);
	campus_reload(&campus);
	feed_all(&campus);
	campus_derive(&campus);
	for (size_t i = 0; i < sizeof merged / sizeof *merged; i++)
		check(&campus, factors, &merged[i]);
	check_forms(&campus, factors);
	factors_release(factors);
	campus_fini(&campus);
}

/* ---- a split, a move, a report for several ---- */

/* The archive becomes two in the middle of 2026: a third of it goes to the library, and two thirds
 * to a new institution with a meter of its own (8 kWh an hour). The bureau moves to another county
 * on 1 October 2025, from when on it is a provincial one. The station reports with the bureau. */
static const char split_archive[] =
	HEAD("370102-0001", "to: 2026-07-01\nsuccessors: [{id: 370102-0002, share: 0.333333}, "
			    "{id: 370102-0004, share: 0.666667}]\n") METER("a1");
static const char second_half[] = HEAD("370102-0004", "from: 2026-07-01\n") METER("d1");
static const char moving_bureau[] =
	"id: 370102-0003\nname: [{name: 局}, {from: 2025-10-01, name: 新局}]\ntype: government\n"
	"region: [{region: \"370102\"}, {from: 2025-10-01, region: \"370103\"}]\n"
	"affiliation: [{affiliation: county}, {from: 2025-10-01, affiliation: provincial}]\n"
	"headcount: [{from: 2020-01-01, persons: 100}]\n" METER("c1");
static const char station[] =
	"id: 370102-0005\nname: 370102-0005\ntype: other_institution\nregion: \"370103\"\n"
	"reports_with: 370102-0003\nheadcount: [{from: 2020-01-01, persons: 20}]\n" METER("s1");

/* clang-format off */
static const struct expectation split[] = {
	/* 184 x 240 = 44160 kWh, of which 0.333333 and 0.666667 */
	{"a third follows the library", "370102", GROUP_INSTITUTION, 2026, "370102-0002", KPI_ELECTRICITY,
	 365 * 120 M, 365 * 120 M + 14719985280, -251538, 0},
	{"two thirds follow the new one", "370102", GROUP_INSTITUTION, 2026, "370102-0004", KPI_ELECTRICITY,
	 184 * 192 M, 29440014720, 199999, 0},
	{"together as before", "370102", GROUP_NONE, 2026, "370102", KPI_ELECTRICITY,
	 (181 * 240 + 184 * 192 + 365 * 120) M, 365 * 360 M, -67215, 3},
	{"2024: the bureau where it was", "3701", GROUP_REGION, 2024, "370102", KPI_WATER, -1, 0, 0, 0},
	{"2025: the bureau where it is at the year's end", "3701", GROUP_REGION, 2025, "370103", KPI_ELECTRICITY,
	 365 * 480 M + 365 * 48 M, 0, 0, 1},
	{"2025: no longer where it was", "3701", GROUP_REGION, 2025, "370102", KPI_ELECTRICITY, 365 * 360 M, 0, 0, 2},
	{"2024: a subtree in which it was then, not now", "370102", GROUP_SUBTREE, 2024, "370102", KPI_WATER, -1, 0, 0, 0},
	{"2025: its county in a subtree", "3701", GROUP_SUBTREE, 2025, "370103", KPI_ELECTRICITY, 365 * 528 M, 0, 0, 1},
	{"2025: all of a subtree, once", "3701", GROUP_SUBTREE, 2025, "370100", KPI_ELECTRICITY, 365 * 888 M, 0, 0, 3},
	{"2026: provincial", "3701", GROUP_AFFILIATION, 2026, "provincial", KPI_ELECTRICITY,
	 365 * 528 M, 365 * 528 M, 0, 1},
	{"the station is in the bureau's row", "3701", GROUP_INSTITUTION, 2026, "370102-0003", KPI_ELECTRICITY,
	 365 * 528 M, 365 * 528 M, 0, 0},
	{"and has none itself", "3701", GROUP_INSTITUTION, 2026, "370102-0005", KPI_ELECTRICITY, -1, 0, 0, 0},
	{"its persons are there too", "370103", GROUP_INSTITUTION, 2026, "370102-0003", KPI_ELECTRICITY_PER_CAPITA,
	 365 * 528 M / 120, 365 * 528 M / 120, 0, 0},
};
/* clang-format on */

static void one_splits_another_moves_and_reports_for_a_third(void **state)
{
	struct factors *factors = campus_factors();
	struct campus campus;

	(void)state;
	campus_init(&campus, HEAD("370102-0001", ""));
	write_file(&campus, "370102-0001", split_archive);
	write_file(&campus, "370102-0002", HEAD("370102-0002", "") METER("b1"));
	write_file(&campus, "370102-0003", moving_bureau);
	write_file(&campus, "370102-0004", second_half);
	write_file(&campus, "370102-0005", station);
	campus_reload(&campus);
	feed(&campus, "a1", "2025-01-01", "2026-07-01", 240);
	feed(&campus, "b1", "2025-01-01", "2027-01-01", 120);
	feed(&campus, "c1", "2025-01-01", "2027-01-01", 480);
	feed(&campus, "d1", "2026-07-01", "2027-01-01", 192);
	feed(&campus, "s1", "2025-01-01", "2027-01-01", 48);
	campus_derive(&campus);
	for (size_t i = 0; i < sizeof split / sizeof *split; i++)
		check(&campus, factors, &split[i]);
	assert_string_equal(
		registry_identity_on(&campus.registry->institutions[2], campus_day("2025-09-30"))
			->name,
		"局");
	assert_string_equal(campus.registry->institutions[2].name, "新局");
	factors_release(factors);
	campus_fini(&campus);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_merge_and_move_into_a_third_ones_house),
		cmocka_unit_test(one_splits_another_moves_and_reports_for_a_third),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
