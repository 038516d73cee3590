/* SPDX-License-Identifier: Apache-2.0 */
/* From payloads to the ledger and to acks: the keeper, and the thread around it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "common/clock.h"
#include "common/telemetry.h"
#include "plant.h"
#include "server/ingest/ingest.h"

#define NOW  INT64_C(1780000000000)
#define DATA "nenghao/1/370102/a1/data"

struct bench {
	struct plant plant;
	struct keeper *keeper;
	struct buf acks; /* "agent epoch seen kept until\n" */
	int publish_answer;
	int64_t put_back_ms; /* the agent's clock */
};

static int record_ack(const char *topic, const void *payload, size_t len, void *arg)
{
	struct bench *bench = arg;
	struct telemetry_topic parsed;

	if (bench->publish_answer < 0)
		return bench->publish_answer;
	assert_int_equal(telemetry_parse_topic(topic, strlen(topic), &parsed, NULL), 0);
	assert_int_equal(parsed.leaf, TOPIC_ACK);
	buf_printf(&bench->acks, "%s ", parsed.agent);
	buf_add(&bench->acks, payload, len);
	buf_add_char(&bench->acks, '\n');
	return 0;
}

static void open_keeper(struct bench *bench)
{
	static const char *const regions[] = {"370100"};
	struct keeper_options options = {
		.ledger_path = bench->plant.ledger_path,
		.regions = regions,
		.n_regions = 1,
		.dead_letters_max = 100,
		.publish = record_ack,
		.publish_arg = bench,
	};
	struct err err = {""};

	if (keeper_open(&bench->keeper, &options, bench->plant.registry, &err) < 0 ||
	    keeper_start(bench->keeper, &err) < 0)
		fail_msg("%s", err.text);
}

static void bench_init(struct bench *bench, const char *institution)
{
	memset(bench, 0, sizeof *bench);
	plant_init(&bench->plant, institution);
	open_keeper(bench);
}

static void bench_fini(struct bench *bench)
{
	keeper_close(bench->keeper);
	buf_fini(&bench->acks);
	plant_fini(&bench->plant);
}

static void take(struct bench *bench, const char *topic, const char *payload)
{
	keeper_take(bench->keeper, topic, payload, strlen(payload), NOW);
}

static void take_batch(struct bench *bench, int64_t epoch, int64_t seq, int64_t oldest,
		       const char *lines)
{
	char payload[1024];
	int n = 0;

	for (const char *at = lines; (at = strchr(at, '\n')); at++)
		n++;
	(void)snprintf(payload, sizeof payload,
		       "batch,agent=a1 epoch=%lldi,seq=%lldi,oldest=%lldi,lines=%di %lld\n%s",
		       (long long)epoch, (long long)seq, (long long)oldest, n,
		       (long long)(NOW - 1000 + seq - bench->put_back_ms), lines);
	take(bench, DATA, payload);
}

static void commit(struct bench *bench)
{
	struct err err = {""};

	if (keeper_commit(bench->keeper, NOW, &err) < 0)
		fail_msg("%s", err.text);
}

static void expect_acks(struct bench *bench, const char *phrase, const char *expected)
{
	if (strcmp(bench->acks.data ? bench->acks.data : "", expected) != 0)
		fail_msg("%s: acks are\n%s", phrase, bench->acks.data);
	buf_clear(&bench->acks);
	buf_add(&bench->acks, "", 0);
}

static int64_t count(struct bench *bench, const char *query)
{
	struct db_statement *row;
	int64_t n;

	assert_int_equal(db_prepare(ledger_db(keeper_ledger(bench->keeper)), &row, query, NULL), 0);
	assert_int_equal(db_step(row, NULL), 1);
	n = db_column_int(row, 0);
	db_finalize(row);
	return n;
}

#define E01(value, time)                                                                          \
	"reading,meter=370102-0001-e01 active_energy_import_kwh=" value ",active_power_w=5 " time \
	"\n"

static void acknowledges_after_the_commit_alone(void **state)
{
	struct bench bench;

	(void)state;
	bench_init(&bench, PLANT_HEAD PLANT_E01);
	take_batch(&bench, 100, 1, 1, E01("10", "1779999990000"));
	take_batch(&bench, 100, 2, 1, E01("11", "1779999991000"));
	expect_acks(&bench, "before the commit", "");
	commit(&bench);
	expect_acks(&bench, "after it", "a1 100 2 2 1779999999002\n");
	assert_int_equal(count(&bench, "SELECT sum(n) FROM register_day"), 2);
	commit(&bench);
	expect_acks(&bench, "nothing new", "");
	bench_fini(&bench);
}

static void repeats_gaps_and_unknown_epochs_are_answered(void **state)
{
	struct bench bench;

	(void)state;
	bench_init(&bench, PLANT_HEAD PLANT_E01);
	take_batch(&bench, 100, 5, 3, E01("10", "1779999990000"));
	commit(&bench);
	expect_acks(&bench, "unknown epoch, not its oldest", "a1 100 0 0 0\n");
	take_batch(&bench, 100, 3, 3, E01("10", "1779999990000"));
	take_batch(&bench, 100, 5, 3, E01("12", "1779999992000"));
	commit(&bench);
	expect_acks(&bench, "the oldest is taken, one ahead is not", "a1 100 3 3 1779999999003\n");
	take_batch(&bench, 100, 3, 3, E01("10", "1779999990000"));
	commit(&bench);
	expect_acks(&bench, "again", "a1 100 3 3 1779999999003\n");
	take_batch(&bench, 100, 9, 9, E01("19", "1779999999000"));
	commit(&bench);
	expect_acks(&bench, "gone at the agent", "a1 100 9 9 1779999999009\n");
	assert_int_equal(count(&bench, "SELECT count(*) FROM event WHERE kind = 'batches_lost' AND "
				       "text LIKE '%4 to 8 of epoch 100%'"),
			 1);
	assert_int_equal(count(&bench, "SELECT sum(n) FROM register_day"), 2);
	bench_fini(&bench);
}

static void a_status_is_answered_for_its_epoch(void **state)
{
	struct bench bench;

	(void)state;
	bench_init(&bench, PLANT_HEAD PLANT_E01);
	take(&bench, "nenghao/1/370102/a1/status", "{\"state\":\"online\",\"epoch\":55}");
	take(&bench, "nenghao/1/370102/a2/status", "{\"state\":\"offline\",\"epoch\":66}");
	take(&bench, "nenghao/1/370102/a3/status", "nonsense");
	commit(&bench);
	expect_acks(&bench, "online alone", "a1 55 0 0 0\n");
	bench_fini(&bench);
}

/* Batch 5 was under way when the older ledger came back; its jump would have hidden the loss. */
static void an_agent_that_knows_more_is_asked_first(void **state)
{
	static const char topic[] = "nenghao/1/370102/a1/status";
	struct bench bench;

	(void)state;
	bench_init(&bench, PLANT_HEAD PLANT_E01);
	take(&bench, topic, "{\"state\":\"online\",\"epoch\":100,\"until\":1779999999004}");
	take_batch(&bench, 100, 5, 5, E01("14", "1779999994000"));
	commit(&bench);
	expect_acks(&bench, "held", "a1 100 0 0 0\n");
	take(&bench, topic, "{\"state\":\"online\",\"epoch\":101,\"until\":0}");
	take_batch(&bench, 101, 1, 1, E01("10", "1779999990000"));
	commit(&bench);
	expect_acks(&bench, "back in line", "a1 101 1 1 1779999999001\n");
	assert_int_equal(count(&bench, "SELECT sum(n) FROM register_day"), 1);
	bench_fini(&bench);
}

static void a_restart_goes_on_from_what_was_kept(void **state)
{
	struct bench bench;

	(void)state;
	bench_init(&bench, PLANT_HEAD PLANT_E01);
	take_batch(&bench, 100, 1, 1, E01("10", "1779999990000"));
	commit(&bench);
	take_batch(&bench, 100, 2, 1, E01("11", "1779999991000")); /* not committed */
	keeper_close(bench.keeper);
	open_keeper(&bench);
	buf_clear(&bench.acks);
	take(&bench, "nenghao/1/370102/a1/status", "{\"state\":\"online\",\"epoch\":100}");
	commit(&bench);
	expect_acks(&bench, "after the restart", "a1 100 1 1 1779999999001\n");
	bench_fini(&bench);
}

/* Only what is numbered later and stamped earlier in one epoch: not what a failed commit makes the
 * agent send again, nor a backlog under a new epoch. */
static void a_clock_that_is_put_back(void **state)
{
	struct bench bench;

	(void)state;
	bench_init(&bench, PLANT_HEAD PLANT_E01);
	take_batch(&bench, 100, 1, 1, E01("10", "1779999990000"));
	take_batch(&bench, 100, 2, 1, E01("11", "1779999999500"));
	commit(&bench);
	bench.put_back_ms = 5000;
	take_batch(&bench, 200, 1, 1, E01("10", "1779999990000"));
	commit(&bench);
	assert_int_equal(count(&bench, "SELECT count(*) FROM event WHERE kind = 'clock'"), 0);
	take_batch(&bench, 200, 2, 1, E01("12", "1779999996000"));
	bench.put_back_ms = 8000;
	take_batch(&bench, 200, 3, 1, E01("13", "1779999992000"));
	commit(&bench);
	assert_int_equal(count(&bench, "SELECT count(*) FROM event WHERE kind = 'clock' AND "
				       "closed_ms IS NULL AND agent = 'a1'"),
			 1);
	assert_int_equal(count(&bench, "SELECT from_ms - 1779999991003 FROM clock_span"), 0);
	assert_int_equal(count(&bench, "SELECT to_ms - 1779999996001 FROM clock_span"), 0);
	bench.put_back_ms = 0;
	take_batch(&bench, 200, 4, 1, E01("14", "1779999999900"));
	commit(&bench);
	assert_int_equal(count(&bench, "SELECT count(*) FROM clock_span"), 1);
	assert_int_equal(count(&bench, "SELECT count(*) FROM event WHERE kind = 'clock' AND "
				       "closed_ms IS NOT NULL"),
			 1);
	bench_fini(&bench);
}

static void two_agents_of_one_name_are_both_stored(void **state)
{
	struct bench bench;

	(void)state;
	bench_init(&bench, PLANT_HEAD PLANT_E01);
	take_batch(&bench, 100, 1, 1, E01("10", "1779999990000"));
	take_batch(&bench, 200, 1, 1, E01("11", "1779999991000"));
	commit(&bench);
	assert_int_equal(count(&bench, "SELECT count(*) FROM event"), 0);
	take_batch(&bench, 100, 2, 1, E01("12", "1779999992000"));
	take_batch(&bench, 200, 2, 1, E01("13", "1779999993000"));
	commit(&bench);
	assert_int_equal(count(&bench, "SELECT count(*) FROM event WHERE kind = 'two_agents'"), 1);
	assert_int_equal(count(&bench, "SELECT sum(n) FROM register_day"), 4);
	bench_fini(&bench);
}

/* clang-format off */
static const struct {
	const char *phrase, *topic, *payload, *reason;
} letters[] = {
	{ "a meter nobody knows", DATA, "reading,meter=nobody active_power_w=1 1779999990000", "unknown_meter" },
	{ "a meter of another agent", "nenghao/1/370102/a9/data",
	  "reading,meter=370102-0001-e01 active_power_w=1 1779999990000", "agent" },
	{ "eleven minutes in the future", DATA, "reading,meter=370102-0001-e01 active_power_w=1 1780000660000", "clock" },
	{ "not a line", DATA, "reading,meter=370102-0001-e01 power 1779999990000", "name" },
	{ "a register that does not fit", DATA,
	  "reading,meter=370102-0001-e01 active_energy_import_kwh=1e15 1779999990000", "value" },
};
/* clang-format on */

static void what_cannot_be_used_is_kept_and_does_not_hold_up(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof letters / sizeof *letters; i++) {
		char payload[512], query[160], agent[3] = {'a', letters[i].topic[18], '\0'};
		struct bench bench;

		bench_init(&bench, PLANT_HEAD PLANT_E01);
		(void)snprintf(
			payload, sizeof payload,
			"batch,agent=%s epoch=1i,seq=1i,oldest=1i,lines=1i 1779999990000\n%s\n",
			agent, letters[i].payload);
		take(&bench, letters[i].topic, payload);
		commit(&bench);
		(void)snprintf(query, sizeof query,
			       "SELECT count(*) FROM dead_letter JOIN dead_letter_count USING "
			       "(reason) WHERE reason = '%s' AND n = 1",
			       letters[i].reason);
		if (count(&bench, query) != 1)
			fail_msg("%s: not under %s", letters[i].phrase, letters[i].reason);
		if (!strstr(bench.acks.data, " 1 1 1 1779999990000\n"))
			fail_msg("%s: held up", letters[i].phrase);
		bench_fini(&bench);
	}
}

static void a_payload_that_is_no_batch_gets_no_ack(void **state)
{
	struct bench bench;

	(void)state;
	bench_init(&bench, PLANT_HEAD PLANT_E01);
	take(&bench, DATA, "{\"json\": true}");
	take(&bench, DATA, "batch,agent=other epoch=1i,seq=1i,oldest=1i,lines=0i 1779999990000\n");
	commit(&bench);
	expect_acks(&bench, "no batch", "");
	assert_int_equal(count(&bench, "SELECT count(*) FROM dead_letter WHERE reason = 'batch'"),
			 2);
	bench_fini(&bench);
}

static void other_regions_are_left_alone(void **state)
{
	struct bench bench;
	struct keeper_counters counters;

	(void)state;
	bench_init(&bench, PLANT_HEAD PLANT_E01);
	take(&bench, "nenghao/1/420101/a1/status", "{\"state\":\"online\",\"epoch\":55}");
	take(&bench, "nenghao/1/370199/a1/status", "{\"state\":\"online\",\"epoch\":55}");
	commit(&bench);
	expect_acks(&bench, "below 370100, though not in the tree", "a1 55 0 0 0\n");
	keeper_get_counters(bench.keeper, &counters);
	assert_int_equal(counters.foreign, 1);
	bench_fini(&bench);
}

static void dead_letters_come_back_when_the_registry_knows_the_meter(void **state)
{
	struct bench bench;
	struct registry *registry;

	(void)state;
	bench_init(&bench, PLANT_HEAD PLANT_E01);
	take_batch(&bench, 100, 1, 1,
		   "reading,meter=370102-0001-w01 volume_total_m3=7 1779999990000\n"
		   "reading,meter=nobody volume_total_m3=7 1779999990000\n");
	commit(&bench);
	assert_int_equal(count(&bench, "SELECT count(*) FROM register_day"), 0);
	registry = plant_load(&bench.plant, PLANT_HEAD PLANT_E01 PLANT_W01);
	assert_int_equal(keeper_set_registry(bench.keeper, registry, NOW, NULL), 0);
	registry_release(registry);
	assert_true(keeper_wants_commit(bench.keeper, 0));
	commit(&bench);
	assert_int_equal(count(&bench, "SELECT sum(n) FROM register_day"), 1);
	assert_int_equal(count(&bench, "SELECT count(*) FROM dead_letter"), 1);
	assert_false(keeper_wants_commit(bench.keeper, 0));
	bench_fini(&bench);
}

static void a_full_broker_queue_delays_the_ack(void **state)
{
	struct bench bench;

	(void)state;
	bench_init(&bench, PLANT_HEAD PLANT_E01);
	bench.publish_answer = -EAGAIN;
	take_batch(&bench, 100, 1, 1, E01("10", "1779999990000"));
	commit(&bench);
	assert_true(keeper_wants_commit(bench.keeper, 0));
	bench.publish_answer = 0;
	commit(&bench);
	expect_acks(&bench, "later", "a1 100 1 1 1779999999001\n");
	bench_fini(&bench);
}

static void a_dropped_range_of_the_agent_becomes_an_event(void **state)
{
	struct bench bench;

	(void)state;
	bench_init(&bench, PLANT_HEAD PLANT_E01);
	take_batch(&bench, 100, 1, 1,
		   "gap from=1764000000000i,to=1764003600000i,batches=60i 1779999990000\n");
	commit(&bench);
	assert_int_equal(count(&bench, "SELECT count(*) FROM event WHERE kind = 'batches_lost' AND "
				       "value = 60 AND text LIKE '%dropped 60 batches%'"),
			 1);
	bench_fini(&bench);
}

/* ---- the thread ---- */

static void the_thread_takes_commits_and_counts(void **state)
{
	struct bench bench = {.acks = {0}};
	struct ingest_options options = {.mailbox_bytes = 4096};
	struct ingest_counters counters = {0};
	struct ingest *ingest = NULL;
	char payload[256], big[5000];
	int64_t deadline = clock_mono_ms() + 20000;

	(void)state;
	plant_init(&bench.plant, PLANT_HEAD PLANT_E01);
	options.keeper = (struct keeper_options){.ledger_path = bench.plant.ledger_path,
						 .dead_letters_max = 10,
						 .publish = record_ack,
						 .publish_arg = &bench};
	assert_int_equal(ingest_start(&ingest, &options, bench.plant.registry, NULL), 0);
	(void)snprintf(payload, sizeof payload,
		       "batch,agent=a1 epoch=1i,seq=1i,oldest=1i,lines=1i 1764000000000\n%s",
		       E01("1", "1764000000000"));
	memset(big, 'x', sizeof big);
	assert_false(ingest_deliver(ingest, DATA, big, sizeof big));
	assert_true(ingest_deliver(ingest, DATA, payload, strlen(payload)));
	ingest_set_registry(ingest, bench.plant.registry);
	while (counters.keeper.acks < 1 && clock_mono_ms() < deadline) {
		clock_sleep_until(clock_mono_ms() + 10);
		ingest_get_counters(ingest, &counters);
	}
	assert_int_equal(counters.keeper.acks, 1);
	assert_int_equal(counters.keeper.values_added, 1);
	assert_int_equal(counters.messages_dropped, 1);
	ingest_stop(ingest);
	assert_false(ingest_deliver(ingest, DATA, payload, strlen(payload)));
	ingest_destroy(ingest);
	buf_fini(&bench.acks);
	plant_fini(&bench.plant);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(acknowledges_after_the_commit_alone),
		cmocka_unit_test(repeats_gaps_and_unknown_epochs_are_answered),
		cmocka_unit_test(a_status_is_answered_for_its_epoch),
		cmocka_unit_test(an_agent_that_knows_more_is_asked_first),
		cmocka_unit_test(a_restart_goes_on_from_what_was_kept),
		cmocka_unit_test(a_clock_that_is_put_back),
		cmocka_unit_test(two_agents_of_one_name_are_both_stored),
		cmocka_unit_test(what_cannot_be_used_is_kept_and_does_not_hold_up),
		cmocka_unit_test(a_payload_that_is_no_batch_gets_no_ack),
		cmocka_unit_test(other_regions_are_left_alone),
		cmocka_unit_test(dead_letters_come_back_when_the_registry_knows_the_meter),
		cmocka_unit_test(a_full_broker_queue_delays_the_ack),
		cmocka_unit_test(a_dropped_range_of_the_agent_becomes_an_event),
		cmocka_unit_test(the_thread_takes_commits_and_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
