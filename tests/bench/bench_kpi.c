/* SPDX-License-Identifier: Apache-2.0 */
/* How long indicators take once the roll-ups are there: a month of a province, and the institution
 * that changed. Prints milliseconds. Arguments: a folder, how many institutions, and the folder
 * of factors. */
#include <string.h>
#include <sys/stat.h>

#include "common/mem.h"
#include "server/figures/figures_goal.h"
#include "server/rollup/derive.h"
#include "server/rollup/load.h"
#include "tests/bench/bench.h"

enum { MONTHS = 2, CHANGED = 200, ZONE_MS = 8 * HOUR_MS };

static const char institution_yaml[] =
	"id: %s\nname: 机构\ntype: %s\nregion: \"37%02d%02d\"\n"
	"headcount: [{from: 2020-01-01, persons: 300}]\n"
	"buildings: [{id: main, name: 楼, area: [{from: 2012-06-01, m2: 9000}]}]\n"
	"meters:\n"
	"  - {id: %s-e01, building: main, carrier: electricity, item: \"01000\", role: main,\n"
	"     quantity: active_energy_import_kwh, interval: 15m,\n"
	"     lives: [{serial: a, from: 2023-01-01, ratio: 1}]}\n"
	"  - {id: %s-w01, building: main, carrier: water, role: main,\n"
	"     quantity: volume_total_m3, interval: 15m,\n"
	"     lives: [{serial: b, from: 2023-01-01, ratio: 1}]}\n";

struct province {
	const char *folder, *factors_folder;
	int n;
	struct ledger *ledger;
	struct derive *derive;
	struct derived *derived;
	struct registry *registry;
	struct factors *factors;
	struct err err;
};

static void demand(const struct province *p, int rc)
{
	bench_demand(rc >= 0, p->err.text);
}

static void write_registry(const struct province *p, const char *dir)
{
	static const char *const types[] = {"government", "education", "health"};

	for (int i = 0; i < p->n; i++) {
		char *id = xasprintf("37%02d%02d-%05d", 1 + i % 10, 2 + i / 10 % 10, i);
		char *path = xasprintf("%s/institutions/%s.yaml", dir, id);
		FILE *file = fopen(path, "we");

		bench_demand(file != NULL, path);
		/* NOLINTNEXTLINE(clang-diagnostic-format-nonliteral): a constant above */
		(void)fprintf(file, institution_yaml, id, types[i % 3], 1 + i % 10, 2 + i / 10 % 10,
			      id, id);
		bench_demand(fclose(file) == 0, path);
		free(path);
		free(id);
	}
}

static struct amount amount_of(int64_t value, int64_t ms)
{
	return (struct amount){.is_known = true, .value = value, .covered_ms = ms, .closed_ms = ms};
}

static void put_load(struct province *p, int64_t id, const char *series, civil_day day)
{
	struct load_day load = {.day = day, .has_peak = true, .peak = 90 * (int64_t)MICRO};

	struct amount hours[DERIVED_HOURS];

	for (int h = 0; h < DERIVED_HOURS; h++)
		hours[h] = amount_of((10 + h % 12) * (int64_t)MICRO, HOUR_MS);
	load_take_hours(&load, hours);
	demand(p, load_put(p->derived, id, series, &load, &p->err));
}

static void put_month(struct province *p, enum derived_table table, struct derived_key *key,
		      int64_t value)
{
	civil_day next = civil_next_month(key->day);
	int64_t days = next - key->day;
	struct derived_row row = {.sum = amount_of(value, days * DAY_MS), .days = days};
	struct derived_effect effect;

	demand(p, derived_put(p->derived, table, key, &row, &effect, &p->err));
}

/* What the roll-ups of a month leave behind. */
static void put_institution(struct province *p, uint32_t institution, civil_day month)
{
	const struct registry_institution *of = &p->registry->institutions[institution];
	static const char *const series[] = {"electricity", "water"};
	struct derived_name name;

	demand(p, derived_find(p->derived, DERIVED_INSTITUTION, of->id, &name, &p->err));
	for (int carrier = 0; carrier < 2; carrier++) {
		struct derived_key key = {.id = name.id,
					  .day = month,
					  .carrier = (enum carrier)carrier,
					  .item = "total"};
		struct derived_key meter = {.day = month};
		struct derived_name meter_name;

		put_month(p, DERIVED_INSTITUTION_MONTH, &key, 12000 * (int64_t)MICRO + institution);
		demand(p, derived_find(p->derived, DERIVED_METER,
				       p->registry->meters[of->first_meter + (uint32_t)carrier].id,
				       &meter_name, &p->err));
		meter.id = meter_name.id;
		put_month(p, DERIVED_METER_MONTH, &meter, 12000 * (int64_t)MICRO + institution);
		for (civil_day day = month; day < civil_next_month(month); day++)
			put_load(p, name.id, series[carrier], day);
	}
}

static void fill(struct province *p)
{
	static const struct civil_date months[MONTHS] = {{2024, 10, 1}, {2025, 10, 1}};

	for (int m = 0; m < MONTHS; m++) {
		demand(p, ledger_begin(p->ledger, &p->err));
		for (uint32_t i = 0; i < p->registry->n_institutions; i++)
			put_institution(p, i, civil_day_of(months[m]));
		demand(p, ledger_commit(p->ledger, &p->err));
	}
}

static void open_province(struct province *p)
{
	struct conf_errors errors = {0};
	char *dir = xasprintf("%s/registry", p->folder), *path = xasprintf("%s/kpi.db", p->folder);
	char *institutions = xasprintf("%s/institutions", dir);

	(void)mkdir(dir, 0700); /* writing tells whether they are there */
	(void)mkdir(institutions, 0700);
	write_registry(p, dir);
	bench_demand(registry_load(&p->registry, dir, NULL, ZONE_MS, &errors) == 0,
		     "the registry loads");
	bench_demand(factors_load(&p->factors, p->factors_folder, &errors) == 0, "factors load");
	conf_errors_fini(&errors);
	demand(p, ledger_open(&p->ledger, path, &p->err));
	demand(p, derive_open(&p->derive, p->ledger, &p->err));
	demand(p, derive_set_registry(p->derive, p->registry, &p->err));
	demand(p, derived_open(&p->derived, p->ledger, &p->err));
	free(institutions);
	free(path);
	free(dir);
}

static void close_province(struct province *p)
{
	derived_close(p->derived);
	derive_close(p->derive);
	ledger_close(p->ledger);
	registry_release(p->registry);
	factors_release(p->factors);
}

static int count_row(const struct figures_row *row, void *arg)
{
	*(uint32_t *)arg += row->institutions;
	return 0;
}

static void print_ms(const char *what, double ms)
{
	printf("%-44s %10.2f ms\n", what, ms);
}

static void measure(struct province *p, const struct figures *figures,
		    struct figures_question *question)
{
	struct kpi_value kpis[N_KPIS];
	uint32_t seen = 0;
	int64_t start_us = bench_cpu_us();

	demand(p, figures_kpis(figures, question, count_row, &seen, &p->err));
	print_ms("a month of all, with the year before",
		 (double)(bench_cpu_us() - start_us) / 1000);
	bench_demand(seen == (uint32_t)p->n, "everybody is in it");
	start_us = bench_cpu_us();
	demand(p, figures_kpis(figures, question, count_row, &seen, &p->err));
	print_ms("the same again", (double)(bench_cpu_us() - start_us) / 1000);
	start_us = bench_cpu_us();
	for (uint32_t i = 0; i < CHANGED; i++)
		demand(p, figures_institution_kpis(figures, i, &question->period, kpis, &p->err));
	bench_demand(kpis[KPI_PEAK_DEMAND].has_value && kpis[KPI_TOTAL_ENERGY].has_value,
		     "indicators have values");
	print_ms("one institution's month", (double)(bench_cpu_us() - start_us) / CHANGED / 1000);
}

int main(int argc, char **argv)
{
	struct province p = {.folder = argc > 1 ? argv[1] : ".",
			     .n = argc > 2 ? atoi(argv[2]) : 25000, /* NOLINT(cert-err34-c) */
			     .factors_folder = argc > 3 ? argv[3] : "config/factors"};
	struct figures_question question = {.by = GROUP_NONE};
	struct figures figures;

	open_province(&p);
	fill(&p);
	figures = (struct figures){.ledger = p.ledger,
				   .derived = p.derived,
				   .registry = p.registry,
				   .factors = p.factors,
				   .now_ms = civil_day_start_utc(
					   civil_day_of((struct civil_date){2025, 11, 3}), ZONE_MS),
				   .min_coverage = 900000,
				   .cache = figures_cache_create()};
	question.region = region_find(p.registry->regions, "370000", 6);
	demand(&p, figures_period(&figures, 2025, PERIOD_MONTH, 10, &question.period, &p.err));
	demand(&p, db_begin_read(ledger_db(p.ledger), &p.err));
	measure(&p, &figures, &question);
	demand(&p, db_commit(ledger_db(p.ledger), &p.err));
	figures_cache_destroy(figures.cache);
	close_province(&p);
	return 0;
}
