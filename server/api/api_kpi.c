/* SPDX-License-Identifier: Apache-2.0 */
/* Indicators of regions and institutions. */
#include "server/api/api_call.h"

enum { MINUTE_MS = 60 * 1000 };

/* Indicators are quotients: 10^-6 units are exact to more digits than anybody measures. */
static void write_kpi(struct api_call *call, enum kpi kpi, const struct kpi_value *value)
{
	struct json_writer *json = &call->json;

	json_begin_object(json, kpi_name(kpi));
	if (value->has_value)
		json_add_micro(json, "value", value->value);
	else
		json_add_null(json, "value");
	json_add_string(json, "unit", kpi_unit(kpi));
	if (value->has_coverage)
		json_add_micro(json, "coverage", value->coverage);
	else
		json_add_null(json, "coverage");
	json_add_micro(json, "estimated", value->estimated);
	if (!value->has_value) {
		json_add_micro(json, "partial", value->partial);
		json_add_string(json, "reason", value->reason);
	}
	if (value->has_previous)
		json_add_micro(json, "previous", value->previous);
	if (value->has_change)
		json_add_micro(json, "change", value->change);
	if (value->has_change_all)
		json_add_micro(json, "change_all", value->change_all);
	json_end_object(json);
}

static int write_row(const struct figures_row *row, void *arg)
{
	struct api_call *call = arg;
	struct json_writer *json = &call->json;

	json_begin_object(json, NULL);
	json_begin_object(json, "key");
	json_add_string(json, row->key_name, row->key);
	if (row->is_own)
		json_add_bool(json, "own", true);
	json_end_object(json);
	if (row->is_group) {
		json_add_int(json, "institutions", row->institutions);
		json_add_int(json, "reporting", row->reporting);
	}
	json_begin_object(json, "kpis");
	for (int kpi = 0; kpi < N_KPIS; kpi++)
		if (row->kpis[kpi].applies)
			write_kpi(call, (enum kpi)kpi, &row->kpis[kpi]);
	json_end_object(json);
	json_end_object(json);
	return 0;
}

/* One line for each indicator of each row. */
static const char *const columns[] = {"by",        "key",       "own",        "institutions",
				      "reporting", "kpi",       "value",      "unit",
				      "coverage",  "estimated", "partial",    "reason",
				      "previous",  "change",    "change_all", NULL};

static void add_cell(struct api_call *call, bool is_known, int64_t micro)
{
	if (is_known)
		csv_add_micro(&call->csv, micro);
	else
		csv_add_text(&call->csv, NULL);
}

static void write_line(struct api_call *call, const struct figures_row *row, enum kpi kpi)
{
	const struct kpi_value *value = &row->kpis[kpi];
	struct csv_writer *csv = &call->csv;

	csv_add_text(csv, row->key_name);
	csv_add_text(csv, row->key);
	csv_add_text(csv, row->is_own ? "true" : NULL);
	if (row->is_group) {
		csv_add_int(csv, row->institutions);
		csv_add_int(csv, row->reporting);
	} else {
		csv_add_text(csv, NULL);
		csv_add_text(csv, NULL);
	}
	csv_add_text(csv, kpi_name(kpi));
	add_cell(call, value->has_value, value->value);
	csv_add_text(csv, kpi_unit(kpi));
	add_cell(call, value->has_coverage, value->coverage);
	csv_add_micro(csv, value->estimated);
	add_cell(call, !value->has_value, value->partial);
	csv_add_text(csv, value->has_value ? NULL : value->reason);
	add_cell(call, value->has_previous, value->previous);
	add_cell(call, value->has_change, value->change);
	add_cell(call, value->has_change_all, value->change_all);
	csv_end_row(csv);
}

static int write_lines(const struct figures_row *row, void *arg)
{
	for (int kpi = 0; kpi < N_KPIS; kpi++)
		if (row->kpis[kpi].applies)
			write_line(arg, row, (enum kpi)kpi);
	return 0;
}

static bool read_period(struct api_call *call, const struct figures *figures,
			struct figures_period *period)
{
	civil_day today = civil_day_of_utc(call->now_ms, call->options->offset_ms);
	int kind = api_choice(call, "period");
	int64_t year, number;
	struct err err = {""};

	if (kind < 0 || !api_integer(call, "year", civil_date_of(today).year, &year) ||
	    !api_integer(call, "number", 0, &number))
		return false;
	if (figures_period(figures, (int)year, (enum figures_period_kind)kind, (int)number, period,
			   &err) == 0)
		return true;
	api_problem(call, 400, "bad-parameter", "%s", err.text);
	return false;
}

void api_add_period(struct api_call *call, const struct figures_period *period)
{
	char day[CIVIL_TEXT_MAX];

	json_begin_object(&call->json, "period");
	(void)civil_print_day(period->days.from, day);
	json_add_string(&call->json, "from", day);
	(void)civil_print_day(period->days.to, day);
	json_add_string(&call->json, "to", day);
	json_add_bool(&call->json, "in_progress", period->in_progress);
	/* To the minute: an answer whose figures stay is the same answer, and so is its tag. */
	(void)civil_print_time(period->until_ms - period->until_ms % MINUTE_MS,
			       call->options->offset_ms, day);
	json_add_string(&call->json, "until", day);
	json_end_object(&call->json);
}

static void begin_answer(struct api_call *call, const struct figures_period *period)
{
	if (call->is_csv) {
		api_csv(call, columns);
		return;
	}
	api_json(call);
	json_begin_object(&call->json, NULL);
	api_add_period(call, period);
	api_add_computing(call);
	json_begin_array(&call->json, "rows");
}

static void end_answer(struct api_call *call, int rc, const struct err *err)
{
	if (rc < 0) {
		api_failed(call, err);
		return;
	}
	if (call->is_csv)
		return;
	json_end_array(&call->json);
	json_end_object(&call->json);
}

static bool is_visible(const struct registry *registry, uint32_t institution, void *arg)
{
	(void)registry;
	return api_may_see_institution(arg, institution);
}

static void get_region_kpis(struct api_call *call)
{
	struct figures figures = api_figures(call);
	struct figures_question question = {.filter = is_visible, .filter_arg = call};
	struct err err = {""};
	int by, rc;

	question.region = call->region;
	if (!read_period(call, &figures, &question.period))
		return;
	by = api_choice(call, "by");
	if (by < 0)
		return;
	question.by = (enum figures_group)by;
	begin_answer(call, &question.period);
	rc = figures_kpis(&figures, &question, call->is_csv ? write_lines : write_row, call, &err);
	end_answer(call, rc, &err);
}

static void get_institution_kpis(struct api_call *call)
{
	struct figures figures = api_figures(call);
	struct figures_row row = {.key_name = "institution"};
	struct figures_period period;
	struct err err = {""};
	int rc;

	row.institution = call->institution;
	if (!read_period(call, &figures, &period))
		return;
	row.key = call->registry->institutions[row.institution].id;
	rc = figures_institution_kpis(&figures, row.institution, &period, row.kpis, &err);
	begin_answer(call, &period);
	if (rc == 0)
		rc = call->is_csv ? write_lines(&row, call) : write_row(&row, call);
	end_answer(call, rc, &err);
}

#define PERIOD_PARAMETERS                                                               \
	{.name = "year",                                                                \
	 .type = API_INTEGER,                                                           \
	 .min = API_YEAR_MIN,                                                           \
	 .max = API_YEAR_MAX,                                                           \
	 .help = "default: this year"},                                                 \
		{.name = "period",                                                      \
		 .type = API_CHOICE,                                                    \
		 .choices = figures_period_names,                                       \
		 .fallback = "year",                                                    \
		 .help = "which period of the year; heating is not supported yet"},     \
	{                                                                               \
		.name = "number", .type = API_INTEGER, .min = 1, .max = 12,             \
		.help = "which month, quarter or half; default: the running one, of a " \
			"past year the last"                                            \
	}

static const struct api_parameter region_parameters[] = {
	PERIOD_PARAMETERS,
	{.name = "by",
	 .type = API_CHOICE,
	 .choices = figures_group_names,
	 .fallback = "",
	 .help = "groups, a row each; without: one row for the region"},
	API_CSV_PARAMETERS,
	{0},
};
static const struct api_parameter institution_parameters[] = {
	PERIOD_PARAMETERS, API_CSV_PARAMETERS, {0}};

const struct api_route api_kpi_routes[] = {
	{"GET", "/api/v1/regions/{code}/kpis", ACCESS_TOKEN, get_region_kpis, region_parameters,
	 "getRegionKpis", "Indicators of a region or of groups in it", .schema = "Kpis"},
	{"GET", "/api/v1/institutions/{id}/kpis", ACCESS_TOKEN, get_institution_kpis,
	 institution_parameters, "getInstitutionKpis", "Indicators of an institution",
	 .schema = "Kpis"},
	{0},
};
