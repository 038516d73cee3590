/* SPDX-License-Identifier: Apache-2.0 */
#include "server/api/access.h"

#include <string.h>

/* What the registry does not know (any more) covers nothing. */
void access_init(struct access *access, const struct grant *grant, const struct registry *registry)
{
	*access = (struct access){.grant = grant, .registry = registry};
	for (size_t i = 0; i < grant->n_scopes; i++) {
		const char *value = grant->scopes[i].value;
		uint32_t index;

		switch (grant->scopes[i].kind) {
		case GRANT_REGION:
			index = region_find(registry->regions, value, strlen(value));
			if (index != REGISTRY_NONE)
				access->regions[access->n_regions++] = index;
			break;
		case GRANT_INSTITUTION:
			index = registry_find_institution(registry, value, strlen(value));
			if (index != REGISTRY_NONE)
				access->institutions[access->n_institutions++] = index;
			break;
		case GRANT_DEPARTMENT:
			access->is_narrowed = true;
			break;
		}
	}
}

static bool is_named(const struct access *access, uint32_t institution)
{
	for (size_t i = 0; i < access->n_institutions; i++)
		if (access->institutions[i] == institution)
			return true;
	return false;
}

static bool covers_region(const struct access *access, uint32_t region)
{
	for (size_t i = 0; i < access->n_regions; i++)
		if (region_is_within(access->registry->regions, region, access->regions[i]))
			return true;
	return false;
}

static bool covers_department(const struct access *access, const char *department)
{
	const struct grant *grant = access->grant;

	if (!access->is_narrowed)
		return true;
	for (size_t i = 0; i < grant->n_scopes && department != NULL; i++)
		if (grant->scopes[i].kind == GRANT_DEPARTMENT &&
		    strcmp(grant->scopes[i].value, department) == 0)
			return true;
	return false;
}

static bool covers_institution(const struct access *access, uint32_t institution)
{
	const struct registry_institution *one = &access->registry->institutions[institution];

	return is_named(access, institution) ||
	       (covers_region(access, one->region) && covers_department(access, one->department));
}

int access_grade_at(const struct access *access, uint32_t institution)
{
	const struct grant *grant = access->grant;

	if (grant->role == ROLE_REPORTER && grant->grade < GRADE_OWN &&
	    is_named(access, institution))
		return GRADE_OWN;
	return grant->grade;
}

bool access_allows(const struct access *access, const struct access_object *object)
{
	const struct registry *registry = access->registry;
	int grade = object->grade;

	switch (object->kind) {
	case ACCESS_TO_REGION:
		return covers_region(access, object->index) && access->grant->grade >= grade;
	case ACCESS_TO_WHOLE_REGION:
		return !access->is_narrowed && covers_region(access, object->index) &&
		       access->grant->grade >= grade;
	case ACCESS_TO_INSTITUTION:
		if (registry->institutions[object->index].is_sensitive &&
		    !is_named(access, object->index))
			grade = GRADE_SENSITIVE;
		return covers_institution(access, object->index) &&
		       access_grade_at(access, object->index) >= grade;
	case ACCESS_TO_SERVER:
		break;
	}
	return access->grant->role == ROLE_ADMIN && access->grant->grade >= grade;
}

bool access_role_is_in(enum token_role role, unsigned roles)
{
	return (roles & (1u << role)) != 0;
}
