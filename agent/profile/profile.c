/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/profile/profile.h"

#include <string.h>

#include "agent/profile/profile_internal.h"

const char *const profile_type_names[] = {
	"default", "u16",         "i16",   "u32",      "i32",     "u64",   "i64",
	"float32", "float64",     "acc32", "sm16",     "sm32",    "bcd16", "bcd32",
	"string",  "wide_string", "time",  "time_bcd", "epoch32", "bit",   NULL,
};

uint16_t profile_type_registers(enum profile_type type)
{
	static const uint8_t registers[] = {
		[PROFILE_U16] = 1,     [PROFILE_I16] = 1,      [PROFILE_U32] = 2,
		[PROFILE_I32] = 2,     [PROFILE_U64] = 4,      [PROFILE_I64] = 4,
		[PROFILE_FLOAT32] = 2, [PROFILE_FLOAT64] = 4,  [PROFILE_ACC32] = 2,
		[PROFILE_SM16] = 1,    [PROFILE_SM32] = 2,     [PROFILE_BCD16] = 1,
		[PROFILE_BCD32] = 2,   [PROFILE_STRING] = 0,   [PROFILE_WIDE_STRING] = 0,
		[PROFILE_TIME] = 0,    [PROFILE_TIME_BCD] = 0, [PROFILE_EPOCH32] = 2,
		[PROFILE_BIT] = 1,
	};

	return registers[type];
}

bool profile_type_is_text(enum profile_type type)
{
	return type >= PROFILE_STRING && type <= PROFILE_EPOCH32;
}

bool profile_is_together(const struct profile_point *point, const struct profile_point *other)
{
	return !other->is_published && other->refresh_ms == 0 && !other->is_alone &&
	       other->extent > 0 && other->function == point->function;
}

bool profile_point_is(const struct profile_point *point, const char *name)
{
	size_t len = strlen(point->name);

	if (point->n_units == 0)
		return strcmp(point->name, name) == 0;
	if (strncmp(point->name, name, len) != 0)
		return false;
	for (size_t i = 0; i < point->n_units; i++)
		if (strcmp(point->units[i].suffix, name + len) == 0)
			return true;
	return name[len] == '\0';
}

const struct profile_point *profile_find(const struct profile *profile, const char *name,
					 uint16_t channel)
{
	for (size_t i = 0; i < profile->n_points; i++) {
		const struct profile_point *point = &profile->points[i];

		if (point->is_published &&
		    (channel == 0 || point->channel == 0 || point->channel == channel) &&
		    profile_point_is(point, name))
			return point;
	}
	return NULL;
}

void profile_destroy(struct profile *profile)
{
	if (profile != NULL)
		arena_destroy(profile->arena);
}
