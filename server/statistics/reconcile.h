/* SPDX-License-Identifier: Apache-2.0 */
/* reconcile.h - the utility's bill for an account against the meters behind it. */
#ifndef SERVER_RECONCILE_H
#define SERVER_RECONCILE_H

#include "server/figures/figures.h"
#include "server/rollup/bill.h"

enum reconcile_verdict {
	RECONCILE_AGREES, /* within 2 % of what was billed */
	RECONCILE_CLOSE,  /* within 5 % */
	RECONCILE_DIFFERS,
	RECONCILE_INCOMPLETE, /* the meters did not tell enough of the bill's days */
	RECONCILE_NO_METERS   /* the registry names none behind the account */
};
extern const char *const reconcile_verdict_names[], *const reconcile_verdict_zh[];

struct reconciliation {
	const char *account;
	enum carrier carrier;
	int64_t bill; /* its number */
	struct span days;
	const char *period;
	int64_t billed, metered; /* 10^-6; billed with what adjusts it */
	int64_t coverage;        /* 10^-6: of the days, the time between close readings */
	enum reconcile_verdict verdict;
};
typedef void (*reconcile_fn)(const struct reconciliation *row, void *arg);

/* Every bill in force of an institution with some of these days, by its first day. figures with
 * derived statements; its min_coverage is what makes meters complete. */
int reconcile(const struct figures *figures, uint32_t institution, struct span days,
	      reconcile_fn fn, void *arg, struct err *err);

/* Pure. */
enum reconcile_verdict reconcile_judge(int64_t billed, int64_t metered);

#endif
