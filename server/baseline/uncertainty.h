/* SPDX-License-Identifier: Apache-2.0 */
/* uncertainty.h - how far savings may be off, from how well the model met the baseline. */
#ifndef SERVER_UNCERTAINTY_H
#define SERVER_UNCERTAINTY_H

#include <stdbool.h>

#include "server/baseline/metrics.h"

/* What the bands depend on besides the metrics of the baseline's period totals. */
struct uncertainty_input {
	bool is_daily;
	double periods;        /* m: reporting periods: days, or months of bills */
	double counterfactual; /* sum over the reporting periods */
	double avoided;
	double mean_reporting; /* mean observed use of a reporting period */
};

/* Two-sided 90 % unless said otherwise; in the unit of use. NAN: undefined. */
struct uncertainty {
	double periods, t, n_prime, months, sun_baltazar;
	double band_on_baseline; /* OpenEEmeter's: relative band times the baseline's total */
	double fsu_on_baseline;
	double band; /* CalTRACK 4.3.2.4: relative band times the counterfactual; the one to show */
	double fsu;  /* band / avoided, of its sign */
	double ols_model, ols_noise, ols_total;
	double g14_n_prime, g14_t90, g14_t68; /* ASHRAE guideline 14 (Reddy and Claridge) */
	double g14_fsu90, g14_fsu68, g14_band90, g14_band68;
};

void uncertainty_compute(const struct fit_metrics *baseline, const struct uncertainty_input *input,
			 struct uncertainty *out);

/* The band on a model's own total over `periods` periods of a typical year. */
double uncertainty_of_model(const struct fit_metrics *metrics, bool is_daily, double periods);

#endif
