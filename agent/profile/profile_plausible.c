/* SPDX-License-Identifier: Apache-2.0 */
/* The limits of a profile's values: a map of names, or of beginnings with *, to least and most. */
#include <string.h>

#include "agent/profile/profile_internal.h"

/* A helper register is meant by its whole name alone: voltage_power_of_ten is no voltage. */
static bool is_meant(const char *pattern, const struct profile_point *point)
{
	size_t len = strlen(pattern);

	if (len > 0 && pattern[len - 1] == '*')
		return point->is_published && strncmp(pattern, point->name, len - 1) == 0;
	return strcmp(pattern, point->name) == 0;
}

/* A limit of kilowatt-hours means nothing for a value that may come in gigajoules. */
static bool has_one_unit(const struct profile_point *point)
{
	for (size_t i = 1; i < point->n_units; i++)
		if (strcmp(point->units[i].suffix, point->units[0].suffix) != 0)
			return false;
	return true;
}

static bool read_limits(struct builder *b, const struct conf_node *node, struct decimal *least,
			struct decimal *most)
{
	if (node->shape != CONF_IS_LIST || node->n_children != 2) {
		conf_error(b->errors, node, NULL,
			   "must be two numbers, the least and the most: [0, 600]");
		return false;
	}
	if (profile_read_scale(b, node->first, least) != 0 ||
	    profile_read_scale(b, node->first->next, most) != 0)
		return false;
	if (decimal_to_double(*least) < decimal_to_double(*most))
		return true;
	conf_error(b->errors, node, NULL, "leaves no value");
	return false;
}

static void set_limits(struct builder *b, const struct conf_node *node)
{
	struct decimal least, most;
	bool is_found = false;

	if (!read_limits(b, node, &least, &most))
		return;
	for (size_t i = 0; i < b->profile->n_points; i++) {
		struct profile_point *point = &b->profile->points[i];

		if (!is_meant(node->key, point))
			continue;
		is_found = true;
		if (!has_one_unit(point))
			conf_error(b->errors, node, NULL, "'%s' may come in several units",
				   point->name);
		point->is_limited = true;
		point->least = least;
		point->most = most;
	}
	if (!is_found)
		conf_error(b->errors, node, NULL, "is the name of no point and no register");
}

void profile_set_limits(struct builder *b)
{
	const struct conf_node *map = b->raw->plausible;

	if (map == NULL)
		return;
	if (map->shape != CONF_IS_MAP) {
		conf_error(b->errors, map, NULL,
			   "must be a map of names to limits: {frequency_hz: [0, 70]}");
		return;
	}
	for (const struct conf_node *item = map->first; item != NULL; item = item->next)
		set_limits(b, item);
}
