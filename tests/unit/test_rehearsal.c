/* SPDX-License-Identifier: Apache-2.0 */
/* Which figures a changed registry moves, and by how much. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/campus.h"

#include "server/command/rehearsal.h"

#define KWH "active_energy_import_kwh"

/* v01 = e01 + e02; w01 is another carrier. */
static const char yaml[] =
	"id: 370102-0001\nname: 历下区档案馆\ntype: culture\nregion: \"370102\"\n"
	"headcount: [{from: 2020-01-01, persons: 300}]\n"
	"buildings:\n  - {id: main, name: 主楼, area: [{from: 2012-06-01, m2: 18000}]}\n"
	"meters:\n"
	"  - {id: e01, carrier: electricity, item: \"01000\", role: main,\n"
	"     quantity: active_energy_import_kwh, interval: 1h,\n"
	"     lives: [{serial: a, from: 2025-01-01, ratio: 1}]}\n"
	"  - {id: e02, carrier: electricity, item: \"01A00\", role: sub, parent: e01,\n"
	"     quantity: active_energy_import_kwh, interval: 1h,\n"
	"     lives: [{serial: b, from: 2025-01-01, ratio: 1}]}\n"
	"  - {id: v01, carrier: electricity, item: \"01B00\", role: sub, parent: e01,\n"
	"     formula: e01 - e02}\n"
	"  - {id: w01, carrier: water, role: main, quantity: volume_total_m3, interval: 1h,\n"
	"     lives: [{serial: w, from: 2025-01-01, ratio: 1}]}\n";

/* What is changed in the file; the meters that are defined otherwise; how many figures move: of
 * meters and carriers in January and February, of carriers and indicators in the year. */
/* clang-format off */
static const struct {
	const char *phrase, *from, *to;
	const char *meters;
	int moved[REHEARSAL_TARGET_YEAR + 1];
} changes[] = {
	{ "nothing",                    "", "", "", { 0, 0, 0, 0 } },
	{ "a name",                     "主楼", "老楼", "", { 0, 0, 0, 0 } },
	{ "the ratio of the main meter", "serial: a, from: 2025-01-01, ratio: 1", "serial: a, from: 2025-01-01, ratio: 2",
	  "e01 v01 ", { 4, 2, 1, 19 } },
	{ "the ratio of the sub meter", "serial: b, from: 2025-01-01, ratio: 1", "serial: b, from: 2025-01-01, ratio: 2",
	  "e02 v01 ", { 4, 0, 0, 2 } },
	{ "the ratio of the water meter", "serial: w, from: 2025-01-01, ratio: 1", "serial: w, from: 2025-01-01, ratio: 3",
	  "w01 ", { 2, 2, 1, 4 } },
	{ "the life of the main meter begins in February", "serial: a, from: 2025-01-01", "serial: a, from: 2026-02-01",
	  "e01 v01 ", { 2, 1, 1, 19 } },
	{ "persons",                    "persons: 300", "persons: 150", "", { 0, 0, 0, 5 } },
	{ "area",                       "m2: 18000", "m2: 9000", "", { 0, 0, 0, 5 } },
	{ "a meter of another id",      "id: w01", "id: w02", "w01 w02 ", { 2, 2, 1, 4 } },
};
/* clang-format on */

static struct registry *parse(const char *from, const char *to)
{
	struct conf_errors errors = {0};
	struct registry *registry = NULL;
	const char *at = strstr(yaml, from);
	struct buf text = {0};

	assert_non_null(at);
	buf_add(&text, yaml, (size_t)(at - yaml));
	buf_add_text(&text, to);
	buf_add_text(&text, at + strlen(from));
	if (registry_parse(&registry, "370102-0001.yaml", text.data, text.len, CAMPUS_OFFSET_MS,
			   &errors) < 0)
		fail_msg("%s", errors.text.data);
	conf_errors_fini(&errors);
	buf_fini(&text);
	return registry;
}

static void list_meters(const struct registry_diff *diff, struct buf *out)
{
	for (size_t m = 0; m < diff->before->n_meters; m++)
		if (diff->before_meters[m])
			buf_printf(out, "%s ", diff->before->meters[m].id);
	for (size_t m = 0; m < diff->after->n_meters; m++) {
		const char *id = diff->after->meters[m].id;

		if (diff->after_meters[m] &&
		    registry_find_meter(diff->before, id, strlen(id)) == REGISTRY_NONE)
			buf_printf(out, "%s ", id);
	}
}

/* Rows that one side has alone count once for each side. */
static void count_moved(const struct rehearsal_rows *a, const struct rehearsal_rows *b,
			int moved[REHEARSAL_TARGET_YEAR + 1])
{
	size_t i = 0, k = 0;

	while (i < a->n || k < b->n) {
		int order = i == a->n   ? 1
			    : k == b->n ? -1
					: rehearsal_compare(&a->items[i], &b->items[k]);

		if (order != 0 || a->items[i].value != b->items[k].value)
			moved[(order <= 0 ? a->items[i] : b->items[k]).kind]++;
		i += order <= 0;
		k += order >= 0;
	}
}

static void play(struct campus *campus, const struct registry_diff *diff,
		 struct registry *registries[2], struct rehearsal_rows rows[2])
{
	struct conf_errors errors = {0};
	struct factors *factors = NULL;
	struct rehearsal *rehearsal;
	struct ledger *reader;
	struct rehearsal_ask ask = {.min_coverage = 500000, .now_ms = campus_time("2026-03-01")};
	struct err err = {""};

	if (factors_load(&factors, "config/factors", &errors) < 0)
		fail_msg("%s", errors.text.data);
	ask.factors = factors;
	campus_check(ledger_open_reader(&reader, campus->path, &err), &err);
	campus_check(rehearsal_open(&rehearsal, reader, diff, &err), &err);
	ledger_close(reader);
	campus_check(rehearsal_play(rehearsal, registries[0], &ask, &rows[0], &err), &err);
	campus_check(rehearsal_play(rehearsal, registries[1], &ask, &rows[1], &err), &err);
	rehearsal_close(rehearsal);
	factors_release(factors);
	conf_errors_fini(&errors);
}

static void tells_what_moves(void **state)
{
	struct campus campus;

	(void)state;
	campus_init(&campus, yaml);
	campus_steady(&campus, "e01", KWH, (struct reading){campus_time("2026-01-01"), 0}, HOUR_MS,
		      2000000, 59 * 24);
	campus_steady(&campus, "e02", KWH, (struct reading){campus_time("2026-01-01"), 0}, HOUR_MS,
		      500000, 59 * 24);
	campus_steady(&campus, "w01", "volume_total_m3",
		      (struct reading){campus_time("2026-01-01"), 0}, HOUR_MS, 100000, 59 * 24);
	for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
		struct registry *registries[2] = {parse("", ""),
						  parse(changes[i].from, changes[i].to)};
		struct rehearsal_rows rows[2] = {{0}, {0}};
		struct registry_diff diff;
		struct buf meters = {0};
		int moved[REHEARSAL_TARGET_YEAR + 1] = {0};

		buf_add_text(&meters, "");
		registry_diff_make(&diff, registries[0], registries[1]);
		list_meters(&diff, &meters);
		play(&campus, &diff, registries, rows);
		count_moved(&rows[0], &rows[1], moved);
		if (strcmp(meters.data ? meters.data : "", changes[i].meters) != 0 ||
		    memcmp(moved, changes[i].moved, sizeof moved) != 0)
			fail_msg("%s: meters '%s', moved %d %d %d %d", changes[i].phrase,
				 meters.data, moved[0], moved[1], moved[2], moved[3]);
		buf_fini(&meters);
		free(rows[0].items);
		free(rows[1].items);
		registry_diff_fini(&diff);
		registry_release(registries[0]);
		registry_release(registries[1]);
	}
	campus_fini(&campus);
}

/* ---- through a shared building ---- */

static struct registry *with_house(struct campus *campus, const char *meters, int m2)
{
	char *house = xasprintf(
		"id: house\nname: 政务中心\nregion: \"370102\"\n"
		"buildings: [{id: tower, name: 主楼, area: [{from: 2012-01-01, m2: 1000}]}]\n"
		"meters:\n"
		"  - {id: c1, carrier: electricity, role: main, quantity: " KWH ", interval: 1h,\n"
		"     lives: [{serial: c, from: 2024-01-01, %s}]}\n"
		"occupants:\n"
		"  - {institution: 370102-0001, from: 2024-01-01, m2: %d, persons: 20}\n"
		"  - {institution: 370102-0002, from: 2024-01-01, m2: %d, persons: 20}\n",
		meters, m2, 1000 - m2);

	campus_write_site(campus, "house", house);
	campus_reload(campus);
	free(house);
	return registry_hold(campus->registry);
}

/* What changes in the house moves the months of both who are in it, and what they have used of
 * their quotas; not of who lives elsewhere. */
static void follows_a_shared_building_to_its_occupants(void **state)
{
	static const char office[] = "id: 370102-000%d\nname: 局%d\ntype: government\n"
				     "region: \"370102\"\naffiliation: county\n"
				     "headcount: [{from: 2020-01-01, persons: 20}]\n";
	static const struct {
		const char *life;
		int m2;
	} houses[] = {{"ratio: 1", 500}, {"ratio: 2", 600}};
	struct campus campus;

	(void)state;
	campus_make(&campus);
	campus_open(&campus, "id: 370102-0001\nname: 局1\ntype: government\nregion: \"370102\"\n"
			     "affiliation: county\n"
			     "headcount: [{from: 2020-01-01, persons: 20}]\n");
	for (int i = 2; i <= 3; i++) {
		char *path = xasprintf("registry/institutions/370102-000%d.yaml", i);
		char *text = xasprintf(office, i, i);

		campus_write(&campus, path, text);
		free(text);
		free(path);
	}
	campus_steady(&campus, "c1", KWH, (struct reading){campus_time("2025-01-01"), 0}, HOUR_MS,
		      2000000, 365 * 24);
	for (size_t i = 0; i < 2; i++) {
		struct registry *registries[2] = {
			with_house(&campus, "ratio: 1", 600),
			with_house(&campus, houses[i].life, houses[i].m2)};
		struct rehearsal_rows rows[2] = {{0}, {0}};
		struct registry_diff diff;
		int moved[REHEARSAL_TARGET_YEAR + 1] = {0};

		registry_diff_make(&diff, registries[0], registries[1]);
		assert_int_equal(diff.n_institutions, 2);
		play(&campus, &diff, registries, rows);
		count_moved(&rows[0], &rows[1], moved);
		assert_int_equal(moved[REHEARSAL_CARRIER_MONTH], 24);
		assert_int_equal(moved[REHEARSAL_CARRIER_YEAR], 2);
		assert_true(moved[REHEARSAL_QUOTA_YEAR] > 0);
		free(rows[0].items);
		free(rows[1].items);
		registry_diff_fini(&diff);
		registry_release(registries[0]);
		registry_release(registries[1]);
	}
	campus_fini(&campus);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_what_moves),
		cmocka_unit_test(follows_a_shared_building_to_its_occupants),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
