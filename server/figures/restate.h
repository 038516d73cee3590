/* SPDX-License-Identifier: Apache-2.0 */
/* restate.h - whose indicators are to be written to the databases again although no row of theirs
 * changed: area, persons, a name or a coefficient did, or time alone passed.
 *
 * Belongs to the thread that owns the ledger's writer. */
#ifndef SERVER_RESTATE_H
#define SERVER_RESTATE_H

#include <stdbool.h>
#include <stdint.h>

#include "server/factors/factors.h"
#include "server/ledger/ledger.h"
#include "server/registry/registry.h"

/* What of an institution is written again. */
enum restate_kind {
	RESTATE_ALL,    /* every day, month and year that it has */
	RESTATE_RECENT, /* this month and the one before, their days and years */
	N_RESTATE_KINDS
};

/* In place of an institution's id: the regions, when a pass over all institutions has ended. */
#define RESTATE_REGIONS ""

struct restate;

/* After derive_open, which makes the table. Borrows all until restate_close. */
int restate_open(struct restate **out, struct ledger *ledger, const struct factors *factors,
		 int64_t min_coverage, struct err *err);
void restate_close(struct restate *restate); /* NULL is allowed */

/* What is computed with from now on (takes its own reference); institutions that it changes are
 * found by the calls of restate_run that follow. */
void restate_set_registry(struct restate *restate, struct registry *registry);

/* Looks at some institutions; once a day, at all of them again. more: some are left. Call outside
 * of the ledger's transactions. */
int restate_run(struct restate *restate, int64_t now_ms, bool *more, struct err *err);

/* How many institutions are still to be looked at in this pass. From any thread. */
int64_t restate_left(const struct restate *restate);

/* A hash of all that an institution's indicators depend on besides rows and time. */
int64_t restate_basis(const struct registry *registry, uint32_t institution);

#endif
