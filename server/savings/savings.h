/* SPDX-License-Identifier: Apache-2.0 */
/* savings.h - what a measure saved, by day, month and altogether: from the roll-ups, the bills, the
 * weather and the baseline that the registry declares. Computed from scratch at each call.
 *
 * Amounts are int64 in 10^-6 of the unit of use, so that days add up to months and months to the
 * whole. Definitions: docs/savings.md. */
#ifndef SERVER_SAVINGS_H
#define SERVER_SAVINGS_H

#include "server/baseline/baseline.h"
#include "server/figures/figures.h"
#include "server/registry/registry_savings.h"

/* Why savings are not certifiable; those of the data of the baseline (sufficiency.h) come first. */
enum savings_refusal {
	SAVINGS_NO_DATA = N_SUFFICIENCY_FAILURES,
	SAVINGS_NO_MODEL,
	SAVINGS_BASELINE_RUNS,
	SAVINGS_BILLED,
	SAVINGS_BILLS_OVERLAP,
	N_SAVINGS_REFUSALS
};
struct savings_words {
	const char *name, *en, *zh; /* "no_model" and a sentence */
};
const struct savings_words *savings_refusal_words(enum savings_refusal refusal);

/* A local day since the measure. Of a bill, its days have equal parts. */
struct savings_day {
	civil_day day;
	bool is_used;   /* use and temperature are known; else the rest is 0 */
	int64_t used;   /* measured */
	int64_t model;  /* what the baseline's model says */
	int64_t adjust; /* of the non-routine adjustments */
	int64_t saved;  /* model + adjust - used */
};

/* Sums over the days used of a span. */
struct savings_sum {
	struct span days;
	int64_t n_days, n_used;
	int64_t used, model, adjust, saved;
	double band; /* two-sided 90 %, in the unit of use; NAN: undefined */
};

struct savings {
	const struct registry_baseline *baseline; /* borrows the registry's */
	const char *unit;
	bool refusals[N_SAVINGS_REFUSALS];
	bool is_certifiable; /* none of them */
	struct baseline_result result;
	struct savings_day *days; /* every day from reporting.from on, without today; owned */
	size_t n_days;
	struct savings_sum total;
	struct savings_sum *months; /* owned */
	size_t n_months;
};

/* baseline: index in the registry of figures. */
int savings_compute(const struct figures *figures, uint32_t baseline, struct savings *out,
		    struct err *err);
void savings_fini(struct savings *savings);

/* Sums over [days.from, days.to), which lie in the reporting period or outside. */
struct savings_sum savings_sum(const struct savings *savings, struct span days);
/* saved / (model + adjust); NAN where that is 0. */
double savings_fraction(const struct savings_sum *sum);
bool savings_is_significant(const struct savings_sum *sum);

#endif
