/* SPDX-License-Identifier: Apache-2.0 */
/* The tree of regions. */
#include <string.h>

#include "server/api/api_call.h"

static const char *const level_names[] = {"", "province", "city", "county", "township"};

struct region_counts {
	int64_t institutions, meters;
};

static struct region_counts count_below(const struct api_call *call, uint32_t region)
{
	const struct registry *registry = call->registry;
	struct region_counts counts = {0};

	for (uint32_t i = 0; i < registry->n_institutions; i++) {
		const struct registry_institution *one = &registry->institutions[i];

		if (!region_is_within(registry->regions, one->region, region) ||
		    !api_may_see_institution(call, i))
			continue;
		counts.institutions++;
		counts.meters += one->n_meters;
	}
	return counts;
}

static void write_region(struct api_call *call, uint32_t index)
{
	const struct region *region = &call->registry->regions->regions[index];
	struct region_counts counts = count_below(call, index);

	json_add_string(&call->json, "region", region->code);
	json_add_string(&call->json, "name", region->name);
	json_add_string(&call->json, "level", level_names[region->level]);
	json_add_int(&call->json, "institutions", counts.institutions);
	json_add_int(&call->json, "meters", counts.meters);
}

static const char *const columns[] = {"region",       "name",   "level", "parent",
				      "institutions", "meters", NULL};

/* The region itself, then its children. */
static void write_lines(struct api_call *call, uint32_t index)
{
	const struct region_tree *tree = call->registry->regions;
	const struct region *of = &tree->regions[index];

	api_csv(call, columns);
	for (uint32_t i = 0; i <= of->n_children; i++) {
		uint32_t at = i == 0 ? index : tree->children[of->first_child + i - 1];
		const struct region *region = &tree->regions[at];
		struct region_counts counts = count_below(call, at);

		csv_add_text(&call->csv, region->code);
		csv_add_text(&call->csv, region->name);
		csv_add_text(&call->csv, level_names[region->level]);
		csv_add_text(&call->csv, region->parent != REGISTRY_NONE
						 ? tree->regions[region->parent].code
						 : "");
		csv_add_int(&call->csv, counts.institutions);
		csv_add_int(&call->csv, counts.meters);
		csv_end_row(&call->csv);
	}
}

static void get_region(struct api_call *call)
{
	uint32_t index = call->region;
	const struct region_tree *tree = call->registry->regions;
	const struct region *region;

	region = &tree->regions[index];
	api_is_of_registry(call);
	if (call->is_csv) {
		write_lines(call, index);
		return;
	}
	api_json(call);
	json_begin_object(&call->json, NULL);
	write_region(call, index);
	json_add_string(&call->json, "parent",
			region->parent != REGISTRY_NONE ? tree->regions[region->parent].code
							: NULL);
	json_begin_array(&call->json, "children");
	for (uint32_t i = 0; i < region->n_children; i++) {
		json_begin_object(&call->json, NULL);
		write_region(call, tree->children[region->first_child + i]);
		json_end_object(&call->json);
	}
	json_end_array(&call->json);
	json_end_object(&call->json);
}

static const struct api_parameter parameters[] = {API_CSV_PARAMETERS, {0}};

const struct api_route api_region_routes[] = {
	{"GET", "/api/v1/regions/{code}", ACCESS_TOKEN, get_region, parameters, "getRegion",
	 "A region, its children, counts of the whole subtrees", .schema = "Region",
	 .is_kept = true, .item = ITEM_REGION},
	{0},
};
