/* SPDX-License-Identifier: Apache-2.0 */
#include "server/figures/figures_goal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "server/figures/figures_private.h"

struct goal_row {
	const char *key;
	bool is_own;
	uint32_t institution; /* REGISTRY_NONE: of a group */
	struct goal_past past[N_GOALS];
};

enum kpi figures_goal_kpi(int n)
{
	const char *name = quota_indicator_names[n];

	return kpi_find(name, strlen(name));
}

enum kpi figures_goal_frozen(const struct figures_goals *goals, int n)
{
	enum kpi kpi = figures_goal_kpi(n);

	if (goals->plan == NULL || goals->plan->frozen_year == 0)
		return kpi;
	if (kpi == KPI_CO2_PER_AREA)
		return KPI_CO2_PER_AREA_FROZEN;
	return kpi == KPI_CO2_PER_CAPITA ? KPI_CO2_PER_CAPITA_FROZEN : kpi;
}

/* ---- the past ---- */

static bool is_row(const struct goal_row *one, const struct figures_row *row)
{
	if (one->institution != REGISTRY_NONE)
		return one->institution == row->institution;
	return one->is_own == row->is_own && strcmp(one->key, row->key) == 0;
}

static int by_institution(const void *key, const void *row)
{
	uint32_t a = *(const uint32_t *)key, b = ((const struct goal_row *)row)->institution;

	return a < b ? -1 : a > b;
}

/* NULL: nothing is known of before. */
static struct goal_row *find_row(const struct figures_goals *goals, const struct figures_row *row)
{
	if (goals->n_rows > 0 && !row->is_group)
		return bsearch(&row->institution, goals->rows, goals->n_rows, sizeof *goals->rows,
			       by_institution);
	for (size_t i = 0; i < goals->n_rows; i++)
		if (is_row(&goals->rows[i], row))
			return &goals->rows[i];
	return NULL;
}

/* Institutions come in their order. */
static struct goal_row *add_row(struct figures_goals *goals, const struct figures_row *row)
{
	struct goal_row *added;

	goals->rows = grow(goals->rows, goals->n_rows, &goals->cap_rows, sizeof *goals->rows);
	added = &goals->rows[goals->n_rows++];
	*added = (struct goal_row){
		.key = row->key, .is_own = row->is_own, .institution = row->institution};
	for (int n = 0; n < N_GOALS; n++)
		added->past[n] = (struct goal_past){NAN, NAN, NAN, NAN, NAN, NAN, 0};
	return added;
}

static void keep_last(const struct kpi_value *kpi, struct goal_past *to)
{
	to->last = kpi->applies && kpi->has_value ? kpi->exact.value : NAN;
}

static void keep_season(const struct kpi_value *kpi, struct goal_past *to)
{
	to->last = kpi->applies && kpi->has_previous ? kpi->exact.previous : NAN;
	if (!kpi->applies || !kpi->has_both)
		return;
	to->both_last_so_far = kpi->both.value;
	to->both_last = kpi->both.previous;
}

static void keep_base(const struct kpi_value *kpi, struct goal_past *to)
{
	to->base = kpi->applies && kpi->has_previous ? kpi->exact.previous : NAN;
	if (!kpi->applies || !kpi->has_both)
		return;
	to->both_value = kpi->both.value;
	to->both_base = kpi->both.previous;
	to->n_both = kpi->both.n;
}

static int keep_past(const struct figures_row *row, void *arg)
{
	struct figures_goals *goals = arg;
	struct goal_row *to = find_row(goals, row);

	if (to == NULL)
		to = add_row(goals, row);
	for (int n = 0; n < N_GOALS; n++) {
		const struct kpi_value *kpi = &row->kpis[figures_goal_frozen(goals, n)];

		if (goals->is_last && row->is_group)
			keep_season(kpi, &to->past[n]);
		else if (goals->is_last)
			keep_last(kpi, &to->past[n]);
		else
			keep_base(kpi, &to->past[n]);
	}
	return 0;
}

/* All of the year, against the one before. */
static struct figures_period whole_year(const struct figures *figures, int year)
{
	const struct figures_period period = {
		.kind = PERIOD_YEAR,
		.year = year,
		.length = 12,
		.compare_months = 12,
		.days = {civil_day_of((struct civil_date){year, 1, 1}),
			 civil_day_of((struct civil_date){year + 1, 1, 1})},
		.until_ms = civil_day_start_utc(civil_day_of((struct civil_date){year + 1, 1, 1}),
						figures->registry->offset_ms)};

	return period;
}

static int ask_past(struct figures_goals *goals, const struct figures *figures,
		    const struct figures_question *question, struct err *err)
{
	return goals->ask != NULL
		       ? goals->ask(goals->ask_arg, figures, question, keep_past, goals, err)
		       : figures_kpis(figures, question, keep_past, goals, err);
}

/* All of the base year, beside the period: of groups, over those that are valid in both. */
static struct figures_question base_question(const struct figures_goals *goals)
{
	struct figures_question question = goals->question;
	struct figures_period *period = &question.period;
	int year = goals->plan->base_year;

	question.needs_no_reasons = true;
	period->compare_months = (period->year - year) * 12;
	period->against = (struct span){civil_day_of((struct civil_date){year, 1, 1}),
					civil_day_of((struct civil_date){year + 1, 1, 1})};
	return question;
}

/* The year before of groups, up to the same day and all of it; over the same institutions. */
static int load_season(struct figures_goals *goals, const struct figures *then,
		       const struct figures_question *whole, struct err *err)
{
	const struct figures_question base = base_question(goals);
	const struct figures_season season = {then, whole, &base};
	struct figures_question question = goals->question;

	question.season = &season;
	return ask_past(goals, goals->figures, &question, err);
}

/* All of the year before; what the period does not need is not asked for. */
static int load_last(struct figures_goals *goals, uint32_t institution, struct err *err)
{
	struct figures_question question = goals->question;
	struct figures then = *goals->figures;
	int rc;

	question.is_before = question.needs_no_reasons = true;
	question.period = whole_year(&then, question.period.year);
	/* The bills of the whole year before count, not only those of its months so far. */
	if (then.now_ms < question.period.until_ms)
		then.now_ms = question.period.until_ms;
	if (institution == REGISTRY_NONE && question.by != GROUP_INSTITUTION)
		return load_season(goals, &then, &question, err);
	if (institution == REGISTRY_NONE)
		return ask_past(goals, &then, &question, err);
	struct figures_row row = {.key = then.registry->institutions[institution].id,
				  .institution = institution};
	rc = figures_institution_before(&then, institution, &question.period, row.kpis, err);
	return rc < 0 ? rc : keep_past(&row, goals);
}

static int load_base(struct figures_goals *goals, uint32_t institution, struct err *err)
{
	const struct figures_question question = base_question(goals);
	int rc;

	if (institution == REGISTRY_NONE)
		return ask_past(goals, goals->figures, &question, err);
	struct figures_row row = {.key = goals->figures->registry->institutions[institution].id,
				  .institution = institution};
	rc = figures_institution_kpis(goals->figures, institution, &question.period, row.kpis, err);
	return rc < 0 ? rc : keep_past(&row, goals);
}

static double time_share(const struct figures *figures, const struct figures_period *period)
{
	int64_t offset = figures->registry->offset_ms;
	int64_t from = civil_day_start_utc(period->days.from, offset);
	int64_t to = civil_day_start_utc(period->days.to, offset);

	return period->in_progress ? (double)(period->until_ms - from) / (double)(to - from) : 1;
}

static int load(struct figures_goals *goals, uint32_t institution, struct err *err)
{
	const struct figures_period *period = &goals->question.period;
	bool is_year = period->kind == PERIOD_YEAR || period->kind == PERIOD_YTD ||
		       period->kind == PERIOD_ROLLING12;
	int rc = 0;

	goals->has_quotas = is_year;
	goals->plan = plan_of_year(factors_plans(goals->figures->factors), period->year);
	goals->time_share = time_share(goals->figures, period);
	goals->has_targets = is_year && goals->plan != NULL && goals->plan->status[0] == '\0' &&
			     goals->plan->n_targets > 0;
	if (!goals->has_targets)
		return 0;
	rc = load_base(goals, institution, err);
	goals->is_last = true;
	if (rc == 0 && goals->time_share < 1)
		rc = load_last(goals, institution, err);
	if (rc < 0)
		figures_goals_free(goals);
	return rc;
}

int figures_goals_load(struct figures_goals *goals, const struct figures *figures,
		       const struct figures_question *question, struct err *err)
{
	goals->figures = figures;
	goals->question = *question;
	return load(goals, REGISTRY_NONE, err);
}

int figures_goals_load_one(struct figures_goals *goals, const struct figures *figures,
			   uint32_t institution, const struct figures_period *period,
			   struct err *err)
{
	goals->figures = figures;
	goals->question = (struct figures_question){
		.period = *period,
		.region = figures->registry->institutions[institution].region,
		.by = GROUP_INSTITUTION};
	return load(goals, institution, err);
}

void figures_goals_free(struct figures_goals *goals)
{
	free(goals->rows);
	goals->rows = NULL;
	goals->n_rows = goals->cap_rows = 0;
}

/* ---- whom a row is about ---- */

static int type_of_key(const struct figures_row *row)
{
	for (int type = 0; type < N_TYPES; type++)
		if (strcmp(row->key_name, "type") == 0 &&
		    strcmp(institution_type_name((enum institution_type)type), row->key) == 0)
			return type;
	return -1;
}

static struct quota_subject subject_of(const struct figures_goals *goals,
				       const struct figures_row *row)
{
	const struct registry *registry = goals->figures->registry;
	struct quota_subject subject = {
		.region = goals->question.region, .institution = "", .type = type_of_key(row)};

	if (!row->is_group) {
		const struct registry_institution *of = &registry->institutions[row->institution];
		const struct registry_identity *is = registry_identity_on(
			of, figures_identity_day(of, &goals->question.period.days));

		return (struct quota_subject){is->region, of->id, is->quota_class, (int)is->type,
					      is->affiliation};
	}
	if (strcmp(row->key_name, "region") == 0)
		subject.region = region_find(registry->regions, row->key, strlen(row->key));
	return subject;
}

/* A figure filed for a target is of the one whom the target names. */
static bool is_filed_for(const struct figures_goals *goals, const struct target *target,
			 const struct quota_subject *subject, bool is_own)
{
	const struct region_tree *tree = goals->figures->registry->regions;

	if (target->base == MICRO_NONE || is_own)
		return false;
	if (target->institution[0] != '\0')
		return strcmp(target->institution, subject->institution) == 0;
	return subject->institution[0] == '\0' && target->type == subject->type &&
	       strcmp(target->region, tree->regions[subject->region].code) == 0;
}

/* ---- answers ---- */

bool figures_goal_quota(const struct figures_goals *goals, const struct figures_row *row, int n,
			struct goal_quota *out)
{
	const struct quota_subject subject = subject_of(goals, row);
	const struct kpi_value *kpi = &row->kpis[figures_goal_kpi(n)];
	int64_t measure;

	if (!goals->has_quotas || row->is_group || !kpi->applies)
		return false;
	*out = (struct goal_quota){.quota = quota_find(factors_quotas(goals->figures->factors),
						       goals->figures->registry->regions, &subject,
						       quota_indicator_names[n],
						       goals->question.period.days.to - 1),
				   .level = N_QUOTA_LEVELS,
				   .share = MICRO_NONE};
	if (out->quota == NULL)
		return false;
	out->is_judged = kpi->has_value && !goals->question.period.in_progress;
	if (!out->is_judged)
		return true;
	out->level = goal_level(out->quota, kpi->value);
	out->exceeds = goal_exceeds(out->quota, kpi->value);
	measure = out->quota->levels[QUOTA_LIMIT] != MICRO_NONE ? out->quota->levels[QUOTA_LIMIT]
								: out->quota->levels[QUOTA_BASE];
	if (measure != MICRO_NONE && measure > 0)
		out->share = scale_int64(kpi->value, MICRO, measure);
	return true;
}

/* Where what is valid in both may not be told, or nothing is, all stay. */
static void take_both(const struct goal_past *past, struct goal_target *out)
{
	out->is_like_for_like = past->n_both > 0;
	if (!out->is_like_for_like)
		return;
	out->n_both = past->n_both;
	out->facts.base = past->both_base;
	out->facts.value = past->both_value;
	out->facts.last_so_far = past->both_last_so_far;
	out->facts.last = past->both_last;
}

bool figures_goal_target(const struct figures_goals *goals, const struct figures_row *row, int n,
			 struct goal_target *out)
{
	const struct quota_subject subject = subject_of(goals, row);
	const struct kpi_value *kpi = &row->kpis[figures_goal_frozen(goals, n)];
	const struct goal_row *before = find_row(goals, row);

	if (!goals->has_targets || !kpi->applies)
		return false;
	*out = (struct goal_target){.target = plan_target(goals->plan,
							  goals->figures->registry->regions,
							  &subject, quota_indicator_names[n]),
				    .facts = {.base = NAN,
					      .value = kpi->has_value ? kpi->exact.value : NAN,
					      .last_so_far = NAN,
					      .last = NAN,
					      .time_share = goals->time_share,
					      .year = goals->question.period.year}};
	if (out->target == NULL)
		return false;
	if (before != NULL) {
		out->facts.base = before->past[n].base;
		out->facts.last = before->past[n].last;
	}
	if (kpi->has_previous && goals->question.period.compare_months == 12)
		out->facts.last_so_far = kpi->exact.previous;
	out->is_filed = is_filed_for(goals, out->target, &subject, row->is_own);
	if (out->is_filed)
		out->facts.base = (double)out->target->base / MICRO;
	out->all_base = out->facts.base;
	out->all_value = out->facts.value;
	out->all = goal_progress(goals->plan, out->target, &out->facts);
	if (row->is_group && !out->is_filed && before != NULL)
		take_both(&before->past[n], out);
	out->progress = goal_progress(goals->plan, out->target, &out->facts);
	return true;
}
