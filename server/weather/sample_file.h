/* SPDX-License-Identifier: Apache-2.0 */
/* sample_file.h - reads time series from files, plain or gzipped. */
#ifndef SERVER_SAMPLE_FILE_H
#define SERVER_SAMPLE_FILE_H

#include "common/buf.h"
#include "server/weather/sample_csv.h"

/* Appends a file's content, unpacked if it is gzipped. -EFBIG: more than 64 MiB. The words begin
 * with the path. */
int sample_file_read(const char *path, struct buf *out, struct err *err);

/* sample_csv_parse of a file's content. */
int sample_file_load(const char *path, int64_t offset_ms, const struct sample_limits *limits,
		     struct sample_csv *out, struct err *err);

#endif
