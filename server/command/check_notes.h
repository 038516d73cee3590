/* SPDX-License-Identifier: Apache-2.0 */
/* check_notes.h - what deserves a look though it is no mistake: kept by kind, told as text or JSON.
 */
#ifndef SERVER_CHECK_NOTES_H
#define SERVER_CHECK_NOTES_H

#include <stddef.h>

#include "common/json_writer.h"

enum { CHECK_NOTES_MAX = 1000 };

enum note_kind {
	NOTE_CONFIG,
	NOTE_EMPTY,
	NOTE_OUTSIDE,
	NOTE_HEADCOUNT,
	NOTE_AREA,
	NOTE_USCC_TWICE,
	NOTE_QUOTA_CLASS,
	NOTE_NO_USCC,
	NOTE_EXPECTED,
	NOTE_WEATHER,
	NOTE_FACTOR,
	N_NOTE_KINDS
};

/* A zeroed struct has none. */
struct check_notes {
	char *texts[CHECK_NOTES_MAX];
	enum note_kind kinds[CHECK_NOTES_MAX];
	size_t n;
	size_t counts[N_NOTE_KINDS]; /* also those without a text */
};
void check_notes_fini(struct check_notes *notes);

__attribute__((format(printf, 3, 4))) void
check_note_add(struct check_notes *notes, enum note_kind kind, const char *format, ...);
/* On stdout, a few of each kind. */
void check_notes_print(const struct check_notes *notes);
/* The member "notes". */
void check_notes_write(struct json_writer *json, const struct check_notes *notes);

#endif
