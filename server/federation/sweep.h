/* SPDX-License-Identifier: Apache-2.0 */
/* sweep.h - keeps the cards and rows of this server's own institutions what they should be: what
 * changed in the ledger or the registry, what grows as time passes, and once a day everything. */
#ifndef SERVER_SWEEP_H
#define SERVER_SWEEP_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "server/factors/factors.h"
#include "server/registry/registry.h"

struct sweep;

struct sweep_options {
	const char *ledger_path;
	const struct factors *factors; /* borrowed */
	int64_t days;                  /* so far back there are daily rows */
};

int sweep_open(struct sweep **out, const struct sweep_options *options, struct err *err);
void sweep_close(struct sweep *sweep); /* NULL is allowed */

/* Some of the work, in short transactions beside the ledger's writer; more: something is left. */
int sweep_step(struct sweep *sweep, struct registry *registry, int64_t now_ms, bool *more,
	       struct err *err);
/* The first day of which there are daily rows. */
civil_day sweep_days_from(const struct sweep *sweep, const struct registry *registry,
			  int64_t now_ms);

#endif
