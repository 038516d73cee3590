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

static void add_encoded(struct buf *out, const char *text)
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

static void add_parameter(struct buf *out, const char *name, const char *value)
{
	if (!value)
		return;
	buf_add_text(out, name);
	add_encoded(out, value);
}

char *tsdb_write_url(const struct server_tsdb_config *config)
{
	struct buf url = {0};

	buf_add_text(&url, config->url);
	switch ((enum tsdb_kind)config->kind) {
	case TSDB_INFLUXDB1:
		buf_add_text(&url, "/write?precision=ms");
		add_parameter(&url, "&db=", config->database);
		break;
	case TSDB_INFLUXDB2:
		buf_add_text(&url, "/api/v2/write?precision=ms");
		add_parameter(&url, "&org=", config->org);
		add_parameter(&url, "&bucket=", config->bucket);
		break;
	case TSDB_INFLUXDB3:
		buf_add_text(&url, "/api/v3/write_lp?precision=millisecond");
		add_parameter(&url, "&db=", config->database);
		break;
	case TSDB_VICTORIAMETRICS:
		buf_add_text(&url, "/write?precision=ms");
		break;
	}
	return buf_take(&url);
}

/* The words of a refusal, on one line. */
static int refuse(const struct http_response *response, int code, struct err *err)
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

static int send_request(struct tsdb_sender *sender, const struct http_request *request,
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
	int rc = send_request(sender, &request, &response, err);

	if (rc == 0 && (response.status < 200 || response.status > 299))
		rc = refuse(&response, blames_text(response.status) ? -EBADMSG : -EIO, err);
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

/* ---- deleting points that vanished ---- */

static struct tsdb_deletion *add_deletion(struct tsdb_export *export, const char *measurement,
					  int64_t from_ms, int64_t to_ms)
{
	struct tsdb_deletion *deletion;

	export->deletions = grow(export->deletions, export->n_deletions, &export->deletions_cap,
				 sizeof *export->deletions);
	deletion = &export->deletions[export->n_deletions++];
	*deletion = (struct tsdb_deletion){
		.measurement = xstrdup(measurement), .from_ms = from_ms, .to_ms = to_ms};
	return deletion;
}

void tsdb_export_delete(struct tsdb_export *export, const char *measurement,
			const struct tsdb_tag *tags, size_t n_tags, int64_t time_ms)
{
	struct tsdb_deletion *deletion = add_deletion(export, measurement, time_ms, time_ms + 1);

	deletion->n_tags = n_tags;
	for (size_t i = 0; i < n_tags; i++) {
		buf_add(&deletion->names_values, tags[i].name, strlen(tags[i].name) + 1);
		buf_add(&deletion->names_values, tags[i].value, strlen(tags[i].value) + 1);
	}
}

void tsdb_export_delete_before(struct tsdb_export *export, const char *measurement, int64_t time_ms)
{
	(void)add_deletion(export, measurement, 0, time_ms);
}

void tsdb_export_fini(struct tsdb_export *export)
{
	for (size_t i = 0; i < export->n_deletions; i++) {
		free(export->deletions[i].measurement);
		buf_fini(&export->deletions[i].names_values);
	}
	free(export->deletions);
	buf_fini(&export->lines);
	memset(export, 0, sizeof *export);
}

static void add_quoted(struct buf *out, const char *text, char quote)
{
	buf_add_char(out, quote);
	for (; *text; text++) {
		if (*text == quote || *text == '\\')
			buf_add_char(out, '\\');
		buf_add_char(out, *text);
	}
	buf_add_char(out, quote);
}

/* "region"='370102' AND ... in InfluxQL, or region="370102" AND ... in version 2's language. */
static void add_predicate(struct buf *out, const struct tsdb_deletion *deletion, bool is_influxql)
{
	const char *at = deletion->names_values.data;

	for (size_t i = 0; i < deletion->n_tags; i++) {
		const char *value = at + strlen(at) + 1;

		buf_add_text(out, " AND ");
		if (is_influxql)
			add_quoted(out, at, '"');
		else
			buf_add_text(out, at);
		buf_add_char(out, '=');
		add_quoted(out, value, is_influxql ? '\'' : '"');
		at = value + strlen(value) + 1;
	}
}

static int send_query(struct tsdb *tsdb, const struct buf *body, struct err *err)
{
	struct http_response response = {0};
	struct buf url = {0};
	int rc;

	buf_add_text(&url, tsdb->config.url);
	buf_add_text(&url, "/query");
	rc = send_request(
		&tsdb->senders[0],
		&(struct http_request){.method = "POST",
				       .url = url.data,
				       .content_type = "application/x-www-form-urlencoded",
				       .body = body->data,
				       .len = body->len},
		&response, err);
	if (rc == 0 && response.status != 200)
		rc = refuse(&response, -EIO, err);
	http_response_fini(&response);
	buf_fini(&url);
	return rc;
}

static void add_statement(struct buf *body, const struct tsdb_deletion *deletion)
{
	struct buf statement = {0};

	buf_add_text(&statement, "DELETE FROM ");
	add_quoted(&statement, deletion->measurement, '"');
	if (deletion->to_ms == deletion->from_ms + 1)
		buf_printf(&statement, " WHERE time = %lld000000", (long long)deletion->from_ms);
	else
		buf_printf(&statement, " WHERE time >= %lld000000 AND time < %lld000000",
			   (long long)deletion->from_ms, (long long)deletion->to_ms);
	add_predicate(&statement, deletion, true);
	buf_add_char(&statement, ';');
	add_encoded(body, statement.data);
	buf_fini(&statement);
}

static int delete_version_1(struct tsdb *tsdb, const struct tsdb_export *export, struct err *err)
{
	struct buf body = {0};
	int rc;

	buf_add_text(&body, "db=");
	add_encoded(&body, tsdb->config.database);
	buf_add_text(&body, "&q=");
	for (size_t i = 0; i < export->n_deletions; i++)
		add_statement(&body, &export->deletions[i]);
	rc = send_query(tsdb, &body, err);
	buf_fini(&body);
	return rc;
}

/* nanoseconds: digits after the millisecond's, or none. */
static void add_time(struct buf *out, int64_t time_ms, const char *nanoseconds)
{
	char text[CIVIL_TEXT_MAX];
	size_t whole = strlen("2026-01-01T00:00:00");

	(void)civil_print_time(time_ms - time_ms % 1000, 0, text);
	buf_printf(out, "\"%.*s.%03d%s%s\"", (int)whole, text, (int)(time_ms % 1000), nanoseconds,
		   text + whole);
}

static int delete_version_2(struct tsdb *tsdb, const struct tsdb_deletion *deletion,
			    struct err *err)
{
	struct http_response response = {0};
	struct buf url = {0}, body = {0}, predicate = {0};
	int rc;

	buf_add_text(&url, tsdb->config.url);
	buf_add_text(&url, "/api/v2/delete?");
	add_parameter(&url, "org=", tsdb->config.org);
	add_parameter(&url, "&bucket=", tsdb->config.bucket);
	buf_add_text(&predicate, "_measurement=");
	add_quoted(&predicate, deletion->measurement, '"');
	add_predicate(&predicate, deletion, false);
	buf_add_text(&body, "{\"start\":");
	add_time(&body, deletion->from_ms, "");
	/* Whether the stop itself is deleted, the documentation leaves open: no point is there. */
	buf_add_text(&body, ",\"stop\":");
	add_time(&body, deletion->to_ms - 1, "999999");
	buf_add_text(&body, ",\"predicate\":");
	add_quoted(&body, predicate.data, '"');
	buf_add_char(&body, '}');
	rc = send_request(&tsdb->senders[0],
			  &(struct http_request){.method = "POST",
						 .url = url.data,
						 .content_type = "application/json",
						 .body = body.data,
						 .len = body.len},
			  &response, err);
	if (rc == 0 && (response.status < 200 || response.status > 299))
		rc = refuse(&response, -EIO, err);
	http_response_fini(&response);
	buf_fini(&url);
	buf_fini(&body);
	buf_fini(&predicate);
	return rc;
}

/* InfluxDB 3 and VictoriaMetrics delete no single points: there a vanished point stays. */
int tsdb_write_delete(struct tsdb *tsdb, const struct tsdb_export *export, struct err *err)
{
	int rc = 0;

	if (export->n_deletions > 0 && tsdb->config.kind == TSDB_INFLUXDB1)
		return delete_version_1(tsdb, export, err);
	for (size_t i = 0;
	     i < export->n_deletions && tsdb->config.kind == TSDB_INFLUXDB2 && rc == 0; i++)
		rc = delete_version_2(tsdb, &export->deletions[i], err);
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
	add_quoted(&statement, tsdb->config.database, '"');
	buf_add_text(&body, "q=");
	add_encoded(&body, statement.data);
	rc = send_query(tsdb, &body, err);
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
	rc = send_request(&tsdb->senders[0],
			  &(struct http_request){.method = "GET", .url = url.data}, &response, err);
	if (rc == 0 && response.status != 200)
		rc = refuse(&response, -EIO, err);
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
