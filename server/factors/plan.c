/* SPDX-License-Identifier: Apache-2.0 */
/* Plans: what is to be reached by when, by region, type and institution. */
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "server/factors/quota.h"

#define VALUE_MAX (INT64_C(1000000) * MICRO)

/* ---- the file ---- */

struct file_target {
	const struct conf_node *node, *base;
	const char *region, *institution;
	int type, indicator;
	int64_t reduction;
};
struct file_plan {
	const struct conf_node *node;
	const char *id, *name, *kind, *source, *note, *status;
	int64_t base_year, target_year, frozen_year;
	bool is_verified;
	struct conf_list targets;
};

static const struct conf_key target_keys[] = {
	{.name = "", .type = CONF_NODE, .offset = offsetof(struct file_target, node)},
	{.name = "region",
	 .type = CONF_STRING,
	 .offset = offsetof(struct file_target, region),
	 .help = "for all below it that have no nearer target; default: everywhere"},
	{.name = "institution",
	 .type = CONF_STRING,
	 .offset = offsetof(struct file_target, institution),
	 .help = "only this one"},
	{.name = "type",
	 .type = CONF_CHOICE,
	 .offset = offsetof(struct file_target, type),
	 .choices = institution_type_names,
	 .help = "only institutions of this type"},
	{.name = "indicator",
	 .type = CONF_CHOICE,
	 .offset = offsetof(struct file_target, indicator),
	 .choices = quota_indicator_names,
	 .is_required = true,
	 .help = "what is to fall"},
	{.name = "reduction",
	 .type = CONF_MICRO,
	 .offset = offsetof(struct file_target, reduction),
	 .min = 0,
	 .max = MICRO,
	 .is_required = true,
	 .help = "share of the base year's figure: 0.05"},
	{.name = "base",
	 .type = CONF_NODE,
	 .offset = offsetof(struct file_target, base),
	 .help = "the base year's figure as filed; default: computed from ledger and bills"},
	{0},
};

static const struct conf_key plan_keys[] = {
	{.name = "", .type = CONF_NODE, .offset = offsetof(struct file_plan, node)},
	{.name = "id",
	 .type = CONF_STRING,
	 .offset = offsetof(struct file_plan, id),
	 .is_required = true,
	 .help = "short name that results carry"},
	{.name = "name",
	 .type = CONF_STRING,
	 .offset = offsetof(struct file_plan, name),
	 .is_required = true,
	 .help = "as it is shown"},
	{.name = "kind",
	 .type = CONF_STRING,
	 .offset = offsetof(struct file_plan, kind),
	 .is_required = true,
	 .help = "plan"},
	{.name = "source",
	 .type = CONF_STRING,
	 .offset = offsetof(struct file_plan, source),
	 .is_required = true,
	 .help = "who set it, where it stands"},
	{.name = "note",
	 .type = CONF_STRING,
	 .offset = offsetof(struct file_plan, note),
	 .help = "words for the reader"},
	{.name = "status",
	 .type = CONF_STRING,
	 .offset = offsetof(struct file_plan, status),
	 .help = "why there are no targets yet: 指标未下达"},
	{.name = "verified",
	 .type = CONF_BOOLEAN,
	 .offset = offsetof(struct file_plan, is_verified),
	 .is_required = true,
	 .help = "true: compared with the published text"},
	{.name = "base_year",
	 .type = CONF_INTEGER,
	 .offset = offsetof(struct file_plan, base_year),
	 .min = 1990,
	 .max = 2200,
	 .is_required = true,
	 .help = "what reductions are measured against"},
	{.name = "target_year",
	 .type = CONF_INTEGER,
	 .offset = offsetof(struct file_plan, target_year),
	 .min = 1991,
	 .max = 2200,
	 .is_required = true,
	 .help = "when they are due"},
	{.name = "frozen_year",
	 .type = CONF_INTEGER,
	 .offset = offsetof(struct file_plan, frozen_year),
	 .min = 0,
	 .max = 2200,
	 .help = "year of the grid factors that CO2 targets use for both years"},
	{.name = "targets",
	 .type = CONF_LIST,
	 .offset = offsetof(struct file_plan, targets),
	 .table = target_keys,
	 .item_size = sizeof(struct file_target),
	 .help = "a tree: what a region has holds for all below it, unless they have their own"},
	{0},
};

/* ---- reading ---- */

static const char *or_empty(const char *text)
{
	return text != NULL ? text : "";
}

static void take_target(struct plan *plan, struct arena *arena, const struct file_target *file,
			struct conf_errors *errors)
{
	static const struct conf_key value = {.type = CONF_MICRO, .max = VALUE_MAX};
	struct target target = {.region = or_empty(file->region),
				.institution = or_empty(file->institution),
				.type = conf_get(file->node, "type") != NULL ? file->type : -1,
				.indicator = quota_indicator_names[file->indicator],
				.reduction = file->reduction,
				.base = MICRO_NONE};

	if (file->base != NULL && !conf_is_null(file->base))
		(void)conf_scalar(arena, file->base, &value, &target.base, errors);
	for (size_t i = 0; i < plan->n_targets; i++) {
		const struct target *other = &plan->targets[i];

		if (strcmp(other->region, target.region) == 0 &&
		    strcmp(other->institution, target.institution) == 0 &&
		    other->type == target.type && other->indicator == target.indicator)
			conf_error(errors, file->node, NULL, "the same target stands twice");
	}
	plan->targets[plan->n_targets++] = target;
}

void plan_take(struct plans *plans, struct arena *arena, const struct conf_node *root,
	       struct conf_errors *errors)
{
	struct file_plan file = {0};
	struct plan *plan;

	if (conf_fill(arena, root, plan_keys, &file, errors) < 0)
		return;
	if (file.target_year <= file.base_year)
		conf_error(errors, conf_get(root, "target_year"), NULL, "must be after base_year");
	plans->list = grow(plans->list, plans->n, &plans->cap, sizeof *plans->list);
	plan = &plans->list[plans->n++];
	*plan = (struct plan){
		.id = file.id,
		.name = file.name,
		.source = file.source,
		.status = or_empty(file.status),
		.base_year = (int)file.base_year,
		.target_year = (int)file.target_year,
		.frozen_year = (int)file.frozen_year,
		.is_verified = file.is_verified,
		.targets = arena_alloc(arena, (file.targets.count + 1) * sizeof *plan->targets)};
	for (size_t i = 0; i < file.targets.count; i++)
		take_target(plan, arena, (const struct file_target *)file.targets.items + i,
			    errors);
}

void plan_fini(struct plans *plans)
{
	free(plans->list);
	*plans = (struct plans){0};
}

/* ---- questions ---- */

const struct plan *plan_of_year(const struct plans *plans, int year)
{
	for (size_t i = 0; i < plans->n; i++)
		if (year > plans->list[i].base_year && year <= plans->list[i].target_year)
			return &plans->list[i];
	return NULL;
}

/* Lower is nearer; -1: not for this one. */
static int64_t nearness(const struct target *target, const struct region_tree *tree,
			const struct quota_subject *subject)
{
	int steps = region_steps_up(tree, subject->region, target->region);

	if (target->institution[0] != '\0')
		return strcmp(target->institution, subject->institution) == 0 ? 0 : -1;
	if (steps < 0 || (target->type >= 0 && target->type != subject->type))
		return -1;
	/* In one region a type's target is nearer than that of all. */
	return 1 + 2 * (int64_t)steps + (target->type < 0);
}

const struct target *plan_target(const struct plan *plan, const struct region_tree *tree,
				 const struct quota_subject *subject, const char *indicator)
{
	const struct target *best = NULL;
	int64_t nearest = 0;

	for (size_t i = 0; i < plan->n_targets; i++) {
		const struct target *target = &plan->targets[i];
		int64_t near;

		if (strcmp(target->indicator, indicator) != 0)
			continue;
		near = nearness(target, tree, subject);
		if (near >= 0 && (best == NULL || near < nearest)) {
			best = target;
			nearest = near;
		}
	}
	return best;
}

void plan_print_reference(struct buf *out)
{
	conf_print_reference(plan_keys, out);
}
