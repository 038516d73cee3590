/* SPDX-License-Identifier: Apache-2.0 */
/* Bills that are sent: a list in JSON, or the rows of a spreadsheet. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/mem.h"
#include "server/api/api_call.h"
#include "server/rollup/bill_import.h"

enum { BILLS_MAX = 5000 };

/* ---- verdicts ---- */

struct entry {
	struct api_call *call;
	int64_t counts[BILL_REJECTED + 1];
};

static void write_verdict(const struct bill_verdict *verdict, void *arg)
{
	struct entry *entry = arg;
	struct json_writer *json = &entry->call->json;
	const struct bill_result *result = &verdict->result;

	entry->counts[result->outcome]++;
	json_begin_object(json, NULL);
	json_add_int(json, "line", (int64_t)verdict->line);
	json_add_string(json, "outcome", bill_outcome_names[result->outcome]);
	if (result->id != 0)
		json_add_int(json, "id", result->id);
	else
		json_add_null(json, "id");
	json_add_string(json, "warning",
			result->warning != BILL_PLAUSIBLE ? bill_warning_names[result->warning]
							  : NULL);
	json_add_string(json, "warning_text",
			result->words.text[0] != '\0' ? result->words.text : NULL);
	json_add_string(json, "reason", verdict->reason[0] != '\0' ? verdict->reason : NULL);
	json_end_object(json);
}

static bool may_enter(uint32_t institution, void *arg)
{
	return api_may_see_institution(((struct entry *)arg)->call, institution);
}

/* ---- JSON ---- */

struct body {
	json_t *bills;
	char *texts[N_BILL_COLUMNS]; /* of the bill last asked for */
};

static char *text_of(const json_t *value)
{
	struct decimal number;
	char text[64];

	if (json_is_string(value))
		return xstrdup(json_string_value(value));
	if (json_is_boolean(value))
		return xstrdup(json_is_true(value) ? "true" : "false");
	if (json_is_integer(value))
		return xasprintf("%lld", (long long)json_integer_value(value));
	if (json_is_real(value) && decimal_from_double(json_real_value(value), &number) == 0) {
		(void)decimal_print(number, text);
		return xstrdup(text);
	}
	return xstrdup("");
}

static void give_texts(size_t index, const char *texts[N_BILL_COLUMNS], void *arg)
{
	struct body *body = arg;
	const json_t *bill = json_array_get(body->bills, index);

	for (int i = 0; i < N_BILL_COLUMNS; i++) {
		free(body->texts[i]);
		body->texts[i] = text_of(json_object_get(bill, bill_column_names[i]));
		texts[i] = body->texts[i];
	}
}

/* False after answering 400: a member that no bill has is a typing error. */
static bool are_bills(struct api_call *call, json_t *bills)
{
	size_t index;
	json_t *bill, *value;
	const char *key;

	json_array_foreach(bills, index, bill)
	{
		if (!json_is_object(bill)) {
			api_problem(call, 400, "bad-body", "bill %zu is not an object", index + 1);
			return false;
		}
		json_object_foreach(bill, key, value)
		{
			char hint[96];
			int i = 0;

			while (i < N_BILL_COLUMNS && strcmp(key, bill_column_names[i]) != 0)
				i++;
			if (i < N_BILL_COLUMNS && !json_is_object(value) && !json_is_array(value))
				continue;
			api_problem(call, 400, "bad-body", "bill %zu: no member '%.60s'%s",
				    index + 1, key,
				    conf_nearest(key, bill_column_names, N_BILL_COLUMNS, hint));
			return false;
		}
	}
	return true;
}

static int enter_list(const struct bill_import *import, json_t *bills, struct err *err)
{
	struct body body = {.bills = bills};
	const struct bill_source source = {json_array_size(bills), give_texts, &body};
	int rc = bill_import_list(import, &source, err);

	for (int i = 0; i < N_BILL_COLUMNS; i++)
		free(body.texts[i]);
	return rc;
}

/* ---- the request ---- */

struct request {
	json_t *root;  /* NULL: rows of a spreadsheet */
	json_t *bills; /* of root */
};

static bool is_table(const struct api_call *call)
{
	const char *type = http_header(call->request, "Content-Type");

	return type != NULL && (strncasecmp(type, "text/csv", 8) == 0 ||
				strncasecmp(type, "text/tab-separated-values", 25) == 0 ||
				strncasecmp(type, "text/plain", 10) == 0);
}

static size_t count_lines(const char *text, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += text[i] == '\n';
	return n;
}

/* False after answering. */
static bool read_request(struct api_call *call, struct request *request)
{
	const char *body = call->request->body;
	json_error_t where;
	size_t n;

	if (body == NULL || call->request->body_len == 0) {
		api_problem(call, 400, "bad-body", "the body is empty; it holds the bills");
		return false;
	}
	if (is_table(call)) {
		n = count_lines(body, call->request->body_len);
	} else {
		request->root =
			json_loadb(body, call->request->body_len, JSON_REJECT_DUPLICATES, &where);
		request->bills = json_is_array(request->root)
					 ? request->root
					 : json_object_get(request->root, "bills");
		if (!json_is_array(request->bills)) {
			api_problem(call, 400, "bad-body",
				    request->root == NULL ? "the body is no JSON: line %d: %s"
							  : "the body must be {\"bills\": [...]}",
				    where.line, where.text);
			return false;
		}
		n = json_array_size(request->bills);
	}
	if (n > BILLS_MAX) {
		api_problem(call, 413, "too-large",
			    "%zu bills at once are too many; send at most %d", n, BILLS_MAX);
		return false;
	}
	return request->root == NULL || are_bills(call, request->bills);
}

static void answer_counts(struct entry *entry, bool is_trial)
{
	struct json_writer *json = &entry->call->json;

	json_end_array(json);
	for (int i = 0; i <= BILL_REJECTED; i++)
		json_add_int(json, bill_outcome_names[i], entry->counts[i]);
	json_add_bool(json, "dry_run", is_trial);
	json_end_object(json);
}

static void enter(struct api_call *call, const struct request *request, struct ledger *ledger)
{
	struct entry entry = {.call = call};
	const struct bill_import import = {.ledger = ledger,
					   .registry = call->registry,
					   .factors = call->options->factors,
					   .entered_by = call->grant.name,
					   .now_ms = call->now_ms,
					   .is_confirmed = api_choice(call, "confirm") == 1,
					   .is_trial = api_choice(call, "dry_run") == 1,
					   .may_enter = may_enter,
					   .fn = write_verdict,
					   .arg = &entry};
	struct err err = {""};
	int rc;

	api_json(call);
	json_begin_object(&call->json, NULL);
	json_begin_array(&call->json, "verdicts");
	rc = request->root != NULL
		     ? enter_list(&import, request->bills, &err)
		     : bill_import_csv(&import, call->request->body, call->request->body_len, &err);
	if (rc == 0) {
		answer_counts(&entry, import.is_trial);
	} else if (rc == -EINVAL) {
		api_problem(call, 400, "bad-body", "%s", err.text);
	} else {
		api_failed(call, &err);
	}
}

static void post_bills(struct api_call *call)
{
	struct request request = {NULL, NULL};
	struct ledger *ledger = NULL;

	if (api_choice(call, "confirm") >= 0 && api_choice(call, "dry_run") >= 0 &&
	    read_request(call, &request))
		ledger = api_open_writer(call);
	if (ledger != NULL)
		enter(call, &request, ledger);
	ledger_close(ledger);
	json_decref(request.root);
}

static const char *const yes_no[] = {"false", "true", NULL};

static const struct api_parameter parameters[] = {
	{.name = "dry_run",
	 .type = API_CHOICE,
	 .choices = yes_no,
	 .fallback = "false",
	 .help = "true: judge only, store nothing"},
	{.name = "confirm",
	 .type = API_CHOICE,
	 .choices = yes_no,
	 .fallback = "false",
	 .help = "true: also what looks wrong is meant"},
	{0},
};

const struct api_route api_bill_entry_routes[] = {
	{"POST", "/api/v1/bills", ACCESS_TOKEN, post_bills, parameters, "enterBills",
	 "Enters bills and readings, each with its verdict", .schema = "BillVerdicts",
	 .roles = API_REPORTERS, .request = "BillEntries", .takes = "text/csv"},
	{0},
};
