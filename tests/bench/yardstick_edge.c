/* SPDX-License-Identifier: Apache-2.0 */
/* What polling, text and publishing cost at least, the usual way: libmodbus and the MQTT library,
 * nothing is stored, checked or repeated. A yardstick for nenghao-agent.
 *
 *   yardstick_edge BROKER_PORT SECONDS PERIOD_MS UNITS GATEWAY_PORT...
 *
 * A thread a gateway reads all its units every PERIOD_MS (0: without pause), three requests and 20
 * values each, and publishes them as one message. Prints what a published value cost. */
#include <MQTTAsync.h>
#include <modbus.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <string.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/mem.h"
#include "tests/bench/bench.h"

enum { VALUES = 20, REQUESTS = 3, WINDOW = 200, REGISTERS = 350 };

struct job {
	MQTTAsync mqtt;
	sem_t connected, window;
	int units;
	int64_t period_ms, start_ms, until_ms;
	atomic_llong published, delivered, errors;
};

struct gateway {
	struct job *job;
	int number, port;
	modbus_t *link;
	pthread_t thread;
};

static const struct {
	int address;
	const char *name;
} points[VALUES] = {
	{0, "voltage_l1_n_v"},
	{2, "voltage_l2_n_v"},
	{4, "voltage_l3_n_v"},
	{6, "current_l1_a"},
	{8, "current_l2_a"},
	{10, "current_l3_a"},
	{12, "active_power_l1_w"},
	{14, "active_power_l2_w"},
	{16, "active_power_l3_w"},
	{52, "active_power_w"},
	{56, "apparent_power_va"},
	{60, "reactive_power_var"},
	{62, "power_factor"},
	{70, "frequency_hz"},
	{72, "active_energy_import_kwh"},
	{74, "active_energy_export_kwh"},
	{342, "active_energy_total_kwh"},
	{344, "reactive_energy_total_kvarh"},
	{346, "active_energy_import_l1_kwh"},
	{348, "active_energy_import_l2_kwh"},
};
static const struct {
	int address, count;
} reads[REQUESTS] = {{0, 18}, {52, 24}, {342, 8}};

/* ---- MQTT ---- */

static void on_connected(void *arg, MQTTAsync_successData *data)
{
	struct job *job = arg;

	(void)data;
	(void)sem_post(&job->connected);
}

static void on_delivered(void *arg, MQTTAsync_successData *data)
{
	struct job *job = arg;

	(void)data;
	atomic_fetch_add(&job->delivered, 1);
	(void)sem_post(&job->window);
}

static void on_failure(void *arg, MQTTAsync_failureData *data)
{
	(void)arg;
	(void)data;
	bench_demand(0, "MQTT");
}

static void connect_broker(struct job *job, const char *port)
{
	char *url = xasprintf("tcp://127.0.0.1:%s", port);
	MQTTAsync_connectOptions options = MQTTAsync_connectOptions_initializer;

	options.cleansession = 1;
	options.maxInflight = WINDOW;
	options.onSuccess = on_connected;
	options.onFailure = on_failure;
	options.context = job;
	bench_demand(MQTTAsync_create(&job->mqtt, url, "yardstick-edge",
				      MQTTCLIENT_PERSISTENCE_NONE, NULL) == MQTTASYNC_SUCCESS &&
			     MQTTAsync_connect(job->mqtt, &options) == MQTTASYNC_SUCCESS,
		     "connecting to the broker");
	(void)sem_wait(&job->connected);
	free(url);
}

static void publish(struct job *job, int gateway, struct buf *text)
{
	MQTTAsync_responseOptions options = MQTTAsync_responseOptions_initializer;
	char topic[32];

	options.onSuccess = on_delivered;
	options.onFailure = on_failure;
	options.context = job;
	(void)snprintf(topic, sizeof topic, "yardstick/%d", gateway);
	(void)sem_wait(&job->window);
	atomic_fetch_add(&job->published, 1);
	bench_demand(MQTTAsync_send(job->mqtt, topic, (int)text->len, text->data, 1, 0, &options) ==
			     MQTTASYNC_SUCCESS,
		     "publishing");
	buf_clear(text);
}

/* ---- polling ---- */

static void add_meter(struct buf *text, int gateway, int unit, const uint16_t *registers)
{
	char line[1024];
	int len = snprintf(line, sizeof line, "reading,meter=g%d-u%d ", gateway, unit);

	for (size_t i = 0; i < VALUES; i++)
		len += snprintf(line + len, sizeof line - (size_t)len, "%s%s=%.7g", i ? "," : "",
				points[i].name,
				(double)modbus_get_float_abcd(registers + points[i].address));
	len += snprintf(line + len, sizeof line - (size_t)len, " %" PRId64 "\n", clock_utc_ms());
	buf_add(text, line, (size_t)len);
}

static int read_meter(modbus_t *link, int unit, uint16_t *registers)
{
	(void)modbus_set_slave(link, unit);
	for (size_t i = 0; i < REQUESTS; i++)
		if (modbus_read_input_registers(link, reads[i].address, reads[i].count,
						registers + reads[i].address) != reads[i].count)
			return -1;
	return 0;
}

static void poll_units(struct gateway *gateway, struct buf *text)
{
	uint16_t registers[REGISTERS];

	for (int unit = 1; unit <= gateway->job->units; unit++) {
		if (read_meter(gateway->link, unit, registers) == 0) {
			add_meter(text, gateway->number, unit, registers);
			continue;
		}
		(void)modbus_flush(gateway->link);
		atomic_fetch_add(&gateway->job->errors, 1);
	}
}

static void *poll_gateway(void *arg)
{
	struct gateway *gateway = arg;
	struct job *job = gateway->job;
	int64_t next_ms = job->start_ms;
	struct buf text = {0};

	while (clock_mono_ms() < job->until_ms) {
		clock_sleep_until(next_ms);
		next_ms += job->period_ms;
		poll_units(gateway, &text);
		if (text.len > 0)
			publish(job, gateway->number, &text);
	}
	buf_fini(&text);
	return NULL;
}

static void open_gateway(struct gateway *gateway, struct job *job, int number, int port)
{
	*gateway = (struct gateway){.job = job, .number = number, .port = port};
	gateway->link = modbus_new_tcp("127.0.0.1", port);
	bench_demand(gateway->link != NULL &&
			     modbus_set_response_timeout(gateway->link, 3, 0) == 0 &&
			     modbus_connect(gateway->link) == 0,
		     "connecting to a gateway");
}

static void run(struct job *job, struct gateway *gateways, int n)
{
	for (int i = 0; i < n; i++)
		bench_demand(
			pthread_create(&gateways[i].thread, NULL, poll_gateway, &gateways[i]) == 0,
			"starting a thread");
	for (int i = 0; i < n; i++)
		(void)pthread_join(gateways[i].thread, NULL);
	while (atomic_load(&job->delivered) < atomic_load(&job->published))
		clock_sleep_until(clock_mono_ms() + 2);
}

int main(int argc, char **argv)
{
	static struct job job;
	int n = argc - 5;
	struct gateway *gateways;
	int64_t cpu_us, started_us;
	double values;

	bench_demand(n > 0, "usage: yardstick_edge BROKER SECONDS PERIOD_MS UNITS GATEWAY...");
	gateways = xcalloc((size_t)n, sizeof *gateways);
	bench_demand(sem_init(&job.connected, 0, 0) == 0 && sem_init(&job.window, 0, WINDOW) == 0,
		     "semaphores");
	job.period_ms = bench_number(argv[3]);
	job.units = (int)bench_number(argv[4]);
	connect_broker(&job, argv[1]);
	for (int i = 0; i < n; i++)
		open_gateway(&gateways[i], &job, i, (int)bench_number(argv[5 + i]));
	job.start_ms = clock_mono_ms() + 20;
	job.until_ms = job.start_ms + bench_number(argv[2]) * 1000;
	cpu_us = bench_cpu_us();
	started_us = clock_mono_us();
	run(&job, gateways, n);
	values = (double)atomic_load(&job.delivered) * job.units * VALUES;
	printf("{\"cpu_us_per_value\": %.4f, \"values_per_second\": %.1f, \"rss_kb\": %" PRId64
	       ", \"errors\": %lld}\n",
	       (double)(bench_cpu_us() - cpu_us) / values,
	       values * 1e6 / (double)(clock_mono_us() - started_us), bench_rss_kb(),
	       atomic_load(&job.errors));
	for (int i = 0; i < n; i++) {
		modbus_close(gateways[i].link);
		modbus_free(gateways[i].link);
	}
	free(gateways);
	return 0;
}
