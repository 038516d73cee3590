/* SPDX-License-Identifier: Apache-2.0 */
/* derive.h - keeps the derived tables (hours, days, months of meters and institutions) true: what
 * registers, bills or the registry touch is computed again, and equals a computation from scratch
 * bit for bit.
 *
 * Belongs to the thread that owns the ledger's writer. */
#ifndef SERVER_DERIVE_H
#define SERVER_DERIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/ledger/ledger.h"
#include "server/registry/registry.h"

struct derive;

/* Creates the tables if need be; tables of an older form are dropped and computed again. Borrows
 * the ledger until derive_close. */
int derive_open(struct derive **out, struct ledger *ledger, struct err *err);
void derive_close(struct derive *derive); /* NULL is allowed */

/* Uses this registry from now on (takes its own reference) and marks what its changes touch:
 * meters whose lives, ratio, source or formula differ, institutions whose members, roles, scopes
 * or supply differ, and what vanished. Call once after derive_open and after every reload. */
int derive_set_registry(struct derive *derive, struct registry *registry, struct err *err);

/* Computes about max_days days of meters that are dirty, and all that depends on them, in one
 * transaction. more: something is left. Call outside of the ledger's transactions. */
int derive_run(struct derive *derive, size_t max_days, bool *more, struct err *err);

/* Where the registry changed the tags of a meter's or an institution's series, or a month of them
 * vanished: marks that databases must remove what they have of it, and renews its rows, newest
 * first, some in one transaction, so that they are written again (server/figures/export_tags.h).
 * more: something is left. Call when nothing is left for derive_run, outside of the ledger's
 * transactions. */
int derive_renew_series(struct derive *derive, bool *more, struct err *err);

/* Reduces days that end before a time to what reduce.h says, a bounded number in one transaction.
 * A day of which any figure would differ stays whole. Does nothing while roll-ups are behind. Adds
 * to sum; more: something is left. Call outside of the ledger's transactions. */
struct derive_reduced {
	size_t days;     /* looked at */
	size_t reduced;  /* of which less is kept */
	size_t whole;    /* that would not have said the same */
	size_t readings; /* whose value went */
};
int derive_reduce(struct derive *derive, int64_t before_ms, struct derive_reduced *sum, bool *more,
		  struct err *err);

/* Hashes of all that the rows of a meter (besides its readings) and of an institution (besides its
 * meters' rows and its bills) depend on. */
int64_t derive_define_meter(const struct registry *registry, const struct registry_meter *meter);
int64_t derive_define_institution(const struct registry *registry, uint32_t index);

/* Marks everything from a local day on, also from another process (command recompute); whoever
 * calls derive_run does the work. */
int derive_mark_from(struct ledger *ledger, civil_day from, struct err *err);
/* Marks days of an institution whose bills changed. Inside a transaction. */
int derive_mark_bill(struct ledger *ledger, const char *institution, struct span days,
		     struct err *err);

#endif
