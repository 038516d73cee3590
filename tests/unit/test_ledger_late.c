/* SPDX-License-Identifier: Apache-2.0 */
/* Late times equal what a plain list of them says, however the readings came. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/ledger/ledger.h"

#define DAY0 (20000 * (int64_t)DAY_MS)

enum { SLOTS = 600, SLOT_MS = 600000, MERGES = 120, MOST = 12 }; /* four days */

struct model {
	bool is_there[SLOTS], is_late[SLOTS];
	int64_t late_before_ms;
};

static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

static void check(struct ledger *ledger, int64_t id, const struct model *model)
{
	int64_t *times;
	size_t n, k = 0;

	assert_int_equal(ledger_late_times(ledger, id,
					   (const int64_t[]){DAY0, DAY0 + SLOTS * (int64_t)SLOT_MS},
					   &times, &n, NULL),
			 0);
	for (int i = 0; i < SLOTS; i++) {
		if (!model->is_late[i])
			continue;
		assert_true(k < n);
		assert_int_equal(times[k++], DAY0 + i * (int64_t)SLOT_MS);
	}
	assert_int_equal(k, n);
	free(times);
}

/* A run of readings: mostly behind the newest, as a backlog comes, sometimes anywhere. */
static size_t make_run(struct model *model, struct reading *run, int *newest, uint32_t *seed)
{
	size_t n = 1 + next_random(seed) % MOST;
	int step = next_random(seed) % 8 == 0 ? 40 : 1;
	int at = next_random(seed) % 4 > 0 ? *newest + step : (int)(next_random(seed) % SLOTS);
	size_t made = 0;

	for (; made < n && at < SLOTS; made++, at++) {
		int64_t time_ms = DAY0 + at * (int64_t)SLOT_MS;

		run[made] = (struct reading){time_ms, at};
		if (!model->is_there[at] && time_ms < model->late_before_ms)
			model->is_late[at] = true;
		model->is_there[at] = true;
		if (at > *newest)
			*newest = at;
	}
	return made;
}

static void merge_randomly(struct ledger **ledger, const char *path, uint32_t seed)
{
	struct model model = {.late_before_ms = INT64_MIN};
	struct reading run[MOST];
	int newest = -1;
	int64_t id = 0;

	for (int i = 0; i < MERGES; i++) {
		bool is_undone = i > 0 && next_random(&seed) % 10 == 0;
		struct model before = model;
		int newest_before = newest;
		size_t n;

		if (next_random(&seed) % 15 == 0) {
			ledger_close(*ledger);
			assert_int_equal(ledger_open(ledger, path, NULL), 0);
		}
		model.late_before_ms = DAY0 + (int64_t)(next_random(&seed) % (2 * SLOTS)) * SLOT_MS;
		before.late_before_ms = model.late_before_ms;
		ledger_set_late_before(*ledger, model.late_before_ms);
		assert_int_equal(ledger_begin(*ledger, NULL), 0);
		assert_int_equal(ledger_register_id(*ledger, "m", 1, "q", 1, &id, NULL), 0);
		n = make_run(&model, run, &newest, &seed);
		assert_int_equal(ledger_merge(*ledger, id, run, n, NULL, NULL, NULL), 0);
		if (is_undone) {
			ledger_rollback(*ledger);
			model = before;
			newest = newest_before;
		} else {
			assert_int_equal(ledger_commit(*ledger, NULL), 0);
		}
		check(*ledger, id, &model);
	}
}

static void late_times_are_those_of_a_plain_list(void **state)
{
	char folder[] = "/tmp/test_ledger_late_XXXXXX", path[64], text[80];
	static const char *const endings[] = {"", "-wal", "-shm"};
	struct ledger *ledger;

	(void)state;
	assert_non_null(mkdtemp(folder));
	(void)snprintf(path, sizeof path, "%s/ledger.db", folder);
	for (uint32_t seed = 1; seed <= 6; seed++) {
		assert_int_equal(ledger_open(&ledger, path, NULL), 0);
		merge_randomly(&ledger, path, seed);
		ledger_close(ledger);
		for (size_t i = 0; i < 3; i++) {
			(void)snprintf(text, sizeof text, "%s%s", path, endings[i]);
			(void)unlink(text); /* SQLite may have removed it */
		}
	}
	assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(late_times_are_those_of_a_plain_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
