/* SPDX-License-Identifier: Apache-2.0 */
/* What of the databases' indicators is written again when no row changes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/campus.h"

#include "common/clock.h"
#include "server/figures/derive_export.h"
#include "server/figures/restate.h"
#include "server/tsdb/tsdb_private.h"

#define KWH "active_energy_import_kwh"

struct fixture {
	struct campus campus;
	struct factors *factors;
	struct restate *restate;
	struct tsdb_export out;
	int64_t cursor, now_ms;
};

static char *house(const char *id, const char *meter, int area, const char *more)
{
	return xasprintf("id: %s\nname: %s\ntype: culture\nregion: \"370102\"\n%s"
			 "headcount: [{from: 2020-01-01, persons: 100}]\n"
			 "buildings: [{id: main, name: 楼, area: [{from: 2012-06-01, m2: %d}]}]\n"
			 "meters:\n"
			 "  - {id: %s, building: main, carrier: electricity, item: \"01000\",\n"
			 "     role: main, quantity: active_energy_import_kwh, interval: 60m, "
			 "expected_year: 8760,\n"
			 "     lives: [{serial: a, from: 2023-01-01, ratio: 1}]}\n",
			 id, id, more, area, meter);
}

static void write_house(struct fixture *f, const char *id, const char *meter, int area,
			const char *more)
{
	char *yaml = house(id, meter, area, more);
	char *name = xasprintf("registry/institutions/%s.yaml", id);

	campus_write(&f->campus, name, yaml);
	free(yaml);
	free(name);
}

static void open_restate(struct fixture *f, int64_t min_coverage)
{
	struct err err = {""};

	restate_close(f->restate);
	campus_check(restate_open(&f->restate, f->campus.ledger, f->factors, min_coverage, &err),
		     &err);
	restate_set_registry(f->restate, f->campus.registry);
}

/* All that is to be done at a time, and nothing a second time. */
static void run(struct fixture *f)
{
	struct err err = {""};
	bool more = true;

	while (more)
		campus_check(restate_run(f->restate, f->now_ms, &more, &err), &err);
	assert_int_equal(restate_left(f->restate), 0);
}

static void reload(struct fixture *f)
{
	campus_reload(&f->campus);
	campus_derive(&f->campus);
	restate_set_registry(f->restate, f->campus.registry);
	assert_int_equal(restate_left(f->restate), f->campus.registry->n_institutions);
	run(f);
}

/* What is new, all of it. */
static void export(struct fixture *f)
{
	struct derive_export with = {.factors = f->factors};
	struct buf all = {0};
	struct err err = {""};
	int64_t before;

	do {
		struct tsdb_question question = {.reader = f->campus.ledger,
						 .registry = f->campus.registry,
						 .cursor = f->cursor,
						 .max_lines = 100};

		before = f->cursor;
		buf_clear(&f->out.lines);
		f->out.n_lines = 0;
		campus_check(derive_export(&question, &f->out, &with, &err), &err);
		f->cursor = f->out.next;
		buf_add(&all, f->out.lines.data, f->out.lines.len);
	} while (f->cursor != before || f->out.n_lines > 0);
	buf_clear(&f->out.lines);
	buf_add_text(&f->out.lines, "");
	buf_add(&f->out.lines, all.data, all.len);
	buf_fini(&all);
}

static size_t count(const struct fixture *f, const char *text)
{
	const char *at = f->out.lines.len > 0 ? f->out.lines.data : "";
	size_t n = 0;

	for (; (at = strstr(at, text)) != NULL; at += strlen(text))
		n++;
	return n;
}

/* Two institutions with readings of three months of 2026. */
static void start(struct fixture *f)
{
	char *yaml = house("370102-0001", "e01", 1000, "");

	*f = (struct fixture){.now_ms = campus_time("2026-11-24")};
	campus_init(&f->campus, yaml);
	free(yaml);
	write_house(f, "370102-0002", "e02", 500, "");
	campus_reload(&f->campus);
	f->factors = campus_factors();
	campus_steady(&f->campus, "e01", KWH, (struct reading){campus_time("2026-03-01"), 0},
		      HOUR_MS, MICRO, 90 * 24);
	campus_steady(&f->campus, "e02", KWH, (struct reading){campus_time("2026-03-01"), 0},
		      HOUR_MS, MICRO, 90 * 24);
	campus_derive(&f->campus);
	open_restate(f, 900000);
	run(f);
	export(f);
}

static void finish(struct fixture *f)
{
	restate_close(f->restate);
	tsdb_export_fini(&f->out);
	factors_release(f->factors);
	campus_fini(&f->campus);
}

static void nothing_changed(void **state)
{
	struct fixture f;

	(void)state;
	start(&f);
	assert_true(count(&f, "kpi_month,region=370102,institution=370102-0002") >= 3);
	reload(&f);
	export(&f);
	assert_int_equal(f.out.lines.len, 0);
	finish(&f);
}

static void what_an_officer_corrects_is_written_again(void **state)
{
	struct fixture f;

	(void)state;
	start(&f);
	write_house(&f, "370102-0001", "e01", 2000, "");
	reload(&f);
	export(&f);
	assert_int_equal(count(&f, "kpi_day,region=370102,institution=370102-0001"), 90);
	assert_int_equal(count(&f, "kpi_month,region=370102,institution=370102-0001"), 3);
	assert_int_equal(count(&f, "kpi_year,region=370102,institution=370102-0001"), 1);
	assert_int_equal(count(&f, "institution=370102-0002,type"), 0);
	assert_int_equal(count(&f, "energy_month"), 0);
	/* 31 x 24 kWh over 2000 m2 */
	assert_int_equal(count(&f, "electricity_per_area_kwh=0.372,"), 1);
	/* three regions above it, three months and a year of each */
	assert_int_equal(count(&f, "region_kpi_month,"), 9);
	assert_int_equal(count(&f, "region_kpi_year,"), 3);
	export(&f);
	assert_int_equal(f.out.lines.len, 0);
	/* a calendar moves what is a free day */
	write_house(&f, "370102-0002", "e02", 500, "calendar: always\n");
	reload(&f);
	export(&f);
	assert_int_equal(count(&f, "kpi_month,region=370102,institution=370102-0002"), 3);
	assert_int_equal(count(&f, "institution=370102-0001,type"), 0);
	finish(&f);
}

/* Other coefficients are another threshold or other files: seen when the server starts. */
static void other_terms_are_everybodys(void **state)
{
	struct fixture f;

	(void)state;
	start(&f);
	open_restate(&f, 800000);
	run(&f);
	export(&f);
	assert_int_equal(count(&f, "kpi_month,region=370102,institution=370102-0001"), 3);
	assert_int_equal(count(&f, "kpi_month,region=370102,institution=370102-0002"), 3);
	open_restate(&f, 800000);
	run(&f);
	export(&f);
	assert_int_equal(f.out.lines.len, 0);
	finish(&f);
}

/* A pass that was cut off goes on, and the regions still follow. */
static void a_restart_forgets_nothing(void **state)
{
	struct fixture f;
	struct err err = {""};
	bool more;

	(void)state;
	start(&f);
	write_house(&f, "370102-0001", "e01", 2000, "");
	for (int i = 0; i < 60; i++) {
		char *id = xasprintf("370102-1%03d", i), *meter = xasprintf("m%03d", i);

		write_house(&f, id, meter, 100, "");
		free(id);
		free(meter);
	}
	campus_reload(&f.campus);
	campus_derive(&f.campus);
	restate_set_registry(f.restate, f.campus.registry);
	campus_check(restate_run(f.restate, f.now_ms, &more, &err), &err);
	assert_true(more);
	export(&f);
	assert_int_equal(count(&f, "kpi_month,region=370102,institution=370102-0001"), 3);
	assert_int_equal(count(&f, "region_kpi_month,"), 0);
	open_restate(&f, 900000);
	run(&f);
	export(&f);
	assert_int_equal(count(&f, "region_kpi_month,"), 9);
	finish(&f);
}

/* Once a day what runs is written again: time makes coverage fall and bills due. */
static void time_passes(void **state)
{
	int64_t today = (clock_utc_ms() + CAMPUS_OFFSET_MS) / DAY_MS * DAY_MS - CAMPUS_OFFSET_MS;
	struct fixture f;

	(void)state;
	start(&f);
	campus_steady(&f.campus, "e02", KWH, (struct reading){today - DAY_MS, INT64_C(4000000000)},
		      HOUR_MS, MICRO, 24);
	campus_derive(&f.campus);
	run(&f);
	export(&f);
	f.now_ms += DAY_MS;
	run(&f);
	export(&f);
	assert_in_range(count(&f, "kpi_month,region=370102,institution=370102-0002"), 1, 2);
	assert_int_equal(count(&f, "kpi_month,region=370102,institution=370102-0001"), 0);
	assert_int_equal(count(&f, "energy_month"), 0);
	run(&f);
	export(&f);
	assert_int_equal(f.out.lines.len, 0);
	finish(&f);
}

/* ---- a factor changes what depends on it ---- */

#define COAL(value)                                                                       \
	"id: coal\nname: c\nkind: coal\nsource: s\nfactors:\n  - {carrier: electricity, " \
	"value: " value ", verified: true}\n"
#define GRID(year, shandong)                                                             \
	"id: grid\nname: g\nkind: grid\nsource: s\nyears:\n  - {year: " year             \
	", source: s, verified: true, national_verified: true, national: 0.6, regions: " \
	"{\"370000\": " shandong ", \"440000\": 0.4}}\n"
#define TARIFF(id, peak)                                                              \
	"id: " id "\nname: t\nkind: tariff\nsource: s\nverified: false\ntariff: " id  \
	"\ncarrier: electricity\nprices:\n  - {from: 2021-01-01, peak: " peak         \
	", flat: 0.7, valley: 0.4}\nbands:\n  - {months: \"1-12\", peak: \"17-22\", " \
	"valley: \"0-8\"}\n"

struct factor_files {
	const char *coal, *grid, *usual, *special;
};

static struct factors *load_files(struct campus *campus, const struct factor_files *files)
{
	char *dir = xasprintf("%s/factors", campus->folder);
	struct conf_errors errors = {0};
	struct factors *factors;

	(void)mkdir(dir, 0700); /* it may be there */
	campus_write(campus, "factors/coal.yaml", files->coal);
	campus_write(campus, "factors/grid.yaml", files->grid);
	campus_write(campus, "factors/usual.yaml", files->usual);
	campus_write(campus, "factors/special.yaml", files->special);
	if (factors_load(&factors, dir, &errors) < 0)
		fail_msg("%s", errors.text.data);
	conf_errors_fini(&errors);
	free(dir);
	return factors;
}

#define FIRST_FILES                                                          \
	{                                                                    \
		COAL("0.1229"), GRID("2023", "0.6"), TARIFF("usual", "1.0"), \
			TARIFF("special", "1.1")                             \
	}
static const struct factor_files first_files = FIRST_FILES;

/* Of Jinan, of Guangzhou, of Guangzhou with a tariff of its own. */
enum { N_BASES = 3 };

static void read_bases(struct campus *campus, const struct factor_files *files,
		       int64_t out[N_BASES])
{
	const struct region_tree *tree = campus->registry->regions;
	struct factors *factors = load_files(campus, files);
	const char *const none[N_CARRIERS] = {NULL};
	const char *special[N_CARRIERS] = {NULL};
	uint32_t guangzhou = region_find(tree, "440106", 6);

	special[CARRIER_ELECTRICITY] = "special";
	out[0] = factors_basis(factors, tree, region_find(tree, "370102", 6), none);
	out[1] = factors_basis(factors, tree, guangzhou, none);
	out[2] = factors_basis(factors, tree, guangzhou, special);
	factors_release(factors);
}

static void a_factor_changes_what_depends_on_it(void **state)
{
	static const struct {
		const char *name;
		struct factor_files files;
		bool changes[N_BASES];
	} cases[] = {
		{"nothing", FIRST_FILES, {false, false, false}},
		{"coal",
		 {COAL("0.123"), GRID("2023", "0.6"), TARIFF("usual", "1.0"),
		  TARIFF("special", "1.1")},
		 {true, true, true}},
		{"a province's grid",
		 {COAL("0.1229"), GRID("2023", "0.61"), TARIFF("usual", "1.0"),
		  TARIFF("special", "1.1")},
		 {true, false, false}},
		{"a tariff",
		 {COAL("0.1229"), GRID("2023", "0.6"), TARIFF("usual", "1.0"),
		  TARIFF("special", "1.2")},
		 {false, false, true}},
		{"a comment",
		 {"# once more\n" COAL("0.1229"), GRID("2023", "0.6"), TARIFF("usual", "1.0"),
		  TARIFF("special", "1.1")},
		 {false, false, false}},
	};
	int64_t first[N_BASES], other[N_BASES];
	struct fixture f;

	(void)state;
	start(&f);
	read_bases(&f.campus, &first_files, first);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		read_bases(&f.campus, &cases[i].files, other);
		for (int k = 0; k < N_BASES; k++)
			if ((first[k] != other[k]) != cases[i].changes[k])
				fail_msg("%s: %d", cases[i].name, k);
	}
	finish(&f);
}

/* Only the institution that has the tariff is written again. */
static void a_tariff_restates_whoever_has_it(void **state)
{
	struct factor_files other = first_files;
	struct fixture f;

	(void)state;
	start(&f);
	write_house(
		&f, "370102-0002", "e02", 500,
		"accounts: [{number: a2, carrier: electricity, tariff: special, meters: [e02]}]\n");
	factors_release(f.factors);
	f.factors = load_files(&f.campus, &first_files);
	open_restate(&f, 900000);
	reload(&f);
	export(&f);
	factors_release(f.factors);
	other.special = TARIFF("special", "1.3");
	f.factors = load_files(&f.campus, &other);
	open_restate(&f, 900000);
	run(&f);
	export(&f);
	assert_int_equal(count(&f, "kpi_day,region=370102,institution=370102-0002"), 90);
	assert_int_equal(count(&f, "institution=370102-0001,type"), 0);
	finish(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_changed),
		cmocka_unit_test(what_an_officer_corrects_is_written_again),
		cmocka_unit_test(other_terms_are_everybodys),
		cmocka_unit_test(a_restart_forgets_nothing),
		cmocka_unit_test(time_passes),
		cmocka_unit_test(a_factor_changes_what_depends_on_it),
		cmocka_unit_test(a_tariff_restates_whoever_has_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
