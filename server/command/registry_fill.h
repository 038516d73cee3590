/* SPDX-License-Identifier: Apache-2.0 */
/* registry_fill.h - the first fill of a registry: institutions.csv and meters.csv become files. */
#ifndef SERVER_REGISTRY_FILL_H
#define SERVER_REGISTRY_FILL_H

#include <stdint.h>

#include "common/err.h"

struct registry_fill {
	const char *folder;  /* holds both tables; gets institutions/ */
	const char *regions; /* where the folder has no regions.yaml; may be NULL */
	int64_t offset_ms;
	int64_t institutions, meters; /* written */
};

/* All or nothing: judges what would be written like any registry, then writes. What is wrong with a
 * row is printed to stderr with the table's name and line. -EEXIST: a file is there already;
 * -EINVAL: rows are wrong. */
int registry_fill_run(struct registry_fill *fill, struct err *err);

#endif
