/* SPDX-License-Identifier: Apache-2.0 */
/* ledger_lock.h - one server at a time for a ledger, and none while it is being replaced. The
 * administrative commands that work beside a running server do not need it. */
#ifndef SERVER_LEDGER_LOCK_H
#define SERVER_LEDGER_LOCK_H

#include "common/err.h"

/* Takes the lock beside the ledger (its path with .lock, which stays) until the descriptor is
 * closed, or the process ends in whatever way. -EBUSY: another process has it; the words name it.
 * Made by root, the file belongs to the owner of the folder. */
int ledger_lock_take(const char *ledger_path, int *fd, struct err *err);
void ledger_lock_release(int fd); /* -1 is allowed */

#endif
