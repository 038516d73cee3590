/* SPDX-License-Identifier: Apache-2.0 */
/* ledger_copy.h - the whole ledger into another file, beside a running server, and back in place
 * of the one that is there. */
#ifndef SERVER_LEDGER_COPY_H
#define SERVER_LEDGER_COPY_H

#include <stdint.h>

#include "common/err.h"

/* What a ledger's file holds. */
struct ledger_facts {
	int64_t bytes, agents, registers;
	int64_t until_ms; /* time of the newest batch of any agent, 0: none */
};

/* Reads a file that no one need be using. -EINVAL: it is no ledger, or of a newer version;
 * -EUCLEAN: it is damaged (every page is looked at). */
int ledger_copy_check(const char *path, struct ledger_facts *facts, struct err *err);

/* A consistent copy in one new file, mode 0600, durable and checked when this returns. -EEXIST: the
 * file is there already. On failure there is no file. */
int ledger_copy_backup(const char *ledger_path, const char *copy, struct ledger_facts *facts,
		       struct err *err);

struct ledger_restored {
	struct ledger_facts facts;
	char *aside;          /* where the replaced ledger is, or NULL: there was none; free it */
	int64_t agents_ahead; /* had delivered newer batches to it; -1: it cannot be read */
};
/* Puts a copy in the place of the ledger, in one step: either is there whatever happens. The caller
 * holds the ledger's lock. -EBUSY: another program has the ledger open. */
int ledger_copy_restore(const char *copy, const char *ledger_path, int64_t now_ms,
			struct ledger_restored *out, struct err *err);

/* Gives what root has made to the owner of the ledger's folder. */
int ledger_copy_own(int fd, const char *ledger_path, struct err *err);

#endif
