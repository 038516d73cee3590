/* SPDX-License-Identifier: Apache-2.0 */
#include "server/alarm/outbox.h"

#include <stdlib.h>

#include "common/json_writer.h"
#include "common/mem.h"

/* No older notice n of the same event waits, alone or in a summary. */
#define IS_FREE                                                                                \
	"NOT EXISTS(SELECT 1 FROM alarm_notice AS o WHERE o.event = n.event AND n.event <> 0 " \
	"AND o.receiver = n.receiver AND o.id < n.id AND (o.state = 0 OR (o.state = 3 AND "    \
	"(SELECT s.state FROM alarm_notice AS s WHERE s.id = o.summary) = 0)))"
/* What may still become part of a summary: it was never on its way. */
#define IS_LOOSE    "receiver = ?1 AND state = 0 AND attempts = 0 AND members = 0"
#define IS_LOOSE_OF IS_LOOSE " AND rule = ?2 AND what = ?3"

enum sql {
	SQL_BEHIND,
	SQL_EVENTS,
	SQL_ADD,
	SQL_HAS,
	SQL_DUE,
	SQL_GROUPS,
	SQL_TOLD,
	SQL_HOLD,
	SQL_MEMBERS,
	SQL_GATHER,
	SQL_NOTE,
	SQL_OTHERS,
	SQL_RETRY,
	SQL_PRUNE,
	SQL_WAITING,
	SQL_GET,
	SQL_SET,
	N_SQL
};

static const char *const statements[N_SQL] = {
	[SQL_BEHIND] = "SELECT EXISTS(SELECT 1 FROM event WHERE change > (SELECT value FROM meta "
		       "WHERE name = 'alarm_cursor'))",
	[SQL_EVENTS] = "SELECT " EVENT_COLUMNS " FROM event WHERE change > ?1 ORDER BY change, id",
	[SQL_ADD] = "INSERT OR IGNORE INTO alarm_notice(receiver, key, event, state, attempts, "
		    "due_ms, made_ms, done_ms, trouble, body, rule, what, members) VALUES(?1, ?2, "
		    "?3, 0, 0, ?4, ?5, 0, '', ?6, ?7, ?8, ?9)",
	[SQL_HAS] = "SELECT EXISTS(SELECT 1 FROM alarm_notice WHERE receiver = ?1 AND key = ?2)",
	[SQL_DUE] = "SELECT id, key, event, attempts, made_ms, body FROM alarm_notice AS n WHERE "
		    "receiver = ?1 AND state = 0 AND due_ms <= ?2 AND " IS_FREE " ORDER BY id",
	[SQL_GROUPS] =
		"SELECT rule, what, count(*), min(made_ms), max(iif(due_ms - made_ms > ?3, "
		"due_ms, 0)) FROM alarm_notice AS n WHERE " IS_LOOSE " AND rule <> '' AND " IS_FREE
		" GROUP BY rule, what HAVING min(due_ms) <= ?2",
	[SQL_TOLD] = "SELECT count(*) FILTER (WHERE members = 0 AND state <> 3 AND (state <> 0 OR "
		     "attempts > 0)), max(made_ms) FILTER (WHERE members > 0) FROM alarm_notice "
		     "WHERE receiver = ?1 AND rule = ?2 AND what = ?3 AND made_ms > ?4",
	[SQL_HOLD] = "UPDATE alarm_notice SET due_ms = ?4 WHERE " IS_LOOSE_OF " AND due_ms < ?4",
	[SQL_MEMBERS] = "SELECT event, key, made_ms FROM alarm_notice AS n WHERE " IS_LOOSE_OF
			" AND " IS_FREE " ORDER BY id",
	[SQL_GATHER] = "UPDATE alarm_notice AS n SET state = 3, done_ms = ?4, summary = ?5 "
		       "WHERE " IS_LOOSE_OF " AND " IS_FREE,
	[SQL_NOTE] = "UPDATE alarm_notice SET state = ?2, attempts = attempts + 1, due_ms = ?3, "
		     "done_ms = ?4, trouble = ?5 WHERE id = ?1 AND state = 0",
	[SQL_OTHERS] = "UPDATE alarm_notice SET state = 2, done_ms = ?2, trouble = 'there is no "
		       "such receiver any more' WHERE state = 0 AND receiver NOT IN (SELECT value "
		       "FROM json_each(?1))",
	[SQL_RETRY] = "UPDATE alarm_notice SET due_ms = ?2 WHERE state = 0 AND attempts > 0 AND "
		      "due_ms > ?2 AND (?1 IS NULL OR receiver = ?1)",
	[SQL_PRUNE] = "DELETE FROM alarm_notice WHERE state <> 0 AND done_ms < ?1 AND NOT "
		      "EXISTS(SELECT 1 FROM event WHERE event.id = alarm_notice.event AND "
		      "closed_ms IS NULL)",
	[SQL_WAITING] = "SELECT count(*), min(made_ms) FROM alarm_notice WHERE receiver = ?1 AND "
			"state = 0",
	[SQL_GET] = "SELECT value FROM meta WHERE name = ?1",
	[SQL_SET] = "REPLACE INTO meta(name, value) VALUES(?1, ?2)",
};

struct alarm_outbox {
	struct ledger *ledger;
	struct db_statement *statements[N_SQL];
};

int alarm_outbox_open(struct alarm_outbox **out, struct ledger *ledger, struct err *err)
{
	struct alarm_outbox *outbox = xcalloc(1, sizeof *outbox);
	int rc = 0;

	outbox->ledger = ledger;
	for (int i = 0; i < N_SQL && rc == 0; i++)
		rc = db_prepare(ledger_db(ledger), &outbox->statements[i], statements[i], err);
	if (rc < 0)
		alarm_outbox_close(outbox);
	else
		*out = outbox;
	return rc;
}

void alarm_outbox_close(struct alarm_outbox *outbox)
{
	if (outbox == NULL)
		return;
	for (int i = 0; i < N_SQL; i++)
		db_finalize(outbox->statements[i]);
	free(outbox);
}

/* The one number that a question gives; otherwise where there is no row. */
static int one_number(struct db_statement *get, int64_t otherwise, int64_t *value, struct err *err)
{
	int rc = db_step(get, err);

	if (rc < 0)
		return rc;
	*value = rc == 1 ? db_column_int(get, 0) : otherwise;
	db_reset(get);
	return 0;
}

int alarm_outbox_get(struct alarm_outbox *outbox, const char *name, int64_t otherwise,
		     int64_t *value, struct err *err)
{
	db_bind_string(outbox->statements[SQL_GET], 1, name);
	return one_number(outbox->statements[SQL_GET], otherwise, value, err);
}

int alarm_outbox_set(struct alarm_outbox *outbox, const char *name, int64_t value, struct err *err)
{
	struct db_statement *set = outbox->statements[SQL_SET];

	db_bind_string(set, 1, name);
	db_bind_int(set, 2, value);
	return db_run(set, err);
}

/* ---- events ---- */

int alarm_outbox_is_behind(struct alarm_outbox *outbox, bool *behind, struct err *err)
{
	int64_t found = 0;
	int rc = one_number(outbox->statements[SQL_BEHIND], 0, &found, err);

	*behind = found != 0;
	return rc;
}

/* Events of one transaction have one change: only with all of them is it done. */
int alarm_outbox_take_events(struct alarm_outbox *outbox, size_t max, event_fn fn, void *arg,
			     struct err *err)
{
	struct db_statement *list = outbox->statements[SQL_EVENTS];
	struct event_row row;
	int64_t cursor = 0;
	size_t n = 0;
	int rc = alarm_outbox_get(outbox, "alarm_cursor", 0, &cursor, err);

	if (rc < 0)
		return rc;
	db_bind_int(list, 1, cursor);
	while ((rc = db_step(list, err)) == 1) {
		event_read(list, &row);
		if (n >= max && row.change != cursor)
			break;
		rc = fn(&row, arg);
		if (rc < 0)
			break;
		cursor = row.change;
		n++;
	}
	db_reset(list);
	return rc < 0 ? rc : alarm_outbox_set(outbox, "alarm_cursor", cursor, err);
}

/* ---- notices ---- */

int alarm_outbox_add(struct alarm_outbox *outbox, const struct alarm_notice *notice,
		     struct err *err)
{
	struct db_statement *add = outbox->statements[SQL_ADD];
	int rc;

	db_bind_string(add, 1, notice->receiver);
	db_bind_string(add, 2, notice->key);
	db_bind_int(add, 3, notice->event);
	db_bind_int(add, 4, notice->due_ms);
	db_bind_int(add, 5, notice->made_ms);
	db_bind_blob(add, 6, notice->body, notice->len);
	db_bind_string(add, 7, notice->rule != NULL ? notice->rule : "");
	db_bind_int(add, 8, notice->what);
	db_bind_int(add, 9, notice->members);
	rc = db_run(add, err);
	return rc < 0 ? rc : (int)db_changes(ledger_db(outbox->ledger));
}

int alarm_outbox_has(struct alarm_outbox *outbox, const char *receiver, const char *key,
		     struct err *err)
{
	struct db_statement *has = outbox->statements[SQL_HAS];
	int64_t found = 0;
	int rc;

	db_bind_string(has, 1, receiver);
	db_bind_string(has, 2, key);
	rc = one_number(has, 0, &found, err);
	return rc < 0 ? rc : (int)found;
}

int alarm_outbox_due(struct alarm_outbox *outbox, const char *receiver, int64_t now_ms,
		     alarm_notice_fn fn, void *arg, struct err *err)
{
	struct db_statement *list = outbox->statements[SQL_DUE];
	int rc;

	db_bind_string(list, 1, receiver);
	db_bind_int(list, 2, now_ms);
	while ((rc = db_step(list, err)) == 1) {
		struct alarm_notice notice = {.id = db_column_int(list, 0),
					      .receiver = receiver,
					      .key = db_column_text(list, 1, NULL),
					      .event = db_column_int(list, 2),
					      .attempts = db_column_int(list, 3),
					      .made_ms = db_column_int(list, 4)};

		notice.body = db_column_blob(list, 5, &notice.len);
		rc = fn(&notice, arg);
		if (rc != 0)
			break;
	}
	db_reset(list);
	return rc;
}

/* ---- many as one ---- */

int alarm_outbox_groups(struct alarm_outbox *outbox, const struct alarm_moment *moment,
			alarm_group_fn fn, void *arg, struct err *err)
{
	struct db_statement *list = outbox->statements[SQL_GROUPS];
	int rc;

	db_bind_string(list, 1, moment->receiver);
	db_bind_int(list, 2, moment->now_ms);
	db_bind_int(list, 3, moment->gather_ms);
	while ((rc = db_step(list, err)) == 1) {
		struct alarm_group group = {.receiver = moment->receiver,
					    .rule = db_column_text(list, 0, NULL),
					    .what = (int)db_column_int(list, 1),
					    .waiting = db_column_int(list, 2),
					    .first_ms = db_column_int(list, 3),
					    .held_ms = db_column_int(list, 4)};

		rc = fn(&group, arg);
		if (rc != 0)
			break;
	}
	db_reset(list);
	return rc;
}

static void bind_group(struct db_statement *statement, const struct alarm_group *group)
{
	db_bind_string(statement, 1, group->receiver);
	db_bind_string(statement, 2, group->rule);
	db_bind_int(statement, 3, group->what);
}

int alarm_outbox_told(struct alarm_outbox *outbox, const struct alarm_group *group,
		      int64_t since_ms, int64_t *told, int64_t *summary_ms, struct err *err)
{
	struct db_statement *get = outbox->statements[SQL_TOLD];
	int rc;

	bind_group(get, group);
	db_bind_int(get, 4, since_ms);
	rc = db_step(get, err);
	if (rc < 0)
		return rc;
	*told = db_column_int(get, 0);
	*summary_ms = db_column_is_null(get, 1) ? 0 : db_column_int(get, 1);
	db_reset(get);
	return 0;
}

int alarm_outbox_hold(struct alarm_outbox *outbox, const struct alarm_group *group,
		      int64_t until_ms, struct err *err)
{
	struct db_statement *hold = outbox->statements[SQL_HOLD];

	bind_group(hold, group);
	db_bind_int(hold, 4, until_ms);
	return db_run(hold, err);
}

int alarm_outbox_members(struct alarm_outbox *outbox, const struct alarm_group *group,
			 alarm_notice_fn fn, void *arg, struct err *err)
{
	struct db_statement *list = outbox->statements[SQL_MEMBERS];
	int rc;

	bind_group(list, group);
	while ((rc = db_step(list, err)) == 1) {
		struct alarm_notice notice = {.receiver = group->receiver,
					      .event = db_column_int(list, 0),
					      .key = db_column_text(list, 1, NULL),
					      .made_ms = db_column_int(list, 2)};

		rc = fn(&notice, arg);
		if (rc != 0)
			break;
	}
	db_reset(list);
	return rc;
}

int alarm_outbox_gather(struct alarm_outbox *outbox, const struct alarm_group *group,
			const struct alarm_notice *summary, struct err *err)
{
	struct db_statement *gather = outbox->statements[SQL_GATHER];
	int rc = alarm_outbox_add(outbox, summary, err);

	if (rc <= 0)
		return rc;
	bind_group(gather, group);
	db_bind_int(gather, 4, summary->made_ms);
	db_bind_int(gather, 5, db_last_rowid(ledger_db(outbox->ledger)));
	return db_run(gather, err);
}

int alarm_outbox_note(struct alarm_outbox *outbox, int64_t id, const struct alarm_outcome *outcome,
		      struct err *err)
{
	struct db_statement *note = outbox->statements[SQL_NOTE];

	db_bind_int(note, 1, id);
	db_bind_int(note, 2, outcome->state);
	db_bind_int(note, 3, outcome->due_ms);
	db_bind_int(note, 4, outcome->state == NOTICE_WAITING ? 0 : outcome->now_ms);
	db_bind_string(note, 5, outcome->trouble);
	return db_run(note, err);
}

int alarm_outbox_keep_receivers(struct alarm_outbox *outbox, const char *const *names, size_t n,
				int64_t now_ms, struct err *err)
{
	struct db_statement *others = outbox->statements[SQL_OTHERS];
	struct buf list = {0};
	struct json_writer json = {.out = &list};
	int rc;

	json_begin_array(&json, NULL);
	for (size_t i = 0; i < n; i++)
		json_add_string(&json, NULL, names[i]);
	json_end_array(&json);
	db_bind_text(others, 1, list.data, list.len);
	db_bind_int(others, 2, now_ms);
	rc = db_run(others, err);
	buf_fini(&list);
	return rc < 0 ? rc : (int)db_changes(ledger_db(outbox->ledger));
}

int alarm_outbox_retry(struct alarm_outbox *outbox, const char *receiver, int64_t now_ms,
		       struct err *err)
{
	struct db_statement *retry = outbox->statements[SQL_RETRY];
	int rc;

	db_bind_string(retry, 1, receiver);
	db_bind_int(retry, 2, now_ms);
	rc = db_run(retry, err);
	return rc < 0 ? rc : (int)db_changes(ledger_db(outbox->ledger));
}

int alarm_outbox_prune(struct alarm_outbox *outbox, int64_t before_ms, struct err *err)
{
	db_bind_int(outbox->statements[SQL_PRUNE], 1, before_ms);
	return db_run(outbox->statements[SQL_PRUNE], err);
}

int alarm_outbox_waiting(struct alarm_outbox *outbox, const char *receiver, int64_t *n,
			 int64_t *since_ms, struct err *err)
{
	struct db_statement *get = outbox->statements[SQL_WAITING];
	int rc;

	db_bind_string(get, 1, receiver);
	rc = db_step(get, err);
	if (rc < 0)
		return rc;
	*n = db_column_int(get, 0);
	*since_ms = *n > 0 ? db_column_int(get, 1) : 0;
	db_reset(get);
	return 0;
}
