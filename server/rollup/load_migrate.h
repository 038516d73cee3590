/* SPDX-License-Identifier: Apache-2.0 */
/* load_migrate.h - days of loads as servers before derived version 4 kept them, a row each, into
 * blocks. */
#ifndef SERVER_LOAD_MIGRATE_H
#define SERVER_LOAD_MIGRATE_H

#include "server/ledger/ledger.h"

/* Outside of a transaction, when both tables are there. In many transactions: what is done stays
 * done if it is interrupted. */
int load_migrate(struct ledger *ledger, struct err *err);

#endif
