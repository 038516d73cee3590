/* SPDX-License-Identifier: Apache-2.0 */
/* tsdb_rig.h - a keeper with a ledger, a plant's registry and one fake database. */
#ifndef TESTS_UNIT_TSDB_RIG_H
#define TESTS_UNIT_TSDB_RIG_H

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

static inline int record_ack(const char *topic, const void *payload, size_t len, void *arg)
{
	struct rig *rig = arg;

	(void)topic;
	assert_int_equal(telemetry_parse_ack(payload, len, &rig->ack, NULL), 0);
	return 0;
}

static inline void open_keeper(struct rig *rig)
{
	struct err err = {""};

	if (keeper_open(&rig->keeper, &rig->options, rig->plant.registry, &err) < 0 ||
	    keeper_start(rig->keeper, &err) < 0)
		fail_msg("%s", err.text);
}

static inline void rig_init(struct rig *rig, enum tsdb_kind kind)
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

static inline void rig_fini(struct rig *rig)
{
	keeper_close(rig->keeper);
	fake_tsdb_stop(&rig->fake);
	plant_fini(&rig->plant);
}

static inline void commit(struct rig *rig)
{
	struct err err = {""};

	if (keeper_commit(rig->keeper, NOW, &err) < 0)
		fail_msg("%s", err.text);
}

static inline void take(struct rig *rig, int n_lines)
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

static inline bool is_kept(struct rig *rig, int64_t seq)
{
	return rig->ack.kept >= seq;
}

static inline bool has_taken(struct rig *rig, int64_t n)
{
	return fake_tsdb_count(&rig->fake, "reading,") >= n;
}

static inline int64_t count(struct rig *rig, const char *query)
{
	struct db_statement *row;
	int64_t n;

	assert_int_equal(db_prepare(ledger_db(keeper_ledger(rig->keeper)), &row, query, NULL), 0);
	assert_int_equal(db_step(row, NULL), 1);
	n = db_column_int(row, 0);
	db_finalize(row);
	return n;
}

static inline bool has_rows(struct rig *rig, int64_t n)
{
	return count(rig, "SELECT count(*) FROM tsdb_queue") == n;
}

static inline bool is_marked_down(struct rig *rig, int64_t unused)
{
	struct tsdb_state state;

	(void)unused;
	tsdb_get_state(keeper_tsdb(rig->keeper, 0), &state);
	return !state.is_up && state.failures > 0;
}

/* Commits again and again until it is so. */
static inline void wait_for(struct rig *rig, const char *phrase, condition_fn condition,
			    int64_t arg)
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

static inline bool has_cursor(struct rig *rig, int64_t cursor)
{
	return count(rig, "SELECT coalesce(max(cursor), 0) FROM tsdb_cursor") == cursor;
}

#endif
