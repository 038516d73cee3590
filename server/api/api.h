/* SPDX-License-Identifier: Apache-2.0 */
/* api.h - the HTTP interface of the server: routes, grants, answers. */
#ifndef SERVER_API_H
#define SERVER_API_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"
#include "server/api/http.h"
#include "server/registry/registry.h"

struct api;
struct factors;
struct forms;
struct catalogue;
struct audit;
struct server_alarm_config;

struct api_options {
	const char *ledger_path;
	int64_t offset_ms;    /* the server's zone */
	int64_t min_coverage; /* of a KPI, 10^-6 */
	size_t n_readers;     /* requests that may read the ledger at once, besides slow ones */
	size_t slow, slow_waiting; /* requests that take long, answered and waiting at once */
	size_t slow_per_token;     /* of these, of one token */
	int64_t rate;              /* requests a second of a token; 0: no limit */
	const char *version;
	const char *region;                       /* code of the server's own */
	const struct factors *factors;            /* borrowed until api_destroy */
	const struct forms *forms;                /* likewise */
	struct audit *audit;                      /* likewise; NULL: accesses are not recorded */
	const struct server_alarm_config *alarms; /* likewise; who is told. NULL: nobody */
	/* The registry in force, held for the caller. Called from any thread. */
	struct registry *(*registry)(void *arg);
	/* The data catalogue in force, held for the caller. Called from any thread. */
	struct catalogue *(*catalogue)(void *arg);
	/* Institutions of lower servers came or changed: the registry has to be read anew. May be
	 * NULL. Called from any thread. */
	void (*on_cards)(void *arg);
	/* Appends Prometheus text. Called from any thread. */
	void (*metrics)(struct buf *out, void *arg);
	/* Is the server fit for work? Adds what is wrong, one sentence a line. */
	bool (*is_ready)(struct buf *reasons, void *arg);
	/* What is not well and yet no reason to send nobody here, one sentence a line. May be NULL.
	 */
	void (*notes)(struct buf *out, void *arg);
	int64_t max_lag_ms; /* a lower server that is further behind is named there; 0: never */
	void *arg;
};

int api_create(struct api **out, const struct api_options *options, struct err *err);
/* Before http_stop: answers what is suspended, and suspends nothing any more. NULL is allowed. */
void api_stop(struct api *api);
void api_destroy(struct api *api); /* after http_stop; NULL is allowed */

/* The http_handler_fn; arg is the struct api. */
bool api_handle(const struct http_request_in *request, struct http_reply *reply, void *arg);

#endif
