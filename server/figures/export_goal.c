/* SPDX-License-Identifier: Apache-2.0 */
#include "server/figures/export_goal.h"

#include <math.h>
#include <stdio.h>

static void add_field(struct export_line *line, int n, const char *what, int64_t micro)
{
	char name[96];

	if (micro == MICRO_NONE)
		return;
	(void)snprintf(name, sizeof name, "%s_%s", quota_indicator_names[n], what);
	export_line_micro(line, name, micro);
}

static void add_quota(struct export_line *line, int n, const struct goal_quota *quota)
{
	static const int marks[] = {
		[QUOTA_LIMIT] = 1, [QUOTA_BASE] = 2, [QUOTA_GUIDE] = 3, [N_QUOTA_LEVELS] = 0};

	if (!quota->is_judged)
		return;
	add_field(line, n, "quota_grade", marks[quota->level] * (int64_t)MICRO);
	add_field(line, n, "quota_share", quota->share);
}

static void add_number(struct export_line *line, int n, const char *what, double number)
{
	char name[96];

	if (isnan(number))
		return;
	(void)snprintf(name, sizeof name, "%s_%s", quota_indicator_names[n], what);
	export_line_number(line, name, number);
}

static void add_target(struct export_line *line, int n, const struct goal_target *target)
{
	const struct goal_progress *progress = &target->progress;

	add_number(line, n, "target", progress->due);
	if (progress->state == GOAL_UNKNOWN)
		return;
	add_number(line, n, "used", progress->used);
	add_number(line, n, "projected", progress->projected);
	add_number(line, n, "on_target", progress->state == GOAL_ON_TARGET);
}

void export_goal_fields(struct export_line *line, const struct figures_goals *goals,
			const struct figures_row *row)
{
	if (line->n_fields == 0 || (!goals->has_quotas && !goals->has_targets))
		return; /* goals alone make no point */
	export_line_number(line, "time_share", goals->time_share);
	for (int n = 0; n < N_GOALS; n++) {
		struct goal_quota quota;
		struct goal_target target;

		if (figures_goal_quota(goals, row, n, &quota))
			add_quota(line, n, &quota);
		if (figures_goal_target(goals, row, n, &target))
			add_target(line, n, &target);
	}
}
