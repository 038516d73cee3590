/* SPDX-License-Identifier: Apache-2.0 */
/* How many readings a second the keeper commits, each commit with fsync, without broker and
 * database: batches of 100 readings of 10 quantities in several shapes. A commit holds 20,000
 * readings, of 1,000 meters with one of each 1,000; as many follow each other in those shapes as
 * leave the rows of a day short, because a row that grows is written whole.
 *
 *   bench_ingest [FOLDER [WORD]]      FOLDER for the ledger, default the current one; WORD: only
 *                                     the shapes whose name has it
 *   bench_ingest FOLDER WORD KIND URL into a database too (influxdb1, victoriametrics), through the
 *                                     ingest thread, until every line is accepted and every batch
 *                                     kept; the rate is that of the lines */
#include <assert.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/mem.h"
#include "common/telemetry.h"
#include "server/ingest/ingest.h"
#include "tests/bench/bench.h"

enum { READINGS = 100, GROUP = 20000, INTERVAL_MS = 60000 };
#define START_MS INT64_C(1760000000000)
#define NOW_MS   (START_MS + 3650 * (int64_t)DAY_MS)

struct shape {
	const char *name;
	size_t meters_per_batch, agents, batches;
	size_t commit; /* readings */
};

struct cost {
	int64_t wall_us, cpu_us;
};

/* ---- a registry of many meters ---- */

static struct registry *make_registry(size_t n)
{
	static const char *const codes[] = {"370102"};
	static const struct meter_life life = {
		.serial = "1", .to_ms = TIME_OPEN, .ratio_num = 1, .ratio_den = 1};
	struct registry *registry = xcalloc(1, sizeof *registry);
	struct conf_errors errors = {0};

	registry->arena = arena_create();
	atomic_init(&registry->references, 1);
	registry->regions = region_tree_create(registry->arena, NULL, codes, 1, &errors);
	registry->institutions = xcalloc(1, sizeof *registry->institutions);
	registry->n_institutions = 1;
	registry->institutions[0].id = "370102-0001";
	registry->meters = xcalloc(n, sizeof *registry->meters);
	registry->by_device = xcalloc(n, sizeof *registry->by_device);
	registry->by_meter_id = xcalloc(n, sizeof *registry->by_meter_id);
	registry->n_meters = registry->n_by_device = n;
	for (size_t i = 0; i < n; i++) {
		char id[32];
		int len = snprintf(id, sizeof id, "370102-0001-e%07zu", i);

		registry->meters[i] = (struct registry_meter){
			.id = arena_strndup(registry->arena, id, (size_t)len),
			.building = REGISTRY_NONE,
			.parent = REGISTRY_NONE,
			.quantity = "active_energy_import_kwh",
			.interval_ms = INTERVAL_MS,
			.lives = &life,
			.n_lives = 1,
		};
		registry->meters[i].device = registry->meters[i].id;
		registry->by_device[i] = registry->by_meter_id[i] = (uint32_t)i;
	}
	return registry;
}

/* ---- payloads ---- */

static void add_reading(struct buf *out, const char *meter, int64_t n, int64_t time_ms)
{
	static const char *const gauges[][2] = {
		{"active_power_w", "8120.5"}, {"voltage_l1_n_v", "229.8"},
		{"voltage_l2_n_v", "230.1"},  {"voltage_l3_n_v", "230.4"},
		{"current_l1_a", "12.31"},    {"current_l2_a", "11.87"},
		{"current_l3_a", "12.02"},    {"power_factor", "0.97"},
		{"frequency_hz", "50.01"},
	};
	char energy[32];

	telemetry_begin_reading(out, meter);
	telemetry_add_number(out, "active_energy_import_kwh", energy,
			     (size_t)snprintf(energy, sizeof energy, "%" PRId64 ".%02" PRId64,
					      10000 + n / 7, n % 100));
	for (size_t i = 0; i < sizeof gauges / sizeof *gauges; i++)
		telemetry_add_number(out, gauges[i][0], gauges[i][1], strlen(gauges[i][1]));
	telemetry_end_line(out, time_ms + n % 97);
}

/* Batch number b of an agent: its meters in turn, or one meter's backlog. */
static void make_batch(struct buf *out, const struct shape *shape, const struct registry *registry,
		       size_t agent, size_t b)
{
	struct telemetry_header header = {.epoch = 1,
					  .seq = (int64_t)b + 1,
					  .oldest = 1,
					  .lines = READINGS,
					  .time_ms = START_MS};

	(void)snprintf(header.agent, sizeof header.agent, "a%zu", agent);
	telemetry_write_header(out, &header);
	for (size_t i = 0; i < READINGS; i++) {
		size_t rounds = READINGS / shape->meters_per_batch;
		size_t meter = agent * shape->meters_per_batch + i / rounds;
		int64_t n = (int64_t)(b * rounds + i % rounds);

		add_reading(out, registry->meters[meter].id, n, START_MS + n * INTERVAL_MS);
	}
}

/* ---- the run ---- */

static int publish(const char *topic, const void *payload, size_t len, void *arg)
{
	(void)topic;
	(void)payload;
	(void)len;
	(void)arg;
	return 0;
}

static void commit(struct keeper *keeper, int64_t now_ms)
{
	struct err err = {""};
	int rc = keeper_commit(keeper, now_ms, &err);

	if (rc < 0)
		fprintf(stderr, "%s\n", err.text);
	assert(rc == 0);
}

/* A backlog comes late, and the ledger writes that down of each reading; what comes from many
 * meters at a time is live. */
static int64_t now_of(const struct shape *shape, size_t b)
{
	return shape->meters_per_batch > 1 ? START_MS + ((int64_t)b + 1) * INTERVAL_MS : NOW_MS;
}

/* Making the payloads is not measured, nor is the first batch of each agent, in which the ledger
 * meets its registers. */
static struct cost feed(struct keeper *keeper, const struct shape *shape,
			const struct registry *registry)
{
	struct buf payload = {0};
	char topic[TELEMETRY_TOPIC_MAX], name[32];
	struct cost cost = {0};

	for (size_t b = 0; b < shape->batches; b++)
		for (size_t agent = 0; agent < shape->agents; agent++) {
			int64_t started_us, started_cpu_us, now_ms = now_of(shape, b);

			buf_clear(&payload);
			make_batch(&payload, shape, registry, agent, b);
			(void)snprintf(name, sizeof name, "a%zu", agent);
			telemetry_topic(topic, "370102", name, TOPIC_DATA);
			started_us = clock_mono_us();
			started_cpu_us = bench_cpu_us();
			keeper_take(keeper, topic, payload.data, payload.len, now_ms);
			if (keeper_waiting(keeper) >= shape->commit)
				commit(keeper, now_ms);
			if (b == 0)
				continue;
			cost.wall_us += clock_mono_us() - started_us;
			cost.cpu_us += bench_cpu_us() - started_cpu_us;
		}
	commit(keeper, now_of(shape, shape->batches));
	buf_fini(&payload);
	return cost;
}

static void remove_ledger(const char *path)
{
	static const char *const endings[] = {"", "-wal", "-shm"};

	for (size_t i = 0; i < 3; i++) {
		char *name = xasprintf("%s%s", path, endings[i]);

		(void)unlink(name); /* may not be there */
		free(name);
	}
}

static void run_shape(const struct shape *shape, const char *folder)
{
	struct registry *registry = make_registry(shape->agents * shape->meters_per_batch);
	char *path = xasprintf("%s/bench-%d.db", folder, (int)getpid());
	struct keeper_options options = {
		.ledger_path = path, .dead_letters_max = 1000, .publish = publish};
	struct keeper_counters counters;
	struct keeper *keeper = NULL;
	struct err err = {""};
	struct cost cost;
	int64_t readings = (int64_t)(shape->agents * shape->batches * READINGS);
	int64_t measured = readings - (int64_t)(shape->agents * READINGS);
	int rc = keeper_open(&keeper, &options, registry, &err);

	if (rc < 0)
		fprintf(stderr, "%s\n", err.text);
	assert(rc == 0);
	cost = feed(keeper, shape, registry);
	keeper_get_counters(keeper, &counters);
	assert(counters.values_added == readings && counters.n_bad == 0);
	printf("%-44s %9.0f readings/s, %5.2f us CPU each, %5lld commits, fsync'd\n", shape->name,
	       (double)measured * 1e6 / (double)cost.wall_us,
	       (double)cost.cpu_us / (double)measured, (long long)counters.commits);
	keeper_close(keeper);
	registry_release(registry);
	remove_ledger(path);
	free(path);
}

/* ---- with a database ---- */

struct gate {
	_Atomic int64_t kept; /* sum over the agents */
	_Atomic int64_t kept_of[64];
};

static int note_ack(const char *topic, const void *payload, size_t len, void *arg)
{
	struct telemetry_topic parsed;
	struct telemetry_ack ack;
	struct gate *gate = arg;
	size_t agent;

	if (telemetry_parse_topic(topic, strlen(topic), &parsed, NULL) < 0 ||
	    telemetry_parse_ack(payload, len, &ack, NULL) < 0)
		return 0;
	agent = strtoul(parsed.agent + 1, NULL, 10);
	atomic_fetch_add(&gate->kept, ack.kept - atomic_exchange(&gate->kept_of[agent], ack.kept));
	return 0;
}

static int64_t accepted_lines(struct ingest *ingest)
{
	struct tsdb_state state;

	tsdb_get_state(ingest_tsdb(ingest, 0), &state);
	return state.lines;
}

/* Returns when the database had accepted every line. */
static int64_t deliver_all(struct ingest *ingest, struct gate *gate, const struct shape *shape,
			   const struct buf *payloads)
{
	char topic[TELEMETRY_TOPIC_MAX], name[32];
	size_t n = shape->agents * shape->batches;
	int64_t accepted_us;

	for (size_t i = 0; i < n; i++) {
		(void)snprintf(name, sizeof name, "a%zu", i % shape->agents);
		telemetry_topic(topic, "370102", name, TOPIC_DATA);
		while (!ingest_deliver(ingest, topic, payloads[i].data, payloads[i].len))
			clock_sleep_until(clock_mono_ms() + 2);
	}
	while (accepted_lines(ingest) < (int64_t)(n * READINGS))
		clock_sleep_until(clock_mono_ms() + 2);
	accepted_us = clock_mono_us();
	while (atomic_load(&gate->kept) < (int64_t)n)
		clock_sleep_until(clock_mono_ms() + 2);
	return accepted_us;
}

static void run_database(const struct shape *shape, const char *folder,
			 const struct server_tsdb_config *tsdb)
{
	size_t n = shape->agents * shape->batches;
	struct registry *registry = make_registry(shape->agents * shape->meters_per_batch);
	struct buf *payloads = xcalloc(n, sizeof *payloads);
	struct gate gate = {0};
	char *path = xasprintf("%s/bench-%d.db", folder, (int)getpid());
	struct ingest_options options = {.keeper = {.ledger_path = path,
						    .dead_letters_max = 1000,
						    .tsdb = tsdb,
						    .n_tsdb = 1,
						    .tsdb_memory_bytes = 64 << 20,
						    .publish = note_ack,
						    .publish_arg = &gate},
					 .mailbox_bytes = 8 << 20};
	struct ingest *ingest = NULL;
	struct tsdb_state state;
	struct err err = {""};
	int64_t started_us, started_cpu_us, took_us, took_cpu_us;
	int rc;

	for (size_t i = 0; i < n; i++)
		make_batch(&payloads[i], shape, registry, i % shape->agents, i / shape->agents);
	rc = ingest_start(&ingest, &options, registry, &err);
	if (rc < 0)
		fprintf(stderr, "%s\n", err.text);
	assert(rc == 0);
	started_us = clock_mono_us();
	started_cpu_us = bench_cpu_us();
	took_us = deliver_all(ingest, &gate, shape, payloads) - started_us;
	took_cpu_us = bench_cpu_us() - started_cpu_us;
	tsdb_get_state(ingest_tsdb(ingest, 0), &state);
	printf("%-44s %9.0f readings/s, own CPU %5.2f us each, %lld requests, %lld failures\n",
	       shape->name, (double)(n * READINGS) * 1e6 / (double)took_us,
	       (double)took_cpu_us / (double)(n * READINGS), (long long)state.requests,
	       (long long)state.failures);
	ingest_stop(ingest);
	ingest_destroy(ingest);
	registry_release(registry);
	remove_ledger(path);
	free(path);
	for (size_t i = 0; i < n; i++)
		buf_fini(&payloads[i]);
	free(payloads);
}

static int run_databases(const char *folder, const char *word, const char *kind, const char *url)
{
	static const struct shape shapes[] = {
		{"one meter's backlog a batch, 10 agents", 1, 10, 400, GROUP},
		{"100 meters a batch, 10 agents", 100, 10, 400, GROUP},
	};
	struct server_tsdb_config tsdb = {.name = "bench",
					  .url = url,
					  .database = "nenghao_bench",
					  .durable_after_ms = 1000,
					  .queue_max_size = INT64_C(1) << 30};

	while (tsdb_kind_names[tsdb.kind] && strcmp(tsdb_kind_names[tsdb.kind], kind) != 0)
		tsdb.kind++;
	if (!tsdb_kind_names[tsdb.kind]) {
		fprintf(stderr, "no kind of database '%s'\n", kind);
		return 2;
	}
	for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
		if (strstr(shapes[i].name, word))
			run_database(&shapes[i], folder, &tsdb);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct shape shapes[] = {
		{"one meter's backlog a batch, 1 agent", 1, 1, 10000, GROUP},
		{"one meter's backlog a batch, 100 agents", 1, 100, 100, GROUP},
		{"100 meters, 200 readings of each a commit", 100, 1, 5000, GROUP},
		{"1,000 meters, 20 readings of each a commit", 100, 10, 500, GROUP},
		{"1,000 meters, one reading of each a commit", 100, 10, 25, 1000},
		{"20,000 meters, one reading of each a commit", 100, 200, 25, GROUP},
		{"100,000 meters, one reading of each a commit", 100, 1000, 10, GROUP},
		{"1,000,000 meters, one reading of each a commit", 100, 10000, 4, GROUP},
	};

	if (argc == 5)
		return run_databases(argv[1], argv[2], argv[3], argv[4]);
	for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
		if (argc < 3 || strstr(shapes[i].name, argv[2]))
			run_shape(&shapes[i], argc > 1 ? argv[1] : ".");
	return 0;
}
