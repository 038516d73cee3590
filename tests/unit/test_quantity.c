/* SPDX-License-Identifier: Apache-2.0 */
/* test_quantity.c - which names are registers, and in what unit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/quantity.h"

/* clang-format off */
static const struct kind_case {
	const char *name;
	enum quantity_kind kind;
	enum quantity_unit unit;
	bool is_main;
} kind_cases[] = {
	/* registers that the ledger always keeps */
	{"active_energy_import_kwh", QUANTITY_REGISTER, UNIT_KWH, true},
	{"active_energy_export_kwh", QUANTITY_REGISTER, UNIT_KWH, true},
	{"active_energy_total_kwh", QUANTITY_REGISTER, UNIT_KWH, true},
	{"active_energy_net_kwh", QUANTITY_REGISTER, UNIT_KWH, true},
	{"primary_active_energy_import_kwh", QUANTITY_REGISTER, UNIT_KWH, true},
	{"grid_active_energy_export_kwh", QUANTITY_REGISTER, UNIT_KWH, true},
	{"reactive_energy_q4_kvarh", QUANTITY_REGISTER, UNIT_KVARH, true},
	{"reactive_energy_inductive_kvarh", QUANTITY_REGISTER, UNIT_KVARH, true},
	{"apparent_energy_kvah", QUANTITY_REGISTER, UNIT_KVAH, true},
	{"apparent_energy_import_kvah", QUANTITY_REGISTER, UNIT_KVAH, true},
	{"pv_energy_yield_total_kwh", QUANTITY_REGISTER, UNIT_KWH, true},
	{"volume_total_m3", QUANTITY_REGISTER, UNIT_M3, true},
	{"volume_forward_m3", QUANTITY_REGISTER, UNIT_M3, true},
	{"heat_energy_kwh", QUANTITY_REGISTER, UNIT_KWH, true},
	{"heat_energy_gj", QUANTITY_REGISTER, UNIT_GJ, true},
	{"cooling_energy_mj", QUANTITY_REGISTER, UNIT_MJ, true},
	{"pulse_count_ch2", QUANTITY_REGISTER, UNIT_NONE, true},
	{"pulse_count_ch16", QUANTITY_REGISTER, UNIT_NONE, true},
	/* parts and second copies */
	{"active_energy_import_l1_kwh", QUANTITY_REGISTER, UNIT_KWH, false},
	{"active_energy_total_t4_kwh", QUANTITY_REGISTER, UNIT_KWH, false},
	{"active_energy_import_partial_kwh", QUANTITY_REGISTER, UNIT_KWH, false},
	{"active_energy_import_coarse_kwh", QUANTITY_REGISTER, UNIT_KWH, false},
	{"active_energy_export_alt_kwh", QUANTITY_REGISTER, UNIT_KWH, false},
	{"reactive_energy_total_t1_kvarh", QUANTITY_REGISTER, UNIT_KVARH, false},
	{"heat_energy_t1_kwh", QUANTITY_REGISTER, UNIT_KWH, false},
	{"pv_energy_mppt1_kwh", QUANTITY_REGISTER, UNIT_KWH, false},
	/* gauges */
	{"pv_energy_yield_day_kwh", QUANTITY_GAUGE, UNIT_KWH, false},
	{"active_power_w", QUANTITY_GAUGE, UNIT_W, false},
	{"active_power_l3_w", QUANTITY_GAUGE, UNIT_W, false},
	{"grid_active_power_w", QUANTITY_GAUGE, UNIT_W, false},
	{"reactive_power_l1_var", QUANTITY_GAUGE, UNIT_VAR, false},
	{"apparent_power_va", QUANTITY_GAUGE, UNIT_VA, false},
	{"demand_active_power_w", QUANTITY_GAUGE, UNIT_W, false},
	{"demand_max_active_power_w", QUANTITY_GAUGE, UNIT_W, false},
	{"voltage_l1_n_v", QUANTITY_GAUGE, UNIT_V, false},
	{"voltage_l3_l1_v", QUANTITY_GAUGE, UNIT_V, false},
	{"voltage_ll_avg_v", QUANTITY_GAUGE, UNIT_V, false},
	{"current_n_a", QUANTITY_GAUGE, UNIT_A, false},
	{"dc_voltage_mppt12_v", QUANTITY_GAUGE, UNIT_V, false},
	{"power_factor", QUANTITY_GAUGE, UNIT_NONE, false},
	{"power_factor_l2", QUANTITY_GAUGE, UNIT_NONE, false},
	{"frequency_hz", QUANTITY_GAUGE, UNIT_HZ, false},
	{"thd_voltage_l1_pct", QUANTITY_GAUGE, UNIT_PCT, false},
	{"volume_flow_m3h", QUANTITY_GAUGE, UNIT_M3H, false},
	{"supply_temp_c", QUANTITY_GAUGE, UNIT_C, false},
	{"delta_temp_k", QUANTITY_GAUGE, UNIT_K, false},
	{"battery_soc_pct", QUANTITY_GAUGE, UNIT_PCT, false},
	{"solar_radiation_wm2", QUANTITY_GAUGE, UNIT_OTHER, false},
	/* outside of the vocabulary */
	{"active_energy_import", QUANTITY_UNKNOWN, UNIT_NONE, false},
	{"active_energy_import_w", QUANTITY_UNKNOWN, UNIT_NONE, false},
	{"active_power_kwh", QUANTITY_UNKNOWN, UNIT_NONE, false},
	{"active_power_t1_w", QUANTITY_UNKNOWN, UNIT_NONE, false},
	{"heat_energy_m3", QUANTITY_UNKNOWN, UNIT_NONE, false},
	{"voltage_lx_n_v", QUANTITY_UNKNOWN, UNIT_NONE, false},
	{"pulse_count_ch", QUANTITY_UNKNOWN, UNIT_NONE, false},
	{"pulse_count_ch1x", QUANTITY_UNKNOWN, UNIT_NONE, false},
	{"active_energy_import_kwh_", QUANTITY_UNKNOWN, UNIT_NONE, false},
	{"partial_kwh", QUANTITY_UNKNOWN, UNIT_NONE, false},
	{"kwh", QUANTITY_UNKNOWN, UNIT_NONE, false},
	{"grid_", QUANTITY_UNKNOWN, UNIT_NONE, false},
	{"serial_number", QUANTITY_UNKNOWN, UNIT_NONE, false},
	{"Active_power_w", QUANTITY_UNKNOWN, UNIT_NONE, false},
	{"", QUANTITY_UNKNOWN, UNIT_NONE, false},
};

static const struct name_case {
	const char *phrase, *name;
	bool is_valid;
} name_cases[] = {
	{"usual name", "volume_total_m3", true},
	{"one letter", "x", true},
	{"63 bytes", "a23456789012345678901234567890123456789012345678901234567890123", true},
	{"64 bytes", "a234567890123456789012345678901234567890123456789012345678901234", false},
	{"empty", "", false},
	{"digit first", "3phase", false},
	{"underscore first", "_x", false},
	{"capital", "powerW", false},
	{"blank", "a b", false},
	{"equals sign", "a=b", false},
	{"comma", "a,b", false},
	{"not ASCII", "电", false},
};
/* clang-format on */

#define COUNT(table) (sizeof(table) / sizeof *(table))

static void test_classify(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(kind_cases); i++) {
		const struct kind_case *c = &kind_cases[i];
		struct quantity q = quantity_classify(c->name, strlen(c->name));

		if (q.kind != c->kind || q.unit != c->unit || q.is_main != c->is_main)
			fail_msg("%s: kind %d unit %d main %d", c->name, q.kind, q.unit, q.is_main);
	}
}

static void test_name_is_valid(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(name_cases); i++)
		if (quantity_name_is_valid(name_cases[i].name, strlen(name_cases[i].name)) !=
		    name_cases[i].is_valid)
			fail_msg("%s", name_cases[i].phrase);
}

static void test_unit_names(void **state)
{
	(void)state;
	assert_string_equal(quantity_unit_name(UNIT_KWH), "kWh");
	assert_string_equal(quantity_unit_name(UNIT_M3H), "m3/h");
	assert_string_equal(quantity_unit_name(UNIT_NONE), "");
	assert_string_equal(quantity_unit_name(UNIT_OTHER), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_classify),
		cmocka_unit_test(test_name_is_valid),
		cmocka_unit_test(test_unit_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
