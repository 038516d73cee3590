/* SPDX-License-Identifier: Apache-2.0 */
/* intake.h - readings on their way into the ledger: sorted out, collected, merged many at a time.
 * For one thread. */
#ifndef SERVER_INTAKE_H
#define SERVER_INTAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/telemetry.h"
#include "server/ledger/ledger.h"
#include "server/registry/registry.h"

enum { INTAKE_FUTURE_MS = 10 * 60 * 1000, INTAKE_PIECE_BYTES = 2 * 1024 * 1024 };

enum intake_verdict {
	INTAKE_TAKEN,
	INTAKE_UNKNOWN_METER, /* the registry knows no such device */
	INTAKE_AGENT,         /* the registry names another agent for this meter */
	INTAKE_CLOCK,         /* more than 10 minutes in the future */
	INTAKE_VALUE,         /* a register does not fit; the other fields were taken */
	INTAKE_QUANTITIES,    /* more names of quantities than any meter has */
};
/* "unknown_meter" "agent" ...: the reason in the dead-letter table. */
const char *intake_reason(enum intake_verdict verdict);

struct intake;

/* Holds the registry. has_series: collects line protocol for the databases too. */
struct intake *intake_create(struct registry *registry, bool has_series);
void intake_destroy(struct intake *intake); /* NULL is allowed */
/* Nothing may be waiting in the intake. */
void intake_set_registry(struct intake *intake, struct registry *registry);
const struct registry *intake_registry(const struct intake *intake);

/* agent NULL: any (an import). Copies what it needs. */
enum intake_verdict intake_take(struct intake *intake, const struct telemetry_line *line,
				const char *agent, int64_t now_ms);
/* Readings taken since the last intake_clear. */
size_t intake_waiting(const struct intake *intake);

struct intake_merged {
	size_t added, repeated, conflicts; /* register values */
};
/* Merges what waits into the ledger, inside a transaction. What waits stays. */
int intake_merge(struct intake *intake, struct ledger *ledger, struct intake_merged *merged,
		 struct err *err);
/* Forgets what waits. is_lost: the transaction was rolled back. */
void intake_clear(struct intake *intake, bool is_lost);

/* The line protocol of what waits, by series, in pieces of at most max_lines lines and hardly
 * more than INTAKE_PIECE_BYTES. Returns false
 * when nothing is left. *at starts with 0. */
bool intake_next_piece(struct intake *intake, size_t *at, size_t max_lines, struct buf *out,
		       size_t *n_lines);

#endif
