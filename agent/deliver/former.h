/* SPDX-License-Identifier: Apache-2.0 */
/* former.h - the region that the agent last published under, in a small file beside the spool: what
 * it left at the broker there must go when its region changes. */
#ifndef AGENT_FORMER_H
#define AGENT_FORMER_H

#include "common/err.h"

enum { FORMER_REGION_MAX = 16 };

/* "" if it was this region, or none is known. */
void former_region(const char *path, const char *region, char out[FORMER_REGION_MAX]);
/* From now on it is this one. */
int former_settle(const char *path, const char *region, struct err *err);

#endif
