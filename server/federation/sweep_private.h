/* SPDX-License-Identifier: Apache-2.0 */
/* sweep_private.h - what sweep.c and sweep_job.c share. */
#ifndef SERVER_SWEEP_PRIVATE_H
#define SERVER_SWEEP_PRIVATE_H

#include <stdio.h>

#include "server/federation/sweep.h"
#include "server/figures/figures.h"

enum { SWEEP_KEY_MAX = 80, CARDS_LOT = 500 };

/* Months or days of an institution that are to be looked at. */
struct sweep_job {
	uint32_t institution;
	enum exchange_interval interval;
	civil_day from, to;
	int64_t definition; /* noted once it is done; 0: none */
};

/* A row that is not as it should be; or, with a definition, that everything has been looked at. */
struct sweep_row {
	uint32_t institution;
	int64_t definition;
	bool is_deleted;
	struct exchange_key key;
	struct exchange_amount amount;
	char *detail; /* the amount's, owned, or NULL */
};

struct sweep {
	struct sweep_options options;
	struct ledger *reader, *writer;
	struct derived *derived;   /* of the reader */
	struct exchange *write;    /* of the writer */
	struct registry *registry; /* that the plan was made with; held */
	int64_t now_ms, upto;      /* of the plan */
	struct {
		struct sweep_job *list;
		size_t n, cap, next;
	} jobs;
	struct {
		struct sweep_row *list;
		size_t n, cap;
	} found, rows; /* rows: what is there of the job at hand */
};

/* What is in a list of rows. */
void sweep_clear(struct sweep_row *list, size_t *n);

/* Everything of an institution; of the last months and days; of the month and day that run. */
int sweep_plan_all(struct sweep *sweep, uint32_t index, int64_t definition, struct err *err);
int sweep_plan_recent(struct sweep *sweep, uint32_t index, int days, struct err *err);
void sweep_plan_now(struct sweep *sweep, uint32_t index);
/* Of all whose rows changed after this. */
int sweep_plan_changes(struct sweep *sweep, int64_t change, struct err *err);

/* Looks at the job's periods until it is done, max rows were found or max periods looked at; moves
 * its beginning on. */
int sweep_do(struct sweep *sweep, struct sweep_job *job, size_t max, size_t *periods,
	     struct err *err);

#endif
