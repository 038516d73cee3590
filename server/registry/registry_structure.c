/* SPDX-License-Identifier: Apache-2.0 */
/* What follows from references between institutions: who is in which shared building, goes on for
 * whom, and reports with whom. Each list is counted, then filled. */
#include <stdlib.h>
#include <string.h>

#include "server/registry/registry_file.h"

/* Lists of all institutions in one array: those of i are [first[i], first[i] + n of i). */
struct lists {
	size_t *first, *used;
};

static struct lists make_lists(const struct registry *registry, const size_t *counts)
{
	struct lists lists;

	lists.first = xcalloc(registry->n_institutions + 1, sizeof *lists.first);
	lists.used = xcalloc(registry->n_institutions + 1, sizeof *lists.used);
	for (size_t i = 0; i < registry->n_institutions; i++)
		lists.first[i + 1] = lists.first[i] + counts[i];
	return lists;
}

static size_t next_place(struct lists *lists, uint32_t institution)
{
	return lists->first[institution] + lists->used[institution]++;
}

static void free_lists(struct lists *lists)
{
	free(lists->first);
	free(lists->used);
}

/* ---- shared buildings ---- */

typedef void (*occupancy_fn)(uint32_t institution, struct registry_occupancy one, void *arg);

static void each_occupancy(const struct registry *registry, occupancy_fn fn, void *arg)
{
	for (size_t s = 0; s < registry->n_sites; s++) {
		uint32_t site = (uint32_t)(registry->n_institutions + s);
		const struct registry_institution *it = &registry->institutions[site];

		for (size_t i = 0; i < it->n_occupants; i++)
			if (it->occupants[i].institution != REGISTRY_NONE)
				fn(it->occupants[i].institution,
				   (struct registry_occupancy){site, &it->occupants[i]}, arg);
		if (it->rest != REGISTRY_NONE)
			fn(it->rest, (struct registry_occupancy){site, NULL}, arg);
	}
}

static void count_occupancy(uint32_t institution, struct registry_occupancy one, void *arg)
{
	size_t *counts = arg;

	(void)one;
	counts[institution]++;
}

struct filling {
	struct lists lists;
	struct registry_occupancy *all;
};

static void fill_occupancy(uint32_t institution, struct registry_occupancy one, void *arg)
{
	struct filling *filling = arg;

	filling->all[next_place(&filling->lists, institution)] = one;
}

static void build_occupancies(struct registry_loader *loader, size_t *counts)
{
	struct registry *registry = loader->registry;
	struct filling filling;

	each_occupancy(registry, count_occupancy, counts);
	filling.lists = make_lists(registry, counts);
	filling.all = arena_alloc(loader->arena, (filling.lists.first[registry->n_institutions] +
						  1) * sizeof *filling.all);
	each_occupancy(registry, fill_occupancy, &filling);
	for (size_t i = 0; i < registry->n_institutions; i++) {
		registry->institutions[i].occupancies = filling.all + filling.lists.first[i];
		registry->institutions[i].n_occupancies = counts[i];
	}
	free_lists(&filling.lists);
}

/* ---- successors ---- */

static void build_predecessors(struct registry_loader *loader, size_t *counts)
{
	struct registry *registry = loader->registry;
	struct registry_predecessor *all;
	struct lists lists;

	for (size_t i = 0; i < registry->n_institutions; i++)
		for (size_t k = 0; k < registry->institutions[i].n_successors; k++)
			counts[registry->institutions[i].successors[k].institution]++;
	lists = make_lists(registry, counts);
	all = arena_alloc(loader->arena, (lists.first[registry->n_institutions] + 1) * sizeof *all);
	for (uint32_t i = 0; i < registry->n_institutions; i++)
		for (uint32_t k = 0; k < registry->institutions[i].n_successors; k++)
			all[next_place(&lists,
				       registry->institutions[i].successors[k].institution)] =
				(struct registry_predecessor){i, k};
	for (size_t i = 0; i < registry->n_institutions; i++) {
		registry->institutions[i].predecessors = all + lists.first[i];
		registry->institutions[i].n_predecessors = counts[i];
	}
	free_lists(&lists);
}

/* A successor must outlive its predecessor; then nobody can go on for himself. */
void registry_check_successors(struct registry_loader *loader)
{
	const struct registry *registry = loader->registry;

	for (size_t i = 0; i < loader->n_late; i++) {
		const struct registry_late *late = &loader->late[i];
		uint32_t target =
			registry_find_institution(registry, late->target, strlen(late->target));
		struct registry_institution *from = &registry->institutions[late->institution];
		bool is_alive;
		char text[CIVIL_TEXT_MAX];

		if (late->kind != LATE_SUCCESSOR || target == REGISTRY_NONE ||
		    target == late->institution)
			continue;
		(void)civil_print_day(from->valid.to, text);
		is_alive = registry->institutions[target].valid.to > from->valid.to &&
			   registry->institutions[target].valid.from <= from->valid.to;
		if (!is_alive && late->is_of_card)
			from->n_successors = 0;
		else if (!is_alive)
			conf_error(loader->errors, late->node, NULL,
				   "'%s' does not exist on %s, when it would go on", late->target,
				   text);
	}
}

/* ---- reports ---- */

/* The institution in whose report this one is contained at last, or itself. */
static uint32_t head_of(const struct registry *registry, uint32_t institution)
{
	for (int steps = 0; steps < 16; steps++) {
		uint32_t with = registry->institutions[institution].reports_with;

		if (with == REGISTRY_NONE)
			break;
		institution = with;
	}
	return institution;
}

static void build_members(struct registry_loader *loader, size_t *counts)
{
	struct registry *registry = loader->registry;
	struct lists lists;
	uint32_t *all;

	for (uint32_t i = 0; i < registry->n_institutions; i++)
		if (registry->institutions[i].reports_with != REGISTRY_NONE)
			counts[head_of(registry, i)]++;
	lists = make_lists(registry, counts);
	all = arena_alloc(loader->arena, (lists.first[registry->n_institutions] + 1) * sizeof *all);
	for (uint32_t i = 0; i < registry->n_institutions; i++)
		if (registry->institutions[i].reports_with != REGISTRY_NONE)
			all[next_place(&lists, head_of(registry, i))] = i;
	for (size_t i = 0; i < registry->n_institutions; i++) {
		registry->institutions[i].members = all + lists.first[i];
		registry->institutions[i].n_members = counts[i];
	}
	free_lists(&lists);
}

void registry_build_structure(struct registry_loader *loader)
{
	void (*const builds[])(struct registry_loader *,
			       size_t *) = {build_occupancies, build_predecessors, build_members};
	size_t n = loader->registry->n_institutions;

	/* Where something does not refer to anything, nothing is built on it. */
	if (loader->errors->count > loader->n_before)
		return;
	for (size_t i = 0; i < sizeof builds / sizeof *builds; i++) {
		size_t *counts = xcalloc(n + 1, sizeof *counts);

		builds[i](loader, counts);
		free(counts);
	}
}
