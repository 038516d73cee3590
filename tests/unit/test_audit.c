/* SPDX-License-Identifier: Apache-2.0 */
/* test_audit.c - accesses are written down, kept as they are, and counted where they are lost. */
#include "server/api/audit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/mem.h"
#include "scratch.h"

enum { DAY = 24 * 3600 * 1000, FLOOD = 1000, CAPACITY = 4 };

struct fixture {
	struct scratch scratch;
	char *path;
};

static int set_up(void **state)
{
	struct fixture *f = xcalloc(1, sizeof *f);

	scratch_init(&f->scratch);
	f->path = xasprintf("%s/audit.db", f->scratch.folder);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	free(f->path);
	scratch_fini(&f->scratch);
	free(f);
	return 0;
}

static struct audit_entry entry_of(int64_t time_ms, const char *token, const char *path)
{
	struct audit_entry entry = {.time_ms = time_ms, .status = 200, .bytes = 17};

	(void)snprintf(entry.token, sizeof entry.token, "%s", token);
	(void)snprintf(entry.regions, sizeof entry.regions, "370100");
	(void)snprintf(entry.method, sizeof entry.method, "GET");
	(void)snprintf(entry.path, sizeof entry.path, "%s", path);
	(void)snprintf(entry.peer, sizeof entry.peer, "127.0.0.1");
	return entry;
}

struct collected {
	char paths[256];
	int64_t n, lost, stop_after;
	struct audit_entry last;
};

static int collect(const struct audit_entry *entry, void *arg)
{
	struct collected *collected = arg;
	size_t used = strlen(collected->paths);

	collected->n++;
	collected->lost += entry->lost;
	collected->last = *entry;
	(void)snprintf(collected->paths + used, sizeof collected->paths - used, "%s", entry->path);
	return collected->n == collected->stop_after;
}

static struct collected list(const char *path, struct audit_query query, int64_t stop_after)
{
	struct collected collected = {.stop_after = stop_after};
	struct db *db;

	assert_int_equal(audit_store_open(&db, path, DB_READ_ONLY, NULL), 0);
	assert_int_equal(audit_store_list(db, &query, collect, &collected, NULL), 0);
	db_close(db);
	return collected;
}

static const struct audit_query everything = {.before_id = INT64_MAX};

static void fill(const char *path)
{
	const struct audit_entry entries[] = {entry_of(1 * DAY, "a", "/1"),
					      entry_of(2 * DAY, "b", "/2"),
					      entry_of(3 * DAY, "a", "/3")};
	const struct audit_entry *list_of[] = {&entries[0], &entries[1], &entries[2]};
	struct db *db;

	assert_int_equal(audit_store_open(&db, path, DB_READ_WRITE, NULL), 0);
	assert_int_equal(audit_store_add(db, list_of, 3, NULL), 0);
	db_close(db);
}

static void test_queries(void **state)
{
	static const struct {
		const char *phrase;
		struct audit_query query;
		int64_t stop_after;
		const char *expected;
	} cases[] = {
		{"all, the oldest first", {.before_id = INT64_MAX}, 0, "/1/2/3"},
		{"the newest first",
		 {.before_id = INT64_MAX, .is_newest_first = true},
		 0,
		 "/3/2/1"},
		{"from a time on", {.before_id = INT64_MAX, .since_ms = 2 * DAY}, 0, "/2/3"},
		{"of one token", {.before_id = INT64_MAX, .token = "a"}, 0, "/1/3"},
		{"of no such token", {.before_id = INT64_MAX, .token = "c"}, 0, ""},
		{"before an id", {.before_id = 3}, 0, "/1/2"},
		{"as many as are wanted", {.before_id = INT64_MAX}, 2, "/1/2"},
	};
	struct fixture *f = *state;

	fill(f->path);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct collected got = list(f->path, cases[i].query, cases[i].stop_after);

		if (strcmp(got.paths, cases[i].expected) != 0)
			fail_msg("%s: got %s", cases[i].phrase, got.paths);
	}
}

static void test_an_entry_comes_back_whole(void **state)
{
	struct fixture *f = *state;
	struct collected got;

	fill(f->path);
	got = list(f->path, everything, 2);
	assert_int_equal(got.last.id, 2);
	assert_int_equal(got.last.time_ms, 2 * DAY);
	assert_string_equal(got.last.token, "b");
	assert_string_equal(got.last.regions, "370100");
	assert_string_equal(got.last.institution, "");
	assert_string_equal(got.last.method, "GET");
	assert_string_equal(got.last.peer, "127.0.0.1");
	assert_int_equal(got.last.status, 200);
	assert_int_equal(got.last.bytes, 17);
}

static void test_only_old_ones_go_and_no_id_comes_again(void **state)
{
	struct fixture *f = *state;
	const struct audit_entry later = entry_of(4 * DAY, "a", "/4");
	const struct audit_entry *list_of[] = {&later};
	struct db *db;

	fill(f->path);
	assert_int_equal(audit_store_open(&db, f->path, DB_READ_WRITE, NULL), 0);
	assert_true(db_execute(db, "UPDATE access SET token = 'x'", NULL) < 0);
	assert_int_equal(audit_store_prune(db, 3 * DAY, NULL), 0);
	assert_string_equal(list(f->path, everything, 0).paths, "/3");
	assert_int_equal(audit_store_prune(db, INT64_MAX, NULL), 0);
	assert_int_equal(audit_store_add(db, list_of, 1, NULL), 0);
	db_close(db);
	assert_int_equal(list(f->path, everything, 0).last.id, 4);
}

static void test_what_was_recorded_is_there_after_the_end(void **state)
{
	struct fixture *f = *state;
	const struct audit_options options = {
		.path = f->path, .retention_ms = 3 * (int64_t)DAY, .capacity = 100};
	const struct audit_entry old = entry_of(clock_utc_ms() - 4 * (int64_t)DAY, "a", "/old");
	const struct audit_entry fresh = entry_of(clock_utc_ms(), "a", "/new");
	struct audit *audit;

	assert_int_equal(audit_start(&audit, &options, NULL), 0);
	assert_string_equal(audit_path(audit), f->path);
	audit_record(audit, &old);
	audit_record(audit, &fresh);
	audit_stop(audit);
	assert_string_equal(list(f->path, everything, 0).paths, "/new");
	audit_stop(NULL);
}

static int64_t metric(struct audit *audit, const char *name)
{
	struct buf out = {0};
	const char *line;
	int64_t value;

	audit_write_metrics(audit, &out);
	line = strstr(out.data, name);
	assert_non_null(line);
	value = strtoll(line + strlen(name), NULL, 10);
	buf_fini(&out);
	return value;
}

/* The file is locked, so the thread hangs and the mailbox fills up. */
static void test_what_is_lost_is_counted(void **state)
{
	struct fixture *f = *state;
	const struct audit_options options = {
		.path = f->path, .retention_ms = INT64_MAX / 2, .capacity = CAPACITY};
	const struct audit_entry entry = entry_of(clock_utc_ms(), "a", "/");
	int64_t deadline = clock_mono_ms() + 20000, lost;
	struct audit *audit;
	struct collected got;
	struct db *db;

	assert_int_equal(audit_start(&audit, &options, NULL), 0);
	assert_int_equal(db_open(&db, f->path, DB_READ_WRITE, NULL), 0);
	assert_int_equal(db_begin(db, NULL), 0);
	for (int i = 0; i < FLOOD; i++)
		audit_record(audit, &entry);
	db_rollback(db);
	db_close(db);
	lost = metric(audit, "\nnenghao_audit_lost_total ");
	assert_true(lost > 0);
	/* The mailbox has room again only when the thread has written all of it. */
	while (metric(audit, "\nnenghao_audit_entries_total ") + lost < FLOOD) {
		assert_true(clock_mono_ms() < deadline);
		clock_sleep_until(clock_mono_ms() + 20);
	}
	audit_record(audit, &entry);
	audit_stop(audit);
	got = list(f->path, everything, 0);
	assert_int_equal(got.n + lost, FLOOD + 1);
	assert_int_equal(got.lost, lost);
}

static void test_paths(void **state)
{
#define TOKEN "abcdefghijklmnopqrstuvwxyz-_0123456789ABCDE"
	static const struct {
		const char *phrase, *input, *expected;
	} cases[] = {
		{"an ordinary one", "/api/v1/institutions/370102-0001",
		 "/api/v1/institutions/370102-0001"},
		{"a token in the path", "/api/v1/" TOKEN "/x", "/api/v1/***/x"},
		{"a token at the end", "/" TOKEN, "/***"},
		{"one character more", "/" TOKEN "F", "/" TOKEN "F"},
		{"a terminal's control sequence", "/\x1b[2J\n\x7f", "/?[2J??"},
		{"Chinese", "/档案", "/档案"},
		{"empty", "", ""},
	};
	char out[AUDIT_PATH_MAX + 1], longest[2 * AUDIT_PATH_MAX];

	(void)state;
	assert_int_equal(strlen(TOKEN), 43);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		audit_clean_path(cases[i].input, out);
		if (strcmp(out, cases[i].expected) != 0)
			fail_msg("%s: got %s", cases[i].phrase, out);
	}
	memset(longest, 'x', sizeof longest);
	longest[sizeof longest - 1] = '\0';
	audit_clean_path(longest, out);
	assert_int_equal(strlen(out), AUDIT_PATH_MAX);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_queries),
		TEST(test_an_entry_comes_back_whole),
		TEST(test_only_old_ones_go_and_no_id_comes_again),
		TEST(test_what_was_recorded_is_there_after_the_end),
		TEST(test_what_is_lost_is_counted),
		cmocka_unit_test(test_paths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
