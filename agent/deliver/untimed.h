/* SPDX-License-Identifier: Apache-2.0 */
/* untimed.h - keeps readings on disk whose time is not known yet, until the clock can be trusted.
 *
 * Their lines bear monotonic milliseconds, which mean something until the machine starts anew. */
#ifndef AGENT_UNTIMED_H
#define AGENT_UNTIMED_H

#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"

struct untimed;

/* The file <spool>.untimed; what is in it from an earlier start of the machine cannot be dated any
 * more: it is removed and counts as lost. Beyond max_bytes new lines are lost. */
int untimed_open(struct untimed **out, const char *spool_path, int64_t max_bytes, struct err *err);
void untimed_close(struct untimed *untimed); /* what is inside stays; NULL is allowed */

/* Durable when it returns. Failing, the lines count as lost. */
int untimed_add(struct untimed *untimed, const struct buf *lines, int64_t n_lines, struct err *err);

int64_t untimed_lines(const struct untimed *untimed); /* inside */
int64_t untimed_lost(const struct untimed *untimed);  /* lines, since they were last emptied */

struct untimed_chunk {
	struct buf lines; /* with UTC time stamps; the caller's */
	int64_t n_lines, newest_ms;
};

/* The next lines, as many as fit into max_bytes, into an emptied chunk. n_lines 0: there are no
 * more. offset_ms: UTC minus monotonic. */
int untimed_next(struct untimed *untimed, int64_t offset_ms, size_t max_bytes,
		 struct untimed_chunk *out, struct err *err);
/* All of them are in the spool. */
void untimed_empty(struct untimed *untimed);
/* Begins reading anew: the spool did not take them. */
void untimed_rewind(struct untimed *untimed);

#endif
