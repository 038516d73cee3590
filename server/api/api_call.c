/* SPDX-License-Identifier: Apache-2.0 */
#include "server/api/api_call.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/log.h"

static const char *title_of(int status)
{
	static const struct {
		int status;
		const char *title;
	} titles[] = {{400, "Bad Request"},
		      {401, "Unauthorized"},
		      {403, "Forbidden"},
		      {404, "Not Found"},
		      {405, "Method Not Allowed"},
		      {409, "Conflict"},
		      {413, "Content Too Large"},
		      {422, "Unprocessable Content"},
		      {500, "Internal Server Error"},
		      {503, "Service Unavailable"}};

	for (size_t i = 0; i < sizeof titles / sizeof *titles; i++)
		if (titles[i].status == status)
			return titles[i].title;
	return "Error";
}

void api_problem(struct api_call *call, int status, const char *type, const char *format, ...)
{
	struct json_writer json = {.out = &call->reply->body};
	char detail[ERR_TEXT_MAX], uri[96];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(detail, sizeof detail, format, args);
	va_end(args);
	(void)snprintf(uri, sizeof uri, "/problems/%s", type);
	buf_clear(&call->reply->body);
	json_begin_object(&json, NULL);
	json_add_string(&json, "type", uri);
	json_add_string(&json, "title", title_of(status));
	json_add_int(&json, "status", status);
	json_add_string(&json, "detail", detail);
	json_add_string(&json, "instance", call->request->path);
	json_end_object(&json);
	call->reply->status = status;
	call->reply->content_type = "application/problem+json";
}

void api_not_found(struct api_call *call, const char *what, const char *id)
{
	api_problem(call, 404, "not-found", "there is no %s '%.64s'", what, id);
}

void api_failed(struct api_call *call, const struct err *err)
{
	log_error("api", "%s %s failed: %s", call->request->method, call->request->path, err->text);
	api_problem(call, 500, "internal", "the server failed to answer; its log says why");
}

void api_add_computing(struct api_call *call)
{
	struct db_statement *dirty;
	bool is_computing = false;

	/* The last two hours are always in the making. */
	if (db_prepare(ledger_db(call->ledger), &dirty,
		       "SELECT EXISTS(SELECT 1 FROM derived_dirty) OR "
		       "EXISTS(SELECT 1 FROM dirty WHERE from_ms < ?)",
		       NULL) < 0)
		return;
	db_bind_int(dirty, 1, call->now_ms - 2 * HOUR_MS);
	if (db_step(dirty, NULL) == 1)
		is_computing = db_column_int(dirty, 0) != 0;
	db_finalize(dirty);
	if (is_computing)
		json_add_bool(&call->json, "computing", true);
}

struct ledger *api_open_writer(struct api_call *call)
{
	struct ledger *ledger = NULL;
	struct err err = {""};
	int rc = ledger_open(&ledger, call->options->ledger_path, &err);

	if (rc == 0)
		return ledger;
	api_failed(call, &err);
	if (rc == -EBUSY) {
		api_problem(call, 503, "busy", "the ledger is being written; try again");
		call->reply->retry_after_s = 1;
	}
	return NULL;
}

struct figures api_figures(const struct api_call *call)
{
	return (struct figures){.ledger = call->ledger,
				.derived = call->derived,
				.cache = call->cache,
				.registry = call->registry,
				.factors = call->options->factors,
				.now_ms = call->now_ms,
				.min_coverage = call->options->min_coverage};
}

bool api_may_see_region(const struct api_call *call, uint32_t region)
{
	const struct region_tree *tree = call->registry->regions;
	uint32_t top;

	if (call->grant.region[0] == '\0')
		return false;
	top = region_find(tree, call->grant.region, strlen(call->grant.region));
	return top != REGISTRY_NONE && region_is_within(tree, region, top);
}

bool api_may_see_institution(const struct api_call *call, uint32_t institution)
{
	const struct registry_institution *i = &call->registry->institutions[institution];

	return strcmp(call->grant.institution, i->id) == 0 || api_may_see_region(call, i->region);
}

uint32_t api_find_region(struct api_call *call, const char *code)
{
	uint32_t region = region_find(call->registry->regions, code, strlen(code));

	if (region != REGISTRY_NONE && api_may_see_region(call, region))
		return region;
	api_not_found(call, "region", code);
	return REGISTRY_NONE;
}

uint32_t api_find_institution(struct api_call *call, const char *id)
{
	uint32_t institution = registry_find_institution(call->registry, id, strlen(id));

	if (institution != REGISTRY_NONE && api_may_see_institution(call, institution))
		return institution;
	api_not_found(call, "institution", id);
	return REGISTRY_NONE;
}

uint32_t api_find_meter(struct api_call *call, const char *id)
{
	uint32_t meter = registry_find_meter(call->registry, id, strlen(id));

	if (meter != REGISTRY_NONE &&
	    api_may_see_institution(call, call->registry->meters[meter].institution))
		return meter;
	api_not_found(call, "meter", id);
	return REGISTRY_NONE;
}
