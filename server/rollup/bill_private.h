/* SPDX-License-Identifier: Apache-2.0 */
/* bill_private.h - what the sources of bills share; nobody else includes it. */
#ifndef SERVER_BILL_PRIVATE_H
#define SERVER_BILL_PRIVATE_H

#include "server/rollup/bill.h"

/* ---- rows (bill_store.c) ---- */

/* Bills in force that this one would stand beside; only numbers, their texts are NULL. 1 or 0. */
/* Of the same institution, carrier, days, use and account (an adjusting bill: and key). */
int bill_find_same(struct ledger *ledger, const struct bill *bill, struct bill *same,
		   struct err *err);
/* Of the same institution and key. */
int bill_find_key(struct ledger *ledger, const struct bill *bill, struct bill *same,
		  struct err *err);
/* Of the same carrier, use and account, with some of the same days. Adjusting bills do not count.
 */
int bill_find_overlap(struct ledger *ledger, const struct bill *bill, struct bill *other,
		      struct err *err);
/* What adjusts one bill adjusts from now on the one that replaced it. */
int bill_follow(struct ledger *ledger, int64_t from, int64_t to, struct err *err);
/* Quantity per day of the other bills of this institution, carrier, use and account: 0 if none. */
int bill_usual_per_day(struct ledger *ledger, const struct bill *bill, int64_t *per_day,
		       struct err *err);
/* With its id, if it has one. */
int bill_insert(struct ledger *ledger, const struct bill *bill, int64_t corrects, int64_t *id,
		struct err *err);
/* by and why "": replaced by another. */
int bill_mark_withdrawn(struct ledger *ledger, const struct bill_withdrawal *withdrawal,
			struct err *err);

/* ---- doubts (bill_warning.c) ---- */

/* Judges the amount by what was billed a year before, else by what is usual; then the use. */
int bill_doubt(struct ledger *ledger, const struct bill *bill, struct bill_result *result,
	       struct err *err);

#endif
