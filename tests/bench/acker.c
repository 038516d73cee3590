/* SPDX-License-Identifier: Apache-2.0 */
/* The least that can take batches: acknowledges each at once as seen and kept, stores nothing. So
 * an agent can be measured without a server's load beside it.
 *
 *   acker BROKER_PORT
 *
 * Prints "ready", then for each line on standard input a line of JSON with its totals; ends with
 * it. */
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/mqtt.h"
#include "common/telemetry.h"
#include "tests/bench/bench.h"

enum { AGENTS_MAX = 16 };

/* The library's thread alone uses it, but for the totals. */
struct acker {
	struct mqtt *mqtt;
	atomic_bool is_connected;
	struct telemetry_ack acks[AGENTS_MAX];
	char agents[AGENTS_MAX][TELEMETRY_ID_MAX + 1];
	size_t n_agents;
	atomic_llong batches, repeats, readings, values, faults, bytes, first_us, last_us;
};

static void on_connected(void *arg)
{
	struct acker *acker = arg;

	atomic_store(&acker->is_connected, true);
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

static struct telemetry_ack *find_ack(struct acker *acker, const char *agent)
{
	for (size_t i = 0; i < acker->n_agents; i++)
		if (strcmp(acker->agents[i], agent) == 0)
			return &acker->acks[i];
	bench_demand(acker->n_agents < AGENTS_MAX, "few agents");
	memcpy(acker->agents[acker->n_agents], agent, strlen(agent) + 1);
	return &acker->acks[acker->n_agents++];
}

static void send_ack(struct acker *acker, const struct telemetry_topic *to,
		     const struct telemetry_ack *ack)
{
	char topic[TELEMETRY_TOPIC_MAX];
	struct buf text = {0};
	struct err err;

	telemetry_topic(topic, to->region, to->agent, TOPIC_ACK);
	telemetry_write_ack(&text, ack);
	/* If it does not go out, the next one says the same. */
	(void)mqtt_publish(acker->mqtt, topic, text.data, text.len, false, NULL, &err);
	buf_fini(&text);
}

static void count_lines(struct acker *acker, struct telemetry_reader *reader)
{
	static struct telemetry_line line; /* large */
	struct err err;

	while (telemetry_next(reader, &line, &err) == 1) {
		if (line.kind == TELEMETRY_READING) {
			atomic_fetch_add(&acker->readings, 1);
			atomic_fetch_add(&acker->values, (long long)line.n_fields);
		} else if (line.kind == TELEMETRY_FAULT) {
			atomic_fetch_add(&acker->faults, 1);
		}
	}
}

static void take_batch(struct acker *acker, const struct telemetry_topic *from, const void *payload,
		       size_t len)
{
	struct telemetry_ack *ack = find_ack(acker, from->agent);
	struct telemetry_reader reader;
	struct telemetry_header header;
	struct err err;

	if (telemetry_open(&reader, payload, len, &header, &err) < 0)
		bench_demand(0, err.text);
	if (header.epoch != ack->epoch)
		*ack = (struct telemetry_ack){.epoch = header.epoch, .seen = header.oldest - 1};
	if (header.seq == ack->seen + 1) {
		if (atomic_fetch_add(&acker->batches, 1) == 0)
			atomic_store(&acker->first_us, clock_mono_us());
		atomic_store(&acker->last_us, clock_mono_us());
		atomic_fetch_add(&acker->bytes, (long long)len);
		count_lines(acker, &reader);
		ack->seen = ack->kept = header.seq;
		ack->until_ms = header.time_ms;
	} else {
		atomic_fetch_add(&acker->repeats, 1);
	}
	send_ack(acker, from, ack);
}

static void on_message(const char *topic, const void *payload, size_t len, bool is_retained,
		       void *arg)
{
	struct acker *acker = arg;
	struct telemetry_topic from;
	struct err err;

	if (telemetry_parse_topic(topic, strlen(topic), &from, &err) < 0)
		return;
	if (from.leaf == TOPIC_DATA)
		take_batch(acker, &from, payload, len);
	else if (from.leaf == TOPIC_STATUS && !is_retained)
		send_ack(acker, &from, find_ack(acker, from.agent));
}

static void report(struct acker *acker)
{
	printf("{\"batches\": %lld, \"repeats\": %lld, \"readings\": %lld, \"values\": %lld, "
	       "\"faults\": %lld, \"bytes\": %lld, \"first_us\": %lld, \"last_us\": %lld, "
	       "\"cpu_us\": %" PRId64 "}\n",
	       atomic_load(&acker->batches), atomic_load(&acker->repeats),
	       atomic_load(&acker->readings), atomic_load(&acker->values),
	       atomic_load(&acker->faults), atomic_load(&acker->bytes),
	       atomic_load(&acker->first_us), atomic_load(&acker->last_us), bench_cpu_us());
	(void)fflush(stdout);
}

int main(int argc, char **argv)
{
	static struct acker acker;
	struct mqtt_config config = {.keep_alive_ms = 30000, .version = MQTT_VERSION_AUTO};
	struct mqtt_events events = {on_connected, on_lost, on_message, on_delivered, NULL, &acker};
	char *url = argc == 2 ? xasprintf("tcp://127.0.0.1:%s", argv[1]) : NULL;
	char line[64];
	struct err err;

	log_set_level(LOG_WARN);
	bench_demand(argc == 2, "usage: acker BROKER_PORT");
	config.url = url;
	bench_demand(mqtt_start(&acker.mqtt, &config, "acker", NULL, &events, &err) == 0 &&
			     mqtt_subscribe(acker.mqtt, "nenghao/1/+/+/data", &err) == 0 &&
			     mqtt_subscribe(acker.mqtt, "nenghao/1/+/+/status", &err) == 0,
		     "MQTT");
	bench_await(&acker.is_connected, "the broker answers");
	printf("ready\n");
	(void)fflush(stdout);
	while (fgets(line, sizeof line, stdin) != NULL)
		report(&acker);
	mqtt_stop(acker.mqtt);
	free(url);
	return 0;
}
