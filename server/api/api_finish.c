/* SPDX-License-Identifier: Apache-2.0 */
#include "server/api/api_finish.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/digest.h"
#include "common/gzip.h"

enum { GZIP_MIN = 1024, TAG_LEN = API_TAG_LEN };

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

/* Puts the tag on; true if the client has what the body says. */
static bool is_known(struct api_call *call, const char *suffix)
{
	struct http_reply *reply = call->reply;
	char tag[DIGEST_HEX_MAX];

	digest_sha256_hex(reply->body.data, reply->body.len, tag);
	(void)snprintf(reply->etag, sizeof reply->etag, "\"%.*s%s\"", TAG_LEN, tag, suffix);
	return api_is_tagged(http_header(call->request, "If-None-Match"), tag);
}

void api_finish(struct api_call *call)
{
	struct http_reply *reply = call->reply;
	bool is_packed = reply->body.len > GZIP_MIN &&
			 api_accepts_gzip(http_header(call->request, "Accept-Encoding"));
	bool has_csv = call->route != NULL && api_route_has_csv(call->route);
	bool has_tag = call->route != NULL && call->route->access != ACCESS_MONITORING &&
		       strcmp(call->route->method, "GET") == 0;

	reply->vary = has_csv ? "Accept, Accept-Encoding, Authorization"
			      : "Accept-Encoding, Authorization";
	if (reply->status == 200 && has_tag && is_known(call, is_packed ? gzip_suffix : "")) {
		reply->status = 304;
		reply->content_type = NULL;
		buf_clear(&reply->body);
	} else if (is_packed) {
		pack(reply);
	}
}
