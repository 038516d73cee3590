/* SPDX-License-Identifier: Apache-2.0 */
/* pty.h - a serial line made of a pseudo-terminal, reachable by a link. */
#ifndef SIM_PTY_H
#define SIM_PTY_H

#include <limits.h>
#include <stdint.h>

#include "common/err.h"

struct pty {
	int master_fd, slave_fd; /* the slave stays open, so that clients may come and go */
	char device[64];         /* /dev/pts/3 */
	char link[PATH_MAX];
};

/* Creates the pair in raw mode at this speed and the link to it. A link that is there already is
 * replaced; another file is not (-EEXIST). */
int pty_open(struct pty *pty, const char *link, int64_t baud, struct err *err);
/* Removes the link too, if it is still ours. */
void pty_close(struct pty *pty);
/* The speed that the client has set; 0 if it cannot be told. */
int64_t pty_baud(const struct pty *pty);

#endif
