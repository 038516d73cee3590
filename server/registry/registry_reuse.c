/* SPDX-License-Identifier: Apache-2.0 */
/* Takes institutions over from the registry before: their texts and lists stay where they are, what
 * has places of other things in it is copied. */
#include <string.h>

#include "server/registry/registry_file.h"

/* Who refers to others by name is read again, so that the names are looked up and checked again. */
static bool stands_alone(const struct registry_institution *it)
{
	return it->n_successors == 0 && it->reports_with == REGISTRY_NONE;
}

static uint32_t find_known(const struct registry_loader *loader, const struct folder_file *file)
{
	const struct registry *before = loader->before;
	size_t len = strlen(file->name) - strlen(".yaml");
	uint32_t index = registry_find_institution(before, file->name, len);

	if (index == REGISTRY_NONE ||
	    strcmp(before->institutions[index].node->file, file->path) != 0 ||
	    memcmp(&before->sources[index].stamp, &file->stamp, sizeof file->stamp) != 0 ||
	    !stands_alone(&before->institutions[index]))
		return REGISTRY_NONE;
	return index;
}

static void take_identities(struct registry_loader *loader, struct registry_institution *it)
{
	struct registry_identity *copy =
		arena_alloc(loader->arena, it->n_identities * sizeof *copy);

	memcpy(copy, it->identities, it->n_identities * sizeof *copy);
	it->identities = copy; /* their regions are looked up again */
	for (size_t i = 0; i < it->n_identities; i++)
		registry_note_region(loader, copy[i].region_code);
}

/* shift: added to the places of the institution's meters. */
static void take_accounts(struct registry_loader *loader, struct registry_institution *it,
			  uint32_t shift)
{
	struct registry_account *copy = arena_alloc(loader->arena, it->n_accounts * sizeof *copy);

	for (size_t i = 0; i < it->n_accounts; i++) {
		size_t n = it->accounts[i].n_meters;
		uint32_t *meters = arena_alloc(loader->arena, n * sizeof *meters);

		for (size_t k = 0; k < n; k++)
			meters[k] = it->accounts[i].meters[k] + shift;
		copy[i] = it->accounts[i];
		copy[i].meters = meters;
	}
	it->accounts = copy;
}

static void shift_terms(struct registry_loader *loader, struct registry_meter *meter,
			uint32_t shift)
{
	struct formula_term *copy = arena_alloc(loader->arena, meter->n_terms * sizeof *copy);

	memcpy(copy, meter->terms, meter->n_terms * sizeof *copy);
	for (size_t i = 0; i < meter->n_terms; i++)
		copy[i].meter += shift;
	meter->terms = copy;
}

static void take_meters(struct registry_loader *loader, const struct registry_institution *from,
			uint32_t shift)
{
	struct registry *registry = loader->registry;

	for (uint32_t i = 0; i < from->n_meters; i++) {
		struct registry_meter *meter;

		registry->meters = grow(registry->meters, registry->n_meters, &loader->cap_meters,
					sizeof *registry->meters);
		meter = &registry->meters[registry->n_meters++];
		*meter = loader->before->meters[from->first_meter + i];
		meter->institution = loader->institution;
		if (meter->parent != REGISTRY_NONE)
			meter->parent += shift;
		if (meter->n_terms > 0)
			shift_terms(loader, meter, shift);
	}
}

bool registry_reuse(struct folder_file *file, void *arg)
{
	struct registry_loader *loader = arg;
	uint32_t index = loader->before != NULL ? find_known(loader, file) : REGISTRY_NONE;
	const struct registry_institution *from;
	struct registry_institution *it;
	uint32_t shift;

	/* With other regions, what refers to them is checked again. */
	if (index == REGISTRY_NONE ||
	    loader->before->regions_hash != loader->registry->regions_hash)
		return false;
	file->hash = loader->before->sources[index].hash;
	from = &loader->before->institutions[index];
	it = registry_add_institution(loader);
	*it = *from;
	it->first_meter = (uint32_t)loader->registry->n_meters;
	shift = it->first_meter - from->first_meter; /* modulo 2^32, as the sums are */
	it->predecessors = NULL;
	it->members = NULL;
	it->occupancies = NULL;
	it->n_predecessors = it->n_members = it->n_occupancies = 0;
	take_identities(loader, it);
	take_accounts(loader, it, shift);
	take_meters(loader, from, shift);
	return true;
}
