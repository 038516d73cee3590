/* SPDX-License-Identifier: Apache-2.0 */
#include "server/registry/registry.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

__extension__ typedef __int128 wide; /* an area times many days passes 64 bits */

/* ---- lifetime ---- */

struct registry *registry_hold(struct registry *registry)
{
	(void)atomic_fetch_add(&registry->references, 1);
	return registry;
}

static void registry_memory_release(struct registry_memory *memory)
{
	while (memory != NULL && atomic_fetch_sub(&memory->references, 1) == 1) {
		struct registry_memory *before = memory->before;

		arena_destroy(memory->arena);
		free(memory);
		memory = before;
	}
}

void registry_release(struct registry *registry)
{
	if (registry == NULL || atomic_fetch_sub(&registry->references, 1) > 1)
		return;
	free(registry->institutions);
	free(registry->sources);
	free(registry->meters);
	free(registry->by_meter_id);
	free(registry->by_device);
	registry_memory_release(registry->memory);
	free(registry);
}

/* ---- lookups ---- */

/* As strcmp, for a word without NUL at its end. */
static int compare_word(const char *text, const char *word, size_t len)
{
	int order = strncmp(text, word, len);

	return order != 0 ? order : text[len] != '\0';
}

/* Among n institutions from first on. */
static uint32_t find_among(const struct registry *registry, size_t first, size_t n, const char *id,
			   size_t len)
{
	size_t low = first, high = first + n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = compare_word(registry->institutions[middle].id, id, len);

		if (order == 0)
			return (uint32_t)middle;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return REGISTRY_NONE;
}

uint32_t registry_find_institution(const struct registry *registry, const char *id, size_t len)
{
	return find_among(registry, 0, registry->n_institutions, id, len);
}

uint32_t registry_find_holder(const struct registry *registry, const char *id, size_t len)
{
	uint32_t found = registry_find_institution(registry, id, len);

	return found != REGISTRY_NONE
		       ? found
		       : find_among(registry, registry->n_institutions, registry->n_sites, id, len);
}

uint32_t registry_find_meter(const struct registry *registry, const char *id, size_t len)
{
	size_t low = 0, high = registry->n_meters;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		uint32_t meter = registry->by_meter_id[middle];
		int order = compare_word(registry->meters[meter].id, id, len);

		if (order == 0)
			return meter;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return REGISTRY_NONE;
}

size_t registry_find_device(const struct registry *registry, const char *device, size_t len,
			    size_t *first)
{
	const struct registry_meter *meters = registry->meters;
	size_t low = 0, high = registry->n_by_device, end;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare_word(meters[registry->by_device[middle]].device, device, len) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	end = low;
	while (end < registry->n_by_device &&
	       compare_word(meters[registry->by_device[end]].device, device, len) == 0)
		end++;
	*first = low;
	return end - low;
}

const struct meter_life *registry_life_at(const struct registry_meter *meter, int64_t utc_ms)
{
	size_t low = 0, high = meter->n_lives;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (meter->lives[middle].from_ms <= utc_ms)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0 || utc_ms >= meter->lives[low - 1].to_ms)
		return NULL;
	return &meter->lives[low - 1];
}

/* ---- dated facts ---- */

/* Sum of the amounts times their days within [from, to). */
static wide sum_days(const struct dated_amount *amounts, size_t n, civil_day from, civil_day to)
{
	wide sum = 0;

	for (size_t i = 0; i < n; i++) {
		civil_day first = amounts[i].days.from > from ? amounts[i].days.from : from;
		civil_day end = amounts[i].days.to < to ? amounts[i].days.to : to;

		if (end > first)
			sum += (wide)amounts[i].micro * ((int64_t)end - first);
	}
	return sum;
}

/* The same of what it has in shared buildings: an amount at an offset of its occupants. */
static wide sum_occupied(const struct registry_institution *institution, size_t offset,
			 struct span days)
{
	wide sum = 0;

	for (size_t i = 0; i < institution->n_occupancies; i++) {
		const struct registry_occupant *one = institution->occupancies[i].occupant;
		struct dated_amount amount;

		if (one == NULL)
			continue;
		amount.days = one->days;
		memcpy(&amount.micro, (const char *)one + offset, sizeof amount.micro);
		sum += sum_days(&amount, 1, days.from, days.to);
	}
	return sum;
}

static int64_t mean(wide sum, civil_day from, civil_day to)
{
	int64_t days = (int64_t)to - from;

	return days > 0 ? (int64_t)((sum + days / 2) / days) : 0;
}

/* An institution has nothing on days on which it does not exist. */
static struct span cut(const struct registry_institution *institution, civil_day from, civil_day to)
{
	struct span days = institution->valid;

	days.from = days.from > from ? days.from : from;
	days.to = days.to < to ? days.to : to;
	return days;
}

int64_t registry_area(const struct registry_institution *institution, civil_day from, civil_day to)
{
	struct span days = cut(institution, from, to);
	wide sum = 0;

	for (size_t i = 0; i < institution->n_buildings; i++) {
		const struct registry_building *building = &institution->buildings[i];

		sum += sum_days(building->areas, building->n_areas, days.from, days.to);
	}
	sum += sum_occupied(institution, offsetof(struct registry_occupant, m2), days);
	return mean(sum, from, to);
}

int64_t registry_heated_area(const struct registry_institution *institution, civil_day from,
			     civil_day to)
{
	struct span days = cut(institution, from, to);
	wide sum = 0;

	for (size_t i = 0; i < institution->n_buildings; i++) {
		const struct registry_building *building = &institution->buildings[i];

		sum += sum_days(building->heated_areas, building->n_heated_areas, days.from,
				days.to);
	}
	sum += sum_occupied(institution, offsetof(struct registry_occupant, heated_m2), days);
	return mean(sum, from, to);
}

int64_t registry_headcount(const struct registry_institution *institution, civil_day from,
			   civil_day to)
{
	struct span days = cut(institution, from, to);
	wide sum = sum_days(institution->headcount, institution->n_headcount, days.from, days.to);

	sum += sum_occupied(institution, offsetof(struct registry_occupant, persons), days);
	return mean(sum, from, to);
}

struct span registry_occupied(const struct registry_institution *site)
{
	struct span all = {DAY_OPEN, CIVIL_DAY_MIN};

	for (size_t i = 0; i < site->n_occupants; i++) {
		const struct span *days = &site->occupants[i].days;

		all.from = days->from < all.from ? days->from : all.from;
		all.to = days->to > all.to ? days->to : all.to;
	}
	return all;
}

const struct registry_identity *registry_identity_on(const struct registry_institution *institution,
						     civil_day day)
{
	size_t i = institution->n_identities - 1;

	while (i > 0 && institution->identities[i].days.from > day)
		i--;
	return &institution->identities[i];
}

static bool is_real_in_use(const struct registry_meter *meter, int64_t from_ms, int64_t to_ms)
{
	return meter->n_lives > 0 && meter->lives[0].from_ms < to_ms &&
	       meter->lives[meter->n_lives - 1].to_ms > from_ms;
}

/* From the first life to the end of the last: a gap between two lives is missing data, not an end
 * of the supply. A virtual meter is in use if one of its real ones is. */
static bool is_in_use(const struct registry *registry, const struct registry_meter *meter,
		      civil_day day)
{
	int64_t from_ms = civil_day_start_utc(day, registry->offset_ms);

	if (is_real_in_use(meter, from_ms, from_ms + DAY_MS))
		return true;
	for (size_t i = 0; i < meter->n_terms; i++)
		if (is_real_in_use(&registry->meters[meter->terms[i].meter], from_ms,
				   from_ms + DAY_MS))
			return true;
	return false;
}

enum supply registry_supply(const struct registry *registry, uint32_t institution,
			    enum carrier carrier, civil_day day)
{
	const struct registry_institution *it = &registry->institutions[institution];
	bool is_declared = false;

	for (size_t i = 0; i < it->n_supplies; i++) {
		const struct dated_supply *supply = &it->supplies[i];

		if (supply->carrier != carrier)
			continue;
		if (day >= supply->days.from && day < supply->days.to)
			return supply->supply;
		is_declared = true;
	}
	for (uint32_t i = 0; i < it->n_meters && !is_declared; i++) {
		const struct registry_meter *meter = &registry->meters[it->first_meter + i];

		if (meter->carrier == carrier && meter->role == ROLE_MAIN && !meter->is_export &&
		    is_in_use(registry, meter, day))
			return SUPPLY_ONLINE;
	}
	return SUPPLY_NONE;
}

/* ---- names ---- */

const char *carrier_name(enum carrier carrier)
{
	assert(carrier < N_CARRIERS);
	return carrier_names[carrier];
}

const char *carrier_unit(enum carrier carrier)
{
	static const char *const units[] = {"kWh", "m3", "m3", "GJ", "GJ",
					    "kg",  "L",  "L",  "kg", "kgce"};

	assert(carrier < N_CARRIERS);
	return units[carrier];
}

const char *institution_type_name(enum institution_type type)
{
	assert(type < N_TYPES);
	return institution_type_names[type];
}
