/* SPDX-License-Identifier: Apache-2.0 */
/* What "kept" means with a database that fails, refuses, lies or is started anew. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "common/clock.h"
#include "common/telemetry.h"
#include "fake_tsdb.h"
#include "plant.h"
#include "server/ingest/keeper.h"

#define NOW INT64_C(1780000000000)

enum { PATIENCE_MS = 30000 };

struct rig {
	struct plant plant;
	struct fake_tsdb fake;
	struct server_tsdb_config config;
	struct keeper_options options;
	struct keeper *keeper;
	int64_t seq;
	struct telemetry_ack ack; /* the last one */
};

static int record_ack(const char *topic, const void *payload, size_t len, void *arg)
{
	struct rig *rig = arg;

	(void)topic;
	assert_int_equal(telemetry_parse_ack(payload, len, &rig->ack, NULL), 0);
	return 0;
}

static void open_keeper(struct rig *rig)
{
	struct err err = {""};

	if (keeper_open(&rig->keeper, &rig->options, rig->plant.registry, &err) < 0 ||
	    keeper_start(rig->keeper, &err) < 0)
		fail_msg("%s", err.text);
}

static void rig_init(struct rig *rig, enum tsdb_kind kind)
{
	memset(rig, 0, sizeof *rig);
	plant_init(&rig->plant, PLANT_HEAD PLANT_W01);
	fake_tsdb_start(&rig->fake);
	rig->config = (struct server_tsdb_config){.kind = (int)kind,
						  .name = "fake",
						  .url = rig->fake.url,
						  .database = "nenghao",
						  .org = "o",
						  .bucket = "b/c",
						  .queue_max_size = 1 << 20};
	rig->options = (struct keeper_options){.ledger_path = rig->plant.ledger_path,
					       .dead_letters_max = 100,
					       .tsdb = &rig->config,
					       .n_tsdb = 1,
					       .tsdb_memory_bytes = 1 << 20,
					       .publish = record_ack,
					       .publish_arg = rig};
}

static void rig_fini(struct rig *rig)
{
	keeper_close(rig->keeper);
	fake_tsdb_stop(&rig->fake);
	plant_fini(&rig->plant);
}

static void commit(struct rig *rig)
{
	struct err err = {""};

	if (keeper_commit(rig->keeper, NOW, &err) < 0)
		fail_msg("%s", err.text);
}

static void take(struct rig *rig, int n_lines)
{
	struct buf payload = {0};

	rig->seq++;
	buf_printf(&payload, "batch,agent=a1 epoch=1i,seq=%lldi,oldest=1i,lines=%di %lld\n",
		   (long long)rig->seq, n_lines, (long long)(NOW - 1000 + rig->seq));
	for (int i = 0; i < n_lines; i++)
		buf_printf(&payload,
			   "reading,meter=370102-0001-w01 volume_total_m3=%lld.%03d %lld\n",
			   (long long)rig->seq, i,
			   (long long)(NOW - 100000000 + rig->seq * 100000 + i));
	keeper_take(rig->keeper, "nenghao/1/370102/a1/data", payload.data, payload.len, NOW);
	buf_fini(&payload);
}

typedef bool (*condition_fn)(struct rig *rig, int64_t arg);

static bool is_kept(struct rig *rig, int64_t seq)
{
	return rig->ack.kept >= seq;
}

static bool has_taken(struct rig *rig, int64_t n)
{
	return fake_tsdb_count(&rig->fake, "reading,") >= n;
}

static int64_t count(struct rig *rig, const char *query)
{
	struct db_statement *row;
	int64_t n;

	assert_int_equal(db_prepare(ledger_db(keeper_ledger(rig->keeper)), &row, query, NULL), 0);
	assert_int_equal(db_step(row, NULL), 1);
	n = db_column_int(row, 0);
	db_finalize(row);
	return n;
}

static bool has_rows(struct rig *rig, int64_t n)
{
	return count(rig, "SELECT count(*) FROM tsdb_queue") == n;
}

static bool is_marked_down(struct rig *rig, int64_t unused)
{
	struct tsdb_state state;

	(void)unused;
	tsdb_get_state(keeper_tsdb(rig->keeper, 0), &state);
	return !state.is_up && state.failures > 0;
}

/* Commits again and again until it is so. */
static void wait_for(struct rig *rig, const char *phrase, condition_fn condition, int64_t arg)
{
	int64_t deadline = clock_mono_ms() + PATIENCE_MS;

	for (;;) {
		commit(rig);
		if (condition(rig, arg))
			return;
		if (clock_mono_ms() > deadline)
			fail_msg("it never came true that %s", phrase);
		clock_sleep_until(clock_mono_ms() + 5);
	}
}

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

static bool has_cursor(struct rig *rig, int64_t cursor)
{
	return count(rig, "SELECT coalesce(max(cursor), 0) FROM tsdb_cursor") == cursor;
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
