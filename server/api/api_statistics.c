/* SPDX-License-Identifier: Apache-2.0 */
/* Statistics forms: reports added up, one report. */
#include <stdlib.h>
#include <string.h>

#include "server/api/api_statistics.h"
#include "server/statistics/statistics_write.h"

bool api_fill(struct api_call *call, const struct figures *figures, struct fill *fill)
{
	const char *text = call->captures[0];
	int64_t quarter;
	int year =
		strlen(text) == 4 && strspn(text, "0123456789") == 4 ? atoi(text) : 0; /* NOLINT */

	if (!api_integer(call, "quarter", 0, &quarter))
		return false;
	if (year < API_YEAR_MIN || year > API_YEAR_MAX) {
		api_not_found(call, "year", text);
		return false;
	}
	*fill = (struct fill){.figures = figures,
			      .schema = call->options->forms != NULL
						? forms_of_year(call->options->forms, year)
						: NULL,
			      .period = fill_period(year, (int)quarter)};
	if (fill->schema != NULL)
		return true;
	api_problem(call, 404, "not-found", "there are no forms for the year %d", year);
	return false;
}

int api_write_report(struct api_call *call, const struct report *report, struct db *db,
		     struct err *err)
{
	api_json(call);
	return report_write_json(&call->json, report, call->registry, db, err);
}

static void send_workbook(struct api_call *call, int rc, const struct err *err)
{
	if (rc < 0) {
		api_failed(call, err);
		return;
	}
	call->reply->status = 200;
	call->reply->content_type = API_XLSX_TYPE;
	call->reply->file_name = "attachment; filename=\"statistics.xlsx\"";
}

static void send_report_csv(struct api_call *call, const struct report *report)
{
	api_csv(call, report_columns);
	report_write_csv(&call->csv, report, call->registry);
}

static void get_report(struct api_call *call)
{
	struct figures figures = api_figures(call);
	struct report report;
	struct fill fill;
	struct err err = {""};

	if (!api_fill(call, &figures, &fill))
		return;
	if (report_load(&report, &fill, call->institution, true, &err) < 0) {
		api_failed(call, &err);
		return;
	}
	if (call->is_xlsx)
		send_workbook(call,
			      report_write_xlsx(&call->reply->body, &report, call->registry, &err),
			      &err);
	else if (call->is_csv)
		send_report_csv(call, &report);
	else if (api_write_report(call, &report, ledger_db(call->ledger), &err) < 0)
		api_failed(call, &err);
	report_fini(&report);
}

/* ---- many added up ---- */

static bool may_see(const struct registry *registry, uint32_t institution, void *arg)
{
	(void)registry;
	return api_may_see_item(arg, institution, ITEM_STATISTICS);
}

static void send_summary(struct api_call *call, const struct summary *summary,
			 const struct summary_context *context)
{
	const char *columns[SUMMARY_COLUMNS_MAX];
	struct err err = {""};

	if (call->is_xlsx) {
		send_workbook(call, summary_write_xlsx(&call->reply->body, summary, context, &err),
			      &err);
	} else if (call->is_csv) {
		summary_columns(summary, columns);
		api_csv(call, columns);
		summary_write_csv(&call->csv, summary);
	} else {
		api_json(call);
		summary_write_json(&call->json, summary, context);
	}
}

static void get_summary(struct api_call *call)
{
	struct figures figures = api_figures(call);
	struct summary_question question = {.filter = may_see, .filter_arg = call};
	const char *region = api_parameter(call, "region");
	int by = api_choice(call, "by");
	struct summary summary = {0};
	struct fill fill;
	struct err err = {""};

	if (by < 0 || !api_fill(call, &figures, &fill))
		return;
	question.by = (enum summary_by)by;
	question.region = api_find_region(call, region != NULL ? region : call->options->region);
	if (question.region == REGISTRY_NONE)
		return;
	if (summary_make(&summary, &fill, &question, &err) < 0) {
		api_failed(call, &err);
		return;
	}
	send_summary(call, &summary, &(struct summary_context){&fill, &question});
	summary_fini(&summary);
}

static const struct api_parameter summary_parameters[] = {
	{.name = "region", .help = "its reports; default: the server's region"},
	API_QUARTER_PARAMETER,
	{.name = "by",
	 .type = API_CHOICE,
	 .choices = summary_by_names,
	 .fallback = "region",
	 .help = "what the rows are"},
	API_SHEET_PARAMETERS,
	{0},
};

static const struct api_parameter report_parameters[] = {
	API_QUARTER_PARAMETER,
	API_SHEET_PARAMETERS,
	{0},
};

const struct api_route api_statistics_routes[] = {
	{"GET", "/api/v1/statistics/{year}", ACCESS_TOKEN, get_summary, summary_parameters,
	 "getStatistics", "Reports of a region added up", .schema = "StatisticsSummary",
	 .is_slow = true, .item = ITEM_STATISTICS},
	{"GET", "/api/v1/statistics/{year}/{institution}", ACCESS_TOKEN, get_report,
	 report_parameters, "getReport", "One institution's report with checks and history",
	 .schema = "StatisticsReport", .item = ITEM_STATISTICS},
	{0},
};
