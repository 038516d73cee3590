/* SPDX-License-Identifier: Apache-2.0 */
/* delivery.h - what goes up in one request: cards and rows as JSON, read and written. Pure; the
 * form is in docs/federation.md. */
#ifndef SERVER_DELIVERY_H
#define SERVER_DELIVERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "server/rollup/exchange.h"

enum { DELIVERY_MAX = 2000 /* cards and rows in one */, DELIVERY_CARD_MAX = 64 * 1024 };

struct delivery_card {
	const char *institution;
	int64_t version;
	char *text; /* NULL: it is gone */
};

struct delivery_row {
	const char *institution;
	int64_t version;
	bool is_deleted;
	struct exchange_key key; /* id is not filled */
	struct exchange_amount amount;
	char *detail; /* the amount's, owned, or NULL */
};

struct delivery {
	char source[EXCHANGE_SOURCE_MAX];
	/* The ledger that it comes from, and for people where that is; "": not said. */
	char server[EXCHANGE_SERVER_MAX], place[EXCHANGE_PLACE_MAX];
	/* "" where the sender only asks what is there. */
	char nonce[EXCHANGE_NONCE_MAX];
	char after[EXCHANGE_NONCE_MAX]; /* the one before it, or "" */
	int64_t generation, upto, as_of_ms, waiting;
	civil_day days_from;
	struct delivery_card *cards;
	struct delivery_row *rows;
	size_t n_cards, n_rows;
	int64_t holder; /* number of the token that it came with; 0 until somebody says it */
	void *root;     /* that texts are borrowed from */
};

/* -EINVAL with the reason: what is wrong, and where. */
int delivery_parse(struct delivery *out, const char *text, size_t len, struct err *err);
void delivery_fini(struct delivery *delivery);

/* Writes one, entry by entry. */
struct delivery_writer;
struct delivery_writer *delivery_begin(const struct delivery *head, struct buf *out);
void delivery_add(struct delivery_writer *writer, const struct exchange_entry *entry);
/* Frees the writer. */
void delivery_end(struct delivery_writer *writer);

#endif
