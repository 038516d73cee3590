/* SPDX-License-Identifier: Apache-2.0 */
/* Events: what happened to meters, agents and databases. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "server/api/api_call.h"
#include "server/ledger/event.h"

enum { EVENTS_MAX = 1000 };

static const char *const state_names[] = {"any", "open", "closed", NULL};
enum state { STATE_ANY, STATE_OPEN, STATE_CLOSED };

/* Is the event about something that the grant covers? Events of an agent without a meter belong to
 * the agent's region; those without any subject are the server's own. */
static bool may_see(const struct api_call *call, const char *region, const char *institution)
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

struct event_query {
	int64_t since_ms, limit, before_id;
	int min_severity, state;
	const char *kind; /* "": all */
	uint32_t region;
	const char *institution; /* "": all */
};

static bool is_asked_for(const struct api_call *call, const struct event_query *query,
			 const struct event_row *row)
{
	const struct event *event = &row->event;

	return may_see(call, event->region, event->institution) &&
	       is_below(call, query->region, event->region, event->institution);
}

static int prepare(struct api_call *call, const struct event_query *query,
		   struct db_statement **list, struct err *err)
{
	int rc = db_prepare(ledger_db(call->ledger), list,
			    "SELECT " EVENT_COLUMNS
			    " FROM event WHERE last_ms >= ?1 AND severity >= ?2 AND id < ?3 AND "
			    "(?4 = 0 OR (?4 = 1) = (closed_ms IS NULL)) AND (?5 = '' OR kind = ?5) "
			    "AND (?6 = '' OR institution = ?6) ORDER BY id DESC",
			    err);

	if (rc < 0)
		return rc;
	db_bind_int(*list, 1, query->since_ms);
	db_bind_int(*list, 2, query->min_severity);
	db_bind_int(*list, 3, query->before_id);
	db_bind_int(*list, 4, query->state);
	db_bind_string(*list, 5, query->kind);
	db_bind_string(*list, 6, query->institution);
	return 0;
}

/* Newest first. The id of the last event given is the cursor to go on from. */
static int write_events(struct api_call *call, const struct event_query *query, int64_t *next,
			struct err *err)
{
	struct db_statement *list;
	struct event_row row;
	int64_t n = 0;
	int rc = prepare(call, query, &list, err);

	if (rc < 0)
		return rc;
	*next = 0;
	while ((rc = db_step(list, err)) == 1) {
		event_read(list, &row);
		if (!is_asked_for(call, query, &row))
			continue;
		if (n++ == query->limit)
			break;
		*next = row.id;
		if (call->is_csv)
			write_event_row(call, &row);
		else
			write_event(call, &row);
	}
	if (n <= query->limit)
		*next = 0;
	db_finalize(list);
	return rc < 0 ? rc : 0;
}

static bool is_kind(struct api_call *call, struct event_query *query)
{
	if (query->kind == NULL)
		query->kind = "";
	if (query->kind[0] == '\0' || event_find_kind(query->kind) >= 0)
		return true;
	api_problem(call, 400, "bad-parameter", "there is no kind of event '%s'", query->kind);
	return false;
}

/* false after answering 403 or 404. */
static bool find_place(struct api_call *call, struct event_query *query)
{
	const char *region = api_parameter(call, "region");
	const char *institution = api_parameter(call, "institution");

	query->region = REGISTRY_NONE;
	query->institution = institution != NULL ? institution : "";
	if (region != NULL) {
		query->region = api_find_region(call, region);
		if (query->region == REGISTRY_NONE)
			return false;
	}
	return institution == NULL ||
	       api_find_institution_for(call, institution, ITEM_EVENT) != REGISTRY_NONE;
}

static void get_events(struct api_call *call)
{
	struct event_query query = {0};
	struct err err = {""};
	char cursor[24];
	int64_t next;

	query.min_severity = api_choice(call, "severity");
	query.state = query.min_severity < 0 ? -1 : api_choice(call, "state");
	query.kind = api_parameter(call, "kind");
	if (query.min_severity < 0 || query.state < 0 || !is_kind(call, &query) ||
	    !api_time(call, "since", 0, &query.since_ms) ||
	    !api_integer(call, "limit", 0, &query.limit) ||
	    !api_integer(call, "cursor", INT64_MAX, &query.before_id) || !find_place(call, &query))
		return;
	api_begin_list(call, "events", columns);
	if (write_events(call, &query, &next, &err) < 0) {
		api_failed(call, &err);
		return;
	}
	(void)snprintf(cursor, sizeof cursor, "%lld", (long long)next);
	api_end_list(call, next > 0 ? cursor : NULL);
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
	 .choices = state_names,
	 .fallback = "any",
	 .help = "open: the cause goes on"},
	{.name = "kind", .help = "only this kind"},
	{.name = "limit",
	 .type = API_INTEGER,
	 .min = 1,
	 .max = EVENTS_MAX,
	 .fallback = "100",
	 .help = "events on a page"},
	{.name = "cursor",
	 .type = API_INTEGER,
	 .min = 1,
	 .max = INT64_MAX,
	 .help = "the next of the page before"},
	API_CSV_PARAMETERS,
	{0},
};

const struct api_route api_event_routes[] = {
	{"GET", "/api/v1/events", ACCESS_TOKEN, get_events, parameters, "listEvents",
	 "What happened to meters, agents and databases, newest first", .schema = "EventList",
	 .item = ITEM_EVENT},
	{0},
};
