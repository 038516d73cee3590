/* SPDX-License-Identifier: Apache-2.0 */
#include "server/figures/export_region.h"

#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "server/figures/export_goal.h"
#include "server/figures/export_line.h"
#include "server/figures/export_peer.h"
#include "server/figures/export_remote.h"
#include "server/figures/export_restate.h"
#include "server/figures/export_tags.h"
#include "server/figures/figures_private.h"

struct work {
	struct tsdb_export *out;
	const struct figures *figures;
	const char *measurement;
	int64_t start_ms;
	bool may_be_there;
	struct figures_goals goals;
};

static int write_row(const struct figures_row *row, void *arg)
{
	struct work *work = arg;
	const struct region_tree *tree = work->figures->registry->regions;
	const struct region *region = &tree->regions[region_find(tree, row->key, strlen(row->key))];
	const struct tsdb_tag tag = {"region", region->code};
	struct export_line line;

	if (row->institutions == 0)
		return 0;
	if (work->may_be_there && export_line_is_withheld(row->kpis))
		tsdb_export_delete(work->out, work->measurement, &tag, 1, work->start_ms);
	export_line_begin(&line, work->out, work->measurement);
	export_line_tag(&line, tag.name, tag.value);
	export_line_kpis(&line, row->kpis);
	export_goal_fields(&line, &work->goals, row);
	export_line_number(&line, "institutions", row->institutions);
	export_line_number(&line, "reporting", row->reporting);
	export_line_text(&line, "name", region->name);
	if (region->parent != UINT32_MAX)
		export_line_text(&line, "parent", tree->regions[region->parent].code);
	export_line_end(&line, work->start_ms);
	return 0;
}

/* Quartiles of the types of institutions in a whole tree. */
static int write_peers(struct work *work, const struct figures_question *question,
		       enum figures_period_kind kind, struct err *err)
{
	const char *region = work->figures->registry->regions->regions[question->region].code;
	struct figures_peers peers[N_TYPES];
	int rc = figures_peers(work->figures, question, peers, err);

	for (int type = 0; type < N_TYPES && rc == 0; type++) {
		struct export_line line;

		export_line_begin(&line, work->out,
				  kind == PERIOD_MONTH ? "peer_kpi_month" : "peer_kpi_year");
		export_line_tag(&line, "region", region);
		export_line_tag(&line, "type", institution_type_name((enum institution_type)type));
		export_peer_fields(&line, &peers[type]);
		export_line_end(&line, work->start_ms);
	}
	return rc;
}

/* Every root and all below it. */
static int write_period(struct work *work, const struct figures_reader *reader, civil_day month,
			enum figures_period_kind kind, struct err *err)
{
	const struct region_tree *tree = work->figures->registry->regions;
	struct civil_date date = civil_date_of(month);
	struct figures_question question = {.by = GROUP_SUBTREE};
	int rc = 0;

	/* A period that has not begun has no indicators. */
	if (figures_period(work->figures, date.year, kind, kind == PERIOD_MONTH ? date.month : 0,
			   &question.period, NULL) < 0)
		return 0;
	work->measurement = kind == PERIOD_MONTH ? "region_kpi_month" : "region_kpi_year";
	work->start_ms = figures_day_start(reader, question.period.days.from);
	for (uint32_t i = 0; i < tree->n && rc == 0; i++) {
		if (tree->regions[i].parent != UINT32_MAX)
			continue;
		question.region = i;
		work->goals = (struct figures_goals){.rows = NULL};
		rc = figures_goals_load(&work->goals, work->figures, &question, err);
		if (rc == 0)
			rc = figures_kpis(work->figures, &question, write_row, work, err);
		figures_goals_free(&work->goals);
		if (rc == 0)
			rc = write_peers(work, &question, kind, err);
	}
	return rc;
}

/* Months under work, in order when they are written. */
struct months {
	civil_day *list;
	size_t n, cap;
};

static void add_month(struct months *months, civil_day month)
{
	months->list = grow(months->list, months->n, &months->cap, sizeof *months->list);
	months->list[months->n++] = month;
}

static int by_day(const void *a, const void *b)
{
	const civil_day *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void sort_months(struct months *months)
{
	size_t n = 0;

	if (months->n > 1)
		qsort(months->list, months->n, sizeof *months->list, by_day);
	for (size_t i = 0; i < months->n; i++)
		if (i == 0 || months->list[i] != months->list[n - 1])
			months->list[n++] = months->list[i];
	months->n = n;
}

/* A month, and what is compared with it; last: none is after it. */
static void add_compared(struct months *months, const struct plans *plans, civil_day month,
			 civil_day last)
{
	int year = civil_date_of(month).year;

	add_month(months, month);
	if (civil_add_months(month, 12) <= last)
		add_month(months, civil_add_months(month, 12));
	for (size_t i = 0; i < plans->n; i++)
		for (int of = year + 2;
		     plans->list[i].base_year == year && of <= plans->list[i].target_year; of++) {
			civil_day january = civil_day_of((struct civil_date){of, 1, 1});

			if (january <= last)
				add_month(months, january); /* its year is written with it */
		}
}

/* Months with rows that changed, and those that are compared with them. */
static int load_months(const struct figures *figures, int64_t after, civil_day restated,
		       struct months *out, struct err *err)
{
	struct db_statement *list;
	int rc = db_prepare(ledger_db(figures->ledger), &list,
			    "SELECT day, (SELECT max(day) FROM institution_month) FROM "
			    "institution_month WHERE change > ? UNION SELECT day, (SELECT max(day) "
			    "FROM institution_month) FROM institution_month WHERE day >= ?",
			    err);

	if (rc < 0)
		return rc;
	db_bind_int(list, 1, after);
	db_bind_int(list, 2, restated);
	while ((rc = db_step(list, err)) == 1)
		add_compared(out, factors_plans(figures->factors),
			     (civil_day)db_column_int(list, 0), (civil_day)db_column_int(list, 1));
	db_finalize(list);
	sort_months(out);
	return rc;
}

struct remote_months {
	struct months *out;
	const struct plans *plans;
	civil_day last;
};

static void add_remote(civil_day month, void *arg)
{
	const struct remote_months *remote = arg;

	add_compared(remote->out, remote->plans, month, remote->last);
}

/* The same of rows that lower servers handed up: none is after the month that runs. */
static int load_remote_months(const struct figures_reader *reader, int64_t after,
			      civil_day restated, struct months *out, struct err *err)
{
	const struct figures *figures = reader->figures;
	struct remote_months remote = {out, factors_plans(figures->factors),
				       civil_month_start(figures_day(reader, figures->now_ms))};
	int rc = export_remote_months(reader, after, restated, add_remote, &remote, err);

	sort_months(out);
	return rc;
}

int export_regions(struct tsdb_export *out, const struct figures *figures, int64_t after,
		   bool may_be_there, struct err *err)
{
	struct work work = {.out = out, .figures = figures, .may_be_there = may_be_there};
	struct figures_reader reader;
	struct months months = {0};
	civil_day restated = INT32_MAX;
	int year = 0;
	int rc = figures_reader_open(&reader, figures, err);

	if (rc == 0 && may_be_there)
		rc = export_tags_regions(out, figures, after, err);
	if (rc == 0)
		rc = export_restate_regions(&reader, after, &restated, err);
	if (rc == 0)
		rc = load_months(figures, after, restated, &months, err);
	if (rc == 0)
		rc = load_remote_months(&reader, after, restated, &months, err);
	for (size_t i = 0; i < months.n && rc == 0; i++) {
		civil_day month = months.list[i];

		rc = write_period(&work, &reader, month, PERIOD_MONTH, err);
		if (rc == 0 && civil_date_of(month).year != year)
			rc = write_period(&work, &reader, month, PERIOD_YEAR, err);
		year = civil_date_of(month).year;
	}
	free(months.list);
	figures_reader_close(&reader);
	return rc < 0 ? rc : 0;
}
