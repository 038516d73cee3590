/* SPDX-License-Identifier: Apache-2.0 */
/* Institutions: the list and the single one. */
#include <string.h>

#include "server/api/api_call.h"

enum { PAGE_MAX = 1000, DAY_AHEAD = 1, LOCATION_DECIMALS = 6 };

static void write_head(struct api_call *call, const struct registry_institution *institution)
{
	const struct region *region = &call->registry->regions->regions[institution->region];

	json_add_string(&call->json, "institution", institution->id);
	json_add_string(&call->json, "name", institution->name);
	json_add_string(&call->json, "type", institution_type_name(institution->type));
	json_add_string(&call->json, "region", region->code);
	json_add_string(&call->json, "region_name", region->name);
	json_add_string(&call->json, "department", institution->department);
	json_add_string(&call->json, "affiliation", affiliation_names[institution->affiliation]);
}

/* For those who reach its grade. In one datum, so that points of several surveys lie where they
 * are. */
static void write_location(struct api_call *call, uint32_t index)
{
	const struct registry_institution *institution = &call->registry->institutions[index];
	struct geo_point point = {institution->latitude, institution->longitude};

	if (!institution->has_location || !api_may_see_item(call, index, ITEM_LOCATION))
		return;
	point = datum_to_wgs84(point, institution->datum);
	json_begin_object(&call->json, "location");
	json_add_real(&call->json, "latitude", point.latitude, LOCATION_DECIMALS);
	json_add_real(&call->json, "longitude", point.longitude, LOCATION_DECIMALS);
	json_add_string(&call->json, "datum", datum_names[DATUM_WGS84]);
	json_end_object(&call->json);
}

static const char *const columns[] = {"institution", "name",       "type",        "region",
				      "region_name", "department", "affiliation", NULL};

static void write_row(struct api_call *call, const struct registry_institution *institution)
{
	const struct region *region = &call->registry->regions->regions[institution->region];

	csv_add_text(&call->csv, institution->id);
	csv_add_text(&call->csv, institution->name);
	csv_add_text(&call->csv, institution_type_name(institution->type));
	csv_add_text(&call->csv, region->code);
	csv_add_text(&call->csv, region->name);
	csv_add_text(&call->csv, institution->department);
	csv_add_text(&call->csv, affiliation_names[institution->affiliation]);
	csv_end_row(&call->csv);
}

static void write_item(struct api_call *call, uint32_t index)
{
	const struct registry_institution *institution = &call->registry->institutions[index];

	if (call->is_csv) {
		write_row(call, institution);
		return;
	}
	json_begin_object(&call->json, NULL);
	write_head(call, institution);
	if (!institution->is_sensitive) /* lists are what maps are drawn from */
		write_location(call, index);
	json_end_object(&call->json);
}

struct list_query {
	uint32_t region; /* or REGISTRY_NONE */
	int type;        /* or -1 */
	const char *words;
	const char *after; /* id behind which the page begins */
	int64_t limit;
};

static bool is_wanted(const struct api_call *call, uint32_t index, const struct list_query *query)
{
	const struct registry_institution *one = &call->registry->institutions[index];

	if (query->after != NULL && strcmp(one->id, query->after) <= 0)
		return false;
	if (query->type >= 0 && (int)one->type != query->type)
		return false;
	if (query->region != REGISTRY_NONE &&
	    !region_is_within(call->registry->regions, one->region, query->region))
		return false;
	if (query->words != NULL && strstr(one->name, query->words) == NULL &&
	    strstr(one->id, query->words) == NULL)
		return false;
	return api_may_see_institution(call, index);
}

static void write_list(struct api_call *call, const struct list_query *query)
{
	const struct registry *registry = call->registry;
	const char *next = NULL;
	int64_t n = 0;

	api_begin_list(call, "institutions", columns);
	for (uint32_t i = 0; i < registry->n_institutions; i++) {
		if (!is_wanted(call, i, query))
			continue;
		if (n++ == query->limit)
			break;
		next = registry->institutions[i].id;
		write_item(call, i);
	}
	api_end_list(call, n > query->limit ? next : NULL);
}

static void get_institutions(struct api_call *call)
{
	struct list_query query = {.region = REGISTRY_NONE, .type = -1};
	const char *region = api_parameter(call, "region");

	if (!api_integer(call, "limit", 0, &query.limit))
		return;
	if (region != NULL) {
		query.region = api_find_region(call, region);
		if (query.region == REGISTRY_NONE)
			return;
	}
	if (api_parameter(call, "type") != NULL) {
		query.type = api_choice(call, "type");
		if (query.type < 0)
			return;
	}
	query.words = api_parameter(call, "q");
	query.after = api_parameter(call, "cursor");
	api_is_of_registry(call);
	write_list(call, &query);
}

static void write_meter_head(struct api_call *call, const struct registry_meter *meter)
{
	static const char *const roles[] = {"main", "sub", "generation"};
	static const char *const scopes[] = {"own", "tenant", "dormitory", "ev_public",
					     "other_entity"};
	const struct registry_institution *owner =
		&call->registry->institutions[meter->institution];

	json_add_string(&call->json, "meter", meter->id);
	json_add_string(&call->json, "name", meter->name);
	json_add_string(&call->json, "building",
			meter->building != REGISTRY_NONE ? owner->buildings[meter->building].id
							 : NULL);
	json_add_string(&call->json, "carrier", carrier_name(meter->carrier));
	json_add_string(&call->json, "item", meter->item);
	json_add_string(&call->json, "role", roles[meter->role]);
	json_add_string(&call->json, "scope", scopes[meter->scope]);
	json_add_string(&call->json, "quantity", meter->quantity);
	json_add_string(&call->json, "unit", carrier_unit(meter->carrier));
}

static void write_supplies(struct api_call *call, uint32_t institution, civil_day today)
{
	static const char *const names[] = {"none", "online", "bill", "area_billed"};

	json_begin_object(&call->json, "supply");
	for (int carrier = 0; carrier < N_CARRIERS; carrier++) {
		enum supply supply =
			registry_supply(call->registry, institution, (enum carrier)carrier, today);

		if (supply != SUPPLY_NONE)
			json_add_string(&call->json, carrier_name((enum carrier)carrier),
					names[supply]);
	}
	json_end_object(&call->json);
}

static void write_buildings(struct api_call *call, const struct registry_institution *institution)
{
	json_begin_array(&call->json, "buildings");
	for (size_t i = 0; i < institution->n_buildings; i++) {
		json_begin_object(&call->json, NULL);
		json_add_string(&call->json, "id", institution->buildings[i].id);
		json_add_string(&call->json, "name", institution->buildings[i].name);
		json_end_object(&call->json);
	}
	json_end_array(&call->json);
}

static void write_meters(struct api_call *call, const struct registry_institution *institution)
{
	json_begin_array(&call->json, "meters");
	for (uint32_t i = 0; i < institution->n_meters; i++) {
		json_begin_object(&call->json, NULL);
		write_meter_head(call, &call->registry->meters[institution->first_meter + i]);
		json_end_object(&call->json);
	}
	json_end_array(&call->json);
}

static void write_accounts(struct api_call *call, const struct registry_institution *institution)
{
	json_begin_array(&call->json, "accounts");
	for (size_t i = 0; i < institution->n_accounts; i++) {
		const struct registry_account *account = &institution->accounts[i];

		json_begin_object(&call->json, NULL);
		json_add_string(&call->json, "number", account->number);
		json_add_string(&call->json, "carrier", carrier_name(account->carrier));
		json_add_string(&call->json, "tariff", account->tariff);
		json_end_object(&call->json);
	}
	json_end_array(&call->json);
}

static void get_institution(struct api_call *call)
{
	uint32_t index = call->institution;
	civil_day today = civil_day_of_utc(call->now_ms, call->options->offset_ms);
	const struct registry_institution *institution;

	institution = &call->registry->institutions[index];
	api_is_of_registry(call);
	api_json(call);
	json_begin_object(&call->json, NULL);
	write_head(call, institution);
	if (api_may_see_item(call, index, ITEM_USCC))
		json_add_string(&call->json, "uscc", institution->uscc);
	if (api_may_see_item(call, index, ITEM_AREA))
		json_add_micro(&call->json, "area_m2",
			       registry_area(institution, today, today + DAY_AHEAD));
	if (api_may_see_item(call, index, ITEM_PERSONS))
		json_add_micro(&call->json, "persons",
			       registry_headcount(institution, today, today + DAY_AHEAD));
	if (api_may_see_item(call, index, ITEM_SUPPLY))
		write_supplies(call, index, today);
	if (api_may_see_item(call, index, ITEM_BUILDING))
		write_buildings(call, institution);
	write_location(call, index);
	if (api_may_see_item(call, index, ITEM_METER))
		write_meters(call, institution);
	if (api_may_see_item(call, index, ITEM_ACCOUNT))
		write_accounts(call, institution);
	json_end_object(&call->json);
}

static const struct api_parameter list_parameters[] = {
	{.name = "region", .help = "only institutions in this subtree"},
	{.name = "type",
	 .type = API_CHOICE,
	 .choices = institution_type_names,
	 .help = "only institutions of this type"},
	{.name = "q", .help = "only institutions with this text in name or id"},
	{.name = "limit",
	 .type = API_INTEGER,
	 .min = 1,
	 .max = PAGE_MAX,
	 .fallback = "100",
	 .help = "institutions on a page"},
	{.name = "cursor", .help = "the next of the page before"},
	API_CSV_PARAMETERS,
	{0},
};

const struct api_route api_institution_routes[] = {
	{"GET", "/api/v1/institutions", ACCESS_TOKEN, get_institutions, list_parameters,
	 "listInstitutions", "The institutions, a page at a time, in the order of their ids",
	 .schema = "InstitutionList", .is_kept = true, .item = ITEM_INSTITUTION},
	{"GET", "/api/v1/institutions/{id}", ACCESS_TOKEN, get_institution, NULL, "getInstitution",
	 "One institution: persons, area, supply, buildings, meters", .schema = "Institution",
	 .is_kept = true, .item = ITEM_INSTITUTION},
	{0},
};
