/* SPDX-License-Identifier: Apache-2.0 */
/* combine.h - savings of several baselines as one sum: what is counted twice is left out, and
 * uncertainties of independent baselines are combined by squares. Pure. */
#ifndef SERVER_COMBINE_H
#define SERVER_COMBINE_H

#include "server/savings/savings.h"

/* What one baseline brings. */
struct combine_entry {
	const struct registry_baseline *baseline;
	bool is_certifiable;
	struct savings_sum sum;
	bool is_counted; /* result: it is in its carrier's sum */
};

/* Certifiable entries with days are counted, but not inside of another counted one: a meter's
 * saving is in its institution's, and in that of a meter above it, where both report on the same
 * days. Entries of one institution stand together. */
void combine_choose(const struct registry *registry, struct combine_entry *entries, size_t n);

struct combine_total {
	size_t n_baselines, n_institutions;
	struct savings_sum sum; /* band: root of the sum of squares; NAN if one is; days: of all */
};
/* Of what is counted of a carrier. */
struct combine_total combine_carrier(const struct combine_entry *entries, size_t n,
				     enum carrier carrier);

#endif
