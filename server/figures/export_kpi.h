/* SPDX-License-Identifier: Apache-2.0 */
/* export_kpi.h - the measurements "kpi_day", "kpi_month" and "kpi_year": an institution's
 * indicators.
 *
 * kpi_month,region=,institution=,type= <indicators>,name="",latitude=,longitude=
 * A year has its quotas and targets as well (export_goal.h).
 * The place is in WGS-84, and left out of sensitive institutions. */
#ifndef SERVER_EXPORT_KPI_H
#define SERVER_EXPORT_KPI_H

#include "server/figures/figures_private.h"
#include "server/tsdb/tsdb.h"

struct export_kpis {
	struct tsdb_export *out;
	const struct figures_reader *reader;
	uint32_t institution;
	civil_day month;   /* in the period */
	bool may_be_there; /* the database may have the point already */
};

/* The point of one period; none if it has not begun or every indicator is withheld. */
int export_kpis(const struct export_kpis *export, const char *measurement,
		enum figures_period_kind kind, struct err *err);
/* The point of one day; month does not matter. */
int export_kpi_day(const struct export_kpis *export, civil_day day, struct err *err);

#endif
