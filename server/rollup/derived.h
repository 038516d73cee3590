/* SPDX-License-Identifier: Apache-2.0 */
/* derived.h - the tables of hours, days and months of meters and institutions: rows in and out.
 *
 * A row that becomes unknown stays as a tombstone, so that receivers learn of it. Every row carries
 * the change number of the transaction that last changed its content. */
#ifndef SERVER_DERIVED_H
#define SERVER_DERIVED_H

#include "server/ledger/ledger.h"
#include "server/rollup/exchange.h"
#include "server/rollup/rollup.h"
#include "server/rollup/total.h"
#include "server/rollup/touched.h"

struct derived;

enum derived_table {
	DERIVED_METER_DAY,
	DERIVED_METER_MONTH,
	DERIVED_INSTITUTION_DAY,
	DERIVED_INSTITUTION_MONTH,
	N_DERIVED_TABLES
};
enum derived_kind { DERIVED_METER, DERIVED_INSTITUTION };
enum { DERIVED_HOURS = 24 };

/* Day tables are keyed by local day, month tables by the month's first day. */
struct derived_key {
	civil_day day;
	int64_t id;                /* of derived_id() */
	enum carrier carrier;      /* institutions */
	char item[TOTAL_ITEM_MAX]; /* institutions */
};

struct derived_row {
	struct amount sum;
	int64_t days;   /* month tables: days with a value */
	bool has_hours; /* day tables; bills have none */
	struct amount hours[DERIVED_HOURS];
};

/* A row as receivers see it. */
struct derived_version {
	int64_t change, before; /* of this content and of the content before, 0: none */
	uint32_t hours_changed; /* bit h: hour h differs from the content before */
	uint32_t hours_ever;    /* bit h: hour h was known once */
	bool is_deleted;
};

/* What is known of a meter or institution besides its rows. */
struct derived_name {
	int64_t id, definition; /* definition: hash of what it was computed with, 0: none */
	civil_day first, last;  /* days that ever had a row; first > last: none */
};

/* Creates the tables (writer, outside a transaction). Tables of an older form are dropped, so that
 * everything is computed anew. */
int derived_prepare(struct ledger *ledger, struct err *err);

/* Statements over a ledger; borrows it. One per thread, as the ledger itself. */
int derived_open(struct derived **out, struct ledger *ledger, struct err *err);
void derived_close(struct derived *derived); /* NULL is allowed */
/* The rows of lower servers in the same ledger; lives as long. */
struct exchange *derived_exchange(struct derived *derived);

/* 1: found; 0: never had rows. */
int derived_find(struct derived *derived, enum derived_kind kind, const char *name,
		 struct derived_name *out, struct err *err);
/* Finds or makes it, in a transaction. */
int derived_intern(struct derived *derived, enum derived_kind kind, const char *name,
		   struct derived_name *out, struct err *err);
int derived_define(struct derived *derived, int64_t id, int64_t definition, struct err *err);

/* ---- what is remembered of figures (derived_touched.c) ---- */
/* Something about an institution was computed again in this transaction, of this day's month or
 * later ones: what is remembered of these from before is out of date. TOUCHED_ALL: of all months.
 */
int derived_touch(struct derived *derived, int64_t id, civil_day day, struct err *err);
/* The same of a lower server's institutions, all at once. */
int derived_touch_source(struct derived *derived, const char *source, civil_day day,
			 struct err *err);
/* Something changed from this day's month on, whoever it belongs to. derived_put and derived_touch
 * do it. */
int derived_note(struct derived *derived, civil_day day, struct err *err);
/* After a rollback: what it noted is not written. */
void derived_forget_notes(struct derived *derived);
/* Adds what was noted in changes after `after`: of anybody, and of every institution and site. */
int derived_read_touched(struct derived *derived, int64_t after, struct touched *add_to,
			 struct err *err);
typedef void (*derived_touched_fn)(const char *name, civil_day month, int64_t change, void *arg);
int derived_each_touched(struct derived *derived, int64_t after, derived_touched_fn fn, void *arg,
			 struct err *err);

/* 1: row is filled; 0: nothing is known, row is zeroed. version may be NULL; if not, tombstones
 * count as rows. */
int derived_get(struct derived *derived, enum derived_table table, const struct derived_key *key,
		struct derived_row *row, struct derived_version *version, struct err *err);
struct derived_effect {
	bool is_changed;
	struct derived_row before; /* unknown if there was none */
};
/* Makes the content of key be row; an unknown sum makes a tombstone of what there was. */
int derived_put(struct derived *derived, enum derived_table table, const struct derived_key *key,
		const struct derived_row *row, struct derived_effect *effect, struct err *err);

/* Makes receivers read a row anew, and of a day these hours (bit h: hour h), though its content
 * stays: what stands beside it there has changed. */
int derived_renew(struct derived *derived, enum derived_table table, const struct derived_key *key,
		  uint32_t hours, struct err *err);
/* Every row of an institution and carrier on a day (or month), tombstones left out. Not 0 stops. */
typedef int (*derived_row_fn)(const struct derived_key *key, const struct derived_row *row,
			      void *arg);
int derived_items(struct derived *derived, enum derived_table table, const struct derived_key *key,
		  derived_row_fn fn, void *arg, struct err *err);

/* The ledger's number of a register, also for readers: 1, or 0 if nothing was ever read. */
int derived_register(struct derived *derived, const char *device, const char *quantity, int64_t *id,
		     struct err *err);

/* ---- the list of what must be computed again, beside the ledger's dirty registers ---- */
int derived_mark(struct derived *derived, int64_t id, civil_day from, civil_day to,
		 struct err *err); /* to inclusive */
struct derived_dirty {
	int64_t id;
	enum derived_kind kind;
	char name[64];
	civil_day from, to;
};
/* Takes one out, in a transaction: 1, or 0 if there is none. */
int derived_take(struct derived *derived, struct derived_dirty *out, struct err *err);
bool derived_is_dirty(struct derived *derived); /* also registers */
/* Are figures of the past, older than two hours, being computed again? */
bool derived_is_computing(struct derived *derived, int64_t now_ms);
/* Is it marked on days of [from, to)? Its rows there do not say yet what they should. */
bool derived_is_marked(struct derived *derived, int64_t id, civil_day from, civil_day to);
/* Is there a bill, withdrawn or not, of days in [from, to)? Cheaper than asking for them. */
bool derived_has_bills(struct derived *derived, const char *institution, struct span days);

#endif
