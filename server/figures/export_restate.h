/* SPDX-License-Identifier: Apache-2.0 */
/* export_restate.h - indicators that are written again although no row changed. */
#ifndef SERVER_EXPORT_RESTATE_H
#define SERVER_EXPORT_RESTATE_H

#include "server/figures/figures_private.h"
#include "server/tsdb/tsdb.h"

/* Of the institutions marked by the changes after `after`, up to `upto` (restate.h). may_be_there:
 * the database may have points already. */
struct export_restate {
	struct tsdb_export *out;
	const struct figures_reader *reader;
	int64_t after, upto;
	bool may_be_there;
};
int export_restate(const struct export_restate *export, struct err *err);

/* The first month of which regions are written again for such marks after a change; INT32_MAX:
 * none. */
int export_restate_regions(const struct figures_reader *reader, int64_t after, civil_day *from,
			   struct err *err);

#endif
