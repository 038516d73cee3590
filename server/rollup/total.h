/* SPDX-License-Identifier: Apache-2.0 */
/* total.h - which meters make an institution's total and its parts, and how they add up. Pure. */
#ifndef SERVER_TOTAL_H
#define SERVER_TOTAL_H

#include "server/registry/registry.h"
#include "server/rollup/rollup.h"

/* A meter that is added (sign 1) or deducted (sign -1). */
struct total_term {
	uint32_t meter; /* index into the registry's meters */
	int sign;
};

enum { TOTAL_ITEM_MAX = 12 };

struct total_item {
	char name[TOTAL_ITEM_MAX];
	struct total_term *terms;
	size_t n_terms, cap;
};

/* The items of one institution and carrier, in order: total, non_own, generation, export (each
 * only if it has meters), then parts by the first three characters of the energy item code
 * ("01A"). A part is what its meters count without the meters of other parts and without non-own
 * scopes below them, so that parts and the rest add up to total + generation - export. */
struct total_plan {
	struct total_item *items;
	size_t n_items, cap;
};

void total_plan_init(struct total_plan *plan, const struct registry *registry, uint32_t institution,
		     enum carrier carrier);
void total_plan_fini(struct total_plan *plan);
/* Is it a part of what is used (an energy item), not the total or an account of its own? */
bool total_is_part(const char *item);
/* How an item counts in what the loads use and no part measures: 1 total and generation, which
 * bring it, -1 export and the parts, which take it away, 0 what is not in it. */
int total_in_rest(const char *item);

/* Adds a term to a sum (zeroed before the first). A sum is known as soon as one added term is; it
 * is what is known of it: what is missing the coverage tells. Covered and closed times stay 0. */
void total_add(struct amount *sum, const struct amount *term, int sign);
/* To be called after the last total_add: a sum of deducted terms alone is not known. */
void total_finish(struct amount *sum);

/* A virtual meter's formula over the amounts of its terms, in their order: known where all are. */
struct amount total_formula(const struct formula_term *terms, size_t n,
			    const struct amount *amounts);

#endif
