/* SPDX-License-Identifier: Apache-2.0 */
#include "server/figures/goal.h"

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

static int64_t share(int64_t part, int64_t whole)
{
	if (part == MICRO_NONE || whole == MICRO_NONE || whole <= 0)
		return MICRO_NONE;
	return scale_int64(part, MICRO, whole);
}

static void project(struct goal_progress *out, const struct goal_facts *facts)
{
	out->last_share = share(facts->last_so_far, facts->last);
	out->is_by_last_year =
		facts->time_share < MICRO && out->last_share != MICRO_NONE && out->last_share > 0;
	if (facts->value == MICRO_NONE)
		out->projected = MICRO_NONE;
	else if (out->is_by_last_year)
		out->projected = scale_int64(facts->value, facts->last, facts->last_so_far);
	else
		out->projected = share(facts->value, facts->time_share);
}

struct goal_progress goal_progress(const struct plan *plan, const struct target *target,
				   const struct goal_facts *facts)
{
	struct goal_progress out = {.target = MICRO_NONE,
				    .due = MICRO_NONE,
				    .used = MICRO_NONE,
				    .reduction = MICRO_NONE,
				    .progress = MICRO_NONE};

	project(&out, facts);
	if (facts->base == MICRO_NONE || facts->base <= 0)
		return out;
	out.target = scale_int64(facts->base, MICRO - target->reduction, MICRO);
	out.due = facts->base - scale_int64(facts->base - out.target, facts->year - plan->base_year,
					    plan->target_year - plan->base_year);
	out.used = share(facts->value, out.due);
	if (out.projected == MICRO_NONE)
		return out;
	out.reduction = share(facts->base - out.projected, facts->base);
	out.progress = share(facts->base - out.projected, facts->base - out.target);
	out.state = out.projected <= out.due ? GOAL_ON_TARGET : GOAL_OFF_TARGET;
	return out;
}
