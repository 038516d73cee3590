/* SPDX-License-Identifier: Apache-2.0 */
/* bill.h - what suppliers billed: entered, imported, corrected, spread over their days. */
#ifndef SERVER_BILL_H
#define SERVER_BILL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/ledger/ledger.h"

enum bill_use { USE_NONE, USE_VEHICLE, USE_HEATING, USE_KITCHEN, USE_GENERATOR, N_BILL_USES };
extern const char *const bill_use_names[]; /* "", "vehicle" ...; NULL-terminated */

/* A bill. Texts borrow from whoever made it. */
struct bill {
	int64_t id; /* given by the ledger */
	const char *institution;
	enum carrier carrier;
	struct span days;    /* to exclusive */
	int64_t quantity;    /* 10^-6 of the carrier's unit */
	int64_t fee;         /* 10^-6 yuan, or MICRO_NONE */
	char period[8];      /* accounting month "2026-10", or "" */
	enum bill_use use;   /* of fuels */
	const char *account; /* customer number, "" if there is one only */
	const char *note;    /* or "" */
	int64_t corrects;    /* id of the bill it replaced, or 0 */
	const char *entered_by;
	int64_t entered_at_ms;
	bool is_withdrawn;
};

enum bill_outcome {
	BILL_STORED,
	BILL_UNCHANGED, /* the same bill is there already */
	BILL_CORRECTED, /* same institution, carrier, days, use and account, another amount: the
			   old one is withdrawn, the new one refers to it */
	BILL_REJECTED,
};

/* Creates the tables if need be. Writers call it once after ledger_open; derive_open does too. */
int bill_prepare(struct ledger *ledger, struct err *err);
/* Stores one bill in its own transaction and marks its days for the roll-ups. -EINVAL with words
 * if the registry does not know the institution or the bill makes no sense. warning (may be NULL)
 * gets a sentence if the amount looks wrong by its unit, else "". */
int bill_add(struct ledger *ledger, const struct registry *registry, const struct bill *bill,
	     enum bill_outcome *outcome, struct err *warning, struct err *err);
/* The same inside the caller's transaction; what was written before a failure stays. */
int bill_put(struct ledger *ledger, const struct registry *registry, const struct bill *bill,
	     enum bill_outcome *outcome, struct err *warning, struct err *err);
int bill_withdraw(struct ledger *ledger, int64_t id, struct err *err); /* -ENOENT */

typedef int (*bill_fn)(const struct bill *bill, void *arg); /* not 0: stop and return that */
struct bill_query {
	const char *institution;
	struct span days; /* bills that overlap them */
	bool with_withdrawn;
};
/* By first day, then carrier. */
int bill_list(struct ledger *ledger, const struct bill_query *query, bill_fn fn, void *arg,
	      struct err *err);

/* The part of a bill's quantity that falls in days: floor-based, so that parts add up. Pure. */
int64_t bill_share(const struct bill *bill, struct span days);

/* ---- CSV (bill_csv.c) ----
 * Header line with the columns institution, carrier, from, to, quantity, unit and optionally fee,
 * period, use, account, note, in any order, in English or Chinese; `to` is the last day of the
 * bill, inclusive. UTF-8 with or without byte order mark, RFC 4180 quotes, CRLF or LF. */
enum { BILL_CSV_COLUMNS = 11, BILL_CSV_MAX_FIELDS = 32 };
struct bill_csv {
	const char *at, *end;
	size_t line, next_line;                   /* of the row last read; the header is 1 */
	signed char columns[BILL_CSV_MAX_FIELDS]; /* what each field is, -1: ignored */
	size_t n_fields;
	char *text; /* memory of the row's texts */
};
/* -EINVAL: no usable header (words say which column). Borrows the text. */
int bill_csv_open(struct bill_csv *csv, const char *text, size_t len, struct err *err);
/* 1: a bill; its texts borrow until the next call. 0: the end. -EINVAL: this row is bad; the next
 * call goes on behind it. */
int bill_csv_next(struct bill_csv *csv, struct bill *bill, struct err *err);
void bill_csv_close(struct bill_csv *csv);

struct bill_verdict {
	size_t line;
	enum bill_outcome outcome;
	const char *reason;  /* of a rejection, else "" */
	const char *warning; /* or "" */
};
typedef void (*bill_verdict_fn)(const struct bill_verdict *verdict, void *arg);
/* Every good row is stored, in one transaction; every row gets its verdict. -EINVAL if there is no
 * usable header. */
struct bill_import {
	const char *entered_by;
	int64_t now_ms;
	bill_verdict_fn fn;
	void *arg;
};
int bill_import_csv(struct ledger *ledger, const struct registry *registry, const char *text,
		    size_t len, const struct bill_import *import, struct err *err);

#endif
