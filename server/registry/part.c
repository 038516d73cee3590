/* SPDX-License-Identifier: Apache-2.0 */
#include "server/registry/part.h"

#include <string.h>

void part_of(const struct registry_meter *meter, char part[PART_LEN])
{
	part[0] = '\0';
	if (meter->role != ROLE_SUB || strlen(meter->item) < 3 || meter->item[2] < 'A' ||
	    meter->item[2] > 'Z')
		return;
	memcpy(part, meter->item, PART_LEN - 1);
	part[PART_LEN - 1] = '\0';
}

struct part_above part_above(const struct registry *registry, const struct registry_meter *meter)
{
	struct part_above above = {0};
	uint32_t at = meter->parent, most = registry->institutions[meter->institution].n_meters;

	/* The registry refuses circles; a meter has no more ancestors than there are meters. */
	for (uint32_t i = 0; at != REGISTRY_NONE && i < most; i++) {
		const struct registry_meter *parent = &registry->meters[at];

		if (parent->scope != SCOPE_OWN)
			above.is_non_own = true;
		if (above.part[0] == '\0')
			part_of(parent, above.part);
		at = parent->parent;
	}
	return above;
}

struct part_share part_share(const struct registry *registry, const struct registry_meter *meter)
{
	struct part_above above = part_above(registry, meter);
	struct part_share share = {0};

	if (above.is_non_own || meter->is_export || meter->role == ROLE_GENERATION)
		return share;
	if (meter->scope == SCOPE_OWN) {
		part_of(meter, share.added);
		if (share.added[0] == '\0' || strcmp(share.added, above.part) == 0)
			return (struct part_share){0};
	}
	memcpy(share.deducted, above.part, sizeof share.deducted);
	return share;
}
