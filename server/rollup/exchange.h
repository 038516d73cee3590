/* SPDX-License-Identifier: Apache-2.0 */
/* exchange.h - months and days of institutions as servers hand them to each other: a card (who the
 * institution is) and rows, own ones and those of lower servers, in one feed.
 *
 * Whatever changes gets the next number of the file's own count, so whoever remembers a number may
 * ask for what came after it. What is gone stays as a tombstone. Definitions: docs/federation.md.
 */
#ifndef SERVER_EXCHANGE_H
#define SERVER_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/db.h"
#include "server/registry/registry.h"

enum exchange_interval { EXCHANGE_MONTH, EXCHANGE_DAY };
/* Stored by number: a new one goes to the end. */
enum exchange_item {
	EXCHANGE_TOTAL,
	EXCHANGE_VEHICLE,
	EXCHANGE_HEATING,
	EXCHANGE_GENERATION,
	EXCHANGE_EXPORT,
	EXCHANGE_LIGHTING,
	EXCHANGE_AIR,
	EXCHANGE_POWER,
	EXCHANGE_SPECIAL,
	EXCHANGE_REST,
	EXCHANGE_ROOM,      /* of data centres */
	EXCHANGE_EQUIPMENT, /* in them */
	EXCHANGE_COST,      /* 10^-6 yuan: fees of bills, and the rest at flat prices */
	N_EXCHANGE_SUMS,
	EXCHANGE_LOAD = N_EXCHANGE_SUMS, /* sums of hours, and the peak: operation_write() */
	N_EXCHANGE_ITEMS
};
extern const char *const exchange_interval_names[], *const exchange_item_names[]; /* NULL at end */

enum { EXCHANGE_REASON_MAX = 96, EXCHANGE_SOURCE_MAX = 16, EXCHANGE_NONCE_MAX = 48 };
enum { EXCHANGE_SERVER_MAX = 40, EXCHANGE_PLACE_MAX = 256 };

struct exchange_key {
	int64_t id; /* of exchange_intern() */
	enum exchange_interval interval;
	civil_day day; /* a month's first */
	enum carrier carrier;
	enum exchange_item item;
};

/* In 10^-6 of the carrier's unit. */
struct exchange_amount {
	int64_t value, estimated, missing;
	bool is_unknown;                  /* more is missing, and nobody can say how much */
	char reason[EXCHANGE_REASON_MAX]; /* the first cause of what is missing, or "" */
	const char *detail;               /* JSON of items that say more, or NULL; borrowed */
};

/* Which of two is the newer: the sender's generation, then its number. Own ones have none. */
struct exchange_version {
	int64_t generation, number;
};

/* Nothing is known of it but what is missing. */
bool exchange_is_absent(const struct exchange_amount *amount);

struct exchange; /* statements over a database */

/* Creates the tables (writer, outside a transaction). */
int exchange_prepare(struct db *db, struct err *err);
/* Borrows the database; one per thread. */
struct exchange *exchange_open(struct db *db);
void exchange_close(struct exchange *exchange); /* NULL is allowed */

/* A transaction's writes lie between these; counts are kept in the file. */
int exchange_begin(struct exchange *exchange, struct err *err);
int exchange_end(struct exchange *exchange, struct err *err);
/* Before the end: which numbers, if any, came with a change of the ledger. */
int exchange_note_change(struct exchange *exchange, int64_t change, struct err *err);
/* The last number that came with a change up to this one; 0: none is remembered. */
int exchange_find_change(struct exchange *exchange, int64_t change, int64_t *number,
			 struct err *err);

/* ---- institutions; source "": this server's own ---- */

/* 1 and the id, or 0. */
int exchange_find(struct exchange *exchange, const char *source, const char *name, int64_t *id,
		  struct err *err);
int exchange_intern(struct exchange *exchange, const char *source, const char *name, int64_t *id,
		    struct err *err);
/* card: JSON as exchange cards are, NULL: the institution is gone. What is older than the version
 * that is there, or the same, changes nothing. */
int exchange_put_card(struct exchange *exchange, int64_t id, const char *card,
		      const struct exchange_version *version, bool *changed, struct err *err);
/* Gives the card and rows of everybody else of that name new numbers: they count from now on. */
int exchange_renew_others(struct exchange *exchange, const char *source, const char *name,
			  struct err *err);
typedef int (*exchange_card_fn)(const char *source, const char *name, const char *card, void *arg);
/* Those that are not gone, by name and then source; own: of this server, else of all others. */
int exchange_each_card(struct exchange *exchange, bool own, exchange_card_fn fn, void *arg,
		       struct err *err);

/* ---- rows ---- */

/* amount NULL: the row is gone. As exchange_put_card. */
int exchange_put_row(struct exchange *exchange, const struct exchange_key *key,
		     const struct exchange_amount *amount, const struct exchange_version *version,
		     bool *changed, struct err *err);
typedef int (*exchange_row_fn)(const struct exchange_key *key, const struct exchange_amount *amount,
			       void *arg);
struct exchange_range {
	int64_t id;
	enum exchange_interval interval;
	struct span days;
};
/* Those of the range that are not gone, by day. Not 0 stops. */
int exchange_each_row(struct exchange *exchange, const struct exchange_range *range,
		      exchange_row_fn fn, void *arg, struct err *err);

/* ---- the feed ---- */

struct exchange_entry {
	const char *source, *name;
	int64_t number;
	bool is_card, is_deleted;
	const char *card; /* of a card that is not gone */
	struct exchange_key key;
	struct exchange_amount amount; /* of a row that is not gone */
	bool was_known;                /* a content before this one said something */
};
typedef int (*exchange_entry_fn)(const struct exchange_entry *entry, void *arg);
/* Cards, then rows with numbers in (after, upto]. Borrowed for the call. */
int exchange_feed(struct exchange *exchange, int64_t after, int64_t upto, exchange_entry_fn fn,
		  void *arg, struct err *err);
/* 1: it may be told to others; 0: not, since somebody else has the institution of that id: of those
 * with a card our own counts, else the first source's, as in the registry. */
int exchange_may_tell(struct exchange *exchange, const struct exchange_entry *entry,
		      struct err *err);
/* The number up to which at most max rows and cards lie behind `after`; after itself: none do. */
int exchange_upto(struct exchange *exchange, int64_t after, size_t max, int64_t *upto,
		  struct err *err);
/* How many lie behind it. */
int exchange_count(struct exchange *exchange, int64_t after, int64_t *n, struct err *err);

/* ---- what is noted beside them ---- */
int64_t exchange_note(struct exchange *exchange, const char *key); /* 0: never set */
extern const char exchange_generation_note[]; /* whose is what this file tells */
int exchange_set_note(struct exchange *exchange, const char *key, int64_t value, struct err *err);

/* Deliveries that went up: the last few, so that one that the upper server knows is found again. */
int exchange_add_sent(struct exchange *exchange, const char *nonce, int64_t upto, struct err *err);
/* 1 and up to which number it went, or 0. */
int exchange_find_sent(struct exchange *exchange, const char *nonce, int64_t *upto,
		       struct err *err);
int exchange_forget_sent(struct exchange *exchange, struct err *err);
/* What the file says from now on is not what it would have said: a copy was put in its place. */
int exchange_restored(struct db *db, int64_t now_ms, struct err *err);

/* ---- lower servers ---- */

struct exchange_source {
	char source[EXCHANGE_SOURCE_MAX], nonce[EXCHANGE_NONCE_MAX];
	int64_t generation, upto;
	int64_t received_ms; /* when it last delivered */
	int64_t as_of_ms;    /* of the newest delivery that left nothing behind; 0: none yet */
	int64_t waiting;     /* rows and cards that had not gone with the last delivery */
	civil_day days_from; /* daily rows are handed up from here on */
	int64_t rows;        /* that ever changed something */
	int64_t refused;     /* institutions that were not taken */
	int64_t ended;       /* the last generation of which everything has come */
	int64_t holder;      /* number of the token that it delivers with; 0: not known */
	char refusal[216];   /* the last reason, or "" */
	/* The ledger that it delivers from, and for people where that is; "": not known. */
	char server[EXCHANGE_SERVER_MAX], place[EXCHANGE_PLACE_MAX];
};
/* 1, or 0: it never delivered. */
int exchange_get_source(struct exchange *exchange, const char *source, struct exchange_source *out,
			struct err *err);
int exchange_put_source(struct exchange *exchange, const struct exchange_source *source,
			struct err *err);
typedef int (*exchange_source_fn)(const struct exchange_source *source, void *arg);
int exchange_each_source(struct exchange *exchange, exchange_source_fn fn, void *arg,
			 struct err *err);
/* Everything of a source that an older generation delivered last is gone. */
int exchange_end_generation(struct exchange *exchange, const struct exchange_source *source,
			    struct err *err);

#endif
