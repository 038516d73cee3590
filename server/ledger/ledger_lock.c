/* SPDX-License-Identifier: Apache-2.0 */
#include "server/ledger/ledger_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "common/mem.h"
#include "server/ledger/ledger_copy.h"

static int refuse(int fd, const char *ledger_path, struct err *err)
{
	char holder[32] = "";
	ssize_t n = pread(fd, holder, sizeof holder - 1, 0);

	holder[n > 0 ? strspn(holder, "0123456789") : 0] = '\0';
	return err_set(err, -EBUSY,
		       "another nenghao-server%s%s%s has the ledger '%s'; it must be stopped first",
		       *holder ? " (process " : "", holder, *holder ? ")" : "", ledger_path);
}

static int lock(int fd, const char *ledger_path, struct err *err)
{
	char holder[32];
	int n = snprintf(holder, sizeof holder, "%ld\n", (long)getpid());

	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? refuse(fd, ledger_path, err)
					    : err_set(err, -errno, "the lock of '%s': %s",
						      ledger_path, err_name(-errno));
	/* Only words for whoever is refused: without them the lock holds just the same. */
	if (ftruncate(fd, 0) == 0)
		(void)!pwrite(fd, holder, (size_t)n, 0);
	return 0;
}

int ledger_lock_take(const char *ledger_path, int *fd, struct err *err)
{
	char *path = xasprintf("%s.lock", ledger_path);
	int opened = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	int rc = opened < 0 ? err_set(err, -errno, "'%s': %s", path, err_name(-errno))
			    : ledger_copy_own(opened, ledger_path, err);

	free(path);
	if (rc == 0)
		rc = lock(opened, ledger_path, err);
	if (rc == 0)
		*fd = opened;
	else
		ledger_lock_release(opened);
	return rc;
}

void ledger_lock_release(int fd)
{
	if (fd >= 0)
		(void)close(fd); /* nothing is buffered */
}
