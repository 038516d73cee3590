/* SPDX-License-Identifier: Apache-2.0 */
/* part.h - which energy item (分项) a meter's energy goes to, and from which item above it is taken
 * out again. Pure. */
#ifndef SERVER_PART_H
#define SERVER_PART_H

#include "server/registry/registry.h"

enum { PART_LEN = 4 };

/* "01A" of a sub meter's 01A20; "" where the code names no class (01000), and of other roles. */
void part_of(const struct registry_meter *meter, char part[PART_LEN]);

struct part_above {
	bool is_non_own;     /* an ancestor has a scope other than own */
	char part[PART_LEN]; /* of the nearest own ancestor that has one */
};

struct part_above part_above(const struct registry *registry, const struct registry_meter *meter);

/* The items that a meter is added to and deducted from; "" for none. */
struct part_share {
	char added[PART_LEN], deducted[PART_LEN];
};

struct part_share part_share(const struct registry *registry, const struct registry_meter *meter);

#endif
