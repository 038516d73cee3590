/* SPDX-License-Identifier: Apache-2.0 */
#include "server/statistics/filing.h"

#include <errno.h>
#include <string.h>

#include "common/json_writer.h"

const char *const filing_state_names[] = {"draft",  "submitted", "returned", "approved",
					  "locked", "restating", NULL};
const char *const filing_state_zh[] = {"草稿",   "已提交", "已退回", "已审核",
				       "已锁定", "更正",   NULL};
const char *const filing_action_names[] = {"submit", "return", "approve", "lock", "restate", NULL};

bool filing_is_open(enum filing_state state)
{
	return state == FILING_DRAFT || state == FILING_RETURNED || state == FILING_RESTATING;
}

/* ---- loading ---- */

static const char *keep(struct filing *filing, struct db_statement *row, int column)
{
	size_t len;
	const char *text = db_column_text(row, column, &len);

	return arena_strndup(filing->arena, text, len);
}

static int load_head(struct filing *filing, struct db *db, struct err *err)
{
	struct db_statement *row;
	int rc = db_prepare(db, &row,
			    "SELECT id, state, version, submitted_by, filler, checker, head, "
			    "phone, changed_at FROM filing WHERE year = ? AND quarter = ? AND "
			    "institution = ?",
			    err);

	if (rc < 0)
		return rc;
	db_bind_int(row, 1, filing->year);
	db_bind_int(row, 2, filing->quarter);
	db_bind_string(row, 3, filing->institution);
	rc = db_step(row, err);
	if (rc == 1) {
		filing->id = db_column_int(row, 0);
		filing->state = (enum filing_state)db_column_int(row, 1);
		filing->version = db_column_int(row, 2);
		filing->submitted_by = keep(filing, row, 3);
		filing->filler = keep(filing, row, 4);
		filing->checker = keep(filing, row, 5);
		filing->head = keep(filing, row, 6);
		filing->phone = keep(filing, row, 7);
		filing->changed_ms = db_column_int(row, 8);
	}
	db_finalize(row);
	return rc < 0 ? rc : 0;
}

static void take_value(struct filing *filing, const struct form_schema *schema,
		       struct db_statement *row)
{
	size_t line = form_find_line(schema, db_column_text(row, 0, NULL));
	struct filing_value *value;

	if (line == SIZE_MAX)
		return; /* of a schema that had more lines */
	value = &filing->values[line];
	value->has_filled = !db_column_is_null(row, 1);
	value->filled = db_column_int(row, 1);
	value->has_filed = !db_column_is_null(row, 2);
	value->filed = db_column_int(row, 2);
	value->words = keep(filing, row, 3);
	value->remark = keep(filing, row, 4);
}

static int load_values(struct filing *filing, struct db *db, const struct form_schema *schema,
		       struct err *err)
{
	struct db_statement *row;
	int rc = db_prepare(db, &row,
			    "SELECT code, filled, filed, words, remark FROM filing_value WHERE "
			    "filing = ?",
			    err);

	if (rc < 0)
		return rc;
	db_bind_int(row, 1, filing->id);
	while ((rc = db_step(row, err)) == 1)
		take_value(filing, schema, row);
	db_finalize(row);
	return rc;
}

int filing_load(struct filing *out, struct db *db, const struct form_schema *schema,
		const struct filing *key, struct err *err)
{
	int rc;

	*out = (struct filing){.year = key->year,
			       .quarter = key->quarter,
			       .institution = key->institution,
			       .version = 1,
			       .submitted_by = "",
			       .filler = "",
			       .checker = "",
			       .head = "",
			       .phone = "",
			       .arena = arena_create()};
	out->values = arena_alloc(out->arena, (schema->n_lines + 1) * sizeof *out->values);
	for (size_t i = 0; i < schema->n_lines; i++)
		out->values[i].words = out->values[i].remark = "";
	rc = load_head(out, db, err);
	if (rc == 0 && out->id != 0)
		rc = load_values(out, db, schema, err);
	if (rc < 0)
		filing_fini(out);
	return rc;
}

void filing_fini(struct filing *filing)
{
	arena_destroy(filing->arena);
	*filing = (struct filing){0};
}

/* ---- writing ---- */

static int insert(struct db *db, struct filing *filing, struct err *err)
{
	struct db_statement *put;
	int rc = db_prepare(db, &put,
			    "INSERT INTO filing(year, quarter, institution, state, version, "
			    "submitted_by, filler, checker, head, phone, changed_at) VALUES(?, ?, "
			    "?, 0, 1, '', '', '', '', '', 0)",
			    err);

	if (rc < 0)
		return rc;
	db_bind_int(put, 1, filing->year);
	db_bind_int(put, 2, filing->quarter);
	db_bind_string(put, 3, filing->institution);
	rc = db_run(put, err);
	db_finalize(put);
	filing->id = db_last_rowid(db);
	return rc;
}

static int save_head(struct db *db, struct filing *filing, const struct filing_change *change,
		     struct err *err)
{
	struct db_statement *put;
	int rc = db_prepare(db, &put,
			    "UPDATE filing SET state = ?, version = ?, submitted_by = ?, filler = "
			    "?, checker = ?, head = ?, phone = ?, changed_at = ? WHERE id = ?",
			    err);

	if (rc < 0)
		return rc;
	filing->changed_ms = change->at_ms;
	db_bind_int(put, 1, filing->state);
	db_bind_int(put, 2, filing->version);
	db_bind_string(put, 3, filing->submitted_by);
	db_bind_string(put, 4, filing->filler);
	db_bind_string(put, 5, filing->checker);
	db_bind_string(put, 6, filing->head);
	db_bind_string(put, 7, filing->phone);
	db_bind_int(put, 8, filing->changed_ms);
	db_bind_int(put, 9, filing->id);
	rc = db_run(put, err);
	db_finalize(put);
	return rc;
}

static int save_value(struct db *db, const struct filing *filing, const char *code,
		      const struct filing_value *value, struct err *err)
{
	struct db_statement *put;
	int rc = db_prepare(db, &put,
			    "REPLACE INTO filing_value(filing, code, filled, filed, words, remark) "
			    "VALUES(?, ?, ?, ?, ?, ?)",
			    err);

	if (rc < 0)
		return rc;
	db_bind_int(put, 1, filing->id);
	db_bind_string(put, 2, code);
	if (value->has_filled)
		db_bind_int(put, 3, value->filled);
	if (value->has_filed)
		db_bind_int(put, 4, value->filed);
	db_bind_string(put, 5, value->words);
	db_bind_string(put, 6, value->remark);
	rc = db_run(put, err);
	db_finalize(put);
	return rc;
}

static int add_event(struct db *db, const struct filing *filing, const char *action,
		     const struct filing_change *change, const char *detail, struct err *err)
{
	struct db_statement *put;
	int rc = db_prepare(db, &put,
			    "INSERT INTO filing_event(filing, version, at, who, action, state, "
			    "why, detail) VALUES(?, ?, ?, ?, ?, ?, ?, ?)",
			    err);

	if (rc < 0)
		return rc;
	db_bind_int(put, 1, filing->id);
	db_bind_int(put, 2, filing->version);
	db_bind_int(put, 3, change->at_ms);
	db_bind_string(put, 4, change->who);
	db_bind_string(put, 5, action);
	db_bind_int(put, 6, filing->state);
	db_bind_string(put, 7, change->why != NULL ? change->why : "");
	db_bind_string(put, 8, detail != NULL ? detail : "");
	rc = db_run(put, err);
	db_finalize(put);
	return rc;
}

/* ---- edits ---- */

static void write_value(struct json_writer *json, const char *code,
			const struct filing_value *value)
{
	json_begin_object(json, code);
	if (value->has_filled)
		json_add_micro(json, "filled", value->filled);
	if (value->has_filed)
		json_add_micro(json, "filed", value->filed);
	if (value->words[0] != '\0')
		json_add_string(json, "words", value->words);
	if (value->remark[0] != '\0')
		json_add_string(json, "remark", value->remark);
	json_end_object(json);
}

/* Nobody uses or pays so much; hundreds of such figures can still be added up. */
static const int64_t filed_max = 10000000000;

static int refuse_closed(const struct filing *filing, struct err *err)
{
	return err_set(err, -EBUSY, "the report is %s (%s): it must be returned or restated first",
		       filing_state_names[filing->state], filing_state_zh[filing->state]);
}

static void take_people(struct filing *filing, const struct filing_change *change)
{
	const char **people[] = {&filing->filler, &filing->checker, &filing->head, &filing->phone};

	for (size_t i = 0; i < 4; i++)
		if (change->people[i] != NULL)
			*people[i] = arena_strndup(filing->arena, change->people[i],
						   strlen(change->people[i]));
}

static void take_edit(struct filing_value *value, const struct filing_edit *edit)
{
	if (edit->clears || edit->has_filed) {
		value->has_filed = edit->has_filed;
		value->filed = edit->has_filed ? edit->filed : 0;
	}
	if (edit->words != NULL)
		value->words = edit->words;
	if (edit->remark != NULL)
		value->remark = edit->remark;
}

static bool is_too_long(const char *text)
{
	return text != NULL && strlen(text) > FILING_TEXT_MAX;
}

static int refuse_size(const struct form_schema *schema, const struct filing_change *change,
		       struct err *err)
{
	for (size_t i = 0; i < change->n_edits; i++) {
		const struct filing_edit *edit = &change->edits[i];

		if (is_too_long(edit->words) || is_too_long(edit->remark))
			return err_set(err, -EINVAL, "%s (%s): a text of more than %d bytes",
				       schema->lines[edit->line].code,
				       schema->lines[edit->line].name, FILING_TEXT_MAX);
		if (edit->filed > filed_max * MICRO || edit->filed < -filed_max * MICRO)
			return err_set(err, -EINVAL, "%s (%s): filed is more than %lld",
				       schema->lines[edit->line].code,
				       schema->lines[edit->line].name, (long long)filed_max);
	}
	return 0;
}

int filing_change(struct db *db, const struct form_schema *schema, struct filing *filing,
		  const struct filing_change *change, struct err *err)
{
	struct buf detail = {0};
	struct json_writer json = {.out = &detail};
	int rc;

	if (!filing_is_open(filing->state))
		return refuse_closed(filing, err);
	rc = refuse_size(schema, change, err);
	if (rc < 0)
		return rc;
	if (filing->id == 0)
		rc = insert(db, filing, err);
	take_people(filing, change);
	json_begin_object(&json, NULL);
	for (size_t i = 0; i < change->n_edits && rc == 0; i++) {
		size_t line = change->edits[i].line;
		const char *code = schema->lines[line].code;
		struct filing_value *value = &filing->values[line];

		take_edit(value, &change->edits[i]);
		write_value(&json, code, value);
		rc = save_value(db, filing, code, value, err);
	}
	json_end_object(&json);
	if (rc == 0)
		rc = save_head(db, filing, change, err);
	if (rc == 0)
		rc = add_event(db, filing, "edit", change, detail.data, err);
	buf_fini(&detail);
	return rc;
}

/* ---- the way from draft to locked ---- */

static const struct step {
	unsigned from; /* set of 1u << state */
	enum filing_state to;
	bool needs_why;
} steps[N_FILING_ACTIONS] = {
	[FILING_SUBMIT] = {1u << FILING_DRAFT | 1u << FILING_RETURNED | 1u << FILING_RESTATING,
			   FILING_SUBMITTED, false},
	[FILING_RETURN] = {1u << FILING_SUBMITTED | 1u << FILING_APPROVED, FILING_RETURNED, true},
	[FILING_APPROVE] = {1u << FILING_SUBMITTED, FILING_APPROVED, false},
	[FILING_LOCK] = {1u << FILING_APPROVED, FILING_LOCKED, false},
	[FILING_RESTATE] = {1u << FILING_LOCKED, FILING_RESTATING, true},
};

static int may_act(const struct filing *filing, enum filing_action action,
		   const struct filing_change *change, struct err *err)
{
	const struct step *step = &steps[action];

	if ((step->from & 1u << filing->state) == 0)
		return err_set(err, -EBUSY, "the report is %s (%s): '%s' is not the next step",
			       filing_state_names[filing->state], filing_state_zh[filing->state],
			       filing_action_names[action]);
	if (step->needs_why && (change->why == NULL || change->why[0] == '\0'))
		return err_set(err, -EINVAL, "'%s' needs a reason", filing_action_names[action]);
	if (action == FILING_APPROVE && strcmp(filing->submitted_by, change->who) == 0)
		return err_set(
			err, -EPERM,
			"who submitted a report cannot approve it (提交人与审核人不得为同一人)");
	return 0;
}

/* All values as they stand: what was submitted, and what a restatement replaces. */
static void write_values(const struct form_schema *schema, const struct filing *filing,
			 struct buf *out)
{
	struct json_writer json = {.out = out};

	json_begin_object(&json, NULL);
	for (size_t i = 0; i < schema->n_lines; i++) {
		const struct filing_value *value = &filing->values[i];

		if (value->has_filled || value->has_filed || value->words[0] != '\0' ||
		    value->remark[0] != '\0')
			write_value(&json, schema->lines[i].code, value);
	}
	json_end_object(&json);
}

int filing_act(struct db *db, const struct form_schema *schema, struct filing *filing,
	       enum filing_action action, const struct filing_change *change, struct err *err)
{
	struct buf detail = {0};
	int rc = may_act(filing, action, change, err);

	if (rc == 0 && filing->id == 0)
		rc = insert(db, filing, err);
	if (rc < 0)
		return rc;
	filing->state = steps[action].to;
	if (action == FILING_SUBMIT) {
		filing->submitted_by =
			arena_strndup(filing->arena, change->who, strlen(change->who));
		for (size_t i = 0; i < schema->n_lines && rc == 0; i++)
			rc = save_value(db, filing, schema->lines[i].code, &filing->values[i], err);
	}
	if (action == FILING_SUBMIT || action == FILING_RESTATE)
		write_values(schema, filing, &detail);
	if (rc == 0)
		rc = add_event(db, filing, filing_action_names[action], change, detail.data, err);
	if (action == FILING_RESTATE)
		filing->version++;
	if (rc == 0)
		rc = save_head(db, filing, change, err);
	buf_fini(&detail);
	return rc;
}

int filing_each_event(struct db *db, int64_t filing, filing_event_fn fn, void *arg, struct err *err)
{
	struct db_statement *row;
	int rc = db_prepare(db, &row,
			    "SELECT version, at, who, action, state, why, detail FROM filing_event "
			    "WHERE filing = ? ORDER BY id",
			    err);

	if (rc < 0)
		return rc;
	db_bind_int(row, 1, filing);
	while ((rc = db_step(row, err)) == 1) {
		struct filing_event event = {.version = db_column_int(row, 0),
					     .at_ms = db_column_int(row, 1),
					     .who = db_column_text(row, 2, NULL),
					     .action = db_column_text(row, 3, NULL),
					     .state = (enum filing_state)db_column_int(row, 4),
					     .why = db_column_text(row, 5, NULL),
					     .detail = db_column_text(row, 6, NULL)};

		fn(&event, arg);
	}
	db_finalize(row);
	return rc;
}
