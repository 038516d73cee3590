/* SPDX-License-Identifier: Apache-2.0 */
/* api_goal.h - quotas and targets in the rows of indicators. */
#ifndef SERVER_API_GOAL_H
#define SERVER_API_GOAL_H

#include "server/api/api_call.h"
#include "server/figures/figures_goal.h"

/* As figures_goals_load, without what the asker may not see of the past. */
int api_goals_load(struct api_call *call, struct figures_goals *goals,
		   const struct figures *figures, const struct figures_question *question,
		   struct err *err);

/* The member "plan": the one that covers the period's year; none where there is none. */
void api_add_plan(struct api_call *call, const struct figures_goals *goals);

/* The members "quota_grade", "target_progress" and "warnings" of a row that shows what may be
 * told. */
void api_add_goals(struct api_call *call, const struct figures_goals *goals,
		   const struct figures_row *row);

/* Names of the cells that follow, NULL-terminated behind the last. */
#define API_GOAL_COLUMNS \
	"quota_grade", "quota_share", "target", "target_used", "target_projected", "target_state"
/* The cells of one indicator. */
void api_add_goal_cells(struct api_call *call, const struct figures_goals *goals,
			const struct figures_row *row, enum kpi kpi);

#endif
