/* SPDX-License-Identifier: Apache-2.0 */
/* Property: an institution's file that is accepted has facts in order of time that do not overlap,
 * exact positive ratios, parents without circles and formulas of real meters only; every other file
 * has a message that begins with the file's name. */
#include <assert.h>
#include <string.h>

#include "server/registry/registry.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_amounts(const struct dated_amount *amounts, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		assert(amounts[i].micro >= 0 && amounts[i].days.from < amounts[i].days.to);
		assert(i == 0 || amounts[i - 1].days.to <= amounts[i].days.from);
	}
}

static void check_institution(const struct registry *registry)
{
	const struct registry_institution *it = &registry->institutions[0];

	assert(it->region < registry->regions->n);
	assert(it->valid.from < it->valid.to);
	assert(it->n_meters == registry->n_meters && it->first_meter == 0);
	check_amounts(it->headcount, it->n_headcount);
	for (size_t i = 0; i < it->n_buildings; i++) {
		check_amounts(it->buildings[i].areas, it->buildings[i].n_areas);
		check_amounts(it->buildings[i].heated_areas, it->buildings[i].n_heated_areas);
	}
	for (size_t i = 0; i < it->n_accounts; i++)
		for (size_t k = 0; k < it->accounts[i].n_meters; k++)
			assert(it->accounts[i].meters[k] < registry->n_meters);
	assert(registry_area(it, CIVIL_DAY_MIN, CIVIL_DAY_MAX) >= 0);
	for (int carrier = 0; carrier < N_CARRIERS; carrier++)
		assert(registry_supply(registry, 0, (enum carrier)carrier, 20000) <=
		       SUPPLY_AREA_BILLED);
}

static void check_lives(const struct registry_meter *meter)
{
	for (size_t i = 0; i < meter->n_lives; i++) {
		const struct meter_life *life = &meter->lives[i];

		assert(life->from_ms < life->to_ms && life->ratio_num > 0 && life->ratio_den > 0);
		assert(life->modulus >= 0);
		assert(i == 0 || meter->lives[i - 1].to_ms <= life->from_ms);
		assert(registry_life_at(meter, life->from_ms) == life);
	}
}

static void check_meter(const struct registry *registry, uint32_t at)
{
	const struct registry_meter *meter = &registry->meters[at];
	size_t steps = 0;

	assert(registry_find_meter(registry, meter->id, strlen(meter->id)) == at);
	assert((meter->n_lives > 0) != (meter->n_terms > 0));
	check_lives(meter);
	for (uint32_t up = meter->parent; up != REGISTRY_NONE; up = registry->meters[up].parent)
		assert(up < registry->n_meters && steps++ < registry->n_meters);
	for (size_t i = 0; i < meter->n_terms; i++) {
		const struct formula_term *term = &meter->terms[i];

		assert(term->num != 0 && term->den > 0);
		assert(registry->meters[term->meter].n_lives > 0);
		assert(i == 0 || meter->terms[i - 1].meter < term->meter);
	}
}

static void check_messages(const struct conf_errors *errors)
{
	const char *line = errors->text.data;

	assert(errors->count > 0 && line != NULL);
	while (*line != '\0') {
		assert(strncmp(line, "i1.yaml:", 8) == 0);
		line = strchr(line, '\n') + 1;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct conf_errors errors = {0};
	struct registry *registry = NULL;

	if (registry_parse(&registry, "i1.yaml", (const char *)data, size, 8 * HOUR_MS, &errors) !=
	    0) {
		check_messages(&errors);
	} else {
		assert(errors.count == 0 && registry->n_institutions == 1);
		check_institution(registry);
		for (uint32_t i = 0; i < registry->n_meters; i++)
			check_meter(registry, i);
	}
	registry_release(registry);
	conf_errors_fini(&errors);
	return 0;
}
