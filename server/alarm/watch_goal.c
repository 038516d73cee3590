/* SPDX-License-Identifier: Apache-2.0 */
/* What an institution's last twelve months tell: quotas and targets. */
#include <string.h>

#include "server/alarm/watch_private.h"
#include "server/figures/figures_goal.h"

struct goal_look {
	struct alarm_watching *watching;
	uint32_t institution;
	struct figures_row row;
	struct figures_goals goals;
};

static int judge(struct goal_look *look, const struct alarm_rule *rule, int n, double value,
		 struct err *err)
{
	struct watch_look of = {.rule = rule,
				.event = watch_key_of(look->watching, rule, look->institution,
						      kpi_name(figures_goal_kpi(n))),
				.value = value,
				.since_ms = look->watching->now_ms,
				.may_raise = true};

	return watch_judge_look(look->watching, &of, err);
}

static int judge_quotas(struct goal_look *look, const struct alarm_rule *rule, struct err *err)
{
	struct goal_quota quota;
	int rc = 0;

	for (int n = 0; n < N_GOALS && rc == 0; n++)
		if (figures_goal_quota(&look->goals, &look->row, n, &quota) && quota.is_judged &&
		    quota.quota->levels[QUOTA_LIMIT] != MICRO_NONE)
			rc = judge(look, rule, n, (double)quota.share / 1e6, err);
	return rc;
}

static int judge_targets(struct goal_look *look, const struct alarm_rule *rule, struct err *err)
{
	struct goal_target target;
	int rc = 0;

	for (int n = 0; n < N_GOALS && rc == 0; n++)
		if (figures_goal_target(&look->goals, &look->row, n, &target) &&
		    target.progress.state != GOAL_UNKNOWN)
			rc = judge(look, rule, n, target.progress.used, err);
	return rc;
}

static bool is_for(const struct goal_look *look, const struct alarm_rule *rule)
{
	enum institution_type type = look->watching->registry->institutions[look->institution].type;

	return rule->types == 0 || (rule->types >> type & 1) != 0;
}

static int judge_all(struct goal_look *look, struct err *err)
{
	const struct alarm_rule *rule;
	int rc = 0;

	for (size_t i = 0;
	     rc == 0 && (rule = watch_next_rule(look->watching, WATCH_QUOTA, &i)) != NULL;)
		if (is_for(look, rule))
			rc = judge_quotas(look, rule, err);
	for (size_t i = 0;
	     rc == 0 && (rule = watch_next_rule(look->watching, WATCH_TARGET, &i)) != NULL;)
		if (is_for(look, rule))
			rc = judge_targets(look, rule, err);
	return rc;
}

static bool is_asked(const struct alarm_watching *watching)
{
	size_t q = 0, t = 0;

	return watch_next_rule(watching, WATCH_QUOTA, &q) != NULL ||
	       watch_next_rule(watching, WATCH_TARGET, &t) != NULL;
}

int watch_goals(struct alarm_watching *watching, uint32_t institution, struct err *err)
{
	struct goal_look look = {.watching = watching,
				 .institution = institution,
				 .row = {.key_name = "institution",
					 .key = watching->registry->institutions[institution].id,
					 .institution = institution}};
	const struct figures figures = watch_figures(watching);
	civil_day today = civil_day_of_utc(watching->now_ms, watching->context.offset_ms);
	struct figures_period period;
	int rc;

	if (!is_asked(watching))
		return 0;
	rc = figures_period(&figures, civil_date_of(today).year, PERIOD_ROLLING12, 0, &period, err);
	if (rc == 0)
		rc = figures_institution_kpis(&figures, institution, &period, look.row.kpis, err);
	if (rc == 0)
		rc = figures_goals_load_one(&look.goals, &figures, institution, &period, err);
	if (rc < 0)
		return rc;
	rc = judge_all(&look, err);
	figures_goals_free(&look.goals);
	return rc;
}
