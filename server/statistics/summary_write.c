/* SPDX-License-Identifier: Apache-2.0 */
/* Sums of reports as JSON and CSV. */
#include "server/statistics/statistics_write.h"

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
			statistics_add_number(json, schema->lines[i].code, row->has_value[i],
					      row->values[i]);
	json_end_object(json);
}

static void write_row(struct json_writer *json, const struct summary *summary,
		      const struct summary_row *row, const char *by)
{

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

void summary_write_json(struct json_writer *json, const struct summary *summary,
			const struct summary_context *context)
{
	const struct fill *fill = context->fill;
	const struct summary_question *question = context->question;
	const struct region_tree *tree = fill->figures->registry->regions;

	json_begin_object(json, NULL);
	statistics_write_head(json, fill->schema, fill->period);
	json_add_string(json, "region", tree->regions[question->region].code);
	statistics_add_date(json, "due", report_due(fill->schema, fill->period));
	write_lines(json, fill->schema);
	json_begin_array(json, "rows");
	for (size_t i = 0; i < summary->n_rows; i++)
		write_row(json, summary, &summary->rows[i], summary_by_names[question->by]);
	json_end_array(json);
	json_begin_object(json, "total");
	json_add_int(json, "institutions", summary->total.institutions);
	write_states(json, &summary->total);
	write_values(json, summary->schema, &summary->total);
	json_end_object(json);
	json_end_object(json);
}

static void write_cells(struct csv_writer *csv, const struct summary *summary,
			const struct summary_row *row)
{

	csv_add_text(csv, row->key);
	csv_add_text(csv, row->name);
	csv_add_text(csv, row->is_own ? "1" : "0");
	csv_add_int(csv, row->institutions);
	for (int i = 0; i < N_FILING_STATES; i++)
		csv_add_int(csv, row->states[i]);
	for (size_t i = 0; i < summary->schema->n_lines; i++)
		if (summary->schema->lines[i].is_summed)
			statistics_add_cell(csv, row->has_value[i], row->values[i]);
	csv_end_row(csv);
}

void summary_columns(const struct summary *summary, const char *columns[SUMMARY_COLUMNS_MAX])
{
	static const char *const first[] = {"key", "name", "own", "institutions"};
	size_t n = 0;

	for (size_t i = 0; i < sizeof first / sizeof *first; i++)
		columns[n++] = first[i];
	for (int i = 0; i < N_FILING_STATES; i++)
		columns[n++] = filing_state_names[i];
	for (size_t i = 0; i < summary->schema->n_lines; i++)
		if (summary->schema->lines[i].is_summed)
			columns[n++] = summary->schema->lines[i].code;
	columns[n] = NULL;
}

void summary_write_csv(struct csv_writer *csv, const struct summary *summary)
{
	for (size_t i = 0; i < summary->n_rows; i++)
		write_cells(csv, summary, &summary->rows[i]);
	write_cells(csv, summary, &summary->total);
}
