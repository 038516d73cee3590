/* SPDX-License-Identifier: Apache-2.0 */
/* import_private.h - what the kinds of imported files share; nobody else includes it. */
#ifndef SERVER_IMPORT_PRIVATE_H
#define SERVER_IMPORT_PRIVATE_H

#include "common/telemetry.h"
#include "server/ingest/import.h"
#include "server/ingest/intake.h"

struct import {
	struct ledger *ledger;
	struct intake *intake;
	struct import_report *report;
	int64_t now_ms, bytes;
	int64_t uncommitted; /* lines */
	struct telemetry_line line;
};

int import_open(struct import *import, const struct import_into *into, struct import_report *report,
		struct err *err);
void import_close(struct import *import);
/* The line that report->lines counts was committed by an import that was interrupted. */
bool import_is_known(const struct import *import);
/* Takes import->line, a reading. */
void import_take(struct import *import);
void import_refuse(struct import *import, const char *reason, const char *words);
/* After each line: commits now and then. */
int import_count_line(struct import *import, struct err *err);
/* is_done: nothing comes any more. */
int import_commit(struct import *import, bool is_done, struct err *err);

#endif
