/* SPDX-License-Identifier: Apache-2.0 */
/* scratch.h - a temporary folder with a few files in it, for tests. */
#ifndef TESTS_UNIT_SCRATCH_H
#define TESTS_UNIT_SCRATCH_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/mem.h"

struct scratch {
	char folder[64];
};

static inline void scratch_init(struct scratch *scratch)
{
	memcpy(scratch->folder, "/tmp/nenghao-test-XXXXXX", 25);
	assert_non_null(mkdtemp(scratch->folder));
}

/* Writes a file; a folder in its name is made. */
static inline void scratch_write(const struct scratch *scratch, const char *name, const char *text)
{
	char *path = xasprintf("%s/%s", scratch->folder, name);
	char *slash = strrchr(path, '/');
	FILE *file;

	*slash = '\0';
	(void)mkdir(path, 0700); /* may be there already */
	*slash = '/';
	file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
	free(path);
}

static inline int scratch_remove_entry(const char *path, const struct stat *st, int kind,
				       struct FTW *walk)
{
	(void)st;
	(void)kind;
	(void)walk;
	return remove(path);
}

static inline void scratch_fini(struct scratch *scratch)
{
	assert_int_equal(nftw(scratch->folder, scratch_remove_entry, 8, FTW_DEPTH | FTW_PHYS), 0);
}

#endif
