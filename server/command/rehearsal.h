/* SPDX-License-Identifier: Apache-2.0 */
/* rehearsal.h - what a registry would make of the readings that a ledger has: computed by the same
 * code as the real figures, but in a temporary ledger that holds the institutions in question. */
#ifndef SERVER_REHEARSAL_H
#define SERVER_REHEARSAL_H

#include "server/command/registry_diff.h"
#include "server/factors/factors.h"
#include "server/ledger/ledger.h"

enum rehearsal_kind {
	REHEARSAL_METER_MONTH,
	REHEARSAL_CARRIER_MONTH,
	REHEARSAL_CARRIER_YEAR,
	REHEARSAL_KPI_YEAR,
	REHEARSAL_QUOTA_YEAR, /* share of its quota */
	REHEARSAL_TARGET_YEAR /* progress towards its plan's target */
};

/* A figure. Texts borrow from the registry. */
struct rehearsal_row {
	const char *institution;
	enum rehearsal_kind kind;
	const char *subject, *unit; /* subject: meter, carrier or indicator */
	civil_day start;            /* of the month or year */
	int64_t value;              /* 10^-6 */
};
struct rehearsal_rows { /* zeroed: none; sorted by rehearsal_play */
	struct rehearsal_row *items;
	size_t n, cap;
};

struct rehearsal_ask {
	const struct factors *factors;
	int64_t min_coverage, now_ms;
};

struct rehearsal;

/* Copies readings and bills of the institutions in diff, as either registry assigns them. from is
 * a reader; it is only read, and needed no longer. The temporary folder is in $TMPDIR or /tmp. */
int rehearsal_open(struct rehearsal **out, struct ledger *from, const struct registry_diff *diff,
		   struct err *err);
void rehearsal_close(struct rehearsal *rehearsal); /* removes the folder; NULL is allowed */

/* All figures of the institutions in diff by one of its registries, called for one and then for the
 * other. A figure that is not known or withheld has no row. */
int rehearsal_play(struct rehearsal *rehearsal, struct registry *registry,
		   const struct rehearsal_ask *ask, struct rehearsal_rows *rows, struct err *err);

/* Orders by institution, kind, subject, start. */
int rehearsal_compare(const struct rehearsal_row *a, const struct rehearsal_row *b);

#endif
