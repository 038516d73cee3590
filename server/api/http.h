/* SPDX-License-Identifier: Apache-2.0 */
/* http.h - an HTTP/1.1 server with a thread pool; hands each whole request to one handler. */
#ifndef SERVER_HTTP_H
#define SERVER_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"

/* A body may be larger if the request says who asks. */
enum { HTTP_BODY_MAX = 4 * 1024 * 1024, HTTP_ANONYMOUS_BODY_MAX = 64 * 1024 };
enum { HTTP_PARAMETERS_MAX = 32, HTTP_ALLOW_MAX = 40 };

struct http_parameter {
	const char *name, *value; /* decoded */
};

struct http_request_in {
	const char *method, *path; /* path decoded, without query */
	struct http_parameter parameters[HTTP_PARAMETERS_MAX];
	size_t n_parameters;
	bool has_too_many;  /* parameters: the rest is not here */
	bool is_too_large;  /* the body was, and is not here */
	bool has_zero_byte; /* the request line: what stood behind it is not here */
	const char *body;   /* NULL without one */
	size_t body_len;
	const char *peer; /* numeric address */
	/* For http_header; the function may be NULL: there are none. */
	const char *(*find_header)(void *headers, const char *name);
	void *headers;
	/* For an answer that takes time: see http_handler_fn. NULL: it is waited for. */
	void (*suspend)(void *under_way);
	void (*resume)(void *under_way);
	void *under_way;
};

struct http_reply {
	int status;
	const char *content_type;   /* static text */
	struct buf body;            /* taken and freed by the server */
	char etag[40];              /* quoted; empty: none */
	const char *vary;           /* static text, or NULL */
	const char *encoding;       /* static text: of the body, or NULL */
	char *link;                 /* header Link, taken and freed by the server; or NULL */
	char allow[HTTP_ALLOW_MAX]; /* for 405, or "" */
	int retry_after_s;          /* 0: none */
	const char *file_name;      /* static text: offered for download; or NULL */
	const char *cache_control;  /* static text; NULL: no-cache */
	const char *policy;         /* static text: Content-Security-Policy of a page, or NULL */
};

/* Called on one of the pool's threads, which serves others too: it must not take long. True: the
 * reply is filled. False: the handler has called request->suspend; request and reply stay valid
 * until somebody, on any thread, has filled the reply and calls request->resume, once. Whoever
 * asked may be gone by then. */
typedef bool (*http_handler_fn)(const struct http_request_in *request, struct http_reply *reply,
				void *arg);

/* A connection is ended when these are over. */
struct http_times {
	int64_t idle_ms;   /* no byte moved, in either direction; whole seconds count */
	int64_t header_ms; /* from the first byte, or the answer before, to the last header */
	int64_t body_ms;   /* from there to the last byte of the body */
	int64_t answer_ms; /* from the first to the last byte of the answer */
};

struct http_options {
	const char *listen; /* "127.0.0.1:8080", "[::1]:8080"; port 0: a free one */
	const char *tls_cert_file, *tls_key_file; /* both or none */
	unsigned n_threads;
	unsigned connections, connections_per_address; /* at most */
	struct http_times times;
	http_handler_fn handle;
	void *arg;
};

struct http_server;

int http_start(struct http_server **out, const struct http_options *options, struct err *err);
/* Waits for requests under way; none may be suspended, nor become so. NULL is allowed. */
void http_stop(struct http_server *server);
uint16_t http_port(const struct http_server *server);

/* A request's header by name (any case), or NULL. */
const char *http_header(const struct http_request_in *request, const char *name);
/* A query parameter, or NULL. */
const char *http_parameter(const struct http_request_in *request, const char *name);

#endif
