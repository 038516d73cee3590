/* SPDX-License-Identifier: Apache-2.0 */
/* Many agents with a backlog, in one process: publishes batches of 100 readings of 10 quantities
 * as fast as the acknowledgements allow.
 *
 *   flood BROKER_PORT AGENTS BATCHES METERS_PER_BATCH [METERS_PER_INSTITUTION]
 *
 * Agent a0, a1 ... has METERS_PER_BATCH meters of 60 s; meter number i of all is named as
 * number i % 100 of institution i / 100 + 1 of region 370102, if institutions have 100 meters.
 * Prints how long it took until every batch was kept. */
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include "common/clock.h"
#include "common/mem.h"
#include "common/mqtt.h"
#include "common/telemetry.h"
#include "tests/bench/bench.h"

enum {
	READINGS = 100,
	LIMIT_MS = 300000,
	WINDOW = 16, /* a hundred agents then have less under way than the mailbox holds */
	PATIENCE_MS = 2000,
	INTERVAL_MS = 60000,
	AGENTS_MAX = 10000
};

struct agent {
	int64_t sent;               /* the main thread's own */
	_Atomic int64_t seen, kept; /* by MQTT's thread */
	_Atomic int64_t heard_ms;
};

struct flood {
	struct mqtt *mqtt;
	atomic_bool is_connected;
	int64_t epoch, start_ms;
	long n_agents, n_batches, meters, institution;
	struct agent agents[AGENTS_MAX];
	int64_t resends;
};

static void on_connected(void *arg)
{
	atomic_store(&((struct flood *)arg)->is_connected, true);
}

static void on_lost(void *arg)
{
	(void)arg;
}

static void on_delivered(int64_t token, void *arg)
{
	(void)token;
	(void)arg;
}

static void on_message(const char *topic, const void *payload, size_t len, bool is_retained,
		       void *arg)
{
	struct flood *flood = arg;
	struct telemetry_topic from;
	struct telemetry_ack ack;
	struct err err;
	unsigned long number;

	(void)is_retained;
	if (telemetry_parse_topic(topic, strlen(topic), &from, &err) < 0 ||
	    telemetry_parse_ack(payload, len, &ack, &err) < 0 || ack.epoch != flood->epoch)
		return;
	number = strtoul(from.agent + 1, NULL, 10);
	if (number >= (unsigned long)flood->n_agents)
		return;
	atomic_store(&flood->agents[number].seen, ack.seen);
	atomic_store(&flood->agents[number].kept, ack.kept);
	atomic_store(&flood->agents[number].heard_ms, clock_mono_ms());
}

/* ---- batches ---- */

static void add_reading(struct buf *out, long institution, long meter, int64_t n, int64_t time_ms)
{
	static const char gauges[] =
		",active_power_w=8120.5,voltage_l1_n_v=229.8,voltage_l2_n_v=230.1,"
		"voltage_l3_n_v=230.4,current_l1_a=12.31,current_l2_a=11.87,current_l3_a=12.02,"
		"power_factor=0.97,frequency_hz=50.01";
	char id[64], energy[32];
	int len;

	(void)snprintf(id, sizeof id, "370102-%04ld-e%02ld", meter / institution + 1,
		       meter % institution);
	len = snprintf(energy, sizeof energy, "%" PRId64 ".%02" PRId64, 10000 + n / 7, n % 100);
	telemetry_begin_reading(out, id);
	telemetry_add_number(out, "active_energy_import_kwh", energy, (size_t)len);
	buf_add(out, gauges, sizeof gauges - 1);
	telemetry_end_line(out, time_ms);
}

static void make_batch(const struct flood *flood, long agent, int64_t seq, struct buf *out)
{
	struct telemetry_header header = {.epoch = flood->epoch,
					  .seq = seq,
					  .oldest = 1,
					  .lines = READINGS,
					  .time_ms = flood->start_ms};
	long rounds = READINGS / flood->meters;

	(void)snprintf(header.agent, sizeof header.agent, "a%ld", agent);
	buf_clear(out);
	telemetry_write_header(out, &header);
	for (long i = 0; i < READINGS; i++) {
		int64_t n = (seq - 1) * rounds + i % rounds;

		add_reading(out, flood->institution, agent * flood->meters + i / rounds, n,
			    flood->start_ms + n * INTERVAL_MS);
	}
}

/* True if something was sent. */
static bool serve_agent(struct flood *flood, long number, struct buf *payload)
{
	struct agent *agent = &flood->agents[number];
	int64_t seen = atomic_load(&agent->seen);
	char topic[TELEMETRY_TOPIC_MAX], name[TELEMETRY_ID_MAX];
	struct err err;

	if (agent->sent > seen && clock_mono_ms() - atomic_load(&agent->heard_ms) > PATIENCE_MS) {
		agent->sent = seen;
		atomic_store(&agent->heard_ms, clock_mono_ms());
		flood->resends++;
	}
	if (agent->sent >= seen + WINDOW || agent->sent >= flood->n_batches)
		return false;
	(void)snprintf(name, sizeof name, "a%ld", number);
	telemetry_topic(topic, "370102", name, TOPIC_DATA);
	make_batch(flood, number, agent->sent + 1, payload);
	if (mqtt_publish(flood->mqtt, topic, payload->data, payload->len, false, NULL, &err) < 0)
		return false;
	agent->sent++;
	return true;
}

static bool is_kept(struct flood *flood)
{
	for (long i = 0; i < flood->n_agents; i++)
		if (atomic_load(&flood->agents[i].kept) < flood->n_batches)
			return false;
	return true;
}

static void run(struct flood *flood)
{
	int64_t until_ms = clock_mono_ms() + LIMIT_MS;
	struct buf payload = {0};

	for (long i = 0; i < flood->n_agents; i++)
		atomic_store(&flood->agents[i].heard_ms, clock_mono_ms());
	while (!is_kept(flood)) {
		bool has_sent = false;

		bench_demand(clock_mono_ms() < until_ms, "all batches are kept in time");
		for (long i = 0; i < flood->n_agents; i++)
			has_sent |= serve_agent(flood, i, &payload);
		if (!has_sent)
			clock_sleep_until(clock_mono_ms() + 1);
	}
	buf_fini(&payload);
}

int main(int argc, char **argv)
{
	static struct flood flood;
	struct mqtt_config config = {.keep_alive_ms = 30000, .version = MQTT_VERSION_AUTO};
	struct mqtt_events events = {on_connected, on_lost, on_message, on_delivered, NULL, &flood};
	char *url = argc > 4 ? xasprintf("tcp://127.0.0.1:%s", argv[1]) : NULL;
	int64_t started_us, n;
	struct err err;

	bench_demand(argc == 5 || argc == 6, "usage: flood BROKER_PORT AGENTS BATCHES "
					     "METERS_PER_BATCH [METERS_PER_INSTITUTION]");
	flood.n_agents = bench_number(argv[2]);
	flood.n_batches = bench_number(argv[3]);
	flood.meters = bench_number(argv[4]);
	flood.institution = argc == 6 ? bench_number(argv[5]) : READINGS;
	bench_demand(flood.n_agents <= AGENTS_MAX && flood.meters > 0 && flood.meters <= READINGS &&
			     flood.institution > 0,
		     "at most 10000 agents with at most 100 meters");
	flood.epoch = clock_utc_ms();
	n = flood.n_batches * READINGS / flood.meters; /* readings of a meter */
	flood.start_ms = (flood.epoch / INTERVAL_MS - n) * INTERVAL_MS;
	config.url = url;
	bench_demand(mqtt_start(&flood.mqtt, &config, "flood", NULL, &events, &err) == 0 &&
			     mqtt_subscribe(flood.mqtt, "nenghao/1/+/+/ack", &err) == 0,
		     "MQTT");
	bench_await(&flood.is_connected, "the broker answers");
	started_us = clock_mono_us();
	run(&flood);
	printf("{\"readings\": %ld, \"seconds\": %.4f, \"resends\": %" PRId64 "}\n",
	       flood.n_agents * flood.n_batches * READINGS,
	       (double)(clock_mono_us() - started_us) / 1e6, flood.resends);
	mqtt_stop(flood.mqtt);
	free(url);
	return 0;
}
