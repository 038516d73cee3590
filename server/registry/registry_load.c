/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a registry's folder: regions first, then each institution's file by itself, then what
 * concerns all of them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/fnv.h"
#include "server/registry/folder.h"
#include "server/registry/registry_file.h"

enum { REGISTRY_MAX_DEPTH = 16 };

static void build_holder(const struct conf_node *root, void *arg)
{
	struct registry_loader *loader = arg;
	struct arena *temporary = arena_create();
	struct file_institution file = {0};

	if (conf_fill(temporary, root,
		      loader->is_site ? registry_site_keys : registry_institution_keys, &file,
		      loader->errors) == 0)
		registry_build(loader, temporary, &file);
	arena_destroy(temporary);
}

/* ---- cards, in the order of ids between the files ---- */

/* What a card that is not sound has left behind. */
static void undo(struct registry_loader *loader, const struct registry_loader *before,
		 size_t n_institutions)
{
	loader->registry->n_institutions = n_institutions;
	loader->n_late = before->n_late;
	loader->n_region_codes = before->n_region_codes;
}

static void build_card(struct registry_loader *loader, const struct registry_card *card)
{
	struct registry_loader before = *loader;
	size_t n_institutions = loader->registry->n_institutions;
	size_t n_meters = loader->registry->n_meters;
	struct conf_errors errors = {0};
	struct arena *temporary = arena_create();
	char *name = xasprintf("%s/%s.yaml", card->source, card->id);
	const struct conf_node *root;

	loader->errors = &errors;
	loader->source = card->source;
	if (conf_parse(temporary, name, card->text, strlen(card->text), &root, &errors) == 0)
		build_holder(root, loader);
	loader->errors = before.errors;
	loader->source = NULL;
	if (errors.count > 0 || loader->registry->n_meters > n_meters)
		undo(loader, &before, n_institutions);
	loader->registry->n_meters = n_meters;
	loader->hash = fnv_add(loader->hash, name, strlen(name) + 1);
	loader->hash = fnv_add(loader->hash, card->text, strlen(card->text));
	conf_errors_fini(&errors);
	arena_destroy(temporary);
	free(name);
}

/* Those whose id stands before this one, or all for NULL; the same id is the folder's. */
static void take_cards(struct registry_loader *loader, const char *id, size_t len)
{
	const struct registry_cards *cards = loader->cards;
	size_t *next = &loader->next_card;

	for (; cards != NULL && *next < cards->n; (*next)++) {
		const struct registry_card *card = &cards->list[*next];
		size_t card_len = strlen(card->id);
		int order = id != NULL ? memcmp(card->id, id, card_len < len ? card_len : len) : -1;

		if (order == 0)
			order = (card_len > len) - (card_len < len);
		if (order > 0)
			return;
		if (order == 0 || (*next > 0 && strcmp(cards->list[*next - 1].id, card->id) == 0))
			continue;
		build_card(loader, card);
	}
}

static void take_holder(const struct conf_node *root, void *arg)
{
	const char *slash = strrchr(root->file, '/');
	const char *name = slash != NULL ? slash + 1 : root->file;

	take_cards(arg, name, strcspn(name, "."));
	build_holder(root, arg);
}

static bool is_known(struct folder_file *file, void *arg)
{
	take_cards(arg, file->name, strcspn(file->name, "."));
	return registry_reuse(file, arg);
}

static void load_institutions(struct registry_loader *loader, const char *dir)
{
	char *folder = xasprintf("%s/institutions", dir);

	loader->visitor =
		(struct folder_visitor){.fn = take_holder, .is_known = is_known, .arg = loader};
	folder_visit(NULL, folder, &loader->visitor, &loader->hash, loader->errors);
	take_cards(loader, NULL, 0);
	free(folder);
}

static void load_sites(struct registry_loader *loader, const char *dir)
{
	char *folder = xasprintf("%s/sites", dir);
	size_t n_institutions = loader->registry->n_institutions;

	loader->is_site = true;
	if (access(folder, F_OK) == 0)
		folder_each(NULL, folder, build_holder, loader, &loader->hash, loader->errors);
	loader->registry->n_sites = loader->registry->n_institutions - n_institutions;
	loader->registry->n_institutions = n_institutions;
	free(folder);
}

static const struct conf_node *load_regions(struct registry_loader *loader, struct arena *arena,
					    const char *dir, const char *fallback)
{
	char *own = xasprintf("%s/regions.yaml", dir);
	const char *path = access(own, F_OK) == 0 ? own : fallback;
	const struct conf_node *root = NULL;

	if (path != NULL)
		(void)folder_load(arena, path, &root, &loader->hash, loader->errors);
	loader->registry->regions_hash = loader->hash;
	free(own);
	return root;
}

/* ---- what comes out of all files ---- */

typedef int (*order_fn)(const void *a, const void *b, void *context);

/* Files and what is in them are mostly in order already. */
static void sort_meters(const struct registry *registry, uint32_t *indexes, size_t n,
			order_fn order)
{
	size_t i = 1;

	while (i < n && order(&indexes[i - 1], &indexes[i], registry->meters) < 0)
		i++;
	if (i < n)
		qsort_r(indexes, n, sizeof *indexes, order, registry->meters);
}

static int by_meter_id(const void *a, const void *b, void *context)
{
	const struct registry_meter *meters = context;
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	int order = strcmp(meters[x].id, meters[y].id);

	return order != 0 ? order : (x > y) - (x < y);
}

static int by_register(const void *a, const void *b, void *context)
{
	const struct registry_meter *meters = context;
	const struct registry_meter *x = &meters[*(const uint32_t *)a];
	const struct registry_meter *y = &meters[*(const uint32_t *)b];
	int order = strcmp(x->device, y->device);

	if (order == 0)
		order = strcmp(x->quantity, y->quantity);
	if (order == 0)
		order = (x->lives[0].from_ms > y->lives[0].from_ms) -
			(x->lives[0].from_ms < y->lives[0].from_ms);
	return order != 0 ? order : (x > y) - (x < y);
}

static void index_meters(struct registry *registry)
{
	size_t n = registry->n_meters;

	registry->by_meter_id = xcalloc(n, sizeof *registry->by_meter_id);
	registry->by_device = xcalloc(n, sizeof *registry->by_device);
	for (uint32_t i = 0; i < n; i++) {
		const struct registry_meter *meter = &registry->meters[i];

		registry->by_meter_id[i] = i;
		if (meter->n_lives > 0 && meter->quantity != NULL)
			registry->by_device[registry->n_by_device++] = i;
	}
	sort_meters(registry, registry->by_meter_id, n, by_meter_id);
	sort_meters(registry, registry->by_device, registry->n_by_device, by_register);
}

static void find_regions(const struct registry *registry, struct registry_institution *it)
{
	struct registry_identity *list = it->identities;

	for (size_t i = 0; i < it->n_identities; i++)
		list[i].region = region_find(registry->regions, list[i].region_code,
					     strlen(list[i].region_code));
	it->region = list[it->n_identities - 1].region;
}

static void finish(struct registry_loader *loader, const struct conf_node *regions)
{
	struct registry *registry = loader->registry;
	struct conf_errors known = {0}; /* were reported when `listed` was made */

	registry->regions = region_tree_create(registry->arena, regions, loader->region_codes,
					       loader->n_region_codes, &known);
	conf_errors_fini(&known);
	for (size_t i = 0; i < registry->n_institutions + registry->n_sites; i++)
		find_regions(registry, &registry->institutions[i]);
	index_meters(registry);
	/* With a file missing, references to it would be reported as well. */
	if (loader->errors->count == loader->n_before) {
		registry_resolve_late(loader);
		registry_check_occupants(loader);
		registry_check_successors(loader);
		registry_build_structure(loader);
	}
	registry_check(loader);
}

static struct registry_memory *create_memory(const struct registry *before)
{
	struct registry_memory *memory = xcalloc(1, sizeof *memory);

	memory->references = 1;
	memory->arena = arena_create();
	if (before != NULL) {
		memory->before = before->memory;
		memory->depth = before->memory->depth + 1;
		(void)atomic_fetch_add(&before->memory->references, 1);
	}
	return memory;
}

/* Room for what is likely: a large array that grows is in memory twice. */
static void make_room(struct registry_loader *loader, const struct registry *before)
{
	struct registry *registry = loader->registry;

	loader->cap_meters = before->n_meters + before->n_meters / 16 + 16;
	registry->meters = xcalloc(loader->cap_meters, sizeof *registry->meters);
}

static void begin(struct registry_loader *loader, const struct registry *before, int64_t offset_ms,
		  struct conf_errors *errors)
{
	struct registry *registry = xcalloc(1, sizeof *registry);

	registry->memory = create_memory(before);
	registry->arena = registry->memory->arena;
	registry->references = 1;
	registry->offset_ms = offset_ms;
	*loader = (struct registry_loader){
		.registry = registry,
		.before = before,
		.arena = registry->arena,
		.errors = errors,
		.n_before = errors->count,
		.hash = FNV_START,
		.texts = xcalloc(REGISTRY_TEXT_SLOTS, sizeof(void *)),
	};
	if (before != NULL)
		make_room(loader, before);
}

static int end(struct registry_loader *loader, const struct conf_node *regions, const char *dir,
	       struct registry **out)
{
	finish(loader, regions);
	if (dir != NULL && loader->errors->count == loader->n_before) {
		registry_load_weather(loader, dir);
		registry_load_baselines(loader, dir);
	}
	loader->registry->version = (int64_t)loader->hash;
	free(loader->texts);
	free(loader->late);
	free(loader->region_codes);
	if (loader->errors->count > loader->n_before) {
		registry_release(loader->registry);
		return -EINVAL;
	}
	*out = loader->registry;
	return 0;
}

/* What changed files had before stays in memory: now and then all is read. */
static bool is_reusable(const struct registry *before, int64_t offset_ms)
{
	return before != NULL && before->offset_ms == offset_ms &&
	       before->memory->depth < REGISTRY_MAX_DEPTH;
}

int registry_load_with(struct registry **out, const struct registry_options *options,
		       struct conf_errors *errors)
{
	const struct registry *before =
		is_reusable(options->before, options->offset_ms) ? options->before : NULL;
	struct arena *temporary = arena_create();
	const struct conf_node *regions;
	struct registry_loader loader;
	int code;

	begin(&loader, before, options->offset_ms, errors);
	loader.cards = options->cards;
	regions = load_regions(&loader, temporary, options->dir, options->fallback_regions);
	loader.listed = region_tree_create(temporary, regions, NULL, 0, errors);
	load_institutions(&loader, options->dir);
	load_sites(&loader, options->dir);
	code = end(&loader, regions, options->dir, out);
	arena_destroy(temporary);
	return code;
}

int registry_reload(struct registry **out, const struct registry *before, const char *dir,
		    const char *fallback_regions, int64_t offset_ms, struct conf_errors *errors)
{
	const struct registry_options options = {dir, fallback_regions, offset_ms, before, NULL};

	return registry_load_with(out, &options, errors);
}

int registry_load(struct registry **out, const char *dir, const char *fallback_regions,
		  int64_t offset_ms, struct conf_errors *errors)
{
	return registry_reload(out, NULL, dir, fallback_regions, offset_ms, errors);
}

int registry_parse(struct registry **out, const char *file, const char *text, size_t len,
		   int64_t offset_ms, struct conf_errors *errors)
{
	struct arena *temporary = arena_create();
	const struct conf_node *root;
	struct registry_loader loader;
	int code;

	begin(&loader, NULL, offset_ms, errors);
	loader.listed = region_tree_create(temporary, NULL, NULL, 0, errors);
	if (conf_parse(temporary, file, text, len, &root, errors) == 0)
		build_holder(root, &loader);
	code = end(&loader, NULL, NULL, out);
	arena_destroy(temporary);
	return code;
}

void registry_print_reference(struct buf *out)
{
	buf_add_text(out, "# institutions/<id>.yaml\n");
	conf_print_reference(registry_institution_keys, out);
	buf_add_text(out, "\n# sites/<id>.yaml\n");
	conf_print_reference(registry_site_keys, out);
	buf_add_text(out, "\n# one item of a dated supply\n");
	conf_print_reference(registry_supply_keys, out);
	buf_add_text(out, "\n# one item of regions.yaml\n");
	conf_print_reference(region_keys, out);
	buf_add_text(out, "\n# baselines/<id>.yaml\n");
	conf_print_reference(registry_baseline_keys, out);
}
