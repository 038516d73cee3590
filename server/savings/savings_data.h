/* SPDX-License-Identifier: Apache-2.0 */
/* savings_data.h - what a baseline is computed from: use by days or bills, outdoor temperatures. */
#ifndef SERVER_SAVINGS_DATA_H
#define SERVER_SAVINGS_DATA_H

#include "server/savings/savings.h"

struct savings_data {
	struct sample *use; /* by time, days or bills as baseline.h wants them */
	size_t n, cap;
	bool is_billed;                        /* a day that was to be metered is billed */
	bool do_overlap;                       /* bills of different days overlap */
	const struct temperature *temperature; /* the registry's, or own */
	struct temperature own;
};

/* Of the days [days.from, days.to), none later than yesterday. */
int savings_data_load(const struct figures *figures, const struct registry_baseline *baseline,
		      struct span days, struct savings_data *out, struct err *err);
void savings_data_fini(struct savings_data *data);

#endif
