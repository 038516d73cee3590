/* SPDX-License-Identifier: Apache-2.0 */
/* bench.h - what the measuring programs share: their own CPU time and memory, and giving up. */
#ifndef TESTS_BENCH_BENCH_H
#define TESTS_BENCH_BENCH_H

#include <inttypes.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/clock.h"

/* Microseconds of CPU that this process has used, all threads. */
static inline int64_t bench_cpu_us(void)
{
	struct rusage usage;

	(void)getrusage(RUSAGE_SELF, &usage); /* cannot fail with these arguments */
	return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * INT64_C(1000000) +
	       usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
}

/* The memory this process has now, in KiB. */
static inline int64_t bench_rss_kb(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	long long pages = 0;

	if (file == NULL)
		return 0;
	if (fscanf(file, "%*d %lld", &pages) != 1) /* NOLINT(cert-err34-c): the kernel wrote it */
		pages = 0;
	(void)fclose(file);
	return pages * sysconf(_SC_PAGESIZE) / 1024;
}

/* A measuring program cannot go on after any failure. */
static inline void bench_demand(int is_fine, const char *what)
{
	if (is_fine)
		return;
	(void)fprintf(stderr, "failed: %s\n", what);
	exit(1); /* NOLINT(concurrency-mt-unsafe): other threads have nothing to lose */
}

/* Waits for another thread to set it, half a minute at most. */
static inline void bench_await(const atomic_bool *is_so, const char *what)
{
	int64_t until_ms = clock_mono_ms() + 30000;

	while (!atomic_load(is_so)) {
		bench_demand(clock_mono_ms() < until_ms, what);
		clock_sleep_until(clock_mono_ms() + 5);
	}
}

/* A number of the command line. */
static inline long bench_number(const char *text)
{
	char *end;
	long n = strtol(text, &end, 10);

	bench_demand(end != text && *end == '\0' && n >= 0, text);
	return n;
}

#endif
