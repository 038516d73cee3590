/* SPDX-License-Identifier: Apache-2.0 */
#include "common/file.h"

#include <errno.h>
#include <stdio.h>

int file_read(const char *path, size_t max, struct buf *out)
{
	FILE *file = fopen(path, "re");
	size_t n, before = out->len;
	char block[16 * 1024];
	int rc = 0;

	if (file == NULL)
		return -errno;
	while (out->len - before <= max && (n = fread(block, 1, sizeof block, file)) > 0)
		buf_add(out, block, n);
	if (ferror(file) != 0)
		rc = errno != 0 ? -errno : -EIO; /* a folder, for one */
	else if (out->len - before > max)
		rc = -EFBIG;
	(void)fclose(file); /* was only read */
	if (rc < 0)
		buf_cut(out, before);
	return rc;
}
