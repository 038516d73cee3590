/* SPDX-License-Identifier: Apache-2.0 */
/* One report as JSON and CSV. */
#include <string.h>

#include "server/statistics/statistics_write.h"

void statistics_write_head(struct json_writer *json, const struct form_schema *schema,
			   struct fill_period period)
{
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

void statistics_add_date(struct json_writer *json, const char *key, civil_day day)
{
	char text[CIVIL_TEXT_MAX];

	(void)civil_print_day(day, text);
	json_add_string(json, key, text);
}

static void add_text(struct json_writer *json, const char *key, const char *text)
{
	json_add_string(json, key, text != NULL && text[0] != '\0' ? text : NULL);
}

void statistics_add_number(struct json_writer *json, const char *key, bool has, int64_t micro)
{
	if (has)
		json_add_micro(json, key, micro);
	else
		json_add_null(json, key);
}

bool statistics_filled(const struct report *report, size_t line, int64_t *value)
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
	bool has_filled = statistics_filled(report, line, &filled);

	json_add_bool(json, "applies", cell->now.applies);
	statistics_add_number(json, "filled", has_filled, filled);
	statistics_add_number(json, "filed", value->has_filed, value->filed);
	statistics_add_number(json, "value", cell->has_value, cell->value);
	json_add_bool(json, "moved", cell->has_moved);
	statistics_add_number(json, "now", cell->has_moved && cell->now.is_known, cell->now.value);
	statistics_add_number(json, "previous", cell->has_previous, cell->previous);
	add_text(json, "missing", cell->now.is_partial ? cell->now.missing : NULL);
	json_add_int(json, "decimals", report->schema->lines[line].decimals);
}

static void write_line(struct json_writer *json, const struct report *report,
		       const struct registry *registry, size_t i)
{
	const struct form_line *line = &report->schema->lines[i];
	const struct filing_value *value = &report->filing.values[i];

	json_begin_object(json, NULL);
	json_add_string(json, "code", line->code);
	json_add_string(json, "name", line->name);
	add_text(json, "unit", line->unit);
	add_text(json, "note", line->note);
	if (line->text != TEXT_NONE) {
		json_add_string(json, "kind", "text");
		json_add_string(json, "text", fill_text(registry, report->institution, line->text));
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

static void write_forms(struct json_writer *json, const struct report *report,
			const struct registry *registry)
{
	const struct form_schema *schema = report->schema;

	json_begin_array(json, "forms");
	for (size_t f = 0; f < schema->n_forms; f++) {
		json_begin_object(json, NULL);
		json_add_string(json, "id", schema->forms[f].id);
		json_add_string(json, "name", schema->forms[f].name);
		json_add_string(json, "number", schema->forms[f].number);
		json_begin_array(json, "lines");
		for (size_t i = 0; i < schema->n_lines; i++)
			if (schema->lines[i].form == f && report_has_line(report, i))
				write_line(json, report, registry, i);
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

struct history {
	struct json_writer *json;
	int64_t offset_ms;
};

static void write_event(const struct filing_event *event, void *arg)
{
	struct history *history = arg;
	struct json_writer *json = history->json;
	char time[CIVIL_TEXT_MAX];

	(void)civil_print_time(event->at_ms, history->offset_ms, time);
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

int report_write_json(struct json_writer *json, const struct report *report,
		      const struct registry *registry, struct db *db, struct err *err)
{
	int rc = 0;
	struct history history = {json, registry->offset_ms};
	const struct registry_institution *of = &registry->institutions[report->institution];

	json_begin_object(json, NULL);
	statistics_write_head(json, report->schema, report->period);
	json_add_string(json, "institution", of->id);
	json_add_string(json, "name", of->name);
	json_add_string(json, "state", filing_state_names[report->filing.state]);
	json_add_string(json, "state_zh", filing_state_zh[report->filing.state]);
	json_add_int(json, "version", report->filing.version);
	add_text(json, "submitted_by", report->filing.submitted_by);
	statistics_add_date(json, "due", report_due(report->schema, report->period));
	write_people(json, &report->filing);
	write_forms(json, report, registry);
	write_checks(json, report);
	json_begin_array(json, "history");
	if (report->filing.id != 0)
		rc = filing_each_event(db, report->filing.id, write_event, &history, err);
	json_end_array(json);
	json_end_object(json);
	return rc;
}

const char *const report_columns[] = {"year",  "quarter",  "institution", "state",  "form",
				      "code",  "name",     "unit",        "filled", "filed",
				      "value", "previous", "words",       "remark", NULL};

void statistics_add_cell(struct csv_writer *csv, bool has, int64_t micro)
{
	if (has)
		csv_add_micro(csv, micro);
	else
		csv_add_text(csv, NULL);
}

static void write_row(struct csv_writer *csv, const struct report *report,
		      const struct registry *registry, size_t i)
{
	const struct form_line *line = &report->schema->lines[i];
	const struct report_cell *cell = &report->cells[i];
	const struct filing_value *value = &report->filing.values[i];
	bool is_number = line->text == TEXT_NONE && !line->is_words;
	int64_t filled;
	bool has_filled = statistics_filled(report, i, &filled);

	csv_add_int(csv, report->period.year);
	if (report->period.quarter > 0)
		csv_add_int(csv, report->period.quarter);
	else
		csv_add_text(csv, NULL);
	csv_add_text(csv, registry->institutions[report->institution].id);
	csv_add_text(csv, filing_state_zh[report->filing.state]);
	csv_add_text(csv, report->schema->forms[line->form].name);
	csv_add_text(csv, line->code);
	csv_add_text(csv, line->name);
	csv_add_text(csv, line->unit);
	statistics_add_cell(csv, is_number && has_filled, filled);
	statistics_add_cell(csv, is_number && value->has_filed, value->filed);
	statistics_add_cell(csv, is_number && cell->has_value, cell->value);
	statistics_add_cell(csv, is_number && cell->has_previous, cell->previous);
	csv_add_text(csv, line->text != TEXT_NONE
				  ? fill_text(registry, report->institution, line->text)
				  : value->words);
	csv_add_text(csv, value->remark);
	csv_end_row(csv);
}

void report_write_csv(struct csv_writer *csv, const struct report *report,
		      const struct registry *registry)
{
	for (size_t i = 0; i < report->schema->n_lines; i++)
		if (report_has_line(report, i))
			write_row(csv, report, registry, i);
}
