/* SPDX-License-Identifier: Apache-2.0 */
/* Statistics forms: figures filed, and the way from draft to locked. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/api/api_statistics.h"

#define REVIEWERS (API_ROLE(ROLE_REVIEWER) | API_ROLE(ROLE_ADMIN))

enum { REASON_MAX = 500 };

/* A change under way: everything is read and written by one writer's transaction. */
struct changing {
	struct api_call *call;
	struct ledger *ledger;
	struct derived *derived;
	struct figures figures;
	struct fill fill;
	struct report report;
	json_t *body; /* an object */
	struct filing_change change;
	struct filing_edit edits[FORM_LINES_MAX];
	size_t n_edits;
};

static void answer_failure(struct api_call *call, int rc, const struct err *err)
{
	if (rc == -EBUSY)
		api_problem(call, 409, "conflict", "%s", err->text);
	else if (rc == -EINVAL)
		api_problem(call, 400, "bad-body", "%s", err->text);
	else if (rc == -EPERM)
		api_problem(call, 403, "forbidden", "%s", err->text);
	else
		api_failed(call, err);
}

/* ---- the body ---- */

static int take_reason(struct changing *c, struct err *err)
{
	const json_t *reason = json_object_get(c->body, "reason");

	if (reason == NULL)
		return 0;
	if (!json_is_string(reason) || json_string_length(reason) > REASON_MAX)
		return err_set(err, -EINVAL, "reason must be a text of at most %d bytes",
			       REASON_MAX);
	c->change.why = json_string_value(reason);
	return 0;
}

static int take_people(struct changing *c, struct err *err)
{
	static const char *const names[] = {"filler", "checker", "head", "phone"};
	json_t *people = json_object_get(c->body, "people"), *value;
	const char *key;

	if (people != NULL && !json_is_object(people))
		return err_set(err, -EINVAL, "people must be an object");
	json_object_foreach(people, key, value)
	{
		size_t i = 0;

		while (i < 4 && strcmp(key, names[i]) != 0)
			i++;
		if (i == 4 || !json_is_string(value) || json_string_length(value) > 60)
			return err_set(
				err, -EINVAL,
				"people: '%.40s' is none of filler, checker, head, phone, or no "
				"short text",
				key);
		c->change.people[i] = json_string_value(value);
	}
	return 0;
}

static int take_number(const struct form_line *line, const json_t *value, struct filing_edit *edit,
		       struct err *err)
{
	struct decimal number = {0, 0};
	int rc = -EINVAL;

	if (json_is_null(value)) {
		edit->clears = true;
		return 0;
	}
	if (json_is_string(value))
		rc = decimal_parse(json_string_value(value), json_string_length(value), &number);
	else if (json_is_number(value))
		rc = decimal_from_double(json_number_value(value), &number);
	if (rc < 0 || decimal_to_micro(number, &edit->filed) < 0)
		return err_set(err, -EINVAL, "%s: filed is no number", line->code);
	if (number.exponent < -line->decimals)
		return err_set(err, -EINVAL, "%s (%s): filed has more than %d decimals", line->code,
			       line->name, (int)line->decimals);
	edit->has_filed = true;
	return 0;
}

static int take_text(const struct form_line *line, const char *key, const json_t *value,
		     const char **out, struct err *err)
{
	if (!json_is_string(value))
		return err_set(err, -EINVAL, "%s: %s must be a text", line->code, key);
	*out = json_string_value(value);
	return 0;
}

static int take_member(const struct form_line *line, const char *key, const json_t *value,
		       struct filing_edit *edit, struct err *err)
{
	bool is_number = line->text == TEXT_NONE && !line->is_words;

	if (strcmp(key, "filed") == 0 && is_number)
		return take_number(line, value, edit, err);
	if (strcmp(key, "words") == 0 && line->is_words)
		return take_text(line, key, value, &edit->words, err);
	if (strcmp(key, "remark") == 0)
		return take_text(line, key, value, &edit->remark, err);
	return err_set(err, -EINVAL, "%s (%s) takes no '%.40s'", line->code, line->name, key);
}

static int take_values(struct changing *c, struct err *err)
{
	json_t *values = json_object_get(c->body, "values"), *members, *value;
	const char *code, *key;
	int rc = 0;

	if (values != NULL && !json_is_object(values))
		return err_set(err, -EINVAL, "values must be an object");
	json_object_foreach(values, code, members)
	{
		struct filing_edit *edit = &c->edits[c->n_edits];

		*edit = (struct filing_edit){.line = form_find_line(c->fill.schema, code)};
		if (edit->line == SIZE_MAX || !json_is_object(members))
			return err_set(err, -EINVAL, "values: there is no line '%.40s'", code);
		json_object_foreach(members, key, value)
		{
			rc = take_member(&c->fill.schema->lines[edit->line], key, value, edit, err);
			if (rc < 0)
				return rc;
		}
		c->n_edits++; /* codes are unique, so there are not more than lines */
	}
	return 0;
}

static bool is_member(const char *key, bool is_patch)
{
	return strcmp(key, "reason") == 0 ||
	       (is_patch && (strcmp(key, "values") == 0 || strcmp(key, "people") == 0));
}

static int take_body(struct changing *c, bool is_patch, struct err *err)
{
	const struct http_request_in *request = c->call->request;
	json_error_t where;
	const char *key;
	json_t *value;
	int rc;

	if (is_patch && request->body_len == 0)
		return err_set(err, -EINVAL, "the body says nothing that is to change");
	c->body = request->body_len > 0 ? json_loadb(request->body, request->body_len,
						     JSON_REJECT_DUPLICATES, &where)
					: json_object();
	if (!json_is_object(c->body))
		return err_set(err, -EINVAL, "the body is no JSON object");
	json_object_foreach(c->body, key, value)
	{
		if (!is_member(key, is_patch))
			return err_set(err, -EINVAL, "the body takes no '%.40s'", key);
	}
	rc = take_reason(c, err);
	if (rc == 0)
		rc = take_people(c, err);
	return rc == 0 ? take_values(c, err) : rc;
}

/* ---- the change ---- */

static int refuse_early(const struct changing *c, struct err *err)
{
	civil_day today = civil_day_of_utc(c->call->now_ms, c->call->options->offset_ms);

	if (today >= c->fill.period.days.to)
		return 0;
	return err_set(err, -EBUSY, "the period is not over (报告期尚未结束)");
}

static int refuse_errors(const struct changing *c, struct err *err)
{
	size_t n = report_count_errors(&c->report);

	for (size_t i = 0; i < c->report.n_checks; i++)
		if (c->report.checks[i].severity == REPORT_ERROR)
			return err_set(
				err, -EBUSY,
				"%zu checks fail; a filed figure or a remark settles them. The "
				"first: %s",
				n, c->report.checks[i].text);
	return 0;
}

static int act(struct changing *c, enum filing_action action, struct err *err)
{
	struct db *db = ledger_db(c->ledger);
	int rc = 0;

	if (action == FILING_SUBMIT && filing_is_open(c->report.filing.state)) {
		rc = refuse_early(c, err);
		if (rc == 0)
			rc = refuse_errors(c, err);
		report_freeze(&c->report);
	}
	return rc == 0 ? filing_act(db, c->fill.schema, &c->report.filing, action, &c->change, err)
		       : rc;
}

/* action N_FILING_ACTIONS: an edit. In a transaction. */
static int change(struct changing *c, enum filing_action action, struct err *err)
{
	int rc = report_load(&c->report, &c->fill, c->call->institution, true, err);

	if (rc < 0)
		return rc;
	if (action != N_FILING_ACTIONS)
		return act(c, action, err);
	c->change.edits = c->edits;
	c->change.n_edits = c->n_edits;
	return filing_change(ledger_db(c->ledger), c->fill.schema, &c->report.filing, &c->change,
			     err);
}

static int commit_change(struct changing *c, enum filing_action action, struct err *err)
{
	int rc = ledger_begin(c->ledger, err);

	if (rc < 0)
		return rc;
	rc = change(c, action, err);
	report_fini(&c->report);
	if (rc == 0)
		return ledger_commit(c->ledger, err);
	ledger_rollback(c->ledger);
	return rc;
}

static int run(struct changing *c, enum filing_action action, struct err *err)
{
	int rc = derived_open(&c->derived, c->ledger, err);

	if (rc < 0)
		return rc;
	c->figures.ledger = c->ledger;
	c->figures.derived = c->derived;
	c->figures.cache = NULL;
	rc = commit_change(c, action, err);
	if (rc == 0)
		rc = report_load(&c->report, &c->fill, c->call->institution, true, err);
	if (rc == 0) {
		rc = api_write_report(c->call, &c->report, ledger_db(c->ledger), err);
		report_fini(&c->report);
	}
	derived_close(c->derived);
	return rc;
}

static void handle(struct api_call *call, enum filing_action action)
{
	struct changing *c = xcalloc(1, sizeof *c);
	struct err err = {""};
	int rc = 0;

	c->call = call;
	c->figures = api_figures(call);
	c->change = (struct filing_change){.who = call->grant.name, .at_ms = call->now_ms};
	if (api_fill(call, &c->figures, &c->fill)) {
		rc = take_body(c, action == N_FILING_ACTIONS, &err);
		if (rc == 0)
			c->ledger = api_open_writer(call);
		if (c->ledger != NULL)
			rc = run(c, action, &err);
		if (rc < 0)
			answer_failure(call, rc, &err);
	}
	ledger_close(c->ledger);
	json_decref(c->body);
	free(c);
}

static void patch_report(struct api_call *call)
{
	handle(call, N_FILING_ACTIONS);
}

/* The path's last part is the action's name. */
static void post_action(struct api_call *call)
{
	const char *name = strrchr(call->route->pattern, '/') + 1;
	int action = 0;

	while (strcmp(filing_action_names[action], name) != 0)
		action++;
	handle(call, (enum filing_action)action);
}

static const struct api_parameter parameters[] = {API_QUARTER_PARAMETER, {0}};

const struct api_route api_filing_routes[] = {
	{"PATCH", "/api/v1/statistics/{year}/{institution}", ACCESS_TOKEN, patch_report, parameters,
	 "editReport", "Files figures of one's own, remarks, names", .schema = "StatisticsReport",
	 .item = ITEM_STATISTICS, .roles = API_REPORTERS, .request = "StatisticsEdit"},
	{"POST", "/api/v1/statistics/{year}/{institution}/submit", ACCESS_TOKEN, post_action,
	 parameters, "submitReport", "From draft, returned or restating to submitted",
	 .schema = "StatisticsReport", .item = ITEM_STATISTICS, .roles = API_REPORTERS,
	 .request = "StatisticsReason"},
	{"POST", "/api/v1/statistics/{year}/{institution}/return", ACCESS_TOKEN, post_action,
	 parameters, "returnReport", "Back to the reporter, with a reason",
	 .schema = "StatisticsReport", .item = ITEM_STATISTICS, .roles = REVIEWERS,
	 .request = "StatisticsReason"},
	{"POST", "/api/v1/statistics/{year}/{institution}/approve", ACCESS_TOKEN, post_action,
	 parameters, "approveReport", "Approved by somebody else than who submitted",
	 .schema = "StatisticsReport", .item = ITEM_STATISTICS, .roles = REVIEWERS,
	 .request = "StatisticsReason"},
	{"POST", "/api/v1/statistics/{year}/{institution}/lock", ACCESS_TOKEN, post_action,
	 parameters, "lockReport", "Approved figures are locked", .schema = "StatisticsReport",
	 .item = ITEM_STATISTICS, .roles = REVIEWERS, .request = "StatisticsReason"},
	{"POST", "/api/v1/statistics/{year}/{institution}/restate", ACCESS_TOKEN, post_action,
	 parameters, "restateReport", "Opens a locked report again, with a reason",
	 .schema = "StatisticsReport", .item = ITEM_STATISTICS, .roles = API_REPORTERS,
	 .request = "StatisticsReason"},
	{0},
};
