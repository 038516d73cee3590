/* SPDX-License-Identifier: Apache-2.0 */
/* Series that changed their tags, in each kind of database. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/tsdb/tsdb_private.h"
#include "tsdb_rig.h"

static int delete_and_write(const struct tsdb_question *question, struct tsdb_export *out,
			    void *arg, struct err *err)
{
	static const struct tsdb_tag tags[] = {{"institution", "370102-0001"}, {"meter", ""}};

	(void)arg;
	(void)err;
	if (question->cursor > 0)
		return 0;
	tsdb_export_delete_series(out, "energy_hour", tags, 2, TSDB_ALL_TIME);
	tsdb_export_delete(out, "energy_day", tags, 1, NOW);
	buf_add_text(&out->lines, "energy_hour value=1 1\n");
	out->n_lines = 1;
	out->next = 7;
	return 0;
}

struct series_case {
	const char *phrase;
	enum tsdb_kind kind;
	const char *poison;        /* what the database refuses */
	const char *body, *target; /* of the deletion */
	int64_t removed, left;
};

static const struct series_case series_cases[] = {
	{"InfluxDB 1 drops series", TSDB_INFLUXDB1, NULL,
	 "DROP%20SERIES%20FROM%20%22energy_hour%22%20WHERE%20%22institution%22%3D%27370102-0001%27%"
	 "3BDELETE%20FROM%20%22energy_day%22%20WHERE%20time%20%3D%201780000000000000000%20AND%20%"
	 "22institution%22%3D%27370102-0001%27%3B",
	 "POST /query\n", 1, 0},
	{"InfluxDB 2 deletes of all time", TSDB_INFLUXDB2, NULL,
	 "{\"start\":\"1970-01-01T00:00:00.000+00:00\",\"stop\":\"2099-12-31T23:59:59.999999999+00:"
	 "00\","
	 "\"predicate\":\"_measurement=\\\"energy_hour\\\" AND "
	 "institution=\\\"370102-0001\\\"\"}",
	 "POST /api/v2/delete?org=o&bucket=b%2Fc\n", 1, 0},
	{"InfluxDB 3 cannot", TSDB_INFLUXDB3, NULL, "", "", 0, 1},
	{"VictoriaMetrics deletes series alone", TSDB_VICTORIAMETRICS, NULL,
	 "match[]=%7B__name__%3D~%22energy_hour_.%2B%22%2Cinstitution%3D%22370102-0001%22%2Cmeter%"
	 "3D%22%22%7D",
	 "GET /internal/force_flush\nPOST /api/v1/admin/tsdb/delete_series\n", 1, 0},
	{"VictoriaMetrics that may not be told to", TSDB_VICTORIAMETRICS, "match[]", "",
	 "POST /api/v1/admin/tsdb/delete_series\n", 0, 1},
};

/* What goes with them is written in any case. */
static void series_are_removed_where_it_can_be_done(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof series_cases / sizeof *series_cases; i++) {
		const struct series_case *c = &series_cases[i];
		struct tsdb_state tsdb;
		struct rig rig;

		rig_init(&rig, c->kind);
		fake_tsdb_set(&rig.fake, 204, c->poison, 1000);
		rig.options.source = delete_and_write;
		open_keeper(&rig);
		wait_for(&rig, c->phrase, has_cursor, 7);
		tsdb_get_state(keeper_tsdb(rig.keeper, 0), &tsdb);
		keeper_close(rig.keeper);
		rig.keeper = NULL;
		buf_add_text(&rig.fake.queries, "");
		buf_add_text(&rig.fake.taken, "");
		if (strstr(rig.fake.queries.data, c->body) == NULL &&
		    strstr(rig.fake.taken.data, c->body) == NULL)
			fail_msg("%s: no %s in %s%s", c->phrase, c->body, rig.fake.queries.data,
				 rig.fake.taken.data);
		assert_non_null(strstr(rig.fake.targets.data, c->target));
		assert_int_equal(tsdb.series_removed, c->removed);
		assert_int_equal(tsdb.series_left, c->left);
		assert_non_null(strstr(rig.fake.taken.data, "energy_hour value=1 1\n"));
		rig_fini(&rig);
	}
}

/* Points that stand next to each other go together. */
static void neighbours_are_one_deletion(void **state)
{
	static const struct tsdb_tag a = {"item", "a"}, b = {"item", "b"};
	static const struct {
		const char *phrase, *measurement;
		const struct tsdb_tag *tag;
		int64_t time_ms;
		size_t n_deletions;
	} steps[] = {
		{"the first", "kpi_day", &a, 10 * (int64_t)DAY_MS, 1},
		{"the day after", "kpi_day", &a, 11 * (int64_t)DAY_MS, 1},
		{"of another series", "kpi_day", &b, 11 * (int64_t)DAY_MS, 2},
		{"the day after that", "kpi_day", &a, 12 * (int64_t)DAY_MS, 2},
		{"a day left out", "kpi_day", &a, 14 * (int64_t)DAY_MS, 3},
		{"the day before", "kpi_day", &a, 9 * (int64_t)DAY_MS, 4},
		{"another measurement", "energy_hour", &a, 13 * (int64_t)DAY_MS, 5},
		{"an hour after", "energy_hour", &a, 13 * DAY_MS + HOUR_MS, 5},
		{"two hours after that", "energy_hour", &a, 13 * DAY_MS + 3 * HOUR_MS, 6},
		{"a month", "kpi_month", &a, 1000, 7},
		{"the next month", "kpi_month", &a, 1000 + 30 * (int64_t)DAY_MS, 8},
	};
	struct tsdb_export export = {0};

	(void)state;
	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
		tsdb_export_delete(&export, steps[i].measurement, steps[i].tag, 1,
				   steps[i].time_ms);
		if (export.n_deletions != steps[i].n_deletions)
			fail_msg("%s: %zu", steps[i].phrase, export.n_deletions);
	}
	assert_true(export.deletions[0].from_ms == 10 * (int64_t)DAY_MS &&
		    export.deletions[0].to_ms == 12 * (int64_t)DAY_MS + 1);
	tsdb_export_fini(&export);
}

struct racer {
	struct rig *rig;
	struct registry *other;
	int asked;
};

/* A new registry is set while the first answer is made by the old one. */
static int answer_late(const struct tsdb_question *question, struct tsdb_export *out, void *arg,
		       struct err *err)
{
	struct racer *racer = arg;
	bool is_old = question->registry != racer->other;

	(void)err;
	if (question->cursor > 0)
		return 0;
	racer->asked++;
	if (is_old)
		tsdb_set_registry(keeper_tsdb(racer->rig->keeper, 0), racer->other);
	buf_add_text(&out->lines, is_old ? "energy_hour old=1 1\n" : "energy_hour new=1 1\n");
	out->n_lines = 1;
	out->next = 7;
	return 0;
}

static void an_answer_by_a_registry_that_is_replaced_is_not_written(void **state)
{
	struct racer racer = {0};
	struct rig rig;

	(void)state;
	rig_init(&rig, TSDB_INFLUXDB1);
	racer.rig = &rig;
	racer.other = plant_load(&rig.plant, PLANT_HEAD PLANT_W01);
	rig.options.source = answer_late;
	rig.options.source_arg = &racer;
	open_keeper(&rig);
	wait_for(&rig, "the cursor is stored", has_cursor, 7);
	assert_int_equal(fake_tsdb_count(&rig.fake, "old=1"), 0);
	assert_int_equal(fake_tsdb_count(&rig.fake, "new=1"), 1);
	rig_fini(&rig);
	assert_int_equal(racer.asked, 2);
	registry_release(racer.other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(series_are_removed_where_it_can_be_done),
		cmocka_unit_test(neighbours_are_one_deletion),
		cmocka_unit_test(an_answer_by_a_registry_that_is_replaced_is_not_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
