/* SPDX-License-Identifier: Apache-2.0 */
/* folder.h - the YAML files of a folder, in the order of their names. */
#ifndef SERVER_FOLDER_H
#define SERVER_FOLDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/conf.h"

typedef void (*folder_file_fn)(const struct conf_node *root, void *arg);

/* Parses a file and takes its name (without folders) and contents into the hash (FNV-1a, 64 bits:
 * the same files give the same number everywhere). 0, or -errno with the reason in errors. */
int folder_load(struct arena *arena, const char *path, const struct conf_node **root,
		uint64_t *hash, struct conf_errors *errors);

/* What tells a file that was changed from one that was not, without reading it. */
struct folder_stamp {
	uint64_t device, inode;
	int64_t size, modified_ns, changed_ns; /* contents; contents or attributes */
};

struct folder_file {
	const char *path, *name; /* name: the last part of the path */
	struct folder_stamp stamp;
	uint64_t hash; /* of its contents */
};

struct folder_visitor {
	folder_file_fn fn;
	/* True: what is in the file is known already, with this stamp. It sets file->hash, and the
	 * file is not read. May be NULL. */
	bool (*is_known)(struct folder_file *file, void *arg);
	void *arg;
	struct folder_file file; /* the one at hand */
};

/* Calls fn with the root of each *.yaml. Names that begin with '.' or end otherwise are passed
 * over; *.yml and folders are mistakes, since somebody meant something by them. With arena NULL a
 * file's nodes live only until fn returns. */
void folder_each(struct arena *arena, const char *dir, folder_file_fn fn, void *arg, uint64_t *hash,
		 struct conf_errors *errors);
/* The same, passing over files that are known. */
void folder_visit(struct arena *arena, const char *dir, struct folder_visitor *visitor,
		  uint64_t *hash, struct conf_errors *errors);

/* A mistake of a file or folder as a whole. */
void folder_complain(struct conf_errors *errors, const char *path, const char *words);

#endif
