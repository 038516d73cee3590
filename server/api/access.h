/* SPDX-License-Identifier: Apache-2.0 */
/* access.h - the one place that says what a grant covers. */
#ifndef SERVER_ACCESS_H
#define SERVER_ACCESS_H

#include <stdbool.h>

#include "server/api/token.h"
#include "server/registry/registry.h"

enum { GRADE_OPEN = 1, GRADE_SHARED = 2, GRADE_OWN = 3, GRADE_SENSITIVE = 4 };

enum access_kind {
	ACCESS_TO_REGION,       /* the node, and of what is below it what the grant covers */
	ACCESS_TO_WHOLE_REGION, /* everything below it, whatever line it belongs to */
	ACCESS_TO_INSTITUTION,  /* it, its buildings, meters, accounts */
	ACCESS_TO_SERVER        /* what belongs to no region: an administrator's */
};
struct access_object {
	enum access_kind kind;
	uint32_t index; /* of the region or institution */
	int grade;      /* of what is wanted of it; 0: that it exists */
};

/* A grant and the registry it is held against. Borrows both. */
struct access {
	const struct grant *grant;
	const struct registry *registry;
	uint32_t regions[GRANT_SCOPES_MAX], institutions[GRANT_SCOPES_MAX];
	size_t n_regions, n_institutions;
	bool is_narrowed; /* below the regions to departments */
};
void access_init(struct access *access, const struct grant *grant, const struct registry *registry);

/* The grade that the grant reaches at an institution: its own, but a reporter reaches GRADE_OWN
 * at an institution that the grant names. */
int access_grade_at(const struct access *access, uint32_t institution);
/* A sensitive institution is of GRADE_SENSITIVE but for those whose grant names it. */
bool access_allows(const struct access *access, const struct access_object *object);

/* May the role do what a route asks (a set of 1 << role)? */
bool access_role_is_in(enum token_role role, unsigned roles);

#endif
