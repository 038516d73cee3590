/* SPDX-License-Identifier: Apache-2.0 */
#include "server/command/registry_diff.h"

#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "server/rollup/derive.h"

/* ---- meters ---- */

static uint32_t find_meter(const struct registry *registry, const char *id)
{
	return registry_find_meter(registry, id, strlen(id));
}

/* What is expected decides on coverage, and by it whether an indicator is shown at all. */
static bool is_meter_changed(const struct registry *here, uint32_t index,
			     const struct registry *there)
{
	const struct registry_meter *meter = &here->meters[index], *other;
	uint32_t found = find_meter(there, meter->id);

	if (found == REGISTRY_NONE)
		return true;
	other = &there->meters[found];
	return derive_define_meter(here, meter) != derive_define_meter(there, other) ||
	       meter->expected_year != other->expected_year;
}

static bool *find_changed_meters(const struct registry *here, const struct registry *there)
{
	bool *changed = xcalloc(here->n_meters + 1, sizeof *changed);

	for (uint32_t m = 0; m < here->n_meters; m++)
		changed[m] = is_meter_changed(here, m, there);
	/* The terms of a formula are real meters: one step reaches all. */
	for (uint32_t m = 0; m < here->n_meters; m++)
		for (size_t i = 0; i < here->meters[m].n_terms; i++)
			changed[m] |= changed[here->meters[m].terms[i].meter];
	return changed;
}

/* ---- institutions ---- */

static bool are_amounts_equal(const struct dated_amount *a, size_t n_a,
			      const struct dated_amount *b, size_t n_b)
{
	bool is_equal = n_a == n_b;

	for (size_t i = 0; is_equal && i < n_a; i++)
		is_equal = a[i].days.from == b[i].days.from && a[i].days.to == b[i].days.to &&
			   a[i].micro == b[i].micro;
	return is_equal;
}

static bool are_buildings_equal(const struct registry_institution *a,
				const struct registry_institution *b)
{
	bool is_equal = a->n_buildings == b->n_buildings;

	for (size_t i = 0; is_equal && i < a->n_buildings; i++)
		is_equal = are_amounts_equal(a->buildings[i].areas, a->buildings[i].n_areas,
					     b->buildings[i].areas, b->buildings[i].n_areas);
	return is_equal;
}

/* The region decides on the grid's factor. */
static bool are_facts_equal(const struct registry_diff *diff,
			    const struct registry_diff_institution *pair)
{
	const struct registry_institution *a = &diff->before->institutions[pair->before];
	const struct registry_institution *b = &diff->after->institutions[pair->after];

	return derive_define_institution(diff->before, pair->before) ==
		       derive_define_institution(diff->after, pair->after) &&
	       strcmp(diff->before->regions->regions[a->region].code,
		      diff->after->regions->regions[b->region].code) == 0 &&
	       are_amounts_equal(a->headcount, a->n_headcount, b->headcount, b->n_headcount) &&
	       are_buildings_equal(a, b);
}

static bool has_changed_meter(const struct registry *registry, const bool *changed, uint32_t index)
{
	const struct registry_institution *institution;

	if (index == REGISTRY_NONE)
		return false;
	institution = &registry->institutions[index];
	for (uint32_t i = 0; i < institution->n_meters; i++)
		if (changed[institution->first_meter + i])
			return true;
	return false;
}

/* ---- shared buildings ---- */

static bool is_site_changed(const struct registry_diff *diff, bool is_after, uint32_t index)
{
	const struct registry *here = is_after ? diff->after : diff->before;
	const struct registry *there = is_after ? diff->before : diff->after;
	const bool *meters = is_after ? diff->after_meters : diff->before_meters;
	const char *id = here->institutions[index].id;
	uint32_t other = registry_find_holder(there, id, strlen(id));

	return other == REGISTRY_NONE ||
	       derive_define_institution(here, index) != derive_define_institution(there, other) ||
	       has_changed_meter(here, meters, index);
}

static bool *find_changed_sites(const struct registry_diff *diff, bool is_after)
{
	const struct registry *here = is_after ? diff->after : diff->before;
	bool *changed = xcalloc(here->n_sites + 1, sizeof *changed);

	for (size_t i = 0; i < here->n_sites; i++)
		changed[i] = is_site_changed(diff, is_after, (uint32_t)(here->n_institutions + i));
	return changed;
}

/* Is it in a shared building that has changed? */
static bool is_in_changed_site(const struct registry *registry, const bool *changed, uint32_t index)
{
	const struct registry_institution *institution;

	if (index == REGISTRY_NONE)
		return false;
	institution = &registry->institutions[index];
	for (size_t i = 0; i < institution->n_occupancies; i++)
		if (changed[institution->occupancies[i].site - registry->n_institutions])
			return true;
	return false;
}

/* ---- both ---- */

static bool is_changed(const struct registry_diff *diff,
		       const struct registry_diff_institution *pair)
{
	return pair->before == REGISTRY_NONE || pair->after == REGISTRY_NONE ||
	       !are_facts_equal(diff, pair) ||
	       has_changed_meter(diff->before, diff->before_meters, pair->before) ||
	       has_changed_meter(diff->after, diff->after_meters, pair->after) ||
	       is_in_changed_site(diff->before, diff->before_sites, pair->before) ||
	       is_in_changed_site(diff->after, diff->after_sites, pair->after);
}

/* Both are sorted by id: the smaller of the next two, or both. */
static struct registry_diff_institution next_pair(const struct registry_diff *diff, uint32_t *b,
						  uint32_t *a)
{
	struct registry_diff_institution pair = {REGISTRY_NONE, REGISTRY_NONE};
	bool has_before = *b < diff->before->n_institutions;
	bool has_after = *a < diff->after->n_institutions;
	int order = has_before ? -1 : 1;

	if (has_before && has_after)
		order = strcmp(diff->before->institutions[*b].id, diff->after->institutions[*a].id);
	if (order <= 0)
		pair.before = (*b)++;
	if (order >= 0)
		pair.after = (*a)++;
	return pair;
}

void registry_diff_make(struct registry_diff *diff, const struct registry *before,
			const struct registry *after)
{
	uint32_t b = 0, a = 0;
	size_t cap = 0;

	*diff = (struct registry_diff){.before = before, .after = after};
	diff->before_meters = find_changed_meters(before, after);
	diff->after_meters = find_changed_meters(after, before);
	diff->before_sites = find_changed_sites(diff, false);
	diff->after_sites = find_changed_sites(diff, true);
	while (b < before->n_institutions || a < after->n_institutions) {
		struct registry_diff_institution pair = next_pair(diff, &b, &a);

		if (!is_changed(diff, &pair))
			continue;
		diff->institutions = grow(diff->institutions, diff->n_institutions, &cap,
					  sizeof *diff->institutions);
		diff->institutions[diff->n_institutions++] = pair;
	}
}

void registry_diff_fini(struct registry_diff *diff)
{
	free(diff->before_meters);
	free(diff->after_meters);
	free(diff->before_sites);
	free(diff->after_sites);
	free(diff->institutions);
	*diff = (struct registry_diff){0};
}
