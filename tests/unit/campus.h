/* SPDX-License-Identifier: Apache-2.0 */
/* campus.h - a small registry and ledger in a temporary folder, for tests of what is computed. */
#ifndef TESTS_UNIT_CAMPUS_H
#define TESTS_UNIT_CAMPUS_H

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/mem.h"
#include "server/factors/factors.h"
#include "server/rollup/bill.h"
#include "server/rollup/derive.h"
#include "server/rollup/edit.h"

struct campus {
	char folder[64], path[96];
	struct ledger *ledger;
	struct derive *derive;
	struct registry *registry;
};

enum { CAMPUS_OFFSET_MS = 8 * HOUR_MS };

static inline void campus_check(int rc, const struct err *err)
{
	if (rc < 0)
		fail_msg("%s", err->text);
}

static inline void campus_write(const struct campus *campus, const char *name, const char *text)
{
	char *path = xasprintf("%s/%s", campus->folder, name);
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
	free(path);
}

/* Loads the registry as its files are now and tells derive. */
static inline void campus_reload(struct campus *campus)
{
	struct conf_errors errors = {0};
	struct err err = {""};

	registry_release(campus->registry);
	char *dir = xasprintf("%s/registry", campus->folder);
	if (registry_load(&campus->registry, dir, NULL, CAMPUS_OFFSET_MS, &errors) < 0)
		fail_msg("%s", errors.text.data);
	free(dir);
	conf_errors_fini(&errors);
	campus_check(derive_set_registry(campus->derive, campus->registry, &err), &err);
}

/* Writes the file of the institution 370102-0001 and loads the registry. */
static inline void campus_register(struct campus *campus, const char *institution_yaml)
{
	campus_write(campus, "registry/institutions/370102-0001.yaml", institution_yaml);
	campus_reload(campus);
}

/* The folder alone; a ledger may be put at campus->path before campus_open. */
static inline void campus_make(struct campus *campus)
{
	char path[128];

	*campus = (struct campus){0};
	(void)snprintf(campus->folder, sizeof campus->folder, "/tmp/test_campus_XXXXXX");
	assert_non_null(mkdtemp(campus->folder));
	(void)snprintf(path, sizeof path, "%s/registry", campus->folder);
	assert_int_equal(mkdir(path, 0700), 0);
	(void)snprintf(path, sizeof path, "%s/registry/institutions", campus->folder);
	assert_int_equal(mkdir(path, 0700), 0);
	(void)snprintf(campus->path, sizeof campus->path, "%s/ledger.db", campus->folder);
}

static inline void campus_open(struct campus *campus, const char *institution_yaml)
{
	struct err err = {""};

	campus_check(ledger_open(&campus->ledger, campus->path, &err), &err);
	campus_check(derive_open(&campus->derive, campus->ledger, &err), &err);
	campus_register(campus, institution_yaml);
}

static inline void campus_init(struct campus *campus, const char *institution_yaml)
{
	campus_make(campus);
	campus_open(campus, institution_yaml);
}

static inline int campus_remove(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st;
	(void)kind;
	(void)ftw;
	return remove(path);
}

static inline void campus_fini(struct campus *campus)
{
	derive_close(campus->derive);
	ledger_close(campus->ledger);
	registry_release(campus->registry);
	assert_int_equal(nftw(campus->folder, campus_remove, 8, FTW_DEPTH | FTW_PHYS), 0);
}

/* Writes the file of a shared building; campus_reload takes it. */
static inline void campus_write_site(const struct campus *campus, const char *name,
				     const char *yaml)
{
	char *folder = xasprintf("%s/registry/sites", campus->folder);
	char *file = xasprintf("registry/sites/%s.yaml", name);

	(void)mkdir(folder, 0700); /* may be there from another one */
	campus_write(campus, file, yaml);
	free(folder);
	free(file);
}

/* Local time of the campus in UTC milliseconds: "2026-03-01" or with time and offset. */
static inline int64_t campus_time(const char *text)
{
	int64_t ms = 0;

	if (civil_parse_time(text, strlen(text), CAMPUS_OFFSET_MS, &ms) < 0)
		fail_msg("not a time: %s", text);
	return ms;
}

static inline civil_day campus_day(const char *text)
{
	civil_day day = 0;

	assert_int_equal(civil_parse_day(text, strlen(text), &day), 0);
	return day;
}

static inline void campus_merge(struct campus *campus, const char *device, const char *quantity,
				const struct reading *readings, size_t n)
{
	struct err err = {""};
	size_t added, conflicts;
	int64_t id = 0;

	campus_check(ledger_begin(campus->ledger, &err), &err);
	campus_check(ledger_register_id(campus->ledger, device, strlen(device), quantity,
					strlen(quantity), &id, &err),
		     &err);
	campus_check(ledger_merge(campus->ledger, id, readings, n, &added, &conflicts, &err), &err);
	campus_check(ledger_commit(campus->ledger, &err), &err);
}

/* A register that counts `step` every `every_ms` from `start` on, n + 1 readings. */
static inline void campus_steady(struct campus *campus, const char *device, const char *quantity,
				 struct reading start, int64_t every_ms, int64_t step, size_t n)
{
	struct reading *readings = xcalloc(n + 1, sizeof *readings);

	for (size_t i = 0; i <= n; i++)
		readings[i] = (struct reading){start.time_ms + (int64_t)i * every_ms,
					       start.value + (int64_t)i * step};
	campus_merge(campus, device, quantity, readings, n + 1);
	free(readings);
}

static inline void campus_derive(struct campus *campus)
{
	struct err err = {""};
	bool more = true;

	while (more) {
		campus_check(derive_run(campus->derive, 50, &more, &err), &err);
		if (!more)
			campus_check(derive_renew_series(campus->derive, &more, &err), &err);
	}
}

/* ---- what several tests are about ---- */

/* A campus with everything that derive knows. */
static inline char *campus_yaml(int ratio, const char *scope, const char *more)
{
	return xasprintf(
		"id: 370102-0001\n"
		"name: 历下区档案馆\n"
		"type: culture\n"
		"region: \"370102\"\n"
		"headcount: [{from: 2020-01-01, persons: 312}]\n"
		"supply: {electricity: online, water: online, natural_gas: bill}\n"
		"buildings:\n"
		"  - {id: main, name: 主楼, area: [{from: 2012-06-01, m2: 18500}]}\n"
		"meters:\n"
		"  - {id: e01, building: main, carrier: electricity, item: \"01000\", role: main,\n"
		"     quantity: active_energy_import_kwh, interval: 15m, rated_kw: 4000,\n"
		"     lives: [{serial: a, from: 2023-01-01, to: 2026-02-10, ratio: %d, modulus: "
		"10000, last: 5000},\n"
		"             {serial: b, from: 2026-02-10, ratio: 40, first: 10}]}\n"
		"  - {id: e02, building: main, carrier: electricity, item: \"01A00\", role: sub,\n"
		"     parent: e01, quantity: active_energy_import_kwh, interval: 15m,\n"
		"     lives: [{serial: c, from: 2023-01-01, ratio: 1}]}\n"
		"  - {id: e03, building: main, carrier: electricity, item: \"01A10\", role: sub,\n"
		"     parent: e02, scope: %s, quantity: active_energy_import_kwh,\n"
		"     interval: 15m, lives: [{serial: d, from: 2023-01-01, ratio: 1}]}\n"
		"  - {id: pv1, building: main, carrier: electricity, role: generation,\n"
		"     quantity: active_energy_import_kwh, interval: 15m,\n"
		"     lives: [{serial: e, from: 2023-01-01, ratio: 1}]}\n"
		"  - {id: v02, building: main, carrier: electricity, item: \"01C00\", role: sub,\n"
		"     parent: v01, formula: \"v01 / 3\"}\n"
		"  - {id: v01, building: main, carrier: electricity, item: \"01B00\", role: sub,\n"
		"     formula: \"e01 - e02 * 0.5\"}\n"
		"  - {id: w01, building: main, carrier: water, role: main,\n"
		"     quantity: volume_total_m3, interval: 15m,\n"
		"     lives: [{serial: f, from: 2023-01-01, ratio: 1, modulus: 1000}]}\n"
		"%s",
		ratio, scope, more);
}

/* Two buildings with a main meter each, lighting apart, and gas by bills. */
static const char campus_archive[] =
	"id: 370102-0001\nname: 历下区档案馆\ntype: culture\nregion: \"370102\"\n"
	"headcount: [{from: 2020-01-01, persons: 300}]\n"
	"supply: {electricity: online, natural_gas: bill}\n"
	"buildings:\n"
	"  - {id: main, name: 主楼, area: [{from: 2012-06-01, m2: 18000}]}\n"
	"  - {id: annex, name: 附楼, area: [{from: 2012-06-01, m2: 2000}]}\n"
	"meters:\n"
	"  - {id: e01, building: main, carrier: electricity, item: \"01000\", role: main,\n"
	"     quantity: active_energy_import_kwh, interval: 15m,\n"
	"     lives: [{serial: a, from: 2025-01-01, ratio: 1}]}\n"
	"  - {id: e02, building: annex, carrier: electricity, item: \"01000\", role: main,\n"
	"     quantity: active_energy_import_kwh, interval: 15m,\n"
	"     lives: [{serial: b, from: 2025-01-01, ratio: 1}]}\n"
	"  - {id: e03, building: main, carrier: electricity, item: \"01A00\", role: sub,\n"
	"     parent: e01, quantity: active_energy_import_kwh, interval: 15m,\n"
	"     lives: [{serial: c, from: 2025-01-01, ratio: 1}]}\n";

/* An active energy register that counts `step` a quarter of an hour in whole days [from, to). */
static inline void campus_feed(struct campus *campus, const char *device, const char *from,
			       const char *to, int64_t step)
{
	civil_day first = campus_day(from), end = campus_day(to);
	int64_t value = (int64_t)(first - 20000) * 96 * step;

	campus_steady(campus, device, "active_energy_import_kwh",
		      (struct reading){campus_time(from), value}, HOUR_MS / 4, step,
		      (size_t)(end - first) * 96);
}

/* A confirmed bill of natural gas in 10^-6 m3. */
static inline void campus_gas(struct campus *campus, const char *from, const char *to,
			      int64_t quantity, enum bill_use use)
{
	struct bill gas = {.institution = "370102-0001",
			   .carrier = CARRIER_NATURAL_GAS,
			   .use = use,
			   .days = {campus_day(from), campus_day(to)},
			   .quantity = quantity,
			   .fee = MICRO_NONE,
			   .is_confirmed = true,
			   .account = "",
			   .note = "",
			   .entered_by = "test"};
	struct err err = {""};
	struct bill_result result;

	campus_check(bill_add(campus->ledger, campus->registry, &gas, &result, &err), &err);
}

/* The factors as they are shipped. */
static inline struct factors *campus_factors(void)
{
	struct conf_errors errors = {0};
	struct factors *factors;

	if (factors_load(&factors, "config/factors", &errors) < 0)
		fail_msg("%s", errors.text.data);
	conf_errors_fini(&errors);
	return factors;
}

/* The first column of the first row. */
static inline int64_t campus_ask(struct campus *campus, const char *sql)
{
	struct db_statement *get;
	struct err err = {""};
	int64_t value;

	campus_check(db_prepare(ledger_db(campus->ledger), &get, sql, &err), &err);
	assert_int_equal(db_step(get, &err), 1);
	value = db_column_int(get, 0);
	db_finalize(get);
	return value;
}

static inline int64_t campus_edit(struct campus *campus, const char *meter,
				  struct edit_effect effect)
{
	struct edit_order order = {
		.who = "test",
		.why = "because",
		.at_ms = campus_time("2027-01-01"),
		.meter = registry_find_meter(campus->registry, meter, strlen(meter)),
		.effect = effect};
	struct err err = {""};
	int64_t id = 0;

	campus_check(edit_make(campus->ledger, campus->registry, &order, &id, &err), &err);
	return id;
}

static inline void campus_take_back(struct campus *campus, int64_t id)
{
	struct edit_revocation revocation = {
		.id = id, .at_ms = campus_time("2027-01-01"), .who = "test", .why = "wrong"};
	struct err err = {""};

	campus_check(edit_revoke(campus->ledger, campus->registry, &revocation, &id, &err), &err);
}

#endif
