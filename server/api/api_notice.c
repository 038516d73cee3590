/* SPDX-License-Identifier: Apache-2.0 */
/* Texts that officers send, and bills against meters. */
#include "server/api/api_statistics.h"
#include "server/statistics/notice_write.h"

static bool may_see(const struct registry *registry, uint32_t institution, void *arg)
{
	(void)registry;
	return api_may_see_item(arg, institution, ITEM_STATISTICS);
}

/* JSON or CSV, begun; in JSON an object is open. */
static struct notice_out begin(struct api_call *call, const char *const *columns)
{
	struct notice_out out = {.registry = call->registry};

	if (call->is_csv) {
		api_csv(call, columns);
		out.csv = &call->csv;
	} else {
		api_json(call);
		json_begin_object(&call->json, NULL);
		out.json = &call->json;
	}
	return out;
}

static void end(struct api_call *call, int rc, const struct err *err)
{
	if (rc < 0)
		api_failed(call, err);
	else if (!call->is_csv)
		json_end_object(&call->json);
}

static void add_period(struct api_call *call, struct fill_period period)
{
	if (call->is_csv)
		return;
	json_add_int(&call->json, "year", period.year);
	if (period.quarter > 0)
		json_add_int(&call->json, "quarter", period.quarter);
	else
		json_add_null(&call->json, "quarter");
}

static void get_reminders(struct api_call *call)
{
	struct figures figures = api_figures(call);
	const char *region = api_parameter(call, "region");
	struct summary_question question = {.filter = may_see, .filter_arg = call};
	struct notice_out out;
	struct err err = {""};
	struct fill fill;

	if (!api_fill(call, &figures, &fill))
		return;
	question.region = api_find_region(call, region != NULL ? region : call->options->region);
	if (question.region == REGISTRY_NONE)
		return;
	out = begin(call, reminder_columns);
	add_period(call, fill.period);
	end(call, notice_write_reminders(&out, &fill, &question, &err), &err);
}

static void get_changes(struct api_call *call)
{
	struct figures figures = api_figures(call);
	struct notice_out out;
	struct report report;
	struct err err = {""};
	struct fill fill;

	if (!api_fill(call, &figures, &fill))
		return;
	if (report_load(&report, &fill, call->institution, true, &err) < 0) {
		api_failed(call, &err);
		return;
	}
	out = begin(call, change_note_columns);
	out.schema = fill.schema;
	add_period(call, fill.period);
	end(call, notice_write_changes(&out, &fill, &report, &err), &err);
	report_fini(&report);
}

static void get_reconciliation(struct api_call *call)
{
	struct figures figures = api_figures(call);
	int64_t span[2], offset_ms = call->options->offset_ms;
	struct notice_out out;
	struct err err = {""};
	struct span days;

	if (!api_span(call, call->now_ms - 400LL * DAY_MS, call->now_ms + DAY_MS, span))
		return;
	days.from = civil_day_of_utc(span[0], offset_ms);
	days.to = civil_day_of_utc(span[1], offset_ms);
	out = begin(call, reconcile_columns);
	end(call, notice_write_reconciliation(&out, &figures, call->institution, days, &err), &err);
}

static const struct api_parameter reminder_parameters[] = {
	{.name = "region", .help = "whose institutions; default: the server's region"},
	API_QUARTER_PARAMETER,
	API_CSV_PARAMETERS,
	{0},
};
static const struct api_parameter change_parameters[] = {
	API_QUARTER_PARAMETER,
	API_CSV_PARAMETERS,
	{0},
};
static const struct api_parameter reconcile_parameters[] = {
	{.name = "from",
	 .type = API_TIME,
	 .help = "bills of this day and later; default: 400 days ago"},
	{.name = "to", .type = API_TIME, .help = "bills of days before it; default: all"},
	API_CSV_PARAMETERS,
	{0},
};

const struct api_route api_notice_routes[] = {
	{"GET", "/api/v1/reminders/{year}", ACCESS_TOKEN, get_reminders, reminder_parameters,
	 "listReminders", "Who has not submitted a report, and what it waits for",
	 .schema = "Reminders", .is_slow = true, .item = ITEM_STATISTICS},
	{"GET", "/api/v1/statistics/{year}/{institution}/changes", ACCESS_TOKEN, get_changes,
	 change_parameters, "listChanges", "Drafts that explain changes of more than 20 %",
	 .schema = "ChangeNotes", .item = ITEM_STATISTICS},
	{"GET", "/api/v1/institutions/{id}/reconciliation", ACCESS_TOKEN, get_reconciliation,
	 reconcile_parameters, "getReconciliation",
	 "Bills against the meters behind their accounts", .schema = "Reconciliation",
	 .item = ITEM_FEE},
	{0},
};
