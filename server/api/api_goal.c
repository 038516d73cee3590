/* SPDX-License-Identifier: Apache-2.0 */
#include "server/api/api_goal.h"

#include <math.h>
#include <stdio.h>

static const char *const level_names[] = {"limit", "base", "guide", "none"};

/* ---- the past ---- */

static int ask(void *ask_arg, const struct figures *figures,
	       const struct figures_question *question, figures_row_fn fn, void *arg,
	       struct err *err)
{
	return api_disclose(ask_arg, figures, question, fn, arg, err);
}

int api_goals_load(struct api_call *call, struct figures_goals *goals,
		   const struct figures *figures, const struct figures_question *question,
		   struct err *err)
{
	goals->ask = ask;
	goals->ask_arg = call;
	return figures_goals_load(goals, figures, question, err);
}

/* ---- JSON ---- */

static void add_known(struct json_writer *json, const char *key, double number)
{
	if (isnan(number))
		json_add_null(json, key);
	else
		api_add_digits(json, key, number);
}

void api_add_plan(struct api_call *call, const struct figures_goals *goals)
{
	struct json_writer *json = &call->json;
	const struct plan *plan = goals->plan;

	if (plan == NULL)
		return;
	json_begin_object(json, "plan");
	json_add_string(json, "id", plan->id);
	json_add_string(json, "name", plan->name);
	json_add_int(json, "base_year", plan->base_year);
	json_add_int(json, "target_year", plan->target_year);
	if (plan->frozen_year != 0)
		json_add_int(json, "frozen_year", plan->frozen_year);
	json_add_bool(json, "verified", plan->is_verified);
	if (plan->status[0] != '\0')
		json_add_string(json, "status", plan->status);
	json_end_object(json);
}

/* Does the row tell the value, or that there is none yet? */
static bool is_told(const struct kpi_value *value)
{
	return value->applies && (value->has_value || value->partial != MICRO_NONE);
}

static bool find_quota(const struct api_call *call, const struct figures_goals *goals,
		       const struct figures_row *row, int n, struct goal_quota *out)
{
	return is_told(&row->kpis[figures_goal_kpi(n)]) && !row->is_group &&
	       api_may_see_item(call, row->institution, ITEM_QUOTA_GRADE) &&
	       figures_goal_quota(goals, row, n, out);
}

static bool find_target(const struct api_call *call, const struct figures_goals *goals,
			const struct figures_row *row, int n, struct goal_target *out)
{
	return is_told(&row->kpis[figures_goal_frozen(goals, n)]) &&
	       (row->is_group || api_may_see_item(call, row->institution, ITEM_TARGET_PROGRESS)) &&
	       figures_goal_target(goals, row, n, out);
}

static void write_quota(struct api_call *call, const struct figures_goals *goals,
			const struct figures_row *row, int n)
{
	const struct kpi_value *kpi = &row->kpis[figures_goal_kpi(n)];
	struct json_writer *json = &call->json;
	struct goal_quota of;

	if (!find_quota(call, goals, row, n, &of))
		return;
	json_begin_object(json, quota_indicator_names[n]);
	json_add_string(json, "grade", of.is_judged ? level_names[of.level] : NULL);
	if (!of.is_judged)
		json_add_string(json, "reason",
				kpi->has_value ? "the year is not over: ask for period=rolling12"
					       : kpi->reason);
	for (int level = 0; level < N_QUOTA_LEVELS; level++)
		if (of.quota->levels[level] != MICRO_NONE)
			json_add_micro(json, level_names[level], of.quota->levels[level]);
	if (of.share != MICRO_NONE)
		json_add_micro(json, "share", of.share);
	json_add_bool(json, "exceeds", of.exceeds);
	json_add_string(json, "class", of.quota->class_id);
	json_add_string(json, "class_name", of.quota->class_name);
	json_add_string(json, "set", of.quota->set);
	json_add_bool(json, "verified", of.quota->is_verified);
	json_end_object(json);
}

static void write_frozen(struct api_call *call, const struct figures_goals *goals,
			 const struct figures_row *row, int n)
{
	const struct kpi_value *kpi = &row->kpis[figures_goal_kpi(n)];

	if (figures_goal_frozen(goals, n) == figures_goal_kpi(n))
		return;
	json_add_int(&call->json, "frozen_year", goals->plan->frozen_year);
	add_known(&call->json, "current_factors", kpi->has_value ? kpi->exact.value : NAN);
}

/* Over all of either year, where the figures are like for like. */
static void write_all(struct api_call *call, const struct goal_target *of)
{
	struct json_writer *json = &call->json;

	if (!of->is_like_for_like)
		return;
	json_add_int(json, "institutions", of->n_both);
	json_begin_object(json, "all");
	json_add_string(json, "state", goal_state_names[of->all.state]);
	add_known(json, "base", of->all_base);
	add_known(json, "value", of->all_value);
	add_known(json, "projected", of->all.projected);
	add_known(json, "reduction_so_far", of->all.reduction);
	add_known(json, "progress", of->all.progress);
	json_end_object(json);
}

static void write_target(struct api_call *call, const struct figures_goals *goals,
			 const struct figures_row *row, int n)
{
	const struct kpi_value *kpi = &row->kpis[figures_goal_frozen(goals, n)];
	struct json_writer *json = &call->json;
	struct goal_target of;

	if (!find_target(call, goals, row, n, &of))
		return;
	json_begin_object(json, quota_indicator_names[n]);
	json_add_string(json, "state", goal_state_names[of.progress.state]);
	if (of.progress.state == GOAL_UNKNOWN)
		json_add_string(json, "reason",
				isnan(of.facts.base) ? "the base year's figure is not known"
				: kpi->has_value     ? "the year has just begun"
						     : kpi->reason);
	json_add_micro(json, "reduction", of.target->reduction);
	add_known(json, "base", of.facts.base);
	json_add_bool(json, "base_filed", of.is_filed);
	add_known(json, "target", of.progress.target);
	add_known(json, "due", of.progress.due);
	add_known(json, "value", of.facts.value);
	add_known(json, "used", of.progress.used);
	api_add_digits(json, "time_share", of.facts.time_share);
	add_known(json, "last_year_share", of.progress.last_share);
	add_known(json, "projected", of.progress.projected);
	json_add_string(json, "projected_by", of.progress.is_by_last_year ? "last_year" : "time");
	add_known(json, "reduction_so_far", of.progress.reduction);
	add_known(json, "planned_so_far", of.progress.planned);
	add_known(json, "progress", of.progress.progress);
	add_known(json, "annual_rate_left", of.progress.rate_left);
	write_frozen(call, goals, row, n);
	write_all(call, &of);
	json_end_object(json);
}

struct warning {
	const char *kind, *what;
	double value, bound;
};

static void add_warning(struct api_call *call, const struct figures_goals *goals, int n,
			const struct warning *warning)
{
	enum kpi kpi = figures_goal_kpi(n);
	char text[384];

	(void)snprintf(text, sizeof text, "%d年%s %.6g %s,%s %.6g %s", goals->question.period.year,
		       catalogue_kpi_entry(call->catalogue, kpi)->name.zh, warning->value,
		       kpi_unit(kpi), warning->what, warning->bound, kpi_unit(kpi));
	json_begin_object(&call->json, NULL);
	json_add_string(&call->json, "kpi", quota_indicator_names[n]);
	json_add_string(&call->json, "kind", warning->kind);
	json_add_string(&call->json, "text", text);
	json_end_object(&call->json);
}

static void write_warnings(struct api_call *call, const struct figures_goals *goals,
			   const struct figures_row *row, int n)
{
	struct goal_quota quota;
	struct goal_target target;

	if (find_quota(call, goals, row, n, &quota) && quota.exceeds)
		add_warning(call, goals, n,
			    &(struct warning){"above_quota", "超过约束值",
					      row->kpis[figures_goal_kpi(n)].exact.value,
					      (double)quota.quota->levels[QUOTA_LIMIT] / MICRO});
	if (find_target(call, goals, row, n, &target) && target.progress.state == GOAL_OFF_TARGET)
		add_warning(call, goals, n,
			    &(struct warning){"off_target",
					      goals->time_share < 1
						      ? "为按当前进度推算的全年值，高于年度目标"
						      : "高于年度目标",
					      target.progress.projected, target.progress.due});
}

void api_add_goals(struct api_call *call, const struct figures_goals *goals,
		   const struct figures_row *row)
{
	struct json_writer *json = &call->json;

	json_begin_object(json, "quota_grade");
	for (int n = 0; n < N_GOALS; n++)
		write_quota(call, goals, row, n);
	json_end_object(json);
	json_begin_object(json, "target_progress");
	for (int n = 0; n < N_GOALS; n++)
		write_target(call, goals, row, n);
	json_end_object(json);
	json_begin_array(json, "warnings");
	for (int n = 0; n < N_GOALS; n++)
		write_warnings(call, goals, row, n);
	json_end_array(json);
}

/* ---- CSV ---- */

static void add_cell(struct api_call *call, double number)
{
	if (isnan(number))
		csv_add_text(&call->csv, NULL);
	else
		csv_add_micro(&call->csv, llround(number * MICRO));
}

void api_add_goal_cells(struct api_call *call, const struct figures_goals *goals,
			const struct figures_row *row, enum kpi kpi)
{
	struct goal_quota quota = {.share = MICRO_NONE};
	struct goal_target target = {.progress = {.due = NAN, .used = NAN, .projected = NAN}};
	bool has_target = false;

	for (int n = 0; n < N_GOALS; n++) {
		if (figures_goal_kpi(n) != kpi)
			continue;
		(void)find_quota(call, goals, row, n, &quota);
		has_target = find_target(call, goals, row, n, &target);
	}
	csv_add_text(&call->csv, quota.is_judged ? level_names[quota.level] : NULL);
	add_cell(call, quota.share != MICRO_NONE ? (double)quota.share / MICRO : NAN);
	add_cell(call, target.progress.due);
	add_cell(call, target.progress.used);
	add_cell(call, target.progress.projected);
	csv_add_text(&call->csv, has_target ? goal_state_names[target.progress.state] : NULL);
}
