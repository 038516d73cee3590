/* SPDX-License-Identifier: Apache-2.0 */
#include "server/factors/factors.h"

#include <stdlib.h>
#include <string.h>

#include "server/factors/factors_internal.h"

const char *const factor_basis_names[] = {"calorific", "equivalent", NULL};

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
	free(factors->members);
	calendar_fini(&factors->calendar);
	tariff_fini(&factors->tariffs);
	quota_fini(&factors->quotas);
	plan_fini(&factors->plans);
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
		.year = entry->kind == FACTOR_GRID ? civil_date_of(entry->from).year : 0,
	};
	return true;
}

bool factors_coal(const struct factors *factors, enum carrier carrier, civil_day day,
		  struct factor *out)
{
	struct factor_entry wanted = {.kind = FACTOR_COAL, .carrier = carrier, .region = ""};

	return find(factors, &wanted, day, out);
}

bool factors_coal_on(const struct factors *factors, enum factor_basis basis, enum carrier carrier,
		     civil_day day, struct factor *out)
{
	struct factor_entry wanted = {
		.kind = FACTOR_COAL_EQUIVALENT, .carrier = carrier, .region = ""};

	if (basis == BASIS_EQUIVALENT && find(factors, &wanted, day, out))
		return true;
	return factors_coal(factors, carrier, day, out);
}

/* That of the regional grid: better than nothing. */
static bool find_grid(const struct factors *factors, const struct region_tree *tree,
		      uint32_t region, civil_day day, struct factor *out)
{
	struct factor_entry wanted = {.kind = FACTOR_GRID, .carrier = CARRIER_ELECTRICITY};

	for (; region < tree->n; region = tree->regions[region].parent)
		for (size_t i = 0; i < factors->n_members; i++) {
			wanted.region = factors->members[i].grid;
			if (strcmp(factors->members[i].region, tree->regions[region].code) != 0 ||
			    !find(factors, &wanted, day, out))
				continue;
			out->is_provisional = true;
			return true;
		}
	return false;
}

bool factors_co2(const struct factors *factors, const struct region_tree *tree, uint32_t region,
		 enum carrier carrier, civil_day day, struct factor *out)
{
	struct factor_entry wanted = {.kind = FACTOR_CO2, .carrier = carrier, .region = ""};

	if (carrier != CARRIER_ELECTRICITY)
		return find(factors, &wanted, day, out);
	wanted.kind = FACTOR_GRID;
	for (uint32_t at = region; at < tree->n; at = tree->regions[at].parent) {
		wanted.region = tree->regions[at].code;
		if (find(factors, &wanted, day, out))
			return true;
	}
	if (find_grid(factors, tree, region, day, out))
		return true;
	wanted.region = "";
	if (!find(factors, &wanted, day, out))
		return false;
	out->is_provisional = true;
	return true;
}

const struct calendar *factors_calendar(const struct factors *factors)
{
	return &factors->calendar;
}

const struct tariffs *factors_tariffs(const struct factors *factors)
{
	return &factors->tariffs;
}

const struct quotas *factors_quotas(const struct factors *factors)
{
	return &factors->quotas;
}

const struct plans *factors_plans(const struct factors *factors)
{
	return &factors->plans;
}

bool factors_density(const struct factors *factors, enum carrier carrier, civil_day day,
		     struct decimal *out)
{
	const struct factor_entry *found = NULL;

	/* Sorted by time: the one of the day, else the last before it, else the first. */
	for (size_t i = 0; i < factors->n; i++) {
		const struct factor_entry *entry = &factors->entries[i];

		if (entry->carrier == carrier && entry->density.mantissa != 0 &&
		    (found == NULL || entry->from <= day))
			found = entry;
	}
	if (found != NULL)
		*out = found->density;
	return found != NULL;
}
