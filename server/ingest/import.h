/* SPDX-License-Identifier: Apache-2.0 */
/* import.h - history into the ledger: reading lines as on the wire, without headers, or tables. */
#ifndef SERVER_IMPORT_H
#define SERVER_IMPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "common/err.h"
#include "server/ledger/ledger.h"
#include "server/registry/registry.h"

/* Where to. */
struct import_into {
	struct ledger *ledger; /* a writer, of this thread */
	struct registry *registry;
	int64_t now_ms;
};

struct import_report {
	int64_t lines, bad_lines;
	int64_t added, repeated, conflicts; /* register values */
	int64_t commits;
	/* Tells this file from others, or NULL. An import under the same key that was interrupted
	 * goes on behind the line in `resumed`. */
	const char *key;
	int64_t resumed;
	/* Called for each line that is not taken; may be NULL. reason is one word, words say more.
	 */
	void (*refuse)(int64_t line_number, const char *reason, const char *words, void *arg);
	/* Called after each commit with the bytes read so far; may be NULL. */
	void (*progress)(int64_t bytes, void *arg);
	void *arg;
};

/* Reads lines from a stream and merges them into the ledger, committing every 50,000 lines: lines
 * before a failure stay, and importing the file again is harmless. Works beside a running server.
 * The counts of report grow; the readings reach the ledger and all figures made from it, but not
 * the series "reading" of the databases. */
int import_lines(const struct import_into *into, FILE *file, struct import_report *report,
		 struct err *err);
/* The same with a file by name; "-" is the standard input. */
int import_file(const struct import_into *into, const char *path, struct import_report *report,
		struct err *err);

/* Is it a table of readings, by its heading? UTF-8. Either a column each for time, meter and
 * register, or one for time and further ones headed by meters. */
bool import_is_table(const struct registry *registry, const char *text, size_t len);
/* The same as import_lines with such a table. Meters by id, else by a name that only one has; times
 * of the registry's zone where they name none, also Excel's day numbers; a heading with "utc" says
 * UTC. -EINVAL: the heading is not understood. */
int import_table(const struct import_into *into, const char *text, size_t len,
		 struct import_report *report, struct err *err);

#endif
