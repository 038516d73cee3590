/* SPDX-License-Identifier: Apache-2.0 */
/* http_client.h - HTTP requests over a kept-alive connection (libcurl). One thread per client. */
#ifndef COMMON_HTTP_CLIENT_H
#define COMMON_HTTP_CLIENT_H

#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"

struct http_client;

struct http_client_options {
	const char *ca_file;         /* NULL: the system's */
	const char *user, *password; /* Basic; NULL: none */
	const char *token;        /* sent as "Authorization: <token_scheme> <token>"; NULL: none */
	const char *token_scheme; /* "Token" or "Bearer" */
	int64_t timeout_ms;       /* whole request; 0: 30 s */
};

struct http_request {
	const char *method; /* "GET" "POST" "DELETE" */
	const char *url;
	const char *content_type; /* NULL without body */
	const void *body;
	size_t len;
	int gzip;                   /* 1: compress the body */
	const char *const *headers; /* more lines "Name: value", NULL-terminated; NULL: none */
};

struct http_response {
	int status;              /* 200, 404 ... */
	struct buf body;         /* at most 4 MiB are kept */
	char server_version[64]; /* X-Influxdb-Version or Server, if sent */
};
void http_response_fini(struct http_response *response);

int http_client_create(struct http_client **out, const struct http_client_options *options,
		       struct err *err);
void http_client_destroy(struct http_client *client); /* NULL is allowed */

/* 0 if any response came (look at status); -ETIMEDOUT, -ECONNREFUSED, -EHOSTUNREACH, -EPROTO
 * otherwise. response is emptied first. */
int http_client_send(struct http_client *client, const struct http_request *request,
		     struct http_response *response, struct err *err);

/* Makes the request that is under way in another thread, and all later ones, fail soon (-EINTR).
 * For stopping. */
void http_client_interrupt(struct http_client *client);

#endif
