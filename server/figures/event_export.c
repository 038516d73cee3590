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

static void write_event(const struct event_row *row, struct tsdb_export *out)
{
	const struct event *event = &row->event;
	struct export_line line;

	export_line_begin(&line, out, "event");
	export_line_tag(&line, "region", event->region);
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

int event_export(struct ledger *reader, int64_t after, int64_t upto, struct tsdb_export *out,
		 struct err *err)
{
	struct db_statement *list;
	struct event_row row;
	int rc = db_prepare(ledger_db(reader), &list,
			    "SELECT " EVENT_COLUMNS
			    " FROM event WHERE change > ? AND change <= ? ORDER BY change, id",
			    err);

	if (rc < 0)
		return rc;
	db_bind_int(list, 1, after);
	db_bind_int(list, 2, upto);
	while ((rc = db_step(list, err)) == 1) {
		event_read(list, &row);
		if (row.event.kind != N_EVENT_KINDS)
			write_event(&row, out);
	}
	db_finalize(list);
	return rc;
}
