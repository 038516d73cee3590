/* SPDX-License-Identifier: Apache-2.0 */
/* A request, whatever its path, query and body, through all of the API with an administrator's
 * token: the answer is never 500, an error is a problem (RFC 9457) of its own status, JSON is JSON.
 */
#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "common/log.h"
#include "common/mem.h"
#include "server/api/api.h"
#include "server/api/token.h"
#include "server/catalogue/catalogue.h"
#include "server/factors/factors.h"
#include "server/ledger/ledger.h"
#include "server/rollup/derive.h"
#include "server/statistics/form.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct registry *registry;
static struct catalogue *catalogue;
static struct api *api;
static char authorization[16 + TOKEN_CHARACTERS];

static struct registry *hold_registry(void *arg)
{
	(void)arg;
	return registry_hold(registry);
}

static struct catalogue *hold_catalogue(void *arg)
{
	(void)arg;
	return catalogue_hold(catalogue);
}

static void no_metrics(struct buf *out, void *arg)
{
	(void)out;
	(void)arg;
}

static bool is_ready(struct buf *reasons, void *arg)
{
	(void)reasons;
	(void)arg;
	return true;
}

static void make_ledger(const char *path)
{
	struct grant grant = {.name = "fuzz", .role = ROLE_ADMIN, .grade = GRADE_MAX};
	struct ledger *ledger;
	struct derive *derive;
	struct err err = {""};
	bool more = true;
	int rc = ledger_open(&ledger, path, &err);

	assert(rc == 0);
	rc = token_prepare(ledger_db(ledger), &err);
	assert(rc == 0);
	rc = derive_open(&derive, ledger, &err);
	assert(rc == 0);
	rc = derive_set_registry(derive, registry, &err);
	assert(rc == 0);
	while (more && rc == 0)
		rc = derive_run(derive, 1000, &more, &err);
	assert(rc == 0);
	derive_close(derive);
	rc = grant_add(&grant, GRANT_REGION, "370000", 6);
	assert(rc == 0);
	memcpy(authorization, "Bearer ", 8);
	rc = token_add(ledger_db(ledger), &grant, authorization + 7, &err);
	assert(rc == 0);
	ledger_close(ledger);
}

static void set_up(void)
{
	static char path[64];
	static struct api_options options;
	struct factors *factors = NULL;
	struct forms *forms = NULL;
	struct conf_errors errors = {0};
	struct err err = {""};
	int rc;

	log_set_level(LOG_ERROR);
	(void)snprintf(path, sizeof path, "/tmp/nenghao-fuzz-%d.db", (int)getpid());
	(void)unlink(path);
	(void)registry_load(&registry, "config/registry", "config/regions.yaml", 8 * 3600000,
			    &errors);
	(void)factors_load(&factors, "config/factors", &errors);
	(void)forms_load(&forms, "config/statistics", &errors);
	(void)catalogue_load(&catalogue, NULL, &errors);
	assert(errors.count == 0);
	make_ledger(path);
	options = (struct api_options){.ledger_path = path,
				       .offset_ms = 8 * 3600000,
				       .min_coverage = 900000,
				       .n_readers = 1,
				       .slow = 1,
				       .slow_waiting = 1,
				       .slow_per_token = 1,
				       .version = "fuzz",
				       .region = "370100",
				       .factors = factors,
				       .forms = forms,
				       .registry = hold_registry,
				       .catalogue = hold_catalogue,
				       .metrics = no_metrics,
				       .is_ready = is_ready};
	rc = api_create(&api, &options, &err);
	assert(rc == 0);
}

static int hex(char c)
{
	return isdigit((unsigned char)c) ? c - '0' : (tolower((unsigned char)c) - 'a' + 10) & 15;
}

/* As the HTTP library hands it on. */
static void decode(char *text)
{
	char *to = text;

	for (; *text != '\0'; text++) {
		if (*text == '%' && isxdigit((unsigned char)text[1]) &&
		    isxdigit((unsigned char)text[2])) {
			*to++ = (char)(hex(text[1]) << 4 | hex(text[2]));
			text += 2;
		} else {
			*to++ = *text == '+' ? ' ' : *text;
		}
	}
	*to = '\0';
}

static void read_query(struct http_request_in *request, char *query)
{
	char *rest = query, *part;

	while (rest != NULL && (part = strsep(&rest, "&")) != NULL) {
		char *value = strchr(part, '=');

		if (request->n_parameters == HTTP_PARAMETERS_MAX) {
			request->has_too_many = true;
			return;
		}
		if (value != NULL)
			*value++ = '\0';
		decode(part);
		if (value != NULL)
			decode(value);
		request->parameters[request->n_parameters++] =
			(struct http_parameter){part, value != NULL ? value : ""};
	}
}

/* Of the input's second line. */
static char *accept_header;

static const char *find_header(void *headers, const char *name)
{
	(void)headers;
	if (strcasecmp(name, "Authorization") == 0)
		return authorization;
	return strcasecmp(name, "Accept") == 0 || strcasecmp(name, "Content-Type") == 0 ||
			       strcasecmp(name, "Content-Encoding") == 0 ||
			       strcasecmp(name, "If-None-Match") == 0
		       ? accept_header
		       : NULL;
}

/* As the HTTP library does it: what takes long is answered on another thread. */
static struct {
	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t changed;
	bool is_suspended;
} under_way = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void set_suspended(bool is_suspended)
{
	(void)pthread_mutex_lock(&under_way.lock);
	assert(under_way.is_suspended != is_suspended);
	under_way.is_suspended = is_suspended;
	(void)pthread_cond_broadcast(&under_way.changed);
	(void)pthread_mutex_unlock(&under_way.lock);
}

static void suspend(void *unused)
{
	(void)unused;
	set_suspended(true);
}

static void resume(void *unused)
{
	(void)unused;
	set_suspended(false);
}

static void wait_until_resumed(void)
{
	(void)pthread_mutex_lock(&under_way.lock);
	while (under_way.is_suspended)
		(void)pthread_cond_wait(&under_way.changed, &under_way.lock);
	(void)pthread_mutex_unlock(&under_way.lock);
}

static void check(const struct http_reply *reply)
{
	bool is_json = reply->content_type != NULL && strstr(reply->content_type, "json") != NULL;
	json_t *root;

	assert(reply->status != 500 && reply->status >= 200 && reply->status < 504);
	if (!is_json || reply->encoding != NULL)
		return;
	root = json_loadb(reply->body.data, reply->body.len, 0, NULL);
	assert(root != NULL);
	if (reply->status >= 400 && strcmp(reply->content_type, "application/problem+json") == 0)
		assert(json_integer_value(json_object_get(root, "status")) == reply->status &&
		       json_is_string(json_object_get(root, "detail")));
	json_decref(root);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = xcalloc(size + 1, 1), *rest = text, *line, *query;
	struct http_request_in request = {.peer = "127.0.0.1",
					  .find_header = find_header,
					  .suspend = suspend,
					  .resume = resume};
	struct http_reply reply = {.status = 500};

	if (api == NULL)
		set_up();
	memcpy(text, data, size);
	line = strsep(&rest, "\n");
	request.method = strsep(&line, " ");
	query = line;
	request.path = query != NULL ? strsep(&query, "?") : "";
	read_query(&request, query);
	if (line != NULL)
		decode(line);
	accept_header = rest != NULL ? strsep(&rest, "\n") : NULL;
	if (rest != NULL) {
		request.body = rest;
		request.body_len = (size_t)(text + size - rest);
	}
	if (!api_handle(&request, &reply, api))
		wait_until_resumed();
	check(&reply);
	buf_fini(&reply.body);
	free(reply.link);
	free(text);
	return 0;
}
