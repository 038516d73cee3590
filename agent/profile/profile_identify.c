/* SPDX-License-Identifier: Apache-2.0 */
/* How a device shows that it is the one that the profile means. */
#include <errno.h>

#include "agent/profile/profile_internal.h"

/* "sunspec: [101, 102, 103]" */
static void read_models(struct builder *b, const struct conf_node *node)
{
	uint16_t *models;
	uint64_t id;

	if (node->shape != CONF_IS_LIST || node->n_children == 0) {
		conf_error(b->errors, node, NULL, "must be a list of model ids: [101, 102, 103]");
		return;
	}
	models = arena_alloc(b->arena, node->n_children * sizeof *models);
	for (const struct conf_node *item = node->first; item != NULL; item = item->next) {
		if (profile_read_number(b, item, UINT16_MAX - 1, &id) != 0)
			return;
		models[item->index] = (uint16_t)id;
	}
	b->profile->models = models;
	b->profile->n_models = node->n_children;
	b->profile->is_relative = true;
}

/* "identify: [{register: model_code, is: [71, 72]}]" */
static void read_identities(struct builder *b, const struct conf_node *node)
{
	struct profile_match *list;

	if (node->shape != CONF_IS_LIST || node->n_children == 0) {
		conf_error(b->errors, node, NULL,
			   "must be a list of the form [{register: name, is: [71, 72]}]");
		return;
	}
	list = arena_alloc(b->arena, node->n_children * sizeof *list);
	b->repeat = -1;
	b->channel = 0;
	for (const struct conf_node *item = node->first; item != NULL; item = item->next)
		if (profile_build_match(b, item, &list[item->index]) != 0)
			return;
	b->profile->identities = list;
	b->profile->n_identities = node->n_children;
}

void profile_build_identity(struct builder *b)
{
	if (b->raw->sunspec != NULL)
		read_models(b, b->raw->sunspec);
	if (b->raw->identify != NULL)
		read_identities(b, b->raw->identify);
}
