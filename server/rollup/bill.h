/* SPDX-License-Identifier: Apache-2.0 */
/* bill.h - what suppliers billed and people read off: entered, imported, corrected, spread over
 * days. Rules: docs/figures.md. */
#ifndef SERVER_BILL_H
#define SERVER_BILL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/factors/factors.h"
#include "server/ledger/ledger.h"

/* What a fuel was for; what source water came from. Reclaimed water is no part of the total. */
enum bill_use {
	USE_NONE,
	USE_VEHICLE,
	USE_HEATING,
	USE_KITCHEN,
	USE_GENERATOR,
	USE_WELL,
	USE_RECLAIMED,
	N_BILL_USES
};
extern const char *const bill_use_names[]; /* "", "vehicle" ...; NULL-terminated */

/* A bill. Texts borrow from whoever made it; NULL counts as "". */
struct bill {
	int64_t id; /* given by the ledger */
	const char *institution;
	enum carrier carrier;
	struct span days; /* to exclusive */
	int64_t quantity; /* 10^-6 of the carrier's unit; 0 if it is a lump sum */
	bool is_lump;     /* heat or cooling billed by area: a fee alone */
	int64_t fee;      /* 10^-6 yuan, or MICRO_NONE */
	char period[8];   /* accounting month 账期 "2026-10" */
	enum bill_use use;
	const char *account;    /* customer number, "" if there is one only */
	const char *note;       /* or "" */
	const char *as_entered; /* "1.2 万kWh" */
	const char *key;        /* the sender's own number of the bill, or "" */
	int64_t first, last;    /* readings 10^-6 that give the quantity, or MICRO_NONE */
	int64_t ratio;          /* of those readings, 10^-6; 0: there are none */
	int64_t adjusts;        /* 退补: id of the bill whose amount this one changes, or 0 */
	int64_t corrects;       /* id of the bill it replaced, or 0 */
	bool is_confirmed;      /* whoever entered it was asked and means it */
	const char *entered_by;
	int64_t entered_at_ms;
	bool is_withdrawn;
	const char *withdrawn_by, *withdrawn_why; /* "" unless somebody withdrew it */
	int64_t withdrawn_at_ms;
};

enum bill_outcome {
	BILL_STORED,
	BILL_UNCHANGED,   /* the same bill is there already */
	BILL_CORRECTED,   /* same institution, carrier, days, use and account, another amount: the
			     old one is withdrawn, the new one refers to it */
	BILL_UNCONFIRMED, /* the amount looks wrong: nothing is stored until it is confirmed */
	BILL_REJECTED,
};
extern const char *const bill_outcome_names[];

enum bill_warning {
	BILL_PLAUSIBLE,
	BILL_TIMES_10,
	BILL_TIMES_1000,
	BILL_TIMES_10000,
	BILL_YEAR_CHANGE, /* more than 30 % against the same days a year before */
	BILL_UNUSUAL,     /* five times or a fifth of the usual per day */
	BILL_OTHER_USE    /* of one with a use and one without it on the same days */
};
extern const char *const bill_warning_names[]; /* "" "times_10" ... */

struct bill_result {
	enum bill_outcome outcome;
	int64_t id; /* of the stored or unchanged bill, else 0 */
	enum bill_warning warning;
	struct err words; /* of the warning, or "" */
};

/* Creates the tables if need be. Writers call it once after ledger_open; derive_open does too. */
int bill_prepare(struct ledger *ledger, struct err *err);
/* Stores one bill in its own transaction and marks its days for the roll-ups. -EINVAL with words
 * if the registry does not know the institution or the bill makes no sense. */
int bill_add(struct ledger *ledger, const struct registry *registry, const struct bill *bill,
	     struct bill_result *result, struct err *err);
/* The same inside the caller's transaction; what was written before a failure stays. */
int bill_put(struct ledger *ledger, const struct registry *registry, const struct bill *bill,
	     struct bill_result *result, struct err *err);

/* Into another ledger as it is, inside the caller's transaction: with its number, unjudged. */
int bill_copy(struct ledger *ledger, const struct bill *bill, struct err *err);

struct bill_withdrawal {
	int64_t id;
	const char *by, *why;
	int64_t at_ms;
};
int bill_withdraw(struct ledger *ledger, const struct bill_withdrawal *withdrawal,
		  struct err *err); /* -ENOENT: no such bill in force */

typedef int (*bill_fn)(const struct bill *bill, void *arg); /* not 0: stop and return that */
struct bill_query {
	const char *institution;
	struct span days; /* bills that overlap them */
	bool with_withdrawn;
};
/* By first day, then carrier. */
int bill_list(struct ledger *ledger, const struct bill_query *query, bill_fn fn, void *arg,
	      struct err *err);
/* One bill by its number, also a withdrawn one: 1 after fn, or 0. */
int bill_get(struct ledger *ledger, int64_t id, bill_fn fn, void *arg, struct err *err);

/* Quantity and number of the bills in force that adjust this one, whatever their days. */
int bill_sum_adjusting(struct ledger *ledger, int64_t id, int64_t *quantity, int64_t *n,
		       struct err *err);

/* The part of a bill's quantity that falls in days: floor-based, so that parts add up. Pure. */
int64_t bill_share(const struct bill *bill, struct span days);
/* Does it stand for consumption that enters the carrier's total? */
bool bill_is_in_total(const struct bill *bill);

#endif
