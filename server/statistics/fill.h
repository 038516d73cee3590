/* SPDX-License-Identifier: Apache-2.0 */
/* fill.h - what a form's lines come to, from meters, bills and registry. */
#ifndef SERVER_FILL_H
#define SERVER_FILL_H

#include "server/figures/figures.h"
#include "server/statistics/form.h"

/* A year, or a quarter of it. */
struct fill_period {
	int year, quarter; /* quarter 0: the year */
	struct span days;
};
struct fill_period fill_period(int year, int quarter);

enum { FILL_REASON_MAX = 160 };
struct fill_value {
	bool applies;    /* the carrier is supplied, or nothing has to be */
	bool is_known;   /* there is a value */
	bool is_partial; /* something of the period is missing; missing says what first */
	int64_t value;   /* 10^-6, rounded to the line's decimals */
	char missing[FILL_REASON_MAX];
};

/* What to fill from. Borrowed for the call. */
struct fill {
	const struct figures *figures; /* with derived statements */
	const struct form_schema *schema;
	struct fill_period period;
};

/* The values of an institution, together with those that report with it: out[schema->n_lines].
 * Billed carriers count by the accounting month of their bills, metered ones by their months. */
int fill_institution(const struct fill *fill, uint32_t institution, struct fill_value *out,
		     struct err *err);
/* A line's text from the registry; "" if it is none or not known. The name of a type is Chinese. */
const char *fill_text(const struct registry *registry, uint32_t institution, enum form_text text);
/* 10^-6 rounded half away from zero to so many decimals. */
int64_t fill_round(int64_t micro, int64_t decimals);

const char *fill_carrier_zh(enum carrier carrier);

#endif
