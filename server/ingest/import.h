/* SPDX-License-Identifier: Apache-2.0 */
/* import.h - history into the ledger: a file of reading lines as on the wire, without headers. */
#ifndef SERVER_IMPORT_H
#define SERVER_IMPORT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "common/err.h"
#include "server/ledger/ledger.h"
#include "server/registry/registry.h"

struct import_report {
	int64_t lines, bad_lines;
	int64_t added, repeated, conflicts; /* register values */
	int64_t commits;
	/* Called for each line that is not taken; may be NULL. reason is one word, words say more.
	 */
	void (*refuse)(int64_t line_number, const char *reason, const char *words, void *arg);
	void *arg;
};

/* Reads lines from a stream and merges them into the ledger (a writer, of this thread), committing
 * every 50,000 lines: lines before a failure stay, and importing the file again is harmless. Works
 * beside a running server. The counts of report grow; the readings reach the ledger and all figures
 * made from it, but not the series "reading" of the databases. */
int import_lines(struct ledger *ledger, struct registry *registry, FILE *file, int64_t now_ms,
		 struct import_report *report, struct err *err);
/* The same with a file by name; "-" is the standard input. */
int import_file(struct ledger *ledger, struct registry *registry, const char *path, int64_t now_ms,
		struct import_report *report, struct err *err);

#endif
