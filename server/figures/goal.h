/* SPDX-License-Identifier: Apache-2.0 */
/* goal.h - an indicator held against its quota (定额) and against its target of a plan. Pure.
 * Definitions: docs/figures.md. Values in 10^-6 of the indicator's unit, shares in 10^-6;
 * MICRO_NONE: not known. */
#ifndef SERVER_GOAL_H
#define SERVER_GOAL_H

#include "server/factors/quota.h"

/* The best level that a value meets, or N_QUOTA_LEVELS: it meets none of those that are given. */
enum quota_level goal_level(const struct quota *quota, int64_t value);
/* Is there a limit (约束值), and is the value above it? */
bool goal_exceeds(const struct quota *quota, int64_t value);

/* What a target needs to know. */
struct goal_facts {
	int64_t base;              /* the base year's figure */
	int64_t value;             /* of the year so far */
	int64_t last_so_far, last; /* of the year before: up to the same day, and all of it */
	int64_t time_share;        /* of the year that has passed; MICRO: it is over */
	int year;
};
enum goal_state { GOAL_UNKNOWN, GOAL_ON_TARGET, GOAL_OFF_TARGET };
extern const char *const goal_state_names[]; /* NULL-terminated */

struct goal_progress {
	int64_t target;       /* at the end of the plan: base less the reduction */
	int64_t due;          /* this year's: on a straight line from the base year to the target */
	int64_t used;         /* value / due: how much of what is due has been used up */
	int64_t last_share;   /* what the year before had used of itself up to the same day */
	bool is_by_last_year; /* projected by last_share; else by the time that has passed */
	int64_t projected;    /* the year's figure if it goes on like that */
	int64_t reduction;    /* of the base year's figure, by what is projected */
	int64_t progress;     /* reduction / the plan's reduction */
	enum goal_state state;
};
struct goal_progress goal_progress(const struct plan *plan, const struct target *target,
				   const struct goal_facts *facts);

#endif
