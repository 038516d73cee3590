/* SPDX-License-Identifier: Apache-2.0 */
/* export_later.h - what late rows move in periods that are compared with theirs: "_previous" and
 * targets of the institution and of those who came after it. */
#ifndef SERVER_EXPORT_LATER_H
#define SERVER_EXPORT_LATER_H

#include "server/figures/export_kpi.h"

/* What changed after them, of this server's own rows and of those of lower servers. */
struct export_since {
	int64_t change, number; /* of the exchange */
};

/* Writes the points a year after a day, or a month, whose rows changed since, and the years
 * that a plan compares with the month's year. Left out is what has rows of its own that changed
 * since, which are written for that, and what has none. export->month does not matter. */
int export_later_day(const struct export_kpis *export, const struct export_since *since,
		     civil_day day, struct err *err);
int export_later_month(const struct export_kpis *export, const struct export_since *since,
		       civil_day month, struct err *err);

#endif
