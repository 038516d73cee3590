/* SPDX-License-Identifier: Apache-2.0 */
/* Statistics forms: reports added up, one report. */
#include <stdlib.h>
#include <string.h>

#include "server/api/api_statistics.h"

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

static void write_head(struct api_call *call, const struct form_schema *schema,
		       struct fill_period period)
{
	struct json_writer *json = &call->json;

	json_add_int(json, "year", period.year);
	if (period.quarter > 0)
		json_add_int(json, "quarter", period.quarter);
	else
		json_add_null(json, "quarter");
	json_begin_object(json, "schema");
	json_add_string(json, "id", schema->id);
	json_add_string(json, "name", schema->name);
	json_add_bool(json, "verified", schema->is_verified);
	json_end_object(json);
}

static void add_date(struct json_writer *json, const char *key, civil_day day)
{
	char text[CIVIL_TEXT_MAX];

	(void)civil_print_day(day, text);
	json_add_string(json, key, text);
}

static void add_text(struct json_writer *json, const char *key, const char *text)
{
	json_add_string(json, key, text != NULL && text[0] != '\0' ? text : NULL);
}

static void add_number(struct json_writer *json, const char *key, bool has, int64_t micro)
{
	if (has)
		json_add_micro(json, key, micro);
	else
		json_add_null(json, key);
}

/* ---- one report ---- */

/* What was filled in: as it was submitted, or as it is now. */
static bool filled_of(const struct report *report, size_t line, int64_t *value)
{
	const struct filing_value *filed = &report->filing.values[line];
	const struct report_cell *cell = &report->cells[line];
	bool is_open = filing_is_open(report->filing.state);

	*value = is_open ? cell->now.value : filed->filled;
	return is_open ? cell->now.is_known : filed->has_filled;
}

static void write_number_line(struct json_writer *json, const struct report *report, size_t line)
{
	const struct report_cell *cell = &report->cells[line];
	const struct filing_value *value = &report->filing.values[line];
	int64_t filled;
	bool has_filled = filled_of(report, line, &filled);

	json_add_bool(json, "applies", cell->now.applies);
	add_number(json, "filled", has_filled, filled);
	add_number(json, "filed", value->has_filed, value->filed);
	add_number(json, "value", cell->has_value, cell->value);
	json_add_bool(json, "moved", cell->has_moved);
	add_number(json, "now", cell->has_moved && cell->now.is_known, cell->now.value);
	add_number(json, "previous", cell->has_previous, cell->previous);
	add_text(json, "missing", cell->now.is_partial ? cell->now.missing : NULL);
	json_add_int(json, "decimals", report->schema->lines[line].decimals);
}

static void write_line(struct api_call *call, const struct report *report, size_t i)
{
	const struct form_line *line = &report->schema->lines[i];
	const struct filing_value *value = &report->filing.values[i];
	struct json_writer *json = &call->json;

	json_begin_object(json, NULL);
	json_add_string(json, "code", line->code);
	json_add_string(json, "name", line->name);
	add_text(json, "unit", line->unit);
	add_text(json, "note", line->note);
	if (line->text != TEXT_NONE) {
		json_add_string(json, "kind", "text");
		json_add_string(json, "text",
				fill_text(call->registry, report->institution, line->text));
	} else if (line->is_words) {
		json_add_string(json, "kind", "words");
		json_add_string(json, "text", value->words);
	} else {
		json_add_string(json, "kind", "number");
		json_add_bool(json, "entered", line->n_terms == 0);
		write_number_line(json, report, i);
	}
	add_text(json, "remark", value->remark);
	json_end_object(json);
}

static void write_forms(struct api_call *call, const struct report *report)
{
	const struct form_schema *schema = report->schema;
	struct json_writer *json = &call->json;

	json_begin_array(json, "forms");
	for (size_t f = 0; f < schema->n_forms; f++) {
		json_begin_object(json, NULL);
		json_add_string(json, "id", schema->forms[f].id);
		json_add_string(json, "name", schema->forms[f].name);
		json_add_string(json, "number", schema->forms[f].number);
		json_begin_array(json, "lines");
		for (size_t i = 0; i < schema->n_lines; i++)
			if (schema->lines[i].form == f && report_has_line(report, i))
				write_line(call, report, i);
		json_end_array(json);
		json_end_object(json);
	}
	json_end_array(json);
}

static void write_checks(struct json_writer *json, const struct report *report)
{
	json_begin_array(json, "checks");
	for (size_t i = 0; i < report->n_checks; i++) {
		const struct report_check *check = &report->checks[i];

		json_begin_object(json, NULL);
		json_add_string(json, "code", report->schema->lines[check->line].code);
		json_add_string(json, "check", check->code);
		json_add_string(json, "severity",
				check->severity == REPORT_ERROR ? "error" : "note");
		json_add_string(json, "text", check->text);
		json_end_object(json);
	}
	json_end_array(json);
}

static void write_event(const struct filing_event *event, void *arg)
{
	struct api_call *call = arg;
	struct json_writer *json = &call->json;
	char time[CIVIL_TEXT_MAX];

	(void)civil_print_time(event->at_ms, call->options->offset_ms, time);
	json_begin_object(json, NULL);
	json_add_string(json, "at", time);
	json_add_string(json, "who", event->who);
	json_add_string(json, "action", event->action);
	json_add_string(json, "state", filing_state_names[event->state]);
	json_add_int(json, "version", event->version);
	add_text(json, "reason", event->why);
	if (event->detail[0] != '\0')
		json_add_number(json, "values", event->detail, strlen(event->detail));
	else
		json_add_null(json, "values");
	json_end_object(json);
}

static void write_people(struct json_writer *json, const struct filing *filing)
{
	json_begin_object(json, "people");
	add_text(json, "filler", filing->filler);
	add_text(json, "checker", filing->checker);
	add_text(json, "head", filing->head);
	add_text(json, "phone", filing->phone);
	json_end_object(json);
}

void api_write_report(struct api_call *call, const struct report *report, struct db *db)
{
	const struct registry_institution *of = &call->registry->institutions[report->institution];
	struct json_writer *json = &call->json;

	api_json(call);
	json_begin_object(json, NULL);
	write_head(call, report->schema, report->period);
	json_add_string(json, "institution", of->id);
	json_add_string(json, "name", of->name);
	json_add_string(json, "state", filing_state_names[report->filing.state]);
	json_add_string(json, "state_zh", filing_state_zh[report->filing.state]);
	json_add_int(json, "version", report->filing.version);
	add_text(json, "submitted_by", report->filing.submitted_by);
	add_date(json, "due", report_due(report->schema, report->period));
	write_people(json, &report->filing);
	write_forms(call, report);
	write_checks(json, report);
	json_begin_array(json, "history");
	if (db != NULL && report->filing.id != 0)
		(void)filing_each_event(db, report->filing.id, write_event, call, NULL);
	json_end_array(json);
	json_end_object(json);
}

static const char *const report_columns[] = {"year",  "quarter",  "institution", "state",  "form",
					     "code",  "name",     "unit",        "filled", "filed",
					     "value", "previous", "words",       "remark", NULL};

static void add_cell(struct csv_writer *csv, bool has, int64_t micro)
{
	if (has)
		csv_add_micro(csv, micro);
	else
		csv_add_text(csv, NULL);
}

static void write_report_row(struct api_call *call, const struct report *report, size_t i)
{
	const struct form_line *line = &report->schema->lines[i];
	const struct report_cell *cell = &report->cells[i];
	const struct filing_value *value = &report->filing.values[i];
	bool is_number = line->text == TEXT_NONE && !line->is_words;
	struct csv_writer *csv = &call->csv;
	int64_t filled;
	bool has_filled = filled_of(report, i, &filled);

	csv_add_int(csv, report->period.year);
	if (report->period.quarter > 0)
		csv_add_int(csv, report->period.quarter);
	else
		csv_add_text(csv, NULL);
	csv_add_text(csv, call->registry->institutions[report->institution].id);
	csv_add_text(csv, filing_state_zh[report->filing.state]);
	csv_add_text(csv, report->schema->forms[line->form].name);
	csv_add_text(csv, line->code);
	csv_add_text(csv, line->name);
	csv_add_text(csv, line->unit);
	add_cell(csv, is_number && has_filled, filled);
	add_cell(csv, is_number && value->has_filed, value->filed);
	add_cell(csv, is_number && cell->has_value, cell->value);
	add_cell(csv, is_number && cell->has_previous, cell->previous);
	csv_add_text(csv, line->text != TEXT_NONE
				  ? fill_text(call->registry, report->institution, line->text)
				  : value->words);
	csv_add_text(csv, value->remark);
	csv_end_row(csv);
}

static void get_report(struct api_call *call)
{
	struct figures figures = api_figures(call);
	struct report report;
	struct fill fill;
	struct err err = {""};

	if (!api_fill(call, &figures, &fill))
		return;
	if (!api_may_see_grade(call, call->institution, GRADE_SHARED)) {
		api_problem(call, 403, "forbidden", "reports are data of grade L2");
		return;
	}
	if (report_load(&report, &fill, call->institution, true, &err) < 0) {
		api_failed(call, &err);
		return;
	}
	if (call->is_csv) {
		api_csv(call, report_columns);
		for (size_t i = 0; i < report.schema->n_lines; i++)
			if (report_has_line(&report, i))
				write_report_row(call, &report, i);
	} else {
		api_write_report(call, &report, ledger_db(call->ledger));
	}
	report_fini(&report);
}

/* ---- many added up ---- */

static bool may_see(const struct registry *registry, uint32_t institution, void *arg)
{
	(void)registry;
	return api_may_see_grade(arg, institution, GRADE_SHARED);
}

static void write_states(struct json_writer *json, const struct summary_row *row)
{
	json_begin_object(json, "states");
	for (int i = 0; i < N_FILING_STATES; i++)
		json_add_int(json, filing_state_names[i], row->states[i]);
	json_end_object(json);
}

static void write_values(struct json_writer *json, const struct form_schema *schema,
			 const struct summary_row *row)
{
	json_begin_object(json, "values");
	for (size_t i = 0; i < schema->n_lines; i++)
		if (schema->lines[i].is_summed)
			add_number(json, schema->lines[i].code, row->has_value[i], row->values[i]);
	json_end_object(json);
}

static void write_row(struct api_call *call, const struct summary *summary,
		      const struct summary_row *row, const char *by)
{
	struct json_writer *json = &call->json;

	json_begin_object(json, NULL);
	json_begin_object(json, "key");
	json_add_string(json, by, row->key);
	if (row->is_own)
		json_add_bool(json, "own", true);
	json_end_object(json);
	json_add_string(json, "name", row->name);
	json_add_int(json, "institutions", row->institutions);
	write_states(json, row);
	write_values(json, summary->schema, row);
	json_end_object(json);
}

static void write_lines(struct json_writer *json, const struct form_schema *schema)
{
	json_begin_array(json, "lines");
	for (size_t i = 0; i < schema->n_lines; i++) {
		if (!schema->lines[i].is_summed)
			continue;
		json_begin_object(json, NULL);
		json_add_string(json, "code", schema->lines[i].code);
		json_add_string(json, "name", schema->lines[i].name);
		json_add_string(json, "unit", schema->lines[i].unit);
		json_add_string(json, "form", schema->forms[schema->lines[i].form].id);
		json_end_object(json);
	}
	json_end_array(json);
}

static void write_summary(struct api_call *call, const struct fill *fill,
			  const struct summary *summary, const struct summary_question *question)
{
	struct json_writer *json = &call->json;

	api_json(call);
	json_begin_object(json, NULL);
	write_head(call, fill->schema, fill->period);
	json_add_string(json, "region", call->registry->regions->regions[question->region].code);
	add_date(json, "due", report_due(fill->schema, fill->period));
	write_lines(json, fill->schema);
	json_begin_array(json, "rows");
	for (size_t i = 0; i < summary->n_rows; i++)
		write_row(call, summary, &summary->rows[i], summary_by_names[question->by]);
	json_end_array(json);
	json_begin_object(json, "total");
	json_add_int(json, "institutions", summary->total.institutions);
	write_states(json, &summary->total);
	write_values(json, summary->schema, &summary->total);
	json_end_object(json);
	json_end_object(json);
}

static void write_summary_cells(struct api_call *call, const struct summary *summary,
				const struct summary_row *row)
{
	struct csv_writer *csv = &call->csv;

	csv_add_text(csv, row->key);
	csv_add_text(csv, row->name);
	csv_add_text(csv, row->is_own ? "1" : "0");
	csv_add_int(csv, row->institutions);
	for (int i = 0; i < N_FILING_STATES; i++)
		csv_add_int(csv, row->states[i]);
	for (size_t i = 0; i < summary->schema->n_lines; i++)
		if (summary->schema->lines[i].is_summed)
			add_cell(csv, row->has_value[i], row->values[i]);
	csv_end_row(csv);
}

static void write_summary_csv(struct api_call *call, const struct summary *summary)
{
	const char *columns[FORM_LINES_MAX + N_FILING_STATES + 5] = {"key", "name", "own",
								     "institutions"};
	size_t n = 4;

	for (int i = 0; i < N_FILING_STATES; i++)
		columns[n++] = filing_state_names[i];
	for (size_t i = 0; i < summary->schema->n_lines; i++)
		if (summary->schema->lines[i].is_summed)
			columns[n++] = summary->schema->lines[i].code;
	columns[n] = NULL;
	api_csv(call, columns);
	for (size_t i = 0; i < summary->n_rows; i++)
		write_summary_cells(call, summary, &summary->rows[i]);
	write_summary_cells(call, summary, &summary->total);
}

static void get_summary(struct api_call *call)
{
	struct figures figures = api_figures(call);
	struct summary_question question = {.filter = may_see, .filter_arg = call};
	const char *region = api_parameter(call, "region");
	int by = api_choice(call, "by");
	struct summary summary;
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
	if (call->is_csv)
		write_summary_csv(call, &summary);
	else
		write_summary(call, &fill, &summary, &question);
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
	API_CSV_PARAMETERS,
	{0},
};

static const struct api_parameter report_parameters[] = {
	API_QUARTER_PARAMETER,
	API_CSV_PARAMETERS,
	{0},
};

const struct api_route api_statistics_routes[] = {
	{"GET", "/api/v1/statistics/{year}", ACCESS_TOKEN, get_summary, summary_parameters,
	 "getStatistics", "Reports of a region added up", .schema = "StatisticsSummary",
	 .item = ITEM_STATISTICS},
	{"GET", "/api/v1/statistics/{year}/{institution}", ACCESS_TOKEN, get_report,
	 report_parameters, "getReport", "One institution's report with checks and history",
	 .schema = "StatisticsReport", .item = ITEM_STATISTICS},
	{0},
};
