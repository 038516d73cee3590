/* SPDX-License-Identifier: Apache-2.0 */
/* notice_list.h - the outbox as people look at it: what was told to whom, what waits and why. */
#ifndef SERVER_ALARM_NOTICE_LIST_H
#define SERVER_ALARM_NOTICE_LIST_H

#include "server/alarm/outbox.h"
#include "server/config/config.h"

enum alarm_notice_filter {
	NOTICES_ANY,
	NOTICES_WAITING,
	NOTICES_FAILING, /* they wait after an attempt that failed */
	NOTICES_SENT,
	NOTICES_GIVEN_UP,
	NOTICES_GATHERED /* a summary tells them */
};
extern const char *const alarm_notice_filter_names[]; /* "any" ...; NULL-terminated */

struct alarm_notice_query {
	int filter;           /* enum alarm_notice_filter */
	const char *receiver; /* NULL: each */
	int64_t event;        /* 0: each */
	int64_t before_id;    /* of lower ids; 0: from the newest */
};

/* Texts borrow until the next row. */
struct alarm_notice_row {
	int64_t id, event, attempts, members;
	int64_t made_ms, due_ms, done_ms; /* due: while it waits; done: 0 while it does */
	const char *receiver, *key, *what, *state, *trouble;
	const char *of;                   /* of a summary: "raised" or "cleared"; else NULL */
	const char *rule;                 /* "" of none */
	const char *summary;              /* the key of the summary that tells it, or NULL */
	const char *region, *institution; /* of the event, "" of none */
};
typedef int (*alarm_notice_row_fn)(const struct alarm_notice_row *row, void *arg);
/* Newest first. Not 0 stops, and is returned. */
int alarm_notice_list(struct ledger *ledger, const struct alarm_notice_query *query,
		      alarm_notice_row_fn fn, void *arg, struct err *err);

/* How it stands with a receiver. */
struct alarm_receiver_state {
	int64_t waiting, failing, given_up;
	int64_t since_ms, sent_ms; /* the oldest that waits was made; the newest was taken; or 0 */
	char trouble[200];         /* of the newest failure among those that wait; "" */
};
int alarm_receiver_look(struct ledger *ledger, const char *receiver,
			struct alarm_receiver_state *out, struct err *err);
/* Whom it reaches: mail addresses, a topic, or a webhook's host, whose path may be a secret;
 * appended. region: the server's code. */
void alarm_say_receiver(const struct alarm_receiver *receiver, const char *region, struct buf *out);

#endif
