/* SPDX-License-Identifier: Apache-2.0 */
/* Events: what happened to meters, agents and databases. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "server/api/api_call.h"

enum { EVENTS_MAX = 1000 };

static const char *const severity_names[] = {"info", "warning", "error", NULL};

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
	return index != REGISTRY_NONE && api_may_see_whole_region(call, index);
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

static const char *text_or_null(struct db_statement *row, int column)
{
	const char *text = db_column_text(row, column, NULL);

	return text != NULL && text[0] != '\0' ? text : NULL;
}

static void write_event(struct api_call *call, struct db_statement *row)
{
	char time[CIVIL_TEXT_MAX];

	(void)civil_print_time(db_column_int(row, 1), call->options->offset_ms, time);
	json_begin_object(&call->json, NULL);
	json_add_int(&call->json, "id", db_column_int(row, 0));
	json_add_string(&call->json, "time", time);
	json_add_string(&call->json, "kind", text_or_null(row, 2));
	json_add_string(&call->json, "severity", severity_names[db_column_int(row, 3)]);
	json_add_string(&call->json, "region", text_or_null(row, 4));
	json_add_string(&call->json, "institution", text_or_null(row, 5));
	json_add_string(&call->json, "meter", text_or_null(row, 6));
	json_add_string(&call->json, "agent", text_or_null(row, 7));
	json_add_string(&call->json, "text", text_or_null(row, 8));
	json_add_real(&call->json, "value", db_column_real(row, 9), 6);
	json_end_object(&call->json);
}

static const char *const columns[] = {"id",    "time",  "kind", "severity", "region", "institution",
				      "meter", "agent", "text", "value",    NULL};

static void write_event_row(struct api_call *call, struct db_statement *row)
{
	char time[CIVIL_TEXT_MAX];

	(void)civil_print_time(db_column_int(row, 1), call->options->offset_ms, time);
	csv_add_int(&call->csv, db_column_int(row, 0));
	csv_add_text(&call->csv, time);
	csv_add_text(&call->csv, db_column_text(row, 2, NULL));
	csv_add_text(&call->csv, severity_names[db_column_int(row, 3)]);
	for (int column = 4; column <= 8; column++)
		csv_add_text(&call->csv, db_column_text(row, column, NULL));
	csv_add_real(&call->csv, db_column_real(row, 9), 6);
	csv_end_row(&call->csv);
}

struct event_query {
	int64_t since_ms, limit, before_id;
	int min_severity;
	uint32_t region;
};

/* Newest first. The id of the last event given is the cursor to go on from. */
static int write_events(struct api_call *call, const struct event_query *query, int64_t *next,
			struct err *err)
{
	struct db_statement *row;
	int64_t n = 0;
	int rc = db_prepare(
		ledger_db(call->ledger), &row,
		"SELECT id, time_ms, kind, severity, region, institution, meter, agent, "
		"text, value FROM event WHERE time_ms >= ?1 AND severity >= ?2 AND id < ?3 "
		"ORDER BY id DESC",
		err);

	if (rc < 0)
		return rc;
	db_bind_int(row, 1, query->since_ms);
	db_bind_int(row, 2, query->min_severity);
	db_bind_int(row, 3, query->before_id);
	*next = 0;
	while ((rc = db_step(row, err)) == 1) {
		const char *region = db_column_text(row, 4, NULL);
		const char *institution = db_column_text(row, 5, NULL);

		if (!may_see(call, region, institution) ||
		    !is_below(call, query->region, region, institution))
			continue;
		if (n++ == query->limit)
			break;
		*next = db_column_int(row, 0);
		if (call->is_csv)
			write_event_row(call, row);
		else
			write_event(call, row);
	}
	if (n <= query->limit)
		*next = 0;
	db_finalize(row);
	return rc < 0 ? rc : 0;
}

static void get_events(struct api_call *call)
{
	const char *region = api_parameter(call, "region");
	struct event_query query = {.region = REGISTRY_NONE};
	struct err err = {""};
	char cursor[24];
	int64_t next;

	query.min_severity = api_choice(call, "severity");
	if (query.min_severity < 0 || !api_time(call, "since", 0, &query.since_ms) ||
	    !api_integer(call, "limit", 0, &query.limit) ||
	    !api_integer(call, "cursor", INT64_MAX, &query.before_id))
		return;
	if (region != NULL) {
		query.region = api_find_region(call, region);
		if (query.region == REGISTRY_NONE)
			return;
	}
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
	{.name = "since", .type = API_TIME, .help = "only events from then on"},
	{.name = "severity",
	 .type = API_CHOICE,
	 .choices = severity_names,
	 .fallback = "info",
	 .help = "this severity and graver"},
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
