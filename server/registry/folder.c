/* SPDX-License-Identifier: Apache-2.0 */
#include "server/registry/folder.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/file.h"
#include "common/fnv.h"

enum { MAX_FILE = 16 * 1024 * 1024 };

struct folder {
	struct arena *arena; /* NULL: one for each file */
	struct folder_visitor *visitor;
	uint64_t *hash;
	struct conf_errors *errors;
};

void folder_complain(struct conf_errors *errors, const char *path, const char *words)
{
	struct conf_node place = {.file = path, .line = 1, .column = 1};

	conf_error(errors, &place, NULL, "%s", words);
}

static const char *name_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

static void take_hash(uint64_t *hash, const struct folder_file *file)
{
	*hash = fnv_add(*hash, file->name, strlen(file->name) + 1);
	*hash = fnv_add(*hash, &file->hash, sizeof file->hash);
}

static int load(struct arena *arena, struct folder_file *file, const struct conf_node **root,
		struct conf_errors *errors)
{
	struct buf text = {0};
	int code = file_read(file->path, MAX_FILE, &text);

	if (code < 0) {
		folder_complain(errors, file->path, err_name(code));
	} else {
		file->hash = fnv_add(FNV_START, text.data, text.len);
		code = conf_parse(arena, file->path, text.data, text.len, root, errors);
	}
	buf_fini(&text);
	return code;
}

int folder_load(struct arena *arena, const char *path, const struct conf_node **root,
		uint64_t *hash, struct conf_errors *errors)
{
	struct folder_file file = {.path = path, .name = name_of(path)};
	int code = load(arena, &file, root, errors);

	if (code == 0)
		take_hash(hash, &file);
	return code;
}

static bool ends_with(const char *name, const char *end)
{
	size_t len = strlen(name), n = strlen(end);

	return len > n && strcmp(name + len - n, end) == 0;
}

static int is_not_hidden(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* By what stands before the ending: "a.yaml" before "a-b.yaml", as "a" before "a-b". */
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

static int64_t nanoseconds(const struct timespec *time)
{
	return (int64_t)time->tv_sec * 1000000000 + time->tv_nsec;
}

static void stamp_file(struct folder_file *file, const char *path, const struct stat *st)
{
	*file = (struct folder_file){
		.path = path,
		.name = name_of(path),
		.stamp = {(uint64_t)st->st_dev, (uint64_t)st->st_ino, (int64_t)st->st_size,
			  nanoseconds(&st->st_mtim), nanoseconds(&st->st_ctim)},
	};
}

static void take_file(struct folder *folder)
{
	struct folder_visitor *visitor = folder->visitor;
	struct arena *own = folder->arena == NULL ? arena_create() : NULL;
	const struct conf_node *root = NULL;

	if (visitor->is_known != NULL && visitor->is_known(&visitor->file, visitor->arg)) {
		take_hash(folder->hash, &visitor->file);
	} else if (load(own != NULL ? own : folder->arena, &visitor->file, &root, folder->errors) ==
		   0) {
		take_hash(folder->hash, &visitor->file);
		visitor->fn(root, visitor->arg);
	}
	arena_destroy(own);
}

static void take_entry(struct folder *folder, const char *dir, const char *name)
{
	char *path = xasprintf("%s/%s", dir, name);
	struct stat st;

	memset(&st, 0, sizeof st); /* a file that is not there complains when it is read */
	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
		folder_complain(folder->errors, path,
				"is a folder; the files stand together, none below another folder");
	} else if (ends_with(name, ".yaml")) {
		stamp_file(&folder->visitor->file, path, &st);
		take_file(folder);
	} else if (ends_with(name, ".yml")) {
		folder_complain(folder->errors, path, "the name must end in .yaml");
	}
	free(path);
}

void folder_visit(struct arena *arena, const char *dir, struct folder_visitor *visitor,
		  uint64_t *hash, struct conf_errors *errors)
{
	struct folder folder = {.arena = arena, .visitor = visitor, .errors = errors};
	struct dirent **entries = NULL;
	int n = scandir(dir, &entries, is_not_hidden, NULL);

	folder.hash = hash;
	if (n < 0)
		folder_complain(errors, dir, err_name(-errno));
	if (n > 0)
		qsort(entries, (size_t)n, sizeof(void *), by_stem);
	for (int i = 0; i < n; i++) {
		take_entry(&folder, dir, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
}

void folder_each(struct arena *arena, const char *dir, folder_file_fn fn, void *arg, uint64_t *hash,
		 struct conf_errors *errors)
{
	struct folder_visitor visitor = {.fn = fn, .arg = arg};

	folder_visit(arena, dir, &visitor, hash, errors);
}
