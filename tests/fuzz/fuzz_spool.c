/* SPDX-License-Identifier: Apache-2.0 */
/* Property: whatever stands in the spool file, the agent opens a spool, a batch that is appended
 * can be read again, and what waits is either its own text or a gap line. The input is a list of
 * changes to a whole file: two bytes of offset, one byte of value, again and again. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/deliver/spool.h"

enum { T0 = 1000000, CHANGES_MAX = 64 };

static const struct spool_limits limits = {1 << 20, INT32_MAX, INT32_MAX};
static char folder[64], path[80], pattern[80];

static void clean(void)
{
	glob_t files;

	if (glob(pattern, 0, NULL, &files) != 0)
		return;
	for (size_t i = 0; i < files.gl_pathc; i++)
		(void)unlink(files.gl_pathv[i]);
	globfree(&files);
}

static void append(struct spool *spool)
{
	struct spool_entry entry = {"batch 1\n", 8, 1, T0};
	struct buf body = {0};
	struct err err;
	int r = spool_append(spool, &entry, 1, T0, &err);

	if (r == -EUCLEAN) {
		assert(spool_recover(spool, T0, &err) == 0);
		r = spool_append(spool, &entry, 1, T0, &err);
	}
	assert(r == 0);
	r = spool_read(spool, spool_state(spool)->last, &body, &entry, &err);
	assert(r == -EUCLEAN || (r == 0 && strcmp(body.data, "batch 1\n") == 0));
	buf_fini(&body);
}

/* A whole file is made once and copied: committing it each time would cost a disk's time. */
static void write_whole_file(void)
{
	static char image[16 * 4096];
	static size_t len;
	struct spool *spool;
	struct err err;
	FILE *file;

	if (len == 0) {
		assert(spool_open(&spool, path, &limits, T0, &err) == 0);
		for (int i = 0; i < 4; i++)
			append(spool);
		spool_mark(spool, 1, T0);
		spool_close(spool);
		file = fopen(path, "r");
		assert(file != NULL);
		len = fread(image, 1, sizeof image, file);
		assert(len > 0 && fclose(file) == 0);
	}
	file = fopen(path, "w");
	assert(file != NULL);
	assert(fwrite(image, 1, len, file) == len && fclose(file) == 0);
}

static void damage(const uint8_t *data, size_t size)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	assert(fd >= 0);
	for (size_t i = 0; i + 2 < size && i < (size_t)3 * CHANGES_MAX; i += 3) {
		off_t at = (data[i] << 8 | data[i + 1]) % (3 * 4096);

		assert(pwrite(fd, data + i + 2, 1, at) == 1);
	}
	assert(close(fd) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct spool *spool;
	struct err err;

	if (folder[0] == '\0') {
		/* In memory where there is such a place. */
		(void)snprintf(folder, sizeof folder, "%s/nenghao-fuzz-spool-XXXXXX",
			       access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
		assert(mkdtemp(folder) != NULL);
		(void)snprintf(path, sizeof path, "%s/spool.db", folder);
		(void)snprintf(pattern, sizeof pattern, "%s/*", folder);
	}
	clean();
	write_whole_file();
	damage(data, size);
	assert(spool_open(&spool, path, &limits, T0, &err) == 0);
	for (int64_t id = spool_state(spool)->done + 1; id <= spool_state(spool)->last; id++) {
		struct buf body = {0};
		struct spool_entry entry;
		int r = spool_read(spool, id, &body, &entry, &err);

		assert(r == -EUCLEAN || (r == 0 && (strcmp(body.data, "batch 1\n") == 0 ||
						    strncmp(body.data, "gap ", 4) == 0)));
		buf_fini(&body);
		if (r == -EUCLEAN)
			break;
	}
	append(spool);
	spool_close(spool);
	clean();
	(void)rmdir(folder);
	folder[0] = '\0';
	return 0;
}
