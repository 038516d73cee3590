/* SPDX-License-Identifier: Apache-2.0 */
/* What a line-protocol database takes by itself: prepared text, as fast as it is accepted. A
 * yardstick for the server writing into the same database.
 *
 *   yardstick_loader WRITE_URL METERS READINGS METERS_IN_TURN [CONNECTIONS]
 *
 * Each of METERS gets READINGS lines with tags and fields like the server's; METERS_IN_TURN 1
 * sends 100 readings of a meter together, 100 sends one of each of 100 meters together. */
#include <pthread.h>
#include <string.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/http_client.h"
#include "common/mem.h"
#include "tests/bench/bench.h"

enum { LINES_A_REQUEST = 5000, INTERVAL_MS = 60000, GROUP = 100, CONNECTIONS_MAX = 8 };
#define START_MS INT64_C(1760000000000)

struct load {
	const char *url;
	struct buf *requests;
	long n_requests, n_connections;
};

struct connection {
	const struct load *load;
	long first;
	pthread_t thread;
};

static void add_line(struct buf *out, long meter, long n)
{
	buf_printf(out,
		   "reading,region=370102,institution=370102-0001,meter=370102-0001-x%07ld,"
		   "carrier=electricity active_energy_import_kwh=%ld.%02ld,active_power_w=8120.5,"
		   "voltage_l1_n_v=229.8,voltage_l2_n_v=230.1,voltage_l3_n_v=230.4,"
		   "current_l1_a=12.31,current_l2_a=11.87,current_l3_a=12.02,power_factor=0.97,"
		   "frequency_hz=50.01,ratio=1 %" PRId64 "\n",
		   meter, 10000 + n / 7, n % 100, START_MS + n * INTERVAL_MS + n % 97);
}

/* Line i of all, in the order of sending: groups of 100, as batches of agents are. */
static void prepare(struct load *load, long meters, long readings, long turn)
{
	long lines = meters * readings, rounds = GROUP / turn;

	load->n_requests = (lines + LINES_A_REQUEST - 1) / LINES_A_REQUEST;
	load->requests = xcalloc((size_t)load->n_requests, sizeof *load->requests);
	for (long i = 0; i < lines; i++) {
		long batch = i / GROUP, agents = meters / turn;
		long meter = batch % agents * turn + i % GROUP / rounds;

		add_line(&load->requests[i / LINES_A_REQUEST], meter,
			 batch / agents * rounds + i % rounds);
	}
}

static void *send_all(void *arg)
{
	const struct connection *connection = arg;
	const struct load *load = connection->load;
	struct http_client_options options = {.timeout_ms = 60000};
	struct http_client *client = NULL;
	struct err err;

	bench_demand(http_client_create(&client, &options, &err) == 0, "an HTTP client");
	for (long i = connection->first; i < load->n_requests; i += load->n_connections) {
		struct http_request request = {.method = "POST",
					       .url = load->url,
					       .content_type = "text/plain; charset=utf-8",
					       .body = load->requests[i].data,
					       .len = load->requests[i].len};
		struct http_response response = {0};

		bench_demand(http_client_send(client, &request, &response, &err) == 0 &&
				     response.status == 204,
			     "the database accepts the lines");
		http_response_fini(&response);
	}
	http_client_destroy(client);
	return NULL;
}

int main(int argc, char **argv)
{
	struct load load = {.n_connections = 1};
	struct connection connections[CONNECTIONS_MAX];
	long lines, turn;
	int64_t started_us, cpu_us;

	bench_demand(argc == 5 || argc == 6, "usage: yardstick_loader URL METERS READINGS "
					     "METERS_IN_TURN [CONNECTIONS]");
	load.url = argv[1];
	lines = bench_number(argv[2]) * bench_number(argv[3]);
	turn = bench_number(argv[4]);
	if (argc == 6)
		load.n_connections = bench_number(argv[5]);
	bench_demand(load.n_connections <= CONNECTIONS_MAX && turn > 0 && GROUP % turn == 0,
		     "at most 8 connections, a divisor of 100 in turn");
	prepare(&load, bench_number(argv[2]), bench_number(argv[3]), turn);
	started_us = clock_mono_us();
	cpu_us = bench_cpu_us();
	for (long i = 0; i < load.n_connections; i++) {
		connections[i] = (struct connection){.load = &load, .first = i};
		bench_demand(pthread_create(&connections[i].thread, NULL, send_all,
					    &connections[i]) == 0,
			     "starting a thread");
	}
	for (long i = 0; i < load.n_connections; i++)
		(void)pthread_join(connections[i].thread, NULL);
	printf("{\"readings_per_second\": %.0f, \"cpu_us\": %.3f}\n",
	       (double)lines * 1e6 / (double)(clock_mono_us() - started_us),
	       (double)(bench_cpu_us() - cpu_us) / (double)lines);
	for (long i = 0; i < load.n_requests; i++)
		buf_fini(&load.requests[i]);
	free(load.requests);
	return 0;
}
