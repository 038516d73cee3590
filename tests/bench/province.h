/* SPDX-License-Identifier: Apache-2.0 */
/* province.h - a province with what the roll-ups of its months leave behind, for measuring. */
#ifndef TESTS_BENCH_PROVINCE_H
#define TESTS_BENCH_PROVINCE_H

#include <string.h>
#include <sys/stat.h>

#include "common/mem.h"
#include "server/figures/figures_goal.h"
#include "server/rollup/derive.h"
#include "server/rollup/load.h"
#include "tests/bench/bench.h"

enum { PROVINCE_ZONE_MS = 8 * HOUR_MS };

static const char province_yaml[] =
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

static inline void province_demand(const struct province *p, int rc)
{
	bench_demand(rc >= 0, p->err.text);
}

static inline void province_write(const struct province *p, const char *dir)
{
	static const char *const types[] = {"government", "education", "health"};

	for (int i = 0; i < p->n; i++) {
		char *id = xasprintf("37%02d%02d-%05d", 1 + i % 10, 2 + i / 10 % 10, i);
		char *path = xasprintf("%s/institutions/%s.yaml", dir, id);
		FILE *file = fopen(path, "we");

		bench_demand(file != NULL, path);
		/* NOLINTNEXTLINE(clang-diagnostic-format-nonliteral): a constant above */
		(void)fprintf(file, province_yaml, id, types[i % 3], 1 + i % 10, 2 + i / 10 % 10,
			      id, id);
		bench_demand(fclose(file) == 0, path);
		free(path);
		free(id);
	}
}

static inline struct amount province_amount(int64_t value, int64_t ms)
{
	return (struct amount){.is_known = true, .value = value, .covered_ms = ms, .closed_ms = ms};
}

static inline void province_put_load(struct province *p, int64_t id, const char *series,
				     civil_day day)
{
	struct load_day load = {.day = day, .has_peak = true, .peak = 90 * (int64_t)MICRO};

	struct amount hours[DERIVED_HOURS];

	for (int h = 0; h < DERIVED_HOURS; h++)
		hours[h] = province_amount((10 + h % 12) * (int64_t)MICRO, HOUR_MS);
	load_take_hours(&load, hours);
	province_demand(p, load_put(p->derived, id, series, &load, &p->err));
}

static inline void province_put_month(struct province *p, enum derived_table table,
				      struct derived_key *key, int64_t value)
{
	civil_day next = civil_next_month(key->day);
	int64_t days = next - key->day;
	struct derived_row row = {.sum = province_amount(value, days * DAY_MS), .days = days};
	struct derived_effect effect;

	province_demand(p, derived_put(p->derived, table, key, &row, &effect, &p->err));
}

/* What the roll-ups of a month leave behind. */
static inline void province_put(struct province *p, uint32_t institution, civil_day month)
{
	const struct registry_institution *of = &p->registry->institutions[institution];
	static const char *const series[] = {"electricity", "water"};
	struct derived_name name;

	province_demand(p, derived_find(p->derived, DERIVED_INSTITUTION, of->id, &name, &p->err));
	for (int carrier = 0; carrier < 2; carrier++) {
		struct derived_key key = {.id = name.id,
					  .day = month,
					  .carrier = (enum carrier)carrier,
					  .item = "total"};
		struct derived_key meter = {.day = month};
		struct derived_name meter_name;

		province_put_month(p, DERIVED_INSTITUTION_MONTH, &key,
				   12000 * (int64_t)MICRO + institution);
		province_demand(
			p, derived_find(p->derived, DERIVED_METER,
					p->registry->meters[of->first_meter + (uint32_t)carrier].id,
					&meter_name, &p->err));
		meter.id = meter_name.id;
		province_put_month(p, DERIVED_METER_MONTH, &meter,
				   12000 * (int64_t)MICRO + institution);
		for (civil_day day = month; day < civil_next_month(month); day++)
			province_put_load(p, name.id, series[carrier], day);
	}
}

static inline void province_open(struct province *p)
{
	struct conf_errors errors = {0};
	char *dir = xasprintf("%s/registry", p->folder), *path = xasprintf("%s/kpi.db", p->folder);
	char *institutions = xasprintf("%s/institutions", dir);

	(void)mkdir(dir, 0700); /* writing tells whether they are there */
	(void)mkdir(institutions, 0700);
	province_write(p, dir);
	bench_demand(registry_load(&p->registry, dir, NULL, PROVINCE_ZONE_MS, &errors) == 0,
		     "the registry loads");
	bench_demand(factors_load(&p->factors, p->factors_folder, &errors) == 0, "factors load");
	conf_errors_fini(&errors);
	province_demand(p, ledger_open(&p->ledger, path, &p->err));
	province_demand(p, derive_open(&p->derive, p->ledger, &p->err));
	province_demand(p, derive_set_registry(p->derive, p->registry, &p->err));
	province_demand(p, derived_open(&p->derived, p->ledger, &p->err));
	free(institutions);
	free(path);
	free(dir);
}

static inline void province_close(struct province *p)
{
	derived_close(p->derived);
	derive_close(p->derive);
	ledger_close(p->ledger);
	registry_release(p->registry);
	factors_release(p->factors);
}

static inline int province_count(const struct figures_row *row, void *arg)
{
	*(uint32_t *)arg += row->institutions;
	return 0;
}

#endif
