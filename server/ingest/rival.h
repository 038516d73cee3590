/* SPDX-License-Identifier: Apache-2.0 */
/* rival.h - the events that tell of another server with a region of this one. */
#ifndef SERVER_RIVAL_H
#define SERVER_RIVAL_H

#include "server/ingest/receiver.h"
#include "server/ledger/ledger.h"

/* What is written down already. Zeroed at first. */
struct rival_noted {
	bool is_refused, has_served;
	unsigned n_asked;
	int64_t looked_ms, written_ms; /* monotonic */
};

/* Outside of transactions, as often as one likes. */
int rival_note(struct ledger *ledger, struct receiver *receiver, struct rival_noted *noted,
	       struct err *err);

#endif
