/* SPDX-License-Identifier: Apache-2.0 */
/* registry_fill_table.h - rows of institutions.csv and meters.csv as pieces of the registry's
 * files. */
#ifndef SERVER_REGISTRY_FILL_TABLE_H
#define SERVER_REGISTRY_FILL_TABLE_H

#include <stddef.h>

#include "common/err.h"

/* The text of one institution or meter, all of one row. */
struct fill_piece {
	char *institution;
	size_t line; /* of the row */
	char *text;
};
struct fill_pieces { /* zeroed: none */
	struct fill_piece *items;
	size_t n, cap, n_wrong; /* n_wrong: mistakes, printed to stderr */
};

int fill_read_institutions(const char *folder, struct fill_pieces *pieces, struct err *err);
int fill_read_meters(const char *folder, struct fill_pieces *pieces, struct err *err);
void fill_pieces_free(struct fill_pieces *pieces);

#endif
