/* SPDX-License-Identifier: Apache-2.0 */
/* export_region.h - the measurements "region_kpi_month" and "region_kpi_year": indicators of every
 * region that institutions lie in, so that wide dashboards read a line and not a province.
 *
 * region_kpi_month,region=<code> <indicators>,institutions=,reporting=,name="",parent="<code>" */
#ifndef SERVER_EXPORT_REGION_H
#define SERVER_EXPORT_REGION_H

#include "server/figures/figures.h"
#include "server/tsdb/tsdb.h"

/* The months, and their years, of which an institution's row changed after a change. may_be_there:
 * the database may have points already. */
int export_regions(struct tsdb_export *out, const struct figures *figures, int64_t after,
		   bool may_be_there, struct err *err);

#endif
