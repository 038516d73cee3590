/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <unistd.h>

#include "scratch.h"
#include "server/ledger/ledger.h"
#include "server/ledger/ledger_copy.h"
#include "server/ledger/ledger_lock.h"

#define NOW INT64_C(1780000000000) /* 2026-05-28T20:26:40Z */

struct place {
	struct scratch scratch;
	char *path, *copy, *aside;
};

static void make_place(struct place *place)
{
	scratch_init(&place->scratch);
	place->path = xasprintf("%s/ledger.db", place->scratch.folder);
	place->copy = xasprintf("%s/copy.db", place->scratch.folder);
	place->aside = xasprintf("%s.replaced-20260528T202640Z", place->path);
}

static void drop_place(struct place *place)
{
	free(place->path);
	free(place->copy);
	free(place->aside);
	scratch_fini(&place->scratch);
}

/* An agent whose newest batch is of that time. */
static void put_agent(struct ledger *ledger, const char *id, int64_t until_ms)
{
	struct ledger_agent agent = {.region = "370102", .until_ms = until_ms};

	(void)snprintf(agent.agent, sizeof agent.agent, "%s", id);
	assert_int_equal(ledger_begin(ledger, NULL), 0);
	assert_int_equal(ledger_save_agent(ledger, &agent, NULL), 0);
	assert_int_equal(ledger_commit(ledger, NULL), 0);
}

static struct ledger *open_with(const char *path, int64_t until_ms)
{
	struct ledger *ledger;

	assert_int_equal(ledger_open(&ledger, path, NULL), 0);
	put_agent(ledger, "a1", until_ms);
	return ledger;
}

static int64_t until_of(const char *path)
{
	struct ledger_facts facts = {0};
	struct err err = {""};

	if (ledger_copy_check(path, &facts, &err) < 0)
		fail_msg("%s", err.text);
	return facts.until_ms;
}

static void copies_beside_a_writer(void **state)
{
	struct ledger_facts facts;
	struct place place;
	struct ledger *ledger;

	(void)state;
	make_place(&place);
	ledger = open_with(place.path, 5000);
	assert_int_equal(ledger_copy_backup(place.path, place.copy, &facts, NULL), 0);
	assert_true(facts.agents == 1 && facts.until_ms == 5000 && facts.bytes > 0);
	put_agent(ledger, "a1", 6000);
	assert_int_equal(until_of(place.copy), 5000);
	assert_int_equal(ledger_copy_backup(place.path, place.copy, &facts, NULL), -EEXIST);
	assert_int_equal(until_of(place.copy), 5000);
	ledger_close(ledger);
	drop_place(&place);
}

static void keeps_the_replaced_one(void **state)
{
	struct ledger_restored restored;
	struct ledger_facts facts;
	struct place place;
	struct ledger *ledger;

	(void)state;
	make_place(&place);
	ledger = open_with(place.path, 5000);
	put_agent(ledger, "a2", 5000);
	assert_int_equal(ledger_copy_backup(place.path, place.copy, &facts, NULL), 0);
	put_agent(ledger, "a1", 6000);
	ledger_close(ledger);
	assert_int_equal(ledger_copy_restore(place.copy, place.path, NOW, &restored, NULL), 0);
	assert_int_equal(restored.agents_ahead, 1);
	assert_string_equal(restored.aside, place.aside);
	assert_int_equal(until_of(place.path), 5000);
	assert_int_equal(until_of(place.aside), 6000);
	free(restored.aside);
	drop_place(&place);
}

static void an_open_ledger_is_not_replaced(void **state)
{
	struct ledger_restored restored;
	struct ledger_facts facts;
	struct place place;
	struct ledger *ledger;

	(void)state;
	make_place(&place);
	ledger = open_with(place.path, 5000);
	assert_int_equal(ledger_copy_backup(place.path, place.copy, &facts, NULL), 0);
	put_agent(ledger, "a1", 6000);
	assert_int_equal(ledger_copy_restore(place.copy, place.path, NOW, &restored, NULL), -EBUSY);
	ledger_close(ledger);
	assert_int_equal(until_of(place.path), 6000);
	assert_int_not_equal(access(place.aside, F_OK), 0);
	drop_place(&place);
}

/* Beside the restored file SQLite would play it in. */
static void a_log_without_its_ledger_is_moved_away(void **state)
{
	struct ledger_restored restored;
	struct ledger_facts facts;
	struct place place;
	struct ledger *ledger;
	char *log, *kept;

	(void)state;
	make_place(&place);
	ledger = open_with(place.path, 5000);
	assert_int_equal(ledger_copy_backup(place.path, place.copy, &facts, NULL), 0);
	ledger_close(ledger);
	assert_int_equal(unlink(place.path), 0);
	log = xasprintf("%s-wal", place.path);
	kept = xasprintf("%s-wal", place.aside);
	scratch_write(&place.scratch, "ledger.db-wal", "left behind");
	assert_int_equal(ledger_copy_restore(place.copy, place.path, NOW, &restored, NULL), 0);
	assert_null(restored.aside);
	assert_int_not_equal(access(log, F_OK), 0);
	assert_int_equal(access(kept, F_OK), 0);
	free(log);
	free(kept);
	drop_place(&place);
}

/* What stands where the copy should be, and the answer. */
static const struct {
	const char *phrase, *text;
	int rc;
} bad_copies[] = {
	{"nothing", NULL, -ENOENT},
	{"an empty file, which SQLite takes for an empty database", "", -EINVAL},
	{"a text",
	 "a text that is longer than the header of a database, and says so at length; "
	 "one hundred bytes and more are needed for that",
	 -EUCLEAN},
};

static void a_bad_copy_changes_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof bad_copies / sizeof *bad_copies; i++) {
		struct ledger_restored restored;
		struct place place;
		int rc;

		make_place(&place);
		ledger_close(open_with(place.path, 5000));
		if (bad_copies[i].text)
			scratch_write(&place.scratch, "copy.db", bad_copies[i].text);
		rc = ledger_copy_restore(place.copy, place.path, NOW, &restored, NULL);
		if (rc != bad_copies[i].rc)
			fail_msg("%s: %s", bad_copies[i].phrase, err_name(rc));
		assert_null(restored.aside);
		assert_int_equal(until_of(place.path), 5000);
		drop_place(&place);
	}
}

static void a_damaged_ledger_can_be_replaced(void **state)
{
	struct ledger_restored restored;
	struct ledger_facts facts;
	struct place place;
	struct ledger *ledger;

	(void)state;
	make_place(&place);
	ledger = open_with(place.path, 5000);
	assert_int_equal(ledger_copy_backup(place.path, place.copy, &facts, NULL), 0);
	ledger_close(ledger);
	scratch_write(&place.scratch, "ledger.db", bad_copies[2].text);
	assert_int_equal(ledger_copy_restore(place.copy, place.path, NOW, &restored, NULL), 0);
	assert_int_equal(restored.agents_ahead, -1);
	assert_int_equal(until_of(place.path), 5000);
	free(restored.aside);
	drop_place(&place);
}

static void one_at_a_time_has_the_lock(void **state)
{
	struct place place;
	struct err err = {""};
	char words[64];
	int first, second = -1;

	(void)state;
	make_place(&place);
	(void)snprintf(words, sizeof words, "(process %ld)", (long)getpid());
	assert_int_equal(ledger_lock_take(place.path, &first, &err), 0);
	assert_int_equal(ledger_lock_take(place.path, &second, &err), -EBUSY);
	assert_non_null(strstr(err.text, words));
	ledger_lock_release(first);
	assert_int_equal(ledger_lock_take(place.path, &second, &err), 0);
	ledger_lock_release(second);
	drop_place(&place);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(copies_beside_a_writer),
		cmocka_unit_test(keeps_the_replaced_one),
		cmocka_unit_test(an_open_ledger_is_not_replaced),
		cmocka_unit_test(a_log_without_its_ledger_is_moved_away),
		cmocka_unit_test(a_bad_copy_changes_nothing),
		cmocka_unit_test(a_damaged_ledger_can_be_replaced),
		cmocka_unit_test(one_at_a_time_has_the_lock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
