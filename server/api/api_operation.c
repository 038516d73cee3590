/* SPDX-License-Identifier: Apache-2.0 */
/* What operators and monitoring ask: is it alive, is it ready, how is it doing. */
#include "server/api/api_call.h"

static void get_healthz(struct api_call *call)
{
	api_json(call);
	json_begin_object(&call->json, NULL);
	json_add_string(&call->json, "status", "ok");
	json_add_string(&call->json, "version", call->options->version);
	json_end_object(&call->json);
}

/* 200 or 503, with the reasons, one a line. */
static void get_readyz(struct api_call *call)
{
	struct buf reasons = {0};
	bool is_ready = call->options->is_ready(&reasons, call->options->arg);
	size_t start = 0;

	api_json(call);
	if (!is_ready)
		call->reply->status = 503;
	json_begin_object(&call->json, NULL);
	json_add_bool(&call->json, "ready", is_ready);
	json_begin_array(&call->json, "reasons");
	for (size_t i = 0; i < reasons.len; i++) {
		if (reasons.data[i] != '\n')
			continue;
		json_add_string_n(&call->json, NULL, reasons.data + start, i - start);
		start = i + 1;
	}
	json_end_array(&call->json);
	json_end_object(&call->json);
	buf_fini(&reasons);
}

static void get_metrics(struct api_call *call)
{
	call->reply->status = 200;
	call->reply->content_type = "text/plain; version=0.0.4; charset=utf-8";
	call->options->metrics(&call->reply->body, call->options->arg);
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
