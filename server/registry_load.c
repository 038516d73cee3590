/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a registry's folder: regions first, then each institution's file by itself, then what
 * concerns all of them. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/registry_file.h"

enum { MAX_FILE = 16 * 1024 * 1024 };

/* ---- files ---- */

static void complain(struct conf_errors *errors, const char *path, const char *words)
{
	struct conf_node place = {.file = path, .line = 1, .column = 1};

	conf_error(errors, &place, NULL, "%s", words);
}

static int read_file(const char *path, struct buf *out)
{
	FILE *file = fopen(path, "re");
	char chunk[16 * 1024];
	size_t n;
	int code = 0;

	if (file == NULL)
		return -errno;
	while ((n = fread(chunk, 1, sizeof chunk, file)) > 0 && out->len <= MAX_FILE)
		buf_add(out, chunk, n);
	if (ferror(file))
		code = errno != 0 ? -errno : -EIO;
	(void)fclose(file); /* was only read */
	return code;
}

/* FNV-1a: no protection against anybody, but the same files give the same number everywhere. */
static uint64_t hash_bytes(uint64_t hash, const char *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		hash = (hash ^ (unsigned char)data[i]) * UINT64_C(1099511628211);
	return hash;
}

/* Reads and parses a file and takes its name and contents into the registry's version. */
static int load_file(struct registry_loader *loader, struct arena *arena, const char *path,
		     const struct conf_node **root)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash != NULL ? slash + 1 : path;
	uint64_t version = (uint64_t)loader->registry->version;
	struct buf text = {0};
	int code = read_file(path, &text);

	if (code < 0) {
		complain(loader->errors, path, err_name(code));
	} else {
		version = hash_bytes(version, name, strlen(name) + 1);
		version = hash_bytes(version, text.data, text.len);
		loader->registry->version = (int64_t)version;
		code = conf_parse(arena, path, text.data, text.len, root, loader->errors);
	}
	buf_fini(&text);
	return code;
}

/* ---- the folder ---- */

static bool ends_with(const char *name, const char *end)
{
	size_t len = strlen(name), n = strlen(end);

	return len > n && strcmp(name + len - n, end) == 0;
}

static int is_not_hidden(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* By the id that the name stands for: "a.yaml" before "a-b.yaml", as "a" before "a-b". */
static int by_stem(const void *a, const void *b)
{
	const char *x = (*(const struct dirent *const *)a)->d_name;
	const char *y = (*(const struct dirent *const *)b)->d_name;
	size_t len_x = strcspn(x, "."), len_y = strcspn(y, ".");
	int order = memcmp(x, y, len_x < len_y ? len_x : len_y);

	if (order != 0)
		return order;
	return len_x != len_y ? (len_x > len_y) - (len_x < len_y) : strcmp(x, y);
}

static void load_institution(struct registry_loader *loader, const char *path)
{
	struct arena *temporary = arena_create();
	const struct conf_node *root = NULL;
	struct file_institution file = {0};

	if (load_file(loader, temporary, path, &root) == 0 &&
	    conf_fill(temporary, root, registry_institution_keys, &file, loader->errors) == 0)
		registry_build(loader, temporary, &file);
	arena_destroy(temporary);
}

static void load_entry(struct registry_loader *loader, const char *folder,
		       const struct dirent *entry)
{
	char *path = xasprintf("%s/%s", folder, entry->d_name);
	struct stat st;

	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		complain(loader->errors, path,
			 "folders are not searched; the files of all institutions stand together");
	else if (ends_with(entry->d_name, ".yaml"))
		load_institution(loader, path);
	else if (ends_with(entry->d_name, ".yml"))
		complain(loader->errors, path, "the name must end in .yaml");
	free(path);
}

static void load_institutions(struct registry_loader *loader, const char *dir)
{
	char *folder = xasprintf("%s/institutions", dir);
	struct dirent **entries = NULL;
	int n = scandir(folder, &entries, is_not_hidden, NULL);

	if (n < 0)
		complain(loader->errors, folder, err_name(-errno));
	if (n > 0)
		qsort(entries, (size_t)n, sizeof(void *), by_stem);
	for (int i = 0; i < n; i++) {
		load_entry(loader, folder, entries[i]);
		free(entries[i]);
	}
	free(entries);
	free(folder);
}

static void refuse_sites(struct registry_loader *loader, const char *dir)
{
	char *path = xasprintf("%s/sites", dir);

	if (access(path, F_OK) == 0)
		complain(loader->errors, path, "sites are not supported by this version");
	free(path);
}

static const struct conf_node *load_regions(struct registry_loader *loader, struct arena *arena,
					    const char *dir, const char *fallback)
{
	char *own = xasprintf("%s/regions.yaml", dir);
	const char *path = access(own, F_OK) == 0 ? own : fallback;
	const struct conf_node *root = NULL;

	if (path != NULL)
		(void)load_file(loader, arena, path, &root);
	free(own);
	return root;
}

/* ---- what comes out of all files ---- */

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
	if (n > 0)
		qsort_r(registry->by_meter_id, n, sizeof(uint32_t), by_meter_id, registry->meters);
	if (registry->n_by_device > 0)
		qsort_r(registry->by_device, registry->n_by_device, sizeof(uint32_t), by_register,
			registry->meters);
}

static void finish(struct registry_loader *loader, const struct conf_node *regions)
{
	struct registry *registry = loader->registry;
	struct conf_errors known = {0}; /* were reported when `listed` was made */

	registry->regions = region_tree_create(registry->arena, regions, loader->region_codes,
					       registry->n_institutions, &known);
	conf_errors_fini(&known);
	for (size_t i = 0; i < registry->n_institutions && loader->region_codes != NULL; i++)
		registry->institutions[i].region =
			region_find(registry->regions, loader->region_codes[i],
				    strlen(loader->region_codes[i]));
	index_meters(registry);
	/* With a file missing, references to it would be reported as well. */
	if (loader->errors->count == loader->n_before)
		registry_resolve_late(loader);
	registry_check(loader);
}

int registry_load(struct registry **out, const char *dir, const char *fallback_regions,
		  int64_t offset_ms, struct conf_errors *errors)
{
	struct arena *temporary = arena_create();
	struct registry *registry = xcalloc(1, sizeof *registry);
	struct registry_loader loader = {
		.registry = registry, .errors = errors, .n_before = errors->count};
	const struct conf_node *regions;

	registry->arena = loader.arena = arena_create();
	registry->references = 1;
	registry->offset_ms = offset_ms;
	registry->version = (int64_t)UINT64_C(14695981039346656037);
	loader.texts = xcalloc(REGISTRY_TEXT_SLOTS, sizeof(void *));
	regions = load_regions(&loader, temporary, dir, fallback_regions);
	loader.listed = region_tree_create(temporary, regions, NULL, 0, errors);
	refuse_sites(&loader, dir);
	load_institutions(&loader, dir);
	finish(&loader, regions);
	free(loader.texts);
	free(loader.late);
	free(loader.region_codes);
	arena_destroy(temporary);
	if (errors->count > loader.n_before) {
		registry_release(registry);
		return -EINVAL;
	}
	*out = registry;
	return 0;
}
