/* SPDX-License-Identifier: Apache-2.0 */
/* How an institution's carriers are supplied and billed. */
#include <stdlib.h>
#include <string.h>

#include "server/registry/registry_file.h"

enum { MAX_ITEMS = 1000 }; /* dated items of one carrier */

struct supplies {
	struct registry_loader *loader;
	struct dated_supply *list;
	size_t n, cap;
};

static void add(struct supplies *s, enum carrier carrier, struct span days, enum supply supply)
{
	s->list = grow(s->list, s->n, &s->cap, sizeof *s->list);
	s->list[s->n++] = (struct dated_supply){days, carrier, supply};
}

static bool fits(struct supplies *s, const struct conf_node *node, enum carrier carrier, int how)
{
	if (how != SUPPLY_AREA_BILLED || carrier == CARRIER_HEAT || carrier == CARRIER_COOLING)
		return true;
	conf_error(s->loader->errors, node, NULL,
		   "only heat and cooling can be area_billed, not %s", carrier_names[carrier]);
	return false;
}

static void take_word(struct supplies *s, const struct conf_node *node, enum carrier carrier)
{
	static const struct conf_key key = {.type = CONF_CHOICE, .choices = supply_names};
	int how;

	if (conf_scalar(s->loader->arena, node, &key, &how, s->loader->errors) == 0 &&
	    fits(s, node, carrier, how))
		add(s, carrier, (struct span){CIVIL_DAY_MIN, DAY_OPEN}, (enum supply)how);
}

static void take_list(struct supplies *s, const struct conf_node *list, enum carrier carrier)
{
	const struct conf_node *nodes[MAX_ITEMS] = {0};
	struct span spans[MAX_ITEMS] = {0};
	size_t n = 0, first = s->n;

	if (list->n_children > MAX_ITEMS) {
		conf_error(s->loader->errors, list, NULL, "has more than %d items", MAX_ITEMS);
		return;
	}
	for (const struct conf_node *node = list->first; node != NULL; node = node->next) {
		struct file_supply item = {0};

		if (conf_fill(s->loader->arena, node, registry_supply_keys, &item,
			      s->loader->errors) < 0 ||
		    !fits(s, registry_at(node, "how"), carrier, item.how))
			continue;
		nodes[n] = node;
		spans[n++] = (struct span){item.from, item.to};
		add(s, carrier, (struct span){0, 0}, (enum supply)item.how);
	}
	registry_chain(s->loader, nodes, spans, n);
	for (size_t i = 0; i < n; i++)
		s->list[first + i].days = spans[i];
}

static void take_carrier(struct supplies *s, const struct conf_node *node)
{
	struct conf_node at = *node; /* the key's place, not the value's */
	char hint[96];

	for (int carrier = 0; carrier < N_CARRIERS; carrier++) {
		if (strcmp(node->key, carrier_names[carrier]) != 0)
			continue;
		if (node->shape == CONF_IS_LIST)
			take_list(s, node, (enum carrier)carrier);
		else
			take_word(s, node, (enum carrier)carrier);
		return;
	}
	at.line = node->key_line;
	at.column = node->key_column;
	conf_error(s->loader->errors, &at, NULL, "'%.60s' is not a carrier%s", node->key,
		   conf_nearest(node->key, carrier_names, N_CARRIERS, hint));
}

void registry_build_supply(struct registry_loader *loader)
{
	const struct conf_node *map = loader->file->supply;
	struct registry_institution *it = &loader->registry->institutions[loader->institution];
	struct supplies s = {.loader = loader};
	struct dated_supply *kept;

	if (map == NULL)
		return;
	if (map->shape != CONF_IS_MAP) {
		conf_error(loader->errors, map, NULL,
			   "must be a map of carriers, such as {electricity: online}");
		return;
	}
	for (const struct conf_node *node = map->first; node != NULL; node = node->next)
		take_carrier(&s, node);
	kept = arena_alloc(loader->arena, s.n * sizeof *kept);
	if (s.n > 0)
		memcpy(kept, s.list, s.n * sizeof *kept);
	free(s.list);
	it->supplies = kept;
	it->n_supplies = s.n;
}

/* ---- accounts ---- */

static const struct conf_node *child(const struct conf_node *list, size_t index)
{
	const struct conf_node *node = list->first;

	while (node != NULL && node->index < index)
		node = node->next;
	return node != NULL ? node : list;
}

static void build_account_meters(struct registry_loader *loader, const struct file_account *file,
				 struct registry_account *account)
{
	const struct registry *registry = loader->registry;
	uint32_t first = registry->institutions[loader->institution].first_meter;
	const char *const *ids = file->meters.items;
	uint32_t *meters = arena_alloc(loader->arena, file->meters.count * sizeof *meters);

	for (size_t i = 0; i < file->meters.count; i++) {
		uint32_t own = registry_own_meter(loader, ids[i], strlen(ids[i]));
		const struct conf_node *node = child(registry_at(file->node, "meters"), i);
		char hint[96];

		if (own == REGISTRY_NONE)
			conf_error(loader->errors, node, NULL,
				   "the institution has no meter '%.60s'%s", ids[i],
				   registry_meter_hint(loader, ids[i], hint));
		else if (registry->meters[first + own].carrier != account->carrier)
			conf_error(loader->errors, node, NULL, "meter '%s' is not one of %s",
				   ids[i], carrier_names[account->carrier]);
		else
			meters[account->n_meters++] = first + own;
	}
	account->meters = meters;
}

void registry_build_accounts(struct registry_loader *loader)
{
	struct registry_institution *it = &loader->registry->institutions[loader->institution];
	const struct file_account *from = loader->file->accounts.items;
	size_t n = loader->file->accounts.count;
	struct registry_account *to = arena_alloc(loader->arena, n * sizeof *to);

	for (size_t i = 0; i < n; i++) {
		for (size_t j = 0; j < i; j++)
			if (from[j].carrier == from[i].carrier &&
			    strcmp(from[j].number, from[i].number) == 0)
				conf_error(loader->errors, registry_at(from[i].node, "number"),
					   NULL, "'%.60s' is also the account in line %u",
					   from[i].number, (unsigned)from[j].node->line);
		to[i].number = registry_keep(loader, from[i].number);
		to[i].tariff = registry_share(loader, from[i].tariff);
		to[i].carrier = (enum carrier)from[i].carrier;
		to[i].capacity_kva = from[i].capacity_kva;
		to[i].demand_kw = from[i].demand_kw;
		build_account_meters(loader, &from[i], &to[i]);
	}
	it->accounts = to;
	it->n_accounts = n;
}
