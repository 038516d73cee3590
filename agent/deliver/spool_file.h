/* SPDX-License-Identifier: Apache-2.0 */
/* spool_file.h - the tables of a spool file; what they mean is spool.h's affair. */
#ifndef AGENT_SPOOL_FILE_H
#define AGENT_SPOOL_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/deliver/spool.h"

struct spool_file;

/* All return 0 or a negative errno of db.h. */
int spool_file_open(struct spool_file **out, const char *path, bool is_read_only, struct err *err);
void spool_file_close(struct spool_file *file); /* NULL is allowed */
/* Renames the file and those that SQLite keeps beside it. */
int spool_file_rename(const char *from, const char *to, struct err *err);

int spool_file_begin(struct spool_file *file, struct err *err);
int spool_file_commit(struct spool_file *file, struct err *err);
void spool_file_rollback(struct spool_file *file);
int spool_file_checkpoint(struct spool_file *file, struct err *err);

/* first, done, last, epoch, until_ms, gap and newest_ms; the rest of the state stays. */
int spool_file_load(struct spool_file *file, struct spool_state *state, struct err *err);
int spool_file_store(struct spool_file *file, const struct spool_state *state, struct err *err);

int spool_file_insert(struct spool_file *file, int64_t id, const struct spool_entry *entry,
		      struct err *err);
int spool_file_delete(struct spool_file *file, int64_t id, struct err *err);
/* -ENOENT: no such batch. -EBADMSG: its check sum does not fit; out->time_ms is set. */
int spool_file_read(struct spool_file *file, int64_t id, struct buf *body, struct spool_entry *out,
		    struct err *err);
int spool_file_time(struct spool_file *file, int64_t id, int64_t *time_ms, struct err *err);
/* The smallest id above *id, or -ENOENT. */
int spool_file_following(struct spool_file *file, int64_t *id, struct err *err);
/* The smallest id of a batch newer than until, or -ENOENT. */
int spool_file_newer(struct spool_file *file, int64_t until_ms, int64_t *id, struct err *err);

int spool_file_bytes(struct spool_file *file, int64_t *bytes, struct err *err); /* in use */
int64_t spool_file_cost(size_t len); /* bytes that a body of this length takes at most */

#endif
