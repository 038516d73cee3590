/* SPDX-License-Identifier: Apache-2.0 */
/* sim_campus.h - a small campus from text, for the simulator's tests. */
#ifndef TESTS_UNIT_SIM_CAMPUS_H
#define TESTS_UNIT_SIM_CAMPUS_H

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#include "sim/campus.h"

/* One gateway, whose meters follow; profiles are the shipped ones. */
#define SIM_GATEWAY \
	"campus: {start: 2024-01-01}\nbuses:\n  - name: b\n    tcp: {port: 0}\n    meters:\n"

static const int64_t SIM_NOON = 1718510400000; /* 2024-06-16T12:00:00+08:00, a Sunday */

static inline struct campus *sim_campus(const char *text)
{
	struct campus *campus = NULL;
	struct conf_errors errors = {0};
	int code = campus_parse(&campus, "config/x.yaml", text, strlen(text), SIM_NOON, &errors);

	if (code != 0)
		print_error("%s", errors.count > 0 ? errors.text.data : "no words");
	assert_int_equal(code, 0);
	conf_errors_fini(&errors);
	return campus;
}

#endif
