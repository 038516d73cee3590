/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/source.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#include "sim/noise.h"

/* Amount times numerator needs more than 64 bits. */
__extension__ typedef __int128 wide;

static const double NOMINAL_VOLT = 230, ROOT_3 = 1.7320508075688772;

static const struct gauge {
	const char *name;
	size_t offset;
} GAUGES[] = {
#define AT(member) offsetof(struct source_state, member)
	{"voltage_l1_n_v", AT(volt[0])},
	{"voltage_l2_n_v", AT(volt[1])},
	{"voltage_l3_n_v", AT(volt[2])},
	{"voltage_ln_avg_v", AT(volt[0])},
	{"voltage_l1_l2_v", AT(line_volt)},
	{"voltage_l2_l3_v", AT(line_volt)},
	{"voltage_l3_l1_v", AT(line_volt)},
	{"voltage_ll_avg_v", AT(line_volt)},
	{"current_l1_a", AT(current[0])},
	{"current_l2_a", AT(current[1])},
	{"current_l3_a", AT(current[2])},
	{"current_avg_a", AT(current[0])},
	{"current_sum_a", AT(current_sum)},
	{"active_power_w", AT(power_w)},
	{"active_power_l1_w", AT(phase_w)},
	{"active_power_l2_w", AT(phase_w)},
	{"active_power_l3_w", AT(phase_w)},
	{"active_power_import_w", AT(import_w)},
	{"active_power_export_w", AT(export_w)},
	{"demand_active_power_w", AT(power_w)},
	{"reactive_power_var", AT(reactive_var)},
	{"reactive_power_l1_var", AT(phase_var)},
	{"reactive_power_l2_var", AT(phase_var)},
	{"reactive_power_l3_var", AT(phase_var)},
	{"apparent_power_va", AT(apparent_va)},
	{"apparent_power_l1_va", AT(phase_va)},
	{"apparent_power_l2_va", AT(phase_va)},
	{"apparent_power_l3_va", AT(phase_va)},
	{"power_factor", AT(power_factor)},
	{"power_factor_l1", AT(power_factor)},
	{"power_factor_l2", AT(power_factor)},
	{"power_factor_l3", AT(power_factor)},
	{"phase_angle_deg", AT(angle_deg)},
	{"frequency_hz", AT(frequency_hz)},
	{"volume_flow_m3h", AT(flow_m3h)},
	{"flow_velocity_ms", AT(velocity_ms)},
	{"supply_temp_c", AT(supply_c)},
	{"return_temp_c", AT(return_c)},
	{"delta_temp_k", AT(delta_k)},
	{"heat_power_w", AT(heat_w)},
	{"heat_power_gjh", AT(heat_gjh)},
	{"ambient_temp_c", AT(ambient_c)},
	{"relative_humidity_pct", AT(humidity_pct)},
	{"device_temp_c", AT(device_c)},
	{"dc_power_w", AT(dc_w)},
	{"dc_voltage_mppt1_v", AT(dc_volt)},
	{"dc_voltage_string1_v", AT(dc_volt)},
	{"dc_current_mppt1_a", AT(dc_current)},
	{"dc_current_string1_a", AT(dc_current)},
	{"thd_voltage_l1_pct", AT(thd_pct)},
	{"thd_voltage_l2_pct", AT(thd_pct)},
	{"thd_voltage_l3_pct", AT(thd_pct)},
#undef AT
};

/* Which share of the dial a cumulative register shows; the first row that fits holds. */
struct share {
	const char *start, *inside; /* the name starts with one and contains the other */
	enum load_unit carrier;
	enum flow flow;
	int64_t numerator, denominator;
};

/* One GJ heats 9.552 m3 of water by 25 K (4.1875 MJ per m3 and K). */
static const struct share SHARES[] = {
	{"pv_energy_yield_day", "", LOAD_KWH, FLOW_IMPORT, 1, 1},
	{"pv_energy_yield", "", LOAD_KWH, FLOW_IMPORT, 1, 1},
	{"active_energy_export", "_l", LOAD_KWH, FLOW_EXPORT, 1, 3},
	{"active_energy_export", "_t", LOAD_KWH, FLOW_EXPORT, 1, 4},
	{"active_energy_export", "", LOAD_KWH, FLOW_EXPORT, 1, 1},
	{"active_energy_", "_l", LOAD_KWH, FLOW_IMPORT, 1, 3},
	{"active_energy_", "_t1", LOAD_KWH, FLOW_IMPORT, 1, 4},
	{"active_energy_", "_t2", LOAD_KWH, FLOW_IMPORT, 1, 4},
	{"active_energy_", "_t3", LOAD_KWH, FLOW_IMPORT, 1, 4},
	{"active_energy_", "_t4", LOAD_KWH, FLOW_IMPORT, 1, 4},
	{"active_energy_", "", LOAD_KWH, FLOW_IMPORT, 1, 1},
	{"reactive_energy_export", "", LOAD_KWH, FLOW_EXPORT, 1, 4},
	{"reactive_energy_capacitive", "", LOAD_KWH, FLOW_EXPORT, 1, 4},
	{"reactive_energy_q", "", LOAD_KWH, FLOW_EXPORT, 1, 4},
	{"reactive_energy_", "_l", LOAD_KWH, FLOW_IMPORT, 1, 12},
	{"reactive_energy_", "", LOAD_KWH, FLOW_IMPORT, 1, 4},
	{"apparent_energy", "", LOAD_KWH, FLOW_IMPORT, 33, 32},
	{"heat_energy_reverse", "", LOAD_GJ, FLOW_EXPORT, 1, 1},
	{"heat_energy", "_kwh", LOAD_GJ, FLOW_IMPORT, 2500, 9},
	{"heat_energy", "_mj", LOAD_GJ, FLOW_IMPORT, 1000, 1},
	{"heat_energy", "_gj", LOAD_GJ, FLOW_IMPORT, 1, 1},
	{"volume_reverse", "", LOAD_M3, FLOW_EXPORT, 1, 1},
	{"volume_reverse", "", LOAD_GJ, FLOW_EXPORT, 1, 1},
	{"volume_", "_m3", LOAD_M3, FLOW_IMPORT, 1, 1},
	{"volume_", "_m3", LOAD_GJ, FLOW_IMPORT, 9552, 1000},
};

static bool starts_with(const char *text, const char *start)
{
	return strncmp(text, start, strlen(start)) == 0;
}

static const struct share *find_share(const char *name, enum load_unit carrier)
{
	for (size_t i = 0; i < sizeof SHARES / sizeof *SHARES; i++) {
		const struct share *share = &SHARES[i];

		if (share->carrier == carrier && starts_with(name, share->start) &&
		    strstr(name + strlen(share->start), share->inside) != NULL)
			return share;
	}
	return NULL;
}

struct source source_find(const char *name, enum load_unit carrier, bool is_generation)
{
	struct source source = {.kind = SOURCE_CONSTANT};
	const struct share *share = NULL;

	for (size_t i = 0; i < sizeof GAUGES / sizeof *GAUGES; i++)
		if (strcmp(GAUGES[i].name, name) == 0) {
			source.kind = SOURCE_GAUGE;
			source.gauge = (int)i;
			return source;
		}
	/* A rate such as volume_flow_m3h is no share of the dial; partial counts are never reset.
	 */
	if (strstr(name, "_m3h") == NULL && strstr(name, "_gjh") == NULL)
		share = find_share(name, carrier);
	if (share == NULL)
		return source;
	source.kind = strstr(name, "_day_") != NULL ? SOURCE_DAY : SOURCE_AMOUNT;
	source.flow = share->flow;
	source.numerator = share->numerator;
	source.denominator = share->denominator;
	if (is_generation && starts_with(name, "active_energy_export"))
		source.flow = FLOW_IMPORT; /* an inverter's meter feeds what is generated */
	return source;
}

int64_t source_amount(const struct campus *campus, const struct source *source,
		      const struct campus_meter *meter, int64_t utc_ms)
{
	int64_t amount;

	if (source->kind == SOURCE_DAY) {
		civil_day day = civil_day_of_utc(utc_ms, campus->offset_ms);
		int64_t start_ms = civil_day_start_utc(day, campus->offset_ms);

		amount = counter_amount(meter->counter, source->flow, utc_ms) -
			 counter_amount(meter->counter, source->flow, start_ms);
	} else {
		amount = counter_dial(meter->counter, source->flow, utc_ms);
	}
	return (int64_t)((wide)amount * source->numerator / source->denominator);
}

/* ---- the state ---- */

static void fill_electric(const struct campus_meter *meter, uint64_t seed, uint64_t step,
			  struct source_state *state)
{
	double load = fabs(state->power_w);
	int n_phases = meter->is_single_phase ? 1 : 3;
	double per_phase;

	state->power_factor = meter->is_generation ? 0.998 : 0.94 + 0.04 * noise_unit(seed, step);
	state->apparent_va = load / state->power_factor;
	state->reactive_var =
		state->apparent_va * sqrt(1 - state->power_factor * state->power_factor);
	state->angle_deg = acos(state->power_factor) * 57.29577951308232;
	state->frequency_hz = 50 + 0.015 * noise_normal(seed + 1, step);
	per_phase = state->apparent_va / n_phases;
	for (int phase = 0; phase < n_phases; phase++) {
		state->volt[phase] =
			NOMINAL_VOLT + 1.5 * noise_normal(seed + 2 + (uint64_t)phase, step);
		state->current[phase] = per_phase / state->volt[phase];
		state->current_sum += state->current[phase];
	}
	state->line_volt = NOMINAL_VOLT * ROOT_3;
	state->phase_w = state->power_w / n_phases;
	state->phase_var = state->reactive_var / n_phases;
	state->phase_va = per_phase;
	state->import_w = state->power_w > 0 ? state->power_w : 0;
	state->export_w = state->power_w < 0 ? -state->power_w : 0;
	state->dc_w = load / 0.98;
	state->dc_volt = load > 0 ? 620 : 0;
	state->dc_current = load > 0 ? state->dc_w / state->dc_volt : 0;
	state->thd_pct = 2.1;
}

static void fill_flow(const struct campus_meter *meter, double rate, struct source_state *state)
{
	if (meter->carrier == LOAD_M3) {
		state->flow_m3h = rate;
		state->supply_c = state->return_c = 14;
	} else if (meter->carrier == LOAD_GJ) {
		state->heat_gjh = rate;
		state->heat_w = rate * 1e9 / 3600;
		state->flow_m3h = rate * 9.552;
		state->supply_c = rate > 0 ? 62 : 24;
		state->return_c = rate > 0 ? 37 : 24;
		state->delta_k = state->supply_c - state->return_c;
	}
	state->velocity_ms = state->flow_m3h / 28.3; /* a pipe of 100 mm */
}

void source_state(const struct campus *campus, const struct campus_meter *meter, int64_t utc_ms,
		  struct source_state *state)
{
	uint64_t seed = noise_hash_text((uint64_t)campus->seed, meter->id);
	double rate = (double)counter_rate(meter->counter, utc_ms) / (double)meter->ratio;

	*state = (struct source_state){0};
	state->ambient_c = world_temperature_c(campus->world, utc_ms);
	state->device_c = state->ambient_c + 8;
	state->humidity_pct = 55;
	if (meter->carrier == LOAD_KWH)
		state->power_w = rate / 1000;
	fill_electric(meter, seed, (uint64_t)(utc_ms / 10000), state);
	fill_flow(meter, rate / 1e6, state);
}

double source_gauge(const struct source *source, const struct source_state *state)
{
	double value;

	if (source->kind != SOURCE_GAUGE)
		return source->constant;
	memcpy(&value, (const char *)state + GAUGES[source->gauge].offset, sizeof value);
	return value;
}
