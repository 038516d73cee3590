/* SPDX-License-Identifier: Apache-2.0 */
/* How a ledger grows: days of readings of many meters as they come, rolled up, and reduced.
 * Arguments: a folder (its ledger.db and registry are made if need be), meters, first day, days,
 * seconds between readings, and "reduce" or "whole". Prints CPU us a reading of each step. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "common/mem.h"
#include "server/rollup/derive.h"
#include "tests/bench/bench.h"

enum { ZONE_MS = 8 * HOUR_MS, METERS_EACH = 4, START_DAY = 20089 /* 2025-01-01 */ };

static const char head[] =
	"id: 370102-%05d\nname: 机构\ntype: government\nregion: \"370102\"\n"
	"headcount: [{from: 2020-01-01, persons: 300}]\n"
	"buildings: [{id: main, name: 楼, area: [{from: 2012-06-01, m2: 9000}]}]\nmeters:\n";
static const char meter[] =
	"  - {id: 370102-%05d-e%d, building: main, carrier: electricity, item: \"%s\", role: %s,\n"
	"     quantity: active_energy_import_kwh, interval: %lds,\n"
	"     lives: [{serial: a, from: 2023-01-01, ratio: 1}]}\n";

struct growth {
	const char *folder;
	long meters, first, days, interval_s;
	struct ledger *ledger;
	struct derive *derive;
	struct registry *registry;
	struct reading *readings; /* of an hour */
	int64_t *values;          /* what each register shows */
	uint32_t random;
	struct err err;
};

static void demand(const struct growth *g, int rc)
{
	bench_demand(rc >= 0, g->err.text);
}

static uint32_t random_below(struct growth *g, uint32_t n)
{
	g->random = g->random * 1664525 + 1013904223;
	return (uint32_t)((uint64_t)g->random * n >> 32);
}

static void write_registry(const struct growth *g, const char *dir)
{
	for (int i = 0; i < g->meters / METERS_EACH; i++) {
		char *path = xasprintf("%s/institutions/370102-%05d.yaml", dir, i);
		FILE *file = fopen(path, "we");

		bench_demand(file != NULL, path);
		/* NOLINTBEGIN(clang-diagnostic-format-nonliteral): constants above */
		(void)fprintf(file, head, i);
		for (int m = 0; m < METERS_EACH; m++)
			(void)fprintf(file, meter, i, m, m == 0 ? "01000" : "01A00",
				      m == 0 ? "main" : "sub", g->interval_s);
		/* NOLINTEND(clang-diagnostic-format-nonliteral) */
		bench_demand(fclose(file) == 0, path);
		free(path);
	}
}

static void open_all(struct growth *g)
{
	struct conf_errors errors = {0};
	char *dir = xasprintf("%s/registry", g->folder),
	     *path = xasprintf("%s/ledger.db", g->folder);
	char *institutions = xasprintf("%s/institutions", dir);
	int rc;

	(void)mkdir(dir, 0700); /* writing tells whether they are there */
	(void)mkdir(institutions, 0700);
	write_registry(g, dir);
	rc = registry_load(&g->registry, dir, NULL, ZONE_MS, &errors);
	bench_demand(rc == 0, errors.text.data);
	conf_errors_fini(&errors);
	demand(g, ledger_open(&g->ledger, path, &g->err));
	/* What is measured is size: nobody misses it after a power cut. */
	demand(g, db_execute(ledger_db(g->ledger), "PRAGMA synchronous=OFF", &g->err));
	demand(g, derive_open(&g->derive, g->ledger, &g->err));
	demand(g, derive_set_registry(g->derive, g->registry, &g->err));
	free(dir);
	free(path);
	free(institutions);
}

/* On the wall clock, at the meter's place in the sweep of its bus; now and then a retry later, or
 * not at all. The register counts hundredths of a kWh. */
static size_t make_hour(struct growth *g, long m, int64_t start_ms)
{
	int64_t place = 50 + m % 32 * 150;
	size_t n = 0;

	for (int64_t t = 0; t < HOUR_MS; t += g->interval_s * 1000) {
		int64_t at = start_ms + t + place + random_below(g, 40);

		g->values[m] += random_below(g, (uint32_t)(g->interval_s * 2)) * INT64_C(10000) /
				10 / 10000 * 10000;
		if (random_below(g, 100) == 0)
			at += 1000;
		if (random_below(g, 300) != 0)
			g->readings[n++] = (struct reading){at, g->values[m]};
	}
	return n;
}

static int64_t feed_hour(struct growth *g, int64_t start_ms)
{
	int64_t n_all = 0;

	demand(g, ledger_begin(g->ledger, &g->err));
	for (long m = 0; m < g->meters; m++) {
		const struct registry_meter *of = &g->registry->meters[m];
		size_t n = make_hour(g, m, start_ms);
		int64_t id;

		demand(g, ledger_register_id(g->ledger, of->device, strlen(of->device),
					     of->quantity, strlen(of->quantity), &id, &g->err));
		demand(g, ledger_merge(g->ledger, id, g->readings, n, NULL, NULL, &g->err));
		n_all += (int64_t)n;
	}
	demand(g, ledger_commit(g->ledger, &g->err));
	return n_all;
}

static void roll_up(struct growth *g)
{
	bool more = true;

	while (more)
		demand(g, derive_run(g->derive, 1000, &more, &g->err));
}

static int64_t feed_all(struct growth *g)
{
	int64_t n = 0;

	for (long day = g->first; day < g->first + g->days; day++) {
		for (int h = 0; h < 24; h++)
			n += feed_hour(g,
				       (START_DAY + day) * (int64_t)DAY_MS + h * (int64_t)HOUR_MS);
		roll_up(g);
	}
	return n;
}

static void reduce_all(struct growth *g)
{
	int64_t end = (START_DAY + g->first + g->days) * (int64_t)DAY_MS;
	struct derive_reduced sum = {0};
	bool more = true;

	while (more)
		demand(g, derive_reduce(g->derive, end, &sum, &more, &g->err));
	(void)printf("reduced %zu of %zu days, %zu stay whole, %zu readings go\n", sum.reduced,
		     sum.days, sum.whole, sum.readings);
}

/* Later days go on from what the registers show. */
static void find_values(struct growth *g)
{
	for (long m = 0; m < g->meters; m++) {
		const struct registry_meter *of = &g->registry->meters[m];
		struct reading newest = {0, 1000 * (int64_t)MICRO * (m + 1)};
		int64_t id;

		demand(g, ledger_begin(g->ledger, &g->err));
		demand(g, ledger_register_id(g->ledger, of->device, strlen(of->device),
					     of->quantity, strlen(of->quantity), &id, &g->err));
		demand(g, ledger_commit(g->ledger, &g->err));
		(void)ledger_newest(g->ledger, id, &newest, NULL); /* none at first */
		g->values[m] = newest.value;
	}
}

int main(int argc, char **argv)
{
	struct growth g = {.random = 1};
	int64_t n, cpu;

	bench_demand(argc == 7, "arguments: FOLDER METERS FIRST DAYS SECONDS reduce|whole");
	g.folder = argv[1];
	g.meters = bench_number(argv[2]) / METERS_EACH * METERS_EACH;
	g.first = bench_number(argv[3]);
	g.days = bench_number(argv[4]);
	g.interval_s = bench_number(argv[5]);
	bench_demand(g.meters > 0 && g.interval_s > 0, "meters and seconds");
	g.values = xcalloc((size_t)g.meters, sizeof *g.values);
	g.readings = xcalloc(3600, sizeof *g.readings);
	open_all(&g);
	find_values(&g);
	cpu = bench_cpu_us();
	n = feed_all(&g);
	(void)printf("%lld readings, %.3f us CPU each\n", (long long)n,
		     (double)(bench_cpu_us() - cpu) / (double)(n > 0 ? n : 1));
	cpu = bench_cpu_us();
	if (strcmp(argv[6], "reduce") == 0)
		reduce_all(&g);
	(void)printf("reduction %.3f us CPU a reading\n",
		     (double)(bench_cpu_us() - cpu) / (double)(n > 0 ? n : 1));
	derive_close(g.derive);
	ledger_close(g.ledger);
	registry_release(g.registry);
	free(g.values);
	free(g.readings);
	return 0;
}
