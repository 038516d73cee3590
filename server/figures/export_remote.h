/* SPDX-License-Identifier: Apache-2.0 */
/* export_remote.h - days and months of institutions that lower servers hand up, and their
 * indicators, as series of the same names and tags as those of this server's own. */
#ifndef SERVER_EXPORT_REMOTE_H
#define SERVER_EXPORT_REMOTE_H

#include "server/figures/figures_private.h"
#include "server/tsdb/tsdb.h"

/* What is remembered of a range of changes that one question could not take: numbers. */
enum { EXPORT_REMOTE_KEPT = 4 };

struct export_remote {
	struct tsdb_export *out;
	const struct figures_reader *reader;
	int64_t after, upto; /* changes */
	bool may_be_there;   /* the database may have points already */
	size_t max_lines;
	int64_t *kept; /* EXPORT_REMOTE_KEPT of out->kept */
};

/* True: a question before began with this `after`; upto becomes that question's. */
bool export_remote_goes_on(struct export_remote *export);
/* Rows that came with the changes, and all rows of institutions that are new in the registry or
 * have other tags now. done: false if max_lines were reached before; the same `after` goes on. */
int export_remote(const struct export_remote *export, bool *done, struct err *err);

/* Months and days of which an institution has rows; from > to: none. */
struct export_remote_days {
	struct span months, days;
};
int export_remote_find(const struct figures_reader *reader, uint32_t institution,
		       struct export_remote_days *out, struct err *err);

/* Months that regions are to be written anew for, in no order, after a change; also all from
 * `restated` on. */
typedef void (*export_month_fn)(civil_day month, void *arg);
int export_remote_months(const struct figures_reader *reader, int64_t after, civil_day restated,
			 export_month_fn fn, void *arg, struct err *err);

#endif
