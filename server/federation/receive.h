/* SPDX-License-Identifier: Apache-2.0 */
/* receive.h - takes what a lower server delivers into the ledger. */
#ifndef SERVER_RECEIVE_H
#define SERVER_RECEIVE_H

#include "server/federation/delivery.h"
#include "server/ledger/ledger.h"

enum { RECEIVE_REFUSALS_MAX = 20, RECEIVE_REASON_MAX = 160 };

struct receive_refusal {
	const char *institution; /* of the delivery */
	char reason[RECEIVE_REASON_MAX];
};

enum receive_verdict {
	RECEIVE_TAKEN,
	RECEIVE_REPEATED, /* it had come before: nothing is done */
	RECEIVE_ASKED,    /* it only asks what is there */
	RECEIVE_CONFLICT  /* it does not follow what is there */
};

struct receive_result {
	enum receive_verdict verdict;
	struct exchange_source source; /* as it is afterwards */
	bool has_new_cards;            /* the registry has to be read anew */
	size_t rows_changed;
	size_t n_refused; /* the first of them are in refused */
	struct receive_refusal refused[RECEIVE_REFUSALS_MAX];
};

/* In one transaction: all of it or nothing. A card is refused if it is no institution, if it is not
 * below the source's region, or if this server has one of that id itself. */
int receive_delivery(struct ledger *writer, const struct registry *registry,
		     const struct delivery *delivery, int64_t now_ms, struct receive_result *out,
		     struct err *err);

#endif
