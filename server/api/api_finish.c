/* SPDX-License-Identifier: Apache-2.0 */
#include "server/api/api_finish.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/digest.h"
#include "common/gzip.h"
#include "server/api/answer_cache.h"

enum { GZIP_MIN = 1024, TAG_LEN = API_TAG_LEN, MINUTE_MS = 60 * 1000 };

static const char gzip_suffix[] = "-gzip";

/* The next item of a comma-separated header without the blanks around it; NULL: none. */
static const char *next_item(const char **at, size_t *len)
{
	const char *start = *at + strspn(*at, ", \t");

	if (*start == '\0')
		return NULL;
	*len = strcspn(start, ",");
	*at = start + *len;
	while (*len > 0 && (start[*len - 1] == ' ' || start[*len - 1] == '\t'))
		(*len)--;
	return start;
}

/* "gzip;q=0" says no. */
static bool has_weight(const char *item, size_t len)
{
	const char *semicolon = memchr(item, ';', len);

	if (semicolon == NULL)
		return true;
	semicolon += 1 + strspn(semicolon + 1, " \t");
	return strncasecmp(semicolon, "q=", 2) != 0 || strtod(semicolon + 2, NULL) > 0;
}

bool api_accepts_gzip(const char *header)
{
	bool is_accepted = false;
	const char *item;
	size_t len;

	if (header == NULL)
		return false;
	while ((item = next_item(&header, &len)) != NULL) {
		size_t name_len = 0;

		while (name_len < len && item[name_len] != ';' && item[name_len] != ' ')
			name_len++;
		if (name_len == 4 && strncasecmp(item, "gzip", 4) == 0)
			return has_weight(item, len);
		if (name_len == 1 && item[0] == '*')
			is_accepted = has_weight(item, len);
	}
	return is_accepted;
}

bool api_is_tagged(const char *header, const char *tag)
{
	const char *item;
	size_t len;

	if (header == NULL)
		return false;
	while ((item = next_item(&header, &len)) != NULL) {
		if (len == 1 && item[0] == '*')
			return true;
		if (len > 2 && strncmp(item, "W/", 2) == 0) {
			item += 2;
			len -= 2;
		}
		if (len < TAG_LEN + 2 || item[0] != '"' || item[len - 1] != '"' ||
		    memcmp(item + 1, tag, TAG_LEN) != 0)
			continue;
		len -= TAG_LEN + 2;
		item += TAG_LEN + 1;
		if (len == 0 ||
		    (len == sizeof gzip_suffix - 1 && memcmp(item, gzip_suffix, len) == 0))
			return true;
	}
	return false;
}

static void pack(struct http_reply *reply)
{
	struct buf packed = {0};

	gzip_pack_file(reply->body.data, reply->body.len, &packed);
	buf_fini(&reply->body);
	reply->body = packed;
	reply->encoding = "gzip";
}

void api_put_tag(struct http_reply *reply, const char *digest, bool is_packed)
{
	(void)snprintf(reply->etag, sizeof reply->etag, "\"%.*s%s\"", TAG_LEN, digest,
		       is_packed ? gzip_suffix : "");
}

/* The client has what the body says: it need not go out. */
static bool shorten(struct api_call *call)
{
	struct http_reply *reply = call->reply;

	if (reply->etag[0] == '\0' ||
	    !api_is_tagged(http_header(call->request, "If-None-Match"), reply->etag + 1))
		return false;
	reply->status = 304;
	reply->content_type = NULL;
	reply->encoding = NULL;
	buf_clear(&reply->body);
	return true;
}

/* ---- remembered answers ---- */

static bool wants_gzip(const struct api_call *call)
{
	return api_accepts_gzip(http_header(call->request, "Accept-Encoding"));
}

/* All that the answer depends on: whose it is, what was asked, in which form. Parts end with a
 * zero byte, which stands in none of them. */
static void write_key(const struct api_call *call, struct buf *key)
{
	const struct http_request_in *request = call->request;

	buf_printf(key, "%lld %d %d %d %d %s", (long long)call->grant.token_id, call->is_csv,
		   call->is_xlsx, wants_gzip(call), call->is_computing, request->path);
	for (size_t i = 0; i < request->n_parameters; i++) {
		buf_add_char(key, '\0');
		buf_add_text(key, request->parameters[i].name);
		buf_add_char(key, '\0');
		buf_add_text(key, request->parameters[i].value);
	}
}

static struct answer_state state_of(const struct api_call *call)
{
	return (struct answer_state){
		.change = ledger_change(call->ledger),
		.registry = call->registry->version,
		.catalogue = catalogue_digest(call->catalogue),
		.day = civil_day_of_utc(call->now_ms, call->options->offset_ms),
		.minute = call->now_ms / MINUTE_MS,
		.month = ANSWER_OF_ALL};
}

/* What the changes since the last look touched. Without it answers only hold for one change. */
static void learn(const struct api_call *call)
{
	struct touched news = {0};
	int64_t known = answer_cache_known(call->answers);
	struct err err;

	if (known >= call->state.change)
		return;
	if (derived_read_touched(call->derived, known, &news, &err) == 0)
		answer_cache_learn(call->answers, &news, call->state.change);
	touched_fini(&news);
}

bool api_recall(struct api_call *call)
{
	struct buf key = {0};

	if (!call->route->is_kept)
		return false;
	call->state = state_of(call);
	call->is_computing = derived_is_computing(call->derived, call->now_ms);
	learn(call);
	write_key(call, &key);
	call->is_recalled =
		answer_cache_get(call->answers, key.data, key.len, &call->state, call->reply);
	buf_fini(&key);
	return call->is_recalled;
}

void api_question(const struct api_call *call, uint8_t digest[DIGEST_BYTES])
{
	struct buf key = {0};

	memset(digest, 0, DIGEST_BYTES);
	if (!call->route->is_kept)
		return;
	write_key(call, &key);
	digest_sha256(key.data, key.len, digest);
	buf_fini(&key);
}

static void keep(struct api_call *call)
{
	struct buf key = {0};

	if (call->is_timeless)
		call->state.minute = ANSWER_TIMELESS;
	write_key(call, &key);
	answer_cache_put(call->answers, key.data, key.len, &call->state, call->reply);
	buf_fini(&key);
}

void api_finish(struct api_call *call)
{
	struct http_reply *reply = call->reply;
	bool is_packed = reply->body.len > GZIP_MIN && wants_gzip(call);
	bool has_csv = call->route != NULL && api_route_has_csv(call->route);
	bool has_tag = call->route != NULL && call->route->access != ACCESS_MONITORING &&
		       strcmp(call->route->method, "GET") == 0 && reply->status == 200;
	bool is_kept = has_tag && call->route->is_kept;
	char digest[DIGEST_HEX_MAX];

	if (call->is_recalled) {
		(void)shorten(call);
		return;
	}
	reply->vary = has_csv ? "Accept, Accept-Encoding, Authorization"
			      : "Accept-Encoding, Authorization";
	if (has_tag) {
		digest_sha256_hex(reply->body.data, reply->body.len, digest);
		api_put_tag(reply, digest, is_packed);
	}
	if (!is_kept && shorten(call))
		return;
	if (is_packed)
		pack(reply);
	if (is_kept) {
		keep(call);
		(void)shorten(call);
	}
}
