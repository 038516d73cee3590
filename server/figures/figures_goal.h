/* SPDX-License-Identifier: Apache-2.0 */
/* figures_goal.h - the quotas and targets that rows of indicators are held against.
 *
 * Quotas are of a year: a natural year that is over, or twelve months (rolling12). Targets are of a
 * year, its beginning, or twelve months. Other periods have neither. */
#ifndef SERVER_FIGURES_GOAL_H
#define SERVER_FIGURES_GOAL_H

#include "server/figures/figures.h"
#include "server/figures/goal.h"

enum { N_GOALS = 9 }; /* quota_indicator_names */

/* What a row had before; not a number: not known. */
struct goal_past {
	double last, base;
	/* Groups, over the institutions valid in the period and in the base year: both of these. */
	double both_value, both_base;
	/* And of those that are valid in the year before, that one: up to the same day, and all. */
	double both_last_so_far, both_last;
	uint32_t n_both;
};
struct goal_row;
/* figures_kpis, or what hides from its rows what may not be told. */
typedef int (*figures_goal_ask_fn)(void *ask_arg, const struct figures *figures,
				   const struct figures_question *question, figures_row_fn fn,
				   void *arg, struct err *err);

struct figures_goals {
	const struct figures *figures;
	struct figures_question question;
	const struct plan *plan; /* of the period's year; NULL: none */
	bool has_quotas;         /* the period is one that quotas are about */
	bool has_targets;
	double time_share;
	struct goal_row *rows;
	size_t n_rows, cap_rows;
	bool is_last;            /* under work: the year before; else the base year */
	figures_goal_ask_fn ask; /* set before loading, or NULL: figures_kpis */
	void *ask_arg;
};

/* What rows of the question's answer are held against. All but ask is filled; to be freed after
 * success. */
int figures_goals_load(struct figures_goals *goals, const struct figures *figures,
		       const struct figures_question *question, struct err *err);
/* The same for one institution. */
int figures_goals_load_one(struct figures_goals *goals, const struct figures *figures,
			   uint32_t institution, const struct figures_period *period,
			   struct err *err);
void figures_goals_free(struct figures_goals *goals);

/* The indicator that the goal number n (below N_GOALS) is about; of a target, the one with the
 * plan's frozen factors. */
enum kpi figures_goal_kpi(int n);
enum kpi figures_goal_frozen(const struct figures_goals *goals, int n);

struct goal_quota {
	const struct quota *quota;
	bool is_judged; /* else there is no value, or the period is not one to judge */
	enum quota_level level;
	bool exceeds;
	int64_t share; /* value / the limit, or / the base value where there is no limit */
};
/* False: no quota is about it. */
bool figures_goal_quota(const struct figures_goals *goals, const struct figures_row *row, int n,
			struct goal_quota *out);

struct goal_target {
	const struct target *target;
	struct goal_facts facts;
	bool is_filed; /* the base year's figure is the plan's own */
	struct goal_progress progress;
	/* Groups without a filed figure: facts and progress are over the institutions that are
	 * valid in the period and in the base year, n_both; these are over all of either. */
	bool is_like_for_like;
	uint32_t n_both;
	double all_base, all_value;
	struct goal_progress all;
};
/* False: no target is about it. */
bool figures_goal_target(const struct figures_goals *goals, const struct figures_row *row, int n,
			 struct goal_target *out);

#endif
