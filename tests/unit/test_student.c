/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>

#include "server/baseline/student.h"

static void test_quantiles_of_the_table(void **state)
{
	FILE *file = fopen("tests/data/mv/t_quantile.csv", "re");
	double q, dof, expected;
	size_t n = 0;

	(void)state;
	assert_non_null(file);
	assert_int_equal(fscanf(file, "p,dof,t\n"), 0); /* NOLINT(cert-err34-c): our own file */
	while (fscanf(file, "%lf,%lf,%lf\n", &q, &dof, &expected) == 3) { /* NOLINT(cert-err34-c) */
		double got = student_quantile(q, dof);

		if (!(fabs(got - expected) <= 1e-9 * expected))
			fail_msg("q %g, dof %g: %.12g instead of %.12g", q, dof, got, expected);
		n++;
	}
	(void)fclose(file);
	assert_int_equal(n, 38);
}

static void test_a_quantile_and_its_probability_agree(void **state)
{
	(void)state;
	for (int dof = 1; dof <= 5000; dof += dof / 7 + 1)
		for (int percent = 55; percent < 100; percent += 5) {
			double t = student_quantile(percent / 100.0, dof);
			double both = 2 * (1 - percent / 100.0);

			assert_true(fabs(student_p_value(t, dof) - both) < 1e-11);
			assert_true(fabs(student_p_value(-t, dof) - both) < 1e-11);
		}
}

static void test_ends(void **state)
{
	(void)state;
	/* Of one degree of freedom the distribution is Cauchy's. */
	assert_true(fabs(student_p_value(1, 1) - 0.5) < 1e-14);
	assert_true(fabs(student_quantile(0.75, 1) - 1) < 1e-12);
	assert_true(student_p_value(0, 10) == 1);
	assert_true(student_p_value(INFINITY, 10) == 0);
	assert_true(student_p_value(50, 350) > 0 && student_p_value(50, 350) < 1e-150);
	assert_true(isnan(student_p_value(NAN, 10)));
	assert_true(isnan(student_p_value(1, 0)));
	assert_true(isnan(student_quantile(0.95, 0)));
	assert_true(isnan(student_quantile(0.95, NAN)));
	assert_true(isnan(student_quantile(1, 10)));
	assert_true(student_quantile(0.5, 10) < 1e-12);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_quantiles_of_the_table),
		cmocka_unit_test(test_a_quantile_and_its_probability_agree),
		cmocka_unit_test(test_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
