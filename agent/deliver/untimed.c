/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/deliver/untimed.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/fnv.h"
#include "common/log.h"
#include "common/mem.h"

enum { BOOT_ID_MAX = 64, SUM_LEN = 16, STAMP_MAX = 24 };

/* The first line is the id of the machine's start; then come telemetry lines, each behind its check
 * sum and a space. */
struct untimed {
	char *path;
	int64_t max_bytes, bytes, n_lines, n_lost;
	int64_t n_damaged; /* found since reading began */
	int fd;            /* for appending; -1: there is no file */
	FILE *reader;      /* while they are read back; NULL: not */
	char *line;
	size_t line_cap;
};

static void read_boot_id(char id[BOOT_ID_MAX])
{
	FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");

	/* Without one, nothing can be told from an earlier start. */
	(void)snprintf(id, BOOT_ID_MAX, "unknown\n");
	if (file != NULL && fgets(id, BOOT_ID_MAX, file) == NULL)
		(void)snprintf(id, BOOT_ID_MAX, "unknown\n");
	if (file != NULL)
		(void)fclose(file); /* only read */
}

static int fail(const struct untimed *u, struct err *err)
{
	int code = -errno;

	return err_set(err, code, "%s: %s", u->path, err_name(code));
}

/* ---- what an earlier process has left ---- */

static int open_reader(struct untimed *u, struct err *err)
{
	if (u->reader != NULL)
		return 0;
	u->reader = fopen(u->path, "re");
	if (u->reader == NULL)
		return fail(u, err);
	if (getline(&u->line, &u->line_cap, u->reader) < 0)
		return fail(u, err);
	return 0;
}

/* Half a line at the end was being written when the process was killed: it was never confirmed, and
 * goes. False: the lines are of an earlier start of the machine. */
static bool take_over(struct untimed *u)
{
	char id[BOOT_ID_MAX];
	bool is_same;
	ssize_t len;

	read_boot_id(id);
	is_same = open_reader(u, NULL) == 0 && strcmp(u->line, id) == 0;
	u->bytes = u->reader != NULL ? ftello(u->reader) : 0;
	while (u->reader != NULL && (len = getline(&u->line, &u->line_cap, u->reader)) > 0) {
		if (u->line[len - 1] == '\n') {
			u->bytes += len;
			u->n_lines++;
		} else if (ftruncate(u->fd, u->bytes) != 0) {
			is_same = false; /* the next line would be spoilt: begin anew */
		}
	}
	untimed_rewind(u);
	return is_same;
}

int untimed_open(struct untimed **out, const char *spool_path, int64_t max_bytes, struct err *err)
{
	struct untimed *u = xcalloc(1, sizeof *u);

	u->path = xasprintf("%s.untimed", spool_path);
	u->max_bytes = max_bytes;
	u->fd = open(u->path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW);
	if (u->fd < 0 && errno != ENOENT) {
		int code = fail(u, err);

		untimed_close(u);
		return code;
	}
	if (u->fd >= 0 && !take_over(u)) {
		int64_t n_lost = u->n_lines;

		if (n_lost > 0)
			log_warn("untimed",
				 "%lld readings from before the machine started anew have no time: "
				 "the "
				 "clock was never right while they were read",
				 (long long)n_lost);
		untimed_empty(u);
		u->n_lost = n_lost;
	}
	*out = u;
	return 0;
}

void untimed_close(struct untimed *u)
{
	if (u == NULL)
		return;
	untimed_rewind(u);
	if (u->fd >= 0)
		(void)close(u->fd); /* each line was synced */
	free(u->line);
	free(u->path);
	free(u);
}

/* ---- in ---- */

static int write_all(struct untimed *u, const char *data, size_t len, struct err *err)
{
	while (len > 0) {
		ssize_t n = write(u->fd, data, len);

		if (n < 0 && errno != EINTR)
			return fail(u, err);
		data += n > 0 ? n : 0;
		len -= n > 0 ? (size_t)n : 0;
	}
	return 0;
}

static int create(struct untimed *u, struct err *err)
{
	char id[BOOT_ID_MAX];

	if (u->fd >= 0)
		return 0;
	u->fd = open(u->path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NOFOLLOW,
		     0600);
	if (u->fd < 0)
		return fail(u, err);
	read_boot_id(id);
	u->bytes = (int64_t)strlen(id);
	return write_all(u, id, strlen(id), err);
}

static uint64_t sum_of(const char *line, size_t len)
{
	return fnv_add(FNV_START, line, len);
}

static void add_sums(struct buf *out, const struct buf *lines)
{
	const char *at = lines->data, *end = lines->data + lines->len;

	while (at < end) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		size_t len = (size_t)((newline != NULL ? newline + 1 : end) - at);

		buf_printf(out, "%016" PRIx64 " ", sum_of(at, len));
		buf_add(out, at, len);
		at += len;
	}
}

static int write_lines(struct untimed *u, const struct buf *lines, struct err *err)
{
	int r = u->bytes + (int64_t)lines->len <= u->max_bytes
			? create(u, err)
			: err_set(err, -ENOSPC, "%s has its full size", u->path);

	if (r == 0)
		r = write_all(u, lines->data, lines->len, err);
	if (r == 0 && fdatasync(u->fd) != 0)
		r = fail(u, err);
	if (r == 0)
		u->bytes += (int64_t)lines->len;
	return r;
}

int untimed_add(struct untimed *u, const struct buf *lines, int64_t n_lines, struct err *err)
{
	struct buf with_sums = {0};
	int r;

	add_sums(&with_sums, lines);
	r = write_lines(u, &with_sums, err);
	buf_fini(&with_sums);
	if (r == 0) {
		u->n_lines += n_lines;
		return 0;
	}
	u->n_lost += n_lines;
	/* A part of a line would spoil the next one. */
	if (u->fd >= 0 && ftruncate(u->fd, u->bytes) != 0)
		u->n_lost += 1;
	return r;
}

int64_t untimed_lines(const struct untimed *u)
{
	return u->n_lines;
}

int64_t untimed_lost(const struct untimed *u)
{
	return u->n_lost + u->n_damaged;
}

/* ---- out ---- */

static bool is_whole(const char *stored, size_t len)
{
	char sum[SUM_LEN + 2];

	if (len <= SUM_LEN + 1 || stored[len - 1] != '\n')
		return false;
	(void)snprintf(sum, sizeof sum, "%016" PRIx64 " ",
		       sum_of(stored + SUM_LEN + 1, len - SUM_LEN - 1));
	return memcmp(stored, sum, SUM_LEN + 1) == 0;
}

/* Moves the time stamp at the line's end. False: the line is damaged. */
static bool add_line(struct untimed_chunk *out, const char *line, size_t len, int64_t offset_ms)
{
	const char *space = memrchr(line, ' ', len);
	char *end;
	int64_t time_ms;

	if (space == NULL)
		return false;
	errno = 0;
	time_ms = strtoll(space + 1, &end, 10);
	if (end == space + 1 || *end != '\n' || errno != 0 ||
	    __builtin_add_overflow(time_ms, offset_ms, &time_ms))
		return false;
	buf_add(&out->lines, line, (size_t)(space + 1 - line));
	buf_add_int(&out->lines, time_ms);
	buf_add_char(&out->lines, '\n');
	out->n_lines++;
	if (time_ms > out->newest_ms)
		out->newest_ms = time_ms;
	return true;
}

int untimed_next(struct untimed *u, int64_t offset_ms, size_t max_bytes, struct untimed_chunk *out,
		 struct err *err)
{
	int r = u->fd >= 0 ? open_reader(u, err) : 0;

	buf_clear(&out->lines);
	out->n_lines = out->newest_ms = 0;
	while (r == 0 && u->reader != NULL) {
		off_t at = ftello(u->reader);
		ssize_t len = getline(&u->line, &u->line_cap, u->reader);

		if (len <= 0)
			break;
		if (out->n_lines > 0 && out->lines.len + (size_t)len + STAMP_MAX > max_bytes)
			return fseeko(u->reader, at, SEEK_SET) == 0 ? 0 : fail(u, err);
		if (!is_whole(u->line, (size_t)len) ||
		    !add_line(out, u->line + SUM_LEN + 1, (size_t)len - SUM_LEN - 1, offset_ms))
			u->n_damaged++;
	}
	return r;
}

void untimed_rewind(struct untimed *u)
{
	if (u->reader != NULL)
		(void)fclose(u->reader); /* only read */
	u->reader = NULL;
	u->n_damaged = 0;
}

void untimed_empty(struct untimed *u)
{
	untimed_rewind(u);
	if (u->fd >= 0)
		(void)close(u->fd); /* nothing is needed of it any more */
	u->fd = -1;
	(void)unlink(u->path); /* if it stays, its readings go out twice: that does no harm */
	u->bytes = u->n_lines = u->n_lost = 0;
}
