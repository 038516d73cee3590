/* SPDX-License-Identifier: Apache-2.0 */
/* How long a baseline takes: a year of daily use against hourly weather, every balance point of the
 * grid, and the savings of the year after. Prints milliseconds. */
#include <math.h>

#include "server/baseline/baseline.h"
#include "tests/bench/bench.h"

enum { YEAR = 365, DAYS = 2 * YEAR, ROUNDS = 100 };

static double noise(int64_t i)
{
	return (double)(i * 104729 % 101 - 50) / 10.0;
}

int main(void)
{
	static struct sample meter[DAYS], celsius[DAYS];
	struct temperature temperature;
	struct baseline_input input = {
		.spec = {.per_day = 1,
			 .has_cooling = true,
			 .max_p_value = 1,
			 .grid = {.min = 0, .step = 1, .n = 33},
			 .baseline = {0, YEAR * (int64_t)DAY_MS},
			 .reporting = {YEAR * (int64_t)DAY_MS, DAYS * (int64_t)DAY_MS}},
		.meter = meter,
		.n_meter = DAYS,
		.temperature = &temperature,
	};
	int64_t start_us;
	double ms;

	for (int i = 0; i < DAYS; i++) {
		double degrees = 13 + 16 * sin(2 * 3.14159265358979 * i / YEAR) + noise(i);

		celsius[i] = (struct sample){i * (int64_t)DAY_MS, degrees, false};
		meter[i] = (struct sample){i * (int64_t)DAY_MS,
					   900 + 20 * fmax(16 - degrees, 0) +
						   35 * fmax(degrees - 24, 0) +
						   10 * noise(i * INT64_C(7)),
					   false};
	}
	temperature_init(&temperature, celsius, DAYS, 1, 0);
	start_us = bench_cpu_us();
	for (int i = 0; i < ROUNDS; i++) {
		struct baseline_result result;

		baseline_compute(&input, &result);
		bench_demand(result.fit.status == FIT_SUCCESS, "fit");
		baseline_result_fini(&result);
	}
	ms = (double)(bench_cpu_us() - start_us) / ROUNDS / 1000;
	printf("%-32s %12.2f ms\n", "a year of days, 628 candidates", ms);
	temperature_fini(&temperature);
	return 0;
}
