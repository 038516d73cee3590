/* SPDX-License-Identifier: Apache-2.0 */
/* baseline.h - savings from meter and temperature data: a model of the time before a measure, and
 * what it says would have been used since. Pure. */
#ifndef SERVER_BASELINE_H
#define SERVER_BASELINE_H

#include "server/baseline/fit.h"
#include "server/baseline/sufficiency.h"
#include "server/baseline/uncertainty.h"

struct baseline_span {
	int64_t from_ms, to_ms; /* UTC */
};

struct baseline_spec {
	enum use_cadence cadence; /* daily method, or billing method with monthly or other bills */
	int per_day;              /* daily method: meter samples of a full day */
	bool zero_is_missing, has_cooling;
	struct degree_grid grid;
	double max_p_value;
	int64_t offset_ms;
	struct baseline_span baseline, reporting;
};

struct baseline_input {
	struct baseline_spec spec;
	const struct sample *meter; /* in the order of time */
	size_t n_meter;
	const struct temperature *temperature;
	const struct temperature *typical; /* a typical year; NULL: none */
};

/* A reporting period; NAN where it is not known. */
struct baseline_saving {
	const struct use_period *period;
	double counterfactual, base, heating, cooling;
	bool is_used; /* use and temperature are both known */
};

/* Sums over the periods used. */
struct baseline_sum {
	size_t n;
	double days, observed, counterfactual, base, heating, cooling;
};

struct baseline_month {
	civil_day month; /* its first day */
	struct baseline_sum sum;
};

struct baseline_normal {
	bool is_known; /* both models and a typical year are there */
	size_t n_days;
	struct sufficiency sufficiency; /* of the reporting period */
	struct fit fit;                 /* of the reporting period */
	double baseline_use, reporting_use, saving, band;
};

struct baseline_result {
	struct sufficiency sufficiency;
	struct fit fit;
	struct fit_metrics per_day, totals; /* of use a day and of period totals */
	struct use_periods reporting;       /* owned */
	struct baseline_saving *savings;    /* of each reporting period; owned */
	struct baseline_sum sum;
	struct baseline_month *months; /* those with a used period; owned */
	size_t n_months;
	struct uncertainty uncertainty;
	struct baseline_normal normal;
};

/* Whatever the data are, all numbers are finite or NAN. The result borrows nothing. */
void baseline_compute(const struct baseline_input *input, struct baseline_result *out);
void baseline_result_fini(struct baseline_result *result);

/* The observed use stays below what the model says by more than the band. */
bool baseline_is_significant(double avoided, double band);

/* How far a model may be trusted: by CV(RMSE) with all degrees of freedom counted. */
enum baseline_quality { QUALITY_GOOD, QUALITY_USABLE, QUALITY_POOR };
enum baseline_quality baseline_quality(const struct baseline_result *result, bool is_daily);
const char *baseline_quality_name(enum baseline_quality quality);

/* The model says more than "always the same": r2_adjusted of at least 0.1 and a term that is not
 * chance. */
bool baseline_depends_on_weather(const struct fit *fit);

#endif
