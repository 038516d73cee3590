/* SPDX-License-Identifier: Apache-2.0 */
/* Indicators by grade: what a sum may tell, and what can be told from several sums together. */
#include <stdio.h>
#include <stdlib.h>

#include "common/mem.h"
#include "server/api/api_call.h"

/* Rows of one partition of a region: with its total, whoever is missing in them can be told. */
enum { CROWD_MIN = 5 };

struct rows {
	struct api_call *call;
	figures_row_fn fn;
	void *arg;
	struct figures_row *rows;
	size_t n, cap;
};

void api_hide_kpis(const struct api_call *call, struct figures_row *row)
{
	for (int kpi = 0; kpi < N_KPIS; kpi++)
		if (!api_may_see_kpi(call, row->institution, (enum kpi)kpi))
			row->kpis[kpi].applies = false;
}

static int sum_grade(const struct api_call *call, enum kpi kpi, const struct kpi_crowd *crowd)
{
	return catalogue_sum_grade(call->catalogue, kpi, crowd->n, crowd->largest);
}

static void hide_before(struct kpi_value *value)
{
	value->has_previous = value->has_change = value->has_change_all = false;
}

static void hide(struct kpi_value *value, int grade)
{
	value->has_value = value->has_coverage = false;
	value->estimated = 0;
	value->partial = MICRO_NONE;
	hide_before(value);
	(void)snprintf(value->reason, sizeof value->reason,
		       "of grade L%d: it would tell of single institutions", grade);
}

static bool is_hidden(const struct kpi_value *value)
{
	return value->applies && value->partial == MICRO_NONE;
}

static void judge_sum(const struct api_call *call, enum kpi kpi, struct kpi_value *value)
{
	int reached = call->grant.grade;
	int grade = sum_grade(call, kpi, &value->crowd);

	if (!value->applies)
		return;
	if (catalogue_sum_grade(call->catalogue, kpi, UINT32_MAX, 0) > reached)
		value->applies = false; /* however many there were */
	else if (grade > reached)
		hide(value, grade);
	else if (sum_grade(call, kpi, &value->crowd_before) > reached)
		hide_before(value);
}

static int keep_row(const struct figures_row *row, void *arg)
{
	struct rows *rows = arg;

	rows->rows = grow(rows->rows, rows->n, &rows->cap, sizeof *rows->rows);
	rows->rows[rows->n] = *row;
	for (int kpi = 0; kpi < N_KPIS; kpi++)
		judge_sum(rows->call, (enum kpi)kpi, &rows->rows[rows->n].kpis[kpi]);
	rows->n++;
	return 0;
}

/* A hidden row is what the total has above the others. Where fewer than CROWD_MIN institutions, or
 * a single row, are hidden so, the smallest shown row is hidden too. */
static void hide_remainder(struct rows *rows, enum kpi kpi)
{
	struct kpi_value *smallest = NULL;
	uint32_t institutions = 0;
	size_t hidden = 0;

	for (size_t i = 0; i < rows->n; i++) {
		struct kpi_value *value = &rows->rows[i].kpis[kpi];

		if (is_hidden(value) && value->crowd.n > 0) {
			hidden++;
			institutions += value->crowd.n;
		} else if (value->applies && value->has_value &&
			   (smallest == NULL || value->crowd.n < smallest->crowd.n)) {
			smallest = value;
		}
	}
	if (hidden > 0 && (hidden == 1 || institutions < CROWD_MIN) && smallest != NULL)
		hide(smallest, catalogue_kpi_grade(rows->call->catalogue, kpi));
}

/* There may be many of them: each goes out at once. */
static int tell_institution(const struct figures_row *row, void *arg)
{
	struct rows *rows = arg;
	struct figures_row shown = *row;

	api_hide_kpis(rows->call, &shown);
	return rows->fn(&shown, rows->arg);
}

int api_disclose(struct api_call *call, const struct figures *figures,
		 const struct figures_question *question, figures_row_fn fn, void *arg,
		 struct err *err)
{
	bool is_single = question->by == GROUP_INSTITUTION;
	struct rows rows = {.call = call, .fn = fn, .arg = arg};
	int rc = figures_kpis(figures, question, is_single ? tell_institution : keep_row, &rows,
			      err);

	for (int kpi = 0; kpi < N_KPIS && rc == 0 && rows.n > 1; kpi++)
		hide_remainder(&rows, (enum kpi)kpi);
	for (size_t i = 0; i < rows.n && rc == 0; i++)
		rc = fn(&rows.rows[i], arg);
	free(rows.rows);
	return rc;
}
