/* SPDX-License-Identifier: Apache-2.0 */
/* file.h - reads a file whole. */
#ifndef COMMON_FILE_H
#define COMMON_FILE_H

#include <stddef.h>

#include "common/buf.h"

/* Appends what the file holds. A negative errno, -EFBIG for more than max bytes; out is as before
 * then. */
int file_read(const char *path, size_t max, struct buf *out);

#endif
