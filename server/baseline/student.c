/* SPDX-License-Identifier: Apache-2.0 */
#include "server/baseline/student.h"

#include <math.h>

enum { MAX_TERMS = 10000, MAX_STEPS = 200 };

/* lgamma writes a global sign; lgamma_r does not. */
static double log_gamma(double x)
{
	int sign;

	return lgamma_r(x, &sign);
}

/* Keeps a divisor of the continued fraction off zero. */
static double away_from_zero(double x)
{
	const double tiny = 1e-300;

	return fabs(x) < tiny ? tiny : x;
}

/* The continued fraction of the incomplete beta function, by Lentz's method. */
static double beta_fraction(double a, double b, double x)
{
	double c = 1, d = 1 / away_from_zero(1 - (a + b) * x / (a + 1)), h = d;

	for (int m = 1; m <= MAX_TERMS; m++) {
		double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
		double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
		double step;

		d = 1 / away_from_zero(1 + even * d);
		c = away_from_zero(1 + even / c);
		h *= d * c;
		d = 1 / away_from_zero(1 + odd * d);
		c = away_from_zero(1 + odd / c);
		step = d * c;
		h *= step;
		if (fabs(step - 1) < 1e-15)
			break;
	}
	return h;
}

/* Regularised; y = 1 - x is given apart, since it may be far smaller than x can tell. */
static double incomplete_beta(double a, double b, double x, double y)
{
	double front;

	if (x <= 0 || y <= 0)
		return x <= 0 ? 0 : 1;
	front = exp(log_gamma(a + b) - log_gamma(a) - log_gamma(b) + a * log(x) + b * log(y));
	if (x < (a + 1) / (a + b + 2))
		return front * beta_fraction(a, b, x) / a;
	return 1 - front * beta_fraction(b, a, y) / b;
}

double student_p_value(double t, double dof)
{
	double square = t * t;

	if (!(dof >= 1) || isnan(t))
		return NAN;
	if (isinf(square))
		return 0;
	return incomplete_beta(dof / 2, 0.5, dof / (dof + square), square / (dof + square));
}

double student_quantile(double q, double dof)
{
	double low = 0, high = 1, wanted = 2 * (1 - q);

	if (!(dof >= 1) || !(q >= 0.5 && q < 1))
		return NAN;
	while (student_p_value(high, dof) > wanted && high < 1e150)
		high *= 2;
	for (int i = 0; i < MAX_STEPS && high - low > 1e-14 * high; i++) {
		double middle = low + (high - low) / 2;

		if (student_p_value(middle, dof) > wanted)
			low = middle;
		else
			high = middle;
	}
	return low + (high - low) / 2;
}
