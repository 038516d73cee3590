/* SPDX-License-Identifier: Apache-2.0 */
#include "server/registry/region.h"

#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

enum { CODE_MAX = 11, MAX_LEVELS = 16, COUNTY_LEN = 6, TOWNSHIP_LEN = 9 };
#define NO_REGION UINT32_MAX

/* ---- codes ---- */

static bool is_digits(const char *code, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (code[i] < '0' || code[i] > '9')
			return false;
	return true;
}

static bool is_alphanumeric(const char *code, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!is_digits(&code[i], 1) && !(code[i] >= 'A' && code[i] <= 'Z') &&
		    !(code[i] >= 'a' && code[i] <= 'z'))
			return false;
	return true;
}

bool region_code_is_valid(const char *code, size_t len)
{
	return len >= COUNTY_LEN && len <= CODE_MAX && is_alphanumeric(code, len);
}

bool region_code_is_local(const char *code, size_t len)
{
	return region_code_is_valid(code, len) &&
	       ((len != COUNTY_LEN && len != TOWNSHIP_LEN) || !is_digits(code, len));
}

/* The code above, which follows from the digits. False for a province and for a local code. */
static bool parent_by_prefix(const char *code, char parent[12])
{
	size_t len = strlen(code), digits = 4;

	if (region_code_is_local(code, len))
		return false;
	memcpy(parent, "000000", COUNTY_LEN + 1);
	if (len == TOWNSHIP_LEN)
		digits = 6;
	else if (strcmp(code + 2, "0000") == 0)
		return false;
	else if (strcmp(code + 4, "00") == 0)
		digits = 2;
	memcpy(parent, code, digits);
	return true;
}

static int level_of(const char *code)
{
	if (strlen(code) != COUNTY_LEN || region_code_is_local(code, COUNTY_LEN))
		return 4;
	if (strcmp(code + 2, "0000") == 0)
		return 1;
	return strcmp(code + 4, "00") == 0 ? 2 : 3;
}

/* ---- what is listed ---- */

struct entry {
	const struct conf_node *node;
	const char *code, *name, *parent;
	civil_day from, to;
};

const struct conf_key region_keys[] = {
	{.name = "", .type = CONF_NODE, .offset = offsetof(struct entry, node)},
	{.name = "code",
	 .type = CONF_STRING,
	 .offset = offsetof(struct entry, code),
	 .is_required = true,
	 .help = "6 digits (GB/T 2260), 9 digits (township) or a local code of 6 to 11 letters "
		 "and digits"},
	{.name = "name",
	 .type = CONF_STRING,
	 .offset = offsetof(struct entry, name),
	 .is_required = true,
	 .help = "as it is shown"},
	{.name = "parent",
	 .type = CONF_STRING,
	 .offset = offsetof(struct entry, parent),
	 .help = "the region above; without it, the one that the first 2, 4 or 6 digits name"},
	{.name = "from",
	 .type = CONF_DATE,
	 .offset = offsetof(struct entry, from),
	 .fallback = "0001-01-01",
	 .help = "first day on which this holds"},
	{.name = "to",
	 .type = CONF_DATE,
	 .offset = offsetof(struct entry, to),
	 .fallback = "9999-12-31",
	 .help = "first day on which this no longer holds"},
	{0},
};

static void check_code(const struct entry *entry, const char *key, const char *code,
		       struct conf_errors *errors)
{
	if (!region_code_is_valid(code, strlen(code)))
		conf_error(errors, conf_get(entry->node, key), NULL,
			   "'%.60s' is not a region code: 6 digits, 9 digits or a local code of 6 "
			   "to 11 letters and digits",
			   code);
}

static void check_entry(const struct entry *entry, struct conf_errors *errors)
{
	check_code(entry, "code", entry->code, errors);
	if (entry->parent != NULL)
		check_code(entry, "parent", entry->parent, errors);
	else if (region_code_is_local(entry->code, strlen(entry->code)))
		conf_error(
			errors, entry->node, "parent",
			"is missing; the parent of a local code does not follow from its digits");
	if (entry->to <= entry->from) {
		const struct conf_node *to = conf_get(entry->node, "to");

		conf_error(errors, to != NULL ? to : entry->node, NULL,
			   "'to' must be after 'from'");
	}
}

static int by_code_and_time(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int order = strcmp(x->code, y->code);

	return order != 0 ? order : (x->from > y->from) - (x->from < y->from);
}

static void check_times(const struct entry *entries, size_t n, struct conf_errors *errors)
{
	for (size_t i = 1; i < n; i++)
		if (strcmp(entries[i - 1].code, entries[i].code) == 0 &&
		    entries[i].from < entries[i - 1].to)
			conf_error(errors, conf_get(entries[i].node, "code"), NULL,
				   "'%s' is also listed in line %u for the same time",
				   entries[i].code, (unsigned)entries[i - 1].node->line);
}

static const struct conf_node *list_of(const struct conf_node *yaml, struct conf_errors *errors)
{
	if (yaml == NULL || yaml->shape == CONF_IS_LIST)
		return yaml;
	if (yaml->shape != CONF_IS_MAP || yaml->n_children > 0)
		conf_error(errors, yaml, NULL, "must be a list of regions: - {code, name}");
	return NULL;
}

/* The valid entries, sorted by code and time. */
static struct entry *read_entries(struct arena *arena, const struct conf_node *yaml, size_t *n,
				  struct conf_errors *errors)
{
	const struct conf_node *list = list_of(yaml, errors);
	struct entry *entries;

	*n = 0;
	if (list == NULL || list->n_children == 0)
		return NULL;
	entries = arena_alloc(arena, list->n_children * sizeof *entries);
	for (const struct conf_node *node = list->first; node != NULL; node = node->next) {
		struct entry entry = {0};
		size_t before = errors->count;

		if (conf_fill(arena, node, region_keys, &entry, errors) == 0)
			check_entry(&entry, errors);
		if (errors->count == before)
			entries[(*n)++] = entry;
	}
	qsort(entries, *n, sizeof *entries, by_code_and_time);
	check_times(entries, *n, errors);
	return entries;
}

/* The newest entry of a code, or NULL. */
static const struct entry *find_entry(const struct entry *entries, size_t n, const char *code)
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(entries[middle].code, code) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low > 0 && strcmp(entries[low - 1].code, code) == 0 ? &entries[low - 1] : NULL;
}

/* ---- all codes ---- */

struct codes {
	char (*list)[12];
	size_t n, cap;
};

static void add_code(struct codes *codes, const char *code)
{
	size_t len = strlen(code);

	if (!region_code_is_valid(code, len))
		return;
	codes->list = grow(codes->list, codes->n, &codes->cap, sizeof *codes->list);
	memcpy(codes->list[codes->n++], code, len + 1);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void sort_codes(struct codes *codes)
{
	size_t n = 0;

	if (codes->n > 0)
		qsort(codes->list, codes->n, sizeof *codes->list, by_text);
	for (size_t i = 0; i < codes->n; i++)
		if (n == 0 || strcmp(codes->list[n - 1], codes->list[i]) != 0)
			memmove(codes->list[n++], codes->list[i], sizeof *codes->list);
	codes->n = n;
}

/* The codes given, those listed, and all above them. */
static void collect_codes(struct codes *codes, const char *const *used, size_t n_used,
			  const struct entry *entries, size_t n_entries)
{
	for (size_t i = 0; i < n_used; i++)
		add_code(codes, used[i]);
	for (size_t i = 0; i < n_entries; i++) {
		add_code(codes, entries[i].code);
		if (entries[i].parent != NULL)
			add_code(codes, entries[i].parent);
	}
	sort_codes(codes);
	for (size_t i = 0; i < codes->n; i++) {
		const struct entry *entry = find_entry(entries, n_entries, codes->list[i]);
		char parent[12];

		if ((entry == NULL || entry->parent == NULL) &&
		    parent_by_prefix(codes->list[i], parent))
			add_code(codes, parent);
	}
	sort_codes(codes);
}

/* ---- the tree ---- */

static uint32_t parent_of(const struct region_tree *tree, const char *code,
			  const struct entry *entry)
{
	char parent[12];

	if (entry != NULL && entry->parent != NULL)
		return region_find(tree, entry->parent, strlen(entry->parent));
	return parent_by_prefix(code, parent) ? region_find(tree, parent, strlen(parent))
					      : NO_REGION;
}

static void add_history(struct arena *arena, struct region_tree *tree, struct region *region,
			const struct entry *newest, const struct entry *entries)
{
	const struct entry *first = newest;
	struct region_parent *history;
	size_t n;

	while (first > entries && strcmp(first[-1].code, region->code) == 0)
		first--;
	n = (size_t)(newest - first) + 1;
	history = arena_alloc(arena, n * sizeof *history);
	for (size_t i = 0; i < n; i++)
		history[i] = (struct region_parent){
			.from = first[i].from,
			.to = first[i].to,
			.parent = parent_of(tree, region->code, &first[i]),
			.name = arena_strndup(arena, first[i].name, strlen(first[i].name)),
		};
	region->history = history;
	region->n_history = n;
	region->name = history[n - 1].name;
	region->is_listed = true;
}

static void fill_region(struct arena *arena, struct region_tree *tree, struct region *region,
			const struct entry *entries, size_t n)
{
	const struct entry *entry = find_entry(entries, n, region->code);

	region->name = region->code;
	region->level = level_of(region->code);
	region->parent = parent_of(tree, region->code, entry);
	if (entry != NULL)
		add_history(arena, tree, region, entry, entries);
}

/* Cuts what is its own ancestor, so that walking up always ends. */
static void check_ancestors(struct region_tree *tree, const struct entry *entries, size_t n,
			    struct conf_errors *errors)
{
	for (uint32_t i = 0; i < tree->n; i++) {
		uint32_t at = tree->regions[i].parent;
		int steps = 1;

		while (at != NO_REGION && at != i && steps < MAX_LEVELS) {
			at = tree->regions[at].parent;
			steps++;
		}
		if (at != NO_REGION) {
			const struct entry *entry = find_entry(entries, n, tree->regions[i].code);

			if (entry != NULL)
				conf_error(errors, entry->node, entry->parent ? "parent" : NULL,
					   at == i ? "region '%s' is its own ancestor"
						   : "region '%s' lies more than 15 levels deep",
					   entry->code);
			tree->regions[i].parent = NO_REGION;
		}
	}
}

static void link_children(struct arena *arena, struct region_tree *tree)
{
	uint32_t next = 0;

	tree->children = arena_alloc(arena, (tree->n + 1) * sizeof *tree->children);
	for (size_t i = 0; i < tree->n; i++)
		if (tree->regions[i].parent != NO_REGION)
			tree->regions[tree->regions[i].parent].n_children++;
	for (size_t i = 0; i < tree->n; i++) {
		tree->regions[i].first_child = next;
		next += tree->regions[i].n_children;
		tree->regions[i].n_children = 0;
	}
	for (uint32_t i = 0; i < tree->n; i++) {
		struct region *parent;

		if (tree->regions[i].parent == NO_REGION)
			continue;
		parent = &tree->regions[tree->regions[i].parent];
		tree->children[parent->first_child + parent->n_children++] = i;
	}
}

static uint32_t number_subtree(struct region_tree *tree, uint32_t at, uint32_t order)
{
	struct region *region = &tree->regions[at];

	region->order_first = order;
	for (uint32_t i = 0; i < region->n_children; i++)
		order = number_subtree(tree, tree->children[region->first_child + i], order + 1);
	region->order_last = order;
	return order;
}

static void number_all(struct region_tree *tree)
{
	uint32_t order = 0;

	for (uint32_t i = 0; i < tree->n; i++)
		if (tree->regions[i].parent == NO_REGION)
			order = number_subtree(tree, i, order) + 1;
}

struct region_tree *region_tree_create(struct arena *arena, const struct conf_node *regions_yaml,
				       const char *const *codes, size_t n_codes,
				       struct conf_errors *errors)
{
	struct region_tree *tree = arena_alloc(arena, sizeof *tree);
	struct codes all = {0};
	size_t n;
	struct entry *entries = read_entries(arena, regions_yaml, &n, errors);

	collect_codes(&all, codes, n_codes, entries, n);
	tree->n = all.n;
	tree->regions = arena_alloc(arena, (all.n + 1) * sizeof *tree->regions);
	for (size_t i = 0; i < all.n; i++)
		memcpy(tree->regions[i].code, all.list[i], sizeof *all.list);
	free(all.list);
	for (size_t i = 0; i < tree->n; i++)
		fill_region(arena, tree, &tree->regions[i], entries, n);
	check_ancestors(tree, entries, n, errors);
	link_children(arena, tree);
	number_all(tree);
	return tree;
}

/* ---- questions ---- */

uint32_t region_find(const struct region_tree *tree, const char *code, size_t len)
{
	char full[12] = "000000";
	size_t low = 0, high = tree->n;

	if (len > CODE_MAX || memchr(code, '\0', len) != NULL)
		return NO_REGION;
	memcpy(full, code, len);
	if ((len != 2 && len != 4) || !is_digits(code, len))
		full[len] = '\0';
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(tree->regions[middle].code, full);

		if (order == 0)
			return (uint32_t)middle;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NO_REGION;
}

bool region_is_within(const struct region_tree *tree, uint32_t a, uint32_t b)
{
	uint32_t order;

	if (a >= tree->n || b >= tree->n)
		return false;
	order = tree->regions[a].order_first;
	return order >= tree->regions[b].order_first && order <= tree->regions[b].order_last;
}

uint32_t region_find_nearest(const struct region_tree *tree, const char *code)
{
	size_t len = strlen(code);
	uint32_t region = region_find(tree, code, len);

	for (len = len > 6 ? 6 : len - 2; region == NO_REGION && len >= 2 && len <= 6; len -= 2)
		region = region_find(tree, code, len);
	return region;
}

bool region_overlap(const struct region_tree *tree, const char *a, const char *b)
{
	uint32_t at = region_find(tree, a, strlen(a)), bt = region_find(tree, b, strlen(b));

	return strcmp(a, b) == 0 || region_is_within(tree, at, bt) ||
	       region_is_within(tree, region_find_nearest(tree, a), bt) ||
	       region_is_within(tree, region_find_nearest(tree, b), at);
}

uint32_t region_parent_on(const struct region_tree *tree, uint32_t region, civil_day day)
{
	const struct region *r = &tree->regions[region];

	for (size_t i = 0; i < r->n_history; i++)
		if (day >= r->history[i].from && day < r->history[i].to)
			return r->history[i].parent;
	return r->parent;
}

int region_steps_up(const struct region_tree *tree, uint32_t region, const char *code)
{
	int steps = 0;

	if (code[0] == '\0')
		return INT32_MAX;
	for (; region < tree->n; region = tree->regions[region].parent, steps++)
		if (strcmp(tree->regions[region].code, code) == 0)
			return steps;
	return -1;
}
