/* SPDX-License-Identifier: Apache-2.0 */
#include "server/statistics/report.h"

#include <stdlib.h>
#include <string.h>

static void settle(struct report_cell *cell, const struct filing *filing,
		   const struct filing_value *value)
{
	bool is_open = filing_is_open(filing->state);

	if (value->has_filed) {
		cell->has_value = true;
		cell->value = value->filed;
	} else if (is_open) {
		cell->has_value = cell->now.is_known;
		cell->value = cell->now.value;
	} else {
		cell->has_value = value->has_filled;
		cell->value = value->filled;
	}
	cell->has_moved = !is_open && (value->has_filled != cell->now.is_known ||
				       (value->has_filled && value->filled != cell->now.value));
}

static int load_cells(const struct fill *fill, uint32_t institution, struct filing *filing,
		      struct report_cell *cells, struct err *err)
{
	const struct form_schema *schema = fill->schema;
	const struct filing key = {.year = fill->period.year,
				   .quarter = fill->period.quarter,
				   .institution =
					   fill->figures->registry->institutions[institution].id};
	struct fill_value *values = xcalloc(schema->n_lines + 1, sizeof *values);
	int rc = filing_load(filing, ledger_db(fill->figures->ledger), schema, &key, err);

	if (rc == 0)
		rc = fill_institution(fill, institution, values, err);
	for (size_t i = 0; i < schema->n_lines && rc == 0; i++) {
		cells[i].now = values[i];
		settle(&cells[i], filing, &filing->values[i]);
	}
	free(values);
	return rc;
}

/* The lines are those of this year's schema: an older one may have others. */
static int load_previous(struct report *report, const struct fill *fill, struct err *err)
{
	struct fill before = *fill;
	struct filing filing = {0};
	struct report_cell *cells = xcalloc(report->schema->n_lines + 1, sizeof *cells);
	int rc;

	before.period = fill_period(fill->period.year - 1, fill->period.quarter);
	rc = load_cells(&before, report->institution, &filing, cells, err);
	for (size_t i = 0; i < report->schema->n_lines && rc == 0; i++) {
		report->cells[i].has_previous = cells[i].has_value;
		report->cells[i].previous = cells[i].value;
	}
	filing_fini(&filing);
	free(cells);
	return rc;
}

int report_load(struct report *out, const struct fill *fill, uint32_t institution,
		bool with_previous, struct err *err)
{
	int rc;

	*out = (struct report){
		.schema = fill->schema, .period = fill->period, .institution = institution};
	out->cells = xcalloc(fill->schema->n_lines + 1, sizeof *out->cells);
	rc = load_cells(fill, institution, &out->filing, out->cells, err);
	if (rc == 0 && with_previous)
		rc = load_previous(out, fill, err);
	if (rc == 0 && with_previous)
		report_check(out, fill->figures->registry);
	if (rc < 0)
		report_fini(out);
	return rc;
}

void report_fini(struct report *report)
{
	filing_fini(&report->filing);
	free(report->cells);
	free(report->checks);
	*report = (struct report){0};
}

bool report_has_line(const struct report *report, size_t line)
{
	return report->period.quarter == 0 || !report->schema->lines[line].is_yearly;
}

void report_freeze(struct report *report)
{
	for (size_t i = 0; i < report->schema->n_lines; i++) {
		report->filing.values[i].has_filled = report->cells[i].now.is_known;
		report->filing.values[i].filled = report->cells[i].now.value;
	}
}

size_t report_count_errors(const struct report *report)
{
	size_t n = 0;

	for (size_t i = 0; i < report->n_checks; i++)
		n += report->checks[i].severity == REPORT_ERROR;
	return n;
}

civil_day report_due(const struct form_schema *schema, struct fill_period period)
{
	civil_day month, day;

	if (period.quarter > 0)
		return period.days.to - 1 + (civil_day)schema->due_days;
	month = civil_add_months(civil_year_start(period.days.to), (int)schema->due_month - 1);
	day = month + (civil_day)schema->due_day - 1;
	return day < civil_next_month(month) ? day : civil_next_month(month) - 1;
}
