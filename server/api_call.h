/* SPDX-License-Identifier: Apache-2.0 */
/* api_call.h - what every route has at hand: the request, the grant, a snapshot, the answer. */
#ifndef SERVER_API_CALL_H
#define SERVER_API_CALL_H

#include "common/json_writer.h"
#include "server/api.h"
#include "server/figures.h"
#include "server/ledger.h"
#include "server/token.h"

enum { API_CAPTURES_MAX = 3, API_CAPTURE_LEN = 64 };

struct api_call {
	const struct api_options *options;
	const struct http_request_in *request;
	struct http_reply *reply;
	struct registry *registry; /* held during the call */
	struct ledger *ledger;     /* a reader, inside a snapshot */
	struct derived *derived;   /* statements over it */
	struct figures_cache *cache;
	struct grant grant;
	char captures[API_CAPTURES_MAX][API_CAPTURE_LEN]; /* the {parts} of the path */
	int64_t now_ms;
	struct json_writer json; /* writes into reply->body */
};

typedef void (*api_fn)(struct api_call *call);

enum api_access { ACCESS_PUBLIC, ACCESS_TOKEN };

struct api_route {
	const char *method, *pattern; /* "/api/v1/regions/{code}" */
	enum api_access access;
	api_fn fn;
	const char *const *parameters; /* allowed query parameters, NULL-terminated */
};

/* Tables of the route files; each ends with method == NULL. */
extern const struct api_route api_region_routes[], api_institution_routes[], api_energy_routes[],
	api_meter_routes[], api_kpi_routes[], api_event_routes[], api_operation_routes[];

/* ---- answers ---- */
/* RFC 9457: an error with a short type ("unknown-parameter") and a sentence. Replaces whatever the
 * body held. */
__attribute__((format(printf, 4, 5))) void api_problem(struct api_call *call, int status,
						       const char *type, const char *format, ...);
/* 404 for what does not exist and for what the grant does not cover: the same words. */
void api_not_found(struct api_call *call, const char *what, const char *id);
/* 500 with the error logged, not shown. */
void api_failed(struct api_call *call, const struct err *err);
void api_json(struct api_call *call); /* status 200, JSON; write into call->json afterwards */

/* Adds "computing": true while figures of the past are being computed again (an import, a change of
 * the registry): what is shown may still change. */
void api_add_computing(struct api_call *call);

/* What figures.h wants to know. */
struct figures api_figures(const struct api_call *call);

/* ---- parameters ---- */
/* Text of a query parameter, or fallback. */
const char *api_parameter(const struct api_call *call, const char *name, const char *fallback);
/* false after answering 400. */
bool api_integer(struct api_call *call, const char *name, int64_t min, int64_t max,
		 int64_t fallback, int64_t *out);
bool api_time(struct api_call *call, const char *name, int64_t fallback, int64_t *out);
/* Index of the parameter in a NULL-terminated list; -1 after answering 400. */
int api_choice(struct api_call *call, const char *name, const char *const *choices,
	       const char *fallback);

/* ---- what the grant covers ---- */
bool api_may_see_region(const struct api_call *call, uint32_t region);
bool api_may_see_institution(const struct api_call *call, uint32_t institution);
/* Finds by id and checks; REGISTRY_NONE after answering 404. */
uint32_t api_find_region(struct api_call *call, const char *code);
uint32_t api_find_institution(struct api_call *call, const char *id);
uint32_t api_find_meter(struct api_call *call, const char *id);

#endif
