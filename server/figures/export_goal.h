/* SPDX-License-Identifier: Apache-2.0 */
/* export_goal.h - quotas and targets as fields beside the indicators of a year.
 *
 * <indicator>_quota_grade (3 guide, 2 base, 1 limit, 0 none), _quota_share; _target (due this
 * year), _used (of it), _projected, _on_target (1 or 0); time_share. */
#ifndef SERVER_EXPORT_GOAL_H
#define SERVER_EXPORT_GOAL_H

#include "server/figures/export_line.h"
#include "server/figures/figures_goal.h"

void export_goal_fields(struct export_line *line, const struct figures_goals *goals,
			const struct figures_row *row);

#endif
