/* SPDX-License-Identifier: Apache-2.0 */
#include "common/gzip.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#define ZLIB_CONST /* input is const */
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

enum { WINDOW_BITS = 15, AS_GZIP = 16 };

void gzip_pack_file(const void *data, size_t len, struct buf *out)
{
	enum { MEMORY_LEVEL = 8 };
	z_stream stream = {0};
	unsigned char *packed;
	uLong room;
	int rc = deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, WINDOW_BITS + AS_GZIP,
			      MEMORY_LEVEL, Z_DEFAULT_STRATEGY);

	assert(rc == Z_OK && len <= UINT_MAX);
	room = deflateBound(&stream, len);
	packed = xcalloc(room, 1);
	stream.next_in = data;
	stream.avail_in = (uInt)len;
	stream.next_out = packed;
	stream.avail_out = (uInt)room;
	rc = deflate(&stream, Z_FINISH);
	assert(rc == Z_STREAM_END); /* there was room enough */
	buf_add(out, packed, stream.total_out);
	(void)deflateEnd(&stream); /* nothing is left inside */
	free(packed);
}

int gzip_unpack_file(const void *data, size_t len, size_t max, struct buf *out)
{
	enum { STEP = 64 * 1024 };
	size_t before = out->len;
	char *bytes = xcalloc(STEP, 1);
	z_stream stream = {0};
	int rc = inflateInit2(&stream, WINDOW_BITS + AS_GZIP);

	assert(rc == Z_OK && len <= UINT_MAX);
	stream.next_in = data;
	stream.avail_in = (uInt)len;
	while (rc == Z_OK && out->len - before <= max) {
		stream.next_out = (unsigned char *)bytes;
		stream.avail_out = STEP;
		rc = inflate(&stream, Z_NO_FLUSH);
		if (rc == Z_OK || rc == Z_STREAM_END)
			buf_add(out, bytes, STEP - stream.avail_out);
		/* A file may have several members (RFC 1952, 2.2): joined files have. */
		if (rc == Z_STREAM_END && stream.avail_in > 0)
			rc = inflateReset(&stream);
	}
	(void)inflateEnd(&stream); /* nothing is left inside */
	free(bytes);
	if (rc == Z_STREAM_END && out->len - before <= max)
		return 0;
	rc = out->len - before > max ? -EFBIG : -EINVAL;
	buf_cut(out, before);
	return rc;
}
