/* SPDX-License-Identifier: Apache-2.0 */
/* quota.h - energy quotas (能耗定额) by class of institution, and plans with their targets. */
#ifndef SERVER_QUOTA_H
#define SERVER_QUOTA_H

#include "server/registry/registry.h"

/* What quotas and targets may be about; names of indicators, NULL-terminated. */
extern const char *const quota_indicator_names[];

/* 约束值 基准值 引导值: at most, usual, exemplary. */
enum quota_level { QUOTA_LIMIT, QUOTA_BASE, QUOTA_GUIDE, N_QUOTA_LEVELS };

struct quota {
	const char *set, *set_name, *source;
	const char *region, *class_id, *class_name;
	uint32_t types, affiliations; /* bits */
	const char *indicator;
	int64_t levels[N_QUOTA_LEVELS]; /* 10^-6 of the indicator's unit, or MICRO_NONE */
	civil_day from, to;             /* to exclusive */
	bool is_verified;
};

struct quotas {
	struct quota *list;
	size_t n, cap;
};

struct target {
	const char *region, *institution; /* "": all in the region */
	int type;                         /* of institutions, or -1 */
	const char *indicator;
	int64_t reduction; /* 10^-6 against the base year, at the end of the plan */
	int64_t base;      /* 10^-6 of the unit: the base year's figure as filed, or MICRO_NONE */
};

struct plan {
	const char *id, *name, *source;
	const char *status; /* 指标未下达; "": in force */
	int base_year, target_year;
	int frozen_year; /* of grid factors, for CO2; 0: the factors in force */
	bool is_verified;
	struct target *targets;
	size_t n_targets;
};

struct plans {
	struct plan *list;
	size_t n, cap;
};

void quota_take(struct quotas *quotas, struct arena *arena, const struct conf_node *root,
		struct conf_errors *errors);
void quota_fini(struct quotas *quotas);
void plan_take(struct plans *plans, struct arena *arena, const struct conf_node *root,
	       struct conf_errors *errors);
void plan_fini(struct plans *plans);

/* Of whom a quota or target is asked. */
struct quota_subject {
	uint32_t region;
	const char *institution; /* id; "": a region as a whole */
	const char *quota_class; /* of the registry; NULL: follows from type and affiliation */
	int type;                /* -1: a region as a whole */
	enum affiliation affiliation;
};

/* Of the nearest region that has one for the class, else for type and affiliation. NULL: none. */
const struct quota *quota_find(const struct quotas *quotas, const struct region_tree *tree,
			       const struct quota_subject *subject, const char *indicator,
			       civil_day day);
/* Is there a class of that id, in whatever region and time? */
bool quota_has_class(const struct quotas *quotas, const char *class_id);
/* The plan that covers a year (base year < year <= target year), or NULL. */
const struct plan *plan_of_year(const struct plans *plans, int year);
/* The institution's own, else its type's, else that of all in the nearest region above. */
const struct target *plan_target(const struct plan *plan, const struct region_tree *tree,
				 const struct quota_subject *subject, const char *indicator);

/* Print the keys of such files. */
void quota_print_reference(struct buf *out);
void plan_print_reference(struct buf *out);

#endif
