/* SPDX-License-Identifier: Apache-2.0 */
/* gzip.h - bytes pressed together and back (zlib's own format), or for others (gzip's). */
#ifndef COMMON_GZIP_H
#define COMMON_GZIP_H

#include <stddef.h>

#include "common/buf.h"

/* Appends the packed bytes. Fast rather than tight. */
void gzip_pack(const void *data, size_t len, struct buf *out);
/* Appends the bytes that were packed, exactly len_unpacked of them. -EINVAL: damaged; out is as
 * before. */
int gzip_unpack(const void *data, size_t len, size_t len_unpacked, struct buf *out);

/* Appends a file as gzip makes it (RFC 1952), which gzip_unpack does not read. */
void gzip_pack_file(const void *data, size_t len, struct buf *out);
/* Appends what such a file holds. -EINVAL: damaged or cut short; -EFBIG: more than max bytes; out
 * is as before then. */
int gzip_unpack_file(const void *data, size_t len, size_t max, struct buf *out);

#endif
