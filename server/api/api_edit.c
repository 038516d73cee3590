/* SPDX-License-Identifier: Apache-2.0 */
/* Corrections of readings: what there are, new ones, one taken back. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "common/decimal.h"
#include "server/api/api_call.h"
#include "server/rollup/edit.h"

enum { EDITS_MAX = 1000 };

/* Whoever enters figures; a reviewer may take back. */
#define REVOKERS (API_REPORTERS | API_ROLE(ROLE_REVIEWER))

/* ---- what is there ---- */

static const char *or_null(const char *text)
{
	return text[0] != '\0' ? text : NULL;
}

static void write_edit(struct api_call *call, const struct edit *edit)
{
	struct json_writer *json = &call->json;
	char at[CIVIL_TEXT_MAX], made[CIVIL_TEXT_MAX];

	(void)civil_print_time(edit->effect.time_ms, call->options->offset_ms, at);
	(void)civil_print_time(edit->at_ms, call->options->offset_ms, made);
	json_begin_object(json, NULL);
	json_add_int(json, "id", edit->id);
	json_add_string(json, "made", made);
	json_add_string(json, "who", edit->who);
	json_add_string(json, "why", edit->why);
	json_add_string(json, "kind", edit_kind_names[edit->effect.kind]);
	json_add_string(json, "meter", edit->meter);
	json_add_string(json, "at", at);
	json_add_string(json, "before", or_null(edit->before));
	json_add_string(json, "after", or_null(edit->after));
	if (edit->revokes != 0)
		json_add_int(json, "revokes", edit->revokes);
	else
		json_add_null(json, "revokes");
	json_add_bool(json, "revoked", edit->is_revoked);
	json_end_object(json);
}

static const char *const columns[] = {"id", "made",   "who",   "why",     "kind",    "meter",
				      "at", "before", "after", "revokes", "revoked", NULL};

static void write_row(struct api_call *call, const struct edit *edit)
{
	struct csv_writer *csv = &call->csv;
	char at[CIVIL_TEXT_MAX], made[CIVIL_TEXT_MAX];

	(void)civil_print_time(edit->effect.time_ms, call->options->offset_ms, at);
	(void)civil_print_time(edit->at_ms, call->options->offset_ms, made);
	csv_add_int(csv, edit->id);
	csv_add_text(csv, made);
	csv_add_text(csv, edit->who);
	csv_add_text(csv, edit->why);
	csv_add_text(csv, edit_kind_names[edit->effect.kind]);
	csv_add_text(csv, edit->meter);
	csv_add_text(csv, at);
	csv_add_text(csv, edit->before);
	csv_add_text(csv, edit->after);
	if (edit->revokes != 0)
		csv_add_int(csv, edit->revokes);
	else
		csv_add_text(csv, NULL);
	csv_add_text(csv, edit->is_revoked ? "1" : "0");
	csv_end_row(csv);
}

/* Edits of a meter that the registry has no more are for who may see everything. */
static uint32_t owner_of(const struct api_call *call, const struct edit *edit)
{
	uint32_t meter = registry_find_meter(call->registry, edit->meter, strlen(edit->meter));

	return meter != REGISTRY_NONE ? call->registry->meters[meter].institution : REGISTRY_NONE;
}

static bool may_see(const struct api_call *call, const struct edit *edit)
{
	uint32_t owner = owner_of(call, edit);

	return owner != REGISTRY_NONE ? api_may_see_item(call, owner, ITEM_EDIT)
				      : api_may_see_server(call);
}

struct page {
	struct api_call *call;
	uint32_t region, institution; /* REGISTRY_NONE: all */
	int64_t limit, n, next;
};

static bool is_asked_for(const struct page *page, const struct edit *edit)
{
	const struct registry *registry = page->call->registry;
	uint32_t owner = owner_of(page->call, edit);

	if (page->institution != REGISTRY_NONE)
		return owner == page->institution;
	return page->region == REGISTRY_NONE ||
	       (owner != REGISTRY_NONE &&
		region_is_within(registry->regions, registry->institutions[owner].region,
				 page->region));
}

static int give_edit(const struct edit *edit, void *arg)
{
	struct page *page = arg;

	if (!is_asked_for(page, edit) || !may_see(page->call, edit))
		return 0;
	if (page->n++ == page->limit)
		return 1;
	page->next = edit->id;
	if (page->call->is_csv)
		write_row(page->call, edit);
	else
		write_edit(page->call, edit);
	return 0;
}

/* false after answering 403 or 404. */
static bool find_place(struct api_call *call, struct page *page, struct edit_query *query)
{
	const char *region = api_parameter(call, "region");
	const char *institution = api_parameter(call, "institution");
	uint32_t meter;

	page->region = page->institution = REGISTRY_NONE;
	query->meter = api_parameter(call, "meter");
	if (region != NULL) {
		page->region = api_find_region(call, region);
		if (page->region == REGISTRY_NONE)
			return false;
	}
	if (institution != NULL) {
		page->institution = api_find_institution_for(call, institution, ITEM_EDIT);
		if (page->institution == REGISTRY_NONE)
			return false;
	}
	if (query->meter == NULL)
		return true;
	meter = api_find_meter(call, query->meter);
	return meter != REGISTRY_NONE &&
	       api_find_institution_for(
		       call,
		       call->registry->institutions[call->registry->meters[meter].institution].id,
		       ITEM_EDIT) != REGISTRY_NONE;
}

static void get_edits(struct api_call *call)
{
	struct edit_query query = {0};
	struct page page = {.call = call};
	struct err err = {""};
	char cursor[24];
	int rc;

	if (!api_integer(call, "limit", 0, &page.limit) ||
	    !api_integer(call, "cursor", 0, &query.before_id) || !find_place(call, &page, &query))
		return;
	api_begin_list(call, "edits", columns);
	rc = edit_list(call->ledger, &query, give_edit, &page, &err);
	if (rc < 0) {
		api_failed(call, &err);
		return;
	}
	(void)snprintf(cursor, sizeof cursor, "%lld", (long long)page.next);
	api_end_list(call, rc == 1 ? cursor : NULL);
}

/* ---- a new one ---- */

static int take_micro(const json_t *value, const char *key, int64_t *micro, struct err *err)
{
	struct decimal number = {0, 0};
	int rc = -EINVAL;

	if (json_is_string(value))
		rc = decimal_parse(json_string_value(value), json_string_length(value), &number);
	else if (json_is_number(value))
		rc = decimal_from_double(json_number_value(value), &number);
	if (rc < 0 || decimal_to_micro(number, micro) < 0 || *micro < 0)
		return err_set(err, -EINVAL, "%s must be a register such as 1234.5", key);
	return 0;
}

static int take_kind(const json_t *value, enum edit_kind *kind, struct err *err)
{
	const char *name = json_string_value(value);

	for (int i = 0; name != NULL && i < EDIT_REVOKE; i++)
		if (strcmp(edit_kind_names[i], name) == 0) {
			*kind = (enum edit_kind)i;
			return 0;
		}
	return err_set(err, -EINVAL, "kind must be void, set, reset or accept");
}

static int take_time(const struct api_call *call, const json_t *value, int64_t *time_ms,
		     struct err *err)
{
	const char *text = json_string_value(value);

	if (text != NULL && json_string_length(value) > 10 &&
	    civil_parse_time(text, json_string_length(value), call->options->offset_ms, time_ms) ==
		    0)
		return 0;
	return err_set(err, -EINVAL, "at must be a time such as 2026-03-01T10:15:00+08:00");
}

static int take_member(const struct api_call *call, const char *key, const json_t *value,
		       struct edit_order *order, struct err *err)
{
	enum edit_kind kind = order->effect.kind;

	if (strcmp(key, "kind") == 0)
		return 0; /* taken first */
	if (strcmp(key, "at") == 0)
		return take_time(call, value, &order->effect.time_ms, err);
	if (strcmp(key, "why") == 0 && json_is_string(value)) {
		order->why = json_string_value(value);
		return 0;
	}
	if (strcmp(key, kind == EDIT_SET ? "register" : "last") == 0 &&
	    (kind == EDIT_SET || kind == EDIT_RESET))
		return take_micro(value, key, &order->effect.value, err);
	if (strcmp(key, "first") == 0 && kind == EDIT_RESET)
		return take_micro(value, key, &order->effect.first, err);
	return err_set(err, -EINVAL, "%s takes no '%.40s' like this", edit_kind_names[kind], key);
}

static int take_order(const struct api_call *call, json_t *root, struct edit_order *order,
		      struct err *err)
{
	const char *key;
	json_t *value;
	int rc;

	if (!json_is_object(root))
		return err_set(err, -EINVAL,
			       "the body must be {\"kind\": ..., \"at\": ..., \"why\": ...}");
	rc = take_kind(json_object_get(root, "kind"), &order->effect.kind, err);
	if (rc < 0)
		return rc;
	order->effect.value = MICRO_NONE;
	order->effect.first = order->effect.kind == EDIT_RESET ? 0 : MICRO_NONE;
	json_object_foreach(root, key, value)
	{
		rc = take_member(call, key, value, order, err);
		if (rc < 0)
			return rc;
	}
	return order->effect.time_ms == 0 ? err_set(err, -EINVAL, "at is missing") : 0;
}

static int answer_edit(const struct edit *edit, void *arg)
{
	write_edit(arg, edit);
	return 0;
}

/* What was written by id, or why it was not. */
static void answer(struct api_call *call, struct ledger *ledger, int rc, int64_t id,
		   struct err *err)
{
	if (rc == -EINVAL) {
		api_problem(call, 400, "bad-body", "%s", err->text);
		return;
	}
	if (rc == -ENOENT || rc == -EALREADY) {
		api_problem(call, 409, "conflict", "%s", err->text);
		return;
	}
	if (rc == 0) {
		api_json(call);
		rc = edit_get(ledger, id, answer_edit, call, err);
	}
	if (rc < 0)
		api_write_failed(call, rc, err);
}

static void post_edit(struct api_call *call)
{
	json_t *root = json_loadb(call->request->body != NULL ? call->request->body : "",
				  call->request->body_len, 0, NULL);
	struct edit_order order = {
		.who = call->grant.name, .at_ms = call->now_ms, .meter = call->meter};
	struct err err = {""};
	struct ledger *ledger;
	int64_t id = 0;
	int rc = take_order(call, root, &order, &err);

	if (rc < 0) {
		api_problem(call, 400, "bad-body", "%s", err.text);
	} else if ((ledger = api_open_writer(call)) != NULL) {
		rc = edit_make(ledger, call->registry, &order, &id, &err);
		answer(call, ledger, rc, id, &err);
		ledger_close(ledger);
	}
	json_decref(root);
}

/* ---- one taken back ---- */

struct found {
	struct api_call *call;
	bool is_covered;
};

static int find_covered(const struct edit *edit, void *arg)
{
	struct found *found = arg;

	found->is_covered = may_see(found->call, edit);
	return 0;
}

static void delete_edit(struct api_call *call)
{
	const struct edit_revocation revocation = {.id = api_number_of(call->captures[0]),
						   .at_ms = call->now_ms,
						   .who = call->grant.name,
						   .why = api_parameter(call, "why")};
	struct found found = {.call = call};
	struct err err = {""};
	struct ledger *ledger;
	int64_t id = 0;
	int rc = edit_get(call->ledger, revocation.id, find_covered, &found, &err);

	if (rc < 0) {
		api_failed(call, &err);
		return;
	}
	if (!found.is_covered) {
		api_not_found(call, "edit", call->captures[0]);
		return;
	}
	ledger = api_open_writer(call);
	if (ledger == NULL)
		return;
	rc = edit_revoke(ledger, call->registry, &revocation, &id, &err);
	answer(call, ledger, rc, id, &err);
	ledger_close(ledger);
}

static const struct api_parameter list_parameters[] = {
	{.name = "region", .help = "only edits in this subtree"},
	{.name = "institution", .help = "only edits of this institution's meters"},
	{.name = "meter", .help = "only edits of this meter"},
	API_PAGE_PARAMETERS(EDITS_MAX, "edits"),
	API_CSV_PARAMETERS,
	{0},
};

static const struct api_parameter delete_parameters[] = {
	{.name = "why", .is_required = true, .help = "the reason"}, {0}};

const struct api_route api_edit_routes[] = {
	{"GET", "/api/v1/edits", ACCESS_TOKEN, get_edits, list_parameters, "listEdits",
	 "Corrections of readings by people, newest first", .schema = "EditList",
	 .item = ITEM_EDIT},
	{"POST", "/api/v1/meters/{id}/edits", ACCESS_TOKEN, post_edit, NULL, "makeEdit",
	 "Corrects a reading, or tells what happened to a register", .schema = "Edit",
	 .roles = API_REPORTERS, .item = ITEM_EDIT, .request = "EditOrder"},
	{"DELETE", "/api/v1/edits/{edit}", ACCESS_TOKEN, delete_edit, delete_parameters,
	 "revokeEdit", "Takes an edit back by another; both stay on record", .schema = "Edit",
	 .roles = REVOKERS, .item = ITEM_EDIT},
	{0},
};
