/* SPDX-License-Identifier: Apache-2.0 */
/* window.h - decides which batch is sent next and what an acknowledgement means; no I/O, no clock.
 */
#ifndef AGENT_WINDOW_H
#define AGENT_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

#include "common/telemetry.h"

enum {
	WINDOW_MAX = 64,                    /* batches under way at most */
	WINDOW_BYTES_MAX = 8 * 1024 * 1024, /* and their bytes, beyond the first batch */
	WINDOW_FIRST = 4,                   /* under way before the first acknowledgement */
	WINDOW_HOLD_MS = 2000,              /* after connecting: wait so long for the first ack */
	WINDOW_RETRY_MS = 1000,             /* an unaccepted batch is sent again after this ... */
	WINDOW_RETRY_MAX_MS = 30000,        /* ... doubling up to this while nothing gets through */
	WINDOW_SILENCE_MS = 30000,          /* no ack at all for so long: send again, one batch */
};

/* All numbers are seq of one epoch; times are monotonic milliseconds. Read the fields at will;
 * change them by the functions. */
struct window {
	int64_t epoch;
	int64_t oldest, last; /* batches that the spool holds undelivered; empty: last < oldest */
	int64_t next;         /* to be sent next */
	int64_t sent;         /* highest ever sent in this epoch */
	int64_t seen, kept;   /* as acknowledged */
	int64_t until_ms;     /* the largest until ever told */
	int64_t allowed;      /* batches under way allowed now: grows with progress, 1 after loss */
	int64_t resends;      /* how often it went back */
	bool is_open;         /* connected */
	bool waits_for_ack;   /* until hold_ms */
	bool is_doubted;      /* the last ack brought no progress */
	int64_t hold_ms, ack_ms, retry_ms;
	int64_t bytes; /* under way */
	struct {
		int64_t bytes, sent_ms;
	} sizes[WINDOW_MAX]; /* by seq % WINDOW_MAX */
};

enum window_verdict {
	WINDOW_IGNORED,      /* of another epoch */
	WINDOW_INVALID,      /* claims what was never sent: ignored as well */
	WINDOW_OBEYED,       /* all up to window.kept may be deleted */
	WINDOW_HISTORY_LOST, /* the server forgot what it had confirmed; nothing was changed: put
			      * the batches newer than its until back in line and begin an epoch */
};

/* A new epoch: nothing sent, seq 1 is the oldest undelivered batch. Keeps is_open and until_ms. */
void window_begin(struct window *w, int64_t epoch, int64_t last, int64_t now_ms);
/* The spool's ends moved: batches were appended, or dropped by a cap. */
void window_set_range(struct window *w, int64_t oldest, int64_t last);
/* What was under way on an earlier connection counts as lost. waits_for_ack: see WINDOW_HOLD_MS. */
void window_open(struct window *w, bool waits_for_ack, int64_t now_ms);
void window_close(struct window *w);

/* The seq to send now, 0 if none. Sends again after silence. */
int64_t window_next(struct window *w, int64_t now_ms);
void window_sent(struct window *w, int64_t bytes, int64_t now_ms); /* next was sent */
enum window_verdict window_ack(struct window *w, const struct telemetry_ack *ack, int64_t now_ms);

/* When window_next is worth asking again although nothing happened; INT64_MAX: never. */
int64_t window_deadline(const struct window *w);
/* Batches sent and not yet seen. */
int64_t window_under_way(const struct window *w);

#endif
