/* SPDX-License-Identifier: Apache-2.0 */
/* registry_diff.h - which institutions and meters figures would move for, if one registry took the
 * place of another. Pure. */
#ifndef SERVER_REGISTRY_DIFF_H
#define SERVER_REGISTRY_DIFF_H

#include <stdbool.h>

#include "server/registry/registry.h"

struct registry_diff_institution {
	uint32_t before, after; /* indexes; REGISTRY_NONE: not in that registry */
};

struct registry_diff {
	const struct registry *before, *after; /* borrowed */
	bool *before_meters, *after_meters;    /* by index: defined otherwise or not at all there;
						  or a virtual meter over such a one */
	bool *before_sites, *after_sites;      /* shared buildings, by index less n_institutions:
						  defined otherwise, or not at all there */
	struct registry_diff_institution *institutions; /* whose figures may move, by id */
	size_t n_institutions;
};

void registry_diff_make(struct registry_diff *diff, const struct registry *before,
			const struct registry *after);
void registry_diff_fini(struct registry_diff *diff);

#endif
