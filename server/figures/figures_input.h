/* SPDX-License-Identifier: Apache-2.0 */
/* figures_input.h - what the sources of an institution's inputs share; nobody else includes it. */
#ifndef SERVER_FIGURES_INPUT_H
#define SERVER_FIGURES_INPUT_H

#include "server/figures/figures_private.h"
#include "server/figures/operation.h"

/* What bills charge, and at what price the rest is taken. */
struct input_fee {
	enum carrier carrier;
	struct span days;
	int64_t fee; /* 10^-6 yuan */
};
struct input_costs {
	struct input_fee *fees;
	size_t n_fees, cap_fees;
	const struct temperature *weather;        /* that fees of heat are spread by, or NULL */
	const struct tariff *tariffs[N_CARRIERS]; /* NULL: none */
};

/* Whose hours are looked at. */
enum input_load { INPUT_ELECTRICITY, INPUT_WATER, N_INPUT_LOADS };
extern const enum carrier figures_load_carriers[N_INPUT_LOADS];

/* One institution under work. */
struct input_work {
	const struct figures_reader *reader;
	const struct figures_scope *scope;
	uint32_t institution;
	int64_t id; /* of its rows; 0: it has none */
	struct kpi_input *input;
	struct input_costs costs;
	struct operation loads[N_INPUT_LOADS];
};

/* Add the value of an item's or a meter's rows; a meter's with what it misses. */
int figures_input_item(const struct input_work *work, enum carrier carrier, const char *item,
		       const struct figures_part *part, struct kpi_sum *sum, struct err *err);
int figures_input_meter(const struct input_work *work, uint32_t meter,
			const struct figures_part *part, struct kpi_sum *sum, struct err *err);
/* The total as it is supplied, with what meters and bills miss. */
int figures_input_total(const struct input_work *work, const struct total_plan *plan,
			enum carrier carrier, const struct figures_part *part,
			struct figures_quantities *out, struct err *err);
/* generation or export. */
int figures_input_account(const struct input_work *work, const struct total_plan *plan,
			  const char *name, const struct figures_part *part, struct kpi_sum *sum,
			  struct err *err);

/* ---- cost (figures_cost.c) ---- */
int figures_costs_load(struct input_costs *costs, const struct figures_reader *reader,
		       uint32_t institution, struct span days, struct err *err);
void figures_costs_free(struct input_costs *costs);
/* Does a bill with a fee cover the day? */
bool figures_fee_covers(const struct input_costs *costs, enum carrier carrier, civil_day day);
/* Of the hours of a day; MICRO_NONE where there is none. Valid until the next call. */
const int64_t *figures_prices(const struct figures_reader *reader, const struct tariff *tariff,
			      civil_day day);
/* Fees of the part, and what days without one cost; electricity by the hour comes later. */
int figures_input_cost(const struct input_work *work, enum carrier carrier,
		       const struct figures_part *part, const struct kpi_sum *total,
		       struct err *err);
void figures_cost_hours(const struct input_work *work, const struct operation *of);
/* The same of an institution that a lower server hands up. */
void figures_take_cost(const struct input_work *work, enum carrier carrier,
		       const struct figures_quantities *of);

/* ---- operation (figures_operation.c) ---- */
/* The hours of a span into work->loads. */
int figures_load_hours(struct input_work *work, struct span_ms span, struct err *err);
/* work->loads into the parts, when all months are in. */
void figures_input_operation(const struct input_work *work, struct span_ms span);

/* ---- what one carrier brings in a part (figures_carrier.c) ---- */
/* May the carrier bring anything at all? */
bool figures_input_has(const struct input_work *work, enum carrier carrier);
int figures_input_carrier(const struct input_work *work, enum carrier carrier,
			  const struct figures_part *part, struct figures_quantities *out,
			  struct err *err);
/* The same of all carriers from the rows that a lower server handed up (figures_remote.c). */
int figures_input_remote(const struct input_work *work, const struct figures_part *part,
			 struct figures_quantities out[N_CARRIERS], struct err *err);

/* ---- closed months, remembered (figures_trunk.c) ---- */
/* The end of the scope's months that are closed for good, whatever the hour is now: the start of a
 * month. False: there are none, or they are not to be remembered. */
bool figures_trunk_cut(const struct input_work *work, struct figures_trunk_key *out);
/* work->input and work->loads after these months; false: they are not remembered. */
bool figures_trunk_recall(struct input_work *work, const struct figures_trunk_key *key);
void figures_trunk_remember(const struct input_work *work, const struct figures_trunk_key *key);

/* ---- into the parts of indicators (figures_parts.c) ---- */
void figures_input_add(const struct input_work *work, enum carrier carrier, civil_day month,
		       const struct figures_quantities *of);
/* What follows from the other parts, when all months are in. */
void figures_input_finish(struct kpi_input *input);

#endif
