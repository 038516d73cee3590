/* SPDX-License-Identifier: Apache-2.0 */
/* import_readings.h - files of past readings, with progress and verdicts, for the import command.
 */
#ifndef SERVER_IMPORT_READINGS_H
#define SERVER_IMPORT_READINGS_H

#include "common/buf.h"
#include "server/ingest/import.h"

struct import_order {
	const char *path;
	const char *verdicts; /* CSV file for what is refused, or NULL */
	bool is_json;
	struct ledger *ledger;
	struct registry *registry;
};

/* The file as it is, and as text: UTF-8, a workbook's first sheet with tabs. */
int import_load(const char *path, struct buf *data, struct buf *text, struct err *err);
/* Print what came of it; *refused counts lines. */
int import_readings_lines(const struct import_order *order, int64_t *refused, struct err *err);
int import_readings_table(const struct import_order *order, const struct buf *text,
			  int64_t *refused, struct err *err);

#endif
