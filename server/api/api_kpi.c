/* SPDX-License-Identifier: Apache-2.0 */
/* Indicators of regions and institutions. */
#include <stdio.h>
#include <string.h>

#include "server/api/api_call.h"
#include "server/api/api_goal.h"
#include "server/api/api_period.h"

enum { PAGE_MAX = 5000 };

/* A sum is exact as it is; a quotient is not rounded to 10^-6. */
static void add_amount(struct json_writer *json, const char *key, enum kpi kpi, int64_t micro,
		       double exact)
{
	if (kpi_is_quotient(kpi))
		api_add_digits(json, key, exact);
	else
		json_add_micro(json, key, micro);
}

static void write_kpi(struct api_call *call, enum kpi kpi, const struct kpi_value *value)
{
	struct json_writer *json = &call->json;

	json_begin_object(json, kpi_name(kpi));
	if (value->has_value)
		add_amount(json, "value", kpi, value->value, value->exact.value);
	else
		json_add_null(json, "value");
	json_add_string(json, "unit", kpi_unit(kpi));
	if (value->has_coverage)
		json_add_micro(json, "coverage", value->coverage);
	else
		json_add_null(json, "coverage");
	json_add_micro(json, "estimated", value->estimated);
	if (!value->has_value) {
		if (value->partial != MICRO_NONE)
			add_amount(json, "partial", kpi, value->partial, value->exact.partial);
		json_add_string(json, "reason", value->reason);
	}
	if (value->is_provisional)
		json_add_bool(json, "provisional", true);
	if (value->has_previous)
		add_amount(json, "previous", kpi, value->previous, value->exact.previous);
	if (value->has_change)
		api_add_digits(json, "change", value->exact.change);
	if (value->has_change_all)
		api_add_digits(json, "change_all", value->exact.change_all);
	json_end_object(json);
}

/* Where rows go. */
struct answer {
	struct api_call *call;
	struct figures_goals goals;
	/* by=institution, where a page is asked for */
	int64_t limit, n; /* limit 0: all of them */
	const char *after;
	char last[64]; /* the key of the page's last row */
	bool is_full;  /* there are more */
};

static int write_row(const struct figures_row *row, void *arg)
{
	struct answer *answer = arg;
	struct api_call *call = answer->call;
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
	api_add_goals(call, &answer->goals, row);
	json_end_object(json);
	return 0;
}

/* One line for each indicator of each row. */
static const char *const columns[] = {
	"by",       "key",    "own",        "institutions",   "reporting", "kpi",
	"value",    "unit",   "coverage",   "estimated",      "partial",   "reason",
	"previous", "change", "change_all", API_GOAL_COLUMNS, NULL};

static void add_cell(struct api_call *call, bool is_known, int64_t micro)
{
	if (is_known)
		csv_add_micro(&call->csv, micro);
	else
		csv_add_text(&call->csv, NULL);
}

static void write_line(struct answer *answer, const struct figures_row *row, enum kpi kpi)
{
	struct api_call *call = answer->call;
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
	add_cell(call, !value->has_value && value->partial != MICRO_NONE, value->partial);
	csv_add_text(csv, value->has_value ? NULL : value->reason);
	add_cell(call, value->has_previous, value->previous);
	add_cell(call, value->has_change, value->change);
	add_cell(call, value->has_change_all, value->change_all);
	api_add_goal_cells(call, &answer->goals, row, kpi);
	csv_end_row(csv);
}

static int write_lines(const struct figures_row *row, void *arg)
{
	for (int kpi = 0; kpi < N_KPIS; kpi++)
		if (row->kpis[kpi].applies)
			write_line(arg, row, (enum kpi)kpi);
	return 0;
}

/* What the figures are compared with and computed with. */
static void add_terms(struct api_call *call, const struct figures *figures, uint32_t region,
		      const struct figures_period *period)
{
	struct json_writer *json = &call->json;
	struct figures_set sets[FIGURES_MAX_SETS];
	size_t n = figures_sets(figures, region, period, sets);
	const struct span compared = figures_compared(period);

	json_begin_object(json, "compared_with");
	api_add_days(json, &compared);
	json_end_object(json);
	json_add_string(json, "basis", factor_basis_names[figures->basis]);
	json_begin_array(json, "factors");
	for (size_t i = 0; i < n; i++) {
		json_begin_object(json, NULL);
		json_add_string(json, "set", sets[i].set);
		json_add_bool(json, "verified", sets[i].is_verified);
		json_add_bool(json, "provisional", sets[i].is_provisional);
		json_end_object(json);
	}
	json_end_array(json);
}

static void begin_answer(struct answer *answer, const struct figures *figures, uint32_t region,
			 const struct figures_period *period)
{
	struct api_call *call = answer->call;

	api_is_about_period(call, period);
	if (call->is_csv) {
		api_csv(call, columns);
		return;
	}
	api_json(call);
	json_begin_object(&call->json, NULL);
	api_add_period(call, period);
	add_terms(call, figures, region, period);
	api_add_plan(call, &answer->goals);
	api_add_computing(call);
	json_begin_array(&call->json, "rows");
}

static void end_answer(const struct answer *answer, int rc, const struct err *err)
{
	struct api_call *call = answer->call;
	const char *next = answer->is_full ? answer->last : NULL;

	if (rc < 0) {
		api_failed(call, err);
		return;
	}
	api_end_list(call, next);
}

static bool is_visible(const struct registry *registry, uint32_t institution, void *arg)
{
	const struct answer *answer = arg;

	if (answer->after != NULL &&
	    strcmp(registry->institutions[institution].id, answer->after) <= 0)
		return false;
	return api_may_see_institution(answer->call, institution);
}

/* Rows come in the order of their keys; 1 behind the last of the page. */
static int write_page(const struct figures_row *row, void *arg)
{
	struct answer *answer = arg;

	if (answer->limit > 0 && answer->n == answer->limit) {
		answer->is_full = true;
		return 1;
	}
	answer->n++;
	(void)snprintf(answer->last, sizeof answer->last, "%s", row->key);
	return answer->call->is_csv ? write_lines(row, answer) : write_row(row, answer);
}

/* False after answering 400: pages are of institutions. */
static bool read_page(struct api_call *call, enum figures_group by, struct answer *answer)
{
	answer->after = api_parameter(call, "cursor");
	if (!api_integer(call, "limit", 0, &answer->limit))
		return false;
	if (by == GROUP_INSTITUTION || (answer->after == NULL && answer->limit == 0))
		return true;
	api_problem(call, 400, "bad-parameter", "limit and cursor are for by=institution");
	return false;
}

static void get_region_kpis(struct api_call *call)
{
	struct figures figures = api_figures(call);
	struct answer answer = {.call = call};
	struct figures_question question = {.filter = is_visible, .filter_arg = &answer};
	struct err err = {""};
	int by, rc;

	question.region = call->region;
	if (!api_read_period(call, &figures, question.region, &question.period))
		return;
	by = api_choice(call, "by");
	if (by < 0 || !read_page(call, (enum figures_group)by, &answer))
		return;
	question.by = (enum figures_group)by;
	rc = api_goals_load(call, &answer.goals, &figures, &question, &err);
	if (rc < 0) {
		api_failed(call, &err);
		return;
	}
	begin_answer(&answer, &figures, question.region, &question.period);
	rc = api_disclose(call, &figures, &question, write_page, &answer, &err);
	end_answer(&answer, rc, &err);
	figures_goals_free(&answer.goals);
}

static void get_institution_kpis(struct api_call *call)
{
	struct figures figures = api_figures(call);
	struct figures_row row = {.key_name = "institution"};
	struct answer answer = {.call = call};
	struct figures_period period;
	struct err err = {""};
	uint32_t region;
	int rc;

	row.institution = call->institution;
	region = call->registry->institutions[row.institution].region;
	if (!api_read_period(call, &figures, region, &period))
		return;
	row.key = call->registry->institutions[row.institution].id;
	rc = figures_institution_kpis(&figures, row.institution, &period, row.kpis, &err);
	if (rc == 0)
		rc = figures_goals_load_one(&answer.goals, &figures, row.institution, &period,
					    &err);
	begin_answer(&answer, &figures, region, &period);
	api_hide_kpis(call, &row);
	if (rc == 0)
		rc = call->is_csv ? write_lines(&row, &answer) : write_row(&row, &answer);
	end_answer(&answer, rc, &err);
	figures_goals_free(&answer.goals);
}

static const struct api_parameter region_parameters[] = {
	API_PERIOD_PARAMETERS,
	{.name = "by",
	 .type = API_CHOICE,
	 .choices = figures_group_names,
	 .fallback = "",
	 .help = "groups, a row each; without: one row for the region"},
	{.name = "limit",
	 .type = API_INTEGER,
	 .min = 1,
	 .max = PAGE_MAX,
	 .help = "by=institution: so many on a page; default: all"},
	{.name = "cursor", .help = "by=institution: the next of the page before"},
	API_CSV_PARAMETERS,
	{0},
};
static const struct api_parameter institution_parameters[] = {
	API_PERIOD_PARAMETERS, API_CSV_PARAMETERS, {0}};

const struct api_route api_kpi_routes[] = {
	{"GET", "/api/v1/regions/{code}/kpis", ACCESS_TOKEN, get_region_kpis, region_parameters,
	 "getRegionKpis", "Indicators of a region or of groups in it", .schema = "Kpis",
	 .is_kept = true, .is_slow = true},
	{"GET", "/api/v1/institutions/{id}/kpis", ACCESS_TOKEN, get_institution_kpis,
	 institution_parameters, "getInstitutionKpis", "Indicators of an institution",
	 .schema = "Kpis", .is_kept = true},
	{0},
};
