/* SPDX-License-Identifier: Apache-2.0 */
/* probe_state.h - the candidates of a probe, kept until the display has moved on. */
#ifndef AGENT_PROBE_STATE_H
#define AGENT_PROBE_STATE_H

#include <stddef.h>

#include "agent/commission/candidate.h"
#include "common/err.h"

/* In $XDG_RUNTIME_DIR or /tmp, for this user alone; key tells line and unit. The caller frees. */
char *probe_state_path(const char *key);

int probe_state_save(const char *path, const struct candidate *candidates, size_t n,
		     struct err *err);
/* The caller frees *out. -ENOENT: nothing was kept. -EPERM: the file is not ours alone. */
int probe_state_load(const char *path, struct candidate **out, size_t *n, struct err *err);

#endif
