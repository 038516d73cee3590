/* SPDX-License-Identifier: Apache-2.0 */
/* audit.h - writes down every access to the API, on a thread of its own. */
#ifndef SERVER_AUDIT_H
#define SERVER_AUDIT_H

#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"
#include "server/api/audit_store.h"

struct audit;

struct audit_options {
	const char *path; /* borrowed until audit_stop */
	int64_t retention_ms;
	size_t capacity; /* entries that may wait to be written */
};

int audit_start(struct audit **out, const struct audit_options *options, struct err *err);
/* Writes what still waits. NULL is allowed. */
void audit_stop(struct audit *audit);
const char *audit_path(const struct audit *audit);

/* From any thread; never waits. Where there is no room, or the file cannot be written, the access
 * is counted as lost: in the metrics, and in the next entry that is written. */
void audit_record(struct audit *audit, const struct audit_entry *entry);

/* Appends Prometheus text. From any thread. */
void audit_write_metrics(struct audit *audit, struct buf *out);

/* A path without what must not be kept: what has the length and form of a token becomes ***,
 * control characters become ?. */
void audit_clean_path(const char *path, char out[AUDIT_PATH_MAX + 1]);

#endif
