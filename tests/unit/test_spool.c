/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/deliver/spool.h"
#include "common/mem.h"

enum { T0 = 1000000, LINE = 60 };

struct folder {
	char path[64], spool[80];
};

static const struct spool_limits roomy = {
	.max_bytes = 64 << 20, .max_age_ms = INT32_MAX, .retain_ms = INT32_MAX};

static int set_up(void **state)
{
	struct folder *f = xcalloc(1, sizeof *f);

	(void)snprintf(f->path, sizeof f->path, "/tmp/nenghao-test-spool-XXXXXX");
	if (mkdtemp(f->path) == NULL)
		return -1;
	(void)snprintf(f->spool, sizeof f->spool, "%s/spool.db", f->path);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct folder *f = *state;
	char *pattern = xasprintf("%s/*", f->path);
	glob_t files;

	if (glob(pattern, 0, NULL, &files) == 0) {
		for (size_t i = 0; i < files.gl_pathc; i++)
			(void)unlink(files.gl_pathv[i]);
		globfree(&files);
	}
	free(pattern);
	(void)rmdir(f->path);
	free(f);
	return 0;
}

static struct spool *open_spool(const struct folder *f, const struct spool_limits *limits,
				int64_t now_ms)
{
	struct spool *spool = NULL;
	struct err err = {0};

	if (spool_open(&spool, f->spool, limits, now_ms, &err) < 0)
		fail_msg("%s", err.text);
	return spool;
}

/* One batch of n_lines lines "<time> ........\n". */
static void append(struct spool *spool, int64_t n_lines, int64_t time_ms)
{
	struct buf body = {0};
	struct spool_entry entry = {.n_lines = n_lines, .time_ms = time_ms};
	struct err err = {0};

	for (int64_t i = 0; i < n_lines; i++)
		buf_printf(&body, "%-*lld\n", LINE, (long long)time_ms);
	entry.body = body.data;
	entry.len = body.len;
	if (spool_append(spool, &entry, 1, time_ms, &err) < 0)
		fail_msg("%s", err.text);
	buf_fini(&body);
}

static void assert_range(const struct spool *spool, int64_t first, int64_t done, int64_t last)
{
	assert_int_equal(spool_state(spool)->first, first);
	assert_int_equal(spool_state(spool)->done, done);
	assert_int_equal(spool_state(spool)->last, last);
}

static void a_batch_comes_back_as_it_went_in(void **state)
{
	struct spool *spool = open_spool(*state, &roomy, T0);
	struct spool_entry entries[] = {{"one 1\n", 6, 1, T0}, {"two 2\n", 6, 1, T0}};
	struct spool_entry out;
	struct buf body = {0};

	assert_int_equal(spool_append(spool, entries, 2, T0, NULL), 0);
	spool_close(spool);
	spool = open_spool(*state, &roomy, T0);
	assert_range(spool, 1, 0, 2);
	assert_int_equal(spool_read(spool, 2, &body, &out, NULL), 0);
	assert_string_equal(body.data, "two 2\n");
	assert_int_equal(out.n_lines, 1);
	assert_int_equal(out.time_ms, T0 + 1); /* times are distinct */
	assert_int_equal(spool_state(spool)->oldest_ms, T0);
	buf_fini(&body);
	spool_close(spool);
}

static void what_is_marked_stays_marked(void **state)
{
	struct spool *spool = open_spool(*state, &roomy, T0);

	for (int i = 0; i < 5; i++)
		append(spool, 1, T0 + i * 1000);
	spool_mark(spool, 3, T0 + 2000);
	assert_int_equal(spool_state(spool)->oldest_ms, T0 + 3000);
	spool_close(spool);
	spool = open_spool(*state, &roomy, T0);
	assert_range(spool, 1, 3, 5);
	assert_int_equal(spool_state(spool)->until_ms, T0 + 2000);
	spool_close(spool);
}

static void a_server_that_forgot_gets_all_newer_batches_again(void **state)
{
	struct spool *spool = open_spool(*state, &roomy, T0);

	for (int i = 0; i < 5; i++)
		append(spool, 1, T0 + i * 1000);
	spool_mark(spool, 4, T0 + 3000);
	assert_int_equal(spool_requeue(spool, T0 + 9000), 0);
	assert_int_equal(spool_requeue(spool, T0 + 1000), 2);
	assert_range(spool, 1, 2, 5);
	assert_int_equal(spool_requeue(spool, 0), 2);
	assert_range(spool, 1, 0, 5);
	spool_close(spool);
}

static void an_epoch_is_above_all_before(void **state)
{
	struct spool *spool = open_spool(*state, &roomy, T0);
	int64_t first, second;

	assert_int_equal(spool_begin_epoch(spool, T0, NULL), 0);
	first = spool_state(spool)->epoch;
	assert_in_range(first, T0 + 1, T0 + 1000);
	spool_close(spool);
	spool = open_spool(*state, &roomy, T0);
	assert_int_equal(spool_begin_epoch(spool, 5, NULL), 0); /* the clock was set back */
	second = spool_state(spool)->epoch;
	assert_in_range(second, first + 2, first + 1001);
	spool_close(spool);
}

static void batches_end_by_age(void **state)
{
	const struct spool_limits limits = {
		.max_bytes = 64 << 20, .max_age_ms = 100000, .retain_ms = 10000};
	struct spool *spool = open_spool(*state, &limits, T0);

	for (int i = 0; i < 4; i++)
		append(spool, 1, T0 + i * 1000);
	spool_mark(spool, 2, T0);
	append(spool, 1, T0 + 11500); /* 1 and 2 were retained long enough */
	assert_range(spool, 3, 2, 5);
	assert_int_equal(spool_state(spool)->dropped, 0);
	append(spool, 1, T0 + 102500); /* 3 has waited too long */
	assert_range(spool, 4, 3, 6);
	assert_int_equal(spool_state(spool)->dropped, 1);
	assert_int_equal(spool_state(spool)->gap.batches, 1);
	assert_int_equal(spool_state(spool)->gap.from_ms, T0 + 2000);
	spool_mark(spool, 4, T0); /* went with the gap */
	assert_int_equal(spool_state(spool)->gap.batches, 0);
	spool_close(spool);
}

static void the_file_keeps_its_size(void **state)
{
	const struct folder *f = *state;
	const struct spool_limits limits = {
		.max_bytes = 4 << 20, .max_age_ms = INT32_MAX, .retain_ms = INT32_MAX};
	struct spool *spool = open_spool(f, &limits, T0);
	int64_t gap;
	struct stat st;

	for (int i = 0; i < 60; i++) { /* 60 * 122 kB, the first 20 delivered */
		append(spool, 2000, T0 + i * 1000);
		if (i == 29)
			spool_mark(spool, 20, T0);
		if (i == 39)
			assert_int_equal(spool_state(spool)->dropped, 0);
		assert_in_range(spool_state(spool)->bytes, 1, limits.max_bytes);
	}
	assert_int_not_equal(spool_state(spool)->dropped, 0);
	assert_int_equal(spool_state(spool)->gap.batches, spool_state(spool)->dropped);
	assert_int_equal(spool_state(spool)->gap.from_ms, T0 + 20 * 1000);
	gap = spool_state(spool)->gap.batches;
	spool_close(spool);
	assert_int_equal(stat(f->spool, &st), 0);
	assert_in_range(st.st_size, 1, limits.max_bytes);
	spool = open_spool(f, &limits, T0);
	assert_int_equal(spool_state(spool)->gap.batches, gap); /* not yet reported */
	spool_close(spool);
}

static void room_is_made_from_delivered_batches_only(void **state)
{
	struct spool *spool = open_spool(*state, &roomy, T0);

	for (int i = 0; i < 5; i++)
		append(spool, 1, T0 + i * 1000);
	spool_mark(spool, 3, T0);
	assert_int_equal(spool_shed(spool, NULL), 0);
	assert_range(spool, 4, 3, 5);
	assert_int_equal(spool_shed(spool, NULL), 0);
	assert_range(spool, 4, 3, 5);
	spool_close(spool);
}

static void two_agents_cannot_share_a_spool(void **state)
{
	const struct folder *f = *state;
	struct spool *spool = open_spool(f, &roomy, T0), *second = NULL;
	struct err err = {0};

	assert_int_equal(spool_open(&second, f->spool, &roomy, T0, &err), -EBUSY);
	assert_non_null(strstr(err.text, "another nenghao-agent"));
	spool_close(spool);
}

static void overwrite(const char *path, long at, const char *text)
{
	FILE *file = fopen(path, "r+");

	assert_non_null(file);
	assert_int_equal(fseek(file, at, at < 0 ? SEEK_END : SEEK_SET), 0);
	assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
	assert_int_equal(fclose(file), 0);
}

static void a_changed_byte_of_a_body_becomes_a_gap(void **state)
{
	const struct folder *f = *state;
	struct spool *spool = open_spool(f, &roomy, T0);
	struct spool_entry out;
	struct buf body = {0};

	append(spool, 1000, 1764000000000);
	append(spool, 1, 1764000060000);
	spool_close(spool);
	overwrite(f->spool, -200, "x"); /* the last page holds the end of the long body */
	spool = open_spool(f, &roomy, T0);
	assert_int_equal(spool_read(spool, 1, &body, &out, NULL), 0);
	assert_string_equal(body.data,
			    "gap from=1764000000000i,to=1764000000000i,batches=1i 1764000000000\n");
	assert_int_equal(out.n_lines, 1);
	assert_int_equal(spool_state(spool)->damaged, 1);
	assert_int_equal(spool_read(spool, 2, &body, &out, NULL), 0);
	buf_fini(&body);
	spool_close(spool);
}

static size_t count_files(const struct folder *f, const char *pattern)
{
	char *text = xasprintf("%s/%s", f->path, pattern);
	glob_t files = {0};
	size_t n = glob(text, 0, NULL, &files) == 0 ? files.gl_pathc : 0;

	globfree(&files);
	free(text);
	return n;
}

static void copy_file(const char *from, const char *to, long len)
{
	char *bytes = xcalloc((size_t)len, 1);
	FILE *in = fopen(from, "r"), *out = fopen(to, "w");

	assert_non_null(in);
	assert_non_null(out);
	len = (long)fread(bytes, 1, (size_t)len, in);
	assert_int_equal(fwrite(bytes, 1, (size_t)len, out), (size_t)len);
	assert_int_equal(fclose(in), 0);
	assert_int_equal(fclose(out), 0);
	free(bytes);
}

static const struct damage_case {
	const char *name;
	long cut; /* the file ends here; 0: not cut */
	long at;  /* these bytes are overwritten */
	const char *text;
	int is_moved;    /* at open or by the first append */
	int64_t waiting; /* of 3 waiting batches, at least so many are still there */
} damage_cases[] = {
	{"the header is another file's", 0, 0, "This is not a spool, not at all.", 1, 0},
	{"the schema is spoilt", 0, 3000, "XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX", 0, 3},
	{"the file is cut in the middle", 100 * 1024, 0, "", 1, 0},
	{"the file is cut to half a page", 2000, 0, "", 1, 0},
	{"the state's page is spoilt", 0, 2 * 4096, "\xff\xff\xff\xff\xff\xff\xff\xff", 1, 0},
	{"the root of the batches is spoilt", 0, 4096, "\xff\xff\xff\xff\xff\xff\xff\xff", 1, 0},
};

static void a_damaged_file_never_stops_the_agent(void **state)
{
	const struct folder *f = *state;

	for (size_t i = 0; i < sizeof damage_cases / sizeof damage_cases[0]; i++) {
		const struct damage_case *c = &damage_cases[i];
		struct spool *spool = open_spool(f, &roomy, T0);
		char *other = xasprintf("%s/damaged", f->path);
		struct spool_entry entry = {"x 1\n", 4, 1, T0 + 5000};
		struct err err = {0};
		int r;

		print_message("  %s\n", c->name);
		for (int k = 0; k < 5; k++)
			append(spool, 1000, T0 + k * 1000);
		spool_mark(spool, 2, T0);
		spool_close(spool);
		copy_file(f->spool, other, c->cut > 0 ? c->cut : 16 << 20);
		assert_int_equal(rename(other, f->spool), 0);
		overwrite(f->spool, c->at, c->text);
		spool = open_spool(f, &roomy, T0 + 5000);
		r = spool_append(spool, &entry, 1, T0 + 5000, &err);
		if (r == -EUCLEAN) {
			assert_int_equal(spool_recover(spool, T0 + 5001, &err), 0);
			r = spool_append(spool, &entry, 1, T0 + 5000, &err);
		}
		assert_int_equal(r, 0);
		assert_int_equal(spool_state(spool)->moved_aside, c->is_moved);
		assert_int_equal(count_files(f, "spool.db.damaged-*") > 0, c->is_moved);
		assert_int_equal(spool_state(spool)->gap.batches > 0, c->is_moved);
		assert_in_range(spool_state(spool)->last - spool_state(spool)->done, c->waiting + 1,
				6);
		spool_close(spool);
		free(other);
		(void)unlink(f->spool);
		other = xasprintf("rm -f %s/*", f->path);
		assert_int_equal(system(other), 0);
		free(other);
	}
}

/* A child appends and is killed at some moment; what it said was stored must be there. */
static void killed_while_appending_nothing_stored_is_lost(void **state)
{
	const struct folder *f = *state;
	int64_t stored = 0;

	for (int round = 0; round < 15; round++) {
		int said[2];
		pid_t child;
		char byte;
		struct spool *spool;

		assert_int_equal(pipe(said), 0);
		child = fork();
		if (child == 0) {
			struct spool *own = open_spool(f, &roomy, T0);

			for (int i = 0; write(said[1], "+", 1) == 1; i++)
				append(own, 50, T0 + i * 1000);
		}
		assert_true(child > 0);
		(void)close(said[1]);
		assert_int_equal(read(said[0], &byte, 1), 1);
		for (int i = 0; i < 3 + round; i++) {
			assert_int_equal(read(said[0], &byte, 1), 1);
			stored++;
		}
		assert_int_equal(kill(child, SIGKILL), 0);
		assert_int_equal(waitpid(child, NULL, 0), child);
		while (read(said[0], &byte, 1) == 1)
			stored++;
		(void)close(said[0]);
		spool = open_spool(f, &roomy, T0);
		assert_true(spool_state(spool)->last >= stored);
		stored = spool_state(spool)->last;
		spool_close(spool);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_batch_comes_back_as_it_went_in, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(what_is_marked_stays_marked, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_server_that_forgot_gets_all_newer_batches_again,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_epoch_is_above_all_before, set_up, tear_down),
		cmocka_unit_test_setup_teardown(batches_end_by_age, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_file_keeps_its_size, set_up, tear_down),
		cmocka_unit_test_setup_teardown(room_is_made_from_delivered_batches_only, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(two_agents_cannot_share_a_spool, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_changed_byte_of_a_body_becomes_a_gap, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_damaged_file_never_stops_the_agent, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(killed_while_appending_nothing_stored_is_lost,
						set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
