/* SPDX-License-Identifier: Apache-2.0 */
/* How long indicators take once the roll-ups are there: a month of a province, and the institution
 * that changed. Prints milliseconds. Arguments: a folder, how many institutions, and the folder
 * of factors. */
#include "tests/bench/province.h"

enum { MONTHS = 2, CHANGED = 200 };

static void fill(struct province *p)
{
	static const struct civil_date months[MONTHS] = {{2024, 10, 1}, {2025, 10, 1}};

	for (int m = 0; m < MONTHS; m++) {
		province_demand(p, ledger_begin(p->ledger, &p->err));
		for (uint32_t i = 0; i < p->registry->n_institutions; i++)
			province_put(p, i, civil_day_of(months[m]));
		province_demand(p, ledger_commit(p->ledger, &p->err));
	}
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

	province_demand(p, figures_kpis(figures, question, province_count, &seen, &p->err));
	print_ms("a month of all, with the year before",
		 (double)(bench_cpu_us() - start_us) / 1000);
	bench_demand(seen == (uint32_t)p->n, "everybody is in it");
	start_us = bench_cpu_us();
	province_demand(p, figures_kpis(figures, question, province_count, &seen, &p->err));
	print_ms("the same again", (double)(bench_cpu_us() - start_us) / 1000);
	start_us = bench_cpu_us();
	for (uint32_t i = 0; i < CHANGED; i++)
		province_demand(
			p, figures_institution_kpis(figures, i, &question->period, kpis, &p->err));
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

	province_open(&p);
	fill(&p);
	figures = (struct figures){
		.ledger = p.ledger,
		.derived = p.derived,
		.registry = p.registry,
		.factors = p.factors,
		.now_ms = civil_day_start_utc(civil_day_of((struct civil_date){2025, 11, 3}),
					      PROVINCE_ZONE_MS),
		.min_coverage = 900000,
		.cache = figures_cache_create()};
	question.region = region_find(p.registry->regions, "370000", 6);
	province_demand(&p,
			figures_period(&figures, 2025, PERIOD_MONTH, 10, &question.period, &p.err));
	province_demand(&p, db_begin_read(ledger_db(p.ledger), &p.err));
	measure(&p, &figures, &question);
	province_demand(&p, db_commit(ledger_db(p.ledger), &p.err));
	figures_cache_destroy(figures.cache);
	province_close(&p);
	return 0;
}
