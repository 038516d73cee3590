/* SPDX-License-Identifier: Apache-2.0 */
/* Notices of alarms: who is told, what was told, what waits and why. */
#include <stdio.h>
#include <string.h>

#include "server/alarm/notice_list.h"
#include "server/api/api_call.h"

enum { NOTICES_MAX = 1000 };

static const char *or_null(const char *text)
{
	return text != NULL && text[0] != '\0' ? text : NULL;
}

/* "" of 0. */
static const char *say_time(const struct api_call *call, int64_t utc_ms, char time[CIVIL_TEXT_MAX])
{
	time[0] = '\0';
	if (utc_ms != 0)
		(void)civil_print_time(utc_ms, call->options->offset_ms, time);
	return time;
}

static void add_time(struct api_call *call, const char *key, int64_t utc_ms)
{
	char time[CIVIL_TEXT_MAX];

	json_add_string(&call->json, key, or_null(say_time(call, utc_ms, time)));
}

static void add_time_cell(struct api_call *call, int64_t utc_ms)
{
	char time[CIVIL_TEXT_MAX];

	csv_add_text(&call->csv, say_time(call, utc_ms, time));
}

/* Who is told, and what tells of many events or of none, is for those of the server's whole region.
 */
static bool may_see_all(const struct api_call *call)
{
	const char *code = call->options->region;
	uint32_t region = region_find(call->registry->regions, code, strlen(code));

	return region != REGISTRY_NONE && api_may_see_whole_region(call, region);
}

/* ---- notices ---- */

static const char *const columns[] = {"id",    "notice",  "receiver", "what",     "of",      "rule",
				      "event", "members", "state",    "attempts", "written", "next",
				      "done",  "trouble", "summary",  NULL};

static void write_notice(struct api_call *call, const struct alarm_notice_row *row)
{
	struct json_writer *json = &call->json;

	json_begin_object(json, NULL);
	json_add_int(json, "id", row->id);
	json_add_string(json, "notice", row->key);
	json_add_string(json, "receiver", row->receiver);
	json_add_string(json, "what", row->what);
	json_add_string(json, "of", row->of);
	json_add_string(json, "rule", or_null(row->rule));
	if (row->event != 0)
		json_add_int(json, "event", row->event);
	else
		json_add_null(json, "event");
	json_add_int(json, "members", row->members);
	json_add_string(json, "state", row->state);
	json_add_int(json, "attempts", row->attempts);
	add_time(call, "written", row->made_ms);
	add_time(call, "next", row->due_ms);
	add_time(call, "done", row->done_ms);
	json_add_string(json, "trouble", or_null(row->trouble));
	json_add_string(json, "summary", row->summary);
	json_end_object(json);
}

static void write_notice_row(struct api_call *call, const struct alarm_notice_row *row)
{
	struct csv_writer *csv = &call->csv;

	csv_add_int(csv, row->id);
	csv_add_text(csv, row->key);
	csv_add_text(csv, row->receiver);
	csv_add_text(csv, row->what);
	csv_add_text(csv, row->of != NULL ? row->of : "");
	csv_add_text(csv, row->rule);
	if (row->event != 0)
		csv_add_int(csv, row->event);
	else
		csv_add_text(csv, "");
	csv_add_int(csv, row->members);
	csv_add_text(csv, row->state);
	csv_add_int(csv, row->attempts);
	add_time_cell(call, row->made_ms);
	add_time_cell(call, row->due_ms);
	add_time_cell(call, row->done_ms);
	csv_add_text(csv, row->trouble);
	csv_add_text(csv, row->summary != NULL ? row->summary : "");
	csv_end_row(csv);
}

struct page {
	struct api_call *call;
	int64_t limit, n, next;
};

static int give_notice(const struct alarm_notice_row *row, void *arg)
{
	struct page *page = arg;

	if (row->event != 0 ? !api_may_see_event(page->call, row->region, row->institution)
			    : !may_see_all(page->call))
		return 0;
	if (page->n++ == page->limit)
		return 1;
	page->next = row->id;
	if (page->call->is_csv)
		write_notice_row(page->call, row);
	else
		write_notice(page->call, row);
	return 0;
}

static void get_notices(struct api_call *call)
{
	struct alarm_notice_query query = {.receiver = api_parameter(call, "receiver")};
	struct page page = {.call = call};
	struct err err = {""};
	char cursor[24];
	int rc;

	query.filter = api_choice(call, "state");
	if (query.filter < 0 || !api_integer(call, "event", 0, &query.event) ||
	    !api_integer(call, "limit", 0, &page.limit) ||
	    !api_integer(call, "cursor", 0, &query.before_id))
		return;
	api_begin_list(call, "notices", columns);
	rc = alarm_notice_list(call->ledger, &query, give_notice, &page, &err);
	if (rc < 0) {
		api_failed(call, &err);
		return;
	}
	(void)snprintf(cursor, sizeof cursor, "%lld", (long long)page.next);
	api_end_list(call, rc == 1 ? cursor : NULL);
}

/* ---- receivers ---- */

static const char *const receiver_columns[] = {"receiver", "kind",  "to",        "waiting",
					       "failing",  "since", "last_sent", "given_up",
					       "trouble",  NULL};

static void write_receiver(struct api_call *call, const struct alarm_receiver *receiver,
			   const struct alarm_receiver_state *state, const char *to)
{
	struct json_writer *json = &call->json;

	json_begin_object(json, NULL);
	json_add_string(json, "receiver", receiver->name);
	json_add_string(json, "kind", alarm_receiver_kind_names[receiver->kind]);
	json_add_string(json, "to", to);
	json_add_int(json, "waiting", state->waiting);
	json_add_int(json, "failing", state->failing);
	add_time(call, "since", state->since_ms);
	add_time(call, "last_sent", state->sent_ms);
	json_add_int(json, "given_up", state->given_up);
	json_add_string(json, "trouble", or_null(state->trouble));
	json_end_object(json);
}

static void write_receiver_row(struct api_call *call, const struct alarm_receiver *receiver,
			       const struct alarm_receiver_state *state, const char *to)
{
	struct csv_writer *csv = &call->csv;

	csv_add_text(csv, receiver->name);
	csv_add_text(csv, alarm_receiver_kind_names[receiver->kind]);
	csv_add_text(csv, to);
	csv_add_int(csv, state->waiting);
	csv_add_int(csv, state->failing);
	add_time_cell(call, state->since_ms);
	add_time_cell(call, state->sent_ms);
	csv_add_int(csv, state->given_up);
	csv_add_text(csv, state->trouble);
	csv_end_row(csv);
}

static int give_receiver(struct api_call *call, const struct alarm_receiver *receiver,
			 struct err *err)
{
	struct alarm_receiver_state state = {.waiting = 0};
	struct buf to = {0};
	int rc = alarm_receiver_look(call->ledger, receiver->name, &state, err);

	alarm_say_receiver(receiver, call->options->region, &to);
	if (rc == 0 && call->is_csv)
		write_receiver_row(call, receiver, &state, to.data);
	else if (rc == 0)
		write_receiver(call, receiver, &state, to.data);
	buf_fini(&to);
	return rc;
}

static void get_receivers(struct api_call *call)
{
	const struct server_alarm_config *config = call->options->alarms;
	size_t n = config != NULL && may_see_all(call) ? config->receivers.count : 0;
	const struct alarm_receiver *receivers = n > 0 ? config->receivers.items : NULL;
	struct err err = {""};
	int rc = 0;

	api_begin_list(call, "receivers", receiver_columns);
	for (size_t i = 0; i < n && rc == 0; i++)
		rc = give_receiver(call, &receivers[i], &err);
	if (rc < 0)
		api_failed(call, &err);
	else
		api_end_list(call, NULL);
}

static const struct api_parameter notice_parameters[] = {
	{.name = "receiver", .help = "only those for this one"},
	{.name = "state",
	 .type = API_CHOICE,
	 .choices = alarm_notice_filter_names,
	 .fallback = "any",
	 .help = "failing: it waits after an attempt that failed; gathered: a summary tells it"},
	{.name = "event",
	 .type = API_INTEGER,
	 .min = 1,
	 .max = INT64_MAX,
	 .help = "only those of this event"},
	API_PAGE_PARAMETERS(NOTICES_MAX, "notices"),
	API_CSV_PARAMETERS,
	{0},
};
static const struct api_parameter receiver_parameters[] = {API_CSV_PARAMETERS, {0}};

enum { LOOKERS = API_ROLE(ROLE_ADMIN) | API_ROLE(ROLE_AUDITOR) };
const struct api_route api_outbox_routes[] = {
	{"GET", "/api/v1/alarms/notices", ACCESS_TOKEN, get_notices, notice_parameters,
	 "listAlarmNotices", "What receivers of alarms were told, what waits and why, newest first",
	 .schema = "AlarmNoticeList", .roles = LOOKERS, .item = ITEM_NOTICE},
	{"GET", "/api/v1/alarms/receivers", ACCESS_TOKEN, get_receivers, receiver_parameters,
	 "listAlarmReceivers",
	 "Who is told of alarms, and what waits for each; for tokens of the server's whole region",
	 .schema = "AlarmReceiverList", .roles = LOOKERS, .item = ITEM_NOTICE},
	{0},
};
