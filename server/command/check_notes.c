/* SPDX-License-Identifier: Apache-2.0 */
#include "server/command/check_notes.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/mem.h"

enum { SHOWN_PER_KIND = 10 };

/* A warning asks for a change; a note only says what follows from what is missing. */
static const struct {
	bool is_warning;
	const char *title;
} note_kinds[N_NOTE_KINDS] = {
	[NOTE_CONFIG] = {true, "configuration"},
	[NOTE_EMPTY] = {true, "registry"},
	[NOTE_OUTSIDE] = {true, "outside of this server's region"},
	[NOTE_HEADCOUNT] = {true, "no headcount: indicators per person are withheld"},
	[NOTE_AREA] = {true, "no building area: indicators per area are withheld"},
	[NOTE_USCC_TWICE] = {true, "a unified social credit code used twice"},
	[NOTE_QUOTA_CLASS] = {true, "a quota_class that no quota is about"},
	[NOTE_NO_USCC] = {false, "no unified social credit code"},
	[NOTE_EXPECTED] = {false, "no expected_year: in the first weeks nobody can say how much "
				  "is missing"},
	[NOTE_WEATHER] = {true, "weather that is missing: savings are not certifiable"},
	[NOTE_FACTOR] = {false, "factors that nobody has compared with the published text"},
};

void check_note_add(struct check_notes *notes, enum note_kind kind, const char *format, ...)
{
	char text[512];
	va_list args;

	notes->counts[kind]++;
	if (notes->n == CHECK_NOTES_MAX)
		return;
	va_start(args, format);
	(void)vsnprintf(text, sizeof text, format, args);
	va_end(args);
	notes->kinds[notes->n] = kind;
	notes->texts[notes->n++] = xstrdup(text);
}

void check_notes_fini(struct check_notes *notes)
{
	for (size_t i = 0; i < notes->n; i++)
		free(notes->texts[i]);
	notes->n = 0;
}

/* No more than SHOWN_PER_KIND of each kind: a province has many institutions. */
void check_notes_print(const struct check_notes *notes)
{
	for (int kind = 0; kind < N_NOTE_KINDS; kind++) {
		const char *word = note_kinds[kind].is_warning ? "warning" : "note";
		size_t shown = 0;

		if (notes->counts[kind] == 0)
			continue;
		(void)printf("%s: %s\n", word, note_kinds[kind].title);
		for (size_t i = 0; i < notes->n && shown < SHOWN_PER_KIND; i++) {
			if (notes->kinds[i] != (enum note_kind)kind)
				continue;
			(void)printf("  %s\n", notes->texts[i]);
			shown++;
		}
		if (shown < notes->counts[kind])
			(void)printf("  and %zu more\n", notes->counts[kind] - shown);
	}
}

void check_notes_write(struct json_writer *json, const struct check_notes *notes)
{
	json_begin_array(json, "notes");
	for (size_t i = 0; i < notes->n; i++) {
		json_begin_object(json, NULL);
		json_add_string(json, "severity",
				note_kinds[notes->kinds[i]].is_warning ? "warning" : "note");
		json_add_string(json, "about", note_kinds[notes->kinds[i]].title);
		json_add_string(json, "text", notes->texts[i]);
		json_end_object(json);
	}
	json_end_array(json);
}
