/* SPDX-License-Identifier: Apache-2.0 */
/* spool.h - the agent's batches on disk until the server keeps them: one file, for one thread.
 *
 * Ids count up without holes. first..done are delivered (or were dropped) and stay for a while in
 * case the server loses its history; done + 1..last wait to be delivered. */
#ifndef AGENT_SPOOL_H
#define AGENT_SPOOL_H

#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"

enum { SPOOL_BODY_MAX = 200 * 1024 }; /* bytes of one batch without header */

struct spool;

struct spool_limits {
	int64_t max_bytes;             /* of the file, without the write-ahead file beside it */
	int64_t max_age_ms, retain_ms; /* of waiting and of delivered batches */
};

struct spool_entry {
	const char *body;
	size_t len;
	int64_t n_lines, time_ms;
};

/* What was lost just before batch done + 1; reported with it. batches 0: nothing. */
struct spool_gap {
	int64_t from_ms, to_ms, batches;
};

struct spool_state {
	int64_t first, done, last;
	int64_t epoch, until_ms;      /* the largest until that the server ever told */
	int64_t oldest_ms, newest_ms; /* times of done + 1 (0: none waits) and of last */
	int64_t bytes;                /* of the file, in use */
	struct spool_gap gap;
	int64_t dropped, damaged; /* batches since the start: by a cap, by unreadable bytes */
	int64_t moved_aside;      /* damaged files since the start */
};

/* Opens or creates the file, alone (-EBUSY: another agent has it). A damaged file is moved aside to
 * <path>.damaged-<utc ms> and what is still readable of it is taken over. */
int spool_open(struct spool **out, const char *path, const struct spool_limits *limits,
	       int64_t now_ms, struct err *err);
void spool_close(struct spool *spool); /* stores what was marked; NULL is allowed */
const struct spool_state *spool_state(const struct spool *spool); /* borrows until spool_close */

/* Appends durably, all or nothing, in one transaction; makes room as the limits say: delivered
 * batches go first, then the oldest that wait. The times are made to increase. -ENOSPC: the disk is
 * full; -EUCLEAN: the file is damaged, call spool_recover. */
int spool_append(struct spool *spool, struct spool_entry *entries, size_t n, int64_t now_ms,
		 struct err *err);
/* Adds the batch's lines to body. A batch that cannot be read is replaced by a gap line. */
int spool_read(struct spool *spool, int64_t id, struct buf *body, struct spool_entry *out,
	       struct err *err);

/* All up to id are delivered. Stored with the next append or spool_flush: until then a crash only
 * sends some batches twice. */
void spool_mark(struct spool *spool, int64_t id, int64_t until_ms);
int spool_flush(struct spool *spool, struct err *err);

/* The server knows nothing newer than until: puts all from the first newer batch back in line.
 * Returns how many. Begin an epoch afterwards. */
int64_t spool_requeue(struct spool *spool, int64_t until_ms);
/* A new state.epoch, above all before. It holds even if it could not be stored. */
int spool_begin_epoch(struct spool *spool, int64_t now_ms, struct err *err);

/* After -ENOSPC: gives up delivered batches to make room for new ones. */
int spool_shed(struct spool *spool, struct err *err);
/* After -EUCLEAN: moves the file aside, as spool_open does. Ids change: begin an epoch. */
int spool_recover(struct spool *spool, int64_t now_ms, struct err *err);

/* The state of a file that no agent is using. -ENOENT: there is none. */
int spool_peek(const char *path, struct spool_state *out, struct err *err);

#endif
