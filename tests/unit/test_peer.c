/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/campus.h"

#include "server/figures/export_peer.h"
#include "server/tsdb/tsdb_private.h"

#define M(x) ((int64_t)((x)*MICRO))

static void test_quartiles(void **state)
{
	static const struct {
		const char *name;
		int64_t values[6];
		size_t n;
		int64_t of[3];
	} cases[] = {
		{"nobody", {0}, 0, {0, 0, 0}},
		{"one is all of them", {M(7)}, 1, {M(7), M(7), M(7)}},
		{"two", {M(4), M(2)}, 2, {M(2.5), M(3), M(3.5)}},
		{"five, each quartile is one of them",
		 {M(5), M(1), M(4), M(2), M(3)},
		 5,
		 {M(2), M(3), M(4)}},
		{"six, as QUARTILE.INC has it",
		 {M(1), M(2), M(4), M(8), M(16), M(32)},
		 6,
		 {M(2.5), M(6), M(14)}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		int64_t values[6];
		struct figures_quartiles got;

		memcpy(values, cases[i].values, sizeof values);
		got = figures_quartiles(values, cases[i].n);
		if (got.n != cases[i].n || memcmp(got.of, cases[i].of, sizeof got.of) != 0)
			fail_msg("%s", cases[i].name);
	}
}

static char *house(int i, const char *type)
{
	return xasprintf("id: 370102-%04d\nname: 机构\ntype: %s\nregion: \"370102\"\n"
			 "buildings: [{id: main, name: 楼, area: [{from: 2012-06-01, m2: %d}]}]\n"
			 "meters:\n"
			 "  - {id: e%d, building: main, carrier: electricity, item: \"01000\",\n"
			 "     role: main, quantity: active_energy_import_kwh, interval: 60m,\n"
			 "     lives: [{serial: a, from: 2023-01-01, ratio: 1}]}\n",
			 i, type, i * 1000, i);
}

/* Schools of 1000 to 6000 m2 with a steady kilowatt each, and one hospital. */
static void peers_are_of_one_type(void **state)
{
	struct factors *factors = campus_factors();
	struct figures_question question = {.by = GROUP_NONE};
	struct figures_peers peers[N_TYPES];
	struct tsdb_export out = {.n_lines = 0};
	struct export_line line;
	struct campus campus;
	struct err err = {""};
	char *yaml = house(1, "education");

	(void)state;
	campus_init(&campus, yaml);
	free(yaml);
	for (int i = 2; i <= 7; i++) {
		char *name = xasprintf("registry/institutions/370102-%04d.yaml", i);

		yaml = house(i, i < 7 ? "education" : "health");
		campus_write(&campus, name, yaml);
		free(yaml);
		free(name);
	}
	campus_reload(&campus);
	for (int i = 1; i <= 7; i++) {
		char *meter = xasprintf("e%d", i);

		campus_steady(&campus, meter, "active_energy_import_kwh",
			      (struct reading){campus_time("2026-03-01"), 0}, HOUR_MS, MICRO,
			      31 * 24);
		free(meter);
	}
	campus_derive(&campus);
	struct figures figures = {.ledger = campus.ledger,
				  .registry = campus.registry,
				  .factors = factors,
				  .now_ms = campus_time("2026-05-01"),
				  .min_coverage = 900000};
	question.region = region_find(campus.registry->regions, "370000", 6);
	campus_check(figures_period(&figures, 2026, PERIOD_MONTH, 3, &question.period, &err), &err);
	campus_check(figures_peers(&figures, &question, peers, &err), &err);
	assert_int_equal(peers[TYPE_EDUCATION].institutions, 6);
	assert_int_equal(peers[TYPE_HEALTH].institutions, 1);
	for (int i = 0; i < N_PEER_KPIS; i++) {
		const struct figures_quartiles *got = &peers[TYPE_EDUCATION].kpis[i];

		if (figures_peer_kpis[i] == KPI_BASE_LOAD_SHARE) {
			assert_int_equal(got->n, 6);
			assert_int_equal(got->of[1], MICRO);
		}
		if (figures_peer_kpis[i] == KPI_ELECTRICITY_PER_AREA) {
			/* 744 kWh over 1000 to 6000 m2: 0.124 0.1488 0.186 0.248 0.372 0.744 */
			assert_int_equal(got->n, 6);
			assert_int_equal(got->of[0], 158100);
			assert_int_equal(got->of[1], 217000);
			assert_int_equal(got->of[2], 341000);
		}
		if (figures_peer_kpis[i] == KPI_WATER_PER_CAPITA)
			assert_int_equal(got->n, 0);
	}
	/* The one hospital is nobody's peer. */
	export_line_begin(&line, &out, "peer_kpi_month");
	export_peer_fields(&line, &peers[TYPE_HEALTH]);
	export_line_end(&line, 0);
	assert_int_equal(out.n_lines, 0);
	export_line_begin(&line, &out, "peer_kpi_month");
	export_peer_fields(&line, &peers[TYPE_EDUCATION]);
	export_line_end(&line, 0);
	assert_non_null(strstr(out.lines.data, "electricity_per_area_kwh_p50=0.217,"));
	tsdb_export_fini(&out);
	campus_fini(&campus);
	factors_release(factors);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_quartiles),
		cmocka_unit_test(peers_are_of_one_type),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
