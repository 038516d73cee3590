/* SPDX-License-Identifier: Apache-2.0 */
/* What operators and monitoring ask: is it alive, is it ready, how is it doing. */
#include <inttypes.h>

#include "server/api/api_call.h"

static void get_healthz(struct api_call *call)
{
	api_json(call);
	json_begin_object(&call->json, NULL);
	json_add_string(&call->json, "status", "ok");
	json_add_string(&call->json, "version", call->options->version);
	json_end_object(&call->json);
}

/* An array of the lines. */
static void add_lines(struct json_writer *json, const char *key, const struct buf *lines)
{
	size_t start = 0;

	json_begin_array(json, key);
	for (size_t i = 0; i < lines->len; i++) {
		if (lines->data[i] != '\n')
			continue;
		json_add_string_n(json, NULL, lines->data + start, i - start);
		start = i + 1;
	}
	json_end_array(json);
}

struct lag {
	const struct api_call *call;
	struct buf *out;
};

static int note_lag(const struct exchange_source *source, void *arg)
{
	const struct lag *lag = arg;
	int64_t behind_ms = lag->call->now_ms - source->as_of_ms;

	if (source->as_of_ms == 0)
		buf_printf(lag->out, "the server of %s has not yet delivered everything\n",
			   source->source);
	else if (behind_ms > lag->call->options->max_lag_ms)
		buf_printf(lag->out, "the server of %s is %" PRId64 " s behind\n", source->source,
			   behind_ms / 1000);
	return 0;
}

static void add_notes(struct api_call *call)
{
	struct buf notes = {0};
	struct lag lag = {call, &notes};

	if (call->options->notes != NULL)
		call->options->notes(&notes, call->options->arg);
	if (call->options->max_lag_ms > 0)
		(void)exchange_each_source(derived_exchange(call->derived), note_lag, &lag,
					   NULL); /* then it is not told */
	add_lines(&call->json, "notes", &notes);
	buf_fini(&notes);
}

/* 200 or 503, with the reasons, one a line. */
static void get_readyz(struct api_call *call)
{
	struct buf reasons = {0};
	bool is_ready = call->options->is_ready(&reasons, call->options->arg);

	api_json(call);
	if (!is_ready)
		call->reply->status = 503;
	json_begin_object(&call->json, NULL);
	json_add_bool(&call->json, "ready", is_ready);
	add_lines(&call->json, "reasons", &reasons);
	add_notes(call);
	json_end_object(&call->json);
	buf_fini(&reasons);
}

struct source_row {
	struct buf *out;
	int64_t now_ms;
	const char *name;
	int which;
};

static int write_source(const struct exchange_source *source, void *arg)
{
	const struct source_row *row = arg;
	const int64_t values[] = {source->as_of_ms > 0 ? (row->now_ms - source->as_of_ms) / 1000
						       : -1,
				  source->waiting, source->rows, source->refused};

	buf_printf(row->out, "nenghao_%s{source=\"%s\"} %" PRId64 "\n", row->name, source->source,
		   values[row->which]);
	return 0;
}

/* Lower servers. */
static void write_sources(struct api_call *call)
{
	static const struct {
		const char *name, *type, *help;
	} rows[] = {
		{"rollup_lag_seconds", "gauge",
		 "since a lower server last left nothing behind; -1: it never did"},
		{"rollup_waiting", "gauge", "rows that had not gone with its last delivery"},
		{"rollup_rows_total", "counter", "rows of it that changed something"},
		{"rollup_refused_total", "counter", "institutions of it that were not taken"},
	};

	for (int i = 0; i < (int)(sizeof rows / sizeof *rows); i++) {
		struct source_row row = {&call->reply->body, call->now_ms, rows[i].name, i};

		buf_printf(row.out, "# HELP nenghao_%s %s\n# TYPE nenghao_%s %s\n", rows[i].name,
			   rows[i].help, rows[i].name, rows[i].type);
		(void)exchange_each_source(derived_exchange(call->derived), write_source, &row,
					   NULL); /* then they are left out */
	}
}

static void get_metrics(struct api_call *call)
{
	call->reply->status = 200;
	call->reply->content_type = "text/plain; version=0.0.4; charset=utf-8";
	call->options->metrics(&call->reply->body, call->options->arg);
	write_sources(call);
}

const struct api_route api_operation_routes[] = {
	{"GET", "/healthz", ACCESS_MONITORING, get_healthz, NULL, "getHealth",
	 "200 while the process answers", .schema = "Health"},
	{"GET", "/readyz", ACCESS_MONITORING, get_readyz, NULL, "getReadiness",
	 "200 while broker, ledger and databases are well, else 503", .schema = "Readiness"},
	{"GET", "/metrics", ACCESS_MONITORING, get_metrics, NULL, "getMetrics",
	 "Counters as Prometheus text", .schema = NULL},
	{0},
};
