/* SPDX-License-Identifier: Apache-2.0 */
#include "server/alarm/notice_list.h"

#include <stdio.h>
#include <string.h>

#include "server/alarm/notice.h"

const char *const alarm_notice_filter_names[] = {"any",      "waiting",  "failing", "sent",
						 "given_up", "gathered", NULL};
/* By enum alarm_notice_state. */
static const char *const state_names[] = {"waiting", "sent", "given_up", "gathered"};

static const char list_sql[] =
	"SELECT n.id, n.receiver, n.key, n.event, n.state, n.attempts, n.made_ms, n.due_ms, "
	"n.done_ms, n.trouble, n.rule, n.what, n.members, s.key, ifnull(e.region, ''), "
	"ifnull(e.institution, '') FROM alarm_notice AS n LEFT JOIN event AS e ON e.id = n.event "
	"LEFT JOIN alarm_notice AS s ON n.summary <> 0 AND s.id = n.summary WHERE n.id < ?1 AND "
	"(?2 IS NULL OR n.receiver = ?2) AND (?3 = 0 OR n.event = ?3) AND (?4 < 0 OR n.state = "
	"?4) AND n.attempts >= ?5 ORDER BY n.id DESC";

static void bind(struct db_statement *list, const struct alarm_notice_query *query)
{
	static const int states[] = {-1,          NOTICE_WAITING,  NOTICE_WAITING,
				     NOTICE_SENT, NOTICE_GIVEN_UP, NOTICE_GATHERED};

	db_bind_int(list, 1, query->before_id != 0 ? query->before_id : INT64_MAX);
	db_bind_string(list, 2, query->receiver);
	db_bind_int(list, 3, query->event);
	db_bind_int(list, 4, states[query->filter]);
	db_bind_int(list, 5, query->filter == NOTICES_FAILING);
}

static void read_row(struct db_statement *list, struct alarm_notice_row *row)
{
	int64_t state = db_column_int(list, 4), what = db_column_int(list, 11);
	const char *name = alarm_what_names[what >= 0 && what < N_ALARM_WHATS ? what : 0];

	*row = (struct alarm_notice_row){
		.id = db_column_int(list, 0),
		.receiver = db_column_text(list, 1, NULL),
		.key = db_column_text(list, 2, NULL),
		.event = db_column_int(list, 3),
		.state = state_names[state >= 0 && state <= NOTICE_GATHERED ? state : 0],
		.attempts = db_column_int(list, 5),
		.made_ms = db_column_int(list, 6),
		.due_ms = state == NOTICE_WAITING ? db_column_int(list, 7) : 0,
		.done_ms = db_column_int(list, 8),
		.trouble = db_column_text(list, 9, NULL),
		.rule = db_column_text(list, 10, NULL),
		.what = name,
		.members = db_column_int(list, 12),
		.summary = db_column_is_null(list, 13) ? NULL : db_column_text(list, 13, NULL),
		.region = db_column_text(list, 14, NULL),
		.institution = db_column_text(list, 15, NULL)};
	if (row->members == 0)
		return;
	row->of = row->what;
	row->what = alarm_what_names[ALARM_IS_SUMMARY];
}

int alarm_notice_list(struct ledger *ledger, const struct alarm_notice_query *query,
		      alarm_notice_row_fn fn, void *arg, struct err *err)
{
	struct alarm_notice_row row;
	struct db_statement *list;
	int rc = db_prepare(ledger_db(ledger), &list, list_sql, err);

	if (rc < 0)
		return rc;
	bind(list, query);
	while ((rc = db_step(list, err)) == 1) {
		read_row(list, &row);
		rc = fn(&row, arg);
		if (rc != 0)
			break;
	}
	db_finalize(list);
	return rc;
}

int alarm_receiver_look(struct ledger *ledger, const char *receiver,
			struct alarm_receiver_state *out, struct err *err)
{
	struct db_statement *look;
	int rc = db_prepare(
		ledger_db(ledger), &look,
		"SELECT count(*) FILTER (WHERE state = 0), count(*) FILTER (WHERE state = 0 AND "
		"attempts > 0), count(*) FILTER (WHERE state = 2), ifnull(min(made_ms) FILTER "
		"(WHERE state = 0), 0), ifnull(max(done_ms) FILTER (WHERE state = 1), 0), "
		"ifnull((SELECT trouble FROM alarm_notice WHERE receiver = ?1 AND state = 0 AND "
		"attempts > 0 ORDER BY id DESC LIMIT 1), '') FROM alarm_notice WHERE receiver = ?1",
		err);

	if (rc < 0)
		return rc;
	db_bind_string(look, 1, receiver);
	rc = db_step(look, err);
	if (rc == 1) {
		*out = (struct alarm_receiver_state){.waiting = db_column_int(look, 0),
						     .failing = db_column_int(look, 1),
						     .given_up = db_column_int(look, 2),
						     .since_ms = db_column_int(look, 3),
						     .sent_ms = db_column_int(look, 4)};
		(void)snprintf(out->trouble, sizeof out->trouble, "%.199s",
			       db_column_text(look, 5, NULL));
	}
	db_finalize(look);
	return rc < 0 ? rc : 0;
}

void alarm_say_receiver(const struct alarm_receiver *receiver, const char *region, struct buf *out)
{
	const char *const *to = receiver->to.items;
	const char *host;

	switch ((enum alarm_receiver_kind)receiver->kind) {
	case ALARM_TO_MQTT:
		if (receiver->topic != NULL)
			buf_add_text(out, receiver->topic);
		else
			buf_printf(out, "nenghao/1/alarms/%s", region);
		return;
	case ALARM_TO_WEBHOOK:
		host = strstr(receiver->url, "://");
		host = host != NULL ? host + 3 : receiver->url;
		buf_add(out, receiver->url, (size_t)(host - receiver->url) + strcspn(host, "/"));
		return;
	case ALARM_TO_EMAIL:
		break;
	}
	for (size_t i = 0; i < receiver->to.count; i++)
		buf_printf(out, "%s%s", i > 0 ? ", " : "", to[i]);
}
