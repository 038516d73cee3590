/* SPDX-License-Identifier: Apache-2.0 */
#include "common/gzip.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <zlib.h>

#include "common/mem.h"

void gzip_pack(const void *data, size_t len, struct buf *out)
{
	uLongf packed_len = compressBound(len);
	unsigned char *packed = xcalloc(packed_len, 1);
	int rc = compress2(packed, &packed_len, data, len, Z_BEST_SPEED);

	assert(rc == Z_OK); /* there was room enough */
	buf_add(out, packed, packed_len);
	free(packed);
}

int gzip_unpack(const void *data, size_t len, size_t len_unpacked, struct buf *out)
{
	unsigned char *bytes = xcalloc(len_unpacked + 1, 1);
	uLongf n = len_unpacked + 1;
	int rc = uncompress(bytes, &n, data, len);

	if (rc == Z_OK && n == len_unpacked)
		buf_add(out, bytes, n);
	free(bytes);
	return rc == Z_OK && n == len_unpacked ? 0 : -EINVAL;
}
