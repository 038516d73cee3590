/* SPDX-License-Identifier: Apache-2.0 */
/* notice_write.h - reminders, drafts on changes and reconciliations as JSON, CSV and plain text.
 * Each writes to the members that are not NULL. */
#ifndef SERVER_NOTICE_WRITE_H
#define SERVER_NOTICE_WRITE_H

#include "common/csv_writer.h"
#include "common/json_writer.h"
#include "server/statistics/notice.h"
#include "server/statistics/reconcile.h"

struct notice_out {
	struct json_writer *json; /* in an object */
	struct csv_writer *csv;   /* behind its heading */
	struct buf *text;         /* one notice a line */
	const struct registry *registry;
	const struct form_schema *schema;
};

extern const char *const reminder_columns[],
	*const change_note_columns[], *const reconcile_columns[]; /* NULL-terminated */

int notice_write_reminders(const struct notice_out *out, const struct fill *fill,
			   const struct summary_question *question, struct err *err);
int notice_write_changes(const struct notice_out *out, const struct fill *fill,
			 const struct report *report, struct err *err);
int notice_write_reconciliation(const struct notice_out *out, const struct figures *figures,
				uint32_t institution, struct span days, struct err *err);

#endif
