/* SPDX-License-Identifier: Apache-2.0 */
#include "server/factors/factors.h"

#include <stdlib.h>
#include <string.h>

#include "server/factors/factors_internal.h"

struct factors *factors_hold(struct factors *factors)
{
	(void)atomic_fetch_add(&factors->references, 1);
	return factors;
}

void factors_release(struct factors *factors)
{
	if (factors == NULL || atomic_fetch_sub(&factors->references, 1) > 1)
		return;
	free(factors->entries);
	arena_destroy(factors->arena);
	free(factors);
}

int64_t factors_version(const struct factors *factors)
{
	return (int64_t)factors->version;
}

const struct factor_entry *factors_entries(const struct factors *factors, size_t *n)
{
	*n = factors->n;
	return factors->entries;
}

int factors_compare(const struct factor_entry *a, const struct factor_entry *b)
{
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	if (a->carrier != b->carrier)
		return a->carrier < b->carrier ? -1 : 1;
	return strcmp(a->region, b->region);
}

/* The entry of a time; else the last before it, else the first. */
static bool find(const struct factors *factors, const struct factor_entry *wanted, civil_day day,
		 struct factor *out)
{
	size_t low = 0, high = factors->n;
	const struct factor_entry *entry;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (factors_compare(&factors->entries[middle], wanted) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == factors->n || factors_compare(&factors->entries[low], wanted) != 0)
		return false;
	while (low + 1 < factors->n && factors_compare(&factors->entries[low + 1], wanted) == 0 &&
	       factors->entries[low + 1].from <= day)
		low++;
	entry = &factors->entries[low];
	*out = (struct factor){
		.micro = entry->micro,
		.is_verified = entry->is_verified,
		.is_provisional = day < entry->from || day >= entry->to,
		.set = entry->set,
	};
	return true;
}

bool factors_coal(const struct factors *factors, enum carrier carrier, civil_day day,
		  struct factor *out)
{
	struct factor_entry wanted = {.kind = FACTOR_COAL, .carrier = carrier, .region = ""};

	return find(factors, &wanted, day, out);
}

bool factors_co2(const struct factors *factors, const struct region_tree *tree, uint32_t region,
		 enum carrier carrier, civil_day day, struct factor *out)
{
	struct factor_entry wanted = {.kind = FACTOR_CO2, .carrier = carrier, .region = ""};

	if (carrier != CARRIER_ELECTRICITY)
		return find(factors, &wanted, day, out);
	wanted.kind = FACTOR_GRID;
	while (region < tree->n) {
		wanted.region = tree->regions[region].code;
		if (find(factors, &wanted, day, out))
			return true;
		region = tree->regions[region].parent;
	}
	wanted.region = "";
	if (!find(factors, &wanted, day, out))
		return false;
	out->is_provisional = true;
	return true;
}
