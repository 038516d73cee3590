/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/commission/probe_state.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/fnv.h"
#include "common/json_writer.h"
#include "common/mem.h"

enum { FILE_MAX = 4 * 1024 * 1024 };

char *probe_state_path(const char *key)
{
	/* Nobody changes the environment. NOLINTNEXTLINE(concurrency-mt-unsafe) */
	const char *folder = getenv("XDG_RUNTIME_DIR");
	uint64_t digest = fnv_add(FNV_START, key, strlen(key));

	return xasprintf("%s/nenghao-probe-%u-%016llx.json",
			 folder != NULL && *folder == '/' ? folder : "/tmp", (unsigned)geteuid(),
			 (unsigned long long)digest);
}

/* /tmp is everybody's: a link or a file that somebody else put there is not touched. */
static int open_own(const char *path, int flags, struct err *err)
{
	int fd = open(path, flags | O_NOFOLLOW | O_CLOEXEC, 0600), code;
	struct stat st;

	if (fd < 0)
		return err_set(err, -errno, "%s: %s", path, err_name(-errno));
	code = fstat(fd, &st) == 0 ? 0 : -errno;
	if (code == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid() && st.st_nlink == 1 &&
	    (st.st_mode & 077) == 0)
		return fd;
	(void)close(fd); /* nothing was written */
	return err_set(err, code != 0 ? code : -EPERM, "%s does not belong to this user alone",
		       path);
}

static void write_candidate(struct json_writer *json, const struct candidate *c)
{
	json_begin_object(json, NULL);
	json_add_int(json, "function", c->function);
	json_add_int(json, "address", c->address);
	json_add_string(json, "type", candidate_type_name(c->type));
	json_add_bool(json, "low_first", c->is_low_first);
	json_add_int(json, "numerator", c->scale.numerator);
	json_add_int(json, "denominator", c->scale.denominator);
	json_add_int(json, "penalty", c->penalty);
	json_end_object(json);
}

int probe_state_save(const char *path, const struct candidate *candidates, size_t n,
		     struct err *err)
{
	struct buf out = {0};
	struct json_writer json = {.out = &out};
	int fd = open_own(path, O_WRONLY | O_CREAT, err), r = 0;

	if (fd < 0)
		return fd;
	json_begin_array(&json, NULL);
	for (size_t i = 0; i < n; i++)
		write_candidate(&json, &candidates[i]);
	json_end_array(&json);
	if (ftruncate(fd, 0) != 0 || write(fd, out.data, out.len) != (ssize_t)out.len)
		r = err_set(err, errno > 0 ? -errno : -EIO, "%s cannot be written", path);
	if (close(fd) != 0 && r == 0)
		r = err_set(err, -errno, "%s cannot be written", path);
	buf_fini(&out);
	return r;
}

static int read_all(const char *path, struct buf *out, struct err *err)
{
	char chunk[4096];
	ssize_t n;
	int fd = open_own(path, O_RDONLY, err);

	if (fd < 0)
		return fd;
	while ((n = read(fd, chunk, sizeof chunk)) > 0 && out->len < FILE_MAX)
		buf_add(out, chunk, (size_t)n);
	(void)close(fd); /* was only read */
	return n == 0 ? 0 : err_set(err, -EIO, "%s cannot be read", path);
}

static int64_t get(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

/* False: not one of ours. */
static bool parse_candidate(const json_t *object, struct candidate *out)
{
	const char *name = json_string_value(json_object_get(object, "type"));
	int type = name != NULL ? candidate_type_of(name) : -1;
	int64_t function = get(object, "function"), address = get(object, "address");

	if (type < 0 || function < 3 || function > 4 || address < 0 || address > 65532 ||
	    get(object, "numerator") < 1 || get(object, "denominator") < 1)
		return false;
	*out = (struct candidate){
		.function = (uint8_t)function,
		.address = (uint16_t)address,
		.type = (enum profile_type)type,
		.is_low_first = json_is_true(json_object_get(object, "low_first")),
		.scale = {get(object, "numerator"), get(object, "denominator")},
		.penalty = (int)get(object, "penalty"),
	};
	return true;
}

int probe_state_load(const char *path, struct candidate **out, size_t *n, struct err *err)
{
	struct buf text = {0};
	json_t *root = NULL;
	int r = read_all(path, &text, err);

	if (r == 0) {
		root = json_loadb(text.data != NULL ? text.data : "", text.len, 0, NULL);
		r = json_is_array(root) ? 0 : err_set(err, -EPROTO, "%s is damaged", path);
	}
	if (r == 0) {
		struct candidate *items = xcalloc(json_array_size(root) + 1, sizeof *items);

		*n = 0;
		for (size_t i = 0; i < json_array_size(root); i++)
			*n += parse_candidate(json_array_get(root, i), &items[*n]);
		*out = items;
	}
	json_decref(root);
	buf_fini(&text);
	return r;
}
