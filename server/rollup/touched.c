/* SPDX-License-Identifier: Apache-2.0 */
#include "server/rollup/touched.h"

#include <stdlib.h>

#include "common/mem.h"

int64_t touched_change(const struct touched *touched, civil_day month)
{
	size_t i = touched->n;

	while (i > 0 && touched->entries[i - 1].month > month)
		i--;
	return i > 0 ? touched->entries[i - 1].change : 0;
}

void touched_add(struct touched *touched, civil_day month, int64_t change)
{
	size_t n = 0;

	if (touched_change(touched, month) >= change)
		return;
	for (size_t i = 0; i < touched->n; i++)
		if (touched->entries[i].month < month || touched->entries[i].change > change)
			touched->entries[n++] = touched->entries[i];
	touched->n = n;
	touched->entries = grow(touched->entries, n, &touched->cap, sizeof *touched->entries);
	while (n > 0 && touched->entries[n - 1].month >= month) {
		touched->entries[n] = touched->entries[n - 1];
		n--;
	}
	touched->entries[n] = (struct touched_entry){month, change};
	touched->n++;
}

void touched_fini(struct touched *touched)
{
	free(touched->entries);
	*touched = (struct touched){0};
}
