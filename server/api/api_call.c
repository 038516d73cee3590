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
		      {410, "Gone"},
		      {413, "Content Too Large"},
		      {422, "Unprocessable Content"},
		      {429, "Too Many Requests"},
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

void api_write_failed(struct api_call *call, int rc, const struct err *err)
{
	if (rc != -EBUSY) {
		api_failed(call, err);
		return;
	}
	api_problem(call, 503, "busy", "the ledger is being written; try again");
	call->reply->retry_after_s = 1;
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
	api_write_failed(call, rc, &err);
	return NULL;
}

void api_is_about(struct api_call *call, int64_t until_ms)
{
	/* More than figures wait for late readings. */
	call->is_timeless = call->now_ms - until_ms > 7 * DAY_MS;
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
