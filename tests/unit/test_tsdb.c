/* SPDX-License-Identifier: Apache-2.0 */
/* What "kept" means with a database that fails, refuses, lies or is started anew. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "tsdb_rig.h"

static void kept_waits_for_the_database(void **state)
{
	struct rig rig;

	(void)state;
	rig_init(&rig, TSDB_INFLUXDB1);
	fake_tsdb_set(&rig.fake, 500, NULL, 0);
	open_keeper(&rig);
	take(&rig, 10);
	commit(&rig);
	assert_true(rig.ack.seen == 1 && rig.ack.kept == 0);
	wait_for(&rig, "the failure shows", is_marked_down, 0);
	assert_int_equal(rig.ack.kept, 0);
	fake_tsdb_set(&rig.fake, 204, NULL, 0);
	wait_for(&rig, "the batch is kept", is_kept, 1);
	assert_int_equal(fake_tsdb_count(&rig.fake, "reading,"), 10);
	assert_non_null(strstr(rig.fake.queries.data, "CREATE%20DATABASE%20%22nenghao%22"));
	rig_fini(&rig);
}

static void while_it_fails_lines_go_to_the_file_and_come_back(void **state)
{
	struct rig rig;

	(void)state;
	rig_init(&rig, TSDB_INFLUXDB1);
	rig.options.tsdb_memory_bytes = 2000; /* a batch of 20 lines is more than half of it */
	fake_tsdb_set(&rig.fake, 503, NULL, 0);
	open_keeper(&rig);
	take(&rig, 20);
	wait_for(&rig, "the queue in the file counts as kept", is_kept, 1);
	assert_int_equal(count(&rig, "SELECT count(*) FROM tsdb_queue"), 1);
	keeper_close(rig.keeper); /* a restart finds them */
	fake_tsdb_set(&rig.fake, 204, NULL, 0);
	open_keeper(&rig);
	wait_for(&rig, "the database has them", has_taken, 20);
	wait_for(&rig, "the file is empty", has_rows, 0);
	assert_int_equal(fake_tsdb_count(&rig.fake, "reading,"), 20);
	rig_fini(&rig);
}

static void a_full_file_stops_seen(void **state)
{
	struct keeper_counters counters;
	struct rig rig;

	(void)state;
	rig_init(&rig, TSDB_INFLUXDB1);
	rig.options.tsdb_memory_bytes = 2000;
	rig.config.queue_max_size = 1;
	fake_tsdb_set(&rig.fake, 503, NULL, 0);
	open_keeper(&rig);
	take(&rig, 20);
	wait_for(&rig, "the first is in the file", is_kept, 1);
	take(&rig, 20);
	commit(&rig);
	assert_int_equal(rig.ack.seen, 2); /* still fits into memory */
	take(&rig, 20);
	commit(&rig);
	assert_true(rig.ack.seen == 2 && rig.ack.kept == 1);
	keeper_get_counters(rig.keeper, &counters);
	assert_int_equal(counters.batches_refused, 1);
	fake_tsdb_set(&rig.fake, 204, NULL, 0);
	wait_for(&rig, "there is room again", is_kept, 2);
	rig.seq--; /* the agent sends again */
	take(&rig, 20);
	wait_for(&rig, "the third is kept", is_kept, 3);
	rig_fini(&rig);
}

static void a_refused_line_is_found_and_put_aside(void **state)
{
	struct rig rig;

	(void)state;
	rig_init(&rig, TSDB_INFLUXDB2);
	fake_tsdb_set(&rig.fake, 204, "=1.013,", 0);
	open_keeper(&rig);
	take(&rig, 40);
	wait_for(&rig, "the batch is kept", is_kept, 1);
	wait_for(&rig, "the dead letters have the line", has_rows, 0);
	assert_int_equal(count(&rig, "SELECT count(*) FROM dead_letter WHERE reason = 'tsdb' AND "
				     "CAST(line AS TEXT) LIKE '%volume_total_m3=1.013,%'"),
			 1);
	assert_int_equal(fake_tsdb_count(&rig.fake, "reading,"), 39);
	assert_non_null(
		strstr(rig.fake.targets.data, "/api/v2/write?precision=ms&org=o&bucket=b%2Fc\n"));
	rig_fini(&rig);
}

static void refusing_everything_is_the_databases_fault(void **state)
{
	struct rig rig;

	(void)state;
	rig_init(&rig, TSDB_INFLUXDB3);
	fake_tsdb_set(&rig.fake, 204, "reading", 0);
	open_keeper(&rig);
	take(&rig, 200);
	wait_for(&rig, "it is marked down", is_marked_down, 0);
	assert_int_equal(rig.ack.kept, 0);
	fake_tsdb_set(&rig.fake, 204, NULL, 0);
	wait_for(&rig, "the batch is kept", is_kept, 1);
	assert_int_equal(fake_tsdb_count(&rig.fake, "reading,"), 200);
	rig_fini(&rig);
}

static void victoriametrics_is_believed_later(void **state)
{
	struct rig rig;

	(void)state;
	rig_init(&rig, TSDB_VICTORIAMETRICS);
	rig.config.durable_after_ms = 300;
	fake_tsdb_set(&rig.fake, 204, NULL, 1000);
	open_keeper(&rig);
	take(&rig, 10);
	wait_for(&rig, "it has the lines", has_taken, 10);
	assert_int_equal(rig.ack.kept, 0);
	wait_for(&rig, "the batch is kept", is_kept, 1);
	assert_int_equal(fake_tsdb_count(&rig.fake, "reading,"), 10);
	rig_fini(&rig);
}

static void victoriametrics_started_anew_gets_it_again(void **state)
{
	struct tsdb_state tsdb;
	struct rig rig;

	(void)state;
	rig_init(&rig, TSDB_VICTORIAMETRICS);
	rig.config.durable_after_ms = 300;
	fake_tsdb_set(&rig.fake, 204, NULL, 1000);
	open_keeper(&rig);
	take(&rig, 10);
	wait_for(&rig, "it has the lines", has_taken, 10);
	fake_tsdb_set(&rig.fake, 204, NULL, 2000);
	wait_for(&rig, "it has them twice", has_taken, 20);
	assert_int_equal(rig.ack.kept, 0);
	wait_for(&rig, "the batch is kept", is_kept, 1);
	tsdb_get_state(keeper_tsdb(rig.keeper, 0), &tsdb);
	assert_int_equal(tsdb.lost_restarts, 1);
	rig_fini(&rig);
}

/* What it has accepted and is not believed yet is more than the memory is for. */
static void store_accepted(struct rig *rig)
{
	rig_init(rig, TSDB_VICTORIAMETRICS);
	rig->options.tsdb_memory_bytes = 2000;
	rig->config.durable_after_ms = 1500;
	fake_tsdb_set(&rig->fake, 204, NULL, 1000);
	open_keeper(rig);
	take(rig, 20);
	commit(rig);
	while (!has_taken(rig, 20))
		clock_sleep_until(clock_mono_ms() + 2);
	wait_for(rig, "the queue in the file counts as kept", is_kept, 1);
}

static void what_was_accepted_and_then_stored_is_not_sent_again(void **state)
{
	struct rig rig;

	(void)state;
	store_accepted(&rig);
	assert_int_equal(count(&rig, "SELECT count(*) FROM tsdb_queue"), 1);
	wait_for(&rig, "it is believed", has_rows, 0);
	assert_int_equal(fake_tsdb_count(&rig.fake, "reading,"), 20);
	rig_fini(&rig);
}

static void what_was_accepted_and_then_stored_is_sent_to_a_new_process(void **state)
{
	struct rig rig;

	(void)state;
	store_accepted(&rig);
	fake_tsdb_set(&rig.fake, 204, NULL, 2000);
	wait_for(&rig, "it has them twice", has_taken, 40);
	wait_for(&rig, "it is believed", has_rows, 0);
	rig_fini(&rig);
}

/* ---- derived series ---- */

struct source {
	pthread_mutex_t lock;
	int64_t last; /* lines 1 .. last exist */
	bool is_deleting;
};

static int read_source(const struct tsdb_question *question, struct tsdb_export *out, void *arg,
		       struct err *err)
{
	static const struct tsdb_tag tags[] = {{"region", "370102"}, {"item", "it's"}};
	struct source *source = arg;

	(void)err;
	(void)pthread_mutex_lock(&source->lock);
	for (; out->next < source->last && out->n_lines < question->max_lines; out->n_lines++)
		buf_printf(&out->lines, "energy_hour value=%lld 1\n", (long long)++out->next);
	if (source->is_deleting && out->n_lines > 0)
		tsdb_export_delete(out, "energy_hour", tags, 2, NOW);
	(void)pthread_mutex_unlock(&source->lock);
	return 0;
}

static void derived_series_follow_a_stored_cursor(void **state)
{
	struct source source = {.last = 3};
	struct rig rig;

	(void)state;
	(void)pthread_mutex_init(&source.lock, NULL);
	rig_init(&rig, TSDB_INFLUXDB1);
	rig.options.source = read_source;
	rig.options.source_arg = &source;
	open_keeper(&rig);
	wait_for(&rig, "the cursor is stored", has_cursor, 3);
	keeper_close(rig.keeper);
	(void)pthread_mutex_lock(&source.lock);
	source.last = 5;
	source.is_deleting = true;
	(void)pthread_mutex_unlock(&source.lock);
	open_keeper(&rig);
	wait_for(&rig, "the cursor is stored again", has_cursor, 5);
	assert_int_equal(fake_tsdb_count(&rig.fake, "energy_hour"), 5);
	assert_non_null(strstr(rig.fake.queries.data,
			       "DELETE%20FROM%20%22energy_hour%22%20WHERE%20time%20%3D%"
			       "201780000000000000000%20AND%20%22region%22%3D%27370102%27%20AND%20%"
			       "22item%22%3D%27it%5C%27s%27%3B"));
	rig_fini(&rig);
	(void)pthread_mutex_destroy(&source.lock);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kept_waits_for_the_database),
		cmocka_unit_test(while_it_fails_lines_go_to_the_file_and_come_back),
		cmocka_unit_test(a_full_file_stops_seen),
		cmocka_unit_test(a_refused_line_is_found_and_put_aside),
		cmocka_unit_test(refusing_everything_is_the_databases_fault),
		cmocka_unit_test(victoriametrics_is_believed_later),
		cmocka_unit_test(victoriametrics_started_anew_gets_it_again),
		cmocka_unit_test(what_was_accepted_and_then_stored_is_not_sent_again),
		cmocka_unit_test(what_was_accepted_and_then_stored_is_sent_to_a_new_process),
		cmocka_unit_test(derived_series_follow_a_stored_cursor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
