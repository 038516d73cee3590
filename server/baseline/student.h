/* SPDX-License-Identifier: Apache-2.0 */
/* student.h - Student's t distribution: quantiles and two-sided probabilities. */
#ifndef SERVER_STUDENT_H
#define SERVER_STUDENT_H

/* The t that a share q of the distribution lies below, 0.5 <= q < 1. NAN if dof < 1. Relative error
 * below 1e-9 for dof up to 5000. */
double student_quantile(double q, double dof);

/* The probability of |t| or more by chance. NAN if dof < 1 or t is no number. */
double student_p_value(double t, double dof);

#endif
