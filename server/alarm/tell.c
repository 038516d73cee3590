/* SPDX-License-Identifier: Apache-2.0 */
#include "server/alarm/tell.h"

#include "server/alarm/digest.h"

enum { EVENTS_PER_STEP = 500 };
static const char digest_name[] = "alarm_digest"; /* day of the last one */

struct alarm_writing alarm_writing_for(const struct alarm_teller *teller,
				       const struct alarm_receiver *receiver)
{
	return (struct alarm_writing){.context = teller->context,
				      .receiver = receiver,
				      .smtp = &teller->config->alarms.smtp,
				      .now_ms = teller->now_ms};
}

/* ---- events ---- */

static int add(const struct alarm_teller *teller, const struct alarm_receiver *receiver,
	       const struct event_row *row, const struct alarm_rule *rule, enum alarm_what what,
	       struct err *err)
{
	struct alarm_writing writing = alarm_writing_for(teller, receiver);
	struct buf body = {0};
	char key[ALARM_KEY_MAX];
	int rc;

	alarm_notice_key(teller->context, row, what, key);
	alarm_notice_write(&writing, row, rule, what, &body);
	rc = alarm_outbox_add(
		teller->outbox,
		&(struct alarm_notice){.receiver = receiver->name,
				       .key = key,
				       .event = row->id,
				       .made_ms = teller->now_ms,
				       .due_ms = teller->now_ms + teller->config->alarms.gather_ms,
				       .rule = rule->id,
				       .what = (int)what,
				       .body = body.data,
				       .len = body.len},
		err);
	buf_fini(&body);
	return rc;
}

/* Is an event of a moment, which nothing ends? */
static bool is_over_at_once(const struct event_row *row)
{
	return row->closed_ms == row->event.time_ms && row->last_ms == row->event.time_ms;
}

static int tell_receiver(const struct alarm_teller *teller, const struct alarm_receiver *receiver,
			 const struct event_row *row, const struct alarm_rule *rule,
			 struct err *err)
{
	char key[ALARM_KEY_MAX];
	int rc;

	alarm_notice_key(teller->context, row, ALARM_IS_RAISED, key);
	rc = alarm_outbox_has(teller->outbox, receiver->name, key, err);
	if (rc == 0) {
		if (teller->now_ms - row->last_ms > teller->config->alarms.max_age_ms ||
		    !alarm_is_for(teller->context, receiver, rule, &row->event))
			return 0;
		rc = add(teller, receiver, row, rule, ALARM_IS_RAISED, err);
	}
	if (rc < 0 || row->closed_ms == 0 || is_over_at_once(row) || !receiver->wants_cleared)
		return rc < 0 ? rc : 0;
	rc = add(teller, receiver, row, rule, ALARM_IS_CLEARED, err);
	return rc < 0 ? rc : 0;
}

struct telling {
	const struct alarm_teller *teller;
	struct err *err;
};

static int tell(const struct event_row *row, void *arg)
{
	const struct telling *telling = arg;
	const struct alarm_teller *teller = telling->teller;
	const struct alarm_receiver *receivers = teller->config->alarms.receivers.items;
	const struct alarm_rule *rule = alarm_rules_of(teller->rules, &row->event);
	int rc = 0;

	for (size_t r = 0; rule != NULL && r < teller->config->alarms.receivers.count && rc == 0;
	     r++)
		rc = tell_receiver(teller, &receivers[r], row, rule, telling->err);
	return rc;
}

/* Notices are in the file with the very commit that has passed over their events. */
int alarm_tell_events(const struct alarm_teller *teller, bool *told, struct err *err)
{
	struct telling telling = {teller, err};
	int rc = alarm_outbox_is_behind(teller->outbox, told, err);

	if (rc < 0 || !*told)
		return rc;
	rc = ledger_begin(teller->ledger, err);
	if (rc < 0)
		return rc;
	rc = alarm_outbox_take_events(teller->outbox, EVENTS_PER_STEP, tell, &telling, err);
	if (rc < 0) {
		ledger_rollback(teller->ledger);
		return rc;
	}
	return ledger_commit(teller->ledger, err);
}

/* ---- the digest ---- */

static int add_digest(const struct alarm_teller *teller, const struct alarm_receiver *receiver,
		      civil_day day, struct err *err)
{
	struct alarm_writing writing = alarm_writing_for(teller, receiver);
	struct alarm_notice notice = {.receiver = receiver->name,
				      .made_ms = teller->now_ms,
				      .due_ms = teller->now_ms,
				      .what = ALARM_IS_DIGEST};
	struct buf body = {0};
	char key[ALARM_KEY_MAX];
	int rc = alarm_digest_write(&writing, teller->rules, teller->ledger, day, &body, err);

	alarm_digest_key(teller->context, day, key);
	notice.key = key;
	notice.body = body.data;
	notice.len = body.len;
	if (rc == 0)
		rc = alarm_outbox_add(teller->outbox, &notice, err);
	buf_fini(&body);
	return rc < 0 ? rc : 0;
}

/* A server that was never asked before begins with the next week. */
int alarm_tell_digests(const struct alarm_teller *teller, struct err *err)
{
	const struct server_alarm_config *config = &teller->config->alarms;
	const struct alarm_receiver *receivers = config->receivers.items;
	civil_day day = alarm_digest_day(config, teller->now_ms, teller->context->offset_ms);
	int64_t last = INT64_MIN;
	int rc = alarm_outbox_get(teller->outbox, digest_name, INT64_MIN, &last, err);

	if (rc < 0 || last >= day)
		return rc;
	rc = ledger_begin(teller->ledger, err);
	if (rc < 0)
		return rc;
	for (size_t r = 0; r < config->receivers.count && last != INT64_MIN && rc == 0; r++)
		if (receivers[r].wants_digest)
			rc = add_digest(teller, &receivers[r], day, err);
	if (rc == 0)
		rc = alarm_outbox_set(teller->outbox, digest_name, day, err);
	if (rc < 0) {
		ledger_rollback(teller->ledger);
		return rc;
	}
	return ledger_commit(teller->ledger, err);
}
