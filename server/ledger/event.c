/* SPDX-License-Identifier: Apache-2.0 */
#include "server/ledger/event.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "server/ledger/ledger_private.h"

const char *const severity_names[] = {"info", "warning", "error", NULL};

const struct event_kind_info event_kinds[N_EVENT_KINDS] = {
	[EVENT_TWO_AGENTS] = {"two_agents", SEVERITY_ERROR,
			      "two agents send under one name; closed after an hour without it"},
	[EVENT_TWO_SERVERS] = {"two_servers", SEVERITY_ERROR,
			       "another server at the broker serves, or asks for, a region of this "
			       "one; closed when this one serves, or after an hour without it"},
	[EVENT_TWO_LOWER_SERVERS] =
		{"two_lower_servers", SEVERITY_ERROR,
		 "two servers deliver for one region, or for one within the other; the later one "
		 "is refused; closed when it is taken, or after ten minutes without it"},
	[EVENT_BATCHES_LOST] = {"batches_lost", SEVERITY_WARNING,
				"batches are gone at the agent: found by a gap of numbers, "
				"reported by the agent after its spool was full, or not sent again "
				"to a restored server"},
	[EVENT_CLOCK] = {"clock", SEVERITY_WARNING,
			 "an agent's clock was put back: a batch is older than the one before it; "
			 "closed when the clock has passed that time"},
	[EVENT_UNEXPLAINED_DROP] = {"unexplained_drop", SEVERITY_WARNING,
				    "a register fell without a known reason; no energy until the "
				    "registry or an edit tells what happened"},
	[EVENT_REPLACEMENT] = {"replacement", SEVERITY_WARNING,
			       "a new meter's life began and a register at the change is not "
			       "known; closed when it is"},
	[EVENT_ABOVE_RATING] = {"above_rating", SEVERITY_WARNING,
				"a register rose faster than the meter can; closed after a day "
				"without it"},
	[EVENT_STUCK] = {"stuck", SEVERITY_WARNING,
			 "a register is read but stands still where it used to move; closed when "
			 "it moves"},
	[EVENT_ROLL_OVER] = {"roll_over", SEVERITY_INFO,
			     "a register passed its modulus; the energy counts"},
	[EVENT_GLITCH] = {"glitch", SEVERITY_INFO,
			  "single readings fit neither what is before nor what is after them and "
			  "are not used"},
	[EVENT_BALANCE] = {"balance", SEVERITY_WARNING,
			   "a meter and those below it disagree by a factor: a ratio is wrong"},
	[EVENT_NEGATIVE_REST] = {"negative_rest", SEVERITY_WARNING,
				 "the meters below one count more than it, and no factor explains "
				 "it"},
	[EVENT_METER_SILENT] = {"meter_silent", SEVERITY_WARNING,
				"a meter that used to be read is read no more, or all of an "
				"institution's"},
	[EVENT_AGENT_DOWN] = {"agent_down", SEVERITY_ERROR, "an agent is not heard any more"},
	[EVENT_DATABASE_DOWN] = {"database_down", SEVERITY_ERROR,
				 "a database takes nothing; what is written to it waits"},
	[EVENT_BROKER_DOWN] = {"broker_down", SEVERITY_ERROR,
			       "this server has no connection to its broker"},
	[EVENT_COVERAGE_LOW] = {"coverage_low", SEVERITY_WARNING,
				"too much of an institution's supply is not known"},
	[EVENT_NIGHT_LOAD] = {"night_load_high", SEVERITY_WARNING,
			      "much electricity is used at night"},
	[EVENT_HOLIDAY_LOAD] = {"holiday_load_high", SEVERITY_WARNING,
				"much electricity is used on days without work"},
	[EVENT_SUDDEN_RISE] = {"sudden_rise", SEVERITY_WARNING,
			       "much more electricity than at the same hour of past weeks"},
	[EVENT_WATER_NIGHT_FLOW] = {"water_night_flow", SEVERITY_WARNING,
				    "water flows all night: something leaks"},
	[EVENT_WATER_NIGHT_RISE] = {"water_night_rise", SEVERITY_WARNING,
				    "more water flows all night than in past weeks: something "
				    "leaks"},
	[EVENT_DEMAND] = {"demand_above_contract", SEVERITY_WARNING,
			  "the month's highest demand is above the account's contract"},
	[EVENT_QUOTA] = {"quota_exceeded", SEVERITY_WARNING, "more than the quota allows"},
	[EVENT_TARGET] = {"target_exceeded", SEVERITY_WARNING,
			  "more than the plan's target allows"},
};

int event_find_kind(const char *name)
{
	for (int kind = 0; kind < N_EVENT_KINDS; kind++)
		if (strcmp(event_kinds[kind].name, name) == 0)
			return kind;
	return -1;
}

static void bind_or_empty(struct db_statement *statement, int index, const char *text)
{
	db_bind_string(statement, index, text != NULL ? text : "");
}

/* Parameters 1 to 5. */
static void bind_key(struct db_statement *to, const struct event *key)
{
	bind_or_empty(to, 1, key->meter);
	db_bind_string(to, 2, event_kinds[key->kind].name);
	bind_or_empty(to, 3, key->cause);
	bind_or_empty(to, 4, key->agent);
	bind_or_empty(to, 5, key->institution);
}

/* Runs a statement whose parameter 6 is the change and 7 a time. Returns rows changed. */
static int run_keyed(struct ledger *ledger, enum ledger_sql which, const struct event *key,
		     int64_t time_ms, struct err *err)
{
	struct db_statement *run;
	int rc = ledger_prepared(ledger, which, &run, err);

	assert(ledger->is_open);
	if (rc < 0)
		return rc;
	bind_key(run, key);
	db_bind_int(run, 6, ledger->change);
	db_bind_int(run, 7, time_ms);
	if (which != SQL_EVENT_CLOSE) {
		bind_or_empty(run, 8, key->region);
		db_bind_int(run, 9, key->severity);
		bind_or_empty(run, 10, key->text);
		db_bind_real(run, 11, key->value);
	}
	rc = db_run(run, err);
	return rc < 0 ? rc : (int)db_changes(ledger->db);
}

int event_touch(struct ledger *ledger, const struct event *event, struct err *err)
{
	int rc = run_keyed(ledger, SQL_EVENT_TOUCH, event, event->time_ms, err);

	if (rc == 0) /* not open, or nothing new about it */
		rc = run_keyed(ledger, SQL_EVENT_OPEN, event, event->time_ms, err);
	return rc < 0 ? rc : 0;
}

int event_note(struct ledger *ledger, const struct event *event, struct err *err)
{
	int rc = run_keyed(ledger, SQL_EVENT_NOTE, event, event->time_ms, err);

	return rc < 0 ? rc : 0;
}

int event_close(struct ledger *ledger, const struct event *key, int64_t now_ms, struct err *err)
{
	return run_keyed(ledger, SQL_EVENT_CLOSE, key, now_ms, err);
}

int event_close_quiet(struct ledger *ledger, enum event_kind kind, int64_t quiet_ms, int64_t now_ms,
		      struct err *err)
{
	struct db_statement *close;
	int rc = ledger_prepared(ledger, SQL_EVENT_CLOSE_QUIET, &close, err);

	assert(ledger->is_open);
	if (rc < 0)
		return rc;
	db_bind_int(close, 1, ledger->change);
	db_bind_int(close, 2, now_ms);
	db_bind_string(close, 3, event_kinds[kind].name);
	db_bind_int(close, 4, quiet_ms);
	return db_run(close, err);
}

int event_has_quiet(struct ledger *ledger, enum event_kind kind, int64_t quiet_ms, struct err *err)
{
	struct db_statement *find;
	int rc =
		db_prepare(ledger->db, &find,
			   "SELECT 1 FROM event WHERE kind = ? AND closed_ms IS NULL AND last_ms < "
			   "? LIMIT 1",
			   err);

	if (rc < 0)
		return rc;
	db_bind_string(find, 1, event_kinds[kind].name);
	db_bind_int(find, 2, quiet_ms);
	rc = db_step(find, err);
	db_finalize(find);
	return rc;
}

int event_close_id(struct ledger *ledger, int64_t id, int64_t now_ms, struct err *err)
{
	struct db_statement *close;
	int rc = ledger_prepared(ledger, SQL_EVENT_CLOSE_ID, &close, err);

	assert(ledger->is_open);
	if (rc < 0)
		return rc;
	db_bind_int(close, 1, ledger->change);
	db_bind_int(close, 2, now_ms);
	db_bind_int(close, 3, id);
	return db_run(close, err);
}

int event_acknowledge(struct ledger *ledger, int64_t id, const char *who, const char *note,
		      int64_t now_ms, struct err *err)
{
	struct db_statement *put;
	int rc = ledger_prepared(ledger, SQL_EVENT_ACKNOWLEDGE, &put, err);

	assert(ledger->is_open);
	if (rc < 0)
		return rc;
	db_bind_int(put, 1, ledger->change);
	db_bind_string(put, 2, who);
	db_bind_int(put, 3, now_ms);
	bind_or_empty(put, 4, note);
	db_bind_int(put, 5, id);
	rc = db_run(put, err);
	if (rc == 0 && db_changes(ledger->db) == 0)
		return err_set(err, -ENOENT, "there is no event %lld", (long long)id);
	return rc;
}

static const char *text_of(struct db_statement *row, int column)
{
	const char *text = db_column_text(row, column, NULL);

	return text != NULL ? text : "";
}

void event_read(struct db_statement *row, struct event_row *out)
{
	int kind = event_find_kind(text_of(row, 2));

	*out = (struct event_row){
		.id = db_column_int(row, 0),
		.change = db_column_int(row, 1),
		.event = {.kind = (enum event_kind)(kind < 0 ? N_EVENT_KINDS : kind),
			  .severity = (enum severity)db_column_int(row, 3),
			  .region = text_of(row, 4),
			  .institution = text_of(row, 5),
			  .meter = text_of(row, 6),
			  .agent = text_of(row, 7),
			  .cause = text_of(row, 8),
			  .text = text_of(row, 9),
			  .value = db_column_real(row, 10),
			  .time_ms = db_column_int(row, 11)},
		.last_ms = db_column_int(row, 12),
		.closed_ms = db_column_is_null(row, 13) ? 0 : db_column_int(row, 13),
		.count = db_column_int(row, 14),
		.ack_by = text_of(row, 15),
		.ack_ms = db_column_int(row, 16),
		.ack_note = text_of(row, 17),
	};
}

int event_find_open(struct ledger *ledger, const struct event *key, struct event_open *out,
		    struct err *err)
{
	struct db_statement *find;
	int rc = ledger_prepared(ledger, SQL_EVENT_FIND_OPEN, &find, err);

	if (rc < 0)
		return rc;
	bind_key(find, key);
	rc = db_step(find, err);
	if (rc != 1)
		return rc;
	*out = (struct event_open){.id = db_column_int(find, 0),
				   .opened_ms = db_column_int(find, 1),
				   .last_ms = db_column_int(find, 2),
				   .severity = (enum severity)db_column_int(find, 3),
				   .value = db_column_real(find, 4)};
	db_reset(find);
	return 1;
}

int event_each_open(struct ledger *ledger, const char *meter, event_fn fn, void *arg,
		    struct err *err)
{
	struct db_statement *list;
	struct event_row row;
	int rc = ledger_prepared(ledger, SQL_EVENT_OPEN_OF, &list, err);

	if (rc < 0)
		return rc;
	db_bind_string(list, 1, meter);
	while ((rc = db_step(list, err)) == 1) {
		event_read(list, &row);
		rc = fn(&row, arg);
		if (rc != 0) {
			db_reset(list);
			return rc;
		}
	}
	return rc;
}

const char *const event_state_names[] = {"any", "open", "closed", NULL};

static int each(struct db_statement *list, event_fn fn, void *arg, struct err *err)
{
	struct event_row row;
	int rc;

	while ((rc = db_step(list, err)) == 1) {
		event_read(list, &row);
		rc = fn(&row, arg);
		if (rc != 0)
			break;
	}
	db_finalize(list);
	return rc;
}

int event_list(struct ledger *ledger, const struct event_query *query, event_fn fn, void *arg,
	       struct err *err)
{
	struct db_statement *list;
	int rc = db_prepare(ledger_db(ledger), &list,
			    "SELECT " EVENT_COLUMNS
			    " FROM event WHERE last_ms >= ?1 AND severity >= ?2 AND (?3 = 0 OR id "
			    "< ?3) AND (?4 = 0 OR (?4 = 1) = (closed_ms IS NULL)) AND (?5 IS NULL "
			    "OR kind = ?5) AND (?6 IS NULL OR institution = ?6) AND (?7 IS NULL OR "
			    "meter = ?7) ORDER BY id DESC",
			    err);

	if (rc < 0)
		return rc;
	db_bind_int(list, 1, query->since_ms);
	db_bind_int(list, 2, query->min_severity);
	db_bind_int(list, 3, query->before_id);
	db_bind_int(list, 4, (int)query->state);
	db_bind_string(list, 5, query->kind);
	db_bind_string(list, 6, query->institution);
	db_bind_string(list, 7, query->meter);
	return each(list, fn, arg, err);
}

int event_get(struct ledger *ledger, int64_t id, event_fn fn, void *arg, struct err *err)
{
	struct db_statement *get;
	int rc = db_prepare(ledger_db(ledger), &get,
			    "SELECT " EVENT_COLUMNS " FROM event WHERE id = ?1", err);

	if (rc < 0)
		return rc;
	db_bind_int(get, 1, id);
	return each(get, fn, arg, err);
}
