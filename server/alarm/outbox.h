/* SPDX-License-Identifier: Apache-2.0 */
/* outbox.h - notices that wait for their receivers, in the ledger's file: what is told of an event
 * is written down in the transaction that has seen the event, once for each receiver, and stays
 * until the receiver has taken it. Belongs to the thread that owns the ledger's writer. */
#ifndef SERVER_ALARM_OUTBOX_H
#define SERVER_ALARM_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/ledger/event.h"

struct alarm_outbox;

int alarm_outbox_open(struct alarm_outbox **out, struct ledger *ledger, struct err *err);
void alarm_outbox_close(struct alarm_outbox *outbox); /* NULL is allowed */

/* ---- the events that have not been looked at ---- */
/* Is there anything? Cheap. */
int alarm_outbox_is_behind(struct alarm_outbox *outbox, bool *behind, struct err *err);
/* Inside a transaction: calls fn with up to max events that changed since the last time, and moves
 * on. fn adds notices. */
int alarm_outbox_take_events(struct alarm_outbox *outbox, size_t max, event_fn fn, void *arg,
			     struct err *err);

/* ---- notices ---- */
struct alarm_notice {
	int64_t id;
	const char *receiver, *key; /* together unique for ever */
	int64_t event;              /* 0: of none */
	int64_t attempts, made_ms;
	int64_t due_ms;   /* to add: not sent before */
	const char *rule; /* NULL: of none, and never part of a summary */
	int what;         /* enum alarm_what */
	int64_t members;  /* of a summary; else 0 */
	const char *body;
	size_t len;
};
/* Inside a transaction: 1, or 0 if this receiver has one of this key already. */
int alarm_outbox_add(struct alarm_outbox *outbox, const struct alarm_notice *notice,
		     struct err *err);
/* 1: the receiver has one of this key, sent or not. */
int alarm_outbox_has(struct alarm_outbox *outbox, const char *receiver, const char *key,
		     struct err *err);
/* The notices for a receiver that are due, oldest first, none before an older one of its event.
 * Not 0 stops. */
typedef int (*alarm_notice_fn)(const struct alarm_notice *notice, void *arg);
int alarm_outbox_due(struct alarm_outbox *outbox, const char *receiver, int64_t now_ms,
		     alarm_notice_fn fn, void *arg, struct err *err);

/* ---- many as one: what waits for a receiver and was never on its way ---- */
struct alarm_group {
	const char *receiver, *rule;
	int what;
	int64_t waiting, first_ms; /* how many, and when the oldest was made */
	int64_t held_ms;           /* until when one is held longer than gather_ms; 0: none is */
};
/* Groups of which one is due. Not 0 stops. */
struct alarm_moment {
	const char *receiver;
	int64_t now_ms, gather_ms;
};
typedef int (*alarm_group_fn)(const struct alarm_group *group, void *arg);
int alarm_outbox_groups(struct alarm_outbox *outbox, const struct alarm_moment *moment,
			alarm_group_fn fn, void *arg, struct err *err);
/* Of those made since: how many were on their way alone; when the newest summary was made, or 0. */
int alarm_outbox_told(struct alarm_outbox *outbox, const struct alarm_group *group,
		      int64_t since_ms, int64_t *told, int64_t *summary_ms, struct err *err);
/* Inside a transaction: nothing of a group is due before. */
int alarm_outbox_hold(struct alarm_outbox *outbox, const struct alarm_group *group,
		      int64_t until_ms, struct err *err);
/* Event, key and time of each in a group, oldest first. */
int alarm_outbox_members(struct alarm_outbox *outbox, const struct alarm_group *group,
			 alarm_notice_fn fn, void *arg, struct err *err);
/* Inside a transaction: adds a summary that takes the place of a group. */
int alarm_outbox_gather(struct alarm_outbox *outbox, const struct alarm_group *group,
			const struct alarm_notice *summary, struct err *err);

/* NOTICE_GATHERED: a summary tells it. */
enum alarm_notice_state { NOTICE_WAITING, NOTICE_SENT, NOTICE_GIVEN_UP, NOTICE_GATHERED };
struct alarm_outcome {
	enum alarm_notice_state state;
	int64_t now_ms, due_ms; /* due: of NOTICE_WAITING, when to try again */
	const char *trouble;    /* "" */
};
/* Inside a transaction: after an attempt. */
int alarm_outbox_note(struct alarm_outbox *outbox, int64_t id, const struct alarm_outcome *outcome,
		      struct err *err);

/* Inside a transaction: gives up what waits for others than these; how many there were. */
int alarm_outbox_keep_receivers(struct alarm_outbox *outbox, const char *const *names, size_t n,
				int64_t now_ms, struct err *err);
/* Inside a transaction: what waits after an attempt that failed is due now, for a receiver or
 * (NULL) for all; how many there were. */
int alarm_outbox_retry(struct alarm_outbox *outbox, const char *receiver, int64_t now_ms,
		       struct err *err);
/* Inside a transaction: forgets notices done before a time, but those of events that are open. */
int alarm_outbox_prune(struct alarm_outbox *outbox, int64_t before_ms, struct err *err);
/* How many wait for a receiver, and since when the oldest (0: none). */
int alarm_outbox_waiting(struct alarm_outbox *outbox, const char *receiver, int64_t *n,
			 int64_t *since_ms, struct err *err);
/* A number that is remembered by name. Inside a transaction to set. */
int alarm_outbox_get(struct alarm_outbox *outbox, const char *name, int64_t otherwise,
		     int64_t *value, struct err *err);
int alarm_outbox_set(struct alarm_outbox *outbox, const char *name, int64_t value, struct err *err);

#endif
