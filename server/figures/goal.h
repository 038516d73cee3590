/* SPDX-License-Identifier: Apache-2.0 */
/* goal.h - an indicator held against its quota (定额) and against its target of a plan. Pure.
 * Definitions: docs/figures.md. */
#ifndef SERVER_GOAL_H
#define SERVER_GOAL_H

#include "server/factors/quota.h"

/* The best level that a value (10^-6) meets, or N_QUOTA_LEVELS: it meets none of those that are
 * given. */
enum quota_level goal_level(const struct quota *quota, int64_t value);
/* Is there a limit (约束值), and is the value above it? */
bool goal_exceeds(const struct quota *quota, int64_t value);

/* What a target needs to know; not a number: not known. */
struct goal_facts {
	double base;              /* the base year's figure */
	double value;             /* of the year so far */
	double last_so_far, last; /* of the year before: up to the same day, and all of it */
	double time_share;        /* of the year that has passed; 1: it is over */
	int year;
};
enum goal_state { GOAL_UNKNOWN, GOAL_ON_TARGET, GOAL_OFF_TARGET };
extern const char *const goal_state_names[]; /* NULL-terminated */

struct goal_progress {
	double target;        /* at the end of the plan: base less the reduction */
	double due;           /* this year's: on a straight line from the base year to the target */
	double used;          /* value / due: how much of what is due has been used up */
	double last_share;    /* what the year before had used of itself up to the same day */
	bool is_by_last_year; /* projected by last_share; else by the time that has passed */
	double projected;     /* the year's figure if it goes on like that */
	double planned;       /* reduction due this year, as a share of the base year's figure */
	double planned_rate; /* the same if every year takes off the same share of the one before */
	double reduction;    /* of the base year's figure, by what is projected */
	double progress;     /* reduction / the plan's reduction */
	double ratio;        /* reduction / planned */
	double rate_left;    /* to be taken off in each of the years left; in the last one: 0 */
	enum goal_state state;
};
struct goal_progress goal_progress(const struct plan *plan, const struct target *target,
				   const struct goal_facts *facts);

#endif
