/* SPDX-License-Identifier: Apache-2.0 */
#include "server/factors/quota.h"

#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

#define VALUE_MAX (INT64_C(1000000) * MICRO)

const char *const quota_indicator_names[] = {"energy_per_capita_kgce",
					     "energy_per_area_kgce",
					     "non_heating_energy_per_area_kgce",
					     "heating_energy_per_heated_area_kgce",
					     "electricity_per_capita_kwh",
					     "electricity_per_area_kwh",
					     "water_per_capita_m3",
					     "co2_per_area_kg",
					     "co2_per_capita_kg",
					     NULL};

/* ---- the file ---- */

struct file_level {
	const struct conf_node *node, *levels[N_QUOTA_LEVELS];
	int indicator;
};
struct file_class {
	const struct conf_node *node;
	const char *id, *name;
	struct conf_list types, affiliations, quotas;
};
struct file_quota {
	const struct conf_node *node;
	const char *id, *name, *kind, *source, *note, *region;
	civil_day from, to;
	bool is_verified;
	struct conf_list classes;
};

#define LEVEL_KEY(level, word, words)                                                     \
	{                                                                                 \
		.name = (word), .type = CONF_NODE,                                        \
		.offset = offsetof(struct file_level, levels) + (level) * sizeof(void *), \
		.help = (words)                                                           \
	}
static const struct conf_key level_keys[] = {
	{.name = "", .type = CONF_NODE, .offset = offsetof(struct file_level, node)},
	{.name = "indicator",
	 .type = CONF_CHOICE,
	 .offset = offsetof(struct file_level, indicator),
	 .choices = quota_indicator_names,
	 .is_required = true,
	 .help = "what is limited, of a year"},
	LEVEL_KEY(QUOTA_LIMIT, "limit", "约束值, not to be exceeded"),
	LEVEL_KEY(QUOTA_BASE, "base", "基准值, to be met"),
	LEVEL_KEY(QUOTA_GUIDE, "guide", "引导值, to be striven for"),
	{0},
};

static const struct conf_key class_keys[] = {
	{.name = "", .type = CONF_NODE, .offset = offsetof(struct file_class, node)},
	{.name = "id",
	 .type = CONF_STRING,
	 .offset = offsetof(struct file_class, id),
	 .is_required = true,
	 .help = "what an institution's quota_class names"},
	{.name = "name",
	 .type = CONF_STRING,
	 .offset = offsetof(struct file_class, name),
	 .is_required = true,
	 .help = "as it is shown"},
	{.name = "types",
	 .type = CONF_STRINGS,
	 .offset = offsetof(struct file_class, types),
	 .help = "types of institutions in it; default: only those that name the class"},
	{.name = "affiliations",
	 .type = CONF_STRINGS,
	 .offset = offsetof(struct file_class, affiliations),
	 .help = "only of these affiliations; default: any"},
	{.name = "quotas",
	 .type = CONF_LIST,
	 .offset = offsetof(struct file_class, quotas),
	 .table = level_keys,
	 .item_size = sizeof(struct file_level),
	 .is_required = true,
	 .help = "by indicator"},
	{0},
};

static const struct conf_key quota_keys[] = {
	{.name = "", .type = CONF_NODE, .offset = offsetof(struct file_quota, node)},
	{.name = "id",
	 .type = CONF_STRING,
	 .offset = offsetof(struct file_quota, id),
	 .is_required = true,
	 .help = "short name that results carry"},
	{.name = "name",
	 .type = CONF_STRING,
	 .offset = offsetof(struct file_quota, name),
	 .is_required = true,
	 .help = "as it is shown"},
	{.name = "kind",
	 .type = CONF_STRING,
	 .offset = offsetof(struct file_quota, kind),
	 .is_required = true,
	 .help = "quota"},
	{.name = "source",
	 .type = CONF_STRING,
	 .offset = offsetof(struct file_quota, source),
	 .is_required = true,
	 .help = "the standard"},
	{.name = "note",
	 .type = CONF_STRING,
	 .offset = offsetof(struct file_quota, note),
	 .help = "words for the reader"},
	{.name = "verified",
	 .type = CONF_BOOLEAN,
	 .offset = offsetof(struct file_quota, is_verified),
	 .is_required = true,
	 .help = "true: compared with the published text"},
	{.name = "region",
	 .type = CONF_STRING,
	 .offset = offsetof(struct file_quota, region),
	 .help = "region code; a region uses its own or the nearest above it"},
	{.name = "from",
	 .type = CONF_DATE,
	 .offset = offsetof(struct file_quota, from),
	 .fallback = "0001-01-01",
	 .help = "first day; default: always"},
	{.name = "to",
	 .type = CONF_DATE,
	 .offset = offsetof(struct file_quota, to),
	 .fallback = "9999-12-31",
	 .help = "first day on which it no longer holds; default: open"},
	{.name = "classes",
	 .type = CONF_LIST,
	 .offset = offsetof(struct file_quota, classes),
	 .table = class_keys,
	 .item_size = sizeof(struct file_class),
	 .is_required = true,
	 .help = "of institutions"},
	{0},
};

/* ---- reading ---- */

static const char *or_empty(const char *text)
{
	return text != NULL ? text : "";
}

static const struct conf_node *at(const struct conf_node *map, const char *key)
{
	const struct conf_node *node = conf_get(map, key);

	return node != NULL ? node : map;
}

/* Names into bits of their positions. */
static uint32_t take_names(const struct conf_list *list, const char *const *names,
			   const struct conf_node *node, struct conf_errors *errors)
{
	const char *const *items = list->items;
	uint32_t bits = 0;
	size_t n = 0;

	while (names[n] != NULL)
		n++;
	for (size_t i = 0; i < list->count; i++) {
		size_t k = 0;
		char hint[96];

		while (k < n && strcmp(names[k], items[i]) != 0)
			k++;
		if (k == n)
			conf_error(errors, node, NULL, "'%.60s' is not one of them%s", items[i],
				   conf_nearest(items[i], names, n, hint));
		else
			bits |= UINT32_C(1) << k;
	}
	return bits;
}

static void take_level(struct quotas *quotas, struct arena *arena, const struct quota *of,
		       const struct file_level *file, struct conf_errors *errors)
{
	static const struct conf_key value = {.type = CONF_MICRO, .max = VALUE_MAX};
	struct quota quota = *of;
	int64_t above = INT64_MAX;
	bool has_any = false;

	quota.indicator = quota_indicator_names[file->indicator];
	for (int level = 0; level < N_QUOTA_LEVELS; level++) {
		quota.levels[level] = MICRO_NONE;
		if (file->levels[level] == NULL || conf_is_null(file->levels[level]) ||
		    conf_scalar(arena, file->levels[level], &value, &quota.levels[level], errors) <
			    0)
			continue;
		has_any = true;
		if (quota.levels[level] > above)
			conf_error(errors, file->levels[level], NULL,
				   "must be limit >= base >= guide");
		above = quota.levels[level];
	}
	if (!has_any)
		conf_error(errors, file->node, NULL, "needs one of limit, base, guide");
	quotas->list = grow(quotas->list, quotas->n, &quotas->cap, sizeof *quotas->list);
	quotas->list[quotas->n++] = quota;
}

void quota_take(struct quotas *quotas, struct arena *arena, const struct conf_node *root,
		struct conf_errors *errors)
{
	struct file_quota file = {0};
	const struct file_class *class;

	if (conf_fill(arena, root, quota_keys, &file, errors) < 0)
		return;
	class = file.classes.items;
	for (size_t i = 0; i < file.classes.count; i++) {
		const struct quota quota = {
			.set = file.id,
			.set_name = file.name,
			.source = file.source,
			.region = or_empty(file.region),
			.class_id = class[i].id,
			.class_name = class[i].name,
			.types = take_names(&class[i].types, institution_type_names,
					    at(class[i].node, "types"), errors),
			.affiliations = take_names(&class[i].affiliations, affiliation_names,
						   at(class[i].node, "affiliations"), errors),
			.from = file.from,
			.to = file.to,
			.is_verified = file.is_verified};

		for (size_t k = 0; k < class[i].quotas.count; k++)
			take_level(quotas, arena, &quota,
				   (const struct file_level *)class[i].quotas.items + k, errors);
	}
}

void quota_fini(struct quotas *quotas)
{
	free(quotas->list);
	*quotas = (struct quotas){0};
}

/* ---- questions ---- */

static bool is_in_class(const struct quota *quota, const struct quota_subject *subject)
{
	if (subject->quota_class != NULL)
		return strcmp(subject->quota_class, quota->class_id) == 0;
	return subject->type >= 0 && (quota->types >> subject->type & 1) != 0 &&
	       (quota->affiliations == 0 || (quota->affiliations >> subject->affiliation & 1) != 0);
}

const struct quota *quota_find(const struct quotas *quotas, const struct region_tree *tree,
			       const struct quota_subject *subject, const char *indicator,
			       civil_day day)
{
	const struct quota *best = NULL;
	int nearest = 0;

	for (size_t i = 0; i < quotas->n; i++) {
		const struct quota *quota = &quotas->list[i];
		int steps;

		if (day < quota->from || day >= quota->to ||
		    strcmp(quota->indicator, indicator) != 0 || !is_in_class(quota, subject))
			continue;
		steps = region_steps_up(tree, subject->region, quota->region);
		if (steps >= 0 && (best == NULL || steps < nearest)) {
			best = quota;
			nearest = steps;
		}
	}
	return best;
}

bool quota_has_class(const struct quotas *quotas, const char *class_id)
{
	for (size_t i = 0; i < quotas->n; i++)
		if (strcmp(quotas->list[i].class_id, class_id) == 0)
			return true;
	return false;
}

void quota_print_reference(struct buf *out)
{
	conf_print_reference(quota_keys, out);
}
