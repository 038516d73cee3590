/* SPDX-License-Identifier: Apache-2.0 */
#include "server/figures/event_export.h"

#include <string.h>

#include "server/figures/export_line.h"
#include "server/ledger/event.h"

/* A point of the series is told from others by tags and time. Where a cause names a subject of its
 * own, such as an account, two events may have both in common: milliseconds keep them apart. */
static int64_t apart(const struct event_row *row)
{
	return strchr(row->event.cause, '/') != NULL ? row->id % 1000 : 0;
}

/* Of what the registry does not know: where it was when it happened. */
static const char *region_of(const struct registry *registry, const struct event *event)
{
	uint32_t index =
		registry_find_institution(registry, event->institution, strlen(event->institution));

	return index == REGISTRY_NONE
		       ? event->region
		       : registry->regions->regions[registry->institutions[index].region].code;
}

static void write_event(const struct event_row *row, const struct registry *registry,
			struct tsdb_export *out)
{
	const struct event *event = &row->event;
	struct export_line line;

	export_line_begin(&line, out, "event");
	export_line_tag(&line, "region", region_of(registry, event));
	export_line_tag(&line, "institution", event->institution);
	export_line_tag(&line, "meter", event->meter);
	export_line_tag(&line, "kind", event_kinds[event->kind].name);
	export_line_tag(&line, "severity", severity_names[event->severity]);
	export_line_text(&line, "text", event->text);
	export_line_number(&line, "value", event->value);
	export_line_text(&line, "state", row->closed_ms == 0 ? "open" : "closed");
	export_line_text(&line, "agent", event->agent);
	export_line_int(&line, "count", row->count);
	export_line_end(&line, event->time_ms + apart(row));
}

/* Those of marked institutions need a look at every event: only if there are any. */
static const char *const changed = "SELECT " EVENT_COLUMNS " FROM event WHERE change > ?1 AND "
				   "change <= ?2 ORDER BY change, id";
static const char *const marked =
	"SELECT " EVENT_COLUMNS " FROM event WHERE EXISTS(SELECT 1 FROM series_mark WHERE change > "
	"?1 AND change <= ?2) AND institution IN (SELECT n.name FROM series_mark m JOIN "
	"derived_name n ON n.id = m.id WHERE m.change > ?1 AND m.change <= ?2 AND n.kind = 1) AND "
	"NOT (change > ?1 AND change <= ?2) ORDER BY id";

int event_export(const struct tsdb_question *question, int64_t after, int64_t upto,
		 struct tsdb_export *out, struct err *err)
{
	const char *const queries[] = {changed, after > 0 ? marked : NULL};
	struct db_statement *list;
	struct event_row row;
	int rc = 0;

	for (size_t i = 0; i < 2 && queries[i] != NULL && rc == 0; i++) {
		rc = db_prepare(ledger_db(question->reader), &list, queries[i], err);
		if (rc < 0)
			return rc;
		db_bind_int(list, 1, after);
		db_bind_int(list, 2, upto);
		while ((rc = db_step(list, err)) == 1) {
			event_read(list, &row);
			if (row.event.kind != N_EVENT_KINDS)
				write_event(&row, question->registry, out);
		}
		db_finalize(list);
	}
	return rc;
}
