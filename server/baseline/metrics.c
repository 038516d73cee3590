/* SPDX-License-Identifier: Apache-2.0 */
#include "server/baseline/metrics.h"

#include <math.h>

static const double exact_cv = 1e-9; /* residuals below this share of use are rounding noise */

/* Pearson correlation of each residual with the one before. */
static double autocorrelation(const double *observed, const double *predicted, size_t n)
{
	double mean_now = 0, mean_before = 0, nn = 0, bb = 0, nb = 0;

	if (n < 3)
		return NAN;
	for (size_t i = 1; i < n; i++) {
		mean_now += predicted[i] - observed[i];
		mean_before += predicted[i - 1] - observed[i - 1];
	}
	mean_now /= (double)(n - 1);
	mean_before /= (double)(n - 1);
	for (size_t i = 1; i < n; i++) {
		double now = predicted[i] - observed[i] - mean_now;
		double before = predicted[i - 1] - observed[i - 1] - mean_before;

		nn += now * now;
		bb += before * before;
		nb += now * before;
	}
	return nn > 0 && bb > 0 ? nb / sqrt(nn * bb) : NAN;
}

static double ratio(double value, double divisor)
{
	return divisor > 0 || divisor < 0 ? value / divisor : NAN;
}

static double root_of(double sse, double divisor)
{
	return divisor > 0 ? sqrt(sse / divisor) : NAN;
}

void metrics_compute(const double *observed, const double *predicted, size_t n, size_t n_parameters,
		     struct fit_metrics *out)
{
	double count = (double)n, c = (double)n_parameters;
	double sum = 0, sum_predicted = 0, magnitude = 0, bias = 0, error = 0, rho;

	*out = (struct fit_metrics){.n = n, .n_parameters = n_parameters};
	for (size_t i = 0; i < n; i++) {
		double residual = predicted[i] - observed[i];

		sum += observed[i];
		sum_predicted += predicted[i];
		magnitude += fabs(observed[i]);
		bias += residual;
		error += fabs(residual);
		out->sse += residual * residual;
	}
	out->observed_mean = ratio(sum, count);
	out->predicted_mean = ratio(sum_predicted, count);
	for (size_t i = 0; i < n; i++)
		out->observed_variance +=
			(observed[i] - out->observed_mean) * (observed[i] - out->observed_mean);
	out->observed_variance = ratio(out->observed_variance, count);
	out->rmse = root_of(out->sse, count);
	out->rmse_adjusted = root_of(out->sse, count - c);
	out->rmse_dof = root_of(out->sse, count - c - 1);
	out->cv = ratio(out->rmse, ratio(magnitude, count));
	out->cv_adjusted = ratio(out->rmse_adjusted, ratio(magnitude, count));
	out->cv_dof = ratio(out->rmse_dof, ratio(magnitude, count));
	out->nmbe = ratio(bias, sum);
	out->nmae = ratio(error, sum);
	rho = out->cv < exact_cv ? NAN : autocorrelation(observed, predicted, n);
	out->autocorrelation = rho;
	out->n_prime = fabs(rho) < 1 ? count * (1 - rho) / (1 + rho) : NAN;
}
