/* SPDX-License-Identifier: Apache-2.0 */
/* Indicators by grade: what a sum may tell, and what can be told from several sums together: of one
 * division, of regions inside of each other, of several indicators, of periods that overlap. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/decimal.h"
#include "common/mem.h"
#include "server/api/api_call.h"

/* Rows of one partition of a region: with its total, whoever is missing in them can be told. */
struct rows {
	struct api_call *call;
	figures_row_fn fn;
	void *arg;
	struct figures_row *rows;
	size_t n, cap;
};

/* Indicators that are hidden at a region, and with it at everything below. */
struct veil {
	bool is_down[N_KPIS];
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
	value->has_previous = value->has_change = value->has_change_all = value->has_both = false;
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

/* Figures of all and of most would tell of the few that are left. */
static bool tells_the_rest(const struct api_call *call, enum kpi kpi, const struct kpi_value *value)
{
	struct kpi_crowd rest = {.n = value->reporting - value->both.n};

	return rest.n > 0 && sum_grade(call, kpi, &rest) > call->grant.grade;
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
	else if (value->crowd.gap_n > 0 &&
		 catalogue_sum_grade(call->catalogue, kpi, value->crowd.gap_n,
				     value->crowd.gap_largest) > reached)
		hide(value, catalogue_kpi_grade(call->catalogue, kpi));
	else if (sum_grade(call, kpi, &value->crowd_before) > reached)
		hide_before(value);
	else if (value->has_both && tells_the_rest(call, kpi, value))
		value->has_both = false;
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

/* What hidden rows are together: the total less the rows that are shown. */
struct remainder {
	uint32_t institutions;
	int64_t sum, largest; /* of one institution */
	size_t rows;
};

static struct remainder remainder_of(const struct rows *rows, enum kpi kpi,
				     struct kpi_value **smallest)
{
	struct remainder of = {0, 0, 0, 0};

	*smallest = NULL;
	for (size_t i = 0; i < rows->n; i++) {
		struct kpi_value *value = &rows->rows[i].kpis[kpi];
		int64_t largest = scale_int64(value->value, value->crowd.largest, MICRO);

		if (is_hidden(value) && value->crowd.n > 0) {
			of.rows++;
			of.institutions += value->crowd.n;
			of.sum += value->value;
			of.largest = largest > of.largest ? largest : of.largest;
		} else if (value->applies && value->has_value &&
			   (*smallest == NULL || value->crowd.n < (*smallest)->crowd.n)) {
			*smallest = value;
		}
	}
	return of;
}

/* May that be told? Of quotients the numerators are not at hand: there, as many must be hidden. */
static bool may_tell(const struct rows *rows, enum kpi kpi, const struct remainder *of)
{
	int64_t largest = of->sum > 0 ? scale_int64(of->largest, MICRO, of->sum) : MICRO;

	if (of->rows < 2)
		return false;
	return catalogue_sum_grade(rows->call->catalogue, kpi, of->institutions,
				   kpi_is_quotient(kpi) ? 0 : largest) <= rows->call->grant.grade;
}

/* The smallest shown rows are hidden too until what hidden rows are together may be told. Where one
 * of the periods before is hidden, all are: the others and their total would tell it. */
static void hide_remainder(struct rows *rows, enum kpi kpi)
{
	struct kpi_value *smallest;
	struct remainder of = remainder_of(rows, kpi, &smallest);
	bool has_gap = of.rows > 0;

	while (of.rows > 0 && smallest != NULL && !may_tell(rows, kpi, &of)) {
		hide(smallest, catalogue_kpi_grade(rows->call->catalogue, kpi));
		of = remainder_of(rows, kpi, &smallest);
	}
	for (size_t i = 0; i < rows->n; i++) {
		const struct kpi_value *value = &rows->rows[i].kpis[kpi];

		has_gap |= value->applies && value->crowd_before.n > 0 && !value->has_previous;
	}
	for (size_t i = 0; i < rows->n && has_gap; i++)
		hide_before(&rows->rows[i].kpis[kpi]);
}

/* ---- one answer and others ---- */

/* Is there anything that a sum could tell above the grade? */
static bool is_limited(const struct api_call *call)
{
	for (int kpi = 0; kpi < N_KPIS; kpi++)
		if (catalogue_kpi_grade(call->catalogue, (enum kpi)kpi) > call->grant.grade)
			return true;
	return false;
}

/* Of the one period. */
static int judge_period(struct rows *rows, const struct figures *figures,
			const struct figures_question *question, struct err *err)
{
	int rc = figures_kpis(figures, question, keep_row, rows, err);

	for (int kpi = 0; kpi < N_KPIS && rc == 0 && rows->n > 1; kpi++)
		hide_remainder(rows, (enum kpi)kpi);
	return rc;
}

static const struct figures_row *find_row(const struct rows *rows, const struct figures_row *like)
{
	for (size_t i = 0; i < rows->n; i++)
		if (rows->rows[i].is_own == like->is_own &&
		    strcmp(rows->rows[i].key, like->key) == 0)
			return &rows->rows[i];
	return NULL;
}

/* What is hidden in the other period, or is of others there, is hidden here. */
static void hide_as_in(struct rows *rows, const struct rows *other)
{
	for (size_t i = 0; i < rows->n; i++) {
		const struct figures_row *there = find_row(other, &rows->rows[i]);

		for (int kpi = 0; kpi < N_KPIS; kpi++) {
			struct kpi_value *value = &rows->rows[i].kpis[kpi];
			const struct kpi_value *like = there != NULL ? &there->kpis[kpi] : NULL;

			if (value->applies && (like == NULL || !like->applies || is_hidden(like) ||
					       like->crowd.set != value->crowd.set))
				hide(value,
				     catalogue_kpi_grade(rows->call->catalogue, (enum kpi)kpi));
		}
	}
}

static int compare_with(struct rows *rows, const struct figures *figures,
			const struct figures_question *question, enum figures_period_kind kind,
			int number, struct err *err)
{
	struct figures_question other = *question;
	struct rows there = {.call = rows->call};
	int rc = 0;

	if (figures_period(figures, question->period.year, kind, number, &other.period, NULL) < 0 ||
	    other.period.in_progress)
		return 0;
	rc = judge_period(&there, figures, &other, err);
	if (rc == 0)
		hide_as_in(rows, &there);
	free(there.rows);
	return rc;
}

/* Of a year's months, quarters, halves each is the others less the rest. So it is decided once for
 * all of them: they are told where in every month that is over, and in the year if it is, the same
 * institutions are in the sum and it may be told. A whole year is judged by itself. */
static int judge_year(struct rows *rows, const struct figures *figures,
		      const struct figures_question *question, struct err *err)
{
	const struct figures_period *period = &question->period;
	bool is_year = period->days.to == civil_add_months(period->days.from, 12);
	int rc = is_year ? 0 : compare_with(rows, figures, question, PERIOD_YEAR, 0, err);

	for (int month = 1; month <= 12 && rc == 0 && !is_year; month++)
		rc = compare_with(rows, figures, question, PERIOD_MONTH, month, err);
	return rc;
}

/* From a day to the next, the running period's sums tell of a day; a heating season's, beside its
 * months, of halves of them. */
static bool is_open_period(const struct figures_question *question)
{
	return !question->is_before && !question->period.in_progress &&
	       question->period.kind != PERIOD_HEATING;
}

/* veil: NULL hides all. */
static void draw(const struct veil *veil, const struct api_call *call, struct rows *rows)
{
	for (size_t i = 0; i < rows->n; i++)
		for (int kpi = 0; kpi < N_KPIS; kpi++) {
			struct kpi_value *value = &rows->rows[i].kpis[kpi];

			if (value->applies && (veil == NULL || veil->is_down[kpi]))
				hide(value, catalogue_kpi_grade(call->catalogue, (enum kpi)kpi));
		}
}

/* What it is compared with is of other institutions than that year's own figures. */
static int judge_rows(struct rows *rows, const struct figures *figures,
		      const struct figures_question *question, struct err *err)
{
	int rc = judge_period(rows, figures, question, err);

	if (rc < 0 || !is_limited(rows->call))
		return rc;
	for (size_t i = 0; i < rows->n; i++)
		for (int kpi = 0; kpi < N_KPIS; kpi++)
			hide_before(&rows->rows[i].kpis[kpi]);
	if (is_open_period(question))
		return judge_year(rows, figures, question, err);
	draw(NULL, rows->call, rows);
	return 0;
}

/* What the division of a region hides of one of its children. */
static int look_at_level(struct api_call *call, const struct figures *figures,
			 const struct figures_question *question, const char *child,
			 struct veil *veil, struct err *err)
{
	struct rows rows = {.call = call};
	int rc = judge_rows(&rows, figures, question, err);

	for (size_t i = 0; i < rows.n && rc == 0; i++)
		for (int kpi = 0; kpi < N_KPIS; kpi++)
			if (!rows.rows[i].is_own && strcmp(rows.rows[i].key, child) == 0)
				veil->is_down[kpi] |= is_hidden(&rows.rows[i].kpis[kpi]);
	free(rows.rows);
	return rc;
}

/* A region may be hidden for the sake of its neighbours, or lie in one that is: then it is hidden
 * wherever it is asked for, and all below it. */
static int look_above(struct api_call *call, const struct figures *figures,
		      const struct figures_question *question, struct veil *veil, struct err *err)
{
	const struct region *regions = call->registry->regions->regions;
	uint32_t child = question->region;
	int rc = 0;

	while (rc == 0 && regions[child].parent != UINT32_MAX &&
	       api_may_see_region(call, regions[child].parent)) {
		struct figures_question level = *question;

		level.by = GROUP_REGION;
		level.region = regions[child].parent;
		rc = look_at_level(call, figures, &level, regions[child].code, veil, err);
		child = level.region;
	}
	return rc;
}

/* There may be many of them: each goes out at once. */
static int tell_institution(const struct figures_row *row, void *arg)
{
	struct rows *rows = arg;
	struct figures_row shown = *row;

	api_hide_kpis(rows->call, &shown);
	return rows->fn(&shown, rows->arg);
}

/* All rows of a sum. */
static int tell_sums(struct rows *rows, const struct figures *figures,
		     const struct figures_question *question, struct err *err)
{
	bool is_tree = question->by == GROUP_NONE || question->by == GROUP_REGION;
	struct veil veil = {{false}};
	int rc = judge_rows(rows, figures, question, err);

	if (rc == 0 && is_limited(rows->call)) {
		rc = look_above(rows->call, figures, question, &veil, err);
		/* Types, lines and affiliations cross regions and each other: what one of their
		 * sums holds beyond another may be of a single institution. */
		draw(is_tree ? &veil : NULL, rows->call, rows);
	}
	for (size_t i = 0; i < rows->n && rc == 0; i++)
		rc = rows->fn(&rows->rows[i], rows->arg);
	free(rows->rows);
	return rc;
}

int api_disclose(struct api_call *call, const struct figures *figures,
		 const struct figures_question *question, figures_row_fn fn, void *arg,
		 struct err *err)
{
	struct rows rows = {.call = call, .fn = fn, .arg = arg};

	if (question->by == GROUP_INSTITUTION)
		return figures_kpis(figures, question, tell_institution, &rows, err);
	return tell_sums(&rows, figures, question, err);
}
