/* SPDX-License-Identifier: Apache-2.0 */
/* touched.h - since when the past is as it is: up to which month nothing changed after a change. */
#ifndef SERVER_TOUCHED_H
#define SERVER_TOUCHED_H

#include <stddef.h>
#include <stdint.h>

#include "common/civil.h"

/* "From this month on something was computed again in this change." What a later change covers as
 * well is not kept, so months and changes both ascend. Zeroed: nothing ever was. */
struct touched_entry {
	civil_day month;
	int64_t change;
};
struct touched {
	struct touched_entry *entries;
	size_t n, cap;
};

/* From the beginning of time. */
enum { TOUCHED_ALL = INT32_MIN };

void touched_add(struct touched *touched, civil_day month, int64_t change);
/* The newest change that may have altered figures of this month or an earlier one; 0: none. */
int64_t touched_change(const struct touched *touched, civil_day month);
void touched_fini(struct touched *touched);

#endif
