/* SPDX-License-Identifier: Apache-2.0 */
/* tell.h - events into notices for each receiver, in the transaction that passes over them: one for
 * an alarm, one for many alarms of a rule, and the week's digest. */
#ifndef SERVER_ALARM_TELL_H
#define SERVER_ALARM_TELL_H

#include "server/alarm/notice.h"
#include "server/alarm/outbox.h"

struct alarm_teller {
	const struct server_config *config; /* all borrowed */
	const struct alarm_rules *rules;
	const struct alarm_context *context;
	struct ledger *ledger;
	struct alarm_outbox *outbox;
	int64_t now_ms; /* of the run */
};

struct alarm_writing alarm_writing_for(const struct alarm_teller *teller,
				       const struct alarm_receiver *receiver);

/* Tells receivers of events that have changed; told: there were some, and may be more. */
int alarm_tell_events(const struct alarm_teller *teller, bool *told, struct err *err);
int alarm_tell_digests(const struct alarm_teller *teller, struct err *err);
/* Makes summaries of what waits for a receiver, of which nothing is on its way now (summary.c). */
int alarm_tell_summaries(const struct alarm_teller *teller, const struct alarm_receiver *receiver,
			 struct err *err);

#endif
