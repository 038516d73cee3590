/* SPDX-License-Identifier: Apache-2.0 */
/* plant.h - three devices of one institution and an empty ledger's path, for tests of ingest. */
#ifndef TESTS_UNIT_PLANT_H
#define TESTS_UNIT_PLANT_H

#include "scratch.h"
#include "server/registry/registry.h"

struct plant {
	struct scratch scratch;
	char *ledger_path;
	struct registry *registry;
};

/* e01: ratio 40 from 2026, agent a1 alone. w01: any agent. box: an electricity meter with a device
 * that counts two flows. */
#define PLANT_HEAD                                                                          \
	"id: 370102-0001\nname: 历下区档案馆\nuscc: 12370102000000019Q\n"             \
	"type: culture\nregion: \"370102\"\n"                                               \
	"headcount: [{from: 2020-01-01, persons: 312}]\n"                                   \
	"buildings:\n  - {id: main, name: 主楼, class: A, area: [{from: 2012-06-01, m2: " \
	"18500}]}\n"                                                                        \
	"meters:\n"
#define PLANT_E01                                                                       \
	"  - id: 370102-0001-e01\n    building: main\n    carrier: electricity\n"       \
	"    item: \"01000\"\n    role: main\n    quantity: active_energy_import_kwh\n" \
	"    agent: a1\n"                                                               \
	"    lives: [{serial: \"1\", from: 2026-01-01, ratio: 40, modulus: 1000000}]\n"
#define PLANT_W01                                                           \
	"  - id: 370102-0001-w01\n    building: main\n    carrier: water\n" \
	"    role: main\n    quantity: volume_total_m3\n"                   \
	"    lives: [{serial: \"2\", from: 2020-01-01, ratio: 1, modulus: 100000}]\n"
#define PLANT_BOX                                                                         \
	"  - id: 370102-0001-in\n    building: main\n    carrier: electricity\n"          \
	"    item: \"01A00\"\n    role: sub\n    quantity: active_energy_import_kwh\n"    \
	"    source: {meter: box, quantity: active_energy_import_kwh}\n"                  \
	"    lives: [{serial: \"3\", from: 2020-01-01, ratio: 2, modulus: 1000000}]\n"    \
	"  - id: 370102-0001-b2\n    building: main\n    carrier: electricity\n"          \
	"    item: \"01B00\"\n    role: sub\n    quantity: active_energy_import_l2_kwh\n" \
	"    source: {meter: box, quantity: active_energy_import_l2_kwh}\n"               \
	"    lives: [{serial: \"3\", from: 2020-01-01, ratio: 3, modulus: 1000000}]\n"

static inline struct registry *plant_load(struct plant *plant, const char *institution)
{
	struct conf_errors errors = {0};
	struct registry *registry = NULL;
	char *folder;

	scratch_write(&plant->scratch, "registry/none", "");
	scratch_write(&plant->scratch, "registry/institutions/370102-0001.yaml", institution);
	folder = xasprintf("%s/registry", plant->scratch.folder);
	if (registry_load(&registry, folder, NULL, 8 * (int64_t)HOUR_MS, &errors) < 0)
		fail_msg("%s", errors.text.data);
	conf_errors_fini(&errors);
	free(folder);
	return registry;
}

static inline void plant_init(struct plant *plant, const char *institution)
{
	scratch_init(&plant->scratch);
	plant->ledger_path = xasprintf("%s/ledger.db", plant->scratch.folder);
	plant->registry = plant_load(plant, institution);
}

static inline void plant_fini(struct plant *plant)
{
	registry_release(plant->registry);
	free(plant->ledger_path);
	scratch_fini(&plant->scratch);
}

#endif
