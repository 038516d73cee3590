/* SPDX-License-Identifier: Apache-2.0 */
/* metrics.h - how well predicted use meets the observed one. NAN: undefined. */
#ifndef SERVER_METRICS_H
#define SERVER_METRICS_H

#include <stddef.h>

struct fit_metrics {
	size_t n, n_parameters; /* degree-day terms */
	double observed_mean, predicted_mean, observed_variance;
	double sse;
	double rmse, rmse_adjusted, rmse_dof; /* over n, n - parameters, n - parameters - 1 */
	double cv, cv_adjusted, cv_dof;       /* the same over the mean of |observed| */
	double nmbe, nmae;                    /* nmbe > 0: the model is too high */
	double autocorrelation, n_prime;      /* of the residuals, lag 1 */
};

/* Where the residuals are rounding noise alone, their autocorrelation is undefined. */
void metrics_compute(const double *observed, const double *predicted, size_t n, size_t n_parameters,
		     struct fit_metrics *out);

#endif
