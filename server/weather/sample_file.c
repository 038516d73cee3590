/* SPDX-License-Identifier: Apache-2.0 */
#include "server/weather/sample_file.h"

#include <errno.h>

#include "common/file.h"
#include "common/gzip.h"

enum { FILE_MAX = 64 * 1024 * 1024 };

static bool is_gzip(const struct buf *buf)
{
	return buf->len >= 2 && buf->data[0] == '\x1f' && buf->data[1] == '\x8b';
}

int sample_file_read(const char *path, struct buf *out, struct err *err)
{
	struct buf raw = {0};
	int rc = file_read(path, FILE_MAX, &raw);

	if (rc == 0 && is_gzip(&raw))
		rc = gzip_unpack_file(raw.data, raw.len, FILE_MAX, out);
	else if (rc == 0)
		buf_add(out, raw.data, raw.len);
	buf_fini(&raw);
	if (rc == -EFBIG)
		return err_set(err, rc, "%s: has more than 64 MiB", path);
	if (rc == -EINVAL)
		return err_set(err, rc, "%s: is damaged or cut short (gzip)", path);
	return rc < 0 ? err_set(err, rc, "%s: %s", path, err_name(rc)) : 0;
}

int sample_file_load(const char *path, int64_t offset_ms, const struct sample_limits *limits,
		     struct sample_csv *out, struct err *err)
{
	struct buf text = {0};
	int rc = sample_file_read(path, &text, err);

	if (rc < 0)
		return rc;
	rc = sample_csv_parse(text.data != NULL ? text.data : "", text.len, offset_ms, limits, out,
			      err);
	buf_fini(&text);
	return rc < 0 ? err_prefix(err, rc, "%s", path) : 0;
}
