/* SPDX-License-Identifier: Apache-2.0 */
/* The audit log: what is recorded of each request, and its reading by auditors. */
#include <stdio.h>
#include <string.h>

#include "server/api/api_call.h"
#include "server/api/audit.h"

enum { ENTRIES_MAX = 1000 };

static void add_region(struct audit_entry *entry, const char *code)
{
	size_t len = strlen(entry->regions);

	(void)snprintf(entry->regions + len, sizeof entry->regions - len, "%s%s",
		       len > 0 ? "," : "", code);
}

/* A single institution, else the regions; of several institutions those that they lie in. */
static void add_scope(const struct api_call *call, struct audit_entry *entry)
{
	const struct grant *grant = &call->grant;

	if (grant->n_scopes == 1 && grant->scopes[0].kind == GRANT_INSTITUTION) {
		(void)snprintf(entry->institution, sizeof entry->institution, "%.*s",
			       TOKEN_NAME_MAX, grant->scopes[0].value);
		return;
	}
	for (size_t i = 0; i < grant->n_scopes; i++)
		if (grant->scopes[i].kind == GRANT_REGION)
			add_region(entry, grant->scopes[i].value);
	for (size_t i = 0; i < call->access.n_institutions; i++) {
		const struct registry *registry = call->registry;
		uint32_t region = registry->institutions[call->access.institutions[i]].region;

		add_region(entry, registry->regions->regions[region].code);
	}
}

void api_record(const struct api_call *call)
{
	const struct http_request_in *request = call->request;
	struct audit_entry entry = {.time_ms = call->now_ms, .status = call->reply->status};

	if (call->options->audit == NULL ||
	    (call->route != NULL && call->route->access == ACCESS_MONITORING))
		return;
	if (strcmp(request->method, "HEAD") != 0)
		entry.bytes = (int64_t)call->reply->body.len;
	(void)snprintf(entry.token, sizeof entry.token, "%s", call->grant.name);
	add_scope(call, &entry);
	(void)snprintf(entry.method, sizeof entry.method, "%s", request->method);
	(void)snprintf(entry.peer, sizeof entry.peer, "%s", request->peer);
	audit_clean_path(request->path, entry.path);
	audit_record(call->options->audit, &entry);
}

struct page {
	struct api_call *call;
	int64_t limit, n, last;
};

static bool covers_code(const struct api_call *call, const char *code, size_t len)
{
	const struct region_tree *tree = call->registry->regions;
	uint32_t index = region_find(tree, code, len);

	if (index == REGISTRY_NONE)
		index = region_find(tree, call->options->region, strlen(call->options->region));
	return index != REGISTRY_NONE && api_may_see_whole_region(call, index);
}

/* Accesses of tokens whose scope the auditor's covers. What nobody's token did, or one whose scope
 * is no more, is for auditors of the whole server. */
static bool may_see(const struct api_call *call, const struct audit_entry *entry)
{
	const char *codes = entry->regions;
	uint32_t index = REGISTRY_NONE;

	if (entry->institution[0] != '\0')
		index = registry_find_institution(call->registry, entry->institution,
						  strlen(entry->institution));
	if (index != REGISTRY_NONE)
		return api_may_see_institution(call, index);
	do {
		size_t len = strcspn(codes, ",");

		if (!covers_code(call, codes, len))
			return false;
		codes += len;
	} while (*codes++ == ',');
	return true;
}

static const char *const columns[] = {"id",     "time",  "token", "method", "path",
				      "status", "bytes", "peer",  "lost",   NULL};

static void write_row(struct api_call *call, const struct audit_entry *entry, const char *time)
{
	csv_add_int(&call->csv, entry->id);
	csv_add_text(&call->csv, time);
	csv_add_text(&call->csv, entry->token);
	csv_add_text(&call->csv, entry->method);
	csv_add_text(&call->csv, entry->path);
	csv_add_int(&call->csv, entry->status);
	csv_add_int(&call->csv, entry->bytes);
	csv_add_text(&call->csv, entry->peer);
	csv_add_int(&call->csv, entry->lost);
	csv_end_row(&call->csv);
}

static int write_entry(const struct audit_entry *entry, void *arg)
{
	struct page *page = arg;
	struct api_call *call = page->call;
	char time[CIVIL_TEXT_MAX];

	if (!may_see(call, entry))
		return 0;
	if (page->n++ == page->limit)
		return 1;
	page->last = entry->id;
	(void)civil_print_time(entry->time_ms, call->options->offset_ms, time);
	if (call->is_csv) {
		write_row(call, entry, time);
		return 0;
	}
	json_begin_object(&call->json, NULL);
	json_add_int(&call->json, "id", entry->id);
	json_add_string(&call->json, "time", time);
	json_add_string(&call->json, "token", entry->token[0] != '\0' ? entry->token : NULL);
	json_add_string(&call->json, "method", entry->method);
	json_add_string(&call->json, "path", entry->path);
	json_add_int(&call->json, "status", entry->status);
	json_add_int(&call->json, "bytes", entry->bytes);
	json_add_string(&call->json, "peer", entry->peer);
	json_add_int(&call->json, "lost", entry->lost);
	json_end_object(&call->json);
	return 0;
}

static int write_page(struct page *page, const struct audit_query *query, struct err *err)
{
	struct db *db;
	int rc = audit_store_open(&db, audit_path(page->call->options->audit), DB_READ_ONLY, err);

	if (rc < 0)
		return rc;
	rc = audit_store_list(db, query, write_entry, page, err);
	db_close(db);
	return rc;
}

static void get_audit(struct api_call *call)
{
	struct audit_query query = {.is_newest_first = true};
	struct page page = {.call = call};
	struct err err = {""};
	char cursor[24];

	if (!api_time(call, "since", 0, &query.since_ms) ||
	    !api_integer(call, "cursor", INT64_MAX, &query.before_id) ||
	    !api_integer(call, "limit", 0, &page.limit))
		return;
	query.token = api_parameter(call, "token");
	api_begin_list(call, "accesses", columns);
	if (write_page(&page, &query, &err) < 0) {
		api_failed(call, &err);
		return;
	}
	(void)snprintf(cursor, sizeof cursor, "%lld", (long long)page.last);
	api_end_list(call, page.n > page.limit ? cursor : NULL);
}

static const struct api_parameter parameters[] = {
	{.name = "since", .type = API_TIME, .help = "only accesses from then on"},
	{.name = "token", .help = "only accesses with the token of this name"},
	API_PAGE_PARAMETERS(ENTRIES_MAX, "accesses"),
	API_CSV_PARAMETERS,
	{0},
};

const struct api_route api_audit_routes[] = {
	{"GET", "/api/v1/audit", ACCESS_TOKEN, get_audit, parameters, "listAccesses",
	 "Accesses to this interface, newest first; for the role auditor", .schema = "AccessList",
	 .is_slow = true, .roles = API_ROLE(ROLE_AUDITOR), .item = ITEM_ACCESS_LOG},
	{0},
};
