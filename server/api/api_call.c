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
	bool is_computing = call->route->is_kept
				    ? call->is_computing
				    : derived_is_computing(call->derived, call->now_ms);

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
	if (call->is_timeless)
		call->state.month =
			civil_month_start(civil_day_of_utc(until_ms - 1, call->options->offset_ms));
}

void api_is_about_period(struct api_call *call, const struct figures_period *period)
{
	civil_day today = civil_day_of_utc(call->now_ms, call->options->offset_ms);

	/* Bills of a month are due once it is over. */
	if (period->days.to <= civil_month_start(today))
		api_is_about(call, period->until_ms);
}

void api_is_of_registry(struct api_call *call)
{
	call->is_timeless = true;
	call->state.month = ANSWER_OF_NONE;
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
