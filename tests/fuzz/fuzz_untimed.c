/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever an earlier process has left in the file of readings without a time: each line of it goes
 * out whole and dated, or counts as lost; and a line that is added afterwards goes out as it was.
 * Input: a choice, then the file behind the id of this start of the machine; with an odd choice the
 * input's lines get right check sums, which no search would find. */
#include <assert.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/deliver/untimed.h"
#include "common/log.h"

enum { CHUNK = 200 };

static const char added[] = "reading,meter=z x_w=9 77\n", dated[] = "reading,meter=z x_w=9 1077\n";
static char folder[64], spool[80], path[100];

static struct untimed *open_it(void)
{
	struct untimed *untimed;
	struct err err;

	assert(untimed_open(&untimed, spool, 1 << 20, &err) == 0);
	return untimed;
}

static void add(struct untimed *untimed, const char *text, size_t len)
{
	struct buf lines = {0};
	struct err err;

	buf_add(&lines, text, len);
	assert(untimed_add(untimed, &lines, 1, &err) == 0);
	buf_fini(&lines);
}

/* A file of this start, with the input's lines or bytes behind it. */
static void prepare(const uint8_t *data, size_t size, bool has_sums)
{
	struct untimed *untimed = open_it();

	add(untimed, added, strlen(added));
	while (has_sums && size > 0) {
		const uint8_t *newline = memchr(data, '\n', size);
		size_t len = newline != NULL ? (size_t)(newline + 1 - data) : size;

		if (newline != NULL)
			add(untimed, (const char *)data, len);
		data += len;
		size -= len;
	}
	untimed_close(untimed);
	if (size > 0) {
		int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);

		assert(fd >= 0 && write(fd, data, size) == (ssize_t)size);
		assert(close(fd) == 0);
	}
}

static void check_chunk(const struct untimed_chunk *chunk)
{
	int64_t n = 0;

	for (size_t i = 0; i < chunk->lines.len; i++)
		n += chunk->lines.data[i] == '\n';
	assert(n == chunk->n_lines && chunk->lines.data[chunk->lines.len - 1] == '\n');
	assert(chunk->n_lines == 1 || chunk->lines.len <= CHUNK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct untimed_chunk chunk = {.n_lines = 0};
	struct untimed *untimed;
	int64_t n_out = 0;
	bool has_added = false;
	struct err err;

	if (size == 0)
		return 0;
	log_set_level(LOG_ERROR);
	(void)snprintf(folder, sizeof folder, "%s/nenghao-fuzz-untimed-XXXXXX",
		       access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	assert(mkdtemp(folder) != NULL);
	(void)snprintf(spool, sizeof spool, "%s/spool.db", folder);
	(void)snprintf(path, sizeof path, "%s.untimed", spool);
	prepare(data + 1, size - 1, data[0] % 2 == 1);
	untimed = open_it();
	add(untimed, added, strlen(added));
	while (untimed_next(untimed, 1000, CHUNK, &chunk, &err) == 0 && chunk.n_lines > 0) {
		check_chunk(&chunk);
		n_out += chunk.n_lines;
		has_added = chunk.lines.len >= strlen(dated) &&
			    strcmp(chunk.lines.data + chunk.lines.len - strlen(dated), dated) == 0;
	}
	assert(has_added && n_out >= 2);
	assert(n_out + untimed_lost(untimed) == untimed_lines(untimed));
	untimed_empty(untimed);
	assert(access(path, F_OK) != 0);
	untimed_close(untimed);
	buf_fini(&chunk.lines);
	(void)rmdir(folder);
	return 0;
}
