/* SPDX-License-Identifier: Apache-2.0 */
/* filing_import.h - reports that were exported, filled in elsewhere, and come back. */
#ifndef SERVER_FILING_IMPORT_H
#define SERVER_FILING_IMPORT_H

#include "server/ledger/ledger.h"
#include "server/statistics/filing.h"

/* ---- what a file says (filing_table.c) ---- */
struct filing_line {
	const char *institution, *code;
	int year, quarter;
	const char *filed; /* the number or the words, as in the file; "": nothing */
	const char *remark;
};
struct filing_table {
	struct arena *arena;
	struct filing_line *lines;
	size_t n, cap;
};
/* A workbook, or CSV with the columns institution, year, quarter, code, filed, words, remark among
 * others. -EINVAL with words. */
int filing_table_read(struct filing_table *out, const char *data, size_t len, struct err *err);
void filing_table_fini(struct filing_table *table);
/* Is it CSV of a report rather than of bills? */
bool filing_table_is_csv(const char *data, size_t len);

/* ---- into the ledger ---- */
struct filing_verdict {
	const char *institution;
	int year, quarter;
	size_t changed;     /* lines that differed */
	const char *reason; /* why nothing of this report was taken, or "" */
};
typedef void (*filing_verdict_fn)(const struct filing_verdict *verdict, void *arg);
struct filing_import {
	struct ledger *ledger; /* the writer */
	const struct registry *registry;
	const struct forms *forms;
	const char *who;
	int64_t now_ms;
	filing_verdict_fn fn;
	void *arg;
};
/* Each report whole or not at all. What the file leaves empty is taken back. */
int filing_import_table(const struct filing_import *import, const struct filing_table *table,
			struct err *err);

#endif
