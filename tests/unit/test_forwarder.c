/* SPDX-License-Identifier: Apache-2.0 */
/* test_forwarder.c - cycles into the spool: on a full disk, and while the time is not known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/deliver/forwarder.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "agent/deliver/untimed.h"
#include "agent/poll/poller.h"
#include "common/clock.h"
#include "common/log.h"
#include "tests/unit/scratch.h"

struct bench {
	struct scratch scratch;
	struct agent_config *config;
	struct mailbox *cycles;
	struct forwarder *forwarder;
};

static void bench_start(struct bench *bench)
{
	struct conf_errors errors = {0};
	struct buf text = {0};
	struct err err;

	buf_printf(&text,
		   "agent: {id: a1, region: \"370102\"}\nmqtt: {url: \"tcp://127.0.0.1:1\"}\n"
		   "spool: {path: %s/spool.db}\nbuses: []\n",
		   bench->scratch.folder);
	assert_int_equal(agent_config_parse(&bench->config, "c.yaml", text.data, text.len, &errors),
			 0);
	buf_fini(&text);
	bench->cycles = mailbox_create(64);
	if (forwarder_start(&bench->forwarder, bench->config, bench->cycles, "1", &err) != 0)
		fail_msg("%s", err.text);
}

static void bench_stop(struct bench *bench)
{
	forwarder_stop(bench->forwarder, 0);
	mailbox_destroy(bench->cycles, cycle_destroy);
	agent_config_destroy(bench->config);
}

static void put(struct bench *bench, int64_t time_ms, int64_t n_lines, bool is_untimed)
{
	struct cycle *cycle = xcalloc(1, sizeof *cycle);

	for (int64_t i = 0; i < n_lines; i++)
		buf_printf(&cycle->lines,
			   "reading,meter=m%" PRId64 " active_power_w=1,voltage_l1_n_v=230 %" PRId64
			   "\n",
			   i, time_ms);
	cycle->n_lines = n_lines;
	cycle->time_ms = time_ms;
	cycle->is_untimed = is_untimed;
	assert_true(mailbox_put(bench->cycles, cycle, clock_mono_ms() + 10000));
}

typedef bool (*condition_fn)(const struct forwarder_state *state);

static struct forwarder_state wait_until(struct bench *bench, condition_fn is_true)
{
	int64_t until_ms = clock_mono_ms() + 20000;
	struct forwarder_state state;

	for (;;) {
		forwarder_state(bench->forwarder, &state);
		if (is_true(&state))
			return state;
		if (clock_mono_ms() > until_ms)
			fail_msg("it does not come");
		clock_sleep_until(clock_mono_ms() + 20);
	}
}

static bool has_three(const struct forwarder_state *state)
{
	return state->spool.last == 3;
}

static bool is_failing(const struct forwarder_state *state)
{
	return !state->is_storing;
}

static bool has_dropped(const struct forwarder_state *state)
{
	return state->spool.dropped >= 3;
}

static bool is_storing(const struct forwarder_state *state)
{
	return state->is_storing;
}

static void set_file_limit(rlim_t bytes)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = bytes;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* All bodies of the spool, one after the other. */
static void read_all(struct bench *bench, struct buf *all)
{
	const struct spool_limits limits = {1 << 30, INT64_C(1) << 50, INT64_C(1) << 50};
	char *path = xasprintf("%s/spool.db", bench->scratch.folder);
	struct spool *spool;
	struct spool_entry entry;
	struct err err;

	assert_int_equal(spool_open(&spool, path, &limits, clock_utc_ms(), &err), 0);
	for (int64_t id = spool_state(spool)->first; id <= spool_state(spool)->last; id++)
		assert_int_equal(spool_read(spool, id, all, &entry, &err), 0);
	buf_add_text(all, "");
	spool_close(spool);
	free(path);
}

/* No file may grow: to SQLite that is a disk that does not work. */
static void a_full_disk_keeps_the_newest_and_tells_what_it_drops(void **state)
{
	struct bench bench = {.config = NULL};
	struct buf all = {0};
	struct forwarder_state now;

	(void)state;
	scratch_init(&bench.scratch);
	bench_start(&bench);
	set_file_limit(4096);
	put(&bench, 1764000000000, 3000, false); /* nearly a batch each */
	(void)wait_until(&bench, is_failing);
	for (int i = 1; i <= 12; i++) /* the mailbox is emptied: the buses go on */
		put(&bench, 1764000000000 + i * 1000, 3000, false);
	(void)wait_until(&bench, has_dropped);
	set_file_limit(RLIM_INFINITY);
	now = wait_until(&bench, is_storing);
	assert_in_range(now.spool.dropped, 3, 8);
	bench_stop(&bench);
	read_all(&bench, &all);
	assert_non_null(strstr(all.data, "gap from=1764000000000i,to="));
	assert_null(strstr(all.data, "=230 1764000000000\n"));     /* the oldest went */
	assert_non_null(strstr(all.data, "=230 1764000012000\n")); /* the newest is there */
	buf_fini(&all);
	scratch_fini(&bench.scratch);
}

static void a_second_forwarder_goes_on_where_the_first_ended(void **state)
{
	struct bench bench = {.config = NULL};
	struct err err;

	(void)state;
	scratch_init(&bench.scratch);
	bench_start(&bench);
	put(&bench, 1764000000000, 1, false);
	forwarder_stop(bench.forwarder, 0);
	put(&bench, 1764000001000, 1, false); /* nobody is there just now */
	assert_int_equal(forwarder_start(&bench.forwarder, bench.config, bench.cycles, "1", &err),
			 0);
	clock_sleep_until(clock_mono_ms() + 300); /* else it joins the one before */
	put(&bench, 1764000002000, 1, false);
	(void)wait_until(&bench, has_three);
	bench_stop(&bench);
	scratch_fini(&bench.scratch);
}

static void untimed_readings_get_their_time_when_it_is_known(void **state)
{
	struct bench bench = {.config = NULL};
	int64_t mono_ms = clock_mono_ms() - 5000, utc_ms;
	struct buf all = {0};
	const char *stamp;

	(void)state;
	scratch_init(&bench.scratch);
	bench_start(&bench);
	put(&bench, mono_ms, 2, true); /* the clock of this machine is right: at once */
	put(&bench, 1764000000000, 1, false);
	clock_sleep_until(clock_mono_ms() + 500);
	bench_stop(&bench);
	read_all(&bench, &all);
	stamp = strstr(all.data, "reading,meter=m1 ");
	assert_non_null(stamp);
	utc_ms = strtoll(strstr(stamp, "=230 ") + 5, NULL, 10);
	assert_in_range(clock_utc_ms() - utc_ms, 5000, 15000);
	buf_fini(&all);
	scratch_fini(&bench.scratch);
}

/* ---- the file of untimed readings, by itself ---- */

static void add(struct untimed *untimed, const char *text)
{
	struct buf lines = {0};
	struct err err;

	buf_add_text(&lines, text);
	assert_int_equal(untimed_add(untimed, &lines, 1, &err), 0);
	buf_fini(&lines);
}

static void untimed_readings_survive_the_process_and_not_the_machine(void **state)
{
	struct scratch scratch;
	struct untimed *untimed;
	struct untimed_chunk out = {.n_lines = 0};
	struct err err;
	char *path;

	(void)state;
	scratch_init(&scratch);
	path = xasprintf("%s/spool.db", scratch.folder);
	assert_int_equal(untimed_open(&untimed, path, 1 << 20, &err), 0);
	add(untimed, "reading,meter=a x_w=1 1000\n");
	add(untimed, "reading,meter=b x_w=2 2000\n");
	untimed_close(untimed);
	assert_int_equal(untimed_open(&untimed, path, 1 << 20, &err), 0);
	assert_int_equal(untimed_lines(untimed), 2);
	assert_int_equal(untimed_next(untimed, 500, 30, &out, &err), 0);
	assert_string_equal(out.lines.data, "reading,meter=a x_w=1 1500\n");
	assert_int_equal(untimed_next(untimed, 500, 30, &out, &err), 0);
	assert_string_equal(out.lines.data, "reading,meter=b x_w=2 2500\n");
	assert_int_equal(out.newest_ms, 2500);
	assert_int_equal(untimed_next(untimed, 500, 30, &out, &err), 0);
	assert_int_equal(out.n_lines, 0);
	untimed_empty(untimed);
	untimed_close(untimed);
	scratch_write(&scratch, "spool.db.untimed",
		      "0000-another-start\nreading,meter=a x_w=1 1000\n");
	assert_int_equal(untimed_open(&untimed, path, 1 << 20, &err), 0);
	assert_int_equal(untimed_lines(untimed), 0);
	assert_int_equal(untimed_lost(untimed), 1);
	untimed_close(untimed);
	buf_fini(&out.lines);
	free(path);
	scratch_fini(&scratch);
}

static void append_raw(const char *path, const char *text)
{
	FILE *file = fopen(path, "a");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void overwrite(const char *path, long at, char byte)
{
	FILE *file = fopen(path, "r+");

	assert_non_null(file);
	assert_int_equal(fseek(file, at, SEEK_SET), 0);
	assert_int_equal(fputc(byte, file), byte);
	assert_int_equal(fclose(file), 0);
}

static void a_damaged_untimed_line_is_lost_alone(void **state)
{
	enum { IN_THE_FIRST_VALUE = 37 + 17 + 18 }; /* behind the id of the start and the sum */
	struct untimed_chunk out = {.n_lines = 0};
	struct scratch scratch;
	struct untimed *untimed;
	struct err err;
	char *path, *file;

	(void)state;
	scratch_init(&scratch);
	path = xasprintf("%s/spool.db", scratch.folder);
	file = xasprintf("%s.untimed", path);
	assert_int_equal(untimed_open(&untimed, path, 1 << 20, &err), 0);
	add(untimed, "reading,meter=a x_w=1 1000\n");
	add(untimed, "reading,meter=b x_w=2 2000\n");
	untimed_close(untimed);
	append_raw(file, "0123456789abcdef reading,met"); /* killed while writing */
	overwrite(file, IN_THE_FIRST_VALUE, '7');
	assert_int_equal(untimed_open(&untimed, path, 1 << 20, &err), 0);
	assert_int_equal(untimed_lines(untimed), 2);
	add(untimed, "reading,meter=c x_w=3 3000\n");
	assert_int_equal(untimed_next(untimed, 0, 1000, &out, &err), 0);
	assert_string_equal(out.lines.data,
			    "reading,meter=b x_w=2 2000\nreading,meter=c x_w=3 3000\n");
	assert_int_equal(untimed_lost(untimed), 1);
	untimed_rewind(untimed);
	assert_int_equal(untimed_next(untimed, 0, 1000, &out, &err), 0);
	assert_int_equal(untimed_lost(untimed), 1);
	untimed_close(untimed);
	buf_fini(&out.lines);
	free(file);
	free(path);
	scratch_fini(&scratch);
}

static void untimed_readings_beyond_the_size_are_counted(void **state)
{
	struct untimed_chunk out = {.n_lines = 0};
	struct buf lines = {0};
	struct scratch scratch;
	struct untimed *untimed;
	struct err err;
	char *path;

	(void)state;
	scratch_init(&scratch);
	path = xasprintf("%s/spool.db", scratch.folder);
	assert_int_equal(untimed_open(&untimed, path, 100, &err), 0);
	add(untimed, "reading,meter=a x_w=1 1000\n");
	buf_add_text(&lines, "reading,meter=b x_w=2 2000\nreading,meter=c x_w=2 2000\n");
	assert_int_equal(untimed_add(untimed, &lines, 2, &err), -ENOSPC);
	assert_int_equal(untimed_lost(untimed), 2);
	assert_int_equal(untimed_next(untimed, 0, 1000, &out, &err), 0);
	assert_string_equal(out.lines.data, "reading,meter=a x_w=1 1000\n");
	untimed_close(untimed);
	buf_fini(&lines);
	buf_fini(&out.lines);
	free(path);
	scratch_fini(&scratch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_full_disk_keeps_the_newest_and_tells_what_it_drops),
		cmocka_unit_test(a_second_forwarder_goes_on_where_the_first_ended),
		cmocka_unit_test(untimed_readings_get_their_time_when_it_is_known),
		cmocka_unit_test(untimed_readings_survive_the_process_and_not_the_machine),
		cmocka_unit_test(a_damaged_untimed_line_is_lost_alone),
		cmocka_unit_test(untimed_readings_beyond_the_size_are_counted),
	};

	(void)signal(SIGXFSZ, SIG_IGN);
	log_set_level(LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
