/* SPDX-License-Identifier: Apache-2.0 */
/* source.h - from a quantity's name to what a simulated meter shows for it. */
#ifndef SIM_SOURCE_H
#define SIM_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/campus.h"

enum source_kind {
	SOURCE_CONSTANT, /* nothing that we simulate: always the same */
	SOURCE_AMOUNT,   /* what the dial shows * numerator / denominator */
	SOURCE_DAY,      /* the same of what has flowed since local midnight */
	SOURCE_GAUGE,    /* a momentary value */
};

struct source {
	enum source_kind kind;
	enum flow flow;
	int64_t numerator, denominator;
	int gauge; /* index for source_gauge */
	double constant;
};

/* Everything momentary about a meter, at its dial's side of the transformers. */
struct source_state {
	double power_w, reactive_var, apparent_va, power_factor, angle_deg;
	double volt[3], line_volt, current[3], current_sum, frequency_hz;
	double flow_m3h, supply_c, return_c, heat_w, heat_gjh, ambient_c, device_c;
	double phase_w, phase_var, phase_va, dc_w, dc_volt, dc_current;
	double import_w, export_w, humidity_pct, velocity_ms, delta_k, zero, thd_pct;
};

/* The source of a quantity (a wire name) on a meter of this kind. */
struct source source_find(const char *name, enum load_unit carrier, bool is_generation);

void source_state(const struct campus *campus, const struct campus_meter *meter, int64_t utc_ms,
		  struct source_state *state);
double source_gauge(const struct source *source, const struct source_state *state);
/* 10^-6 units of the quantity, rounded down. */
int64_t source_amount(const struct campus *campus, const struct source *source,
		      const struct campus_meter *meter, int64_t utc_ms);

#endif
