/* SPDX-License-Identifier: Apache-2.0 */
/* A profile's file: its keys, and what holds for the device as a whole. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/profile/profile_internal.h"
#include "common/fnv.h"
#include "common/quantity.h"

/* "sentinels: {u16: 0xFFFF, i32: [0x7FFFFFFF, 0x80000000]}" */
static void read_type_sentinels(struct builder *b)
{
	static const struct profile_sentinel none_counted = {0, UINT64_MAX};
	const struct conf_node *map = b->raw->sentinels;
	const char *const *names = profile_type_names + 1;
	char hint[96];

	b->absent[PROFILE_ACC32] = &none_counted;
	b->n_absent[PROFILE_ACC32] = 1;
	if (map == NULL)
		return;
	if (map->shape != CONF_IS_MAP) {
		conf_error(b->errors, map, NULL, "must be a map of types: {u16: 0xFFFF}");
		return;
	}
	for (const struct conf_node *item = map->first; item != NULL; item = item->next) {
		size_t type = 0;

		while (type <= PROFILE_BIT && strcmp(names[type], item->key) != 0)
			type++;
		if (type > PROFILE_BIT)
			conf_error(b->errors, item, NULL, "is not a type%s",
				   conf_nearest(item->key, names, PROFILE_BIT + 1, hint));
		else
			(void)profile_read_sentinels(b, item, &b->absent[type], &b->n_absent[type]);
	}
}

static void copy_tests(struct builder *b)
{
	const struct raw_test *raw = b->raw->tests.items;
	struct profile *profile = b->profile;

	profile->n_tests = b->raw->tests.count;
	profile->tests = arena_alloc(b->arena, (profile->n_tests + 1) * sizeof *profile->tests);
	for (size_t i = 0; i < profile->n_tests; i++)
		profile->tests[i] = (struct profile_test){
			.node = raw[i].node,
			.name = raw[i].name,
			.channel = (uint16_t)raw[i].channel,
			.frames = raw[i].frames.items,
			.n_frames = raw[i].frames.count,
			.values = raw[i].values,
			.absent = raw[i].absent,
		};
}

static void copy_settings(struct profile_file *file)
{
	struct profile *profile = &file->profile;

	profile->confidence = profile_confidences[file->confidence];
	profile->side = (enum profile_side)file->raw.side;
	profile->baud = file->serial.baud;
	profile->stop_bits = file->serial.stop_bits;
	profile->unit = file->serial.unit;
	profile->parity = file->serial.parity > 0 ? *profile_parities[file->serial.parity] : 0;
	profile->connect_delay_ms = file->tcp.connect_delay_ms;
	profile->max_registers = file->limits.max_registers;
	profile->pause_ms = file->limits.pause_ms;
	profile->renewed_ms = file->limits.renewed_ms;
	profile->is_even = file->limits.is_even;
	profile->is_gap_readable = file->raw.gaps == 1;
}

static void build(struct profile_file *file, struct arena *arena, struct conf_errors *errors)
{
	struct builder b = {
		.arena = arena, .errors = errors, .profile = &file->profile, .raw = &file->raw};

	copy_settings(file);
	if (!quantity_name_is_valid(file->profile.id, strlen(file->profile.id)))
		conf_error(errors, file->raw.node, "id", "must be [a-z0-9_], a letter first");
	if (file->raw.readable != NULL)
		(void)profile_read_ranges(&b, file->raw.readable, &file->profile.readable,
					  &file->profile.n_readable);
	if (file->raw.forbidden != NULL)
		(void)profile_read_ranges(&b, file->raw.forbidden, &file->profile.forbidden,
					  &file->profile.n_forbidden);
	read_type_sentinels(&b);
	profile_build_points(&b);
	profile_set_limits(&b);
	profile_build_identity(&b);
	copy_tests(&b);
}

static uint64_t digest_of(const struct conf_node *root)
{
	uint64_t digest;
	struct buf text = {0};

	conf_print_node(root, &text);
	digest = fnv_add(FNV_START, text.data, text.len);
	buf_fini(&text);
	return digest;
}

static const char *file_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

/* Models are looked for by the name of their file. */
static bool is_file_of(const struct profile *profile)
{
	const char *name = file_name(profile->path);
	size_t len = strlen(profile->id);

	return strncmp(name, profile->id, len) == 0 && strcmp(name + len, ".yaml") == 0;
}

static int finish(struct profile **out, struct arena *arena, const char *path,
		  const struct conf_node *root, struct conf_errors *errors)
{
	struct profile_file *file = arena_alloc(arena, sizeof *file);
	size_t n_before = errors->count;

	file->profile.arena = arena;
	file->profile.path = arena_strndup(arena, path, strlen(path));
	if (conf_fill(arena, root, profile_file_keys, file, errors) == 0)
		build(file, arena, errors);
	if (errors->count != n_before) {
		arena_destroy(arena);
		return -EINVAL;
	}
	file->profile.digest = digest_of(root);
	*out = &file->profile;
	return 0;
}

int profile_parse(struct profile **out, const char *path, const char *text, size_t len,
		  struct conf_errors *errors)
{
	struct arena *arena = arena_create();
	const struct conf_node *root;
	int code = conf_parse(arena, path, text, len, &root, errors);

	if (code != 0) {
		arena_destroy(arena);
		return code;
	}
	return finish(out, arena, path, root, errors);
}

int profile_load(struct profile **out, const char *path, struct conf_errors *errors)
{
	struct arena *arena = arena_create();
	const struct conf_node *root;
	struct profile *profile = NULL;
	int code = conf_load(arena, path, &root, errors);

	if (code != 0) {
		arena_destroy(arena);
		return code;
	}
	code = finish(&profile, arena, path, root, errors);
	if (code == 0 && !is_file_of(profile)) {
		conf_error(errors, root, "id", "must be the file's name, %.*s",
			   (int)strcspn(file_name(path), "."), file_name(path));
		profile_destroy(profile);
		return -EINVAL;
	}
	if (code == 0)
		*out = profile;
	return code;
}
