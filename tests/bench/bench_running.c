/* SPDX-License-Identifier: Apache-2.0 */
/* How long indicators of the running year and month take: the first time after a start, again,
 * after a change of one institution, at the turn of the hour, and of an institution whose meters
 * are silent for months. Prints milliseconds of own CPU. Arguments: a folder, how many
 * institutions, and the folder of factors. */
#include "tests/bench/province.h"

enum { SILENT_EVERY = 50, TIMES = 50 };

static const char now_text[] = "2025-10-20T14:30:00+08:00";
static const struct civil_date first_month = {2024, 1, 1}, running_month = {2025, 10, 1},
			       silent_month = {2025, 5, 1};

static int64_t now_ms(void)
{
	int64_t ms = 0;

	bench_demand(civil_parse_time(now_text, strlen(now_text), PROVINCE_ZONE_MS, &ms) == 0,
		     now_text);
	return ms;
}

static bool is_silent(uint32_t institution)
{
	return institution % SILENT_EVERY == 0;
}

static struct derived_row day_row(civil_day day)
{
	int64_t start = civil_day_start_utc(day, PROVINCE_ZONE_MS), until = now_ms();
	struct derived_row row = {.has_hours = true};

	for (int h = 0; h < DERIVED_HOURS && start + h * (int64_t)HOUR_MS < until; h++) {
		int64_t left = until - start - h * (int64_t)HOUR_MS;

		row.hours[h] = province_amount((10 + h % 12) * (int64_t)MICRO,
					       left < HOUR_MS ? left : HOUR_MS);
		row.sum.value += row.hours[h].value;
		row.sum.covered_ms += row.hours[h].covered_ms;
	}
	row.sum.is_known = row.sum.covered_ms > 0;
	row.sum.closed_ms = row.sum.covered_ms;
	return row;
}

/* The days of a meter, or of its institution's total, and their month. */
static void put_rows(struct province *p, bool is_meter, struct derived_key key)
{
	civil_day month = key.day, end = civil_next_month(month);
	struct derived_row whole = {.days = end - month};
	struct derived_effect effect;

	for (key.day = month; key.day < end; key.day++) {
		struct derived_row row = day_row(key.day);

		if (!row.sum.is_known)
			break;
		province_demand(p,
				derived_put(p->derived,
					    is_meter ? DERIVED_METER_DAY : DERIVED_INSTITUTION_DAY,
					    &key, &row, &effect, &p->err));
		whole.sum.is_known = true;
		whole.sum.value += row.sum.value;
		whole.sum.covered_ms += row.sum.covered_ms;
		whole.sum.closed_ms += row.sum.closed_ms;
	}
	key.day = month;
	province_demand(p, derived_put(p->derived,
				       is_meter ? DERIVED_METER_MONTH : DERIVED_INSTITUTION_MONTH,
				       &key, &whole, &effect, &p->err));
}

static void put_month(struct province *p, uint32_t institution, civil_day month)
{
	const struct registry_institution *of = &p->registry->institutions[institution];
	static const char *const series[] = {"electricity", "water"};
	struct derived_name name, meter;

	province_demand(p, derived_find(p->derived, DERIVED_INSTITUTION, of->id, &name, &p->err));
	for (uint32_t i = 0; i < 2; i++) {
		struct derived_key key = {
			.id = name.id, .day = month, .carrier = (enum carrier)i, .item = "total"};

		put_rows(p, false, key);
		province_demand(p, derived_find(p->derived, DERIVED_METER,
						p->registry->meters[of->first_meter + i].id, &meter,
						&p->err));
		put_rows(p, true, (struct derived_key){.id = meter.id, .day = month});
		for (civil_day day = month; day < civil_next_month(month); day++)
			if (day_row(day).sum.is_known)
				province_put_load(p, name.id, series[i], day);
	}
}

/* The newest of each register, as the ledger keeps it. */
static void put_newest(struct province *p)
{
	int64_t silent_ms = civil_day_start_utc(civil_day_of(silent_month), PROVINCE_ZONE_MS);

	for (uint32_t i = 0; i < p->registry->n_meters; i++) {
		const struct registry_meter *of = &p->registry->meters[i];
		struct reading newest = {is_silent(of->institution) ? silent_ms : now_ms(), MICRO};
		size_t added, conflicts;
		int64_t id;

		province_demand(p, ledger_register_id(p->ledger, of->device, strlen(of->device),
						      of->quantity, strlen(of->quantity), &id,
						      &p->err));
		province_demand(
			p, ledger_merge(p->ledger, id, &newest, 1, &added, &conflicts, &p->err));
	}
}

static void fill(struct province *p)
{
	civil_day silent = civil_day_of(silent_month);

	for (civil_day month = civil_day_of(first_month); month <= civil_day_of(running_month);
	     month = civil_next_month(month)) {
		province_demand(p, ledger_begin(p->ledger, &p->err));
		for (uint32_t i = 0; i < p->registry->n_institutions; i++)
			if (month < silent || !is_silent(i))
				put_month(p, i, month);
		province_demand(p, ledger_commit(p->ledger, &p->err));
	}
	province_demand(p, ledger_begin(p->ledger, &p->err));
	put_newest(p);
	province_demand(p, ledger_commit(p->ledger, &p->err));
}

/* ---- measuring ---- */

struct trial {
	struct province *p;
	struct figures figures;
	struct figures_question question;
	const char *period;
};

static void ask(struct trial *trial, const char *what)
{
	uint32_t seen = 0;
	int64_t start_us = bench_cpu_us();

	province_demand(trial->p, db_begin_read(ledger_db(trial->p->ledger), &trial->p->err));
	province_demand(trial->p, figures_kpis(&trial->figures, &trial->question, province_count,
					       &seen, &trial->p->err));
	province_demand(trial->p, db_commit(ledger_db(trial->p->ledger), &trial->p->err));
	printf("%s, %-38s %10.2f ms\n", trial->period, what,
	       (double)(bench_cpu_us() - start_us) / 1000);
	bench_demand(seen == (uint32_t)trial->p->n, "everybody is in it");
}

static void change(struct province *p, uint32_t institution)
{
	struct derived_name name;
	struct derived_key key = {.day = civil_day_of(running_month), .item = "total"};
	struct derived_row row = {.sum = province_amount(7000 * (int64_t)MICRO, DAY_MS)};
	struct derived_effect effect;

	province_demand(p, ledger_begin(p->ledger, &p->err));
	province_demand(p, derived_find(p->derived, DERIVED_INSTITUTION,
					p->registry->institutions[institution].id, &name, &p->err));
	key.id = name.id;
	province_demand(p, derived_put(p->derived, DERIVED_INSTITUTION_MONTH, &key, &row, &effect,
				       &p->err));
	province_demand(p, derived_touch(p->derived, name.id, key.day, &p->err));
	province_demand(p, ledger_commit(p->ledger, &p->err));
}

static void measure(struct trial *trial, enum figures_period_kind kind)
{
	int64_t hour = HOUR_MS;

	trial->figures.now_ms = now_ms();
	trial->period = figures_period_names[kind];
	province_demand(trial->p, figures_period(&trial->figures, 2025, kind, 0,
						 &trial->question.period, &trial->p->err));
	ask(trial, "first");
	ask(trial, "again");
	change(trial->p, 1);
	ask(trial, "one changed");
	trial->figures.now_ms += hour;
	province_demand(trial->p, figures_period(&trial->figures, 2025, kind, 0,
						 &trial->question.period, &trial->p->err));
	ask(trial, "the hour turned");
}

static void measure_one(struct trial *trial, const char *what, uint32_t first)
{
	struct kpi_value kpis[N_KPIS];
	int64_t start_us = bench_cpu_us();
	uint32_t i = first, n = 0;

	province_demand(trial->p, db_begin_read(ledger_db(trial->p->ledger), &trial->p->err));
	for (; i < (uint32_t)trial->p->n && n < TIMES; i += SILENT_EVERY, n++)
		province_demand(trial->p, figures_institution_kpis(&trial->figures, i,
								   &trial->question.period, kpis,
								   &trial->p->err));
	province_demand(trial->p, db_commit(ledger_db(trial->p->ledger), &trial->p->err));
	printf("%s, %-38s %10.2f ms\n", trial->period, what,
	       (double)(bench_cpu_us() - start_us) / n / 1000);
}

int main(int argc, char **argv)
{
	struct province p = {.folder = argc > 1 ? argv[1] : ".",
			     .n = argc > 2 ? (int)bench_number(argv[2]) : 25000,
			     .factors_folder = argc > 3 ? argv[3] : "config/factors"};
	struct trial trial = {.p = &p, .question = {.by = GROUP_NONE}};

	province_open(&p);
	fill(&p);
	trial.figures = (struct figures){.ledger = p.ledger,
					 .derived = p.derived,
					 .registry = p.registry,
					 .factors = p.factors,
					 .min_coverage = 900000,
					 .cache = figures_cache_create()};
	trial.question.region = region_find(p.registry->regions, "370000", 6);
	measure(&trial, PERIOD_YEAR);
	measure_one(&trial, "an institution", 1);
	measure_one(&trial, "a silent one", 0);
	measure(&trial, PERIOD_MONTH);
	printf("resident %" PRId64 " MiB\n", bench_rss_kb() / 1024);
	figures_cache_destroy(trial.figures.cache);
	province_close(&p);
	return 0;
}
