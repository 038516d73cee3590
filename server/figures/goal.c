/* SPDX-License-Identifier: Apache-2.0 */
#include "server/figures/goal.h"

#include <math.h>

#include "common/decimal.h"

const char *const goal_state_names[] = {"unknown", "on_target", "off_target", NULL};

enum quota_level goal_level(const struct quota *quota, int64_t value)
{
	enum quota_level best = N_QUOTA_LEVELS;

	for (int level = 0; level < N_QUOTA_LEVELS; level++)
		if (quota->levels[level] != MICRO_NONE && value <= quota->levels[level])
			best = (enum quota_level)level;
	return best;
}

bool goal_exceeds(const struct quota *quota, int64_t value)
{
	return quota->levels[QUOTA_LIMIT] != MICRO_NONE && value > quota->levels[QUOTA_LIMIT];
}

/* Who is just on the line is on target, whatever the last digit of a double says. */
#define ROUNDING 1e-12

static double share(double part, double whole)
{
	return whole > 0 ? part / whole : NAN;
}

static void project(struct goal_progress *out, const struct goal_facts *facts)
{
	out->last_share = share(facts->last_so_far, facts->last);
	out->is_by_last_year = facts->time_share < 1 && out->last_share > 0;
	if (out->is_by_last_year)
		out->projected = facts->value / out->last_share;
	else
		out->projected = share(facts->value, facts->time_share);
}

static void plan_the_year(struct goal_progress *out, const struct plan *plan, double reduction,
			  int year)
{
	double part = (double)(year - plan->base_year) / (plan->target_year - plan->base_year);

	out->planned = reduction * part;
	out->planned_rate = 1 - pow(1 - reduction, part);
}

static double rate_left(const struct goal_progress *progress, int years)
{
	if (years <= 0)
		return 0;
	return 1 - pow(share(progress->target, progress->projected), 1.0 / years);
}

struct goal_progress goal_progress(const struct plan *plan, const struct target *target,
				   const struct goal_facts *facts)
{
	double reduction = (double)target->reduction / MICRO;
	struct goal_progress out = {.state = GOAL_UNKNOWN};

	project(&out, facts);
	plan_the_year(&out, plan, reduction, facts->year);
	out.target = facts->base * (1 - reduction);
	out.due = facts->base * (1 - out.planned);
	out.used = share(facts->value, out.due);
	out.reduction = share(facts->base - out.projected, facts->base);
	out.progress = share(out.reduction, reduction);
	out.ratio = share(out.reduction, out.planned);
	out.rate_left = rate_left(&out, plan->target_year - facts->year);
	if (facts->base > 0 && !isnan(out.projected))
		out.state =
			out.reduction >= out.planned - ROUNDING ? GOAL_ON_TARGET : GOAL_OFF_TARGET;
	return out;
}
