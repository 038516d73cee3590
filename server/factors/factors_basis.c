/* SPDX-License-Identifier: Apache-2.0 */
/* What of the factors an institution's figures depend on. */
#include "common/hash.h"
#include "server/factors/factors_internal.h"

/* Grid factors are of calendar years; before and after those that are given, the nearest holds. */
enum { FIRST_YEAR = 2000, LAST_YEAR = 2060 };

static void mix_node(uint64_t *hash, const struct conf_node *node)
{
	hash_mix_text(hash, node->key);
	hash_mix_text(hash, node->text);
	hash_mix(hash, (int64_t)node->n_children);
	for (const struct conf_node *child = node->first; child != NULL; child = child->next)
		mix_node(hash, child);
}

void factors_mix_file(struct factors *factors, const struct conf_node *root)
{
	mix_node(&factors->common, root);
}

static void mix_grid(uint64_t *hash, const struct factors *factors, const struct region_tree *tree,
		     uint32_t region)
{
	for (int year = FIRST_YEAR; year <= LAST_YEAR; year++) {
		struct factor factor = {.micro = -1};

		if (factors_co2(factors, tree, region, CARRIER_ELECTRICITY,
				civil_day_of((struct civil_date){year, 1, 1}), &factor))
			hash_mix(hash, factor.is_provisional);
		hash_mix(hash, factor.micro);
	}
}

static void mix_tariff(uint64_t *hash, const struct tariff *tariff)
{
	hash_mix(hash, tariff != NULL);
	if (tariff == NULL)
		return;
	hash_mix_bytes(hash, tariff->bands, sizeof tariff->bands);
	hash_mix(hash, (int64_t)tariff->n_prices);
	for (size_t i = 0; i < tariff->n_prices; i++) {
		hash_mix(hash, tariff->prices[i].from);
		hash_mix(hash, tariff->prices[i].to);
		hash_mix_bytes(hash, tariff->prices[i].price, sizeof tariff->prices[i].price);
	}
}

int64_t factors_basis(const struct factors *factors, const struct region_tree *tree,
		      uint32_t region, const char *const tariffs[N_CARRIERS])
{
	uint64_t hash = factors->common;

	mix_grid(&hash, factors, tree, region);
	for (int carrier = 0; carrier < N_CARRIERS; carrier++)
		mix_tariff(&hash, tariff_find(&factors->tariffs, tree, region,
					      (enum carrier)carrier, tariffs[carrier]));
	return (int64_t)hash;
}
