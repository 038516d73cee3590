/* SPDX-License-Identifier: Apache-2.0 */
#include "server/figures/event_export.h"

#include <string.h>

#include "server/ledger/event.h"

static void add_tag(struct buf *buf, const char *name, const char *value)
{
	if (value[0] == '\0')
		return;
	buf_add_char(buf, ',');
	buf_add_text(buf, name);
	buf_add_char(buf, '=');
	for (; *value != '\0'; value++) {
		if (strchr(", =\\", *value) != NULL)
			buf_add_char(buf, '\\');
		buf_add_char(buf, *value);
	}
}

static void add_text(struct buf *buf, const char *name, const char *text)
{
	buf_add_text(buf, name);
	buf_add_text(buf, "=\"");
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			buf_add_char(buf, '\\');
		buf_add_char(buf, (unsigned char)*text < ' ' ? ' ' : *text);
	}
	buf_add_char(buf, '"');
}

static void write_event(const struct event_row *row, struct tsdb_export *out)
{
	const struct event *event = &row->event;
	struct buf *lines = &out->lines;

	buf_add_text(lines, "event");
	add_tag(lines, "region", event->region);
	add_tag(lines, "institution", event->institution);
	add_tag(lines, "meter", event->meter);
	add_tag(lines, "kind", event_kinds[event->kind].name);
	add_tag(lines, "severity", severity_names[event->severity]);
	buf_add_char(lines, ' ');
	add_text(lines, "text", event->text);
	buf_add_text(lines, ",value=");
	buf_printf(lines, "%.17g", event->value);
	buf_add_char(lines, ',');
	add_text(lines, "state", row->closed_ms == 0 ? "open" : "closed");
	buf_add_char(lines, ',');
	add_text(lines, "agent", event->agent);
	buf_printf(lines, ",count=%lldi %lld\n", (long long)row->count, (long long)event->time_ms);
	out->n_lines++;
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
