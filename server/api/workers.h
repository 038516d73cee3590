/* SPDX-License-Identifier: Apache-2.0 */
/* workers.h - a few threads for requests whose answer takes long, shared fairly between those who
 * ask. */
#ifndef SERVER_WORKERS_H
#define SERVER_WORKERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/digest.h"
#include "common/err.h"

struct workers;

struct workers_options {
	size_t n_threads;
	size_t waiting;   /* so many jobs wait at most */
	size_t per_owner; /* so many of one owner run and wait at most */
};

struct workers_job {
	int64_t owner; /* a token's id */
	/* Jobs of one question run one after the other: who comes later finds the answer of the
	 * first remembered, and does not count against its owner. All zero: a question of its own.
	 */
	uint8_t question[DIGEST_BYTES];
	/* On a thread of the workers; frees the job. is_stopping: there is no time for it. */
	void (*run)(struct workers_job *job, bool is_stopping);
	/* The workers' own. */
	struct workers_job *next;
	uint64_t turn;
	bool is_running, is_sharing;
};

enum workers_verdict { WORKERS_ADMIT, WORKERS_ARE_BUSY, WORKERS_OWNER_HAS_MANY, WORKERS_STOP };

int workers_start(struct workers **out, const struct workers_options *options, struct err *err);
/* Nothing is admitted any more; returns when what runs is over and what waited was told. May be
 * called again; NULL is allowed. */
void workers_stop(struct workers *workers);
void workers_destroy(struct workers *workers); /* stops; NULL is allowed */

/* May the job be put? If so, workers_put must follow, and takes it. */
enum workers_verdict workers_admit(struct workers *workers, struct workers_job *job);
void workers_put(struct workers *workers, struct workers_job *job);

/* How many run, and how many wait. */
void workers_count(struct workers *workers, size_t *running, size_t *waiting);

#endif
