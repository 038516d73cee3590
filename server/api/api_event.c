/* SPDX-License-Identifier: Apache-2.0 */
/* Events: what happened to meters, agents and databases. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/api/api_call.h"
#include "server/ledger/event.h"

enum { EVENTS_MAX = 1000, NOTE_MAX = 300 };

bool api_may_see_event(const struct api_call *call, const char *region, const char *institution)
{
	uint32_t index;

	if (institution[0] != '\0') {
		index = registry_find_institution(call->registry, institution, strlen(institution));
		return index != REGISTRY_NONE && api_may_see_item(call, index, ITEM_EVENT);
	}
	if (region[0] == '\0')
		return api_may_see_server(call);
	index = region_find(call->registry->regions, region, strlen(region));
	return index != REGISTRY_NONE && api_may_see_item_of_region(call, index, ITEM_EVENT);
}

static bool is_below(const struct api_call *call, uint32_t top, const char *region,
		     const char *institution)
{
	uint32_t index;

	if (top == REGISTRY_NONE)
		return true;
	if (institution[0] != '\0') {
		index = registry_find_institution(call->registry, institution, strlen(institution));
		return index != REGISTRY_NONE &&
		       region_is_within(call->registry->regions,
					call->registry->institutions[index].region, top);
	}
	index = region_find(call->registry->regions, region, strlen(region));
	return index != REGISTRY_NONE && region_is_within(call->registry->regions, index, top);
}

static const char *or_null(const char *text)
{
	return text[0] != '\0' ? text : NULL;
}

static void add_time(struct api_call *call, const char *key, int64_t utc_ms)
{
	char time[CIVIL_TEXT_MAX];

	if (utc_ms == 0) {
		json_add_null(&call->json, key);
		return;
	}
	(void)civil_print_time(utc_ms, call->options->offset_ms, time);
	json_add_string(&call->json, key, time);
}

static const char *kind_name(const struct event_row *row)
{
	return row->event.kind < N_EVENT_KINDS ? event_kinds[row->event.kind].name : "unknown";
}

static void write_event(struct api_call *call, const struct event_row *row)
{
	const struct event *event = &row->event;

	json_begin_object(&call->json, NULL);
	json_add_int(&call->json, "id", row->id);
	add_time(call, "time", event->time_ms);
	json_add_string(&call->json, "kind", kind_name(row));
	json_add_string(&call->json, "severity", severity_names[event->severity]);
	json_add_string(&call->json, "region", or_null(event->region));
	json_add_string(&call->json, "institution", or_null(event->institution));
	json_add_string(&call->json, "meter", or_null(event->meter));
	json_add_string(&call->json, "agent", or_null(event->agent));
	json_add_string(&call->json, "cause", or_null(event->cause));
	json_add_string(&call->json, "text", or_null(event->text));
	json_add_real(&call->json, "value", event->value, 6);
	json_add_string(&call->json, "state", row->closed_ms == 0 ? "open" : "closed");
	add_time(call, "last", row->last_ms);
	add_time(call, "closed", row->closed_ms);
	json_add_int(&call->json, "count", row->count);
	if (row->ack_by[0] == '\0') {
		json_add_null(&call->json, "acknowledged");
	} else {
		json_begin_object(&call->json, "acknowledged");
		json_add_string(&call->json, "by", row->ack_by);
		add_time(call, "time", row->ack_ms);
		json_add_string(&call->json, "note", or_null(row->ack_note));
		json_end_object(&call->json);
	}
	json_end_object(&call->json);
}

static const char *const columns[] = {"id",
				      "time",
				      "kind",
				      "severity",
				      "region",
				      "institution",
				      "meter",
				      "agent",
				      "cause",
				      "text",
				      "value",
				      "state",
				      "last",
				      "closed",
				      "count",
				      "acknowledged_by",
				      "acknowledged_at",
				      "note",
				      NULL};

static void add_time_cell(struct api_call *call, int64_t utc_ms)
{
	char time[CIVIL_TEXT_MAX] = "";

	if (utc_ms != 0)
		(void)civil_print_time(utc_ms, call->options->offset_ms, time);
	csv_add_text(&call->csv, time);
}

static void write_event_row(struct api_call *call, const struct event_row *row)
{
	const struct event *event = &row->event;

	csv_add_int(&call->csv, row->id);
	add_time_cell(call, event->time_ms);
	csv_add_text(&call->csv, kind_name(row));
	csv_add_text(&call->csv, severity_names[event->severity]);
	csv_add_text(&call->csv, event->region);
	csv_add_text(&call->csv, event->institution);
	csv_add_text(&call->csv, event->meter);
	csv_add_text(&call->csv, event->agent);
	csv_add_text(&call->csv, event->cause);
	csv_add_text(&call->csv, event->text);
	csv_add_real(&call->csv, event->value, 6);
	csv_add_text(&call->csv, row->closed_ms == 0 ? "open" : "closed");
	add_time_cell(call, row->last_ms);
	add_time_cell(call, row->closed_ms);
	csv_add_int(&call->csv, row->count);
	csv_add_text(&call->csv, row->ack_by);
	add_time_cell(call, row->ack_ms);
	csv_add_text(&call->csv, row->ack_note);
	csv_end_row(&call->csv);
}

/* A page of a list. The id of the last event given is the cursor to go on from. */
struct page {
	struct api_call *call;
	uint32_t region;
	int64_t limit, n, next;
};

static int give_event(const struct event_row *row, void *arg)
{
	struct page *page = arg;
	const struct event *event = &row->event;

	if (!api_may_see_event(page->call, event->region, event->institution) ||
	    !is_below(page->call, page->region, event->region, event->institution))
		return 0;
	if (page->n++ == page->limit)
		return 1;
	page->next = row->id;
	if (page->call->is_csv)
		write_event_row(page->call, row);
	else
		write_event(page->call, row);
	return 0;
}

static bool is_kind(struct api_call *call, const char *kind)
{
	if (kind == NULL || event_find_kind(kind) >= 0)
		return true;
	api_problem(call, 400, "bad-parameter", "there is no kind of event '%s'", kind);
	return false;
}

/* false after answering 403 or 404. */
static bool find_place(struct api_call *call, struct page *page, struct event_query *query)
{
	const char *region = api_parameter(call, "region");

	query->institution = api_parameter(call, "institution");
	page->region = REGISTRY_NONE;
	if (region != NULL) {
		page->region = api_find_region(call, region);
		if (page->region == REGISTRY_NONE)
			return false;
	}
	return query->institution == NULL ||
	       api_find_institution_for(call, query->institution, ITEM_EVENT) != REGISTRY_NONE;
}

static void get_events(struct api_call *call)
{
	struct event_query query = {.kind = api_parameter(call, "kind")};
	struct page page = {.call = call};
	struct err err = {""};
	char cursor[24];
	int state = -1, rc;

	query.min_severity = api_choice(call, "severity");
	if (query.min_severity >= 0)
		state = api_choice(call, "state");
	if (state < 0 || !is_kind(call, query.kind) ||
	    !api_time(call, "since", 0, &query.since_ms) ||
	    !api_integer(call, "limit", 0, &page.limit) ||
	    !api_integer(call, "cursor", 0, &query.before_id) || !find_place(call, &page, &query))
		return;
	query.state = (enum event_state)state;
	api_begin_list(call, "events", columns);
	rc = event_list(call->ledger, &query, give_event, &page, &err);
	if (rc < 0) {
		api_failed(call, &err);
		return;
	}
	(void)snprintf(cursor, sizeof cursor, "%lld", (long long)page.next);
	api_end_list(call, rc == 1 ? cursor : NULL);
}

/* ---- a person has seen it ---- */

struct found {
	struct api_call *call;
	bool is_covered;
};

static int find_covered(const struct event_row *row, void *arg)
{
	struct found *found = arg;

	found->is_covered =
		api_may_see_event(found->call, row->event.region, row->event.institution);
	return 0;
}

static int answer_event(const struct event_row *row, void *arg)
{
	write_event(arg, row);
	return 0;
}

/* {"note": "..."}, or nothing; false after answering 400. */
static bool read_note(struct api_call *call, char note[NOTE_MAX + 1])
{
	size_t len = call->request->body_len;
	json_t *root = len > 0 ? json_loadb(call->request->body, len, 0, NULL) : json_object();
	json_t *text = json_object_get(root, "note");
	bool is_good = json_is_object(root) && json_object_size(root) == (text != NULL) &&
		       (text == NULL || json_is_string(text)) &&
		       json_string_length(text) <= NOTE_MAX;

	if (is_good)
		(void)snprintf(note, NOTE_MAX + 1, "%s",
			       text != NULL ? json_string_value(text) : "");
	else
		api_problem(call, 400, "bad-body",
			    "the body must be {\"note\": \"...\"} of at most %d bytes, or empty",
			    NOTE_MAX);
	json_decref(root);
	return is_good;
}

static int acknowledge(struct api_call *call, struct ledger *ledger, int64_t id, const char *note,
		       struct err *err)
{
	int rc = ledger_begin(ledger, err);

	if (rc < 0)
		return rc;
	rc = event_acknowledge(ledger, id, call->grant.name, note, call->now_ms, err);
	if (rc < 0) {
		ledger_rollback(ledger);
		return rc;
	}
	rc = ledger_commit(ledger, err);
	if (rc < 0)
		return rc;
	api_json(call);
	return event_get(ledger, id, answer_event, call, err);
}

static void acknowledge_event(struct api_call *call)
{
	struct found found = {.call = call};
	int64_t id = api_number_of(call->captures[0]);
	char note[NOTE_MAX + 1];
	struct err err = {""};
	struct ledger *ledger;
	int rc;

	if (event_get(call->ledger, id, find_covered, &found, &err) < 0) {
		api_failed(call, &err);
		return;
	}
	if (!found.is_covered) {
		api_not_found(call, "event", call->captures[0]);
		return;
	}
	if (!read_note(call, note))
		return;
	ledger = api_open_writer(call);
	if (ledger == NULL)
		return;
	rc = acknowledge(call, ledger, id, note, &err);
	if (rc < 0)
		api_write_failed(call, rc, &err);
	ledger_close(ledger);
}

static const struct api_parameter parameters[] = {
	{.name = "region", .help = "only events in this subtree"},
	{.name = "institution", .help = "only events of this institution"},
	{.name = "since", .type = API_TIME, .help = "only events that went on then or later"},
	{.name = "severity",
	 .type = API_CHOICE,
	 .choices = severity_names,
	 .fallback = "info",
	 .help = "this severity and graver"},
	{.name = "state",
	 .type = API_CHOICE,
	 .choices = event_state_names,
	 .fallback = "any",
	 .help = "open: the cause goes on"},
	{.name = "kind", .help = "only this kind"},
	API_PAGE_PARAMETERS(EVENTS_MAX, "events"),
	API_CSV_PARAMETERS,
	{0},
};

const struct api_route api_event_routes[] = {
	{"GET", "/api/v1/events", ACCESS_TOKEN, get_events, parameters, "listEvents",
	 "What happened to meters, agents and databases, newest first", .schema = "EventList",
	 .item = ITEM_EVENT},
	{"POST", "/api/v1/events/{event}/acknowledge", ACCESS_TOKEN, acknowledge_event, NULL,
	 "acknowledgeEvent", "Somebody has seen it and says what is being done", .schema = "Event",
	 .roles = API_REPORTERS | API_ROLE(ROLE_REVIEWER), .item = ITEM_EVENT, .request = "Note"},
	{0},
};
