/* SPDX-License-Identifier: Apache-2.0 */
/* How fast the spool takes cycles of 1,000 meters with 20 values, each with fsync, and how fast it
 * gives them back.
 *
 *   bench_spool FILE CYCLES [fill]    fill: leaves the backlog in FILE
 *
 * Prints a line of JSON. */
#include <string.h>
#include <unistd.h>

#include "agent/deliver/spool.h"
#include "common/clock.h"
#include "common/mem.h"
#include "common/telemetry.h"
#include "tests/bench/bench.h"

enum { METERS = 1000, BATCHES = 8, INTERVAL_MS = 60000, MARK_EVERY = 64 };

static void add_reading(struct buf *out, int meter, int64_t n, int64_t time_ms)
{
	static const char gauges[] =
		",voltage_l1_n_v=229.8,voltage_l2_n_v=230.1,voltage_l3_n_v=230.4,"
		"current_l1_a=12.31,current_l2_a=11.87,current_l3_a=12.02,"
		"active_power_l1_w=2710.5,active_power_l2_w=2700,active_power_l3_w=2710,"
		"active_power_w=8120.5,apparent_power_va=8371.1,reactive_power_var=2033.4,"
		"power_factor=0.97,frequency_hz=50.01,active_energy_export_kwh=0.2,"
		"active_energy_total_kwh=12345.4,reactive_energy_total_kvarh=1021.3,"
		"active_energy_import_l1_kwh=4115.2,active_energy_import_l2_kwh=4114.9";
	char id[32], energy[32];
	int len =
		snprintf(energy, sizeof energy, "%" PRId64 ".%02d", 10000 + n / 7, (int)(n % 100));

	(void)snprintf(id, sizeof id, "370102-%04d-e%02d", meter / 100 + 1, meter % 100);
	telemetry_begin_reading(out, id);
	telemetry_add_number(out, "active_energy_import_kwh", energy, (size_t)len);
	buf_add(out, gauges, sizeof gauges - 1);
	telemetry_end_line(out, time_ms + meter);
}

/* The batches of one cycle, as the forwarder would join them. */
static void make_cycle(struct buf *bodies, struct spool_entry *entries, int64_t n, int64_t time_ms)
{
	for (int i = 0; i < BATCHES; i++) {
		buf_clear(&bodies[i]);
		for (int k = 0; k < METERS / BATCHES; k++)
			add_reading(&bodies[i], i * METERS / BATCHES + k, n, time_ms);
		entries[i] = (struct spool_entry){bodies[i].data, bodies[i].len, METERS / BATCHES,
						  time_ms + i};
	}
}

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static void append(struct spool *spool, long cycles, int64_t *took_us)
{
	int64_t now_ms = clock_utc_ms(), start_ms = now_ms - cycles * INTERVAL_MS;
	struct buf bodies[BATCHES] = {0};
	struct spool_entry entries[BATCHES];
	struct err err;

	for (long i = 0; i < cycles; i++) {
		int64_t started_us;

		make_cycle(bodies, entries, i, start_ms + i * INTERVAL_MS);
		started_us = clock_mono_us();
		bench_demand(spool_append(spool, entries, BATCHES, now_ms, &err) == 0, "appending");
		took_us[i] = clock_mono_us() - started_us;
	}
	for (int i = 0; i < BATCHES; i++)
		buf_fini(&bodies[i]);
	qsort(took_us, (size_t)cycles, sizeof *took_us, compare);
}

static void drain(struct spool *spool)
{
	const struct spool_state *state = spool_state(spool);
	struct spool_entry entry;
	struct buf body = {0};
	struct err err;

	for (int64_t id = state->done + 1; id <= state->last; id++) {
		buf_clear(&body);
		bench_demand(spool_read(spool, id, &body, &entry, &err) == 0, "reading");
		if (id % MARK_EVERY != 0 && id != state->last)
			continue;
		spool_mark(spool, id, entry.time_ms);
		bench_demand(spool_flush(spool, &err) == 0, "marking");
	}
	buf_fini(&body);
}

int main(int argc, char **argv)
{
	struct spool_limits limits = {INT64_C(8) << 30, INT64_C(60) * 86400000,
				      INT64_C(7) * 86400000};
	struct spool *spool = NULL;
	long cycles = argc >= 3 ? bench_number(argv[2]) : 0;
	long middle = cycles / 2, late = cycles * 99 / 100;
	int64_t *took_us = xcalloc((size_t)cycles + 1, sizeof *took_us), started_us;
	struct err err;

	bench_demand(cycles > 0, "usage: bench_spool FILE CYCLES [fill]");
	bench_demand(spool_open(&spool, argv[1], &limits, clock_utc_ms(), &err) == 0, "opening");
	append(spool, cycles, took_us);
	printf("{\"append_ms\": %.3f, \"append_p99_ms\": %.3f", (double)took_us[middle] / 1e3,
	       (double)took_us[late] / 1e3);
	started_us = clock_mono_us();
	if (argc == 3) {
		drain(spool);
		printf(", \"drain_readings_per_second\": %.0f",
		       (double)cycles * METERS * 1e6 / (double)(clock_mono_us() - started_us));
	}
	printf(", \"bytes_per_reading\": %.1f}\n",
	       (double)spool_state(spool)->bytes / (double)(cycles * METERS));
	spool_close(spool);
	free(took_us);
	return 0;
}
