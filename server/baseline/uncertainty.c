/* SPDX-License-Identifier: Apache-2.0 */
#include "server/baseline/uncertainty.h"

#include <math.h>

#include "server/baseline/student.h"

static const double quantile_90 = 0.95, quantile_68 = 0.84;

/* A period is a day or a month. */
static double months_of(bool is_daily, double periods)
{
	return is_daily ? periods / 30 : periods;
}

/* Sun and Baltazar's factor for the length of the reporting period. */
static double sun_baltazar(bool is_daily, double months)
{
	if (is_daily)
		return -0.00024 * months * months + 0.03535 * months + 1.00286;
	return -0.00022 * months * months + 0.03306 * months + 0.94054;
}

/* Residuals that lean on each other tell less: n observations are worth n_prime. */
static double dependence(double n, double n_prime, double periods)
{
	return n_prime > 0 && periods > 0 ? sqrt(n / n_prime * (1 + 2 / n_prime) / periods) : NAN;
}

static double ratio(double value, double divisor)
{
	return divisor > 0 || divisor < 0 ? value / divisor : NAN;
}

static double relative_band(const struct fit_metrics *metrics, bool is_daily, double periods)
{
	double n = (double)metrics->n;
	double t = student_quantile(quantile_90, n - (double)metrics->n_parameters);

	return t * sun_baltazar(is_daily, months_of(is_daily, periods)) *
	       ratio(metrics->rmse_adjusted, metrics->observed_mean) *
	       dependence(n, metrics->n_prime, periods);
}

static void compute_ols(const struct fit_metrics *metrics, const struct uncertainty_input *input,
			struct uncertainty *out)
{
	double n = (double)metrics->n, m = input->periods;
	double apart = metrics->observed_mean - input->mean_reporting;

	out->ols_model = out->t * metrics->rmse_adjusted * m / sqrt(n) *
			 sqrt(1 + ratio(apart * apart, metrics->observed_variance));
	out->ols_noise = out->t * metrics->rmse_adjusted * sqrt(m * ratio(n, metrics->n_prime));
	out->ols_total = hypot(out->ols_model, out->ols_noise);
}

static void compute_g14(const struct fit_metrics *metrics, const struct uncertainty_input *input,
			struct uncertainty *out)
{
	double n = (double)metrics->n, dof = n - (double)metrics->n_parameters - 1, core;

	out->g14_n_prime = input->is_daily ? metrics->n_prime : n;
	out->g14_t90 = student_quantile(quantile_90, dof);
	out->g14_t68 = student_quantile(quantile_68, dof);
	core = 1.26 * metrics->cv_dof * dependence(n, out->g14_n_prime, input->periods);
	/* NAN where the residuals are noise: cv is then as good as 0 and says nothing. */
	if (isnan(metrics->n_prime))
		core = NAN;
	out->g14_band90 = out->g14_t90 * core * input->counterfactual;
	out->g14_band68 = out->g14_t68 * core * input->counterfactual;
	out->g14_fsu90 = ratio(out->g14_band90, input->avoided);
	out->g14_fsu68 = ratio(out->g14_band68, input->avoided);
}

void uncertainty_compute(const struct fit_metrics *baseline, const struct uncertainty_input *input,
			 struct uncertainty *out)
{
	double n = (double)baseline->n;
	double relative = relative_band(baseline, input->is_daily, input->periods);

	*out = (struct uncertainty){.periods = input->periods, .n_prime = baseline->n_prime};
	out->t = student_quantile(quantile_90, n - (double)baseline->n_parameters);
	out->months = months_of(input->is_daily, input->periods);
	out->sun_baltazar = sun_baltazar(input->is_daily, out->months);
	out->band_on_baseline = relative * baseline->observed_mean * n;
	out->band = relative * input->counterfactual;
	out->fsu_on_baseline = ratio(out->band_on_baseline, input->avoided);
	out->fsu = ratio(out->band, input->avoided);
	compute_ols(baseline, input, out);
	compute_g14(baseline, input, out);
}

double uncertainty_of_model(const struct fit_metrics *metrics, bool is_daily, double periods)
{
	return relative_band(metrics, is_daily, periods) * metrics->observed_mean *
	       (double)metrics->n;
}
