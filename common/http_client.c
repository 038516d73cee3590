/* SPDX-License-Identifier: Apache-2.0 */
#include "common/http_client.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <zlib.h>

#include "common/curl_option.h"
#include "common/mem.h"

enum {
	MAX_BODY = 4 * 1024 * 1024,
	CONNECT_TIMEOUT_MS = 10 * 1000,
	DEFAULT_TIMEOUT_MS = 30 * 1000,
	GZIP_WINDOW = 15 + 16, /* zlib: the largest window, with a gzip header */
	GZIP_LEVEL = 3,        /* line protocol shrinks well already here */
};

struct http_client {
	CURL *curl;
	char *authorization; /* the whole header line, or NULL */
	char curl_words[CURL_ERROR_SIZE];
	atomic_bool is_interrupted;
	struct http_response *response; /* while a request is under way */
};

void http_response_fini(struct http_response *response)
{
	buf_fini(&response->body);
	*response = (struct http_response){0};
}

/* ---- what curl calls back ---- */

static size_t on_body(char *data, size_t size, size_t n, void *arg)
{
	struct http_client *client = arg;
	struct buf *body = &client->response->body;
	size_t len = size * n, room = MAX_BODY - body->len;

	buf_add(body, data, len < room ? len : room);
	return len; /* the rest is read and forgotten, so that the connection can be kept */
}

/* The value of the header line if it has this name, else NULL. */
static const char *header_value(const char *line, size_t len, const char *name, size_t *n_value)
{
	size_t n = strlen(name);

	if (len <= n || strncasecmp(line, name, n) != 0 || line[n] != ':')
		return NULL;
	line += n + 1;
	len -= n + 1;
	while (len > 0 && isspace((unsigned char)*line)) {
		line++;
		len--;
	}
	while (len > 0 && isspace((unsigned char)line[len - 1]))
		len--;
	*n_value = len;
	return line;
}

static size_t on_header(char *line, size_t size, size_t n, void *arg)
{
	struct http_client *client = arg;
	char *version = client->response->server_version;
	size_t max = sizeof client->response->server_version - 1, len = 0;
	const char *value = header_value(line, size * n, "X-Influxdb-Version", &len);

	if (value == NULL && *version == '\0')
		value = header_value(line, size * n, "Server", &len);
	if (value != NULL) {
		len = len < max ? len : max;
		memcpy(version, value, len);
		version[len] = '\0';
	}
	return size * n;
}

static int on_progress(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	struct http_client *client = arg;

	(void)a;
	(void)b;
	(void)c;
	(void)d;
	return atomic_load(&client->is_interrupted);
}

/* ---- creation ---- */

/* Only fails for an option that this libcurl was built without, or without memory. */
static void set_callbacks(struct http_client *client)
{
	CURL *curl = client->curl;

	(void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body); /* pointers cannot fail */
	(void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, client);
	(void)curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
	(void)curl_easy_setopt(curl, CURLOPT_HEADERDATA, client);
	(void)curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
	(void)curl_easy_setopt(curl, CURLOPT_XFERINFODATA, client);
	(void)curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, client->curl_words);
}

static int set_options(struct http_client *client, const struct http_client_options *options)
{
	CURL *curl = client->curl;
	int64_t timeout = options->timeout_ms > 0 ? options->timeout_ms : DEFAULT_TIMEOUT_MS;
	int code;

	set_callbacks(client);
	curl_option_long(curl, CURLOPT_NOSIGNAL, 1); /* no SIGALRM in a program with threads */
	curl_option_long(curl, CURLOPT_NOPROGRESS, 0);
	curl_option_long(curl, CURLOPT_TIMEOUT_MS, (long)timeout);
	curl_option_long(curl, CURLOPT_CONNECTTIMEOUT_MS,
			 (long)(timeout < CONNECT_TIMEOUT_MS ? timeout : CONNECT_TIMEOUT_MS));
	curl_option_long(curl, CURLOPT_TCP_KEEPALIVE, 1);
	curl_option_long(curl, CURLOPT_FOLLOWLOCATION,
			 0); /* a secret goes to the configured host only */
	code = curl_option_text(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	if (code == 0)
		code = curl_option_text(curl, CURLOPT_CAINFO, options->ca_file);
	if (code == 0 && options->user != NULL) {
		curl_option_long(curl, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
		code = curl_option_text(curl, CURLOPT_USERNAME, options->user);
	}
	if (code == 0 && options->user != NULL)
		code = curl_option_text(curl, CURLOPT_PASSWORD, options->password);
	return code;
}

int http_client_create(struct http_client **out, const struct http_client_options *options,
		       struct err *err)
{
	struct http_client *client;

	curl_option_prepare();
	client = xcalloc(1, sizeof *client);
	client->curl = curl_easy_init();
	if (client->curl == NULL || set_options(client, options) < 0) {
		http_client_destroy(client);
		return err_set(err, -EINVAL, "the HTTP library refuses the options");
	}
	if (options->token != NULL)
		client->authorization =
			xasprintf("Authorization: %s %s",
				  options->token_scheme != NULL ? options->token_scheme : "Bearer",
				  options->token);
	*out = client;
	return 0;
}

void http_client_destroy(struct http_client *client)
{
	if (client == NULL)
		return;
	if (client->curl != NULL)
		curl_easy_cleanup(client->curl);
	if (client->authorization != NULL)
		explicit_bzero(client->authorization, strlen(client->authorization));
	free(client->authorization);
	free(client);
}

/* ---- a request ---- */

static void gzip(const void *data, size_t len, struct buf *out)
{
	z_stream stream = {0};
	size_t room;
	int rc;

	rc = deflateInit2(&stream, GZIP_LEVEL, Z_DEFLATED, GZIP_WINDOW, 8, Z_DEFAULT_STRATEGY);
	assert(rc == Z_OK && len <= UINT32_MAX);
	room = deflateBound(&stream, (uLong)len);
	out->data = xrealloc(NULL, room + 1, 1);
	out->cap = room + 1;
	memcpy(&stream.next_in, &data, sizeof data); /* is not written, though not const */
	stream.avail_in = (uInt)len;
	stream.next_out = (Bytef *)out->data;
	stream.avail_out = (uInt)room;
	rc = deflate(&stream, Z_FINISH);
	assert(rc == Z_STREAM_END); /* deflateBound is enough for all */
	out->len = stream.total_out;
	out->data[out->len] = '\0';
	(void)deflateEnd(&stream);
}

static struct curl_slist *add_header(struct curl_slist *list, const char *line)
{
	struct curl_slist *longer = curl_slist_append(list, line);

	assert(longer != NULL); /* out of memory */
	return longer;
}

static struct curl_slist *make_headers(const struct http_client *client,
				       const struct http_request *request)
{
	/* Without it curl waits for "100 Continue", which many servers never say. */
	struct curl_slist *list = add_header(NULL, "Expect:");

	if (client->authorization != NULL)
		list = add_header(list, client->authorization);
	if (request->content_type != NULL) {
		char *line = xasprintf("Content-Type: %s", request->content_type);

		list = add_header(list, line);
		free(line);
	}
	if (request->gzip)
		list = add_header(list, "Content-Encoding: gzip");
	for (size_t i = 0; request->headers != NULL && request->headers[i] != NULL; i++)
		list = add_header(list, request->headers[i]);
	return list;
}

static int code_of(CURLcode rc)
{
	switch ((int)rc) {
	case CURLE_OPERATION_TIMEDOUT:
		return -ETIMEDOUT;
	case CURLE_COULDNT_CONNECT:
		return -ECONNREFUSED;
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
		return -EHOSTUNREACH;
	case CURLE_ABORTED_BY_CALLBACK:
		return -EINTR;
	default:
		return -EPROTO;
	}
}

/* curl's COULDNT_CONNECT hides why. */
static int connect_code(CURL *curl)
{
	long number = 0;

	(void)curl_easy_getinfo(curl, CURLINFO_OS_ERRNO, &number);
	if (number == EHOSTUNREACH || number == ENETUNREACH || number == ENETDOWN)
		return -EHOSTUNREACH;
	return number == ETIMEDOUT ? -ETIMEDOUT : -ECONNREFUSED;
}

static int fail(struct http_client *client, CURLcode rc, struct err *err)
{
	int code = rc == CURLE_COULDNT_CONNECT ? connect_code(client->curl) : code_of(rc);

	if (code == -EINTR)
		return err_set(err, code, "the request was interrupted");
	return err_set(err, code, "%s",
		       client->curl_words[0] != '\0' ? client->curl_words : curl_easy_strerror(rc));
}

static CURLcode set_request(CURL *curl, const struct http_request *request, const void *body,
			    size_t len)
{
	CURLcode rc = curl_easy_setopt(curl, CURLOPT_URL, request->url);

	if (rc == CURLE_OK && body != NULL) {
		curl_option_long(curl, CURLOPT_POST, 1);
		rc = curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)len);
		if (rc == CURLE_OK) /* borrows until the request ends */
			rc = curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
	} else {
		curl_option_long(curl, CURLOPT_HTTPGET, 1);
	}
	if (rc == CURLE_OK)
		rc = curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
	return rc;
}

static CURLcode perform(struct http_client *client, const struct http_request *request,
			const void *body, size_t len)
{
	struct curl_slist *headers = make_headers(client, request);
	CURLcode rc = set_request(client->curl, request, body, len);

	if (rc == CURLE_OK)
		rc = curl_easy_setopt(client->curl, CURLOPT_HTTPHEADER, headers);
	if (rc == CURLE_OK)
		rc = curl_easy_perform(client->curl);
	(void)curl_easy_setopt(client->curl, CURLOPT_HTTPHEADER, NULL); /* is freed here */
	(void)curl_easy_setopt(client->curl, CURLOPT_POSTFIELDS, NULL); /* the caller's */
	curl_slist_free_all(headers);
	return rc;
}

int http_client_send(struct http_client *client, const struct http_request *request,
		     struct http_response *response, struct err *err)
{
	bool has_body = request->body != NULL || strcmp(request->method, "POST") == 0;
	const void *body = request->body != NULL ? request->body : "";
	size_t len = request->body != NULL ? request->len : 0;
	struct buf zipped = {0};
	long status = 0;
	CURLcode rc;

	http_response_fini(response);
	client->response = response;
	client->curl_words[0] = '\0';
	if (has_body && request->gzip) {
		gzip(body, len, &zipped);
		body = zipped.data;
		len = zipped.len;
	}
	rc = perform(client, request, has_body ? body : NULL, len);
	buf_fini(&zipped);
	client->response = NULL;
	if (rc != CURLE_OK)
		return fail(client, rc, err);
	(void)curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &status);
	response->status = (int)status;
	return 0;
}

void http_client_interrupt(struct http_client *client)
{
	atomic_store(&client->is_interrupted, true);
}
