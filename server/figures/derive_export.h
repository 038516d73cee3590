/* SPDX-License-Identifier: Apache-2.0 */
/* derive_export.h - derived rows as line protocol, in the order of their changes. */
#ifndef SERVER_DERIVE_EXPORT_H
#define SERVER_DERIVE_EXPORT_H

#include "server/factors/factors.h"
#include "server/tsdb/tsdb.h"

/* What indicators are computed with. Borrowed by every question. */
struct derive_export {
	const struct factors *factors;
	int64_t min_coverage;        /* 10^-6 */
	struct figures_cache *cache; /* NULL: none */
};

/* Of what a source remembers for a database (tsdb_export.kept) this one has the first. */
enum { DERIVE_EXPORT_KEPT = 6 };

/* A tsdb_source_fn; arg is a const struct derive_export. Writes energy_hour, energy_day,
 * energy_month, their _meter series, kpi_month, kpi_year, region_kpi_month, region_kpi_year and
 * event of what changed after the cursor: whole changes, about max_lines lines or one change. Hours
 * that did not change since the cursor are left out; what vanished is deleted. */
int derive_export(const struct tsdb_question *question, struct tsdb_export *out, void *arg,
		  struct err *err);

#endif
