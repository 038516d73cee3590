/* SPDX-License-Identifier: Apache-2.0 */
/* The keys of a site's file, and of what an institution is called for a time. */
#include "server/registry/registry_file.h"

#define FIRST_DAY "0001-01-01"
#define LAST_DAY  "9999-12-31"
#define AREA_MAX  (INT64_C(100000000) * MICRO)

const char *const apportion_names[] = {"area", "persons", "fixed", "nothing", NULL};
static const char *const apportion_words[] = {"area", "persons", "fixed", "submeter", NULL};

#define DATED_KEYS(table, word, value_type, field, ...)                                       \
	const struct conf_key table[] = {                                                     \
		{.name = "", .type = CONF_NODE, .offset = offsetof(struct file_dated, node)}, \
		{.name = "from",                                                              \
		 .type = CONF_DATE,                                                           \
		 .offset = offsetof(struct file_dated, from),                                 \
		 .fallback = FIRST_DAY,                                                       \
		 .help = "first day; it holds until the next item begins"},                   \
		{.name = (word),                                                              \
		 .type = (value_type),                                                        \
		 .offset = offsetof(struct file_dated, field),                                \
		 .is_required = true,                                                         \
		 __VA_ARGS__},                                                                \
		{0},                                                                          \
	}

DATED_KEYS(registry_name_keys, "name", CONF_STRING, text, .help = "as it is shown");
DATED_KEYS(registry_region_keys, "region", CONF_STRING, text, .help = "code of the region");
DATED_KEYS(registry_department_keys, "department", CONF_STRING, text, .help = "line (label)");
DATED_KEYS(registry_competent_keys, "competent", CONF_STRING, text, .help = "competent body");
DATED_KEYS(registry_type_keys, "type", CONF_CHOICE, choice, .choices = institution_type_names,
	   .help = "kind of institution in the statistics");
DATED_KEYS(registry_affiliation_keys, "affiliation", CONF_CHOICE, choice,
	   .choices = affiliation_names, .help = "level that it belongs to");
DATED_KEYS(registry_quota_class_keys, "quota_class", CONF_STRING, text,
	   .help = "class of the quotas it is held against");
DATED_KEYS(registry_calendar_keys, "calendar", CONF_CHOICE, choice, .choices = working_names,
	   .help = "who works when");

static const struct conf_key occupant_keys[] = {
	{.name = "", .type = CONF_NODE, .offset = offsetof(struct file_occupant, node)},
	{.name = "institution",
	 .type = CONF_STRING,
	 .offset = offsetof(struct file_occupant, institution),
	 .help = "id of the institution that is there"},
	{.name = "name",
	 .type = CONF_STRING,
	 .offset = offsetof(struct file_occupant, name),
	 .help = "instead of institution: somebody else, whose part is taken off"},
	{.name = "scope",
	 .type = CONF_CHOICE,
	 .offset = offsetof(struct file_occupant, scope),
	 .fallback = "other_entity",
	 .choices = meter_scope_names,
	 .help = "of somebody else; not own"},
	{.name = "from",
	 .type = CONF_DATE,
	 .offset = offsetof(struct file_occupant, from),
	 .is_required = true,
	 .help = "first day"},
	{.name = "to",
	 .type = CONF_DATE,
	 .offset = offsetof(struct file_occupant, to),
	 .fallback = LAST_DAY,
	 .help = "first day on which it is no longer there; default: open"},
	{.name = "m2",
	 .type = CONF_MICRO,
	 .offset = offsetof(struct file_occupant, m2),
	 .max = AREA_MAX,
	 .help = "area; counts for its institution"},
	{.name = "heated_m2",
	 .type = CONF_MICRO,
	 .offset = offsetof(struct file_occupant, heated_m2),
	 .max = AREA_MAX,
	 .help = "heated area; counts for its institution"},
	{.name = "persons",
	 .type = CONF_MICRO,
	 .offset = offsetof(struct file_occupant, persons),
	 .max = INT64_C(10000000) * MICRO,
	 .help = "energy-using persons here; they are added to its institution's headcount"},
	{.name = "apportion",
	 .type = CONF_CHOICE,
	 .offset = offsetof(struct file_occupant, apportion),
	 .fallback = "area",
	 .choices = apportion_words,
	 .help = "what its part follows: area, persons, a fixed share, or its own sub-meters"},
	{.name = "share",
	 .type = CONF_MICRO,
	 .offset = offsetof(struct file_occupant, share),
	 .min = 1,
	 .max = MICRO,
	 .help = "its share, for fixed"},
	{.name = "meters",
	 .type = CONF_STRINGS,
	 .offset = offsetof(struct file_occupant, meters),
	 .help = "for submeter: the site's meters that count for it alone"},
	{.name = "rest",
	 .type = CONF_CHOICE,
	 .offset = offsetof(struct file_occupant, rest),
	 .fallback = "area",
	 .choices = apportion_names,
	 .help = "for submeter: what its part of that which no sub-meter counts follows"},
	{0},
};

const struct conf_key registry_site_keys[] = {
	{.name = "", .type = CONF_NODE, .offset = offsetof(struct file_institution, node)},
	{.name = "id",
	 .type = CONF_STRING,
	 .offset = offsetof(struct file_institution, id),
	 .is_required = true,
	 .help = "[A-Za-z0-9-], up to 48; the file is <id>.yaml; no institution has it"},
	{.name = "name",
	 .type = CONF_NODE,
	 .offset = offsetof(struct file_institution, name),
	 .is_required = true,
	 .help = "as it is shown"},
	{.name = "region",
	 .type = CONF_NODE,
	 .offset = offsetof(struct file_institution, region),
	 .is_required = true,
	 .help = "code of the region where it stands, in quotes"},
	{.name = "from",
	 .type = CONF_DATE,
	 .offset = offsetof(struct file_institution, from),
	 .fallback = FIRST_DAY,
	 .help = "first day; default: always"},
	{.name = "to",
	 .type = CONF_DATE,
	 .offset = offsetof(struct file_institution, to),
	 .fallback = LAST_DAY,
	 .help = "first day on which it no longer exists; default: open"},
	{.name = "location",
	 .type = CONF_SECTION,
	 .offset = offsetof(struct file_institution, location),
	 .table = registry_location_keys,
	 .help = "where it is"},
	{.name = "supply",
	 .type = CONF_NODE,
	 .offset = offsetof(struct file_institution, supply),
	 .help = "how each carrier is supplied, as in an institution's file"},
	{.name = "buildings",
	 .type = CONF_LIST,
	 .offset = offsetof(struct file_institution, buildings),
	 .table = registry_building_keys,
	 .item_size = sizeof(struct file_building),
	 .help = "buildings; their areas are the whole, those of the occupants count"},
	{.name = "accounts",
	 .type = CONF_LIST,
	 .offset = offsetof(struct file_institution, accounts),
	 .table = registry_account_keys,
	 .item_size = sizeof(struct file_account),
	 .help = "what bills come for"},
	{.name = "meters",
	 .type = CONF_LIST,
	 .offset = offsetof(struct file_institution, meters),
	 .table = registry_meter_keys,
	 .item_size = sizeof(struct file_meter),
	 .help = "meters, as in an institution's file"},
	{.name = "occupants",
	 .type = CONF_LIST,
	 .offset = offsetof(struct file_institution, occupants),
	 .table = occupant_keys,
	 .item_size = sizeof(struct file_occupant),
	 .is_required = true,
	 .min = 1,
	 .max = 256,
	 .help = "who is there"},
	{.name = "rest",
	 .type = CONF_STRING,
	 .offset = offsetof(struct file_institution, rest),
	 .help = "institution that takes what the shares of the occupants leave"},
	{0},
};
