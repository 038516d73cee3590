/* SPDX-License-Identifier: Apache-2.0 */
/* Requests to the database: where lines go, what the answers mean. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/mem.h"
#include "server/tsdb/tsdb_format.h"
#include "server/tsdb/tsdb_private.h"

/* More refused lines than this without a single good one: the fault is not the lines'. */
enum { HOPELESS_LINES = 64 };

void tsdb_write_encoded(struct buf *out, const char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		    strchr("-._~", c))
			buf_add_char(out, (char)c);
		else
			buf_printf(out, "%%%02X", c);
	}
}

void tsdb_write_parameter(struct buf *out, const char *name, const char *value)
{
	if (!value)
		return;
	buf_add_text(out, name);
	tsdb_write_encoded(out, value);
}

char *tsdb_write_url(const struct server_tsdb_config *config)
{
	struct buf url = {0};

	buf_add_text(&url, config->url);
	switch ((enum tsdb_kind)config->kind) {
	case TSDB_INFLUXDB1:
		buf_add_text(&url, "/write?precision=ms");
		tsdb_write_parameter(&url, "&db=", config->database);
		break;
	case TSDB_INFLUXDB2:
		buf_add_text(&url, "/api/v2/write?precision=ms");
		tsdb_write_parameter(&url, "&org=", config->org);
		tsdb_write_parameter(&url, "&bucket=", config->bucket);
		break;
	case TSDB_INFLUXDB3:
		buf_add_text(&url, "/api/v3/write_lp?precision=millisecond");
		tsdb_write_parameter(&url, "&db=", config->database);
		break;
	case TSDB_VICTORIAMETRICS:
		buf_add_text(&url, "/write?precision=ms");
		break;
	}
	return buf_take(&url);
}

/* The words of a refusal, on one line. */
int tsdb_write_refuse(const struct http_response *response, int code, struct err *err)
{
	char words[160];
	size_t n = 0;

	for (size_t i = 0; i < response->body.len && n + 1 < sizeof words; i++) {
		unsigned char c = (unsigned char)response->body.data[i];

		words[n++] = (char)(c < 0x20 ? ' ' : c);
	}
	words[n] = '\0';
	return err_set(err, code, "the database answered %d: %s", response->status, words);
}

int tsdb_write_request(struct tsdb_sender *sender, const struct http_request *request,
		       struct http_response *response, struct err *err)
{
	int rc = http_client_send(sender->http, request, response, err);

	(void)pthread_mutex_lock(&sender->tsdb->lock);
	sender->tsdb->state.requests++;
	(void)pthread_mutex_unlock(&sender->tsdb->lock);
	return rc;
}

/* Only these say that the text is to blame; 401, 403, 404 or 429 are about us or about now. */
static bool blames_text(int status)
{
	return status == 400 || status == 413 || status == 422;
}

int tsdb_write_text(struct tsdb_sender *sender, const char *text, size_t len, struct err *err)
{
	struct http_request request = {.method = "POST",
				       .url = sender->tsdb->write_url,
				       .content_type = "text/plain; charset=utf-8",
				       .body = text,
				       .len = len};
	struct http_response response = {0};
	int rc = tsdb_write_request(sender, &request, &response, err);

	if (rc == 0 && (response.status < 200 || response.status > 299))
		rc = tsdb_write_refuse(&response, blames_text(response.status) ? -EBADMSG : -EIO,
				       err);
	http_response_fini(&response);
	return rc;
}

/* ---- finding the lines that are refused ---- */

struct search {
	size_t good, bad; /* lines accepted, lines refused */
};

static void put_aside(struct tsdb *tsdb, const char *line, size_t len, const struct err *why)
{
	log_warn("tsdb", "%s refuses a line (%s), it goes to the dead letters", tsdb->config.name,
		 why->text);
	(void)pthread_mutex_lock(&tsdb->lock);
	tsdb->state.bad_lines++;
	if (!tsdb->bad_lines)
		tsdb->bad_lines = xcalloc(TSDB_BAD_LINES_MAX, sizeof *tsdb->bad_lines);
	if (tsdb->n_bad < TSDB_BAD_LINES_MAX)
		tsdb->bad_lines[tsdb->n_bad++] = (struct tsdb_bad_line){xstrndup(line, len), len};
	(void)pthread_mutex_unlock(&tsdb->lock);
}

/* The middle, behind a line feed; 0 if there is only one line. */
static size_t find_middle(const char *text, size_t len)
{
	const char *feed = memchr(text + len / 2, '\n', len - len / 2);

	if (feed && feed + 1 < text + len)
		return (size_t)(feed + 1 - text);
	feed = memrchr(text, '\n', len > 0 ? len - 1 : 0);
	return feed ? (size_t)(feed + 1 - text) : 0;
}

static size_t count_lines(const char *text, size_t len)
{
	size_t n = 0;

	for (const char *at = text; (at = memchr(at, '\n', (size_t)(text + len - at)));)
		at++, n++;
	return n;
}

static int search_lines(struct tsdb_sender *sender, const char *text, size_t len,
			struct search *search, struct err *err)
{
	int rc = tsdb_write_text(sender, text, len, err);
	size_t middle;

	if (rc == 0)
		search->good += count_lines(text, len);
	if (rc != -EBADMSG)
		return rc;
	middle = find_middle(text, len);
	if (middle == 0) {
		if (search->good == 0 && search->bad++ >= HOPELESS_LINES)
			return err_prefix(err, -EIO, "every line is refused");
		put_aside(sender->tsdb, text, len, err);
		return 0;
	}
	rc = search_lines(sender, text, middle, search, err);
	if (rc == 0)
		rc = search_lines(sender, text + middle, len - middle, search, err);
	return rc;
}

int tsdb_write_lines(struct tsdb_sender *sender, const char *text, size_t len, struct err *err)
{
	struct search search = {0};

	return search_lines(sender, text, len, &search, err);
}

void tsdb_write_quoted(struct buf *out, const char *text, char quote)
{
	buf_add_char(out, quote);
	for (; *text; text++) {
		if (*text == quote || *text == '\\')
			buf_add_char(out, '\\');
		buf_add_char(out, *text);
	}
	buf_add_char(out, quote);
}

int tsdb_write_query(struct tsdb *tsdb, const struct buf *body, struct err *err)
{
	struct http_response response = {0};
	struct buf url = {0};
	int rc;

	buf_add_text(&url, tsdb->config.url);
	buf_add_text(&url, "/query");
	rc = tsdb_write_request(
		&tsdb->senders[0],
		&(struct http_request){.method = "POST",
				       .url = url.data,
				       .content_type = "application/x-www-form-urlencoded",
				       .body = body->data,
				       .len = body->len},
		&response, err);
	/* What is wrong with a statement stands in an answer that is otherwise well. */
	if (rc == 0 && (response.status != 200 ||
			(response.body.len > 0 && strstr(response.body.data, "\"error\":"))))
		rc = tsdb_write_refuse(&response, -EIO, err);
	http_response_fini(&response);
	buf_fini(&url);
	return rc;
}

/* ---- getting ready ---- */

int tsdb_write_prepare(struct tsdb *tsdb, struct err *err)
{
	struct buf body = {0}, statement = {0};
	int rc;

	if (tsdb->config.kind != TSDB_INFLUXDB1)
		return 0;
	buf_add_text(&statement, "CREATE DATABASE ");
	tsdb_write_quoted(&statement, tsdb->config.database, '"');
	buf_add_text(&body, "q=");
	tsdb_write_encoded(&body, statement.data);
	rc = tsdb_write_query(tsdb, &body, err);
	buf_fini(&statement);
	buf_fini(&body);
	/* Without the right to create it, it may still be there: writing will tell. */
	return rc == -EIO ? 0 : rc;
}

int64_t tsdb_write_process(struct tsdb *tsdb, struct err *err)
{
	static const char name[] = "process_start_time_seconds ";
	struct http_response response = {0};
	struct buf url = {0};
	const char *at;
	int64_t rc;

	buf_add_text(&url, tsdb->config.url);
	buf_add_text(&url, "/metrics");
	rc = tsdb_write_request(&tsdb->senders[0],
				&(struct http_request){.method = "GET", .url = url.data}, &response,
				err);
	if (rc == 0 && response.status != 200)
		rc = tsdb_write_refuse(&response, -EIO, err);
	if (rc == 0) {
		at = response.body.len > 0 ? strstr(response.body.data, name) : NULL;
		rc = at ? strtoll(at + sizeof name - 1, NULL, 10) : 0;
		if (rc <= 0)
			rc = err_set(err, -EPROTO, "its metrics have no start time");
	}
	http_response_fini(&response);
	buf_fini(&url);
	return rc;
}
