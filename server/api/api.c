/* SPDX-License-Identifier: Apache-2.0 */
#include "server/api/api.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/mailbox.h"
#include "common/mem.h"
#include "server/api/api_call.h"
#include "server/api/api_fields.h"
#include "server/api/api_finish.h"
#include "server/api/rate.h"
#include "server/api/workers.h"
#include "server/rollup/derived.h"

enum { READER_WAIT_MS = 5000, ANSWERS_BYTES = 64 * 1024 * 1024 };
enum { SLOW_RETRY_S = 2, STOPPING_RETRY_S = 10 };

struct api {
	struct api_options options;
	struct mailbox *readers;      /* struct reader *, each used by one request at a time */
	struct mailbox *slow_readers; /* likewise; of requests that take long */
	struct workers *workers;
	struct figures_cache *cache;
	struct rate *rate;
	struct answer_cache *answers;
};

struct reader {
	struct ledger *ledger;
	struct derived *derived;
};

const struct api_route *const api_route_tables[] = {api_operation_routes,
						    api_openapi_routes,
						    api_region_routes,
						    api_kpi_routes,
						    api_ranking_routes,
						    api_institution_routes,
						    api_energy_routes,
						    api_savings_routes,
						    api_meter_routes,
						    api_event_routes,
						    api_audit_routes,
						    api_bill_routes,
						    api_bill_entry_routes,
						    api_statistics_routes,
						    api_filing_routes,
						    api_catalogue_routes,
						    api_notice_routes,
						    api_peer_routes,
						    api_running_routes,
						    api_outbox_routes,
						    api_token_routes,
						    api_edit_routes,
						    api_rollup_routes,
						    api_region_savings_routes,
						    NULL};

static void close_reader(void *arg)
{
	struct reader *reader = arg;

	derived_close(reader->derived);
	ledger_close(reader->ledger);
	free(reader);
}

static int open_reader(const struct api *api, struct mailbox *readers, struct err *err)
{
	struct reader *reader = xcalloc(1, sizeof *reader);
	int rc = ledger_open_reader(&reader->ledger, api->options.ledger_path, err);

	if (rc == 0)
		rc = derived_open(&reader->derived, reader->ledger, err);
	if (rc < 0)
		close_reader(reader);
	else
		(void)mailbox_try_put(readers, reader); /* there is room for all of them */
	return rc;
}

int api_create(struct api **out, const struct api_options *options, struct err *err)
{
	const struct workers_options workers = {options->slow, options->slow_waiting,
						options->slow_per_token};
	struct api *api = xcalloc(1, sizeof *api);
	int rc = 0;

	api->options = *options;
	api->readers = mailbox_create(options->n_readers);
	api->slow_readers = mailbox_create(options->slow);
	api->cache = figures_cache_create();
	api->answers = answer_cache_create(ANSWERS_BYTES);
	api->rate = rate_create(options->rate);
	for (size_t i = 0; i < options->n_readers && rc == 0; i++)
		rc = open_reader(api, api->readers, err);
	for (size_t i = 0; i < options->slow && rc == 0; i++)
		rc = open_reader(api, api->slow_readers, err);
	if (rc == 0)
		rc = workers_start(&api->workers, &workers, err);
	if (rc < 0)
		api_destroy(api);
	else
		*out = api;
	return rc;
}

void api_stop(struct api *api)
{
	if (api != NULL)
		workers_stop(api->workers);
}

void api_destroy(struct api *api)
{
	if (api == NULL)
		return;
	workers_destroy(api->workers);
	mailbox_destroy(api->readers, close_reader);
	mailbox_destroy(api->slow_readers, close_reader);
	figures_cache_destroy(api->cache);
	rate_destroy(api->rate);
	answer_cache_destroy(api->answers);
	free(api);
}

/* Does the path have the pattern's form? Its {parts} are copied into captures. */
static bool matches(const char *pattern, const char *path, char captures[][API_CAPTURE_LEN])
{
	size_t n = 0;

	while (*pattern != '\0') {
		size_t len;

		if (*pattern != '{') {
			if (*pattern++ != *path++)
				return false;
			continue;
		}
		len = strcspn(path, "/");
		if (len == 0 || len >= API_CAPTURE_LEN || n == API_CAPTURES_MAX)
			return false;
		memcpy(captures[n], path, len);
		captures[n++][len] = '\0';
		path += len;
		pattern = strchr(pattern, '}') + 1;
	}
	return *path == '\0';
}

/* The next route of the table whose pattern the path has. */
static const struct api_route *next_route(struct api_call *call, const struct api_route *route)
{
	while (route->method != NULL &&
	       !matches(route->pattern, call->request->path, call->captures))
		route++;
	return route;
}

static void add_allowed(char allow[], size_t size, const char *method)
{
	size_t len = strlen(allow);

	(void)snprintf(allow + len, size - len, "%s%s", len > 0 ? ", " : "", method);
}

/* The route of a request, or NULL after answering 404 or 405. HEAD is served as GET. */
static const struct api_route *find_route(struct api_call *call)
{
	const char *method = call->request->method;
	char allow[sizeof call->reply->allow] = "";

	if (strcmp(method, "HEAD") == 0)
		method = "GET";
	for (size_t t = 0; api_route_tables[t] != NULL; t++) {
		const struct api_route *route = next_route(call, api_route_tables[t]);

		for (; route->method != NULL; route = next_route(call, route + 1)) {
			if (strcmp(route->method, method) == 0)
				return route;
			add_allowed(allow, sizeof allow, route->method);
		}
	}
	if (allow[0] == '\0') {
		api_problem(call, 404, "not-found", "there is no '%.200s'", call->request->path);
		return NULL;
	}
	api_problem(call, 405, "method-not-allowed", "%s is not possible here; %s is", method,
		    allow);
	memcpy(call->reply->allow, allow, sizeof allow);
	return NULL;
}

static bool is_slow(const struct api_call *call)
{
	return call->route->is_slow || call->is_xlsx || strcmp(call->route->method, "GET") != 0;
}

static void run_in_snapshot(struct api_call *call)
{
	struct err err = {""};

	if (db_begin_read(ledger_db(call->ledger), &err) < 0) {
		api_failed(call, &err);
		return;
	}
	if (api_authorize(call) && api_parameters_are_known(call) && api_choose_format(call) &&
	    api_fields_are_known(call) && !api_recall(call)) {
		call->is_put_off = is_slow(call) && !call->is_on_worker;
		if (!call->is_put_off) {
			call->route->fn(call);
			api_fields_select(call);
		}
	}
	db_rollback(ledger_db(call->ledger)); /* ends the snapshot */
}

/* What came is a whole request. */
static bool is_sound(struct api_call *call)
{
	if (call->request->is_too_large)
		api_problem(call, 413, "too-large", "the request's body is larger than %d bytes",
			    http_header(call->request, "Authorization") != NULL
				    ? HTTP_BODY_MAX
				    : HTTP_ANONYMOUS_BODY_MAX);
	else if (call->request->has_zero_byte)
		api_problem(call, 400, "bad-request", "the request line holds a zero byte");
	else
		return true;
	return false;
}

static void answer(struct api *api, struct api_call *call)
{
	struct mailbox *readers = call->is_on_worker ? api->slow_readers : api->readers;
	struct reader *reader;

	if (!is_sound(call))
		return;
	call->route = find_route(call);
	if (call->route == NULL)
		return;
	reader = mailbox_take(readers, clock_mono_ms() + READER_WAIT_MS);
	if (reader == NULL) {
		api_problem(call, 503, "busy", "too many requests are being answered; try again");
		call->reply->retry_after_s = 1;
		return;
	}
	call->ledger = reader->ledger;
	call->derived = reader->derived;
	run_in_snapshot(call);
	(void)mailbox_try_put(readers, reader); /* it came from there: there is room */
}

static void begin(struct api *api, struct api_call *call, const struct http_request_in *request,
		  struct http_reply *reply)
{
	*call = (struct api_call){.options = &api->options,
				  .request = request,
				  .reply = reply,
				  .registry = api->options.registry(api->options.arg),
				  .catalogue = api->options.catalogue(api->options.arg),
				  .cache = api->cache,
				  .rate = api->rate,
				  .answers = api->answers,
				  .now_ms = clock_utc_ms(),
				  .region = REGISTRY_NONE,
				  .institution = REGISTRY_NONE,
				  .meter = REGISTRY_NONE,
				  .json = {.out = &reply->body},
				  .csv = {.out = &reply->body}};
}

static void end(struct api_call *call)
{
	api_finish(call);
	api_record(call);
	registry_release(call->registry);
	catalogue_release(call->catalogue);
}

/* ---- requests that take long ---- */

struct job {
	struct workers_job base; /* first, so that one is the other */
	struct api *api;
	const struct http_request_in *request;
	struct http_reply *reply;
};

/* Time has passed: all is looked at anew. */
static void run_job(struct workers_job *base, bool is_stopping)
{
	struct job *job = (struct job *)base;
	struct api_call call;

	begin(job->api, &call, job->request, job->reply);
	call.is_on_worker = true;
	if (!is_stopping) {
		answer(job->api, &call);
	} else {
		api_problem(&call, 503, "stopping", "the server is being stopped; try again");
		call.reply->retry_after_s = STOPPING_RETRY_S;
	}
	end(&call);
	job->request->resume(job->request->under_way);
	free(job);
}

static void refuse(struct api_call *call, enum workers_verdict verdict)
{
	call->reply->retry_after_s = SLOW_RETRY_S;
	switch (verdict) {
	case WORKERS_OWNER_HAS_MANY:
		api_problem(call, 429, "too-many-requests",
			    "this token already waits for %zu answers that take long; wait until "
			    "one has come",
			    call->options->slow_per_token);
		return;
	case WORKERS_ARE_BUSY:
		api_problem(call, 503, "busy",
			    "%zu requests already wait for answers that take long; try again",
			    call->options->slow_waiting);
		return;
	case WORKERS_STOP:
	case WORKERS_ADMIT:
		api_problem(call, 503, "stopping", "the server is being stopped; try again");
		call->reply->retry_after_s = STOPPING_RETRY_S;
	}
}

/* False after answering why not. */
static bool put_off(struct api *api, struct api_call *call)
{
	struct job *job = xcalloc(1, sizeof *job);
	enum workers_verdict verdict;

	*job = (struct job){.base = {.owner = call->grant.token_id, .run = run_job},
			    .api = api,
			    .request = call->request,
			    .reply = call->reply};
	api_question(call, job->base.question);
	verdict = workers_admit(api->workers, &job->base);
	if (verdict != WORKERS_ADMIT) {
		refuse(call, verdict);
		free(job);
		return false;
	}
	call->request->suspend(call->request->under_way);
	workers_put(api->workers, &job->base); /* from here on the request is the worker's */
	return true;
}

bool api_handle(const struct http_request_in *request, struct http_reply *reply, void *arg)
{
	struct api *api = arg;
	struct api_call call;

	begin(api, &call, request, reply);
	call.is_on_worker = request->suspend == NULL;
	answer(api, &call);
	if (call.is_put_off && put_off(api, &call)) {
		registry_release(call.registry);
		catalogue_release(call.catalogue);
		return false;
	}
	end(&call);
	return true;
}
