/* SPDX-License-Identifier: Apache-2.0 */
/* pace_campus.h - a campus with meters of every pace that is reduced and asked for all its figures.
 */
#ifndef TESTS_UNIT_PACE_CAMPUS_H
#define TESTS_UNIT_PACE_CAMPUS_H

#include "server/figures/figures.h"
#include "tests/unit/campus_dump.h"
#include "tests/unit/random.h"

#define PACE_KWH "active_energy_import_kwh"

enum { PACE_MINUTE_MS = 60 * 1000 };

static inline char *pace_yaml(const char *ratio, const char *interval)
{
	return xasprintf(
		"id: 370102-0001\nname: 历下区档案馆\ntype: culture\nregion: \"370102\"\n"
		"headcount: [{from: 2020-01-01, persons: 312}]\n"
		"supply: {electricity: online, water: online, heat: online}\n"
		"buildings:\n"
		"  - {id: main, name: 主楼, area: [{from: 2012-06-01, m2: 18500}]}\n"
		"accounts:\n"
		"  - {number: \"7\", carrier: electricity, meters: [e01]}\n"
		"meters:\n"
		"  - {id: e01, building: main, carrier: electricity, item: \"01000\", role: main,\n"
		"     quantity: active_energy_import_kwh, interval: 60s, rated_kw: 4000,\n"
		"     lives: [{serial: a, from: 2023-01-01, to: \"2026-03-05T10:17:23+08:00\",\n"
		"              ratio: %s, modulus: 10000, last: 5000},\n"
		"             {serial: b, from: \"2026-03-05T10:17:23+08:00\", ratio: 2.5,\n"
		"              first: 10}]}\n"
		"  - {id: e02, building: main, carrier: electricity, item: \"01A00\", role: sub,\n"
		"     parent: e01, quantity: active_energy_import_kwh, interval: %s,\n"
		"     lives: [{serial: c, from: 2023-01-01, ratio: %s}]}\n"
		"  - {id: e03, building: main, carrier: electricity, item: \"01B00\", role: sub,\n"
		"     parent: e01, source: {meter: e02, quantity: active_energy_import_kwh},\n"
		"     interval: 15m, lives: [{serial: c, from: 2026-03-03, ratio: 1.1}]}\n"
		"  - {id: v01, building: main, carrier: electricity, item: \"01C00\", role: sub,\n"
		"     formula: \"e01 - e02 * 0.5\"}\n"
		"  - {id: h01, building: main, carrier: heat, role: main, rated_kw: 600,\n"
		"     quantity: heat_energy_kwh, interval: 10m,\n"
		"     lives: [{serial: d, from: 2023-01-01, ratio: 1}]}\n"
		"  - {id: w01, building: main, carrier: water, role: main,\n"
		"     quantity: volume_total_m3, interval: 15m,\n"
		"     lives: [{serial: f, from: 2023-01-01, ratio: 1, modulus: 1000}]}\n",
		ratio, interval, ratio);
}

static inline void pace_open_again(struct campus *campus)
{
	struct err err = {""};

	derive_close(campus->derive);
	ledger_close(campus->ledger);
	campus_check(ledger_open(&campus->ledger, campus->path, &err), &err);
	campus_check(derive_open(&campus->derive, campus->ledger, &err), &err);
	campus_reload(campus);
	campus_derive(campus);
}

/* Opens all again at some places, as after an end at any moment between two transactions. */
static inline void pace_reduce(struct campus *campus, int64_t before_ms, struct derive_reduced *sum)
{
	struct err err = {""};
	bool more = true;

	campus_derive(campus);
	while (more) {
		campus_check(derive_reduce(campus->derive, before_ms, sum, &more, &err), &err);
		if (random_below(4) == 0)
			pace_open_again(campus);
	}
}

static inline void pace_print_tally(const struct figures_tally *found, void *arg)
{
	buf_printf(arg, "%lld %lld/%lld/%lld\n", (long long)found->start_ms,
		   (long long)found->tally.due, (long long)found->tally.came,
		   (long long)found->tally.late);
}

static inline void pace_add_account(struct campus *campus, struct buf *out)
{
	struct figures figures = {.registry = campus->registry,
				  .now_ms = campus_time("2026-03-20")};
	struct figures_span span = {campus_time("2026-03-01"), campus_time("2026-03-11"),
				    FIGURES_HOUR};
	struct err err = {""};

	campus_check(ledger_open_reader(&figures.ledger, campus->path, &err), &err);
	for (uint32_t m = 0; m < campus->registry->n_meters; m++) {
		buf_printf(out, "account of %s\n", campus->registry->meters[m].id);
		campus_check(figures_meter_tally(&figures, m, &span, pace_print_tally, out, &err),
			     &err);
	}
	ledger_close(figures.ledger);
}

/* Highest quarters of days that something came for after their reduction are as they were then; of
 * an account nothing else is there. */
static inline char *pace_figures(struct campus *campus)
{
	struct buf out = {0};
	char *text = campus_dump_with(campus, false);

	buf_add_text(&out, text);
	free(text);
	pace_add_account(campus, &out);
	return buf_take(&out);
}

static inline void pace_from_scratch(struct campus *campus)
{
	struct err err = {""};

	campus_check(db_execute(ledger_db(campus->ledger), "UPDATE derived_version SET version = 0",
				&err),
		     &err);
	pace_open_again(campus);
}

#endif
