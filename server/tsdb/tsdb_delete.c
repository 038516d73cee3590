/* SPDX-License-Identifier: Apache-2.0 */
/* Points that vanished, and series whose tags the registry has changed. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "server/tsdb/tsdb_private.h"

enum {
	VICTORIA_VISIBLE_MS = 2000, /* until what it took is found by a search */
	DELETIONS_TOGETHER = 10,    /* in a request of InfluxDB 1 */
	NEIGHBOURS = 64,            /* deletions that another may be next to */
};

/* ---- what is to be deleted ---- */

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

static void add_tags(struct buf *out, const struct tsdb_tag *tags, size_t n_tags)
{
	for (size_t i = 0; i < n_tags; i++) {
		buf_add(out, tags[i].name, strlen(tags[i].name) + 1);
		buf_add(out, tags[i].value, strlen(tags[i].value) + 1);
	}
}

/* How far apart the points of a series stand at least. */
static int64_t step_of(const char *measurement)
{
	if (strstr(measurement, "_hour"))
		return HOUR_MS;
	return strstr(measurement, "_day") ? DAY_MS : 1;
}

/* Each deletion looks through a whole database: points without another in between go together. */
static bool widen(struct tsdb_export *export, const char *measurement, const struct buf *tags,
		  int64_t time_ms)
{
	size_t oldest = export->n_deletions > NEIGHBOURS ? export->n_deletions - NEIGHBOURS : 0;

	for (size_t i = export->n_deletions; i-- > oldest;) {
		struct tsdb_deletion *deletion = &export->deletions[i];

		if (deletion->is_series || time_ms < deletion->to_ms ||
		    time_ms - (deletion->to_ms - 1) > step_of(measurement) ||
		    strcmp(deletion->measurement, measurement) != 0 ||
		    deletion->names_values.len != tags->len ||
		    memcmp(deletion->names_values.data, tags->data, tags->len) != 0)
			continue;
		deletion->to_ms = time_ms + 1;
		return true;
	}
	return false;
}

void tsdb_export_delete(struct tsdb_export *export, const char *measurement,
			const struct tsdb_tag *tags, size_t n_tags, int64_t time_ms)
{
	struct buf names_values = {0};
	struct tsdb_deletion *deletion;

	add_tags(&names_values, tags, n_tags);
	if (widen(export, measurement, &names_values, time_ms)) {
		buf_fini(&names_values);
		return;
	}
	deletion = add_deletion(export, measurement, time_ms, time_ms + 1);
	deletion->names_values = names_values;
	deletion->n_tags = n_tags;
}

void tsdb_export_delete_series(struct tsdb_export *export, const char *measurement,
			       const struct tsdb_tag *tags, size_t n_tags, int64_t to_ms)
{
	struct tsdb_deletion *deletion = add_deletion(export, measurement, 0, to_ms);

	add_tags(&deletion->names_values, tags, n_tags);
	deletion->n_tags = n_tags;
	deletion->is_series = true;
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

/* "region"='370102' AND ... in InfluxQL, or region="370102" AND ... in version 2's language. */
static void add_predicate(struct buf *out, const struct tsdb_deletion *deletion, bool is_influxql)
{
	const char *at = deletion->names_values.data;

	for (size_t i = 0; i < deletion->n_tags; i++) {
		const char *value = at + strlen(at) + 1;

		if (*value == '\0') { /* tells nothing where measurements stand for themselves */
			at = value + 1;
			continue;
		}
		buf_add_text(out, " AND ");
		if (is_influxql)
			tsdb_write_quoted(out, at, '"');
		else
			buf_add_text(out, at);
		buf_add_char(out, '=');
		tsdb_write_quoted(out, value, is_influxql ? '\'' : '"');
		at = value + strlen(value) + 1;
	}
}

/* Without a time the series themselves go; with one, points. */
static void add_statement(struct buf *body, const struct tsdb_deletion *deletion)
{
	bool is_all = deletion->is_series && deletion->to_ms == TSDB_ALL_TIME;
	struct buf statement = {0}, predicate = {0};

	add_predicate(&predicate, deletion, true);
	buf_add_text(&statement, is_all ? "DROP SERIES FROM " : "DELETE FROM ");
	tsdb_write_quoted(&statement, deletion->measurement, '"');
	if (is_all && predicate.len > 0)
		buf_printf(&statement, " WHERE %s", predicate.data + strlen(" AND "));
	else if (!is_all && deletion->to_ms == deletion->from_ms + 1)
		buf_printf(&statement, " WHERE time = %lld000000", (long long)deletion->from_ms);
	else if (!is_all)
		buf_printf(&statement, " WHERE time >= %lld000000 AND time < %lld000000",
			   (long long)deletion->from_ms, (long long)deletion->to_ms);
	if (!is_all && predicate.len > 0)
		buf_add_text(&statement, predicate.data);
	buf_add_char(&statement, ';');
	tsdb_write_encoded(body, statement.data);
	buf_fini(&statement);
	buf_fini(&predicate);
}

static int delete_some(struct tsdb *tsdb, const struct tsdb_export *export, size_t from, size_t to,
		       struct err *err)
{
	struct buf body = {0};
	int rc;

	buf_add_text(&body, "db=");
	tsdb_write_encoded(&body, tsdb->config.database);
	buf_add_text(&body, "&q=");
	for (size_t i = from; i < to; i++)
		add_statement(&body, &export->deletions[i]);
	rc = tsdb_write_query(tsdb, &body, err);
	buf_fini(&body);
	return rc;
}

/* Each looks into every shard, so it takes longer the further back the database goes: all together
 * must not take longer than an answer may. */
static int delete_version_1(struct tsdb *tsdb, const struct tsdb_export *export, struct err *err)
{
	size_t from = 0;
	int rc = 0;

	while (from < export->n_deletions && rc == 0) {
		size_t to = from + DELETIONS_TOGETHER;

		to = to < export->n_deletions ? to : export->n_deletions;
		rc = delete_some(tsdb, export, from, to, err);
		from = to;
		if (rc == 0 && atomic_load(&tsdb->is_stopping))
			rc = err_set(err, -EINTR, "stopping");
	}
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
	tsdb_write_parameter(&url, "org=", tsdb->config.org);
	tsdb_write_parameter(&url, "&bucket=", tsdb->config.bucket);
	buf_add_text(&predicate, "_measurement=");
	tsdb_write_quoted(&predicate, deletion->measurement, '"');
	add_predicate(&predicate, deletion, false);
	buf_add_text(&body, "{\"start\":");
	add_time(&body, deletion->from_ms, "");
	/* Whether the stop itself is deleted, the documentation leaves open: no point is there. */
	buf_add_text(&body, ",\"stop\":");
	add_time(&body, deletion->to_ms - 1, "999999");
	buf_add_text(&body, ",\"predicate\":");
	tsdb_write_quoted(&body, predicate.data, '"');
	buf_add_char(&body, '}');
	rc = tsdb_write_request(&tsdb->senders[0],
				&(struct http_request){.method = "POST",
						       .url = url.data,
						       .content_type = "application/json",
						       .body = body.data,
						       .len = body.len},
				&response, err);
	if (rc == 0 && (response.status < 200 || response.status > 299))
		rc = tsdb_write_refuse(&response, -EIO, err);
	http_response_fini(&response);
	buf_fini(&url);
	buf_fini(&body);
	buf_fini(&predicate);
	return rc;
}

/* ---- VictoriaMetrics: series as a whole ---- */

/* Its series are called by measurement and field. */
static void add_selector(struct buf *body, const struct tsdb_deletion *deletion)
{
	const char *at = deletion->names_values.data;
	struct buf selector = {0};

	buf_printf(&selector, "{__name__=~\"%s_.+\"", deletion->measurement);
	for (size_t i = 0; i < deletion->n_tags; i++) {
		const char *value = at + strlen(at) + 1;

		buf_printf(&selector, ",%s=", at);
		tsdb_write_quoted(&selector, value, '"');
		at = value + strlen(value) + 1;
	}
	buf_add_char(&selector, '}');
	buf_add_text(body, body->len > 0 ? "&match[]=" : "match[]=");
	tsdb_write_encoded(body, selector.data);
	buf_fini(&selector);
}

/* A deletion sees what a search sees, which follows writing by a second. */
static int make_visible(struct tsdb *tsdb, struct err *err)
{
	struct http_response response = {0};
	struct buf url = {0};
	int rc;

	buf_printf(&url, "%s/internal/force_flush", tsdb->config.url);
	rc = tsdb_write_request(&tsdb->senders[0],
				&(struct http_request){.method = "GET", .url = url.data}, &response,
				err);
	if (rc == 0 && response.status != 200)
		tsdb_wait(tsdb, clock_mono_ms() + VICTORIA_VISIBLE_MS, false);
	http_response_fini(&response);
	buf_fini(&url);
	return rc;
}

static int delete_selected(struct tsdb *tsdb, const struct buf *body, bool *is_refused,
			   struct err *err)
{
	struct http_response response = {0};
	struct buf url = {0};
	int rc;

	buf_printf(&url, "%s/api/v1/admin/tsdb/delete_series", tsdb->config.url);
	rc = tsdb_write_request(
		&tsdb->senders[0],
		&(struct http_request){.method = "POST",
				       .url = url.data,
				       .content_type = "application/x-www-form-urlencoded",
				       .body = body->data,
				       .len = body->len},
		&response, err);
	if (rc == 0 && (response.status < 200 || response.status > 299)) {
		rc = tsdb_write_refuse(&response, -EIO, err);
		/* Not for us, or not here, such as behind a proxy that lets only lines through. */
		*is_refused = response.status < 500 && response.status != 429;
	}
	http_response_fini(&response);
	buf_fini(&url);
	return rc;
}

static int delete_victoria(struct tsdb *tsdb, const struct tsdb_export *export, bool *is_refused,
			   struct err *err)
{
	struct buf body = {0};
	int rc;

	for (size_t i = 0; i < export->n_deletions; i++)
		if (export->deletions[i].is_series)
			add_selector(&body, &export->deletions[i]);
	rc = make_visible(tsdb, err);
	if (rc == 0)
		rc = delete_selected(tsdb, &body, is_refused, err);
	buf_fini(&body);
	return rc;
}

/* ---- all of it ---- */

static size_t count_series(const struct tsdb_export *export)
{
	size_t n = 0;

	for (size_t i = 0; i < export->n_deletions; i++)
		n += export->deletions[i].is_series;
	return n;
}

static void note(struct tsdb *tsdb, size_t n, const char *trouble)
{
	(void)pthread_mutex_lock(&tsdb->lock);
	*(trouble ? &tsdb->state.series_left : &tsdb->state.series_removed) += (int64_t)n;
	(void)pthread_mutex_unlock(&tsdb->lock);
	*(trouble ? &tsdb->untold_left : &tsdb->untold_removed) += n;
	if (trouble)
		(void)snprintf(tsdb->left_trouble, sizeof tsdb->left_trouble, "%.159s", trouble);
}

void tsdb_delete_tell(struct tsdb *tsdb)
{
	if (tsdb->untold_removed > 0)
		log_info("tsdb",
			 "%zu series were removed from %s, since their tags changed or a month of "
			 "them vanished, and written anew",
			 tsdb->untold_removed, tsdb->config.name);
	if (tsdb->untold_left > 0)
		log_warn("tsdb",
			 "%s keeps %zu series under tags that the registry has changed, beside the "
			 "new ones: %s",
			 tsdb->config.name, tsdb->untold_left, tsdb->left_trouble);
	tsdb->untold_removed = tsdb->untold_left = 0;
}

/* InfluxDB 3 deletes nothing, VictoriaMetrics no single points: there a vanished point stays. */
int tsdb_delete(struct tsdb *tsdb, const struct tsdb_export *export, struct err *err)
{
	size_t n_series = count_series(export);
	const char *trouble = NULL;
	bool is_refused = false;
	int rc = 0;

	switch ((enum tsdb_kind)tsdb->config.kind) {
	case TSDB_INFLUXDB1:
		rc = export->n_deletions > 0 ? delete_version_1(tsdb, export, err) : 0;
		break;
	case TSDB_INFLUXDB2:
		for (size_t i = 0; i < export->n_deletions && rc == 0; i++)
			rc = delete_version_2(tsdb, &export->deletions[i], err);
		break;
	case TSDB_INFLUXDB3:
		trouble = "InfluxDB 3 cannot delete";
		break;
	case TSDB_VICTORIAMETRICS:
		rc = n_series > 0 ? delete_victoria(tsdb, export, &is_refused, err) : 0;
		break;
	}
	if (is_refused) {
		trouble = err->text;
		rc = 0;
	}
	if (rc == 0 && n_series > 0)
		note(tsdb, n_series, trouble);
	return rc;
}
