/* SPDX-License-Identifier: Apache-2.0 */
/* dead_letter.h - lines that could not be used, kept with their reason, counted, capped, and taken
 * up again when the registry comes to know their meter. */
#ifndef SERVER_DEAD_LETTER_H
#define SERVER_DEAD_LETTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/telemetry.h"
#include "server/ingest/intake.h"
#include "server/ledger/ledger.h"

enum { DEAD_LETTER_LINE_MAX = 16 * 1024 }; /* bytes kept of a line */

struct dead_letters;

/* Borrows the ledger (a writer) until dead_letters_close. max_rows: beyond it the oldest go. */
int dead_letters_open(struct dead_letters **out, struct ledger *ledger, int64_t max_rows,
		      struct err *err);
void dead_letters_close(struct dead_letters *letters); /* NULL is allowed */

struct dead_letter {
	int64_t at_ms; /* when it came */
	const char *agent, *reason;
	struct slice meter; /* may be empty */
	struct slice line;
};
/* Inside a transaction. */
int dead_letters_add(struct dead_letters *letters, const struct dead_letter *letter,
		     struct err *err);
/* Inside a transaction, after the last add of it: writes the counts. */
int dead_letters_flush(struct dead_letters *letters, struct err *err);
/* After a rollback: what was counted since the last commit did not happen. */
void dead_letters_forget(struct dead_letters *letters);

/* Looks at the next max rows behind *cursor (starts at 0) and hands those whose meter is known now
 * to the intake; these are deleted. Inside a transaction that also merges the intake. *cursor
 * becomes INT64_MAX when all have been looked at. */
int dead_letters_replay(struct dead_letters *letters, struct intake *intake, int64_t now_ms,
			size_t max, int64_t *cursor, struct err *err);

typedef void (*dead_letter_count_fn)(const char *reason, int64_t n, int64_t evicted, void *arg);
/* All that ever came, by reason. Any ledger, also a reader. */
int dead_letter_counts(struct ledger *ledger, dead_letter_count_fn fn, void *arg, struct err *err);

#endif
