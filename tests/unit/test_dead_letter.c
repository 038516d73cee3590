/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "plant.h"
#include "server/ingest/dead_letter.h"

#define NOW INT64_C(1780000000000)
#define W01 "reading,meter=370102-0001-w01 volume_total_m3=7 1779999990000"

struct morgue {
	struct plant plant;
	struct ledger *ledger;
	struct dead_letters *letters;
};

static void morgue_init(struct morgue *morgue, int64_t max_rows)
{
	plant_init(&morgue->plant, PLANT_HEAD PLANT_E01 PLANT_W01);
	assert_int_equal(ledger_open(&morgue->ledger, morgue->plant.ledger_path, NULL), 0);
	assert_int_equal(dead_letters_open(&morgue->letters, morgue->ledger, max_rows, NULL), 0);
}

static void morgue_fini(struct morgue *morgue)
{
	dead_letters_close(morgue->letters);
	ledger_close(morgue->ledger);
	plant_fini(&morgue->plant);
}

static void bury(struct morgue *morgue, const char *agent, const char *reason, const char *line)
{
	struct dead_letter letter = {
		.at_ms = 1, .agent = agent, .reason = reason, .line = {line, strlen(line)}};

	assert_int_equal(dead_letters_add(morgue->letters, &letter, NULL), 0);
}

static void begin(struct morgue *morgue)
{
	assert_int_equal(ledger_begin(morgue->ledger, NULL), 0);
}

static void commit(struct morgue *morgue)
{
	assert_int_equal(dead_letters_flush(morgue->letters, NULL), 0);
	assert_int_equal(ledger_commit(morgue->ledger, NULL), 0);
}

static int64_t count(struct morgue *morgue, const char *query)
{
	struct db_statement *row;
	int64_t n;

	assert_int_equal(db_prepare(ledger_db(morgue->ledger), &row, query, NULL), 0);
	assert_int_equal(db_step(row, NULL), 1);
	n = db_column_int(row, 0);
	db_finalize(row);
	return n;
}

static void print_count(const char *reason, int64_t n, int64_t evicted, void *arg)
{
	buf_printf(arg, "%s %lld %lld\n", reason, (long long)n, (long long)evicted);
}

static void expect_counts(struct morgue *morgue, const char *expected)
{
	struct buf text = {0};

	buf_add(&text, "", 0);
	assert_int_equal(dead_letter_counts(morgue->ledger, print_count, &text, NULL), 0);
	assert_string_equal(text.data ? text.data : "", expected);
	buf_fini(&text);
}

static void counts_by_reason_and_evicts_the_oldest(void **state)
{
	struct morgue morgue;

	(void)state;
	morgue_init(&morgue, 10);
	for (int i = 0; i < 25; i++) {
		char line[24];

		begin(&morgue);
		(void)snprintf(line, sizeof line, "line %d", i);
		bury(&morgue, "a1", i < 5 ? "syntax" : "clock", line);
		commit(&morgue);
	}
	assert_int_equal(count(&morgue, "SELECT count(*) FROM dead_letter"), 10);
	assert_int_equal(count(&morgue, "SELECT min(id) FROM dead_letter"), 16);
	expect_counts(&morgue, "clock 20 10\nsyntax 5 5\n");
	morgue_fini(&morgue);
}

static void a_rollback_uncounts(void **state)
{
	struct morgue morgue;

	(void)state;
	morgue_init(&morgue, 10);
	begin(&morgue);
	bury(&morgue, "a1", "syntax", "x");
	ledger_rollback(morgue.ledger);
	dead_letters_forget(morgue.letters);
	begin(&morgue);
	bury(&morgue, "a1", "clock", "x");
	commit(&morgue);
	expect_counts(&morgue, "clock 1 0\n");
	morgue_fini(&morgue);
}

static void a_long_line_is_cut(void **state)
{
	struct morgue morgue;
	char *line = xcalloc(DEAD_LETTER_LINE_MAX + 100, 1);

	(void)state;
	memset(line, 'x', DEAD_LETTER_LINE_MAX + 99);
	morgue_init(&morgue, 10);
	begin(&morgue);
	bury(&morgue, "a1", "syntax", line);
	commit(&morgue);
	assert_int_equal(count(&morgue, "SELECT length(line) FROM dead_letter"),
			 DEAD_LETTER_LINE_MAX);
	free(line);
	morgue_fini(&morgue);
}

/* clang-format off */
static const struct {
	const char *phrase, *agent, *reason, *line;
	int64_t values; /* in the ledger afterwards; the row is gone if there is one */
} replays[] = {
	{ "a meter known now", "a1", "unknown_meter", W01, 1 },
	{ "a meter still unknown", "a1", "unknown_meter", "reading,meter=nobody volume_total_m3=7 1779999990000", 0 },
	{ "the agent fits now", "a1", "agent", "reading,meter=370102-0001-e01 active_energy_import_kwh=7 1779999990000", 1 },
	{ "the agent still does not fit", "a9", "agent", "reading,meter=370102-0001-e01 active_energy_import_kwh=7 1779999990000", 0 },
	{ "another reason is not looked at", "a1", "clock", W01, 0 },
	{ "a line that no longer reads", "a1", "unknown_meter", "reading,meter=", 0 },
};
/* clang-format on */

static void replays_what_the_registry_knows_now(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof replays / sizeof *replays; i++) {
		struct intake_merged merged = {0};
		struct intake *intake;
		struct morgue morgue;
		int64_t cursor = 0;

		morgue_init(&morgue, 10);
		intake = intake_create(morgue.plant.registry, false);
		begin(&morgue);
		bury(&morgue, replays[i].agent, replays[i].reason, replays[i].line);
		commit(&morgue);
		begin(&morgue);
		assert_int_equal(
			dead_letters_replay(morgue.letters, intake, NOW, 100, &cursor, NULL), 0);
		assert_true(cursor == INT64_MAX);
		assert_int_equal(intake_merge(intake, morgue.ledger, &merged, NULL), 0);
		commit(&morgue);
		if ((int64_t)merged.added != replays[i].values ||
		    count(&morgue, "SELECT count(*) FROM dead_letter") != 1 - replays[i].values)
			fail_msg("%s", replays[i].phrase);
		intake_destroy(intake);
		morgue_fini(&morgue);
	}
}

static void replays_in_bounded_steps(void **state)
{
	struct intake_merged merged = {0};
	struct intake *intake;
	struct morgue morgue;
	int64_t cursor = 0;
	int steps = 0;

	(void)state;
	morgue_init(&morgue, 100);
	intake = intake_create(morgue.plant.registry, false);
	begin(&morgue);
	for (int i = 0; i < 25; i++)
		bury(&morgue, "a1", "unknown_meter", i % 2 ? W01 : "reading,meter=nobody x_w=1 1");
	commit(&morgue);
	for (; cursor != INT64_MAX; steps++) {
		begin(&morgue);
		assert_int_equal(
			dead_letters_replay(morgue.letters, intake, NOW, 10, &cursor, NULL), 0);
		assert_int_equal(intake_merge(intake, morgue.ledger, &merged, NULL), 0);
		commit(&morgue);
		intake_clear(intake, false);
	}
	assert_int_equal(steps, 3);
	assert_int_equal(count(&morgue, "SELECT count(*) FROM dead_letter"), 13);
	intake_destroy(intake);
	morgue_fini(&morgue);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_by_reason_and_evicts_the_oldest),
		cmocka_unit_test(a_rollback_uncounts),
		cmocka_unit_test(a_long_line_is_cut),
		cmocka_unit_test(replays_what_the_registry_knows_now),
		cmocka_unit_test(replays_in_bounded_steps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
